// An OpenID provider on the loopback, built on the npm package oidc-provider. Whoever comes is signed in as
// the person that was named last; the rest is the package's own protocol.
//
// oidc.mjs REDIRECT_URI    Prints its issuer. What it is told on POST /__test, as JSON, changes it:
//   person    the claims of whoever comes next; `null` refuses
//   tamper    how the next identity tokens are falsified, each signed with the provider's own key if a key
//             is needed for it at all
//   mint      claims of an access token, which the reply has, signed with the provider's key
//   discovery what its discovery tells wrongly
//   elsewhere where its discovery leads instead
//   methods   how clients prove themselves, as its discovery tells
//   keys      a fresh key to sign with, as after a rotation
// GET /__test tells what its token endpoint saw last.

import crypto from 'node:crypto';
import http from 'node:http';
import { Provider } from 'oidc-provider';
import * as jose from 'jose';

const [redirect] = process.argv.slice(2);
const server = http.createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

/**
 * A new key as JWK, by way of its PEM: Node.js 20 can lock up when a key that it has just made is exported as a
 * JWK while memory is collected.
 */
const newJwk = () => {
  const { privateKey } = crypto.generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return crypto.createPrivateKey(privateKey).export({ format: 'jwk' });
};
const newKey = () => {
  return { ...newJwk(), kid: crypto.randomUUID(), use: 'sig', alg: 'RS256' };
};

let person = { sub: 'ann', email: 'ann@acme.test', name: 'Ann Lee', groups: [] };
const people = {};
let tamper = '';
let methods;
let discovery;
let elsewhere;
let seen = {};
let keys = [newKey()];
let provider;

function start() {
  provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      { client_id: 'latchkey', client_secret: 'p@ss: word+%', redirect_uris: [redirect] },
      { client_id: 'posting', client_secret: 'other', redirect_uris: [redirect], token_endpoint_auth_method: 'client_secret_post' },
      { client_id: 'public', redirect_uris: [redirect], token_endpoint_auth_method: 'none' },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups', 'hasgroups', 'roles'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ['test'] },
    ttl: { Session: 60, Grant: 60, Interaction: 60 },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => people[id] }),
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  });
  provider.on('server_error', (ctx, error) => console.error(error));
  provider.use(around);
}

async function around(ctx, next) {
  if (ctx.path.startsWith('/interaction/')) return interact(ctx);
  await next();
  if (ctx.path === '/token') {
    seen = { authorization: ctx.get('authorization'), form: ctx.oidc?.body ?? {} };
    if (ctx.body?.id_token) ctx.body.id_token = await falsified(ctx.body.id_token);
  }
  const answer = ctx.response.get('location') ?? '';
  if (answer.startsWith(redirect) && tamper.endsWith('callback issuer')) {
    const changed = new URL(answer);
    if (tamper === 'callback issuer') changed.searchParams.set('iss', 'https://evil.test');
    else changed.searchParams.delete('iss');
    ctx.set('location', changed.href);
  }
  if (ctx.path.startsWith('/.well-known/') && elsewhere) ctx.redirect(elsewhere);
  if (ctx.path.startsWith('/.well-known/') && discovery) ctx.body = { ...ctx.body, ...discovery };
  if (ctx.path.startsWith('/.well-known/') && methods) ctx.body = { ...ctx.body, token_endpoint_auth_methods_supported: methods };
  if (ctx.path === '/me' && tamper === 'userinfo subject') ctx.body = { ...JSON.parse(JSON.stringify(ctx.body)), sub: 'mallory' };
}

/** Signs the person in and agrees to everything, as its own pages would after a click. */
async function interact(ctx) {
  const { req, res } = ctx;
  const details = await provider.interactionDetails(req, res);
  let result;
  if (!person) {
    result = { error: 'access_denied', error_description: '<b>no</b>' };
  } else if (details.prompt.name === 'login') {
    people[person.sub] = person;
    result = { login: { accountId: person.sub, remember: false } };
  } else {
    const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
    grant.addOIDCScope(details.params.scope);
    result = { consent: { grantId: await grant.save() } };
  }
  ctx.respond = false;
  await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: true });
}

async function falsified(token) {
  if (!tamper) return token;
  const [head, body] = token.split('.');
  const header = JSON.parse(Buffer.from(head, 'base64url'));
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  const now = Math.floor(Date.now() / 1000);
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const sign = async (changed, protect = header) =>
    new jose.SignJWT({ ...claims, ...changed }).setProtectedHeader(protect).sign(await jose.importJWK(keys[0], protect.alg));
  switch (tamper) {
    case 'nothing': return sign({});
    case 'none': return `${encode({ ...header, alg: 'none' })}.${body}.`;
    case 'unsigned': return `${head}.${body}.`;
    case 'claims': return `${head}.${encode({ ...claims, email: 'boss@acme.test' })}.${token.split('.')[2]}`;
    case 'key confusion': {
      const pem = crypto.createPublicKey({ key: keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' });
      const text = `${encode({ ...header, alg: 'HS256' })}.${body}`;
      return `${text}.${crypto.createHmac('sha256', pem).update(text).digest('base64url')}`;
    }
    case 'foreign key': {
      const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
      return new jose.SignJWT(claims).setProtectedHeader(header).sign(privateKey);
    }
    case 'embedded key': {
      const { d, p, q, dp, dq, qi, ...jwk } = newJwk();
      const key = await jose.importJWK({ d, p, q, dp, dq, qi, ...jwk }, 'RS256');
      return new jose.SignJWT(claims).setProtectedHeader({ ...header, jwk }).sign(key);
    }
    case 'unknown key': return sign({}, { ...header, kid: 'nobody' });
    case 'issuer': return sign({ iss: 'https://evil.test' });
    case 'audience': return sign({ aud: 'somebody-else' });
    case 'audiences': return sign({ aud: ['latchkey', 'somebody-else'] });
    case 'party': return sign({ azp: 'somebody-else' });
    case 'expired': return sign({ exp: now - 120 });
    case 'no expiry': return sign({ exp: undefined });
    case 'not yet valid': return sign({ nbf: now + 600 });
    case 'made tomorrow': return sign({ iat: now + 86400 });
    case 'nonce': return sign({ nonce: 'another' });
    case 'no nonce': return sign({ nonce: undefined });
    case 'no subject': return sign({ sub: '' });
    case 'skew': return sign({ iat: now + 30, exp: now - 30 });
    default: return token;
  }
}

start();
server.on('request', async (req, res) => {
  if (!req.url.startsWith('/__test')) return provider.callback()(req, res);
  if (req.method === 'GET') return res.end(JSON.stringify(seen));
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const told = JSON.parse(Buffer.concat(chunks));
  if ('person' in told) person = told.person;
  if ('tamper' in told) tamper = told.tamper;
  if (told.mint) {
    const key = await jose.importJWK(keys[0], 'RS256');
    const claims = { iss: issuer, iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 300, ...told.mint };
    const token = await new jose.SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: keys[0].kid, typ: 'at+jwt' }).sign(key);
    return res.end(JSON.stringify({ token }));
  }
  if (told.discovery) discovery = told.discovery;
  if (told.elsewhere) elsewhere = told.elsewhere;
  if (told.methods) methods = told.methods;
  if (told.keys) {
    keys = [newKey()];
    start();
  }
  res.end('{}');
});
console.log(issuer);
process.stdin.resume();
process.stdin.on('end', () => process.exit());
