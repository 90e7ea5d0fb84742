//! Applications with clients at a real identity provider: from the administrator's first step to the developer's
//! last, and what the provider knows at each.

use appauth::clients::worker::work_off;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Engine, Registry, Site, TestApp, on_both};

use crate::{all, complaints, id, text};

const OWN: &str = "/api/v3/applications";

/// A portal in which an API is published whose applications have clients at a provider.
pub struct Published {
    pub site: Site,
    pub api: Value,
    pub provider: Value,
    pub strategy: Value,
}

/// Sets up a provider, a strategy, a portal and an API that is published in it.
pub async fn published(app: &TestApp, provider: Value, portal: Value) -> Published {
    let provider = app.owner.post("/v2/dcr-providers", provider).await.expect(201);
    let openid = json!({
        "issuer": provider["issuer"], "credential_claim": ["client_id"], "scopes": ["api:read"],
        "auth_methods": ["client_credentials", "bearer"],
    });
    let strategy = json!({
        "name": "Tokens", "display_name": "By token", "strategy_type": "openid_connect",
        "configs": { "openid-connect": openid }, "dcr_provider_id": id(&provider),
    });
    let strategy = app.owner.post("/v2/application-auth-strategies", strategy).await.expect(201);
    let site = app.portal("Public", portal).await;
    let api = app.owner.post("/v3/apis", json!({ "name": "Weather", "version": "v1" })).await.expect(201);
    let publication = json!({ "auth_strategy_ids": [id(&strategy)], "visibility": "public" });
    let path = format!("/v3/apis/{}/publications/{}", id(&api), site.id);
    app.owner.put(&path, publication).await.expect(200);
    Published { site, api, provider, strategy }
}

/// The npm package oidc-provider, as a provider of ours.
pub async fn oidc_provider(registry: &Registry, rotates: bool) -> Value {
    registry.tell(json!({ "rotate": rotates })).await;
    let token = registry.tell(json!({ "initial_token": true })).await["token"].clone();
    json!({
        "name": "Own server", "provider_type": "rfc7591", "issuer": registry.base,
        "dcr_config": { "initial_access_token": token, "update_rotates_secret": rotates },
    })
}

/// The fields that a 400 complains of.
#[track_caller]
fn fields(answer: Answer) -> Vec<Value> {
    complaints(answer).as_array().into_iter().flatten().map(|pair| pair[0].clone()).collect()
}

pub async fn clients(app: &TestApp, provider: &Value) -> Vec<Value> {
    let path = format!("/v2/dcr-providers/{}/clients", id(provider));
    app.owner.get(&path).await.expect(200)["data"].as_array().expect("clients").clone()
}

pub async fn lets_in(registry: &Registry, credentials: &Value) -> bool {
    let (id, secret) = (text(credentials, "client_id"), text(credentials, "client_secret"));
    registry.lets_in("/token", id, secret, "&scope=api:read").await
}

pub async fn regenerate(developer: &Client, application: &Value) -> Value {
    let path = format!("{OWN}/{}/regenerate-secret", id(application));
    developer.call(Method::POST, &path, None).await.expect(201)
}

on_both! {
    /// The whole way, with a real server: set up, publish, register, approve, get a token, rotate, delete.
    async fn from_the_first_step_to_the_last(engine: Engine) {
        let Some(registry) = Registry::oidc_provider() else { return };
        let app = TestApp::new(engine).await;
        let it = published(&app, oidc_provider(&registry, true).await, json!({})).await;
        let verify = format!("/v2/dcr-providers/{}/verify", id(&it.provider));
        let verified = app.owner.call(Method::POST, &verify, None).await.expect(200);
        assert_eq!(verified, json!({ "status": "success", "errors": [] }));

        let ann = app.developer(&it.site, "ann@dev.test").await;
        // What is published developers find.
        let hidden = app.owner.post("/v3/apis", json!({ "name": "Hidden", "slug": null })).await.expect(201);
        let path = format!("/v3/apis/{}/publications/{}", id(&hidden), it.site.id);
        app.owner.put(&path, json!({ "auth_strategy_ids": null, "visibility": "private" })).await.expect(200);
        app.owner.post("/v3/apis", json!({ "name": "Unpublished" })).await.expect(201);
        it.site.client.get("/api/v3/apis").await.expect(401);
        let private = format!("/api/v3/apis/{}", id(&hidden));
        let seen = ann.client.get("/api/v3/apis?sort=name").await.expect(200);
        assert_eq!(all(&seen, "name"), ["Hidden", "Weather"]);
        assert_eq!(seen["data"][1]["auth_strategies"][0]["name"], "By token");
        let alone = ann.client.get(&private).await.expect(200);
        assert_eq!((&alone["slug"], &alone["auth_strategies"]), (&hidden["id"], &json!([])));
        let by_slug = ann.client.get("/api/v3/apis/weather-v1").await.expect(200);
        assert_eq!(by_slug["id"], it.api["id"]);
        let offered = ann.client.get("/api/v3/application-auth-strategies").await.expect(200);
        let by_token = offered["data"].as_array().expect("strategies").iter()
            .find(|one| one["credential_type"] == "client_credentials").expect("the strategy").clone();
        let expected = json!({
            "id": id(&it.strategy), "name": "By token", "credential_type": "client_credentials",
            "auth_methods": ["client_credentials", "bearer"],
            "supports_multiple_credentials": false,
        });
        assert_eq!(by_token, expected);

        let new = json!({
            "name": "Umbrella", "description": "Tells when to take one", "auth_strategy_id": id(&it.strategy),
            "redirect_uri": "https://umbrella.test/callback",
        });
        let made = ann.client.post(OWN, new).await.expect(201);
        let [there] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!((&there["client_id"], &there["client_name"]), (&made["client_id"], &json!("Umbrella")));
        assert_eq!(there["redirect_uris"], json!(["https://umbrella.test/callback"]));
        assert!(lets_in(&registry, &made).await, "the credentials work at the provider");
        let shown = ann.client.get(&format!("{OWN}/{}", id(&made))).await.expect(200);
        assert_eq!((&shown["client_id"], shown.get("client_secret")), (&made["client_id"], None));

        // Registered for the API, and approved by the organization.
        let registrations = format!("{OWN}/{}/registrations", id(&made));
        let wish = ann.client.post(&registrations, json!({ "api_id": id(&it.api) })).await.expect(201);
        assert_eq!((&wish["status"], &wish["api_name"]), (&json!("pending"), &json!("Weather")));
        let again = ann.client.post(&registrations, json!({ "api_id": id(&it.api) })).await;
        assert_eq!(again.expect(409)["detail"], "The API is already registered to the application");
        let of_portal = format!("/v3/portals/{}", it.site.id);
        let pending = app.owner.get(&format!("{of_portal}/application-registrations?filter[status]=pending")).await;
        assert_eq!(all(&pending.expect(200), "id"), [wish["id"].clone()]);
        let path = format!("{of_portal}/applications/{}/registrations/{}", id(&made), id(&wish));
        let approved = app.owner.patch(&path, json!({ "status": "approved" })).await.expect(200);
        assert_eq!((&approved["status"], &approved["application"]["name"]), (&json!("approved"), &json!("Umbrella")));
        let seen = ann.client.get(&format!("{registrations}/{}", id(&wish))).await.expect(200);
        assert_eq!(seen["status"], "approved");

        // The old secret stops, the new one works.
        let fresh = regenerate(&ann.client, &made).await;
        assert_eq!(fresh["client_id"], made["client_id"]);
        assert!(!lets_in(&registry, &made).await);
        assert!(lets_in(&registry, &fresh).await);
        let listed = app.owner.get(&format!("{of_portal}/applications/{}/credentials", id(&made))).await.expect(200);
        let expected = json!([{
            "type": "client_secret", "id": made["client_id"], "client_id": made["client_id"], "display_name": null,
            "created_at": null, "expires_at": null,
        }]);
        assert_eq!(listed["data"], expected);

        let strategy = app.owner.get(&format!("/v2/application-auth-strategies/{}", id(&it.strategy))).await.expect(200);
        assert_eq!(strategy["active"], true);
        let [client] = &clients(&app, &it.provider).await[..] else { panic!("one client") };
        assert_eq!((&client["state"], &client["secret_lost"]), (&json!("live"), &json!(false)));
        let kept = app.owner.delete(&format!("/v2/dcr-providers/{}", id(&it.provider))).await;
        assert_eq!(kept.expect(409)["detail"], "The provider has 1 clients of applications");

        ann.client.delete(&format!("{OWN}/{}", id(&made))).await.expect(204);
        assert_eq!(registry.clients().await, Vec::<Value>::new(), "the provider does not know the client");
        assert!(!lets_in(&registry, &fresh).await);
        ann.client.get(&format!("{OWN}/{}", id(&made))).await.expect(404);
        assert_eq!(clients(&app, &it.provider).await, Vec::<Value>::new());
        let log = app.owner.get("/v3/audit-logs?page[size]=100").await.expect(200);
        let secret = format!("/applications/{}/secret", id(&made));
        let entry = log["data"].as_array().expect("entries").iter().find(|it| text(it, "resource").ends_with(&secret));
        assert_eq!(entry.expect("an entry of the new secret")["principal_id"], *ann.id);
        for secret in [&made, &fresh] {
            assert_eq!(app.database.holding(text(secret, "client_secret")).await, [""; 0], "a secret is kept");
        }
    }
}

on_both! {
    /// At a server that never replaces a secret, another client takes the place of the first.
    async fn a_secret_that_cannot_be_replaced(engine: Engine) {
        let Some(registry) = Registry::oidc_provider() else { return };
        let app = TestApp::new(engine).await;
        let it = published(&app, oidc_provider(&registry, false).await, json!({})).await;
        let ann = app.developer(&it.site, "ann@dev.test").await;
        let made = ann.client.post(OWN, json!({ "name": "One", "auth_strategy_id": id(&it.strategy) })).await.expect(201);
        let fresh = regenerate(&ann.client, &made).await;
        assert_ne!(fresh["client_id"], made["client_id"]);
        assert!(lets_in(&registry, &fresh).await);
        work_off(&app.app).await.expect("it works");
        assert!(!lets_in(&registry, &made).await);
        let [there] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!(there["client_id"], fresh["client_id"]);
        let shown = ann.client.get(&format!("{OWN}/{}", id(&made))).await.expect(200);
        assert_eq!(shown["client_id"], fresh["client_id"]);

        // Where it was looked at, it was found as it is to be; a change of it goes there.
        let [client] = &clients(&app, &it.provider).await[..] else { panic!("one client") };
        assert_eq!((&client["state"], &client["drift"]), (&json!("live"), &Value::Null));
        let path = format!("{OWN}/{}", id(&made));
        let change = json!({ "name": "Two", "redirect_uri": "https://two.test/" });
        let changed = ann.client.patch(&path, change).await.expect(200);
        assert_eq!((&changed["name"], &changed["redirect_uri"]), (&json!("Two"), &json!("https://two.test/")));
        let there = &registry.clients().await[0];
        assert_eq!((&there["client_name"], &there["redirect_uris"]), (&json!("Two"), &json!(["https://two.test/"])));
        assert!(lets_in(&registry, &fresh).await, "the secret is the same");
    }
}

on_both! {
    /// The organization makes applications for developers, gives them to others, and deletes them.
    async fn what_the_organization_does(engine: Engine) {
        let Some(registry) = Registry::oidc_provider() else { return };
        let app = TestApp::new(engine).await;
        let it = published(&app, oidc_provider(&registry, true).await, json!({ "auto_approve_applications": true })).await;
        let ann = app.developer(&it.site, "ann@dev.test").await;
        let bob = app.developer(&it.site, "bob@dev.test").await;
        let all_of = format!("/v3/portals/{}/applications", it.site.id);
        let owner = json!({ "type": "developer", "id": ann.id });
        let new = json!({ "name": "Given", "auth_strategy_id": id(&it.strategy), "owner": owner, "labels": { "env": "test" } });
        let made = app.owner.post(&all_of, new.clone()).await.expect(201);
        let there = &registry.clients().await[0];
        assert_eq!((&made["client_id"], made.get("client_secret")), (&there["client_id"], None));
        let expected = json!({
            "id": made["id"], "name": "Given", "description": null, "client_id": there["client_id"],
            "auth_strategy": {
                "id": id(&it.strategy), "name": "By token", "credential_type": "client_credentials",
                "auth_methods": ["client_credentials", "bearer"],
            },
            "dcr_provider": { "id": id(&it.provider) }, "granted_scopes": null, "portal": { "id": it.site.id },
            "labels": { "env": "test" }, "registration_count": 0, "owner": owner,
            "created_at": made["created_at"], "updated_at": made["updated_at"],
        });
        assert_eq!(made, expected);

        // The developer comes by the secret himself.
        let fresh = regenerate(&ann.client, &made).await;
        assert!(lets_in(&registry, &fresh).await);
        let registered = app.owner.post(&format!("{all_of}/{}/registrations", id(&made)), json!({ "api_id": id(&it.api) })).await;
        assert_eq!(registered.expect(201)["status"], "approved", "the portal approves by itself");

        bob.client.get(&format!("{OWN}/{}", id(&made))).await.expect(404);
        let path = format!("{all_of}/{}", id(&made));
        let to_bob = json!({ "owner": { "type": "developer", "id": bob.id } });
        let given = app.owner.patch(&path, to_bob.clone()).await.expect(200);
        assert_eq!((&given["owner"], &given["registration_count"]), (&to_bob["owner"], &json!(1)));
        ann.client.get(&format!("{OWN}/{}", id(&made))).await.expect(404);
        bob.client.get(&format!("{OWN}/{}", id(&made))).await.expect(200);
        let of_bob = format!("{all_of}?filter[developer_id][eq]={}", bob.id);
        assert_eq!(all(&app.owner.get(&of_bob).await.expect(200), "id"), [made["id"].clone()]);
        let anywhere = app.owner.get(&format!("/v3/applications/{}", id(&made))).await.expect(200);
        assert_eq!(anywhere, given);

        let bad = app.owner.post(&all_of, json!({
            "name": "Bad", "owner": { "type": "developer", "id": it.site.id }, "client_id": "mine",
            "auth_strategy_id": id(&it.strategy),
        })).await;
        assert_eq!(fields(bad), ["owner.id", "client_id"]);

        // A team shares what is its own.
        let teams = format!("/v3/portals/{}/teams", it.site.id);
        let team = app.owner.post(&teams, json!({ "name": "Mobile" })).await.expect(201);
        let to_team = json!({ "owner": { "type": "team", "id": id(&team) } });
        let refused = app.owner.patch(&path, to_team.clone()).await;
        assert_eq!(fields(refused), ["owner.id"]);
        app.owner.patch(&format!("{teams}/{}", id(&team)), json!({ "can_own_applications": true })).await.expect(200);
        app.owner.patch(&path, to_team.clone()).await.expect(200);
        bob.client.get(&format!("{OWN}/{}", id(&made))).await.expect(404);
        for member in [&ann.id, &bob.id] {
            app.owner.post(&format!("{teams}/{}/developers", id(&team)), json!({ "id": member })).await.expect(201);
        }
        let shared = ann.client.get(&format!("{OWN}?filter[team_id]={}", id(&team))).await.expect(200);
        assert_eq!(all(&shared, "id"), [made["id"].clone()]);
        let mine = bob.client.patch(&format!("{OWN}/{}", id(&made)), json!({ "team_id": null })).await.expect(200);
        assert_eq!(mine["team_id"], Value::Null);
        ann.client.get(&format!("{OWN}/{}", id(&made))).await.expect(404);

        // With the developer his applications go, and with those their clients.
        app.owner.delete(&format!("/v3/portals/{}/developers/{}", it.site.id, bob.id)).await.expect(204);
        app.owner.get(&path).await.expect(404);
        work_off(&app.app).await.expect("it works");
        assert_eq!(registry.clients().await, Vec::<Value>::new());

        // So it is with a portal.
        app.owner.post(&all_of, new).await.expect(201);
        let portal = format!("/v3/portals/{}", it.site.id);
        app.owner.delete(&portal).await.expect(400);
        app.owner.delete(&format!("{portal}?force=true")).await.expect(204);
        work_off(&app.app).await.expect("it works");
        assert_eq!(registry.clients().await, Vec::<Value>::new());
        assert_eq!(clients(&app, &it.provider).await, Vec::<Value>::new());
        app.owner.delete(&format!("/v2/dcr-providers/{}", id(&it.provider))).await.expect(204);
    }
}

on_both! {
    /// Keys are made here, shown once, good for as long as the strategy says, and twenty at most.
    async fn keys(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        let strategy = json!({
            "name": "Keys", "display_name": "By key", "strategy_type": "key_auth",
            "configs": { "key-auth": { "key_names": ["x-key"], "ttl": { "value": 2, "unit": "days" } } },
        });
        let strategy = app.owner.post("/v2/application-auth-strategies", strategy).await.expect(201);
        let default = json!({ "default_application_auth_strategy_id": id(&strategy) });
        app.owner.patch(&format!("/v3/portals/{}", site.id), default).await.expect(200);
        let ann = app.developer(&site, "ann@dev.test").await;
        let made = ann.client.post(OWN, json!({ "name": "One" })).await.expect(201);
        let expected = json!({
            "id": id(&strategy), "name": "By key", "credential_type": "key_auth", "key_names": ["x-key"],
            "ttl": { "value": 2, "unit": "days" }, "supports_multiple_credentials": true,
        });
        assert_eq!((&made["auth_strategy"], made.get("client_id")), (&expected, None));

        let credentials = format!("{OWN}/{}/credentials", id(&made));
        let key = ann.client.post(&credentials, json!({ "display_name": "CI" })).await.expect(201);
        let secret = text(&key, "credential").to_owned();
        assert_eq!((&key["type"], &key["display_name"], secret.len()), (&json!("api_key"), &json!("CI"), 32));
        assert_eq!(app.database.holding(&secret).await, [""; 0], "the key is kept in clear");
        let second = ann.client.call(Method::POST, &credentials, None).await.expect(201);
        assert_ne!(second["credential"], key["credential"]);
        let listed = ann.client.get(&credentials).await.expect(200);
        assert_eq!(all(&listed, "status"), ["active", "active"]);
        assert!(!listed.to_string().contains(&secret));

        let path = format!("{credentials}/{}", id(&key));
        let renamed = ann.client.put(&path, json!({ "display_name": "Pipeline" })).await;
        assert_eq!((renamed.status.as_u16(), renamed.text.as_str()), (200, ""));
        app.advance(std::time::Duration::from_secs(3 * 24 * 3600));
        let ann = site.signed_in(&site.sign_in("ann@dev.test").await);
        let listed = ann.get(&credentials).await.expect(200);
        assert_eq!(all(&listed, "status"), ["expired", "expired"]);
        assert_eq!(all(&listed, "display_name"), ["Pipeline", "Key 2"]);
        ann.delete(&path).await.expect(204);
        ann.delete(&path).await.expect(404);
        for _ in 0..19 {
            ann.post(&credentials, json!({})).await.expect(201);
        }
        let refused = ann.post(&credentials, json!({})).await.expect(403);
        assert_eq!(refused["detail"], "Maximum number of Credentials exceeded. Max Allowed: 20");
        let regenerated = ann.call(Method::POST, &format!("{OWN}/{}/regenerate-secret", id(&made)), None).await;
        regenerated.expect(409);
        let refused = ann.post(OWN, json!({ "name": "Two", "client_id": "mine", "redirect_uri": "https://a.test/" })).await;
        assert_eq!(fields(refused), ["client_id", "redirect_uri"]);
    }
}

on_both! {
    /// Without a DCR provider the developer brings a client, which no other application of the strategy has.
    async fn own_clients(engine: Engine) {
        let app = TestApp::new(engine).await;
        let openid = json!({
            "issuer": "https://idp.test", "credential_claim": ["sub"], "scopes": ["openid"], "auth_methods": ["bearer"],
        });
        let strategy = json!({
            "name": "Own", "display_name": "Own client", "strategy_type": "openid_connect",
            "configs": { "openid-connect": openid },
        });
        let strategy = app.owner.post("/v2/application-auth-strategies", strategy).await.expect(201);
        let site = app.portal("Public", json!({ "default_application_auth_strategy_id": id(&strategy) })).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let refused = ann.client.post(OWN, json!({ "name": "One" })).await;
        assert_eq!(refused.expect(400)["invalid_parameters"][0]["field"], "client_id");
        let made = ann.client.post(OWN, json!({ "name": "One", "client_id": "mine" })).await.expect(201);
        assert_eq!(made["auth_strategy"]["credential_type"], "self_managed_client_credentials");
        assert_eq!((&made["client_id"], made.get("client_secret")), (&json!("mine"), None));
        ann.client.post(OWN, json!({ "name": "Two", "client_id": "mine" })).await.expect(409);
        let path = format!("{OWN}/{}", id(&made));
        let changed = ann.client.patch(&path, json!({ "client_id": "another" })).await.expect(200);
        assert_eq!(changed["client_id"], "another");
        ann.client.post(OWN, json!({ "name": "Two", "client_id": "mine" })).await.expect(201);
        let scopes = ann.client.get(&format!("{path}/granted-scopes")).await;
        assert_eq!(scopes.expect(422)["type"], "https://kongapi.info/konnect/portal/granted-scopes-unavailable");
        ann.client.delete(&path).await.expect(204);
    }
}
