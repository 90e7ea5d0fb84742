// A fake of an HTTP bridge, written after the published contract of Kong's DCR handler (openapi 0.0.1) and the
// habits of its web framework. It is a fake because the real one is no package of any registry.

import crypto from 'node:crypto';
import { answer, object, serve, unknown } from './fake.mjs';

const KEYS = ['gYmrbDfu_7PTsZWH', 'nextKey_0123456789'];
const clients = new Map();
const events = [];
const habits = { times: 'integers' };

const CREATE = ['redirect_uris', 'client_name', 'grant_types', 'scopes', 'token_endpoint_auth_method', 'application_description', 'portal_id', 'organization_id', 'developer_id', 'auth_strategy_id', 'dcr_provider_id'];
const EVENT = ['event_type', 'client_id', 'application_id', 'application_name', 'application_description', 'portal_id', 'organization_id', 'developer_id', 'auth_strategy_id', 'dcr_provider_id'];
const LISTS = ['redirect_uris', 'grant_types', 'scopes'];

/** What is wrong with an object whose members are all required, and no others known. */
function wrong(body, required, optional = []) {
  const missing = required.filter((name) => !(name in body)).map((name) => ({ keyword: 'required', params: { missingProperty: name } }));
  const more = unknown(body, [...required, ...optional]).map((name) => ({ keyword: 'additionalProperties', params: { additionalProperty: name } }));
  const types = Object.entries(body).filter(([name, value]) => (LISTS.includes(name) ? !Array.isArray(value) : typeof value !== 'string'));
  return [...missing, ...more, ...types.map(([name]) => ({ keyword: 'type', instancePath: `/${name}` }))];
}
const bad = (error_description) => answer(400, { error: 'Bad Request', error_description });
const secret = () => crypto.randomBytes(24).toString('base64url');

function handle(request) {
  const { method, path, headers } = request;
  if (!KEYS.includes(headers['x-api-key'])) return answer(401, { error: 'Wrong API-Key', error_description: 'wrong x-api-key header' });
  if (headers['content-type'] && !request.body) {
    return answer(400, { statusCode: 400, code: 'FST_ERR_CTP_EMPTY_JSON_BODY', error: 'Bad Request', message: "Body cannot be empty when content-type is set to 'application/json'" });
  }
  if (method === 'POST' && path === '/dcr/') {
    const body = object(request);
    if (!body) return bad('no JSON');
    const faults = wrong(body, CREATE);
    if (faults.length) return bad(faults);
    if (body.redirect_uris.some((uri) => !URL.canParse(uri))) return bad([{ keyword: 'format', instancePath: '/redirect_uris/0' }]);
    const client = { ...body, client_id: `bridge/${crypto.randomUUID()}`, client_secret: secret() };
    clients.set(client.client_id, client);
    const moments = habits.times === 'integers' ? { client_id_issued_at: 1453913425, client_secret_expires_at: 0 } : { client_id_issued_at: '2026-01-01T00:00:00Z', client_secret_expires_at: '2027-01-01T00:00:00Z' };
    return answer(201, { client_id: client.client_id, client_secret: client.client_secret, ...moments });
  }
  const [, id, rest] = /^\/dcr\/([^/]+)(\/.+)?$/.exec(path) ?? [];
  const client = id && clients.get(decodeURIComponent(id));
  if (!client) return answer(404, { error: 'Not Found', error_description: 'no such client' });
  if (method === 'DELETE' && !rest) {
    clients.delete(client.client_id);
    return answer(204);
  }
  if (method === 'POST' && rest === '/new-secret') {
    client.client_secret = secret();
    return answer(200, { client_id: client.client_id, client_secret: client.client_secret });
  }
  if (method === 'POST' && rest === '/event-hook') {
    const body = object(request);
    if (!body) return bad('no JSON');
    const more = { update_application: [['redirect_uris'], []], add_registration: [['api_product_version_id'], ['audience']], remove_registration: [['api_product_version_id'], ['audience']] }[body.event_type];
    if (!more) return bad([{ keyword: 'enum', instancePath: '/event_type' }]);
    const faults = wrong(body, [...EVENT, ...more[0]], more[1]);
    if (faults.length) return bad(faults);
    if (body.client_id !== client.client_id) return bad('another client');
    events.push(body);
    return answer(200);
  }
  return undefined;
}

const state = () => ({ clients: [...clients.values()], events });
const fake = await serve(handle, state, { clients, events, habits }, (told) => {
  if (told.times) habits.times = told.times;
});
fake.ready();
