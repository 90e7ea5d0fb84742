// A fake of Microsoft Entra ID and Microsoft Graph v1.0: tokens, discovery, and of Graph applications, service
// principals and their passwords, as the published reference describes them, delays included. It is a fake because
// Microsoft offers no tenant that runs here and no emulator has applications; that it answers as Microsoft's own
// client library expects is tested by graph_sdk.mjs.

import crypto from 'node:crypto';
import { answer, claims, fields, isUrl, mint, object, serve, unknown } from './fake.mjs';

const TENANT = '6babcaad-604b-40ac-a9d7-9fd97c0b779f';
const INITIAL = { client_id: 'initial-client', client_secret: 'in~itial.Secret' };
const own = {
  roles: ['Application.ReadWrite.OwnedBy'],
  // How many requests about a new application come too early.
  lag: 0,
  issued: 0,
};
const applications = new Map();
const principals = new Set();
const early = new Map();

const SETTINGS = ['displayName', 'signInAudience', 'tags', 'notes', 'web', 'api', 'uniqueName', 'description'];
const fault = (status, code, message) => answer(status, { error: { code, message, innerError: { 'request-id': crypto.randomUUID() } } });
const bad = (message) => fault(400, 'Request_BadRequest', message);
const missing = () => fault(404, 'Request_ResourceNotFound', "Resource does not exist or one of its queried reference-property objects are not present.");
const shown = (application) => ({ ...application, passwordCredentials: application.passwordCredentials.map(({ secretText, ...rest }) => rest) });
const byName = (name) => [...applications.values()].find((one) => one.uniqueName === name);

function settingsFault(body) {
  const more = unknown(body, SETTINGS);
  if (more.length) return `Invalid property '${more[0]}'.`;
  if ('displayName' in body && !(typeof body.displayName === 'string' && body.displayName && body.displayName.length <= 256)) return 'Invalid value specified for property displayName';
  const uris = body.web?.redirectUris ?? [];
  const good = (uri) => isUrl(uri) && (uri.startsWith('https:') || /^http:\/\/(localhost|127\.0\.0\.1)([:/]|$)/.test(uri));
  if (!Array.isArray(uris) || !uris.every(good)) return "Invalid value specified for property 'web.redirectUris' of resource 'Application'.";
  if ('signInAudience' in body && !['AzureADMyOrg', 'AzureADMultipleOrgs'].includes(body.signInAudience)) return 'signInAudience';
  const version = body.api?.requestedAccessTokenVersion;
  if (![undefined, null, 1, 2].includes(version)) return 'requestedAccessTokenVersion';
  return undefined;
}

function token(request) {
  const form = fields(request);
  const refused = (status, error, text, code) => answer(status, { error, error_description: `${text} Trace ID: ${crypto.randomUUID()}`, error_codes: [code] });
  if (form.grant_type !== 'client_credentials') return refused(400, 'unsupported_grant_type', 'AADSTS70003: grant', 70003);
  const application = applications.get(form.client_id);
  const initial = form.client_id === INITIAL.client_id;
  if (!application && !initial) return refused(400, 'unauthorized_client', "AADSTS700016: Application not found in the directory.", 700016);
  const good = initial ? form.client_secret === INITIAL.client_secret : application.passwordCredentials.some((one) => one.secretText === form.client_secret);
  if (!good) return refused(401, 'invalid_client', 'AADSTS7000215: Invalid client secret provided.', 7000215);
  if (!initial && !principals.has(form.client_id)) return refused(401, 'unauthorized_client', 'AADSTS7000229: The client application is missing service principal.', 7000229);
  if (!form.scope?.endsWith('/.default')) return refused(400, 'invalid_scope', 'AADSTS1002012: scope', 1002012);
  own.issued += 1;
  const graph = initial && form.scope === `${fake.base}/.default`;
  const text = mint(graph ? { aud: fake.base, roles: own.roles } : { appid: form.client_id, ver: '1.0' });
  return answer(200, { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: text });
}

/** Whether a request about a new application comes too early. */
const tooEarly = (id) => {
  const left = early.get(id) ?? 0;
  early.set(id, left - 1);
  return left > 0;
};

function graph(request) {
  const { method, headers } = request;
  const path = decodeURIComponent(request.path).replace('/v1.0/', '');
  const claim = claims(headers.authorization);
  if (claim?.aud !== fake.base) return fault(401, 'InvalidAuthenticationToken', 'Access token is empty.');
  if (!claim.roles.some((role) => /^Application\.ReadWrite\.(OwnedBy|All)$/.test(role))) return fault(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
  const body = request.body ? object(request) : {};
  if (!body) return bad('Unable to read JSON request payload.');

  const name = /^applications\(uniqueName='([^']+)'\)$/.exec(path)?.[1];
  if (name && method === 'GET') return byName(name) ? answer(200, shown(byName(name))) : missing();
  if (name && method === 'PATCH') {
    const why = settingsFault(body);
    if (why) return bad(why);
    const known = byName(name);
    if (known) return Object.assign(known, body), answer(204);
    if (headers.prefer !== 'create-if-missing') return missing();
    if (!body.displayName) return bad('displayName is required');
    const application = { id: crypto.randomUUID(), appId: crypto.randomUUID(), passwordCredentials: [], web: { redirectUris: [] }, ...body, uniqueName: name };
    applications.set(application.appId, application);
    early.set(application.appId, own.lag);
    return answer(201, shown(application));
  }
  if (path === 'servicePrincipals' && method === 'POST') {
    if (!applications.has(body.appId)) return fault(400, 'NoBackingApplicationObject', `The appId '${body.appId}' of the service principal does not reference a valid application object.`);
    if (tooEarly(body.appId)) return fault(400, 'NoBackingApplicationObject', 'The appId does not reference a valid application object.');
    if (principals.has(body.appId)) return fault(409, 'Request_MultipleObjectsWithSameKeyValue', 'already in use');
    principals.add(body.appId);
    early.set(body.appId, own.lag);
    return answer(201, { id: crypto.randomUUID(), appId: body.appId });
  }
  const [, id, rest] = /^applications\(appId='([^']+)'\)(?:\/(\w+))?$/.exec(path) ?? [];
  if (!id) return undefined;
  const application = applications.get(id);
  if (!application) return missing();
  if (!rest && method === 'GET') return answer(200, shown(application));
  if (!rest && method === 'PATCH') {
    const why = settingsFault(body);
    return why ? bad(why) : (Object.assign(application, body), answer(204));
  }
  if (!rest && method === 'DELETE') {
    applications.delete(id);
    principals.delete(id);
    return answer(204);
  }
  if (rest === 'addPassword' && method === 'POST') {
    if (tooEarly(id)) return missing();
    const more = unknown(body.passwordCredential ?? {}, ['displayName', 'endDateTime', 'startDateTime']);
    if (more.length || unknown(body, ['passwordCredential']).length) return bad('passwordCredential');
    const start = new Date();
    const end = new Date(start.getTime() + 2 * 365 * 86_400_000);
    const made = { customKeyIdentifier: null, displayName: null, ...body.passwordCredential, keyId: crypto.randomUUID(), hint: 'abc', startDateTime: start.toISOString(), endDateTime: end.toISOString(), secretText: `${crypto.randomBytes(24).toString('base64url')}~` };
    application.passwordCredentials.push(made);
    return answer(200, made);
  }
  if (rest === 'removePassword' && method === 'POST') {
    const left = application.passwordCredentials.filter((one) => one.keyId !== body.keyId);
    if (left.length === application.passwordCredentials.length) return bad('No password credential found with keyId.');
    application.passwordCredentials = left;
    return answer(204);
  }
  return undefined;
}

function handle(request) {
  const { method, path } = request;
  if (path === `/${TENANT}/oauth2/v2.0/token` && method === 'POST') return token(request);
  if (path === `/${TENANT}/.well-known/openid-configuration`) return answer(200, { issuer: `${fake.base}/${TENANT}/`, token_endpoint: `${fake.base}/${TENANT}/oauth2/token`, jwks_uri: `${fake.base}/common/discovery/keys` });
  if (path === '/common/discovery/keys') return answer(200, { keys: [{ kty: 'RSA', kid: 'one', n: 'AQ', e: 'AQAB' }] });
  return path.startsWith('/v1.0/') ? graph(request) : undefined;
}

const state = () => ({ clients: [...applications.values()], principals: [...principals], issued: own.issued });
const fake = await serve(handle, state, { applications, principals, early, own }, (told) => {
  if ('lag' in told) own.lag = told.lag;
  if (told.roles) own.roles = told.roles;
});
fake.ready();
