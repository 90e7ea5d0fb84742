// Every page in Chromium: what people do, in light and dark, on a desk and on a phone, with and without
// scripts. Each page is looked at by axe-core, and none may ask for anything from elsewhere.
//
// node pages.mjs BASE_URL TOKEN PASSWORD [FOLDER_FOR_SCREENSHOTS]

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { setDefaultResultOrder } from 'node:dns';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { createInterface } from 'node:readline';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

const [base, token, password, folder] = process.argv.slice(2);
// The server listens on 127.0.0.1 and is reached by name, since passkeys are for names.
setDefaultResultOrder('ipv4first');
const OWNER = 'owner@latchkey.test';
const CLIENT = '344f59db-f401-4ce7-9407-00a0823fbacf';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});

let checked = 0;

async function api(path, body, headers = {}, method = 'POST') {
  const reply = await fetch(base + path, { method, body, headers });
  const text = await reply.text();
  assert.ok(reply.ok || reply.status === 400, `${path}: ${reply.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

const invite = (email) =>
  api('/v3/invites', JSON.stringify({ email }), { authorization: `Bearer ${token}`, 'content-type': 'application/json' });
const owner = (method, path, body) =>
  api(path, JSON.stringify(body), { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, method);

/** Identity providers beside us; what they show is theirs. */
const elsewhere = new Set();
const children = [];

async function peer(script, ...args) {
  const child = spawn('node', [script, ...args], { cwd: process.env.PEERS, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('http')) continue;
    elsewhere.add(line);
    return { address: line, tell: (what) => fetch(`${line}/__test`, { method: 'POST', body: JSON.stringify(what) }) };
  }
  throw new Error(`${script} did not start`);
}

const provider = async (type, login_path, config) => {
  const made = await owner('POST', '/v3/identity-providers', { type, login_path, config });
  await owner('POST', `/v3/identity-providers/${made.id}/team-group-mappings`, { team_id: team.id, group: 'dev' });
  return made;
};

const team = await owner('POST', '/v3/teams', { name: 'Developers' });
const oidc = await peer('oidc.mjs', `${base}/login`);
const oidcProvider = await provider('oidc', 'acme', {
  issuer_url: oidc.address, client_id: 'latchkey', client_secret: 'p@ss: word+%',
});
const keys = mkdtempSync('saml-');
execFileSync('openssl', [
  'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=idp.test', '-keyout', `${keys}/key.pem`, '-out', `${keys}/certificate.pem`,
], { stdio: 'ignore' });
const saml = await peer('saml.mjs', ...['key', 'certificate'].map((name) => `${process.cwd()}/${keys}/${name}.pem`));
const samlProvider = await provider('saml', 'acme-saml', { idp_metadata_url: `${saml.address}/metadata` });
await saml.tell({
  sp: await (await fetch(`${base}/v2/authenticate/acme-saml/saml/metadata`)).text(),
  person: { id: 'sam', attributes: { email: 'sam@latchkey.test', firstName: 'Sam', lastName: 'Ray', groups: 'dev' } },
});

/** Lets people in through one of the providers. */
async function through(type) {
  const [on, off] = type === 'oidc' ? [oidcProvider, samlProvider] : [samlProvider, oidcProvider];
  await owner('PATCH', `/v3/identity-providers/${off.id}`, { enabled: false });
  await owner('PATCH', `/v3/identity-providers/${on.id}`, { enabled: true });
  await owner('PATCH', '/v3/authentication-settings', {
    oidc_auth_enabled: type === 'oidc', saml_auth_enabled: type === 'saml', idp_mapping_enabled: true,
  });
}

async function singleSignOn({ page, see, fill, press }, tag) {
  await through('oidc');
  await page.context().clearCookies();
  await oidc.tell({ person: { sub: tag, email: `${tag}-sso@latchkey.test`, name: 'Kim Doe', groups: ['dev', 'all'] } });
  await page.goto(`${base}/login`);
  await page.getByRole('link', { name: 'Use single sign-on' }).click();
  await see('sso', 'Login path');
  await fill({ 'Login path': 'nobody' });
  await press('Continue');
  await see('sso-unknown', 'No organization signs in by this name');
  await fill({ 'Login path': 'acme' });
  await press('Continue');
  await see('sso-continue', 'and come back here');
  await page.locator('main').getByRole('link', { name: 'Continue', exact: true }).click();
  await see('sso-account', 'Kim Doe');
  await page.context().clearCookies();
  await oidc.tell({ person: null });
  await page.goto(`${base}/login/acme`);
  await see('sso-refused', 'did not let you in');

  await through('saml');
  await page.context().clearCookies();
  await page.goto(`${base}/login/acme-saml?return_to=/device-activate`);
  await page.getByRole('button', { name: 'Send' }).click();
  await see('sso-saml', 'Enter the code');
  await page.goto(`${base}/account`);
  await see('sso-saml-account', 'Sam Ray');
}

/** What an authenticator app shows for the secret on the page (RFC 6238), so many steps from now. */
async function code(page, steps = 0) {
  const written = (await page.locator('p.hint code').textContent()).replaceAll(' ', '');
  const bits = [...written].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  return () => {
    const step = Buffer.alloc(8);
    step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
    const tag = createHmac('sha1', secret).update(step).digest();
    const at = tag[19] & 15;
    return String((tag.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  };
}

async function secondFactor({ page, see, fill, press }, email, own) {
  await page.goto(`${base}/account`);
  await fill({ 'Your password': own });
  await press('Add an app');
  await see('factor-add', 'Or type this secret');
  const [now, next] = [await code(page), await code(page, 1)];
  await fill({ 'Code that the app shows': now() });
  await press('Add it');
  await see('factor-codes', 'They are not shown again');
  await page.context().clearCookies();
  await page.goto(`${base}/login`);
  await fill({ 'E-mail address': email, Password: own });
  await press('Sign in');
  await see('factor', 'Enter the code that your authenticator app shows');
  await fill({ Code: '000000' });
  await press('Continue');
  await see('factor-wrong', 'This code is not right');
  await fill({ Code: next() });
  await press('Continue');
  await see('account-factor', 'You have 10 recovery codes left');
}

/** A device with passkeys, which Chromium itself plays. */
async function deviceOf({ page, context }) {
  const session = await context.newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options });
  const tell = (what, more) => session.send(`WebAuthn.${what}`, { authenticatorId, ...more });
  return {
    forget: () => tell('clearCredentials'),
    knowOwner: (isUserVerified) => tell('setUserVerified', { isUserVerified }),
    credentials: async () => (await tell('getCredentials')).credentials,
    leave: async () => {
      await tell('removeVirtualAuthenticator');
      await session.detach();
    },
  };
}

/** A passkey is added, signs in alone and beside the password, and is removed; what it cannot do is said. */
async function passkeys(visit, tag, email, own) {
  const { page, context, see, fill, press } = visit;
  const device = await deviceOf(visit);
  await page.goto(`${base}/account`);
  await fill({ 'Your password, to add one': 'Wrong-Horse-77' });
  await press('Add a passkey');
  await see('account-passkey-wrong', 'This is not your present password.');
  await fill({ 'Your password, to add one': own });
  await press('Add a passkey');
  await see('passkey-add', 'Your device makes it');
  await fill({ Name: 'My laptop' });
  await press('Make a passkey');
  await see('account-passkey', 'The passkey is added.');
  const [made] = await device.credentials();
  assert.ok(made.isResidentCredential && made.rpId === 'localhost', JSON.stringify(made));
  await fill({ 'Your password, to add one': own });
  await press('Add a passkey');
  await fill({ Name: 'My laptop again' });
  await press('Make a passkey');
  await see('passkey-add-again', 'This device has a passkey of yours already.');

  await context.clearCookies();
  await page.goto(`${base}/login?return_to=/device-activate`);
  await press('Sign in with a passkey');
  await see('device-passkey', 'Enter the code that your command line');
  await context.clearCookies();
  await page.goto(`${base}/login`);
  await fill({ 'E-mail address': email, Password: own });
  await press('Sign in');
  await see('factor-passkey', 'Enter the code that your authenticator app shows');
  await press('Use a passkey');
  await page.getByText('Where you are signed in').waitFor();
  await context.clearCookies();
  await page.goto(`${base}/login`);
  await device.knowOwner(false);
  await press('Sign in with a passkey');
  await see('login-passkey-none', 'No passkey was used');
  await device.knowOwner(true);
  await press('Sign in with a passkey');
  await page.getByText('Where you are signed in').waitFor();

  await page.getByRole('link', { name: 'Manage the passkey My laptop' }).click();
  await see('passkey', 'A passkey of yours');
  await fill({ Name: 'Old laptop' });
  await press('Rename it');
  await page.getByRole('link', { name: 'Manage the passkey Old laptop' }).click();
  await fill({ 'Your password': own });
  await press('Remove it');
  await see('account-passkey-removed', 'The passkey is removed.');
  await context.clearCookies();
  await page.goto(`${base}/login`);
  await press('Sign in with a passkey');
  await see('login-passkey-refused', 'This passkey does not let you in.');
  await device.forget();
  await addedFirst(visit, `${tag}-first@latchkey.test`);
  await device.leave();
}

/** Where an organization wants a second factor, a passkey is added on the way in. */
async function addedFirst({ page, context, see, fill, press }, email) {
  await owner('PATCH', '/v3/organizations/me', { mfa_enabled: true });
  await context.clearCookies();
  await page.goto((await invite(email)).link);
  await fill({ 'Full name': 'Joe Ray', Password: 'Fresh-Horse-77' });
  await press('Join');
  await page.getByText('You have joined.').waitFor();
  await fill({ 'E-mail address': email, Password: 'Fresh-Horse-77' });
  await press('Sign in');
  await see('factor-add-first', 'Your organization asks for a second factor.');
  await fill({ Name: 'My laptop' });
  await press('Make a passkey');
  await see('factor-codes-passkey', 'They are not shown again');
  await page.getByRole('link', { name: 'I have kept them' }).click();
  await see('account-passkey-only', 'A passkey is asked for beside your password.');
  await owner('PATCH', '/v3/organizations/me', { mfa_enabled: false });
}

/** Without scripts nothing speaks of passkeys. */
async function noPasskeys({ page }) {
  for (const path of ['/account', '/login']) {
    await page.goto(`${base}${path}`);
    assert.equal(await page.getByText('passkey').filter({ visible: true }).count(), 0, path);
    await page.context().clearCookies();
  }
}

async function rehearsal({ page, see }, tag) {
  await through('oidc');
  await oidc.tell({ person: { sub: `new-${tag}`, email: `new-${tag}@latchkey.test`, name: 'Lou New', groups: ['dev', 'all'] } });
  await page.goto(`${base}/account`);
  await page.getByRole('button', { name: 'Rehearse the sign-in through acme', exact: true }).click();
  await see('rehearse', 'Nothing is granted');
  await page.getByRole('link', { name: 'Begin' }).click();
  await see('rehearsal', 'This person would be signed in');
}

/** An organization's own name and colour, whatever they are. */
async function brands({ page, see }) {
  const name = 'Gate<of>' + 'W'.repeat(52);
  for (const color of ['#fffde7', '#0a0a0a', '#1e7f4f']) {
    await owner('PATCH', '/v3/organizations/me/brand', { name, color });
    await page.goto(`${base}/account`);
    await see(`brand-account-${color.slice(1)}`, name);
    const drawn = await page.locator('.mark').evaluate((mark) => getComputedStyle(mark).backgroundColor);
    assert.equal(drawn, `rgb(${color.slice(1).match(/../g).map((part) => parseInt(part, 16)).join(', ')})`);
  }
  await owner('PATCH', '/v3/organizations/me/brand', { name: 'Acme' });
  await page.goto(`${base}/sso?path=acme`);
  await see('brand-sso', 'and come back here');
  assert.match(await page.title(), / · Acme$/);
  await owner('PATCH', '/v3/organizations/me/brand', { name: null, color: null });
}

const ask = () =>
  api('/v3/internal/oauth/device/authorize', new URLSearchParams({ client_id: CLIENT }), { 'user-agent': 'tool/1.0' });
const poll = (asked) =>
  api('/v3/internal/oauth/device/token', new URLSearchParams({
    client_id: CLIENT, device_code: asked.device_code, grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
  }));

/** A browser of one kind, and how it looks at what it shows. */
async function visitor(tag, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const scripts = options.javaScriptEnabled !== false;
  page.on('request', (request) => {
    const known = request.url().startsWith(base) || elsewhere.has(new URL(request.url()).origin);
    assert.ok(known, `${tag} asks for ${request.url()}`);
  });
  page.on('console', (line) => {
    // A page with a status of its own is reported as a failed resource; anything else is a fault of ours.
    if (line.type() === 'error') assert.match(line.text(), /the server responded with a status of 4\d\d/);
  });
  const see = async (name, text) => {
    await page.getByText(text).first().waitFor({ timeout: 10_000 });
    if (folder) {
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: `${folder}/${name}-${tag}.png`, fullPage: true });
    }
    if (!scripts) return;
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    const told = violations.map((it) => `${it.id}: ${it.help}: ${it.nodes.map((node) => node.html).join(' ')}`);
    assert.deepEqual(told, [], `${tag} ${name}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.ok(!wide, `${tag} ${name} is wider than the window`);
    checked += 1;
  };
  const fill = async (fields) => {
    for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text);
  };
  const press = (name) => page.locator('main').getByRole('button', { name, exact: true }).first().click();
  return { page, context, see, fill, press };
}

async function signIn({ page, see, fill, press }) {
  await page.goto(`${base}/account`);
  await see('login', 'Forgot your password?');
  await fill({ 'E-mail address': OWNER, Password: 'Wrong-Horse-77' });
  await press('Sign in');
  await see('login-refused', 'The address or the password is not right.');
  await fill({ Password: password });
  await press('Sign in');
  await see('account', 'Where you are signed in');
}

async function device(visit, decision, said) {
  const { page, see, fill, press } = visit;
  const asked = await ask();
  await page.goto(`${base}/device-activate`);
  await see('device', 'Enter the code');
  await fill({ Code: 'XXXX-XXXX' });
  await press('Continue');
  await see('device-unknown', 'is not known');
  await page.goto(asked.verification_uri_complete.replace(/^https?:\/\/[^/]+/, base));
  await press('Continue');
  await see('device-confirm', 'It will act as you.');
  assert.equal((await poll(asked)).error, 'authorization_pending');
  await press(decision);
  await see(`device-${said.split(' ').at(-1)}`, said);
  return poll(asked);
}

async function everything(tag, options) {
  const visit = await visitor(tag, options);
  const { page, see, fill, press } = visit;
  await signIn(visit);
  const got = await device(visit, 'Let it in', 'The device is connected');
  assert.equal(got.token_type, 'Bearer');
  assert.equal((await device(visit, 'Refuse', 'The device was refused')).error, 'access_denied');

  await rehearsal(visit, tag);
  if (options.javaScriptEnabled !== false) await brands(visit);
  await page.goto(`${base}/account`);
  await fill({ 'Present password': password, 'New password': 'short' });
  await press('Change it');
  await see('account-password', 'is too short');
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
  await see('signed-out', 'You are signed out');

  const { link } = await invite(`${tag}@latchkey.test`);
  await page.goto(link);
  await see('invite', 'You were invited as');
  await fill({ 'Full name': 'Ann Lee', Password: 'Fresh-Horse-77' });
  await press('Join');
  await see('account-new', 'Ann Lee');
  await secondFactor(visit, `${tag}@latchkey.test`, 'Fresh-Horse-77');
  if (options.javaScriptEnabled === false) await noPasskeys(visit);
  else await passkeys(visit, tag, `${tag}@latchkey.test`, 'Fresh-Horse-77');
  await page.context().clearCookies();
  await page.goto(link);
  await see('invite-used', 'This invite was used');

  await page.goto(`${base}/password/forgot`);
  await see('forgot', 'You get a link');
  await fill({ 'E-mail address': `${tag}@latchkey.test` });
  await press('Send the link');
  await see('forgot-sent', 'a mail with a link is on its way');
  await page.goto(`${base}/nowhere`, { waitUntil: 'load' });
  await see('nowhere', 'There is no such page');
  await singleSignOn(visit, tag);
  await visit.context.close();
}

/** By keyboard alone: every step is a Tab or an Enter. */
async function byKeyboard() {
  const { page, context } = await visitor('keyboard', {});
  await page.goto(`${base}/login`);
  await page.waitForFunction(() => document.activeElement?.id === 'username');
  await page.keyboard.type(OWNER);
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.getByText('Where you are signed in').waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip', 'the first stop skips the bar');
  await context.close();
}

try {
  await everything('desk', { viewport: { width: 1000, height: 760 } });
  await everything('phone-dark', { viewport: { width: 390, height: 800 }, colorScheme: 'dark' });
  await everything('without-scripts', { javaScriptEnabled: false });
  await byKeyboard();
  console.log(`${checked} pages looked at; nothing wrong with them.`);
} finally {
  children.forEach((child) => child.kill());
  await browser.close();
}
