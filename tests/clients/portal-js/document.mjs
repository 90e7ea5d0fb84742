// The document that the SDK is made from, and brings along: every reply is held against it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv from 'ajv';
import formats from 'ajv-formats';
import yaml from 'yaml';

const file = createRequire(import.meta.url).resolve('@kong/sdk-portal-js/openapi.yaml');
const document = yaml.parse(readFileSync(file, 'utf8'));
const ajv = new Ajv({ strict: false, allErrors: true });
formats(ajv);
/** Where `null` is allowed it is one of the choices, which the document takes for granted. */
const choices = (it) => {
  if (it?.nullable && it.enum) it.enum.push(null);
  Object.values(it ?? {}).forEach((inner) => typeof inner === 'object' && choices(inner));
};
choices(document);
ajv.addSchema({ $id: 'portal', ...document });

/** What a reference leads to. */
const resolve = (it) =>
  it?.$ref ? resolve(it.$ref.slice(2).split('/').reduce((at, name) => at[name], document)) : it;

/** The operation that answers a path. */
function operation(method, path) {
  const parts = path.split('/');
  const fits = (template) => {
    const wanted = template.split('/');
    return wanted.length === parts.length && wanted.every((it, n) => it === parts[n] || it.startsWith('{'));
  };
  // Those without parameters first: `auth-strategies` is no application's id.
  const found = Object.keys(document.paths).filter(fits).sort((a, b) => a.split('{').length - b.split('{').length);
  return document.paths[found[0]]?.[method];
}

/** The ids of the operations that were called. */
export const called = new Set();

/** What is wrong with a reply, by what the document says of it. */
export function faults(method, path, status, body) {
  const found = operation(method.toLowerCase(), path);
  assert.ok(found, `${method} ${path} is in no document`);
  called.add(found.operationId);
  const reply = resolve(found.responses[status]);
  if (!reply) return [`${found.operationId} answers ${status}, which is not declared`];
  const schema = Object.values(reply.content ?? {})[0]?.schema;
  if (!schema) return [];
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"portal#/')));
  validate(body);
  return (validate.errors ?? []).map(({ instancePath, message, params }) =>
    `${found.operationId} ${status}: ${instancePath} ${message} ${JSON.stringify(params)}`);
}
