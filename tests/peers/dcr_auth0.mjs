// A fake of Auth0: tokens, discovery, and of the Management API v2 clients, client grants and resource servers,
// as its published reference describes them. It is a fake because Auth0 exists as a service only, and no emulator
// has the Management API; that it answers as Auth0's own SDK expects is tested by auth0_sdk.mjs.

import crypto from 'node:crypto';
import { answer, claims, fields, isUrl, mint, object, serve, unknown } from './fake.mjs';

const INITIAL = { client_id: 'initial-client', client_secret: 'initial-s3cret/+&' };
const own = {
  permissions: ['read:clients', 'create:clients', 'update:clients', 'delete:clients', 'update:client_keys', 'read:client_grants', 'create:client_grants', 'update:client_grants', 'delete:client_grants', 'read:resource_servers'],
  issued: 0,
};
const clients = new Map();
const grants = new Map();
const servers = new Map([['https://api.test/', { id: 'rs1', identifier: 'https://api.test/', scopes: [{ value: 'read' }, { value: 'write' }, { value: 'admin' }] }]]);
// The numbers of the management tokens that are good.
const live = new Set();

const SETTINGS = ['name', 'description', 'logo_uri', 'callbacks', 'app_type', 'grant_types', 'token_endpoint_auth_method', 'oidc_conformant', 'is_first_party', 'client_metadata', 'allowed_origins', 'web_origins', 'jwt_configuration', 'client_secret'];
const TYPES = ['native', 'spa', 'regular_web', 'non_interactive'];
const GRANTS = ['authorization_code', 'refresh_token', 'client_credentials', 'implicit', 'password'];
const METHODS = ['none', 'client_secret_post', 'client_secret_basic'];

const fault = (statusCode, error, message, errorCode) => answer(statusCode, { statusCode, error, message, ...(errorCode && { errorCode }) });
const invalid = (message) => fault(400, 'Bad Request', `Payload validation error: ${message}`, 'invalid_body');
const secret = () => crypto.randomBytes(48).toString('base64url');
const shown = ({ fields: only }, client) => {
  if (!only) return client;
  return Object.fromEntries(only.split(',').map((name) => [name, client[name]]));
};

function settingsFault(body, creating) {
  const more = unknown(body, SETTINGS);
  if (more.length) return `'Additional properties not allowed: ${more}'`;
  if (creating && !('name' in body)) return "'Missing required property: name'";
  if ('name' in body && (typeof body.name !== 'string' || !body.name || /[<>]/.test(body.name))) return "'String does not match pattern' on property name";
  if ('description' in body && (typeof body.description !== 'string' || body.description.length > 140)) return "'String is too long' on property description";
  if ('callbacks' in body && !(Array.isArray(body.callbacks) && body.callbacks.every(isUrl))) return "'Object didn't pass validation for format absolute-uri-with-placeholders-or-empty' on property callbacks";
  if ('app_type' in body && !TYPES.includes(body.app_type)) return 'app_type';
  if ('grant_types' in body && !body.grant_types.every((grant) => GRANTS.includes(grant))) return 'grant_types';
  if ('token_endpoint_auth_method' in body && !METHODS.includes(body.token_endpoint_auth_method)) return 'token_endpoint_auth_method';
  const values = Object.values(body.client_metadata ?? {});
  if (values.length > 10 || values.some((value) => typeof value !== 'string' || value.length > 255)) return 'client_metadata';
  return undefined;
}

function token(request) {
  const form = fields(request);
  if (form.grant_type !== 'client_credentials') return answer(403, { error: 'unauthorized_client', error_description: 'Grant type not allowed' });
  const initial = form.client_id === INITIAL.client_id;
  const client = initial ? INITIAL : clients.get(form.client_id);
  if (!client || client.client_secret !== form.client_secret) return answer(401, { error: 'access_denied', error_description: 'Unauthorized' });
  own.issued += 1;
  if (initial) {
    if (form.audience !== `${fake.base}/api/v2/`) return answer(403, { error: 'access_denied', error_description: `Service not enabled within domain: ${form.audience}` });
    const jti = crypto.randomUUID();
    live.add(jti);
    const scope = own.permissions.join(' ');
    const text = mint({ management: true, scope, jti });
    return answer(200, { access_token: text, scope, expires_in: 86400, token_type: 'Bearer' });
  }
  const grant = [...grants.values()].find((one) => one.client_id === client.client_id && one.audience === form.audience);
  if (!grant) return answer(403, { error: 'access_denied', error_description: `Client is not authorized to access "${form.audience}".` });
  return answer(200, { access_token: mint({ azp: client.client_id, scope: grant.scope.join(' ') }), scope: grant.scope.join(' '), expires_in: 86400, token_type: 'Bearer' });
}

function management(request) {
  const { method, path, query } = request;
  const claim = claims(request.headers.authorization);
  if (!claim?.management || !live.has(claim.jti)) return fault(401, 'Unauthorized', 'Invalid token');
  const needs = (scope) => (claim.scope.split(' ').includes(scope) ? undefined : fault(403, 'Forbidden', `Insufficient scope, expected any of: ${scope}`, 'insufficient_scope'));
  const only = { fields: query.get('fields') };
  if (request.headers['content-type'] && !request.body) return fault(400, 'Bad Request', 'Invalid request payload JSON format');

  if (path === '/api/v2/clients' && method === 'POST') {
    const body = object(request);
    if (!body) return invalid('no JSON');
    const why = settingsFault(body, true);
    if (why) return invalid(why);
    const client = { tenant: 'test', global: false, callbacks: [], ...body, client_id: crypto.randomBytes(16).toString('hex'), client_secret: secret() };
    return needs('create:clients') ?? (clients.set(client.client_id, client), answer(201, client));
  }
  if (path === '/api/v2/clients' && method === 'GET') {
    const size = Number(query.get('per_page') ?? 50);
    const page = Number(query.get('page') ?? 0);
    if (!(size >= 1 && size <= 100)) return fault(400, 'Bad Request', 'per_page', 'invalid_query_string');
    return needs('read:clients') ?? answer(200, [...clients.values()].slice(page * size, (page + 1) * size).map((client) => shown(only, client)));
  }
  const [, id, rest] = /^\/api\/v2\/clients\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  if (id) {
    const client = clients.get(decodeURIComponent(id));
    const missing = fault(404, 'Not Found', 'The client does not exist', 'inexistent_client');
    if (method === 'GET' && !rest) return needs('read:clients') ?? (client ? answer(200, shown(only, client)) : missing);
    if (method === 'PATCH' && !rest) {
      const body = object(request);
      if (!body) return invalid('no JSON');
      const why = settingsFault(body, false);
      if (why) return invalid(why);
      return needs('update:clients') ?? (client ? answer(200, Object.assign(client, body)) : missing);
    }
    if (method === 'DELETE' && !rest) {
      const refused = needs('delete:clients');
      if (refused) return refused;
      clients.delete(client?.client_id);
      for (const [key, grant] of grants) if (grant.client_id === client?.client_id) grants.delete(key);
      return answer(204);
    }
    if (method === 'POST' && rest === '/rotate-secret') {
      if (request.body) return invalid('no body is expected');
      return needs('update:client_keys') ?? (client ? answer(200, Object.assign(client, { client_secret: secret() })) : missing);
    }
  }
  if (path === '/api/v2/client-grants' && method === 'POST') {
    const body = object(request);
    if (!body || unknown(body, ['client_id', 'audience', 'scope', 'subject_type']).length || !Array.isArray(body.scope)) return invalid('client grant');
    if (!clients.has(body.client_id) || !servers.has(body.audience)) return fault(404, 'Not Found', 'No such client or resource server');
    const offered = servers.get(body.audience).scopes.map((scope) => scope.value);
    if (body.scope.some((scope) => !offered.includes(scope))) return fault(400, 'Bad Request', 'The following scopes are not defined in the resource server', 'invalid_scope');
    if ([...grants.values()].some((one) => one.client_id === body.client_id && one.audience === body.audience)) return fault(409, 'Conflict', 'A resource with the same id already exists');
    const grant = { ...body, id: `cgr_${crypto.randomBytes(8).toString('hex')}` };
    return needs('create:client_grants') ?? (grants.set(grant.id, grant), answer(201, grant));
  }
  if (path === '/api/v2/client-grants' && method === 'GET') {
    const match = (one) => ['client_id', 'audience'].every((name) => !query.get(name) || query.get(name) === one[name]);
    return needs('read:client_grants') ?? answer(200, [...grants.values()].filter(match));
  }
  const grant = grants.get(/^\/api\/v2\/client-grants\/([^/]+)$/.exec(path)?.[1]);
  if (grant && method === 'PATCH') {
    const body = object(request);
    if (!body || unknown(body, ['scope']).length) return invalid('client grant');
    return needs('update:client_grants') ?? answer(200, Object.assign(grant, body));
  }
  if (grant && method === 'DELETE') return needs('delete:client_grants') ?? (grants.delete(grant.id), answer(204));
  const server = /^\/api\/v2\/resource-servers\/([^/]+)$/.exec(path)?.[1];
  if (server && method === 'GET') {
    const found = servers.get(decodeURIComponent(server));
    return needs('read:resource_servers') ?? (found ? answer(200, found) : fault(404, 'Not Found', 'The resource server does not exist'));
  }
  return undefined;
}

function handle(request) {
  const { method, path } = request;
  if (path === '/oauth/token' && method === 'POST') return token(request);
  // Auth0's issuer has a slash at its end.
  if (path === '/.well-known/openid-configuration') return answer(200, { issuer: `${fake.base}/`, token_endpoint: `${fake.base}/oauth/token`, jwks_uri: `${fake.base}/.well-known/jwks.json` });
  if (path === '/.well-known/jwks.json') return answer(200, { keys: [{ kty: 'RSA', kid: 'one', n: 'AQ', e: 'AQAB' }] });
  return path.startsWith('/api/v2/') ? management(request) : undefined;
}

const state = () => ({ clients: [...clients.values()], grants: [...grants.values()], issued: own.issued });
const fake = await serve(handle, state, { clients, grants, servers, live, own }, (told) => {
  if (told.permissions) own.permissions = told.permissions;
  if (told.revoke) live.clear();
});
fake.ready();
