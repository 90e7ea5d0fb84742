//! Applications registered for versions of products, the older way: how developers find versions, ask and are let in,
//! what the organization says to them, and what the gateway makes of it.

mod gateway;

use serde_json::{Value, json};
use tests::{Answer, Developer, Engine, Registry, Site, TestApp, on_both};

use crate::{all, complaints, everywhere, id, text};

const OWN: &str = "/api/v2/applications";
const PRODUCTS: &str = "/api/v2/products";
const CONFIGURATION: &str = "/v3/gateway/configuration";
const CHECK: &str = "/v2/gateway/check";
const CONTROL_PLANE: &str = "5f8ad4e2-3a51-4c0b-8d53-0f0c1de4a9a1";
const SERVICE: &str = "11111111-1111-4111-8111-111111111111";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// A portal with a product, of which one version is published with keys and stands for a service.
struct Shop {
    app: TestApp,
    site: Site,
    keys: Value,
    product: Value,
    version: Value,
    ann: Developer,
    application: Value,
}

/// What is said of a version in a portal.
fn said(strategy: &Value, more: &Value) -> Value {
    let mut said = json!({
        "publish_status": "published", "auth_strategy_ids": [id(strategy)], "application_registration_enabled": true,
        "auto_approve_registration": false, "deprecated": false,
    });
    said.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    said
}

async fn strategy(app: &TestApp, name: &str, configs: Value) -> Value {
    let kind = if configs.get("key-auth").is_some() { "key_auth" } else { "openid_connect" };
    let new = json!({ "name": name, "display_name": name, "strategy_type": kind, "configs": configs });
    app.owner.post("/v2/application-auth-strategies", new).await.expect(201)
}

impl Shop {
    /// With a gateway, so that keys are kept for it.
    async fn open(engine: Engine) -> Self {
        Self::open_in(TestApp::with(engine, &[("GATEWAY_ADMIN_URL", "https://gateway.test")]).await).await
    }

    async fn open_in(app: TestApp) -> Self {
        let keys = strategy(&app, "Keys", json!({ "key-auth": { "key_names": ["x-key"] } })).await;
        let site = app.portal("Public", json!({})).await;
        let product = json!({
            "name": "Orders", "description": "Takes orders", "portal_ids": [site.id], "public_labels": { "tier": "gold" },
        });
        let product = app.owner.post("/v2/api-products", product).await.expect(201);
        let ann = app.developer(&site, "ann@dev.test").await;
        let mut shop = Self { app, site, keys, product, ann, version: Value::Null, application: Value::Null };
        shop.version = shop.new_version("v1", SERVICE).await;
        shop.say(&shop.version, &shop.keys, json!({})).await;
        let new = json!({ "name": "Shop", "auth_strategy_id": id(&shop.keys) });
        shop.application = shop.ann.client.post(OWN, new).await.expect(201);
        shop
    }

    /// One whose version is published with a strategy of Auth0, where developers choose scopes, and an application of it.
    async fn with_auth0(engine: Engine) -> Option<(Self, Registry, Value)> {
        let registry = Registry::fake("auth0")?;
        let authority = registry.authority();
        let app = TestApp::with(engine, &[("OUTBOUND_CA_FILE", authority.to_str().expect("a path"))]).await;
        let provider = json!({
            "name": "Auth0", "provider_type": "auth0", "issuer": registry.base,
            "dcr_config": {
                "initial_client_id": "initial-client", "initial_client_secret": "initial-s3cret/+&",
                "use_developer_managed_scopes": true,
            },
        });
        let provider = app.owner.post("/v2/dcr-providers", provider).await.expect(201);
        let openid = json!({
            "issuer": registry.base, "credential_claim": ["azp"], "scopes": ["read", "write", "admin"],
            "auth_methods": ["client_credentials", "bearer"], "token_post_args_names": ["audience"],
            "token_post_args_values": ["https://api.test/"],
        });
        let tokens = json!({
            "name": "Tokens", "display_name": "Tokens", "strategy_type": "openid_connect",
            "configs": { "openid-connect": openid }, "dcr_provider_id": id(&provider),
        });
        let tokens = app.owner.post("/v2/application-auth-strategies", tokens).await.expect(201);
        let shop = Shop::open_in(app).await;
        shop.change(json!({ "auth_strategy_ids": [id(&tokens)] })).await;
        let new = json!({ "name": "By token", "auth_strategy_id": id(&tokens) });
        let application = shop.ann.client.post(OWN, new).await.expect(201);
        Some((shop, registry, application))
    }

    async fn new_version(&self, name: &str, service: &str) -> Value {
        let path = format!("/v2/api-products/{}/product-versions", id(&self.product));
        let service = json!({ "id": service, "control_plane_id": CONTROL_PLANE });
        self.app.owner.post(&path, json!({ "name": name, "gateway_service": service })).await.expect(201)
    }

    fn in_portal(&self) -> String {
        format!("/v2/portals/{}/product-versions", self.site.id)
    }

    /// Puts a version into the portal.
    async fn say(&self, version: &Value, strategy: &Value, more: Value) {
        let mut said = said(strategy, &more);
        said["product_version_id"] = version["id"].clone();
        self.app.owner.post(&self.in_portal(), said).await.expect(201);
    }

    /// Says something else of the version in the portal.
    async fn change(&self, change: Value) {
        let path = format!("{}/{}", self.in_portal(), id(&self.version));
        self.app.owner.patch(&path, change).await.expect(200);
    }

    /// Where the organization has the registrations of the application.
    fn registrations(&self) -> String {
        format!("/v2/portals/{}/applications/{}/registrations", self.site.id, id(&self.application))
    }

    async fn ask(&self, body: Value) -> Answer {
        self.ann.client.post(&format!("{OWN}/{}/registrations", id(&self.application)), body).await
    }

    /// Registers the application for the version.
    async fn register(&self) -> Value {
        self.ask(json!({ "product_version_id": id(&self.version) })).await.expect(201)
    }

    async fn decide(&self, registration: &Value, status: &str) {
        let path = format!("{}/{}", self.registrations(), id(registration));
        let decided = self.app.owner.patch(&path, json!({ "status": status })).await.expect(200);
        assert_eq!(decided["status"], status);
    }

    async fn new_key(&self) -> Value {
        let path = format!("/api/v2/applications/{}/credentials", id(&self.application));
        self.ann.client.post(&path, json!({ "display_name": "CI" })).await.expect(201)
    }

    async fn check(&self, version: &Value, key: &str) -> Value {
        self.app.owner.post(CHECK, json!({ "product_version_id": id(version), "key": key })).await.expect(200)
    }

    /// The plugins of the service, by name, and the consumers, as the gateway is to have them, and what it is told.
    async fn configuration(&self, service: &str) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
        let found = self.app.owner.get(CONFIGURATION).await.expect(200);
        let listed = |from: &Value, name: &str| from[name].as_array().cloned().unwrap_or_default();
        let plugins = listed(&found["configuration"], "plugins");
        let of_service = plugins.iter().filter(|plugin| plugin["service"] == service);
        let plugins = of_service.map(|plugin| plugin["name"].clone()).collect();
        (plugins, listed(&found["configuration"], "consumers"), listed(&found, "warnings"))
    }
}

on_both! {
    /// A developer finds the version, asks, and is let in when the organization says so.
    async fn from_the_catalogue_to_the_key(engine: Engine) {
        let shop = Shop::open(engine).await;
        let Shop { app, site, product, version, ann, application, .. } = &shop;

        let products = ann.client.get(PRODUCTS).await.expect(200);
        let listed = json!({
            "id": id(product), "name": "Orders", "description": "Takes orders", "version_count": 1,
            "latest_version": { "id": id(version), "name": "v1" }, "public_labels": { "tier": "gold" },
            "created_at": product["created_at"], "updated_at": product["updated_at"],
        });
        assert_eq!(products["data"], json!([listed]));
        let one = format!("{PRODUCTS}/{}", id(product));
        assert_eq!(ann.client.get(&one).await.expect(200), listed);
        let config = json!({
            "id": id(&shop.keys), "name": "Keys", "credential_type": "key_auth", "registration_enabled": true,
            "registration_auto_approve": false,
        });
        let versions = ann.client.get(&format!("{one}/versions")).await.expect(200);
        let listed = json!({
            "id": id(version), "name": "v1", "deprecated": false, "registration_configs": [config],
            "created_at": version["created_at"], "updated_at": version["updated_at"],
        });
        assert_eq!(versions["data"], json!([listed]));
        assert_eq!(ann.client.get(&format!("{one}/versions/{}", id(version))).await.expect(200), listed);

        let of_version = format!("{one}/versions/{}/applications", id(version));
        let without = ann.client.get(&format!("{of_version}?unregistered=true")).await.expect(200);
        assert_eq!(all(&without, "id"), [application["id"].clone()]);
        assert_eq!(without["data"][0]["registration_status"], Value::Null);
        assert_eq!(ann.client.get(&of_version).await.expect(200)["data"], json!([]));

        let asked = shop.register().await;
        let expected = json!({
            "id": asked["id"], "status": "pending", "product_id": id(product), "product_name": "Orders",
            "product_version_id": id(version), "product_version_name": "v1", "application_id": id(application),
            "created_at": asked["created_at"], "updated_at": asked["updated_at"],
        });
        assert_eq!(asked, expected);
        let own = format!("{OWN}/{}/registrations", id(application));
        assert_eq!(ann.client.get(&own).await.expect(200)["data"], json!([expected]));
        assert_eq!(ann.client.get(&format!("{own}/{}", id(&asked))).await.expect(200), expected);
        shop.ask(json!({ "product_version_id": id(version) })).await.expect(409);
        let with = ann.client.get(&of_version).await.expect(200);
        assert_eq!(with["data"][0]["registration_id"], asked["id"]);
        assert_eq!(ann.client.get(&format!("{of_version}?unregistered=true")).await.expect(200)["data"], json!([]));

        // The organization sees it by whose it is, and by the older API alone.
        let seen = json!({
            "id": asked["id"], "status": "pending", "product": { "id": id(product), "name": "Orders" },
            "product_version": { "id": id(version), "name": "v1" },
            "application": { "id": id(application), "name": "Shop" },
            "developer": { "id": ann.id, "name": "Developer" }, "granted_scopes": null,
            "created_at": asked["created_at"], "updated_at": asked["updated_at"],
        });
        let in_portal = format!("/v2/portals/{}/application-registrations", site.id);
        let mut found = app.owner.get(&in_portal).await.expect(200)["data"][0].clone();
        let developer = app.owner.get(&format!("/v3/portals/{}/developers/{}", site.id, ann.id)).await.expect(200);
        found["developer"]["name"] = json!("Developer");
        assert_eq!(found, seen);
        let path = format!("{}/{}", shop.registrations(), id(&asked));
        let found = app.owner.get(&path).await.expect(200);
        assert_eq!(found["developer"]["name"], developer["full_name"]);
        assert_eq!(app.owner.get(&shop.registrations()).await.expect(200)["data"], json!([found]));
        let newer = path.replace("/v2/", "/v3/");
        app.owner.get(&newer).await.expect(404);
        app.owner.patch(&newer, json!({ "status": "approved" })).await.expect(404);
        app.owner.delete(&newer).await.expect(404);
        assert_eq!(app.owner.get(&in_portal.replace("/v2/", "/v3/")).await.expect(200)["data"], json!([]));
        let shown = format!("/v2/portals/{}/applications/{}", site.id, id(application));
        assert_eq!(app.owner.get(&shown).await.expect(200)["registration_count"], 1);
        assert_eq!(app.owner.get(&shown.replace("/v2/", "/v3/")).await.expect(200)["registration_count"], 0);

        let key = shop.new_key().await;
        assert_eq!(shop.check(version, text(&key, "credential")).await["reason"], "registration_pending");
        shop.decide(&asked, "approved").await;
        assert_eq!(shop.check(version, text(&key, "credential")).await, json!({
            "allowed": true, "application_id": id(application),
        }));
        shop.decide(&asked, "revoked").await;
        assert_eq!(shop.check(version, text(&key, "credential")).await["reason"], "registration_revoked");
        // Who could delete that could ask again.
        let refused = ann.client.delete(&format!("{own}/{}", id(&asked))).await.expect(409);
        assert_eq!(refused["detail"], "The registration is revoked: only the organization can delete it");
        shop.decide(&asked, "approved").await;

        // Who has keys was granted no scopes.
        for path in [
            format!("{OWN}/{}/registrations/{}/granted-scopes", id(application), id(&asked)),
            format!("{OWN}/{}/product-versions/{}/granted-scopes", id(application), id(version)),
        ] {
            ann.client.get(&path).await.expect(422);
        }
        assert_eq!(app.owner.get(&format!("{path}/granted-scopes")).await.expect(200), json!({ "data": [] }));

        ann.client.delete(&format!("{own}/{}", id(&asked))).await.expect(204);
        assert_eq!(shop.check(version, text(&key, "credential")).await["reason"], "not_registered");
    }
}

on_both! {
    /// What is not published, or not open, nobody finds or is registered for.
    async fn what_is_not_offered(engine: Engine) {
        let shop = Shop::open(engine).await;
        let Shop { app, site, product, version, ann, .. } = &shop;
        let other = strategy(app, "Other", json!({ "key-auth": {} })).await;
        let hidden = shop.new_version("v2", NOBODY).await;
        shop.say(&hidden, &shop.keys, json!({ "publish_status": "unpublished" })).await;
        let elsewhere = shop.new_version("v3", NOBODY).await;
        let closed = shop.new_version("v4", NOBODY).await;
        shop.say(&closed, &shop.keys, json!({ "application_registration_enabled": false })).await;
        let free = shop.new_version("v5", NOBODY).await;
        shop.say(&free, &shop.keys, json!({ "auth_strategy_ids": [] })).await;
        let differs = shop.new_version("v6", NOBODY).await;
        shop.say(&differs, &other, json!({})).await;

        let path = format!("{PRODUCTS}/{}/versions", id(product));
        let names = all(&ann.client.get(&path).await.expect(200), "name");
        assert_eq!(names, ["v1", "v4", "v5", "v6"]);
        for version in [&hidden, &elsewhere] {
            ann.client.get(&format!("{path}/{}", id(version))).await.expect(404);
            ann.client.get(&format!("{path}/{}/applications", id(version))).await.expect(404);
        }
        for (version, why) in [
            (&hidden, "Published product version not found"),
            (&elsewhere, "Published product version not found"),
            (&closed, "names a product version that takes no registrations"),
            (&free, "names a product version that needs no registration"),
            (&differs, "names a product version that has another auth strategy than the application"),
        ] {
            let refused = shop.ask(json!({ "product_version_id": id(version) })).await;
            let complaints = complaints(refused);
            let reason = complaints[0][1].as_str().expect("a reason");
            assert_eq!(complaints[0][0], "product_version_id");
            assert!(reason.contains(why), "{reason}");
        }
        let refused = shop.ask(json!({ "api_id": id(version) })).await;
        assert_eq!(refused.bad_fields(), ["product_version_id", "api_id"], "words of the newer version");
        let refused = shop.ask(json!({ "product_version_id": id(version), "scopes": ["read"] })).await;
        assert_eq!(refused.bad_fields(), ["scopes"], "there are none with keys");
        assert_eq!(app.owner.get(&shop.registrations()).await.expect(200)["data"], json!([]));

        // Developers can make applications with what versions are published with.
        let offered = ann.client.get("/api/v2/applications/auth-strategies").await.expect(200);
        let portal = app.owner.get(&format!("/v3/portals/{}", site.id)).await.expect(200);
        let by_itself = portal["default_application_auth_strategy_id"].clone();
        assert_eq!(all(&offered, "id"), [shop.keys["id"].clone(), by_itself, other["id"].clone()]);

        // Out of the portal, the product is gone for developers, and nobody is registered any more.
        let products = format!("/v2/api-products/{}", id(product));
        app.owner.patch(&products, json!({ "portal_ids": [] })).await.expect(200);
        assert_eq!(ann.client.get(PRODUCTS).await.expect(200)["data"], json!([]));
        ann.client.get(&path).await.expect(404);
        let refused = shop.ask(json!({ "product_version_id": id(version) })).await;
        assert_eq!(refused.bad_fields(), ["product_version_id"]);

        // Another developer has none of it.
        let bob = app.developer(site, "bob@dev.test").await;
        bob.client.get(&format!("{OWN}/{}/registrations", id(&shop.application))).await.expect(404);
    }
}

on_both! {
    /// Approved by itself where the version or the portal says so.
    async fn approved_by_itself(engine: Engine) {
        let shop = Shop::open(engine).await;
        shop.change(json!({ "auto_approve_registration": true })).await;
        assert_eq!(shop.register().await["status"], "approved");
        let second = shop.new_version("v2", NOBODY).await;
        shop.say(&second, &shop.keys, json!({})).await;
        let ask = json!({ "product_version_id": id(&second) });
        let asked = shop.ask(ask.clone()).await.expect(201);
        assert_eq!(asked["status"], "pending");
        shop.app.owner.delete(&format!("{}/{}", shop.registrations(), id(&asked))).await.expect(204);
        let portal = format!("/v2/portals/{}", shop.site.id);
        shop.app.owner.patch(&portal, json!({ "auto_approve_applications": true })).await.expect(200);
        assert_eq!(shop.ask(ask).await.expect(201)["status"], "approved");
        for (query, count) in [
            ("filter[product_name]=Orders", 2),
            ("filter[product_name][contains]=ord", 2),
            ("filter[product_version_name]=v2", 1),
            ("filter[status]=pending", 0),
            ("filter[status][eq]=approved", 2),
        ] {
            let path = format!("{OWN}/{}/registrations?{query}", id(&shop.application));
            let found = shop.ann.client.get(&path).await.expect(200);
            assert_eq!(found["meta"]["page"]["total"], count, "{query}");
        }
        for (query, count) in [
            (format!("filter[developer_id]={}", shop.ann.id), 2),
            ("filter[application_name][contains]=sho".to_owned(), 2),
            ("filter[developer_name][contains]=nobody".to_owned(), 0),
            ("filter[status]=approved&sort=developer_id desc".replace(' ', "%20"), 2),
        ] {
            let path = format!("/v2/portals/{}/application-registrations?{query}", shop.site.id);
            assert_eq!(shop.app.owner.get(&path).await.expect(200)["meta"]["page"]["total"], count, "{query}");
        }
    }
}

on_both! {
    /// A product that goes takes the registrations for its versions with it, and a portal those of its applications.
    async fn what_goes_with_what(engine: Engine) {
        let shop = Shop::open(engine).await;
        shop.register().await;
        shop.app.owner.delete(&format!("/v2/api-products/{}", id(&shop.product))).await.expect(204);
        assert_eq!(shop.app.owner.get(&shop.registrations()).await.expect(200)["data"], json!([]));
        let shop = Shop::open(engine).await;
        shop.register().await;
        shop.app.owner.delete(&format!("/v2/portals/{}?force=true", shop.site.id)).await.expect(204);
        let version = format!("/v2/api-products/{}/product-versions/{}", id(&shop.product), id(&shop.version));
        assert_eq!(shop.app.owner.get(&version).await.expect(200)["portals"], json!([]));
    }
}

on_both! {
    /// Who may ask for whom: it takes the right to read the product.
    async fn who_may_ask(engine: Engine) {
        let shop = Shop::open(engine).await;
        let key = shop.new_key().await;
        let ask = json!({ "product_version_id": id(&shop.version), "key": text(&key, "credential") });
        let (account, caller) = shop.app.system_account("reader").await;
        assert_eq!(caller.post(CHECK, ask.clone()).await.status, 403);
        let one = json!({
            "role_name": "Viewer", "entity_type_name": "API Products", "entity_id": id(&shop.product), "entity_region": "*",
        });
        for (role, status) in
            [(everywhere("Viewer", "API Products"), 200), (one, 200), (everywhere("Viewer", "APIs"), 403)]
        {
            let roles = format!("/v3/system-accounts/{account}/assigned-roles");
            let given = shop.app.owner.post(&roles, role.clone()).await.expect(201);
            assert_eq!(caller.post(CHECK, ask.clone()).await.status, status, "{role}");
            shop.app.owner.delete(&format!("{roles}/{}", id(&given))).await.expect(204);
        }
        let elsewhere = json!({
            "role_name": "Viewer", "entity_type_name": "API Products", "entity_id": NOBODY, "entity_region": "*",
        });
        let roles = format!("/v3/system-accounts/{account}/assigned-roles");
        shop.app.owner.post(&roles, elsewhere).await.expect(201);
        let unseen = caller.post(CHECK, ask.clone()).await;
        let missing = shop.app.owner.post(CHECK, json!({ "product_version_id": NOBODY, "key": "k" })).await;
        assert_eq!(complaints(unseen), complaints(missing), "unseen is as good as not there");
        let refused = shop.app.owner.post(CHECK, json!({ "product_version_id": id(&shop.version) })).await;
        assert_eq!(refused.bad_fields(), ["key"]);
    }
}

on_both! {
    /// Where developers choose scopes, a registration adds to those that the application has.
    async fn scopes_with_a_registration(engine: Engine) {
        let Some((shop, registry, application)) = Shop::with_auth0(engine).await else { return };
        let config = shop.ann.client.get(&format!("{PRODUCTS}/{}/versions", id(&shop.product))).await.expect(200);
        assert_eq!(config["data"][0]["registration_configs"][0]["available_scopes"], json!(["read", "write", "admin"]));
        let change = json!({ "scopes": ["read"] });
        shop.ann.client.patch(&format!("{OWN}/{}", id(&application)), change).await.expect(200);
        let path = format!("{OWN}/{}/registrations", id(&application));
        let ask = async |scopes: Value| {
            let body = json!({ "product_version_id": id(&shop.version), "scopes": scopes });
            shop.ann.client.post(&path, body).await
        };
        assert_eq!(ask(json!(["write", "all"])).await.bad_fields(), ["scopes.1"]);
        assert_eq!(shop.ann.client.get(&path).await.expect(200)["data"], json!([]));
        let asked = ask(json!(["write"])).await.expect(201);
        assert_eq!(asked["granted_scopes"], json!(["read", "write"]));
        assert_eq!(registry.state().await["grants"][0]["scope"], json!(["read", "write"]));
        let scopes = json!({ "scopes": ["read", "write"] });
        for granted in [
            format!("{path}/{}/granted-scopes", id(&asked)),
            format!("{OWN}/{}/product-versions/{}/granted-scopes", id(&application), id(&shop.version)),
        ] {
            assert_eq!(shop.ann.client.get(&granted).await.expect(200), scopes);
        }
        let at = format!("/v2/portals/{}/applications/{}/registrations/{}", shop.site.id, id(&application), id(&asked));
        assert_eq!(shop.app.owner.get(&at).await.expect(200)["granted_scopes"], scopes["scopes"]);
        let listed = shop.app.owner.get(&format!("{at}/granted-scopes")).await.expect(200);
        assert_eq!(listed["data"], scopes["scopes"]);
        // None for a version that it is not registered for.
        let other = shop.new_version("v2", NOBODY).await;
        let of_other = format!("{OWN}/{}/product-versions/{}/granted-scopes", id(&application), id(&other));
        shop.ann.client.get(&of_other).await.expect(404);
    }
}

on_both! {
    /// What is refused adds no scopes, and two who ask at once lose none.
    async fn scopes_are_added_once_and_for_good(engine: Engine) {
        let Some((shop, registry, application)) = Shop::with_auth0(engine).await else { return };
        let path = format!("{OWN}/{}/registrations", id(&application));
        let second = shop.new_version("v2", NOBODY).await;
        let tokens = json!({ "id": application["auth_strategy"]["id"] });
        shop.say(&second, &tokens, json!({})).await;
        let ask = |version: &Value, scope: &str| {
            let body = json!({ "product_version_id": id(version), "scopes": [scope] });
            let (client, path) = (shop.ann.client.clone(), path.clone());
            async move { client.post(&path, body).await }
        };
        let (one, other) = tokio::join!(ask(&shop.version, "read"), ask(&second, "write"));
        one.expect(201);
        other.expect(201);
        let shown = shop.ann.client.get(&format!("{OWN}/{}", id(&application))).await.expect(200);
        let mut scopes: Vec<&str> = shown["scopes"].as_array().expect("scopes").iter().filter_map(Value::as_str).collect();
        scopes.sort_unstable();
        assert_eq!(scopes, ["read", "write"]);
        ask(&shop.version, "admin").await.expect(409);
        let again = shop.ann.client.get(&format!("{OWN}/{}", id(&application))).await.expect(200);
        assert_eq!(again["scopes"], shown["scopes"]);
        assert_eq!(registry.state().await["grants"][0]["scope"].as_array().map(Vec::len), Some(2));
    }
}

on_both! {
    /// A team's application is registered by its members, and the organization sees that and can end it.
    async fn applications_of_teams(engine: Engine) {
        let shop = Shop::open(engine).await;
        let Shop { app, site, ann, application, .. } = &shop;
        let teams = format!("/v3/portals/{}/teams", site.id);
        let team = app.owner.post(&teams, json!({ "name": "Mobile", "can_own_applications": true })).await.expect(201);
        app.owner.post(&format!("{teams}/{}/developers", id(&team)), json!({ "id": ann.id })).await.expect(201);
        let asked = shop.register().await;
        let newer = format!("/api/v3/applications/{}", id(application));
        ann.client.patch(&newer, json!({ "team_id": id(&team) })).await.expect(200);
        let whose = json!({ "id": id(&team), "name": "Mobile" });
        let path = format!("{}/{}", shop.registrations(), id(&asked));
        assert_eq!(app.owner.get(&path).await.expect(200)["developer"], whose);
        let in_portal = format!("/v2/portals/{}/application-registrations?filter[developer_name]=Mobile", site.id);
        assert_eq!(all(&app.owner.get(&in_portal).await.expect(200), "developer"), [whose]);
        shop.decide(&asked, "approved").await;
        let key = shop.new_key().await;
        assert_eq!(shop.check(&shop.version, text(&key, "credential")).await["allowed"], true);
        app.owner.delete(&path).await.expect(204);
        assert_eq!(shop.check(&shop.version, text(&key, "credential")).await["reason"], "not_registered");
        shop.register().await;
        assert_eq!(app.owner.get(&shop.registrations()).await.expect(200)["meta"]["page"]["total"], 1);
    }
}
