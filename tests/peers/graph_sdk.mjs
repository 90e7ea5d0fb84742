// Microsoft's own client library, driven against the fake of Graph: what the fake answers, it has to understand.
//
// graph_sdk.mjs ADDRESS TOKEN    Prints what it saw, as JSON. The fake's certificate is in NODE_EXTRA_CA_CERTS.

import { Client } from '@microsoft/microsoft-graph-client';

const [address, token] = process.argv.slice(2);
const graph = Client.init({ baseUrl: address, defaultVersion: 'v1.0', customHosts: new Set([new URL(address).hostname]), authProvider: (done) => done(null, token) });
const name = "/applications(uniqueName='by-the-library')";
const made = await graph.api(name).header('Prefer', 'create-if-missing').patch({ displayName: 'By the library' });
await graph.api('/servicePrincipals').post({ appId: made.appId });
const added = await graph.api(`/applications(appId='${made.appId}')/addPassword`).post({ passwordCredential: { displayName: 'one' } });
const read = await graph.api(`/applications(appId='${made.appId}')`).select(['appId', 'passwordCredentials']).get();
let refused;
try {
  await graph.api(`/applications(appId='${made.appId}')`).patch({ web: { redirectUris: ['nope'] } });
} catch (error) {
  refused = error.code;
}
await graph.api(`/applications(appId='${made.appId}')`).delete();
console.log(JSON.stringify({ made: made.displayName, keys: read.passwordCredentials.length, secret: typeof added.secretText, hidden: read.passwordCredentials[0].secretText === undefined, refused }));
