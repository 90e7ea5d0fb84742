// Auth0's own SDK, driven against the fake of Auth0: what the fake answers, the vendor's client has to understand.
//
// auth0_sdk.mjs ADDRESS    Prints what it saw, as JSON. The fake's certificate is in NODE_EXTRA_CA_CERTS.

import { ManagementClient } from 'auth0';

const domain = new URL(process.argv[2]).host;
const management = new ManagementClient({ domain, clientId: 'initial-client', clientSecret: 'initial-s3cret/+&' });
const of = async (call) => {
  const got = await call;
  return got?.data ?? got;
};
const made = await of(management.clients.create({ name: 'By the SDK', app_type: 'non_interactive', grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_post', client_metadata: { konnect_application_id: 'one' } }));
const grant = await of(management.clientGrants.create({ client_id: made.client_id, audience: 'https://api.test/', scope: ['read'] }));
const rotated = await of(management.clients.rotateSecret(made.client_id));
const changed = await of(management.clients.update(made.client_id, { name: 'Changed' }));
let refused;
try {
  await management.clients.create({ name: 'no <angles>' });
} catch (error) {
  refused = error.statusCode;
}
await management.clients.delete(made.client_id);
console.log(JSON.stringify({ made: made.name, scope: grant.scope, rotated: rotated.client_secret !== made.client_secret, changed: changed.name, refused }));
