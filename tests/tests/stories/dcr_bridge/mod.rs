//! The bridge that is served: a portal that is kept elsewhere has its clients made through it. The caller is our own
//! client of the protocol where that will do, and plain requests where a caller does what ours never would.

mod trouble;

use std::time::Duration;

use appauth::{clients::worker::work_off, dcr_bridge::forget_removed};
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Engine, Registry, TestApp, on_both};

use crate::{
    applications::{clients, lets_in, oidc_provider, published},
    id, text,
};

const OWN: &str = "/api/v3/applications";

/// A key of the bridge in front of a provider.
async fn key(app: &TestApp, provider: &Value) -> Value {
    let path = format!("/v2/dcr-providers/{}/bridge-keys", id(provider));
    app.owner.post(&path, json!({ "name": "Elsewhere" })).await.expect(201)
}

/// The place of the bridge in front of a provider.
fn place(provider: &Value) -> String {
    format!("/dcr-bridge/{}", id(provider))
}

/// What a portal elsewhere is configured with, to use the bridge.
fn in_front(app: &TestApp, behind: &Value, key: &Value) -> Value {
    let own = text(key, "dcr_base_url");
    assert!(own.ends_with(&place(behind)), "{own}");
    json!({
        "name": "Bridge", "provider_type": "http", "issuer": behind["issuer"],
        "dcr_config": { "dcr_base_url": format!("{}{}", app.owner.base(), place(behind)), "api_key": key["api_key"] },
    })
}

/// A caller of the bridge.
struct Portal {
    client: Client,
    place: String,
    key: String,
}

impl Portal {
    fn new(app: &TestApp, behind: &Value, key: &Value) -> Self {
        Self { client: app.anonymous(), place: place(behind), key: text(key, "api_key").to_owned() }
    }

    async fn call(&self, method: Method, rest: &str, body: Option<Value>) -> Answer {
        let mut headers = vec![("x-api-key", self.key.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.client.send(method, &format!("{}{rest}", self.place), &headers, body).await
    }

    async fn make(&self, wish: Value) -> Answer {
        self.call(Method::POST, "/", Some(wish)).await
    }

    async fn tell(&self, client: &Value, event: Value) -> Answer {
        let path = format!("/{}/event-hook", segment(client));
        self.call(Method::POST, &path, Some(event)).await
    }

    async fn rotate(&self, client: &Value) -> Answer {
        self.call(Method::POST, &format!("/{}/new-secret", segment(client)), None).await
    }

    async fn remove(&self, client: &Value) -> Answer {
        self.call(Method::DELETE, &format!("/{}", segment(client)), None).await
    }
}

/// A client's id as one segment of a path.
fn segment(client: &Value) -> String {
    text(client, "client_id").replace('/', "%2F")
}

const NOBODY: &str = "018f0000-0000-7000-8000-000000000001";

fn wish(name: &str) -> Value {
    json!({
        "redirect_uris": ["https://app.test/callback"], "client_name": name, "grant_types": ["client_credentials", "bearer"],
        "scopes": ["api:read"], "token_endpoint_auth_method": "client_secret_basic", "application_description": "",
        "portal_id": NOBODY, "organization_id": NOBODY, "developer_id": NOBODY, "auth_strategy_id": NOBODY,
        "dcr_provider_id": NOBODY,
    })
}

fn event(kind: &str, client: &Value, more: Value) -> Value {
    let mut event = json!({
        "event_type": kind, "client_id": client["client_id"], "application_id": NOBODY, "application_name": "Weather",
        "application_description": "Tells it", "portal_id": NOBODY, "organization_id": NOBODY, "developer_id": NOBODY,
        "auth_strategy_id": NOBODY, "dcr_provider_id": NOBODY,
    });
    event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    event
}

/// A fake bridge as the provider behind ours: its clients can be neither found nor read.
fn bridge_behind(registry: &Registry) -> Value {
    json!({
        "name": "Behind", "provider_type": "http", "issuer": registry.client.base(),
        "dcr_config": { "dcr_base_url": format!("{}/dcr", registry.client.base()), "api_key": "gYmrbDfu_7PTsZWH" },
    })
}

/// The protocol's error, and its description.
#[track_caller]
fn refused(answer: Answer, status: u16) -> (String, String) {
    let body = answer.expect(status);
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "{body}");
    (text(&body, "error").to_owned(), text(&body, "error_description").to_owned())
}

async fn later(app: &TestApp, seconds: u64) {
    app.wall.advance(Duration::from_secs(seconds));
    work_off(&app.app).await.expect("it works");
}

on_both! {
    /// The whole way through it: our own applications at a provider that is our own bridge, and a real server behind.
    async fn a_portal_elsewhere_has_its_clients_made(engine: Engine) {
        let Some(registry) = Registry::oidc_provider() else { return };
        let app = TestApp::new(engine).await;
        let behind = app.owner.post("/v2/dcr-providers", oidc_provider(&registry, true).await).await.expect(201);
        let key = key(&app, &behind).await;
        let it = published(&app, in_front(&app, &behind, &key), json!({ "auto_approve_applications": true })).await;
        let verify = format!("/v2/dcr-providers/{}/verify", id(&it.provider));
        let verified = app.owner.call(Method::POST, &verify, None).await.expect(200);
        assert_eq!(verified, json!({ "status": "success", "errors": [] }));
        assert_eq!(clients(&app, &behind).await, Vec::<Value>::new(), "what was made to look is gone");

        let ann = app.developer(&it.site, "ann@dev.test").await;
        let new = json!({ "name": "Umbrella", "description": "Takes one", "redirect_uri": "https://umbrella.test/callback", "auth_strategy_id": id(&it.strategy) });
        let made = ann.client.post(OWN, new).await.expect(201);
        let [there] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!((&there["client_id"], &there["client_name"]), (&made["client_id"], &json!("Umbrella")));
        assert_eq!(there["redirect_uris"], json!(["https://umbrella.test/callback"]));
        assert_eq!((&there["scope"], &there["grant_types"]), (&json!("api:read"), &json!(["client_credentials"])));
        assert!(lets_in(&registry, &made).await, "the credentials work at the provider");
        let [caller, bridged] = [&it.provider, &behind];
        let (caller, bridged) = (clients(&app, caller).await, clients(&app, bridged).await);
        let ([caller], [bridged]) = (&caller[..], &bridged[..]) else { panic!("one client on either side") };
        assert_eq!((&caller["bridged"], &bridged["bridged"]), (&json!(false), &json!(true)));
        assert_eq!((&bridged["client_id"], &bridged["state"]), (&made["client_id"], &json!("live")));
        assert_ne!(bridged["application_id"], made["id"]);

        let path = format!("{OWN}/{}", id(&made));
        let fresh = ann.client.call(Method::POST, &format!("{path}/regenerate-secret"), None).await.expect(201);
        assert_eq!(fresh["client_id"], made["client_id"]);
        assert!(!lets_in(&registry, &made).await);
        assert!(lets_in(&registry, &fresh).await);

        // This server replaces a secret with each change: a name is not worth that, and a redirect URI is refused.
        ann.client.patch(&path, json!({ "name": "Parasol" })).await.expect(200);
        let refused = ann.client.patch(&path, json!({ "redirect_uri": "https://other.test/" })).await.bad_fields();
        assert_eq!(refused, ["redirect_uri"]);
        assert!(lets_in(&registry, &fresh).await);
        assert_eq!(clients(&app, &behind).await[0]["name"], "Parasol");

        ann.client.post(&format!("{path}/registrations"), json!({ "api_id": id(&it.api) })).await.expect(201);
        work_off(&app.app).await.expect("it works");
        let log = app.owner.get("/v3/audit-logs?page[size]=100").await.expect(200);
        let of = format!("dcr-providers/{}/clients/{}", id(&behind), text(bridged, "application_id"));
        let entries = log["data"].as_array().expect("entries").iter().filter(|it| it["resource"].as_str().is_some_and(|it| it.contains(&of)));
        let mut told: Vec<String> = entries.map(|it| {
            assert_eq!(it["change"]["bridge_key"], key["id"], "{it}");
            format!("{} {}", text(it, "action"), text(it, "resource").rsplit(':').next().expect("a path").trim_start_matches(&of))
        }).collect();
        told.sort_unstable();
        assert_eq!(told, ["create ", "edit ", "edit ", "edit /secret"], "its name, a registration, its secret");

        ann.client.delete(&path).await.expect(204);
        assert_eq!(registry.clients().await, Vec::<Value>::new());
        assert!(!lets_in(&registry, &fresh).await);
        assert_eq!(clients(&app, &it.provider).await, Vec::<Value>::new());
        assert_eq!(clients(&app, &behind).await, Vec::<Value>::new());
        for secret in [text(&made, "client_secret"), text(&fresh, "client_secret"), text(&key, "api_key")] {
            assert_eq!(app.database.holding(secret).await, [""; 0], "a secret is kept");
        }
        let keys = format!("/v2/dcr-providers/{}/bridge-keys", id(&behind));
        let listed = app.owner.get(&keys).await.expect(200)["data"][0].clone();
        assert_eq!((&listed["id"], listed["last_used_at"].is_string()), (&key["id"], true));
        assert_eq!(listed.get("api_key"), None);
    }
}

on_both! {
    /// At a server that changes clients without replacing their secrets, and cannot replace those at all.
    async fn a_server_that_keeps_secrets(engine: Engine) {
        let Some(registry) = Registry::oidc_provider() else { return };
        let app = TestApp::new(engine).await;
        let behind = app.owner.post("/v2/dcr-providers", oidc_provider(&registry, false).await).await.expect(201);
        let portal = Portal::new(&app, &behind, &key(&app, &behind).await);
        let mut wanted = wish("Weather");
        wanted["token_endpoint_auth_method"] = json!("client_secret_post");
        wanted["owner"] = json!({ "type": "team", "id": NOBODY });
        wanted["of_a_newer_protocol"] = json!(true);
        let made = portal.make(wanted).await.expect(201);
        assert_eq!(made["client_secret_expires_at"], 0);
        assert!(made["client_id_issued_at"].as_i64().is_some_and(|at| at > 1_700_000_000), "{made}");
        let [there] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!(there["token_endpoint_auth_method"], "client_secret_post");
        let (client, secret) = (text(&made, "client_id"), text(&made, "client_secret"));
        assert!(registry.lets_in_by_form("/token", client, secret, &[("scope", "api:read")]).await);

        let moved = json!({ "redirect_uris": ["https://app.test/other"] });
        assert_eq!(portal.tell(&made, event("update_application", &made, moved)).await.expect(200), Value::Null);
        let there = registry.clients().await[0].clone();
        assert_eq!(there["redirect_uris"], json!(["https://app.test/other"]));
        assert!(registry.lets_in_by_form("/token", client, secret, &[("scope", "api:read")]).await, "the secret stays");
        let api = json!({ "api_product_version_id": NOBODY, "audience": "https://api.test/" });
        for kind in ["add_registration", "remove_registration"] {
            portal.tell(&made, event(kind, &made, api.clone())).await.expect(200);
        }
        work_off(&app.app).await.expect("it works");

        // Another client would have another id, of which the caller would know nothing.
        let (error, why) = refused(portal.rotate(&made).await, 400);
        assert_eq!((&*error, why.contains("disable_refresh_secret")), ("invalid_request", true), "{why}");
        assert_eq!(registry.clients().await.len(), 1);
        assert!(registry.lets_in_by_form("/token", client, secret, &[("scope", "api:read")]).await);
        // Some clients send a content type with everything.
        let path = format!("{}/{}", portal.place, segment(&made));
        let headers = [("x-api-key", &*portal.key), ("content-type", "application/json")];
        portal.client.send(Method::DELETE, &path, &headers, Vec::new()).await.expect(204);
        assert_eq!(registry.clients().await, Vec::<Value>::new());
        assert_eq!(clients(&app, &behind).await, Vec::<Value>::new());
        // Whoever did not get the answer is told the same again, for a month.
        portal.remove(&made).await.expect(204);
        refused(portal.rotate(&made).await, 404);
        app.wall.advance(Duration::from_secs(29 * 24 * 3600));
        forget_removed(&app.app).await.expect("it works");
        portal.remove(&made).await.expect(204);
        app.wall.advance(Duration::from_secs(2 * 24 * 3600));
        forget_removed(&app.app).await.expect("it works");
        refused(portal.remove(&made).await, 404);
    }
}

on_both! {
    /// Whose key it is, and of which provider, decides everything.
    async fn who_gets_in(engine: Engine) {
        let Some(registry) = Registry::fake("bridge") else { return };
        let app = TestApp::new(engine).await;
        let behind = app.owner.post("/v2/dcr-providers", bridge_behind(&registry)).await.expect(201);
        let other = app.owner.post("/v2/dcr-providers", bridge_behind(&registry)).await.expect(201);
        let rival = app.rival("owner@rival.test").await;
        let theirs = rival.owner.post("/v2/dcr-providers", bridge_behind(&registry)).await.expect(201);
        let good = key(&app, &behind).await;
        let portal = Portal::new(&app, &behind, &good);
        let of_other = text(&key(&app, &other).await, "api_key").to_owned();
        let of_rival = text(&key(&rival, &theirs).await, "api_key").to_owned();
        let made = portal.make(wish("Weather")).await.expect(201);
        let moved = || event("update_application", &made, json!({ "redirect_uris": [] }));

        let revoked = key(&app, &behind).await;
        let as_revoked = Portal::new(&app, &behind, &revoked);
        as_revoked.tell(&made, moved()).await.expect(200);
        let keys = format!("/v2/dcr-providers/{}/bridge-keys", id(&behind));
        rival.owner.delete(&format!("{keys}/{}", id(&revoked))).await.expect(404);
        rival.owner.post(&keys, json!({ "name": "x" })).await.expect(404);
        let of_others = format!("/v2/dcr-providers/{}/bridge-keys/{}", id(&other), id(&revoked));
        app.owner.delete(&of_others).await.expect(404);
        app.owner.delete(&format!("{keys}/{}", id(&revoked))).await.expect(204);
        let left = app.owner.get(&keys).await.expect(200);
        assert_eq!(left["data"].as_array().map(Vec::len), Some(1));

        for bad in ["", "nonsense", app.owner.token(), &of_other, &of_rival, &as_revoked.key] {
            let portal = Portal { key: bad.to_owned(), client: app.anonymous(), place: place(&behind) };
            // A body that is wrong is nobody's affair who has no key.
            for answer in [
                portal.make(json!({})).await,
                portal.make(wish("Second")).await,
                portal.tell(&made, moved()).await,
                portal.rotate(&made).await,
                portal.remove(&made).await,
            ] {
                // The sixth key of somebody else's finds that it has been tried too often.
                let status = answer.status.as_u16();
                assert!(status == 401 || status == 429, "{bad}: {status}");
                let (error, why) = refused(answer, status);
                assert_eq!(error, if status == 401 { "invalid_client" } else { "temporarily_unavailable" });
                assert!(bad.is_empty() || !why.contains(bad), "{why}");
            }
        }
        let nobody = app.anonymous().post(&format!("{}/", portal.place), wish("Second")).await;
        assert_eq!(nobody.expect(401)["error"], "invalid_client");
        let token = app.anonymous().with_token(&portal.key);
        token.get("/v3/users/me").await.expect(401);
        token.post(&format!("{}/", portal.place), wish("Second")).await.expect(401);
        assert_eq!(registry.clients().await.len(), 1, "nobody had anything made");
        assert_eq!(clients(&app, &behind).await.len(), 1);

        // Whoever guesses has to wait, and whoever has a key does not.
        let guess = Portal { key: of_rival, client: app.anonymous(), place: place(&behind) };
        let mut slowed = false;
        for _ in 0..25 {
            slowed |= guess.remove(&made).await.status == 429;
        }
        assert!(slowed, "guessing costs nothing");
        portal.tell(&made, moved()).await.expect(200);

        // The key of another provider reaches its own clients alone.
        let portal_of_other = Portal { key: of_other, client: app.anonymous(), place: place(&other) };
        refused(portal_of_other.remove(&made).await, 404);
        refused(portal_of_other.rotate(&made).await, 404);
        refused(portal_of_other.tell(&made, moved()).await, 404);
        // So does its own key: the client of an application of ours is not the bridge's.
        let provider = json!({ "name": "Own", "display_name": "Own", "strategy_type": "openid_connect", "dcr_provider_id": id(&behind),
            "configs": { "openid-connect": { "issuer": behind["issuer"], "credential_claim": ["client_id"], "scopes": [], "auth_methods": ["bearer"] } } });
        let strategy = app.owner.post("/v2/application-auth-strategies", provider).await.expect(201);
        let site = app.portal("Public", json!({ "default_application_auth_strategy_id": id(&strategy) })).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let own = ann.client.post(OWN, json!({ "name": "Own" })).await.expect(201);
        refused(portal.remove(&own).await, 404);
        refused(portal.rotate(&own).await, 404);
        assert_eq!(registry.clients().await.len(), 2);

        // An organization that is not active has no bridge. Whoever guesses has to wait again, however slow this was.
        while guess.remove(&made).await.status != 429 {}
        app.database.beside().await.query("UPDATE organizations SET state = 'inactive'").await;
        refused(portal.remove(&made).await, 429);
        app.wall.advance(Duration::from_secs(2 * 3600));
        refused(portal.remove(&made).await, 401);
        app.database.beside().await.query("UPDATE organizations SET state = 'active'").await;
        portal.remove(&made).await.expect(204);
    }
}
