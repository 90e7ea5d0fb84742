// A fake of Okta: discovery, the dynamic client registration API and the secrets of an application's client, as
// Okta publishes them. It is a fake because Okta exists as a service only. That the secrets are as Okta's own SDK expects
// them is tested by okta_sdk.mjs, and that they are as its OpenAPI document has them by okta_prism.mjs. The document of
// the client registration API is no package of any registry.

import crypto from 'node:crypto';
import { answer, isUrl, object, serve, unknown } from './fake.mjs';

const TOKEN = '00initialTokenOfOkta';
const own = { role: true };
const clients = new Map();
const secrets = new Map();

const SETTINGS = ['client_id', 'client_name', 'client_uri', 'logo_uri', 'application_type', 'redirect_uris', 'post_logout_redirect_uris', 'response_types', 'grant_types', 'token_endpoint_auth_method', 'initiate_login_uri'];
const REQUIRED = ['client_name', 'application_type', 'grant_types', 'response_types', 'redirect_uris', 'token_endpoint_auth_method'];
const GRANTS = ['authorization_code', 'refresh_token', 'client_credentials', 'implicit', 'password'];
const RESPONSES = ['code', 'token', 'id_token'];
const METHODS = ['none', 'client_secret_post', 'client_secret_basic', 'client_secret_jwt', 'private_key_jwt'];
const TYPES = ['web', 'native', 'browser', 'service'];

const okta = (status, errorCode, errorSummary) => answer(status, { errorCode, errorSummary, errorLink: errorCode, errorId: 'oae', errorCauses: [] });
const oauth = (error, error_description) => answer(400, { error, error_description });
const random = (bytes) => crypto.randomBytes(bytes).toString('hex');
const current = (id) => secrets.get(id).find((one) => one.status === 'ACTIVE').client_secret;

function settingsFault(body, whole) {
  const more = unknown(body, SETTINGS);
  if (more.length) return ['invalid_client_metadata', `The property '${more[0]}' is not allowed.`];
  const missing = whole ? REQUIRED.filter((name) => !(name in body)) : [];
  if (missing.length) return ['invalid_client_metadata', `'${missing[0]}' is required.`];
  if (typeof body.client_name !== 'string' || !body.client_name) return ['invalid_client_metadata', "'client_name' is required."];
  if (!Array.isArray(body.redirect_uris) || !body.redirect_uris.every(isUrl)) return ['invalid_redirect_uri', "'redirect_uris' is invalid."];
  if (!TYPES.includes(body.application_type)) return ['invalid_client_metadata', 'application_type'];
  if (!body.grant_types.length || !body.grant_types.every((one) => GRANTS.includes(one))) return ['invalid_client_metadata', "'grant_types' contains an unsupported value."];
  if (!body.response_types.every((one) => RESPONSES.includes(one))) return ['invalid_client_metadata', 'response_types'];
  if (!METHODS.includes(body.token_endpoint_auth_method)) return ['invalid_client_metadata', 'token_endpoint_auth_method'];
  const code = body.grant_types.includes('authorization_code');
  if (code !== body.response_types.includes('code')) return ['invalid_client_metadata', 'grant_types and response_types do not fit'];
  if (body.application_type === 'service' && (code || body.response_types.some((one) => one !== 'token'))) return ['invalid_client_metadata', 'a service has client_credentials only'];
  if (code && !body.redirect_uris.length) return ['invalid_redirect_uri', "'redirect_uris' is required."];
  return undefined;
}

const add = (id) => {
  const made = { id: `ocs${random(8)}`, client_secret: random(20), secret_hash: random(8), status: 'ACTIVE', created: new Date().toISOString(), lastUpdated: new Date().toISOString() };
  secrets.get(id).push(made);
  return made;
};

function registration(request) {
  const { method, path, query } = request;
  if (path === '/oauth2/v1/clients' && method === 'POST') {
    const body = object(request);
    if (!body) return oauth('invalid_client_metadata', 'no JSON');
    const why = settingsFault(body, false);
    if (why) return oauth(...why);
    const client = { ...body, client_id: `0oa${random(8)}`, client_id_issued_at: Math.floor(Date.now() / 1000) };
    clients.set(client.client_id, client);
    secrets.set(client.client_id, []);
    return answer(201, { ...client, client_secret: add(client.client_id).client_secret, client_secret_expires_at: 0 });
  }
  if (path === '/oauth2/v1/clients' && method === 'GET') {
    const limit = Math.min(Number(query.get('limit') ?? 20), 2);
    const all = [...clients.values()].filter((one) => one.client_name.startsWith(query.get('q') ?? ''));
    const start = Number(query.get('after') ?? 0);
    const next = start + limit < all.length ? { link: `<${fake.base}/oauth2/v1/clients?limit=${limit}>; rel="self", <${fake.base}/oauth2/v1/clients?after=${start + limit}&limit=${limit}>; rel="next"` } : {};
    return answer(200, all.slice(start, start + limit), next);
  }
  const [, id, rest] = /^\/oauth2\/v1\/clients\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  const client = clients.get(id);
  if (!client) return okta(404, 'E0000007', `Not found: Resource not found: ${id} (PublicClientApp)`);
  if (!rest && method === 'GET') return answer(200, client);
  if (!rest && method === 'PUT') {
    const body = object(request);
    if (!body) return oauth('invalid_client_metadata', 'no JSON');
    const why = settingsFault(body, true);
    if (why) return oauth(...why);
    if (body.client_id !== id) return oauth('invalid_client_metadata', 'client_id');
    clients.set(id, { ...body, client_id_issued_at: client.client_id_issued_at });
    return answer(200, clients.get(id));
  }
  if (!rest && method === 'DELETE') {
    clients.delete(id);
    secrets.delete(id);
    return answer(204);
  }
  if (rest === '/lifecycle/newSecret' && method === 'POST') {
    if (request.headers['content-type']) return okta(415, 'E0000010', 'no body is expected');
    secrets.set(id, []);
    return answer(200, { ...client, client_secret: add(id).client_secret, client_secret_expires_at: 0 });
  }
  return undefined;
}

function credentials(request) {
  const { method, path } = request;
  const [, id, secretId, rest] = /^\/api\/v1\/apps\/([^/]+)\/credentials\/secrets(?:\/([^/]+))?(\/.*)?$/.exec(path) ?? [];
  const list = secrets.get(id);
  if (!list) return okta(404, 'E0000007', `Not found: Resource not found: ${id} (AppInstance)`);
  if (!secretId && method === 'GET') return answer(200, list);
  if (!secretId && method === 'POST') {
    if (!object(request)) return okta(400, 'E0000003', 'The request body was not well-formed.');
    if (list.length >= 2) return okta(400, 'E0000001', 'Api validation failed: You have reached the maximum number of client secrets per client.');
    return answer(201, add(id));
  }
  const secret = list.find((one) => one.id === secretId);
  if (!secret) return okta(404, 'E0000007', 'Not found: Resource not found');
  if (rest === '/lifecycle/deactivate' && method === 'POST') {
    if (list.filter((one) => one.status === 'ACTIVE').length < 2) return okta(400, 'E0000001', 'Api validation failed: the only secret');
    secret.status = 'INACTIVE';
    return answer(200, secret);
  }
  if (!rest && method === 'DELETE') {
    if (secret.status === 'ACTIVE') return okta(400, 'E0000001', 'Api validation failed: an active secret cannot be deleted');
    secrets.set(id, list.filter((one) => one !== secret));
    return answer(204);
  }
  return undefined;
}

function handle(request) {
  const { method, path, headers } = request;
  if (path === '/oauth2/default/.well-known/oauth-authorization-server') return answer(200, { issuer: `${fake.base}/oauth2/default`, token_endpoint: `${fake.base}/oauth2/default/v1/token`, jwks_uri: `${fake.base}/oauth2/default/v1/keys` });
  if (path === '/oauth2/default/v1/keys') return answer(200, { keys: [{ kty: 'RSA', kid: 'one', n: 'AQ', e: 'AQAB' }] });
  if (path === '/oauth2/default/v1/token' && method === 'POST') {
    const [id, secret] = Buffer.from((headers.authorization ?? '').slice(6), 'base64').toString().split(':');
    const good = secrets.get(id)?.some((one) => one.status === 'ACTIVE' && one.client_secret === secret);
    return good ? answer(200, { access_token: 'a', token_type: 'Bearer', expires_in: 3600 }) : answer(401, { error: 'invalid_client', error_description: 'The client secret supplied for a confidential client is invalid.' });
  }
  if (!/^\/(oauth2\/v1\/clients|api\/v1\/)/.test(path)) return undefined;
  if (headers.authorization !== `SSWS ${TOKEN}`) return okta(401, 'E0000011', 'Invalid token provided');
  if (!own.role) return okta(403, 'E0000006', 'You do not have permission to perform the requested action');
  return path.startsWith('/api/v1/') ? credentials(request) : registration(request);
}

const state = () => ({ clients: [...clients.values()].map((one) => ({ ...one, secrets: secrets.get(one.client_id), client_secret: current(one.client_id) })) });
const fake = await serve(handle, state, { clients, secrets, own }, (told) => {
  if ('role' in told) own.role = told.role;
});
fake.ready();
