// Every page in Chromium: what people do, in light and dark, on a desk and on a phone, with and without
// scripts. Each page is looked at by axe-core, and none may ask for anything from elsewhere.
//
// node pages.mjs BASE_URL TOKEN PASSWORD [FOLDER_FOR_SCREENSHOTS]

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

const [base, token, password, folder] = process.argv.slice(2);
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

async function api(path, body, headers = {}) {
  const reply = await fetch(base + path, { method: 'POST', body, headers });
  const text = await reply.text();
  assert.ok(reply.ok || reply.status === 400, `${path}: ${reply.status} ${text}`);
  return text ? JSON.parse(text) : {};
}

const invite = (email) =>
  api('/v3/invites', JSON.stringify({ email }), { authorization: `Bearer ${token}`, 'content-type': 'application/json' });
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
  page.on('request', (request) => assert.ok(request.url().startsWith(base), `${tag} asks for ${request.url()}`));
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
  await browser.close();
}
