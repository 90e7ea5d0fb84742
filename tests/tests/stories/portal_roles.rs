//! Portals that ask for roles: what developers find there, and what they may register applications for.

use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{all, complaints, id};

const APIS: &str = "/api/v3/apis";
const PRODUCTS: &str = "/api/v2/products";
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

fn role(name: &str, entity: &str, region: &str) -> Value {
    json!({ "role_name": name, "entity_id": entity, "entity_type_name": "Services", "entity_region": region })
}

/// What a developer finds.
async fn names(client: &Client, path: &str) -> Vec<Value> {
    all(&client.get(path).await.expect(200), "name")
}

on_both! {
    /// Without a role a developer finds what is public alone; a Viewer finds, a Consumer registers.
    async fn what_roles_are_for(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "rbac_enabled": true })).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let mut apis = Vec::new();
        for (name, visibility) in [("Orders", "private"), ("Weather", "public"), ("Secret", "private")] {
            let api = app.owner.post("/v3/apis", json!({ "name": name })).await.expect(201);
            let path = format!("/v3/apis/{}/publications/{}", id(&api), site.id);
            app.owner.put(&path, json!({ "visibility": visibility })).await.expect(200);
            apis.push(api);
        }
        let portal = app.owner.get(&format!("/v3/portals/{}", site.id)).await.expect(200);
        let strategy = portal["default_application_auth_strategy_id"].clone();
        let product = json!({ "name": "Returns", "portal_ids": [site.id] });
        let product = app.owner.post("/v2/api-products", product).await.expect(201);
        let versions = format!("/v2/api-products/{}/product-versions", id(&product));
        let version = app.owner.post(&versions, json!({ "name": "v1" })).await.expect(201);
        let said = json!({
            "publish_status": "published", "product_version_id": id(&version), "auth_strategy_ids": [strategy],
            "application_registration_enabled": true, "auto_approve_registration": true, "deprecated": false,
        });
        app.owner.post(&format!("/v2/portals/{}/product-versions", site.id), said).await.expect(201);

        assert_eq!(names(&ann.client, APIS).await, ["Weather"]);
        ann.client.get(&format!("{APIS}/{}", id(&apis[0]))).await.expect(404);
        assert_eq!(names(&ann.client, PRODUCTS).await, [Value::Null; 0]);
        // What is not found might as well not be there.
        let hers = ann.client.post("/api/v3/applications", json!({ "name": "Early" })).await.expect(201);
        let wishes = format!("/api/v2/applications/{}/registrations", id(&hers));
        let hidden = ann.client.post(&wishes, json!({ "product_version_id": id(&version) })).await;
        let nothing = ann.client.post(&wishes, json!({ "product_version_id": NOBODY })).await;
        assert_eq!(complaints(hidden), complaints(nothing));
        ann.client.get(&format!("{PRODUCTS}/{}", id(&product))).await.expect(404);
        ann.client.get(&format!("{PRODUCTS}/{}/versions", id(&product))).await.expect(404);

        let teams = format!("/v3/portals/{}/teams", site.id);
        let team = app.owner.post(&teams, json!({ "name": "Mobile" })).await.expect(201);
        let roles = format!("{teams}/{}/assigned-roles", id(&team));
        let viewer = app.owner.post(&roles, role("API Viewer", id(&apis[0]), "*")).await.expect(201);
        app.owner.post(&roles, role("API Viewer", id(&product), "*")).await.expect(201);
        app.owner.post(&roles, role("API Viewer", id(&apis[2]), "au")).await.expect(201);
        assert_eq!(names(&ann.client, APIS).await, ["Weather"], "not in the team");
        app.owner.post(&format!("{teams}/{}/developers", id(&team)), json!({ "id": ann.id })).await.expect(201);
        assert_eq!(names(&ann.client, APIS).await, ["Orders", "Weather"], "the third role is elsewhere");
        assert_eq!(names(&ann.client, PRODUCTS).await, ["Returns"]);
        ann.client.get(&format!("{APIS}/{}", id(&apis[0]))).await.expect(200);

        let application = ann.client.post("/api/v3/applications", json!({ "name": "Shop" })).await.expect(201);
        let newer = format!("/api/v3/applications/{}/registrations", id(&application));
        let older = format!("/api/v2/applications/{}/registrations", id(&application));
        let (of_api, of_version) = (json!({ "api_id": id(&apis[0]) }), json!({ "product_version_id": id(&version) }));
        let may = async |path: String| ann.client.get(&format!("{path}/actions")).await.expect(200)["actions"].clone();
        let looks = json!({ "view": true, "register": false, "view_documentation": false });
        assert_eq!(may(format!("{APIS}/{}", id(&apis[0]))).await, looks);
        assert_eq!(may(format!("{PRODUCTS}/{}", id(&product))).await, looks);
        ann.client.get(&format!("{APIS}/{}/actions", id(&apis[2]))).await.expect(404);
        let refused = ann.client.post(&newer, of_api.clone()).await;
        let why = "names an API that takes the role [API Consumer]: no team of the developer has it";
        assert_eq!(complaints(refused), json!([["api_id", why]]));
        assert_eq!(ann.client.post(&older, of_version.clone()).await.bad_fields(), ["product_version_id"]);
        assert_eq!(ann.client.post(&newer, json!({ "api_id": id(&apis[1]) })).await.bad_fields(), ["api_id"], "public is not enough");
        app.owner.post(&roles, role("API Consumer", id(&apis[0]), "*")).await.expect(201);
        let own = app.app.settings.region.clone();
        app.owner.post(&roles, role("API Consumer", id(&product), &own)).await.expect(201);
        assert_eq!(may(format!("{APIS}/{}", id(&apis[0]))).await["register"], true);
        assert_eq!(may(format!("{PRODUCTS}/{}", id(&product))).await["register"], true);
        let asked = ann.client.post(&newer, of_api.clone()).await.expect(201);
        ann.client.post(&older, of_version).await.expect(201);
        let of_application = async |query: &str| {
            let path = format!("{APIS}/{}/applications{query}", id(&apis[0]));
            ann.client.get(&path).await.expect(200)["data"].clone()
        };
        let listed = of_application("").await;
        assert_eq!((&listed[0]["registration_id"], &listed[0]["registration_status"]), (&asked["id"], &asked["status"]));
        assert_eq!(all(&json!({ "data": of_application("?unregistered").await }), "name"), ["Early"]);
        assert_eq!(of_application("?filter[status]=rejected").await, json!([]));
        ann.client.get(&format!("{APIS}/{}/applications", id(&apis[2]))).await.expect(404);

        // What was said stays, new wishes are refused.
        let listed = app.owner.get(&roles).await.expect(200);
        assert_eq!(listed["meta"]["page"]["total"], 5);
        for assigned in listed["data"].as_array().expect("roles") {
            app.owner.delete(&format!("{roles}/{}", id(assigned))).await.expect(204);
        }
        app.owner.delete(&format!("{roles}/{}", id(&viewer))).await.expect(404);
        assert_eq!(names(&ann.client, APIS).await, ["Weather"]);
        ann.client.get(&format!("{newer}/{}", id(&asked))).await.expect(200);
        ann.client.delete(&format!("{newer}/{}", id(&asked))).await.expect(204);
        ann.client.post(&newer, of_api.clone()).await.expect(400);

        // The organization decides for itself, and a portal that asks for no roles shows all again.
        let admin = format!("/v3/portals/{}/applications/{}/registrations", site.id, id(&application));
        app.owner.post(&admin, of_api).await.expect(201);
        let change = json!({ "rbac_enabled": false });
        app.owner.patch(&format!("/v3/portals/{}", site.id), change).await.expect(200);
        assert_eq!(names(&ann.client, APIS).await, ["Orders", "Weather", "Secret"]);
        assert_eq!(names(&ann.client, PRODUCTS).await, ["Returns"]);
    }
}

on_both! {
    /// Roles are on what is there, once, and go with it.
    async fn what_roles_are_on(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        let api = app.owner.post("/v3/apis", json!({ "name": "Orders" })).await.expect(201);
        let teams = format!("/v3/portals/{}/teams", site.id);
        let team = app.owner.post(&teams, json!({ "name": "Mobile" })).await.expect(201);
        let roles = format!("{teams}/{}/assigned-roles", id(&team));
        let made = app.owner.post(&roles, role("API Viewer", id(&api), "*")).await.expect(201);
        let mut expected = role("API Viewer", id(&api), "*");
        expected["id"] = made["id"].clone();
        assert_eq!(made, expected);
        assert_eq!(app.owner.get(&roles.replacen("/v3/", "/v2/", 1)).await.expect(200)["data"], json!([expected]));
        app.owner.post(&roles, role("API Viewer", id(&api), "*")).await.expect(409);
        app.owner.post(&roles, role("API Viewer", id(&api), "eu")).await.expect(201);
        assert_eq!(app.owner.post(&roles, role("API Viewer", NOBODY, "*")).await.bad_fields(), ["entity_id"]);
        let bad = json!({ "role_name": "Admin", "entity_id": "*", "entity_type_name": "APIs", "entity_region": "moon" });
        let fields = ["role_name", "entity_id", "entity_type_name", "entity_region"];
        assert_eq!(app.owner.post(&roles, bad).await.bad_fields(), fields);
        assert_eq!(app.owner.get(&format!("{roles}?page[size]=1")).await.expect(200)["meta"]["page"]["total"], 2);
        let catalogue = app.owner.get("/v3/portal-roles").await.expect(200);
        assert_eq!(catalogue["services"]["roles"]["apiconsumer"]["name"], "API Consumer");
        assert_eq!(app.owner.get("/v2/portal-roles").await.expect(200), catalogue);
        app.owner.delete(&format!("/v3/apis/{}", id(&api))).await.expect(204);
        assert_eq!(app.owner.get(&roles).await.expect(200)["data"], json!([]));
    }
}
