//! The gateway: what it is to have, pushing that to it, and answering it. The gateway here is a fake of the Admin
//! API; see `tests/peers/kong_admin.mjs`.

use std::{collections::BTreeSet, time::Duration};

use appauth::gateway::{
    plan::Plan,
    sync::{Failure, expire, plan, sync_now},
    worker::work_off,
};
use serde_json::{Value, json};
use tests::{Client, Developer, Engine, Registry, Site, TestApp, on_both};

use crate::{
    all,
    applications::{oidc_provider, published},
    hours, id, text,
};

const STRATEGIES: &str = "/v2/application-auth-strategies";
const CONFIGURATION: &str = "/v3/gateway/configuration";
const STATUS: &str = "/v3/gateway/status";
const CHECK: &str = "/v3/gateway/check";
const OWN: &str = "/api/v3/applications";
const CONTROL_PLANE: &str = "5f8ad4e2-3a51-4c0b-8d53-0f0c1de4a9a1";
/// The service of the API that takes keys.
const ORDERS: &str = "11111111-1111-4111-8111-111111111111";
/// The service of the API that takes tokens.
const WEATHER: &str = "22222222-2222-4222-8222-222222222222";
const MONTH: u64 = 30 * 24;

/// An organization with two APIs that are services, one that takes keys and one that takes tokens, and an application
/// registered for each.
struct Shop {
    app: TestApp,
    site: Site,
    keys: Value,
    tokens: Value,
    orders: Value,
    weather: Value,
    ann: Developer,
    by_key: Value,
    by_token: Value,
    key: Value,
    registration: Value,
}

async fn strategy(app: &TestApp, name: &str, configs: Value) -> Value {
    let kind = if configs.get("key-auth").is_some() { "key_auth" } else { "openid_connect" };
    let new = json!({ "name": name, "display_name": name, "strategy_type": kind, "configs": configs });
    app.owner.post(STRATEGIES, new).await.expect(201)
}

async fn publish(app: &TestApp, api: &Value, site: &Site, strategy: Value) {
    let ids = if strategy.is_null() { Value::Null } else { json!([id(&strategy)]) };
    let body =
        json!({ "auth_strategy_ids": ids, "auto_approve_registrations": true, "visibility": "public" });
    app.owner.put(&format!("/v3/apis/{}/publications/{}", id(api), site.id), body).await.expect(200);
}

async fn link(app: &TestApp, api: &Value, service: &str) -> Value {
    let body = json!({ "service": { "id": service, "control_plane_id": CONTROL_PLANE } });
    app.owner.post(&format!("/v3/apis/{}/implementations", id(api)), body).await.expect(201)
}

impl Shop {
    async fn open(app: TestApp) -> Self {
        let key_auth = json!({ "key_names": ["x-key"], "ttl": { "value": 30, "unit": "days" } });
        let keys = strategy(&app, "Keys", json!({ "key-auth": key_auth })).await;
        let openid = json!({
            "issuer": "https://idp.test", "credential_claim": ["realm", "azp"], "scopes": ["openid"],
            "auth_methods": ["bearer"], "cache_tokens": false,
        });
        let tokens = strategy(&app, "Tokens", json!({ "openid-connect": openid })).await;
        let site = app.portal("Public", json!({ "default_application_auth_strategy_id": id(&keys) })).await;
        let api = |name: &str| app.owner.post("/v3/apis", json!({ "name": name }));
        let (orders, weather) = (api("Orders").await.expect(201), api("Weather").await.expect(201));
        publish(&app, &orders, &site, keys.clone()).await;
        publish(&app, &weather, &site, tokens.clone()).await;
        link(&app, &orders, ORDERS).await;
        link(&app, &weather, WEATHER).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let by_key = ann.client.post(OWN, json!({ "name": "By key" })).await.expect(201);
        let new = json!({ "name": "By token", "auth_strategy_id": id(&tokens), "client_id": "umbrella" });
        let by_token = ann.client.post(OWN, new).await.expect(201);
        let registration = register(&ann.client, &by_key, &orders).await;
        register(&ann.client, &by_token, &weather).await;
        let key = ann.client.post(&format!("{OWN}/{}/credentials", id(&by_key)), json!({})).await.expect(201);
        Self { app, site, keys, tokens, orders, weather, ann, by_key, by_token, key, registration }
    }

    /// One whose gateway is this.
    async fn before(engine: Engine, registry: &Registry) -> Self {
        Self::open(before(engine, registry, "gateway-secret").await).await
    }

    async fn configuration(&self) -> Value {
        self.app.owner.get(CONFIGURATION).await.expect(200)
    }

    async fn plan(&self) -> Plan {
        plan(&self.app.app, self.app.org).await.expect("a plan")
    }

    /// Does what is due; then there is nothing to do, and the status says so.
    async fn follow(&self) {
        work_off(&self.app.app).await.expect("it works");
        assert_eq!(lines(&self.plan().await), [""; 0]);
        let status = self.app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["pending"], &status["problem"]), (&json!(false), &Value::Null), "{status}");
    }

    async fn check(&self, api: &Value, how: (&str, &str)) -> Value {
        self.app.owner.post(CHECK, json!({ "api_id": id(api), how.0: how.1 })).await.expect(200)
    }
}

async fn register(developer: &Client, application: &Value, api: &Value) -> Value {
    let path = format!("{OWN}/{}/registrations", id(application));
    developer.post(&path, json!({ "api_id": id(api) })).await.expect(201)
}

/// A server whose gateway is this, and which knows this token of it.
async fn before(engine: Engine, registry: &Registry, token: &str) -> TestApp {
    let authority = registry.authority();
    for (service, name) in [(ORDERS, "orders"), (WEATHER, "weather")] {
        let body = json!({ "name": name, "host": "upstream.test", "tags": ["by-hand"] });
        registry.tell(json!({ "put": ["services", service, body] })).await;
    }
    let settings = [
        ("GATEWAY_ADMIN_URL", &*registry.base),
        ("GATEWAY_ADMIN_TOKEN", token),
        ("OUTBOUND_CA_FILE", authority.to_str().expect("text")),
    ];
    TestApp::with(engine, &settings).await
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.line()).collect()
}

/// What the gateway has of a kind, by one of its members.
async fn has(registry: &Registry, kind: &str, member: &str) -> Vec<Value> {
    let state = registry.state().await;
    state[kind].as_array().expect("a list").iter().map(|it| it[member].clone()).collect()
}

/// The plugins that a service has, without those of others.
async fn plugins_of(registry: &Registry, service: &str) -> BTreeSet<String> {
    let state = registry.state().await;
    let plugins = state["plugins"].as_array().expect("plugins").iter();
    let of =
        plugins.filter(|it| it["service"]["id"] == service && it["tags"].to_string().contains("latchkey"));
    of.map(|it| text(it, "name").to_owned()).collect()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

on_both! {
    /// An API is linked to a service, once; the link is found, and goes again.
    async fn links(engine: Engine) {
        let app = TestApp::new(engine).await;
        let api = app.owner.post("/v3/apis", json!({ "name": "Orders" })).await.expect(201);
        let other = app.owner.post("/v3/apis", json!({ "name": "Weather" })).await.expect(201);
        let made = link(&app, &api, ORDERS).await;
        let expected = json!({
            "id": made["id"], "api_id": id(&api), "service": { "id": ORDERS, "control_plane_id": CONTROL_PLANE },
            "created_at": made["created_at"], "updated_at": made["created_at"],
        });
        assert_eq!(made, expected);
        let of = |api: &Value| format!("/v3/apis/{}/implementations", id(api));
        let one = format!("{}/{}", of(&api), id(&made));
        assert_eq!(app.owner.get(&one).await.expect(200), made);
        app.owner.get(&format!("{}/{}", of(&other), id(&made))).await.expect(404);
        let body = |service: &str| json!({ "service": { "id": service, "control_plane_id": CONTROL_PLANE } });
        let again = app.owner.post(&of(&api), body(WEATHER)).await.expect(409);
        assert_eq!(again["detail"], "The API has an implementation already");
        let taken = app.owner.post(&of(&other), body(ORDERS)).await.expect(409);
        assert_eq!(taken["detail"], "Another API is implemented by this service already");
        let bad = json!({ "service": { "id": "x", "name": "orders" }, "more": 1 });
        let fields = app.owner.post(&of(&other), bad).await.bad_fields();
        assert_eq!(fields.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from([
            "more", "service.control_plane_id", "service.id", "service.name",
        ]));
        // Another organization may have the same service at a gateway of its own.
        let rival = app.rival("owner@rival.test").await;
        let theirs = rival.owner.post("/v3/apis", json!({ "name": "Orders" })).await.expect(201);
        link(&rival, &theirs, ORDERS).await;
        rival.owner.get(&one).await.expect(404);

        let second = link(&app, &other, WEATHER).await;
        for (query, found) in [
            ("", vec![&made, &second]),
            ("?sort=created_at desc", vec![&second, &made]),
            (&format!("?filter[api_id][eq]={}", id(&other)), vec![&second]),
            (&format!("?filter[service_id]={ORDERS}"), vec![&made]),
            ("?filter[control_plane_id]=11111111-1111-4111-8111-111111111111", vec![]),
        ] {
            let listed = app.owner.get(&format!("/v3/api-implementations{query}")).await.expect(200);
            assert_eq!(listed["data"], json!(found), "{query}");
        }
        app.owner.delete(&one).await.expect(204);
        app.owner.delete(&one).await.expect(404);
        link(&app, &api, ORDERS).await;
        // With the API its link goes.
        app.owner.delete(&format!("/v3/apis/{}", id(&api))).await.expect(204);
        assert_eq!(all(&app.owner.get("/v3/api-implementations").await.expect(200), "id"), [second["id"].clone()]);
        let status = app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["pushes"], &status["pending"]), (&json!(false), &json!(false)));
    }
}

on_both! {
    /// The whole document of a small world.
    async fn the_document(engine: Engine) {
        let shop = Shop::open(TestApp::with(engine, &[("GATEWAY_ADMIN_URL", "https://gateway.test")]).await).await;
        let found = shop.configuration().await;
        let document = &found["configuration"];
        let (plugins, consumers) = (&document["plugins"], &document["consumers"]);
        let tag = format!("latchkey-{}", shop.app.org);
        let tags = json!(["latchkey", tag]);
        let group = |api: &Value| format!("latchkey-{}", id(api));
        let plugin = |at: usize, name: &str, service: &str, config: Value| {
            let revision = &plugins[at]["tags"][2];
            assert!(revision.as_str().is_some_and(|it| it.starts_with("latchkey-rev-") && it.len() == 29), "{revision}");
            json!({
                "id": plugins[at]["id"], "name": name, "service": service, "enabled": true, "config": config,
                "tags": ["latchkey", tag, revision],
            })
        };
        let ttl = consumers[0]["keyauth_credentials"][0]["ttl"].as_u64().expect("a number");
        assert!((MONTH * 3600 - 600..=MONTH * 3600).contains(&ttl), "{ttl}");
        // By their custom ids: an application's id is in front of a word.
        let expected = json!({
            "_format_version": "3.0",
            "_info": { "select_tags": [tag] },
            "plugins": [
                plugin(0, "acl", ORDERS, json!({ "allow": [group(&shop.orders)], "hide_groups_header": true })),
                plugin(1, "key-auth", ORDERS, json!({ "key_names": ["x-key"], "hide_credentials": true })),
                plugin(2, "acl", WEATHER, json!({ "allow": [group(&shop.weather)], "hide_groups_header": true })),
                plugin(3, "openid-connect", WEATHER, json!({
                    "cache_tokens": false, "issuer": "https://idp.test", "auth_methods": ["bearer"], "scopes": ["openid"],
                    "consumer_claims": [["realm", "azp"]], "consumer_by": ["custom_id", "username"],
                })),
            ],
            "consumers": [
                {
                    "id": consumers[0]["id"], "custom_id": id(&shop.by_key), "tags": tags,
                    "acls": [{ "id": consumers[0]["acls"][0]["id"], "group": group(&shop.orders), "tags": tags }],
                    "keyauth_credentials": [{
                        "id": consumers[0]["keyauth_credentials"][0]["id"], "key": shop.key["credential"], "ttl": ttl,
                        "tags": tags,
                    }],
                },
                {
                    "id": consumers[1]["id"], "custom_id": "umbrella", "tags": tags,
                    "acls": [{ "id": consumers[1]["acls"][0]["id"], "group": group(&shop.weather), "tags": tags }],
                    "keyauth_credentials": [],
                },
            ],
        });
        assert_eq!(found, json!({ "configuration": expected, "warnings": [] }));
        let mut ids = BTreeSet::new();
        collect_ids(document, &mut ids);
        assert_eq!(ids.len(), 4 + 2 + 2 + 1, "each has an id of its own");

        // The same once more, and no other organization's.
        let mut again = shop.configuration().await;
        again["configuration"]["consumers"][0]["keyauth_credentials"][0]["ttl"] = json!(ttl);
        assert_eq!(again, found);
        let rival = shop.app.rival("owner@rival.test").await;
        let theirs = rival.owner.get(CONFIGURATION).await.expect(200);
        assert_eq!((&theirs["configuration"]["plugins"], &theirs["configuration"]["consumers"]), (&json!([]), &json!([])));
        let elsewhere = format!("{CONFIGURATION}?control_plane_id={ORDERS}");
        let elsewhere = shop.app.owner.get(&elsewhere).await.expect(200);
        assert_eq!(elsewhere["configuration"]["plugins"], json!([]));
        let bad = shop.app.owner.get(&format!("{CONFIGURATION}?control_plane_id=x")).await;
        assert_eq!(bad.bad_fields(), ["control_plane_id"]);
        let tagged = shop.app.owner.get(&format!("{CONFIGURATION}?service_tag=platform")).await.expect(200);
        let info = json!({ "select_tags": [tag], "default_lookup_tags": { "services": ["platform"] } });
        assert_eq!(tagged["configuration"]["_info"], info);
        let bad = shop.app.owner.get(&format!("{CONFIGURATION}?service_tag=a,b")).await;
        assert_eq!(bad.bad_fields(), ["service_tag"]);
        // Who got it is written down, without the keys.
        let log = shop.app.owner.get("/v3/audit-logs").await.expect(200);
        let entries = log["data"].as_array().expect("entries").iter();
        let told: Vec<&Value> =
            entries.filter(|it| it["resource"].to_string().contains("gateway/configuration")).collect();
        assert_eq!(told.len(), 4, "{log}");
        assert!(told.iter().all(|it| it["action"] == "deploy" && it["granted"] == true));
        // Whoever may only look does not see keys.
        let reader = shop.app.member("reader@acme.test").await;
        let team = shop.app.team_id("organization-admin-readonly").await;
        shop.app.owner.post(&format!("/v3/teams/{team}/users"), json!({ "id": reader.id })).await.expect(201);
        reader.client.get(CONFIGURATION).await.expect(403);
        reader.client.get(STATUS).await.expect(200);
        let sealed = shop.app.database.holding(text(&shop.key, "credential")).await;
        assert_eq!(sealed, [""; 0], "the key is kept in clear");
    }
}

fn collect_ids(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("id").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect_ids(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, found)),
        _ => {}
    }
}

on_both! {
    /// What cannot be put into the document is told, and nothing is open because of it.
    async fn what_is_left_out(engine: Engine) {
        let shop = Shop::open(TestApp::with(engine, &[("GATEWAY_ADMIN_URL", "https://gateway.test")]).await).await;
        // A server without a gateway keeps no keys.
        let other = shop.app.another_node().await;
        let there = other.anonymous().at_host(&shop.site.host).with_cookies(shop.ann.client.cookies());
        there.post(&format!("{OWN}/{}/credentials", id(&shop.by_key)), json!({})).await.expect(201);
        let found = shop.configuration().await;
        let warning = "1 keys of 1 applications were made before keys were kept for the gateway, and are left out: they work again once their applications make new ones";
        assert_eq!(found["warnings"], json!([warning]));
        let keys = &found["configuration"]["consumers"][0]["keyauth_credentials"];
        assert_eq!(keys.as_array().map(Vec::len), Some(1), "the other one is there");

        // In another portal, with another strategy: the older publication's counts.
        let second = shop.app.portal("Partners", json!({ "default_application_auth_strategy_id": null })).await;
        publish(&shop.app, &shop.orders, &second, shop.tokens.clone()).await;
        let found = shop.configuration().await;
        let warning = "The API [Orders] is published with 2 strategies, and a service can ask for one: it is [Keys], which is the oldest publication's; applications of the other 1 are not let through";
        assert_eq!(found["warnings"][0], warning);
        let of_orders = |found: &Value| -> Vec<Value> {
            let plugins = found["configuration"]["plugins"].as_array().expect("plugins").iter();
            plugins.filter(|it| it["service"] == ORDERS).map(|it| it["name"].clone()).collect()
        };
        assert_eq!(of_orders(&found), ["acl", "key-auth"]);
        publish(&shop.app, &shop.orders, &second, Value::Null).await;
        let found = shop.configuration().await;
        assert_eq!(found["warnings"][0], "The API [Orders] needs no strategy in one portal, and one in another: its service asks for it");
        assert_eq!(of_orders(&found), ["acl", "key-auth"]);

        // What needs none there was said while another asked for it: it opens nothing by itself.
        let path = format!("/v3/apis/{}/publications/{}", id(&shop.orders), shop.site.id);
        shop.app.owner.delete(&path).await.expect(204);
        let found = shop.configuration().await;
        assert_eq!(of_orders(&found), ["acl"]);
        let why = "The API [Orders] was published with a strategy, and the publication that needs none is older than the end of that; ";
        assert!(found["warnings"][0].as_str().is_some_and(|it| it.starts_with(why)), "{found}");
        publish(&shop.app, &shop.orders, &shop.site, shop.keys.clone()).await;

        // Published nowhere, its service is closed; only who says that it needs no strategy opens it.
        for site in [&shop.site, &second] {
            let path = format!("/v3/apis/{}/publications/{}", id(&shop.orders), site.id);
            shop.app.owner.delete(&path).await.expect(204);
        }
        let found = shop.configuration().await;
        assert_eq!(of_orders(&found), ["acl"]);
        let warning = "The API [Orders] is published nowhere; its service stays closed until it is published again, or the link is taken away";
        assert_eq!(found["warnings"], json!([warning]));
        assert_eq!(all(&json!({ "data": found["configuration"]["consumers"] }), "custom_id"), ["umbrella"]);
        publish(&shop.app, &shop.orders, &second, Value::Null).await;
        assert_eq!(of_orders(&shop.configuration().await), [""; 0]);
    }
}

on_both! {
    /// A plan is made, carried out, and then there is nothing to do; what others have made is left alone.
    async fn what_differs_is_carried_out_once(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        let (foreign, theirs) = ("33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444");
        let others = [
            ("consumers", foreign, json!({ "username": "by-hand", "tags": ["by-hand"] })),
            ("consumers", theirs, json!({ "custom_id": "x", "tags": ["latchkey", "latchkey-another"] })),
            ("acls", foreign, json!({ "group": "admins", "consumer": { "id": foreign } })),
            ("key-auths", foreign, json!({ "key": "by-hand", "consumer": { "id": foreign }, "tags": ["latchkey"] })),
            ("plugins", foreign, json!({ "name": "rate-limiting", "service": { "id": ORDERS }, "config": { "minute": 5 } })),
            ("plugins", theirs, json!({
                "name": "acl", "config": { "deny": ["x"] }, "tags": [format!("latchkey-{}", shop.app.org)],
            })),
        ];
        for (kind, id, body) in &others {
            registry.tell(json!({ "put": [kind, id, body] })).await;
        }
        let untouched = registry.state().await;

        let made = shop.plan().await;
        let (by_key, orders, weather) = (id(&shop.by_key), id(&shop.orders), id(&shop.weather));
        let key = shop.configuration().await["configuration"]["consumers"][0]["keyauth_credentials"][0]["id"].clone();
        let expected = [
            format!("+ consumer {by_key}"),
            "+ consumer umbrella".to_owned(),
            format!("+ group latchkey-{orders} of consumer {by_key}"),
            format!("+ key {} of consumer {by_key}", key.as_str().expect("an id")),
            format!("+ group latchkey-{weather} of consumer umbrella"),
            format!("+ plugin acl of service {ORDERS}"),
            format!("+ plugin key-auth of service {ORDERS}"),
            format!("+ plugin acl of service {WEATHER}"),
            format!("+ plugin openid-connect of service {WEATHER}"),
        ];
        assert_eq!(lines(&made), expected);
        assert_eq!(registry.state().await["plugins"], untouched["plugins"], "a plan changes nothing");
        let report = sync_now(&shop.app.app, shop.app.org).await.expect("done");
        assert_eq!((report.done.as_slice(), report.refused.len()), (&expected[..], 0));
        assert_eq!(lines(&shop.plan().await), [""; 0]);
        registry.tell(json!({ "forget": true })).await;
        assert_eq!(sync_now(&shop.app.app, shop.app.org).await.expect("done").done, [""; 0]);
        let state = registry.state().await;
        let seen = state["seen"].as_array().expect("requests");
        assert!(seen.iter().all(|one| one["method"] == "GET"), "nothing is written");
        assert!(seen.iter().any(|one| one["query"].to_string().contains("offset=")), "a list has several pages");
        let key = state["key-auths"].as_array().expect("keys").iter().find(|it| it["key"] == shop.key["credential"]);
        assert_eq!(key.expect("the key")["tags"], json!(["latchkey", format!("latchkey-{}", shop.app.org)]));
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["pushes"], &status["pending"], &status["attempts"]), (&json!(true), &json!(false), &json!(0)));
        assert!(status["synced_at"].is_string());

        // What somebody changed of ours by hand is put right.
        let of_orders = state["plugins"].as_array().expect("plugins").iter().find(|it| it["name"] == "key-auth").expect("it");
        let mut changed = json!({});
        for member in ["name", "service", "config", "tags"] {
            changed[member] = of_orders[member].clone();
        }
        changed["enabled"] = json!(false);
        registry.tell(json!({ "put": ["plugins", id(of_orders), changed] })).await;
        assert_eq!(lines(&shop.plan().await), [format!("~ plugin key-auth of service {ORDERS}")]);
        sync_now(&shop.app.app, shop.app.org).await.expect("done");
        assert_eq!(lines(&shop.plan().await), [""; 0]);

        // All of it goes, and nothing else.
        for api in [&shop.orders, &shop.weather] {
            shop.app.owner.delete(&format!("/v3/apis/{}", id(api))).await.expect(204);
        }
        shop.follow().await;
        let state = registry.state().await;
        for kind in ["services", "plugins", "consumers", "acls", "key-auths"] {
            assert_eq!(state[kind], untouched[kind], "{kind}");
        }
    }
}

on_both! {
    /// Whatever changes is pushed, by itself.
    async fn every_change_is_pushed(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        let owner = &shop.app.owner;
        shop.follow().await;
        assert_eq!(plugins_of(&registry, ORDERS).await, names(["acl", "key-auth"]));
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl", "openid-connect"]));

        // Keys.
        let credentials = format!("{OWN}/{}/credentials", id(&shop.by_key));
        let second = shop.ann.client.post(&credentials, json!({})).await.expect(201);
        shop.follow().await;
        assert_eq!(has(&registry, "key-auths", "key").await, [shop.key["credential"].clone(), second["credential"].clone()]);
        shop.ann.client.delete(&format!("{credentials}/{}", id(&shop.key))).await.expect(204);
        shop.follow().await;
        assert_eq!(has(&registry, "key-auths", "key").await, [second["credential"].clone()]);

        // Registrations.
        let of_portal = format!("/v3/portals/{}/applications/{}", shop.site.id, id(&shop.by_key));
        let registration = format!("{of_portal}/registrations/{}", id(&shop.registration));
        owner.patch(&registration, json!({ "status": "revoked" })).await.expect(200);
        shop.follow().await;
        assert_eq!(has(&registry, "consumers", "custom_id").await, ["umbrella"]);
        assert_eq!(has(&registry, "key-auths", "key").await, [""; 0]);
        owner.patch(&registration, json!({ "status": "approved" })).await.expect(200);
        shop.follow().await;
        assert_eq!(has(&registry, "key-auths", "key").await, [second["credential"].clone()]);

        // The strategy: what it asks for, and what it says no more.
        let path = format!("{STRATEGIES}/{}", id(&shop.keys));
        owner.patch(&path, json!({ "configs": { "key-auth": { "key_names": ["y-key"] } } })).await.expect(200);
        let path = format!("{STRATEGIES}/{}", id(&shop.tokens));
        owner.patch(&path, json!({ "configs": { "openid-connect": { "cache_tokens": null } } })).await.expect(200);
        shop.follow().await;
        let state = registry.state().await;
        let config = |name: &str| {
            let plugins = state["plugins"].as_array().expect("plugins").iter();
            plugins.clone().find(|it| it["name"] == name).expect("the plugin")["config"].clone()
        };
        assert_eq!(config("key-auth")["key_names"], json!(["y-key"]));
        assert_eq!(config("openid-connect")["cache_tokens"], true, "as the gateway has it when nobody says");

        // The client of an application.
        let path = format!("{OWN}/{}", id(&shop.by_token));
        shop.ann.client.patch(&path, json!({ "client_id": "parasol" })).await.expect(200);
        shop.follow().await;
        let ids: BTreeSet<String> = has(&registry, "consumers", "custom_id").await.iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(ids, names([id(&shop.by_key), "parasol"]));

        // The publication: another strategy, and none any more.
        publish(&shop.app, &shop.orders, &shop.site, shop.tokens.clone()).await;
        shop.follow().await;
        assert_eq!(plugins_of(&registry, ORDERS).await, names(["acl", "openid-connect"]));
        assert_eq!(has(&registry, "consumers", "custom_id").await, ["parasol"], "its application has the other strategy");
        owner.delete(&format!("/v3/apis/{}/publications/{}", id(&shop.orders), shop.site.id)).await.expect(204);
        shop.follow().await;
        assert_eq!(plugins_of(&registry, ORDERS).await, names(["acl"]), "it is closed");
        publish(&shop.app, &shop.orders, &shop.site, Value::Null).await;
        shop.follow().await;
        assert_eq!(plugins_of(&registry, ORDERS).await, names([]), "it is open, as was said");

        // The application, the link, and a new one.
        shop.ann.client.delete(&format!("{OWN}/{}", id(&shop.by_token))).await.expect(204);
        shop.follow().await;
        assert_eq!(has(&registry, "consumers", "custom_id").await, [""; 0]);
        let links = owner.get(&format!("/v3/api-implementations?filter[api_id]={}", id(&shop.weather))).await.expect(200);
        let of_weather = format!("/v3/apis/{}/implementations", id(&shop.weather));
        owner.delete(&format!("{of_weather}/{}", id(&links["data"][0]))).await.expect(204);
        shop.follow().await;
        assert_eq!(has(&registry, "plugins", "name").await, [""; 0]);
        link(&shop.app, &shop.weather, WEATHER).await;
        shop.follow().await;
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl", "openid-connect"]));
        // With a portal goes all that is published in it.
        owner.delete(&format!("/v3/portals/{}?force=true", shop.site.id)).await.expect(204);
        shop.follow().await;
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl"]));
    }
}

on_both! {
    /// The client that a provider makes, and another one in its place, is what the gateway finds the application by.
    async fn clients_of_providers(engine: Engine) {
        let (Some(registry), Some(provider)) = (Registry::gateway(), Registry::oidc_provider()) else { return };
        let settings = [("GATEWAY_ADMIN_URL", registry.client.base()), ("GATEWAY_ADMIN_TOKEN", "gateway-secret")];
        let app = TestApp::with(engine, &settings).await;
        registry.tell(json!({ "put": ["services", WEATHER, { "host": "upstream.test" }] })).await;
        let it = published(&app, oidc_provider(&provider, false).await, json!({})).await;
        link(&app, &it.api, WEATHER).await;
        let ann = app.developer(&it.site, "ann@dev.test").await;
        let made = ann.client.post(OWN, json!({ "name": "One", "auth_strategy_id": id(&it.strategy) })).await.expect(201);
        let wish = register(&ann.client, &made, &it.api).await;
        let ask = |client: &Value| json!({ "api_id": id(&it.api), "client_id": client });
        let pending = json!({ "allowed": false, "application_id": id(&made), "reason": "registration_pending" });
        assert_eq!(app.owner.post(CHECK, ask(&made["client_id"])).await.expect(200), pending);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [""; 0], "nobody has approved it");
        let path = format!("/v3/portals/{}/applications/{}/registrations/{}", it.site.id, id(&made), id(&wish));
        app.owner.patch(&path, json!({ "status": "approved" })).await.expect(200);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [made["client_id"].clone()]);
        let allowed = json!({ "allowed": true, "application_id": id(&made) });
        assert_eq!(app.owner.post(CHECK, ask(&made["client_id"])).await.expect(200), allowed);

        // The provider replaces no secrets, so another client takes the place of the first.
        let path = format!("{OWN}/{}/regenerate-secret", id(&made));
        let fresh = ann.client.call(http::Method::POST, &path, None).await.expect(201);
        assert_ne!(fresh["client_id"], made["client_id"]);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [fresh["client_id"].clone()]);
        assert_eq!(app.owner.post(CHECK, ask(&fresh["client_id"])).await.expect(200), allowed);
        let unknown = json!({ "allowed": false, "reason": "not_registered" });
        assert_eq!(app.owner.post(CHECK, ask(&made["client_id"])).await.expect(200), unknown);

        // With its developer's approval ends what the developer's applications may.
        let developer = format!("{}/{}", it.site.developers(), ann.id);
        app.owner.patch(&developer, json!({ "status": "revoked" })).await.expect(200);
        let not = json!({ "allowed": false, "application_id": id(&made), "reason": "developer_not_approved" });
        assert_eq!(app.owner.post(CHECK, ask(&fresh["client_id"])).await.expect(200), not);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [""; 0]);
        app.owner.patch(&developer, json!({ "status": "approved" })).await.expect(200);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [fresh["client_id"].clone()]);
    }
}

on_both! {
    /// A gateway that is away is tried again, and is told everything once it is back.
    async fn a_gateway_that_is_away(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        let wait = |seconds| shop.app.wall.advance(Duration::from_secs(seconds));
        registry.tell(json!({ "trouble": [{ "method": "GET", "path": "/consumers", "status": 503, "times": 1 }] })).await;
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 1);
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["pending"], &status["attempts"]), (&json!(true), &json!(1)));
        assert_eq!(status["problem"], "the gateway's Admin API answers 503");
        assert_eq!(has(&registry, "plugins", "name").await, [""; 0]);
        // A change meanwhile does not make anybody ask sooner.
        register_again(&shop).await;
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 0);

        // It breaks off in the middle; what it took it keeps, and the rest follows.
        registry.tell(json!({ "trouble": [{ "method": "PUT", "path": "/plugins", "how": "cut", "times": 1 }] })).await;
        wait(10);
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 1);
        let status = shop.app.owner.get(STATUS).await.expect(200);
        let broke = "the gateway's Admin API: the connection broke before the answer was there";
        assert_eq!((&status["attempts"], &status["problem"]), (&json!(2), &json!(broke)));
        assert_eq!(has(&registry, "consumers", "custom_id").await.len(), 2);
        wait(60);
        shop.follow().await;
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["attempts"], &status["next_attempt_at"]), (&json!(0), &Value::Null));
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl", "openid-connect"]));
    }
}

async fn register_again(shop: &Shop) {
    shop.ann.client.post(&format!("{OWN}/{}/credentials", id(&shop.by_key)), json!({})).await.expect(201);
}

on_both! {
    /// With a wrong token nothing is done, and the operator learns why, not with which.
    async fn a_wrong_token(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::open(before(engine, &registry, "not-the-secret").await).await;
        let failure = sync_now(&shop.app.app, shop.app.org).await.err();
        let why = "the gateway's Admin API answers 401: gateway-admin-token is not the right one";
        assert!(matches!(&failure, Some(Failure::There(said)) if said == why), "{failure:?}");
        assert_eq!(shop.app.owner.get(STATUS).await.expect(200)["problem"], why);
        assert_eq!(has(&registry, "consumers", "custom_id").await, [""; 0]);
    }
}

on_both! {
    /// What the gateway does not take keeps nothing else from being taken; it is told, without the key that it is about.
    async fn what_the_gateway_does_not_take(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        let foreign = "33333333-3333-4333-8333-333333333333";
        registry.tell(json!({ "put": ["consumers", foreign, { "username": "by-hand" }] })).await;
        let key = json!({ "key": shop.key["credential"], "consumer": { "id": foreign } });
        registry.tell(json!({ "put": ["key-auths", foreign, key] })).await;
        let report = sync_now(&shop.app.app, shop.app.org).await.expect("done");
        let [refused] = &report.refused[..] else { panic!("{:?}", report.refused) };
        assert!(refused.ends_with("the gateway answers 409 (unique constraint violation)"), "{refused}");
        assert!(!refused.contains(text(&shop.key, "credential")), "the key is shown");
        assert_eq!(report.done.len(), 8);
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl", "openid-connect"]));
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["pending"], &status["problem"]), (&json!(true), &json!(refused)));
        // What changes meanwhile is pushed at once.
        shop.ann.client.delete(&format!("{OWN}/{}", id(&shop.by_token))).await.expect(204);
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 1);
        assert!(!has(&registry, "consumers", "custom_id").await.contains(&json!("umbrella")));
        shop.ann.client.delete(&format!("{OWN}/{}/credentials/{}", id(&shop.by_key), id(&shop.key))).await.expect(204);
        shop.follow().await;
    }
}

on_both! {
    /// A key that is over is taken from the gateway.
    async fn keys_that_are_over(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        shop.follow().await;
        let [left] = &has(&registry, "key-auths", "ttl").await[..] else { panic!("one key") };
        let left = left.as_u64().expect("a number");
        assert!((MONTH * 3600 - 600..=MONTH * 3600 + 1).contains(&left), "{left}");
        expire(&shop.app.app).await.expect("it works");
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 0, "it is good");
        shop.app.advance(hours(MONTH + 1));
        expire(&shop.app.app).await.expect("it works");
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 1);
        assert_eq!(has(&registry, "key-auths", "key").await, [""; 0]);
        expire(&shop.app.app).await.expect("it works");
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 0, "there is no other");
    }
}

on_both! {
    /// A gateway that asks is answered: who may, and why others may not.
    async fn questions(engine: Engine) {
        let shop = Shop::open(TestApp::new(engine).await).await;
        let owner = &shop.app.owner;
        let (key, by_key, by_token) = (text(&shop.key, "credential"), id(&shop.by_key), id(&shop.by_token));
        let no = |reason: &str| json!({ "allowed": false, "reason": reason });
        let not = |application: &str, reason: &str| json!({ "allowed": false, "application_id": application, "reason": reason });
        let allowed = |application: &str| json!({ "allowed": true, "application_id": application });
        assert_eq!(shop.check(&shop.orders, ("key", key)).await, allowed(by_key));
        assert_eq!(shop.check(&shop.weather, ("client_id", "umbrella")).await, allowed(by_token));
        assert_eq!(shop.check(&shop.orders, ("key", "wrong")).await, no("unknown_key"));
        assert_eq!(shop.check(&shop.weather, ("key", key)).await, no("not_registered"));
        assert_eq!(shop.check(&shop.orders, ("client_id", "umbrella")).await, no("not_registered"));
        assert_eq!(shop.check(&shop.orders, ("client_id", "nobody")).await, no("not_registered"));

        // A service's token that is for this, and a system account that may read this API, and no other.
        let service = shop.app.service_in("gateway", Some(&["check-gateway-access"])).await;
        let ask = |api: &Value| json!({ "api_id": id(api), "key": key });
        assert_eq!(service.post(CHECK, ask(&shop.orders)).await.expect(200), allowed(by_key));
        let other = shop.app.service_in("another", Some(&["get-users-me"])).await;
        other.post(CHECK, ask(&shop.orders)).await.expect(403);
        let (account, gateway) = shop.app.system_account("gateway").await;
        gateway.post(CHECK, ask(&shop.orders)).await.expect(403);
        let role = json!({ "role_name": "Viewer", "entity_type_name": "APIs", "entity_id": id(&shop.orders), "entity_region": "*" });
        owner.post(&format!("/v3/system-accounts/{account}/assigned-roles"), role).await.expect(201);
        assert_eq!(gateway.post(CHECK, ask(&shop.orders)).await.expect(200), allowed(by_key));
        let unseen = gateway.post(CHECK, ask(&shop.weather)).await;
        assert_eq!(unseen.bad_fields(), ["api_id"], "to it there is none");
        let rival = shop.app.rival("owner@rival.test").await;
        assert_eq!(rival.owner.post(CHECK, ask(&shop.orders)).await.bad_fields(), ["api_id"]);
        let theirs = rival.owner.post("/v3/apis", json!({ "name": "Orders" })).await.expect(201);
        assert_eq!(rival.owner.post(CHECK, ask(&theirs)).await.expect(200), no("unknown_key"));

        for (body, field) in [
            (json!({ "api_id": id(&shop.orders) }), "key"),
            (json!({ "api_id": id(&shop.orders), "key": "x", "client_id": "x" }), "client_id"),
            (json!({ "key": "x" }), "api_id"),
            (json!({ "api_id": id(&shop.orders), "key": "x", "more": 1 }), "more"),
        ] {
            assert_eq!(owner.post(CHECK, body.clone()).await.bad_fields(), [field], "{body}");
        }

        // What was said to the registration.
        let of_portal = format!("/v3/portals/{}/applications/{by_key}", shop.site.id);
        let registration = format!("{of_portal}/registrations/{}", id(&shop.registration));
        for (status, reason) in [("revoked", "registration_revoked"), ("rejected", "registration_rejected"), ("pending", "registration_pending")] {
            owner.patch(&registration, json!({ "status": status })).await.expect(200);
            assert_eq!(shop.check(&shop.orders, ("key", key)).await, not(by_key, reason));
        }
        owner.patch(&registration, json!({ "status": "approved" })).await.expect(200);
        assert_eq!(shop.check(&shop.orders, ("key", key)).await, allowed(by_key));
        publish(&shop.app, &shop.orders, &shop.site, shop.tokens.clone()).await;
        assert_eq!(shop.check(&shop.orders, ("key", key)).await, not(by_key, "other_strategy"));
        publish(&shop.app, &shop.orders, &shop.site, shop.keys.clone()).await;
        assert_eq!(shop.check(&shop.orders, ("key", key)).await, allowed(by_key));

        shop.app.advance(hours(MONTH + 1));
        let owner = shop.app.token_of(shop.app.owner_id, hours(1)).await;
        let answer = owner.post(CHECK, json!({ "api_id": id(&shop.orders), "key": key })).await.expect(200);
        assert_eq!(answer, not(by_key, "expired_key"));
    }
}

on_both! {
    /// One server at a time; what one that died has begun, another does after a minute.
    async fn one_at_a_time(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        shop.follow().await;
        register_again(&shop).await;
        let until = shop.app.app.wall.now().plus(Duration::from_secs(60)).micros();
        shop.app.database.query(&format!("UPDATE gateway_syncs SET leased_until = {until}")).await;
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 0);
        let failure = sync_now(&shop.app.app, shop.app.org).await.err();
        assert!(matches!(&failure, Some(Failure::There(why)) if why.starts_with("a server is just")), "{failure:?}");
        assert_eq!(has(&registry, "key-auths", "key").await.len(), 1);
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!(status["pending"], true, "nothing is forgotten");
        shop.app.wall.advance(Duration::from_secs(61));
        shop.follow().await;
        assert_eq!(has(&registry, "key-auths", "key").await.len(), 2);
    }
}
