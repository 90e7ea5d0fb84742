// The published JavaScript SDK of the developer portal, unmodified, at a portal's own host.
//
// It speaks version 2 of the portal's API, which is called as the SDK calls it, and answers as its own document says.
//
// BASE_URL=… KONNECT_TOKEN=… LATCHKEY=path/to/latchkey LATCHKEY_DATA_DIR=… node portal.mjs

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { Agent } from 'node:http';
import sdk from '@kong/sdk-portal-js';
import axios from 'axios';
import { called, faults } from './document.mjs';

const { BASE_URL: base, KONNECT_TOKEN: token, LATCHKEY: latchkey } = process.env;
const PASSWORD = 'Correct-Horse-7';
let calls = 0;
/** What replies are not as the SDK's document says. */
const strange = new Set();

/** What the organization does beforehand. */
async function organization(method, path, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const reply = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await reply.text();
  assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** The token in the newest mail to somebody, which the operator can read. */
function mailed(to) {
  const run = (...words) => execFileSync(latchkey, ['mail', ...words], { encoding: 'utf8' });
  const line = run('list').split('\n').find((line) => line.includes(to));
  assert.ok(line, `no mail to ${to}`);
  return run('show', line.split(' ')[0]).match(/\/developer\/password\?token=(\S+)/)[1];
}

/** A browser's share: names that lead here, and cookies by path. */
function browser(host) {
  const jar = new Map();
  const lookup = (_, options, found) =>
    options.all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4);
  const client = axios.create({ httpAgent: new Agent({ lookup }), proxy: false, withCredentials: true });
  client.interceptors.request.use((request) => {
    const { pathname } = new URL(request.url);
    const sent = [...jar.values()].filter(({ path }) => pathname.startsWith(path));
    request.headers.set('Cookie', sent.map(({ pair }) => pair).join('; '));
    return request;
  });
  const held = ({ config: { method, url }, status, data }) =>
    faults(method, new URL(url).pathname, status, data).forEach((fault) => strange.add(fault));
  client.interceptors.response.use((reply) => {
    calls += 1;
    held(reply);
    for (const line of reply.headers['set-cookie'] ?? []) {
      const [pair, ...attributes] = line.split('; ');
      const path = attributes.find((it) => it.startsWith('Path=')).slice(5);
      const over = attributes.includes('Max-Age=0');
      over ? jar.delete(pair.split('=')[0] + path) : jar.set(pair.split('=')[0] + path, { pair, path });
    }
    return reply;
  }, (error) => {
    // The whole of what axios knows fills pages.
    const { method, url } = error.config ?? {};
    const { status, data } = error.response ?? {};
    if (error.response) held(error.response);
    const what = `${method} ${url}: ${status ?? error.message} ${JSON.stringify(data)}`;
    return Promise.reject(Object.assign(new Error(what), { status, data }));
  });
  return { client, address: `http://${host}:${new URL(base).port}` };
}

/** Expects a refusal. */
async function refused(status, promise) {
  const error = await promise.then(() => assert.fail(`no ${status}`), (error) => error);
  assert.equal(error.status, status, error.message);
  assert.equal(error.data.status, status);
  calls += 1;
}

const portal = await organization('POST', '/v3/portals', {
  name: 'SDK', auto_approve_developers: true, auto_approve_applications: true,
});
const strategyOfPortal = portal.default_application_auth_strategy_id;
const product = await organization('POST', '/v2/api-products', {
  name: 'Orders', description: 'Takes orders', portal_ids: [portal.id], public_labels: { tier: 'gold' },
});
const version = await organization('POST', `/v2/api-products/${product.id}/product-versions`, { name: 'v1' });
await organization('POST', `/v2/portals/${portal.id}/product-versions`, {
  product_version_id: version.id, publish_status: 'published', auth_strategy_ids: [strategyOfPortal],
  application_registration_enabled: true, auto_approve_registration: false, deprecated: false,
});

const { client, address } = browser(portal.default_domain);
const configuration = new sdk.Configuration({ basePath: '' });
const developer = new sdk.DeveloperApi(configuration, address, client);
const email = 'ann@dev.test';
const register = { requestBody: { email, full_name: 'Ann Dev' } };
assert.equal((await developer.register(register)).status, 201);
const verified = await developer.verifyEmail({ verifyEmailRequest: { token: mailed(email) } });
assert.equal(verified.status, 202);
assert.equal(verified.data.email, email);
const reset = (token, password) => developer.resetPassword({ resetPasswordRequest: { token, password } });
assert.equal((await reset(verified.data.token, PASSWORD)).status, 204);
await refused(401, developer.getDeveloperMe());
const authenticate = (password) => developer.authenticate({ authenticateRequest: { username: email, password } });
await refused(401, authenticate('Wrong-Horse-77'));
assert.equal((await authenticate(PASSWORD)).status, 204);
const { data: me } = await developer.getDeveloperMe();
assert.deepEqual([me.email, me.full_name], [email, 'Ann Dev']);
assert.ok(!Number.isNaN(Date.parse(me.created_at)));
assert.equal((await developer.refresh()).status, 204);
assert.equal((await developer.getDeveloperMe()).data.id, me.id);
assert.equal((await developer.logout()).status, 204);
await refused(401, developer.getDeveloperMe());
await refused(401, developer.refresh());
assert.equal((await developer.forgotPassword({ resetPasswordPayload: { email } })).status, 200);
assert.equal((await reset(mailed(email), `${PASSWORD}8`)).status, 204);
await refused(410, reset(verified.data.token, PASSWORD));
assert.equal((await authenticate(`${PASSWORD}8`)).status, 204);

const context = (await new sdk.PortalApi(configuration, address, client).getPortalContext()).data;
assert.deepEqual([context.portal_id, context.name, context.is_public], [portal.id, 'SDK', false]);
assert.deepEqual(context.dcr_provider_ids, []);

const applications = new sdk.ApplicationsApi(configuration, address, client);
const strategies = (await applications.listApplicationAuthStrategies({ pageSize: 5, pageNumber: 1 })).data;
assert.equal(strategies.meta.page.total, 1);
const [{ id: strategy, credential_type: kind }] = strategies.data;
assert.equal(kind, 'key_auth');
const made = await applications.createApplication({
  createApplicationPayload: { name: 'Shop', description: 'Sells', auth_strategy_id: strategy },
});
assert.equal(made.status, 201);
const applicationId = made.data.id;
assert.equal(made.data.auth_strategy.credential_type, 'key_auth');
assert.deepEqual([made.data.reference_id, made.data.credentials], ['', undefined]);
const updated = await applications.updateApplication({ applicationId, updateApplicationPayload: { name: 'Shop 2' } });
assert.equal(updated.data.name, 'Shop 2');
assert.equal((await applications.getApplication({ applicationId })).data.name, 'Shop 2');
const found = await applications.listApplications({ pageSize: 1, pageNumber: 1, filterNameContains: 'shop' });
assert.deepEqual(found.data.data.map(({ id }) => id), [applicationId]);
assert.deepEqual(found.data.meta.page, { number: 1, size: 1, total: 1 });

const credentials = new sdk.CredentialsApi(configuration, address, client);
const key = await credentials.createCredential({ applicationId, createCredentialPayload: { display_name: 'CI' } });
assert.equal(key.status, 201);
assert.ok(key.data.credential, 'the key is shown once');
const credentialId = key.data.id;
const renamed = { applicationId, credentialId, updateCredentialPayload: { display_name: 'CD' } };
assert.equal((await credentials.updateCredential(renamed)).status, 200);
const listed = (await credentials.listCredentials({ applicationId, pageSize: 10, pageNumber: 1 })).data;
assert.ok(listed.data.some(({ id, display_name: name }) => id === credentialId && name === 'CD'));
assert.equal((await credentials.deleteCredential({ applicationId, credentialId })).status, 204);
// Whoever has keys has no client whose secret could be replaced.
await refused(400, credentials.refreshApplicationToken({ applicationId }));

const productId = product.id;
const productVersionId = version.id;
const products = new sdk.ProductsApi(configuration, address, client);
const shelf = (await products.listProducts({ pageSize: 5, pageNumber: 1, filterNameContains: 'ord' })).data;
assert.deepEqual(shelf.data.map(({ id, version_count: versions }) => [id, versions]), [[productId, 1]]);
assert.equal((await products.getProduct({ productId })).data.latest_version.id, productVersionId);
const { actions } = (await products.getProductActions({ productId })).data;
assert.deepEqual(actions, { view: true, register: true, view_documentation: false });
const versions = new sdk.VersionsApi(configuration, address, client);
const [listedVersion] = (await versions.listProductVersions({ productId, pageSize: 5, pageNumber: 1 })).data.data;
assert.deepEqual(listedVersion.registration_configs.map(({ id }) => id), [strategy]);
assert.deepEqual((await versions.getProductVersion({ productId, productVersionId })).data, listedVersion);
const applicationsOf = async (unregistered) => {
  const page = { pageSize: 5, pageNumber: 1 };
  const of = { productId, productVersionId, unregistered, ...page };
  return (await versions.getApplicationsByProductVersion(of)).data.data.map(({ id }) => id);
};
assert.deepEqual([await applicationsOf(true), await applicationsOf(false)], [[applicationId], []]);

const registrations = new sdk.RegistrationsApi(configuration, address, client);
const wish = { applicationId, createRegistrationPayload: { product_version_id: productVersionId } };
const registered = await registrations.createApplicationRegistration(wish);
assert.equal(registered.status, 201);
assert.deepEqual([registered.data.status, registered.data.product_version_name], ['approved', 'v1']);
await refused(409, registrations.createApplicationRegistration(wish));
assert.deepEqual([await applicationsOf(true), await applicationsOf(false)], [[], [applicationId]]);
const registrationId = registered.data.id;
const one = await registrations.getApplicationRegistration({ applicationId, registrationId });
assert.deepEqual(one.data, registered.data);
const all = await registrations.listApplicationRegistrations({
  applicationId, pageSize: 10, pageNumber: 1, filterStatusEq: 'approved', filterProductNameContains: 'ord',
});
assert.equal(all.data.meta.page.total, 1);
// Whoever has keys has no scopes.
await refused(422, registrations.getApplicationRegistrationGrantedScopes({ applicationId, registrationId }));
await refused(422, applications.getApplicationProductVersionGrantedScopes({ applicationId, productVersionId }));
assert.equal((await registrations.deleteApplicationRegistration({ applicationId, registrationId })).status, 204);
await refused(404, registrations.getApplicationRegistration({ applicationId, registrationId }));
assert.equal((await applications.deleteApplication({ applicationId })).status, 204);
await refused(404, applications.getApplication({ applicationId }));
assert.equal((await developer.logout()).status, 204);
await refused(401, applications.listApplications());

assert.deepEqual([...strange], []);
console.log(`portal-js: ${calls} calls of ${called.size} operations, each answered as the SDK's document says`);
