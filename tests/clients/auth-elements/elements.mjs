// The published sign-in elements, unmodified, in a real browser: people at the server, developers at a portal's host.
// The elements' pages are made up by this script; whatever they ask for, the server answers.
//
// BASE_URL=… KONNECT_TOKEN=… LATCHKEY=path/to/latchkey LATCHKEY_DATA_DIR=… node elements.mjs

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const { BASE_URL, KONNECT_TOKEN: token, LATCHKEY: latchkey } = process.env;
const PASSWORD = 'Correct-Horse-7';
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

/** A page of somebody's with one of the elements in it. */
async function open(context, address, element, options) {
  const page = await context.newPage();
  page.on('pageerror', (error) => { throw error; });
  await page.route('**/elements.js', (route) => route.fulfill({ path: script, contentType: 'text/javascript' }));
  const html = `<!doctype html><title>Somebody's page</title><div id="here"><${element} wrapper-id="here"
    basic-auth-login-enabled></${element}></div><script src="/elements.js"></script><script>
    window.events = [];
    for (const name of ['login-success', 'verify-email-success', 'reset-password-success'])
      document.querySelector('${element}').addEventListener(name, (event) => window.events.push([name, event.detail]));
    window.registerKongAuthNativeElements(${JSON.stringify({ shadowDom: false, ...options })});</script>`;
  await page.route((url) => url.href === address, (route) => route.fulfill({ body: html, contentType: 'text/html' }));
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

async function refused(page, email) {
  const answered = page.waitForResponse((reply) => reply.url().includes('authenticate'));
  await signIn(page, email, 'Wrong-Horse-77');
  assert.equal((await answered).status(), 401);
  await page.waitForSelector('[role=alert], .k-alert, .alert-message');
}

// People. The invited one chooses a password on the server's own page.
const ann = 'ann-elements@example.com';
await organization('POST', '/v3/invites', { email: ann });
const people = await browser.newContext();
const invited = await people.newPage();
await invited.goto(mailed(ann));
await invited.fill('input[name=full_name]', 'Ann Example');
await invited.fill('input[name=password]', PASSWORD);
await invited.click('main button[type=submit], form button');
await invited.waitForLoadState();
await people.clearCookies();
const login = await open(people, `${BASE_URL}/login`, 'kong-auth-login', { apiBaseUrl: '/kauth', userEntity: 'user' });
await refused(login, ann);
await signIn(login, ann, PASSWORD);
await reported(login, 'login-success');
const me = await login.evaluate(() => fetch('/v3/users/me').then((reply) => reply.json()));
assert.equal(me.email, ann);

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
const sent = new URL(mailed(bob)).searchParams.get('token');
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
console.log('auth-elements: people and developers signed in');
