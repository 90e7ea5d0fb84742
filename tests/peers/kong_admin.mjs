// A fake of the Admin API of Kong Gateway, as far as plugins, consumers and their groups and keys go. It is a fake
// because the gateway is no package of any registry that the tests reach. It is written after the published Admin
// API (3.x): it has a storage of its own, refuses fields that it does not know, values of other types, ids that are
// no UUIDs, references to what is not there and what is not unique, fills in defaults, filters by tags, and pages by
// `offset`. What it knows of plugins is a part: the four that matter here, and a field of each that is not told.

import { answer, object, serve, unknown } from './fake.mjs';

const TOKEN = 'gateway-secret';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// So small that a list of a few has several pages.
const MOST = 3;

const services = new Map();
const plugins = new Map();
const consumers = new Map();
const acls = new Map();
const keys = new Map();

const string = (value) => typeof value === 'string' && value.length > 0;
const boolean = (value) => typeof value === 'boolean';
const strings = (value) => Array.isArray(value) && value.every(string);
const record = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const lists = (value) => Array.isArray(value) && value.every(strings);
const tag = (value) => string(value) && !/[,/]/.test(value);
const tags = (value) => value === null || (Array.isArray(value) && value.every(tag));
const reference = (value) => value === null || (record(value) && Object.keys(value).join() === 'id' && UUID.test(value.id));
const seconds = (value) => Number.isInteger(value) && value >= 0 && value <= 100000000;

// Each field with its type and, unless it is required, its default.
const PLUGINS = {
  acl: { allow: [strings, null], deny: [strings, null], hide_groups_header: [boolean, false], always_use_authenticated_groups: [boolean, false] },
  'key-auth': { key_names: [strings, ['apikey']], hide_credentials: [boolean, true], key_in_header: [boolean, true], key_in_query: [boolean, true], key_in_body: [boolean, false], principals: [record, { enabled: false }] },
  'openid-connect': {
    issuer: [string], auth_methods: [strings, ['password']], scopes: [strings, ['openid']], consumer_claims: [lists, null], consumer_by: [strings, ['username', 'custom_id']],
    cache_tokens: [boolean, true], hide_credentials: [boolean, true], principals: [record, { enabled: false }],
  },
  'rate-limiting': { minute: [Number.isInteger, null], policy: [string, 'local'] },
};

const KINDS = {
  services: { name: [string, null], host: [string], tags: [tags, null] },
  plugins: { name: [string], service: [reference, null], route: [reference, null], consumer: [reference, null], config: [record, {}], enabled: [boolean, true], protocols: [strings, ['grpc', 'grpcs', 'http', 'https']], tags: [tags, null] },
  consumers: { username: [string, null], custom_id: [string, null], tags: [tags, null] },
  acls: { group: [string], consumer: [reference], tags: [tags, null] },
  'key-auths': { key: [string], ttl: [seconds, null], consumer: [reference], tags: [tags, null] },
};
const STORES = { services, plugins, consumers, acls, 'key-auths': keys };

const schema = (fields) => answer(400, { code: 2, name: 'schema violation', message: 'schema violation', fields });
const foreign = (id) => answer(400, { code: 4, name: 'invalid foreign key', message: `the foreign key '${id}' does not reference an existing entity` });
const unique = (field, value) => answer(409, { code: 5, name: 'unique constraint violation', message: `UNIQUE violation detected on '{${field}="${value}"}'` });
const missing = () => answer(404, { message: 'Not found' });

/** An object with all its fields, or the faults of it. */
function filled(given, fields) {
  const faults = Object.fromEntries(unknown(given, Object.keys(fields)).map((name) => [name, 'unknown field']));
  const whole = {};
  for (const [name, [type, ...fallback]] of Object.entries(fields)) {
    if (given[name] === undefined || (given[name] === null && fallback.length)) {
      if (fallback.length) whole[name] = fallback[0];
      else faults[name] = 'required field missing';
    } else if (type(given[name])) whole[name] = given[name];
    else faults[name] = 'expected something else';
  }
  return { whole, faults: Object.keys(faults).length ? faults : null };
}

function put(kind, id, given) {
  if (!UUID.test(id)) return schema({ id: 'expected a valid UUID' });
  const { whole, faults } = filled(given, KINDS[kind]);
  if (faults) return schema(faults);
  for (const [name, store] of [['service', services], ['consumer', consumers]]) {
    if (whole[name] && !store.has(whole[name].id)) return foreign(whole[name].id);
  }
  const others = [...STORES[kind].values()].filter((one) => one.id !== id);
  const clash = (...fields) => others.find((one) => fields.every((name) => JSON.stringify(one[name]) === JSON.stringify(whole[name])));
  if (kind === 'plugins') {
    const known = PLUGINS[whole.name];
    if (!known) return schema({ name: `plugin '${whole.name}' not enabled` });
    const config = filled(whole.config, known);
    if (config.faults) return schema({ config: config.faults });
    if (whole.name === 'acl' && (config.whole.allow === null) === (config.whole.deny === null)) return schema({ '@entity': ['one of these must be set: config.allow, config.deny'] });
    whole.config = config.whole;
    if (clash('name', 'service', 'route', 'consumer')) return unique('name', whole.name);
  }
  if (kind === 'consumers') {
    if (!whole.username && !whole.custom_id) return schema({ '@entity': ['at least one of these must be set: custom_id, username'] });
    for (const field of ['username', 'custom_id']) if (whole[field] && clash(field)) return unique(field, whole[field]);
  }
  if (kind === 'acls' && clash('consumer', 'group')) return unique('group', whole.group);
  if (kind === 'key-auths') {
    if (clash('key')) return unique('key', whole.key);
    whole.until = whole.ttl ? Date.now() + whole.ttl * 1000 : null;
  }
  const before = STORES[kind].get(id);
  STORES[kind].set(id, { id, created_at: before?.created_at ?? Math.floor(Date.now() / 1000), ...whole });
  return answer(200, shown(STORES[kind].get(id)));
}

/** As it is shown: what is left of a key's time. */
function shown(it) {
  if (!('until' in it)) return it;
  const { until, ...rest } = it;
  return { ...rest, ttl: until ? Math.ceil((until - Date.now()) / 1000) : null };
}

function remove(kind, id) {
  STORES[kind].delete(id);
  if (kind === 'consumers') for (const store of [acls, keys, plugins]) for (const [key, one] of store) if (one.consumer?.id === id) store.delete(key);
  return answer(204);
}

function list(kind, query) {
  const size = Math.min(Number(query.get('size') ?? 100), MOST);
  const start = query.has('offset') ? Number(Buffer.from(query.get('offset'), 'base64').toString()) : 0;
  if (!Number.isInteger(start)) return answer(400, { code: 7, name: 'invalid offset', message: 'invalid offset' });
  const wanted = query.get('tags')?.split(',') ?? [];
  const all = [...STORES[kind].values()].filter((one) => wanted.every((name) => one.tags?.includes(name)));
  const next = start + size < all.length ? Buffer.from(String(start + size)).toString('base64') : null;
  return answer(200, { data: all.slice(start, start + size).map(shown), offset: next ?? undefined, next: next && `/${kind}?offset=${next}` });
}

function handle(request) {
  const { method, path, query, headers } = request;
  if (headers['kong-admin-token'] !== TOKEN) return answer(401, { message: 'Unauthorized' });
  const [, kind, id, below, inner, more] = path.split('/');
  if (more !== undefined || !STORES[kind]) return missing();
  if (method === 'GET' && id === undefined) return list(kind, query);
  const body = method === 'PUT' ? object(request) : {};
  if (!body) return answer(400, { message: 'Cannot parse JSON body' });
  const name = { acls: 'acls', 'key-auth': 'key-auths' }[below];
  if (below !== undefined) {
    if (kind !== 'consumers' || !name || !inner || !consumers.has(id)) return missing();
    if (method === 'PUT') return put(name, inner, { ...body, consumer: { id } });
    if (method === 'DELETE') return STORES[name].get(inner)?.consumer.id === id ? remove(name, inner) : answer(204);
    return answer(405, { message: 'Method not allowed' });
  }
  if (method === 'PUT') return put(kind, id, body);
  if (method === 'DELETE') return remove(kind, id);
  if (method === 'GET') return STORES[kind].has(id) ? answer(200, shown(STORES[kind].get(id))) : missing();
  return answer(405, { message: 'Method not allowed' });
}

const all = (store) => [...store.values()].map(shown);
const state = () => ({ services: all(services), plugins: all(plugins), consumers: all(consumers), acls: all(acls), 'key-auths': all(keys) });

// `put: [kind, id, body]` makes an entity as somebody else would.
const fake = await serve(handle, state, STORES, (told) => {
  if (!told.put) return;
  const [kind, id, body] = told.put;
  const made = put(kind, id, body);
  if (made.status !== 200) throw new Error(JSON.stringify(made.json));
});
fake.ready();
