//! The gateway: what it is to have, pushing that to it, and answering it. The gateway here is a fake of the Admin
//! API; see `tests/peers/kong_admin.mjs`.

mod document;
mod pushing;

use std::collections::BTreeSet;

use appauth::gateway::{plan::Plan, sync::plan, worker::work_off};
use serde_json::{Value, json};
use tests::{Client, Developer, Engine, Registry, Site, TestApp, on_both};

use crate::{all, hours, id, text};

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
