// The stand-in as a team's CI uses it: fifty suites side by side, each in its own organization; a year that passes; a
// run with faults that is run again. It needs Node.js 18 and nothing else, and LATCHKEY_URL from `latchkey env`.

import assert from "node:assert/strict";

const base = process.env.LATCHKEY_URL;

/** A call; the status, and the body if there is one. */
async function call(method, path, { token, body } = {}) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await fetch(base + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, retryAfter: answer.headers.get("retry-after"), body: text ? JSON.parse(text) : null };
}

async function ok(method, path, options) {
  const answer = await call(method, path, options);
  assert.ok(answer.status < 300, `${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const organization = (body = {}) => ok("POST", "/stand-in/organizations", { body });
const remove = (made) => ok("DELETE", `/stand-in/organizations/${made.organization_id}`);

/** What one suite does; it must find what it made, and nothing of the others. */
async function suite(number) {
  const made = await organization({ name: `Suite ${number}` });
  const { token } = made;
  const teams = [];
  for (let n = 0; n < 5; n++) {
    teams.push((await ok("POST", "/v3/teams", { token, body: { name: `Team ${n} of ${number}` } })).id);
  }
  const account = await ok("POST", "/v3/system-accounts", { token, body: { name: "deployer", description: "" } });
  await ok("POST", `/v3/teams/${teams[0]}/system-accounts`, { token, body: { id: account.id } });
  const own = await ok("GET", "/v3/teams?filter[system_team]=false&page[size]=100", { token });
  assert.deepEqual(own.data.map((team) => team.id).sort(), [...teams].sort());
  assert.equal(own.meta.page.total, 5);
  assert.equal((await ok("GET", "/v3/system-accounts", { token })).meta.page.total, 1);
  return { made, team: teams[0] };
}

async function fiftySuites() {
  const suites = await Promise.all(Array.from({ length: 50 }, (_, number) => suite(number)));
  assert.equal(new Set(suites.map(({ made }) => made.organization_id)).size, 50);
  for (let n = 0; n < suites.length; n++) {
    const { token } = suites[(n + 1) % suites.length].made;
    assert.equal((await call("GET", `/v3/teams/${suites[n].team}`, { token })).status, 404);
  }
  await Promise.all(suites.map(({ made }) => remove(made)));
}

async function aYearAndADay() {
  const made = await organization({ clock: { now: "2030-01-01T00:00:00Z", pace: 0 } });
  const other = await organization();
  const { token } = made;
  const account = await ok("POST", "/v3/system-accounts", { token, body: { name: "deployer", description: "" } });
  const body = { name: "ci", expires_at: "2030-12-31T00:00:00Z" };
  const made2 = await ok("POST", `/v3/system-accounts/${account.id}/access-tokens`, { token, body });
  const me = "/v3/organizations/me";
  assert.equal((await call("GET", me, { token: made2.token })).status, 200);
  const clock = `/stand-in/organizations/${made.organization_id}/clock`;
  const there = await ok("PUT", clock, { body: { advance_seconds: 366 * 24 * 3600 } });
  assert.equal(there.now, "2031-01-02T00:00:00.000Z");
  assert.equal((await call("GET", me, { token: made2.token })).status, 401);
  assert.equal((await call("GET", me, { token })).status, 401);
  assert.equal((await call("GET", me, { token: other.token })).status, 200);
  await Promise.all([remove(made), remove(other)]);
}

/** What a run sees, with faults: what it asked, what it was told, or that nobody answered. */
async function run() {
  const made = await organization({ random: 42, clock: { now: "2030-01-01T00:00:00Z", pace: 0 } });
  const { token } = made;
  const profile = {
    name: "rough",
    random: 1,
    rules: [
      {
        operations: ["create-*", "post-*", "update-*"],
        latency: { distribution: "uniform", least_milliseconds: 0, most_milliseconds: 3 },
        errors: { status: 503, percent: 20, burst: 2, retry_after_seconds: 1 },
        drops: { percent: 15, done_first: true },
      },
      { operations: ["list-*"], rate_limit: { budget: 15, window_seconds: 60 } },
    ],
  };
  await ok("PUT", `/stand-in/organizations/${made.organization_id}/faults`, { body: { profile } });
  const seen = [];
  const step = async (method, path, body) => {
    const answer = await call(method, path, { token, body }).catch(() => null);
    // The number of a request is no request's before.
    const shown = answer && { ...answer, body: { ...answer.body, instance: undefined } };
    seen.push([method, path, JSON.stringify(shown)]);
    return answer;
  };
  for (let n = 0; n < 20; n++) {
    await step("POST", "/v3/teams", { name: `Team ${n}` });
    const list = await step("GET", "/v3/teams?filter[system_team]=false&page[size]=1");
    const id = list.body?.data?.[0]?.id;
    if (id) await step("PATCH", `/v3/teams/${id}`, { description: `Seen ${n} times` });
  }
  await remove(made);
  return seen;
}

async function theSameFaultsAgain() {
  const [first, second] = [await run(), await run()];
  assert.deepEqual(second, first);
  const statuses = new Set(first.map(([, , answer]) => JSON.parse(answer)?.status ?? "dropped"));
  for (const kind of [200, 201, 429, 503, "dropped"]) assert.ok(statuses.has(kind), `no ${kind} in ${[...statuses]}`);
}

const tests = { fiftySuites, aYearAndADay, theSameFaultsAgain };
for (const [name, test] of Object.entries(tests)) {
  await test();
  console.log(`ok ${name}`);
}
