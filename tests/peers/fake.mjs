// What the fakes of vendors share. They are fakes because the vendors offer nothing that runs here; each checks
// every request against what its vendor publishes, and keeps what it was told in a storage of its own.
//
// A fake is started as NAME.mjs KEY CERTIFICATE STORAGE, and prints two addresses: the one by TLS, as the vendor has it,
// and one in clear, which has /__test besides. STORAGE is a file that is written before anything is answered; whoever
// starts a fake again with it has the same fake, at the same addresses.
//   GET   what the fake has, the requests that it got since its start, and how often it was started
//   POST  { trouble: [...] }: requests that go wrong, each { method, path, times, … } with
//           status, headers, body   what is answered
//           how     `late` (after a second and a half), `hang` (no answer), `cut` (the connection breaks), `half` (half an
//                   answer), `die` (the fake gets SIGKILL; whoever started it starts it again)
//           after   whether the request is worked off first
//         and what else the fake can be told

import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';

/** An answer. */
export const answer = (status, json, headers = {}) => ({ status, json, headers });

/** What a storage has, as JSON: maps and sets by their entries. */
const written = (kept) =>
  JSON.stringify(kept, (_, value) => (value instanceof Map || value instanceof Set ? { kind: value.constructor.name, entries: [...value] } : value));

/** Puts what was written into the maps, sets, lists and objects that it was written from. */
function fill(kept, text) {
  const read = (_, value) => (value?.kind === 'Map' ? new Map(value.entries) : value?.kind === 'Set' ? new Set(value.entries) : value);
  for (const [name, value] of Object.entries(JSON.parse(text, read))) {
    const place = kept[name];
    if (place instanceof Map || place instanceof Set) {
      place.clear();
      value.forEach((one, key) => (place instanceof Map ? place.set(key, one) : place.add(one)));
    } else if (Array.isArray(place)) place.splice(0, place.length, ...value);
    else Object.assign(place, value);
  }
}

/**
 * Starts the fake. `handle` answers requests, `state` tells what there is, `tell` takes what it is told; `kept` is its
 * storage: maps, sets, lists and objects by name.
 */
export async function serve(handle, state, kept, tell = () => {}) {
  const [key, certificate, storage] = process.argv.slice(2);
  const ports = { tls: 0, clear: 0 };
  const runs = { starts: 0 };
  const whole = { ports, runs, ...kept };
  if (fs.existsSync(storage)) fill(whole, fs.readFileSync(storage, 'utf8'));
  runs.starts += 1;
  let last = '';
  function keep() {
    const text = written(whole);
    if (text === last) return;
    // Whoever is killed here leaves the old one or the new one.
    fs.writeFileSync(`${storage}.new`, text);
    fs.renameSync(`${storage}.new`, storage);
    last = text;
  }
  let trouble = [];
  const seen = [];

  async function respond(req, res) {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const url = new URL(req.url, base);
    const path = url.pathname;
    const type = (req.headers['content-type'] ?? '').split(';')[0];
    seen.push({ method: req.method, path, query: url.search, type: req.headers['content-type'] ?? null, body, headers: req.headers });
    const known = trouble.find((one) => one.times > 0 && one.method === req.method && new RegExp(one.path).test(path));
    const request = { method: req.method, path, query: url.searchParams, headers: req.headers, type, body };
    if (known) known.times -= 1;
    const worked = known && !known.after ? answer(known.status ?? 500, undefined) : await handle(request);
    const given = worked ?? answer(404, { error: 'Not Found' });
    keep();
    if (known?.how === 'late') await new Promise((ready) => setTimeout(ready, 1500));
    if (known?.how === 'hang') return;
    if (known?.how === 'cut') return res.destroy();
    if (known?.how === 'die') return process.kill(process.pid, 'SIGKILL');
    let text = given.json === undefined ? '' : JSON.stringify(given.json);
    if (known && 'body' in known) text = known.body;
    if (known?.how === 'half') {
      res.writeHead(given.status, { 'content-type': 'application/json', 'content-length': text.length + 50 });
      res.write(text.slice(0, text.length / 2));
      return setTimeout(() => res.destroy(), 20);
    }
    const headers = text ? { 'content-type': 'application/json', ...given.headers } : given.headers;
    res.writeHead(known?.status ?? given.status, { ...headers, ...known?.headers });
    res.end(text);
  }

  async function test(req, res) {
    if (req.method === 'GET') return res.end(JSON.stringify({ ...state(), seen, starts: runs.starts }));
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const told = JSON.parse(Buffer.concat(chunks));
    if (told.trouble) trouble = told.trouble.map((one) => ({ times: 1, ...one }));
    if (told.forget) seen.length = 0;
    tell(told);
    keep();
    res.end('{}');
  }

  const guarded = (work) => (req, res) =>
    work(req, res).catch((error) => {
      console.error(error);
      res.statusCode = 500;
      res.end(String(error?.stack));
    });
  /** The port that it listens on: one of its choice, or this one, as soon as nobody else has it. */
  const listening = (server, port) =>
    new Promise((ready) => {
      server.on('error', (error) => {
        if (error.code !== 'EADDRINUSE') throw error;
        setTimeout(() => server.listen(port, '127.0.0.1'), 50);
      });
      server.listen(port, '127.0.0.1', () => ready(server.address().port));
    });
  const tls = https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate) }, guarded(respond));
  const clear = http.createServer(guarded((req, res) => (req.url === '/__test' ? test(req, res) : respond(req, res))));
  ports.tls = await listening(tls, ports.tls);
  ports.clear = await listening(clear, ports.clear);
  keep();
  const base = `https://localhost:${ports.tls}`;
  const plain = `http://127.0.0.1:${ports.clear}`;
  process.stdin.resume();
  process.stdin.on('end', () => process.exit());
  return { base, plain, ready: () => console.log(`${base} ${plain}`) };
}

/** The claims of a token that the fake made. Nobody verifies them but the fake. */
export const mint = (claims) => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.fake`;
};
export const claims = (authorization = '') => {
  const token = /^Bearer (.+)$/.exec(authorization)?.[1];
  if (!token?.endsWith('.fake')) return null;
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
};

/** The fields of a form, or of JSON where a vendor takes both. */
export const fields = ({ type, body }) => {
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(body));
  try {
    return type === 'application/json' ? JSON.parse(body) : {};
  } catch {
    return {};
  }
};

/** A body that has to be a JSON object. */
export const object = ({ type, body }) => {
  if (type !== 'application/json') return null;
  try {
    const value = JSON.parse(body);
    return value && typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
};

/** Members of an object that are none of these. */
export const unknown = (value, known) => Object.keys(value).filter((name) => !known.includes(name));

/** Whether a text is an absolute URL. */
export const isUrl = (text) => typeof text === 'string' && URL.canParse(text);
