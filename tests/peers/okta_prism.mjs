// Prism, between Okta's SDK and the fake of Okta, with what Okta publishes as its OpenAPI document: whatever is asked or
// answered otherwise is refused, which the SDK then sees. The document has the secrets of an application's client, and
// nothing of the dynamic client registration API.
//
// okta_prism.mjs ADDRESS TOKEN APPLICATION    Prints what okta_sdk.mjs saw, of how many operations Prism knew, and with
// which status it refused what the document does not allow.

import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

const require = createRequire(import.meta.url);
const { getHttpOperationsFromSpec } = require('@stoplight/prism-cli/dist/operations');
const { createLogger } = require('@stoplight/prism-core');
const { createServer } = require('@stoplight/prism-http-server');
const document = require('@okta/openapi/dist/spec.json');

const [upstream, token, application] = process.argv.slice(2);
const paths = Object.entries(document.paths).filter(([path]) => path.includes('/credentials/secrets'));
// Its own host is Okta's.
const operations = await getHttpOperationsFromSpec({ ...document, host: undefined, paths: Object.fromEntries(paths) });
const prism = createServer(operations, {
  components: { logger: createLogger('prism', { level: 'silent' }) },
  cors: false,
  config: {
    isProxy: true, upstream: new URL(upstream), errors: true, checkSecurity: true, validateRequest: true,
    validateResponse: true, mock: { dynamic: false },
  },
});
const address = await prism.listen(0, '127.0.0.1');
const wrong = await fetch(`${address}/api/v1/apps/${application}/credentials/secrets`, {
  method: 'POST', body: '{"client_secret":5}', headers: { authorization: `SSWS ${token}`, 'content-type': 'application/json' },
});
const sdk = new URL('okta_sdk.mjs', import.meta.url).pathname;
const { stdout } = await promisify(execFile)(process.execPath, [sdk, address, token, application]);
console.log(JSON.stringify({ operations: operations.length, wrong: wrong.status, saw: JSON.parse(stdout) }));
process.exit(0);
