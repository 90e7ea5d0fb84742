// An authorization server with dynamic client registration and its management (RFC 7591, RFC 7592), built on the
// npm package oidc-provider.
//
// dcr_oidc.mjs    Prints its issuer. POST /__test, as JSON, changes it or asks for something:
//   initial_token  true for a new initial access token, which the reply has
//   rotate         whether a change of a client replaces its secret, as this package leaves to a policy
// GET /__test tells which clients it has.

import crypto from 'node:crypto';
import http from 'node:http';
import { Provider } from 'oidc-provider';

const server = http.createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

// Where everything is kept, so that it can be looked at from outside.
const kept = new Map();
class Store {
  constructor(kind) {
    this.prefix = `${kind}:`;
  }
  async upsert(id, payload) {
    kept.set(this.prefix + id, payload);
  }
  async find(id) {
    return kept.get(this.prefix + id);
  }
  async destroy(id) {
    kept.delete(this.prefix + id);
  }
  async consume(id) {
    const payload = await this.find(id);
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }
  async findByUid() {}
  async findByUserCode() {}
  async revokeByGrantId() {}
}

/** A new key, by way of its PEM: see oidc.mjs. */
const { privateKey } = crypto.generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const jwk = { ...crypto.createPrivateKey(privateKey).export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };

let rotate = true;
const provider = new Provider(issuer, {
  adapter: Store,
  jwks: { keys: [jwk] },
  scopes: ['openid', 'offline_access', 'api:read', 'api:write'],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
  cookies: { keys: ['test'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    registration: {
      enabled: true,
      initialAccessToken: true,
      policies: {
        change: (ctx, properties) => {
          if (ctx.method === 'PUT' && rotate && !('client_secret' in ctx.oidc.body)) {
            properties.client_secret = crypto.randomBytes(32).toString('base64url');
            properties.client_secret_expires_at = 0;
          }
        },
      },
    },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:test:api',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'api:read api:write', audience: 'urn:test:api', accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
    },
  },
  ttl: { ClientCredentials: 300, RegistrationAccessToken: 86400, InitialAccessToken: 3600 },
});
provider.on('server_error', (ctx, error) => console.error(error));

server.on('request', async (req, res) => {
  if (req.url !== '/__test') return provider.callback()(req, res);
  if (req.method === 'GET') {
    const clients = [...kept].filter(([key]) => key.startsWith('Client:')).map(([, client]) => client);
    return res.end(JSON.stringify({ clients }));
  }
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const told = JSON.parse(Buffer.concat(chunks));
  if ('rotate' in told) rotate = told.rotate;
  if (!told.initial_token) return res.end('{}');
  const token = await new provider.InitialAccessToken({ policies: ['change'] }).save();
  res.end(JSON.stringify({ token }));
});
console.log(issuer);
process.stdin.resume();
process.stdin.on('end', () => process.exit());
