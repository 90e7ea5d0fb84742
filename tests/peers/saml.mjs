// A SAML identity provider on the loopback, built on the npm package samlify. Whoever comes is signed in as the
// person that was named last, by a form that the browser has to send on.
//
// saml.mjs KEY CERTIFICATE    Prints its address, under which /metadata and /sso lie. What it is told on POST
// /__test, as JSON, changes it:
//   sp        the metadata of the service that it signs people in to
//   person    the name id, its format and the attributes of whoever comes next
//   sign      what it signs: assertion, message, both or none
//   tamper    what the next answers say wrongly, each signed all the same
//   pair      another key and certificate: which key signs, and which certificates its metadata shows
//   wants_signed  whether it takes signed requests only
//   bindings  which bindings its metadata offers

import fs from 'node:fs';
import http from 'node:http';
import * as samlify from 'samlify';

// The answers are what is tested; the requests come from the service under test.
samlify.setSchemaValidator({ validate: async () => 'fine' });

const [keyFile, certificateFile] = process.argv.slice(2);
const read = (file) => fs.readFileSync(file, 'utf8');
const server = http.createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const address = `http://127.0.0.1:${server.address().port}`;

const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
let person = { id: 'ann-1', format: PERSISTENT, attributes: {} };
let sign = 'assertion';
let tamper = '';
let bindings = ['redirect', 'post'];
let pair = { key: read(keyFile), shown: [read(certificateFile)] };
let wantsSigned = false;
let sp;

const binding = (name) => `urn:oasis:names:tc:SAML:2.0:bindings:HTTP-${name === 'post' ? 'POST' : 'Redirect'}`;
const provider = (shown) =>
  samlify.IdentityProvider({
    entityID: `${address}/metadata`,
    privateKey: pair.key,
    signingCert: shown,
    wantAuthnRequestsSigned: wantsSigned,
    isAssertionEncrypted: tamper === 'encrypted',
    requestSignatureAlgorithm: tamper === 'weak' ? 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' : 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    messageSigningOrder: 'sign-then-encrypt',
    dataEncryptionAlgorithm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
    keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
    singleSignOnService: bindings.map((name) => ({ Binding: binding(name), Location: `${address}/sso` })),
    loginResponseTemplate: { context: '<samlp:Response/>' },
  });

const escape = (text) =>
  String(text).replace(/[&<>"]/g, (it) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[it]);

/** The answer's text before it is signed. */
function written(requestId, acs, audience) {
  const time = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();
  const wrong = (what, wrongly, rightly) => (tamper === what ? wrongly : rightly);
  const issuer = escape(wrong('issuer', 'https://evil.test/metadata', `${address}/metadata`));
  const answers = wrong('request', '_another', requestId);
  const attributes = Object.entries(person.attributes).map(([name, value]) => {
    const values = [value].flat().map((one) => `<saml:AttributeValue>${escape(one)}</saml:AttributeValue>`);
    return `<saml:Attribute Name="${escape(name)}">${values.join('')}</saml:Attribute>`;
  });
  const until = wrong('expired', time(-10), time(5));
  const from = wrong('not yet valid', time(10), time(-1));
  const confirmation = `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:${wrong('no bearer', 'sender-vouches', 'bearer')}"><saml:SubjectConfirmationData NotOnOrAfter="${wrong('confirmed too late', time(-10), time(5))}" Recipient="${escape(wrong('recipient', 'https://evil.test/acs', acs))}" InResponseTo="${wrong('confirmed request', '_another', answers)}"/></saml:SubjectConfirmation>`;
  const restriction = `<saml:AudienceRestriction><saml:Audience>${escape(wrong('audience', 'https://evil.test/sp', audience))}</saml:Audience></saml:AudienceRestriction>`;
  const status = wrong('failed', 'Responder', 'Success');
  return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r${process.hrtime.bigint()}" Version="2.0" IssueInstant="${time(0)}" Destination="${escape(wrong('destination', 'https://evil.test/acs', acs))}" InResponseTo="${answers}"><saml:Issuer>${issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${status}"/></samlp:Status><saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a${process.hrtime.bigint()}" Version="2.0" IssueInstant="${time(0)}"><saml:Issuer>${issuer}</saml:Issuer><saml:Subject><saml:NameID Format="${escape(person.format)}">${escape(person.id)}</saml:NameID>${confirmation}</saml:Subject><saml:Conditions NotBefore="${from}" NotOnOrAfter="${until}">${wrong('no audience', '', restriction)}</saml:Conditions><saml:AuthnStatement AuthnInstant="${time(0)}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>${attributes.join('')}</saml:AttributeStatement></saml:Assertion></samlp:Response>`;
}

async function signIn(url, form) {
  const meta = samlify.ServiceProvider({ metadata: sp }).entityMeta;
  const acs = meta.getAssertionConsumerService('post');
  const service = samlify.ServiceProvider({
    ...(tamper === 'encrypted' ? { metadata: sp } : {}),
    entityID: meta.getEntityID(),
    assertionConsumerService: [{ Binding: binding('post'), Location: acs }],
    wantAssertionsSigned: ['assertion', 'both'].includes(sign),
    wantMessageSigned: ['message', 'both'].includes(sign),
  });
  const idp = provider(pair.shown[0]);
  const signedOnes = samlify.ServiceProvider({ metadata: sp.replace('AuthnRequestsSigned="false"', `AuthnRequestsSigned="${wantsSigned}"`) });
  const how = form ? 'post' : 'redirect';
  const got = form ?? Object.fromEntries(url.searchParams);
  const octetString = ['SAMLRequest', 'RelayState', 'SigAlg'].filter((name) => name in got).map((name) => `${name}=${encodeURIComponent(got[name])}`).join('&');
  const request = await idp.parseLoginRequest(signedOnes, how, { query: got, body: got, octetString });
  const tagged = () => ({ id: '_unused', context: written(request.extract.request.id, acs, meta.getEntityID()) });
  const answer = await idp.createLoginResponse(service, request, 'post', {}, tagged);
  return `<form method="post" action="${escape(acs)}"><input type="hidden" name="SAMLResponse" value="${answer.context}"><input type="hidden" name="RelayState" value="${escape(got.RelayState ?? '')}"><button>Send</button></form>`;
}

server.on('request', async (req, res) => {
  try {
    const url = new URL(req.url, address);
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    if (url.pathname === '/metadata') {
      res.setHeader('content-type', 'application/samlmetadata+xml');
      return res.end(provider(pair.shown).getMetadata());
    }
    if (url.pathname === '/sso') {
      const form = req.method === 'POST' ? Object.fromEntries(new URLSearchParams(body)) : null;
      res.setHeader('content-type', 'text/html');
      return res.end(await signIn(url, form));
    }
    if (url.pathname !== '/__test') {
      res.statusCode = 404;
      return res.end();
    }
    const told = JSON.parse(body);
    if (told.sp) sp = told.sp;
    if (told.person) person = { format: PERSISTENT, ...told.person };
    if (told.sign) sign = told.sign;
    if ('tamper' in told) tamper = told.tamper;
    if (told.pair) pair = { key: read(told.pair.key), shown: told.pair.shown.map(read) };
    if ('wants_signed' in told) wantsSigned = told.wants_signed;
    if (told.bindings) bindings = told.bindings;
    res.end('{}');
  } catch (error) {
    console.error(error);
    res.statusCode = 500;
    res.end(String(error?.stack ?? error));
  }
});
console.log(address);
process.stdin.resume();
process.stdin.on('end', () => process.exit());
