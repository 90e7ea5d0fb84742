// Okta's own SDK, driven against the fake of Okta: what the fake answers, the vendor's client has to understand. It
// knows the secrets of an application's client, and nothing of the dynamic client registration API.
//
// okta_sdk.mjs ADDRESS TOKEN APPLICATION    Prints what it saw, as JSON. The fake's certificate is in NODE_EXTRA_CA_CERTS.

import okta from '@okta/okta-sdk-nodejs';

const [orgUrl, token, appId] = process.argv.slice(2);
// Prism is reached in clear.
const testing = { disableHttpsCheck: orgUrl.startsWith('http:') };
const client = new okta.Client({ orgUrl, token, testing });
const secrets = client.applicationSSOPublicKeysApi;
const refusal = async (call) => {
  try {
    await call;
    return null;
  } catch (error) {
    return [error.status, error.errorCode];
  }
};
/** It asks page by page, while somebody goes through what there is. */
const all = async (api, id) => {
  const found = [];
  for await (const one of await api.listOAuth2ClientSecrets({ appId: id })) found.push(one);
  return found;
};
const list = async () => (await all(secrets, appId)).map((one) => one.status);

const [first] = await all(secrets, appId);
const alone = await refusal(secrets.deactivateOAuth2ClientSecret({ appId, secretId: first.id }));
const made = await secrets.createOAuth2ClientSecret({ appId, oAuth2ClientSecretRequestBody: {} });
const both = await list();
const full = await refusal(secrets.createOAuth2ClientSecret({ appId, oAuth2ClientSecretRequestBody: {} }));
const active = await refusal(secrets.deleteOAuth2ClientSecret({ appId, secretId: first.id }));
const ended = await secrets.deactivateOAuth2ClientSecret({ appId, secretId: first.id });
const one = await list();
await secrets.deleteOAuth2ClientSecret({ appId, secretId: first.id });
const left = await list();
const missing = await refusal(all(secrets, 'nobody'));
const stranger = new okta.Client({ orgUrl, token: 'another', testing }).applicationSSOPublicKeysApi;
const refused = await refusal(all(stranger, appId));
console.log(JSON.stringify({
  secret: typeof made.client_secret, moment: Number.isNaN(Date.parse(made.created)) ? made.created : 'a moment', alone, both, full, active,
  ended: ended.status, one, left, missing, refused,
}));
