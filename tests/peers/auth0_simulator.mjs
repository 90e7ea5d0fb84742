// A tenant of Auth0: the npm package @simulacrum/auth0-simulator, with people of its own who sign in by password. Its
// tokens are for whatever audience is asked for, live a thousand hours, and are signed with a key that it shares with
// everybody.
//
// auth0_simulator.mjs KEY CERTIFICATE    Prints its issuer, and runs until its input ends.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [key, certificate] = process.argv.slice(2);
// It has its certificate from the home directory, and nowhere else.
process.env.HOME = path.dirname(key);
const folder = path.join(process.env.HOME, '.simulacrum', 'certs');
fs.mkdirSync(folder, { recursive: true });
fs.copyFileSync(key, path.join(folder, 'localhost-key.pem'));
fs.copyFileSync(certificate, path.join(folder, 'localhost.pem'));
// What it offers to `import` cannot sign.
const { simulation } = createRequire(import.meta.url)('@simulacrum/auth0-simulator');
const people = ['Ann Lee', 'Bob Ray'].map((name) => {
  const first = name.split(' ')[0].toLowerCase();
  return { id: `auth0|${first}`, name, email: `${first}@new.test`, password: 'Correct-Horse-7' };
});
const scope = [{ clientID: 'default', scope: 'openid profile' }, { clientID: 'tells-addresses', scope: 'openid profile email' }];
const { port } = await simulation({ initialState: { users: people }, options: { scope } }).listen(0, '127.0.0.1');
console.log(`https://localhost:${port}/`);
process.stdin.resume();
process.stdin.on('end', () => process.exit());
