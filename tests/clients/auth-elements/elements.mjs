// The published sign-in elements, unmodified, in a real browser: people at the server, developers at a portal's host.
// The elements' pages are made up by this script; whatever they ask for, the server answers.
//
// BASE_URL=… KONNECT_TOKEN=… LATCHKEY=path/to/latchkey LATCHKEY_DATA_DIR=… node elements.mjs

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const { BASE_URL, KONNECT_TOKEN: token, LATCHKEY: latchkey } = process.env;
const PASSWORD = 'Correct-Horse-7';
const OTHER = 'Another-Horse-8';
// With Vue inside, as a page without a framework takes it.
const script = createRequire(import.meta.url).resolve('@kong/kong-auth-elements/dist/kong-auth-elements.vue.umd.js');

async function organization(method, path, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const reply = await fetch(BASE_URL + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await reply.text();
  assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** The link in the newest mail to somebody, which the operator can read. */
function mailed(to) {
  const run = (...words) => execFileSync(latchkey, ['mail', ...words], { encoding: 'utf8' });
  const line = run('list').split('\n').find((line) => line.includes(to));
  assert.ok(line, `no mail to ${to}`);
  return run('show', line.split(' ')[0]).match(/https?:\/\/\S+token=\S+/)[0];
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP *.localhost 127.0.0.1', '--no-proxy-server',
  ],
});

/** The token of that link. */
const tokenFor = (to) => new URL(mailed(to)).searchParams.get('token');

const EVENTS = [
  'accept-invitation-success', 'change-password-success', 'forgot-password-success', 'login-success', 'register-success',
  'reset-password-success', 'verify-email-success',
];

/** A page of somebody's with one of the elements in it. */
async function open(context, address, element, options, attributes = 'basic-auth-login-enabled') {
  const page = await context.newPage();
  page.on('pageerror', (error) => { throw error; });
  await page.route('**/elements.js', (route) => route.fulfill({ path: script, contentType: 'text/javascript' }));
  const html = `<!doctype html><title>Somebody's page</title><div id="here"><${element} wrapper-id="here"
    ${attributes}></${element}></div><script src="/elements.js"></script><script>
    window.events = [];
    for (const name of ${JSON.stringify(EVENTS)})
      document.querySelector('${element}').addEventListener(name, (event) => window.events.push([name, event.detail]));
    window.registerKongAuthNativeElements(${JSON.stringify({ shadowDom: false, ...options })});</script>`;
  const same = ({ origin, pathname }) => origin + pathname === address.split('?')[0];
  await page.route((url) => same(url), (route) => route.fulfill({ body: html, contentType: 'text/html' }));
  await page.goto(address);
  return page;
}

/** The detail of an event that the element reports. */
async function reported(page, name) {
  await page.waitForFunction((name) => window.events.some(([it]) => it === name), name);
  return page.evaluate((name) => window.events.find(([it]) => it === name)[1], name);
}

async function signIn(page, email, password) {
  await page.fill('input[type=email]', email);
  await page.fill('input[type=password]', password);
  await page.click('button[type=submit]');
}

/** Fills in a form, field by field as the elements name them, and sends it. */
async function send(page, form, fields) {
  for (const [name, value] of Object.entries(fields))
    await page.fill(`[data-testid=kong-auth-${form}-${name}]`, value);
  await page.click(`[data-testid=kong-auth-${form}-submit]`);
}

/** What the element says went wrong. */
async function complaint(page, words) {
  await page.locator('[data-testid=kong-auth-error-message]', { hasText: words }).waitFor();
}

async function refused(page, email) {
  const answered = page.waitForResponse((reply) => reply.url().includes('authenticate'));
  await signIn(page, email, 'Wrong-Horse-77');
  assert.equal((await answered).status(), 401);
  await page.waitForSelector('[role=alert], .k-alert, .alert-message');
}

// People. The invited one says who it is, and chooses a password.
const ann = 'ann-elements@example.com';
const asUser = { apiBaseUrl: '/kauth', userEntity: 'user' };
await organization('POST', '/v3/invites', { email: ann });
const people = await browser.newContext();
const who = new URLSearchParams({ token: tokenFor(ann), email: ann, fullName: 'Ann Example', org: 'Elements' });
const joining = await open(people, `${BASE_URL}/join?${who}`, 'kong-auth-accept-invitation', asUser);
await send(joining, 'accept-invitation', { password: 'short' });
await complaint(joining, 'is too short');
await send(joining, 'accept-invitation', { password: PASSWORD, 'preferred-name': 'Ann' });
assert.equal([await reported(joining, 'accept-invitation-success')].flat()[0].email, ann);
const login = await open(people, `${BASE_URL}/login`, 'kong-auth-login', asUser);
await refused(login, ann);
await signIn(login, ann, PASSWORD);
await reported(login, 'login-success');
const me = await login.evaluate(() => fetch('/v3/users/me').then((reply) => reply.json()));
assert.deepEqual([me.email, me.full_name, me.preferred_name], [ann, 'Ann Example', 'Ann']);

// She changes it, forgets the new one, and sets the next.
const changing = await open(people, `${BASE_URL}/change`, 'kong-auth-change-password', asUser);
const change = { 'new-password': OTHER, 'confirm-new-password': OTHER };
await send(changing, 'change-password', { 'current-password': 'Wrong-Horse-77', ...change });
await complaint(changing, 'is not your present password');
await send(changing, 'change-password', { 'current-password': PASSWORD, ...change });
await reported(changing, 'change-password-success');
const forgetting = await open(people, `${BASE_URL}/forgot`, 'kong-auth-forgot-password', asUser);
await send(forgetting, 'forgot-password', { email: ann });
await reported(forgetting, 'forgot-password-success');
const link = `${BASE_URL}/reset?token=${tokenFor(ann)}`;
const next = { 'new-password': 'Further-Horse-9', 'confirm-new-password': 'Further-Horse-9' };
const setting = await open(people, link, 'kong-auth-reset-password', asUser);
await send(setting, 'reset-password', next);
assert.equal([await reported(setting, 'reset-password-success')].flat()[0].email, ann);
const late = await open(people, link, 'kong-auth-reset-password', asUser);
await send(late, 'reset-password', next);
await complaint(late, 'Token was used');

// Somebody registers an organization, and gets in when the address is confirmed.
const cat = 'cat-elements@example.com';
const founders = await browser.newContext();
const registering = await open(founders, `${BASE_URL}/register`, 'kong-auth-register', asUser);
const form = { 'full-name': 'Cat Example', organization: "Cat's", email: cat, password: PASSWORD };
await registering.locator('[data-testid=kong-auth-register-agree-checkbox]').check();
await send(registering, 'register', form);
const made = [await reported(registering, 'register-success')].flat()[0];
assert.deepEqual([made.email, made.organization.name], [cat, "Cat's"]);
await refused(await open(founders, `${BASE_URL}/login`, 'kong-auth-login', asUser), cat);
const confirming = await open(founders, `${BASE_URL}/login?token=${tokenFor(cat)}`, 'kong-auth-login', asUser);
assert.equal([await reported(confirming, 'verify-email-success')].flat()[0].email, cat);
await signIn(confirming, cat, PASSWORD);
await reported(confirming, 'login-success');
const founded = await confirming.evaluate(() => fetch('/v3/organizations/me').then((reply) => reply.json()));
assert.deepEqual([founded.id, founded.name], [made.organization.id, "Cat's"]);

// An organization's own provider, which signs in whoever comes.
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const asked = new Map();
const provider = createServer(async (request, reply) => {
  const issuer = `http://127.0.0.1:${provider.address().port}`;
  const url = new URL(request.url, issuer);
  const json = (body) => reply.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  if (url.pathname === '/.well-known/openid-configuration') {
    return json({
      issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'], subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'], code_challenge_methods_supported: ['S256'],
    });
  }
  if (url.pathname === '/jwks') {
    return json({ keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: '1', use: 'sig', alg: 'RS256' }] });
  }
  if (url.pathname === '/auth') {
    asked.set('code', Object.fromEntries(url.searchParams));
    const back = new URL(url.searchParams.get('redirect_uri'));
    back.search = new URLSearchParams({ code: 'code', state: url.searchParams.get('state'), iss: issuer });
    return reply.writeHead(302, { location: back.href }).end();
  }
  for await (const _ of request);
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer, aud: 'elements', sub: 'dan', email: 'dan-elements@example.com', name: 'Dan', groups: ['all'], iat: now,
    exp: now + 60, nonce: asked.get('code').nonce,
  };
  const parts = [{ alg: 'RS256', kid: '1' }, claims].map((it) => Buffer.from(JSON.stringify(it)).toString('base64url'));
  const signature = createSign('RSA-SHA256').update(parts.join('.')).sign(keys.privateKey, 'base64url');
  return json({ token_type: 'Bearer', access_token: 'x', expires_in: 60, id_token: [...parts, signature].join('.') });
}).listen(0, '127.0.0.1');
await once(provider, 'listening');
const config = {
  issuer_url: `http://127.0.0.1:${provider.address().port}`, client_id: 'elements', client_secret: 'secret',
};
const wanted = { type: 'oidc', enabled: true, login_path: 'elements', config };
const { id } = await organization('POST', '/v3/identity-providers', wanted);
const team = await organization('POST', '/v3/teams', { name: 'Everybody' });
await organization('POST', `/v3/identity-providers/${id}/team-group-mappings`, { team_id: team.id, group: 'all' });
await organization('PATCH', '/v3/authentication-settings', { oidc_auth_enabled: true, idp_mapping_enabled: true });
const company = await browser.newContext();
const attributes = `idp-login-enabled idp-login-return-to="${BASE_URL}/device-activate"`;
const entrance = await open(company, `${BASE_URL}/login/elements`, 'kong-auth-login', asUser, attributes);
await entrance.waitForURL(`${BASE_URL}/device-activate`);
const dan = await (await company.request.get(`${BASE_URL}/v3/users/me`)).json();
assert.equal(dan.email, 'dan-elements@example.com');
provider.close();

// Developers, at their portal.
const bob = 'bob@dev.test';
const portal = await organization('POST', '/v3/portals', { name: 'Elements', auto_approve_developers: true });
const site = `http://${portal.default_domain}:${new URL(BASE_URL).port}`;
const asDeveloper = { apiBaseUrl: '/', userEntity: 'developer' };
const developers = await browser.newContext();
const blank = await open(developers, `${site}/login`, 'kong-auth-login', asDeveloper);
const registered = await blank.evaluate((email) => fetch('/api/v2/developer', {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email, full_name: 'Bob' }),
}).then((reply) => reply.status), bob);
assert.equal(registered, 201);
const sent = tokenFor(bob);
const verifying = await open(developers, `${site}/login?token=${sent}`, 'kong-auth-login', asDeveloper);
const { email, resetToken } = [await reported(verifying, 'verify-email-success')].flat()[0];
assert.equal(email, bob);
const resetting = await open(developers, `${site}/reset-password?token=${resetToken}`, 'kong-auth-reset-password', asDeveloper);
for (const field of await resetting.locator('input[type=password]').all()) await field.fill(PASSWORD);
await resetting.click('button[type=submit]');
await reported(resetting, 'reset-password-success');
const entering = await open(developers, `${site}/login`, 'kong-auth-login', asDeveloper);
await refused(entering, bob);
await signIn(entering, bob, PASSWORD);
await reported(entering, 'login-success');
const developer = await entering.evaluate(() => fetch('/api/v2/developer/me').then((reply) => reply.json()));
assert.equal(developer.email, bob);

await browser.close();
console.log('auth-elements: people and developers registered, joined, changed their passwords and signed in');
