//! The older way of publishing: products, their versions, and versions in portals; and portals as the older
//! API has them.

mod portals;

use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{all, complaints, everywhere, forbidden, id, platform_problem, problem, text};

const PRODUCTS: &str = "/v2/api-products";
const PORTALS: &str = "/v2/portals";
const NEWER: &str = "/v3/portals";
const STRATEGIES: &str = "/v2/application-auth-strategies";
const NOBODY: &str = "7f9fd312-a987-4628-b4c5-bb4f4fddd5f7";

async fn made(client: &Client, path: &str, body: Value) -> String {
    id(&client.post(path, body).await.expect(201)).to_owned()
}

async fn portal(app: &TestApp, name: &str) -> String {
    made(&app.owner, PORTALS, json!({ "name": name, "default_application_auth_strategy_id": null })).await
}

/// A product and a version of it.
async fn product(app: &TestApp, name: &str) -> (String, String) {
    let product = made(&app.owner, PRODUCTS, json!({ "name": name })).await;
    let versions = format!("{PRODUCTS}/{product}/product-versions");
    let version = made(&app.owner, &versions, json!({ "name": "v1" })).await;
    (product, version)
}

async fn keys(app: &TestApp) -> String {
    let config = json!({ "key-auth": { "ttl": { "value": 90, "unit": "days" } } });
    let new =
        json!({ "name": "Keys", "display_name": "API keys", "strategy_type": "key_auth", "configs": config });
    made(&app.owner, STRATEGIES, new).await
}

fn in_portal(portal: &str) -> String {
    format!("{PORTALS}/{portal}/product-versions")
}

/// What is said of a version in a portal.
fn said(version: &str, strategies: Value, status: &str) -> Value {
    json!({
        "product_version_id": version, "auth_strategy_ids": strategies, "publish_status": status,
        "application_registration_enabled": true, "auto_approve_registration": false, "deprecated": false,
    })
}

/// The same, for what is there already.
fn said_again(strategies: Value, status: &str) -> Value {
    let mut said = said("", strategies, status);
    said.as_object_mut().expect("an object").remove("product_version_id");
    said
}

async fn active(app: &TestApp, strategy: &str) -> bool {
    app.owner.get(&format!("{STRATEGIES}/{strategy}")).await.expect(200)["active"] == true
}

on_both! {
    /// A product has versions and stands in portals, in the order in which they were named.
    async fn the_life_of_a_product(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (one, two) = (portal(&app, "One").await, portal(&app, "Two").await);
        let new = json!({
            "name": "Orders", "description": "All about them", "labels": { "env": "prod" }, "public_labels": { "tier": "1" },
            "portal_ids": [two, one],
        });
        let made = app.owner.post(PRODUCTS, new).await.expect(201);
        let place = |id: &str, name: &str| json!({ "portal_id": id, "portal_name": name });
        let expected = json!({
            "id": id(&made), "name": "Orders", "description": "All about them", "portal_ids": [two, one],
            "portals": [place(&two, "Two"), place(&one, "One")], "version_count": 0, "labels": { "env": "prod" },
            "public_labels": { "tier": "1" }, "created_at": made["created_at"], "updated_at": made["created_at"],
        });
        assert_eq!(made, expected);
        let path = format!("{PRODUCTS}/{}", id(&made));
        assert_eq!(app.owner.get(&path).await.expect(200), made);
        assert_eq!(app.owner.get(&format!("{PORTALS}/{two}")).await.expect(200)["published_product_count"], 1);

        let versions = format!("{path}/product-versions");
        let service = json!({ "id": "09b4786a", "control_plane_id": "e4d9ebb1-26b4-426a-b00e-cb67044f3baf" });
        let new = json!({ "name": "v1", "gateway_service": service, "publish_status": "published", "labels": { "a": "b" } });
        let first = app.owner.post(&versions, new).await.expect(201);
        let expected = json!({
            "id": id(&first), "name": "v1", "gateway_service": service, "publish_status": "published", "deprecated": false,
            "labels": { "a": "b" }, "portals": [], "created_at": first["created_at"], "updated_at": first["created_at"],
        });
        assert_eq!(first, expected);
        let at = format!("{versions}/{}", id(&first));
        assert_eq!(app.owner.get(&at).await.expect(200), first);
        let second = app.owner.post(&versions, json!({ "name": "v2" })).await.expect(201);
        assert_eq!((&second["gateway_service"], &second["publish_status"]), (&Value::Null, &json!("unpublished")));
        assert_eq!(app.owner.get(&path).await.expect(200)["version_count"], 2);
        assert_eq!(all(&app.owner.get(&format!("{versions}?sort=name desc")).await.expect(200), "name"), ["v2", "v1"]);
        assert_eq!(all(&app.owner.get(&format!("{versions}?filter[name]=v2")).await.expect(200), "id"), [id(&second)]);
        let changed = app.owner.patch(&at, json!({ "gateway_service": null, "deprecated": true, "name": "v1.0" })).await.expect(200);
        assert_eq!(
            (&changed["gateway_service"], &changed["deprecated"], &changed["name"], &changed["publish_status"]),
            (&Value::Null, &json!(true), &json!("v1.0"), &json!("published"))
        );
        let other = product(&app, "Returns").await;
        assert_eq!(app.owner.get(&format!("{PRODUCTS}/{}/product-versions/{}", other.0, id(&first))).await.status, 404, "of another product");

        let change = json!({ "name": "Purchases", "description": null, "labels": { "env": null }, "public_labels": null, "portal_ids": [one] });
        let changed = app.owner.patch(&path, change).await.expect(200);
        assert_eq!(
            (&changed["name"], &changed["description"], &changed["labels"], &changed["public_labels"], &changed["portals"]),
            (&json!("Purchases"), &Value::Null, &json!({}), &json!({}), &json!([place(&one, "One")]))
        );
        assert_eq!(app.owner.get(&path).await.expect(200), changed);
        let same = app.owner.patch(&path, json!({ "description": "x" })).await.expect(200);
        assert_eq!(same["portal_ids"], json!([one]), "what is not sent stays");
        let none = app.owner.patch(&path, json!({ "portal_ids": [] })).await.expect(200);
        assert_eq!(none["portals"], json!([]));
        app.owner.patch(&path, json!({ "portal_ids": [one, two] })).await.expect(200);
        let listed = app.owner.get(&format!("{PRODUCTS}?sort=name&filter[name][contains]=R")).await.expect(200);
        assert_eq!(all(&listed, "portal_ids"), [json!([one, two]), json!([])]);
        assert_eq!(all(&listed, "version_count"), [2, 1]);

        let wrong = json!({ "name": "x".repeat(101), "portal_ids": [one, one, NOBODY], "labels": { "a": 1 }, "surprise": 1 });
        assert_eq!(app.owner.post(PRODUCTS, wrong).await.bad_fields(), ["name", "labels.a", "portal_ids.1", "surprise", "portal_ids.2"]);
        let wrong = json!({ "name": "", "gateway_service": { "id": "x", "more": 1 }, "publish_status": "draft" });
        assert_eq!(
            app.owner.post(&versions, wrong).await.bad_fields(),
            ["name", "gateway_service.control_plane_id", "gateway_service.more", "publish_status"]
        );
        app.owner.delete(&format!("{PORTALS}/{two}")).await.expect(204);
        assert_eq!(app.owner.get(&path).await.expect(200)["portal_ids"], json!([one]));
        app.owner.delete(&at).await.expect(204);
        assert_eq!(problem(app.owner.get(&at).await), platform_problem(404, "Not Found", "Not Found"));
        app.owner.delete(&path).await.expect(204);
        assert_eq!(app.owner.get(&versions).await.status, 404);
        assert_eq!(app.database.query("SELECT name FROM product_versions").await, ["v1"], "of the other product");
    }
}

on_both! {
    /// A version in a portal uses its strategy, and makes it active while it is published.
    async fn a_version_in_a_portal(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (developers, (orders, version)) = (portal(&app, "Developers").await, product(&app, "Orders").await);
        let (keys, all_of_it) = (keys(&app).await, in_portal(&developers));
        let at = format!("{all_of_it}/{version}");
        let made = app.owner.post(&all_of_it, said(&version, json!([keys]), "unpublished")).await.expect(201);
        let strategy = json!({
            "id": keys, "name": "API keys", "credential_type": "key_auth", "key_names": ["apikey"],
            "ttl": { "value": 90, "unit": "days" },
        });
        let expected = json!({
            "id": id(&made), "publish_status": "unpublished", "product_version_id": version, "auth_strategies": [strategy],
            "application_registration_enabled": true, "auto_approve_registration": false, "deprecated": false,
            "created_at": made["created_at"], "updated_at": made["created_at"],
        });
        assert_eq!(made, expected);
        assert_eq!(app.owner.get(&at).await.expect(200), made);
        assert!(!active(&app, &keys).await);
        let used = async || problem(app.owner.delete(&format!("{STRATEGIES}/{keys}")).await)["detail"].clone();
        assert_eq!(used().await, "The strategy is used by [Orders v1 in Developers] (product version)");

        let published = app.owner.patch(&at, json!({ "publish_status": "published" })).await.expect(200);
        assert_eq!((&published["publish_status"], &published["auth_strategies"]), (&json!("published"), &made["auth_strategies"]));
        assert!(active(&app, &keys).await);
        let seen = app.owner.get(&format!("{PRODUCTS}/{orders}/product-versions/{version}")).await.expect(200);
        let place = json!([{
            "portal_id": developers, "portal_name": "Developers", "portal_product_version_id": id(&made),
            "publish_status": "published", "deprecated": false, "application_registration_enabled": true,
            "auto_approve_registration": false, "auth_strategies": [{ "id": keys, "name": "Keys" }],
        }]);
        assert_eq!(seen["portals"], place);

        // Renaming any of the three shows in what keeps the strategy.
        app.owner.patch(&format!("{NEWER}/{developers}"), json!({ "name": "Friends" })).await.expect(200);
        assert_eq!(used().await, "The strategy is used by [Orders v1 in Friends] (product version)");
        app.owner.patch(&format!("{PRODUCTS}/{orders}"), json!({ "name": "Purchases" })).await.expect(200);
        assert_eq!(used().await, "The strategy is used by [Purchases v1 in Friends] (product version)");
        app.owner.patch(&format!("{PRODUCTS}/{orders}/product-versions/{version}"), json!({ "name": "v2" })).await.expect(200);
        assert_eq!(used().await, "The strategy is used by [Purchases v2 in Friends] (product version)");

        let replaced = app.owner.put(&at, said_again(json!([]), "published")).await.expect(200);
        assert_eq!(replaced["auth_strategies"], json!([]));
        assert!(!active(&app, &keys).await, "published, but with no strategy");
        let mut again = said_again(json!([keys]), "published");
        again["notify_developers"] = json!(false);
        again["deprecated"] = json!(true);
        assert_eq!(app.owner.put(&at, again).await.expect(200)["deprecated"], true);
        assert!(active(&app, &keys).await);

        let refused = async |body: Value| complaints(app.owner.post(&all_of_it, body).await);
        let twice = json!([["product_version_id", "is in this portal already"]]);
        assert_eq!(refused(said(&version, json!([]), "published")).await, twice);
        assert_eq!(refused(said(NOBODY, json!([]), "published")).await, json!([["product_version_id", "Product version not found"]]));
        let empty: Vec<Value> = ["product_version_id", "publish_status", "auth_strategy_ids", "application_registration_enabled",
            "auto_approve_registration", "deprecated"].iter().map(|field| json!([field, format!("\"{field}\" is required")])).collect();
        assert_eq!(refused(json!({})).await, json!(empty));
        let mut told = said_again(json!([keys, keys]), "draft");
        told["notify_developers"] = json!(true);
        assert_eq!(app.owner.put(&at, told).await.bad_fields(), ["publish_status", "auth_strategy_ids", "notify_developers"]);
        let unknown = app.owner.patch(&at, json!({ "auth_strategy_ids": [version] })).await.expect(400);
        assert_eq!(unknown["invalid_parameters"][0]["rule"], "missing_reference");
        assert_eq!(app.owner.put(&format!("{all_of_it}/{NOBODY}"), said_again(json!([]), "published")).await.status, 404);

        app.owner.delete(&at).await.expect(204);
        assert!(!active(&app, &keys).await);
        assert_eq!(problem(app.owner.get(&at).await), platform_problem(404, "Not Found", "Not Found"));
        app.owner.delete(&format!("{STRATEGIES}/{keys}")).await.expect(204);
    }
}

on_both! {
    /// Which versions use a strategy, the list tells; clients of other strategies are shown as what they are.
    async fn the_list_tells_who_uses_what(engine: Engine) {
        let app = TestApp::new(engine).await;
        let developers = portal(&app, "Developers").await;
        let keys = keys(&app).await;
        let config = json!({ "issuer": "https://idp.test", "credential_claim": [], "scopes": ["openid"], "auth_methods": ["bearer"] });
        let mut tokens = json!({ "name": "Own", "display_name": "Own clients", "strategy_type": "openid_connect", "configs": { "openid-connect": config } });
        let own = made(&app.owner, STRATEGIES, tokens.clone()).await;
        let okta = json!({ "name": "x", "provider_type": "okta", "issuer": "https://okta.test", "dcr_config": { "dcr_token": "x" } });
        tokens["dcr_provider_id"] = json!(made(&app.owner, "/v2/dcr-providers", okta).await);
        tokens["display_name"] = json!("Clients");
        let registered = made(&app.owner, STRATEGIES, tokens.clone()).await;
        let mut config = json!({ "initial_client_id": "x", "initial_client_secret": "y", "use_developer_managed_scopes": true });
        let auth0 = json!({ "name": "x", "provider_type": "auth0", "issuer": "https://a.test", "dcr_config": config });
        tokens["dcr_provider_id"] = json!(made(&app.owner, "/v2/dcr-providers", auth0).await);
        let choosing = made(&app.owner, STRATEGIES, tokens.clone()).await;
        config["use_developer_managed_scopes"] = json!(false);
        let auth0 = json!({ "name": "x", "provider_type": "auth0", "issuer": "https://a.test", "dcr_config": config });
        tokens["dcr_provider_id"] = json!(made(&app.owner, "/v2/dcr-providers", auth0).await);
        let chosen = made(&app.owner, STRATEGIES, tokens).await;
        for (strategy, scopes) in [(&choosing, Some(json!(["openid"]))), (&chosen, None)] {
            let (_, version) = product(&app, "X").await;
            let other = portal(&app, strategy).await;
            let shown = app.owner.post(&in_portal(&other), said(&version, json!([strategy]), "published")).await.expect(201);
            assert_eq!(shown["auth_strategies"][0].get("available_scopes").cloned(), scopes);
        }
        let mut versions = Vec::new();
        for (name, strategies, status) in [
            ("A", json!([keys]), "published"), ("B", json!([own]), "unpublished"), ("C", json!([registered]), "published"),
            ("D", json!([]), "published"),
        ] {
            let (_, version) = product(&app, name).await;
            app.owner.post(&in_portal(&developers), said(&version, strategies, status)).await.expect(201);
            versions.push(version);
        }
        let list = app.owner.get(&in_portal(&developers)).await.expect(200);
        assert_eq!(list["meta"], json!({ "page": { "number": 1, "size": 10, "total": 4 } }));
        let shown: Vec<Value> = all(&list, "auth_strategies");
        assert_eq!(shown[1], json!([{ "id": own, "name": "Own clients", "credential_type": "self_managed_client_credentials", "auth_methods": ["bearer"] }]));
        assert_eq!(shown[2], json!([{ "id": registered, "name": "Clients", "credential_type": "client_credentials", "auth_methods": ["bearer"] }]));
        assert_eq!(shown[3], json!([]));
        let [a, b, c, d] = &versions[..] else { panic!("four") };
        let now = text(&list["data"][0], "created_at");
        for (query, found) in [
            (format!("filter[auth_strategy_ids]={own}"), vec![b]),
            (format!("filter[auth_strategy_ids][oeq]={keys},{registered}"), vec![a, c]),
            ("filter[publish_status]=unpublished".to_owned(), vec![b]),
            ("filter[publish_status][neq]=unpublished".to_owned(), vec![a, c, d]),
            (format!("filter[product_version_id][eq]={d}"), vec![d]),
            ("filter[application_registration_enabled]=false".to_owned(), vec![]),
            (format!("filter[created_at][gte]={now}&filter[deprecated]=false"), vec![a, b, c, d]),
            ("sort=publish_status desc,created_at desc&filter[publish_status]=published".to_owned(), vec![d, c, a]),
        ] {
            let listed = app.owner.get(&format!("{}?{query}", in_portal(&developers))).await.expect(200);
            assert_eq!(all(&listed, "product_version_id"), found.iter().map(|it| json!(it)).collect::<Vec<_>>(), "{query}");
        }
        assert_eq!(app.owner.get(&format!("{}?filter[publish_status]=draft", in_portal(&developers))).await.status, 400);
    }
}

on_both! {
    /// What is deleted takes its uses with it: a version, a product with all of them, and a portal if that is
    /// asked for.
    async fn what_goes_with_what(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (one, two) = (portal(&app, "One").await, portal(&app, "Two").await);
        let keys = keys(&app).await;
        let (orders, first) = product(&app, "Orders").await;
        let second = made(&app.owner, &format!("{PRODUCTS}/{orders}/product-versions"), json!({ "name": "v2" })).await;
        let (_, other) = product(&app, "Returns").await;
        for portal in [&one, &two] {
            for version in [&first, &second, &other] {
                app.owner.post(&in_portal(portal), said(version, json!([keys]), "published")).await.expect(201);
            }
        }
        let uses = async || app.database.query("SELECT label FROM strategy_uses ORDER BY label").await;
        assert_eq!(uses().await.len(), 6);
        app.owner.delete(&format!("{PRODUCTS}/{orders}/product-versions/{first}")).await.expect(204);
        assert_eq!(uses().await, ["Orders v2 in One", "Orders v2 in Two", "Returns v1 in One", "Returns v1 in Two"]);
        for path in [format!("{PORTALS}/{one}"), format!("{NEWER}/{one}")] {
            let refused = app.owner.delete(&path).await.expect(400);
            assert_eq!(refused["detail"], "The portal has product versions that applications can be registered for");
            assert_eq!(refused["invalid_parameters"][0]["field"], "force");
        }
        app.owner.delete(&format!("{PORTALS}/{one}?force=true")).await.expect(204);
        assert_eq!(uses().await, ["Orders v2 in Two", "Returns v1 in Two"]);
        app.owner.delete(&format!("{PRODUCTS}/{orders}")).await.expect(204);
        assert_eq!(uses().await, ["Returns v1 in Two"]);
        app.owner.patch(&format!("{}/{other}", in_portal(&two)), json!({ "application_registration_enabled": false })).await.expect(200);
        app.owner.delete(&format!("{PORTALS}/{two}")).await.expect(204);
        assert_eq!(uses().await, [""; 0]);
        assert_eq!(app.database.query("SELECT id FROM portal_product_versions").await, [""; 0]);
        app.owner.delete(&format!("{STRATEGIES}/{keys}")).await.expect(204);
    }
}

on_both! {
    /// Products and what is in portals take roles of two types; publishing a product takes one of its own.
    async fn who_may(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (developers, keys) = (portal(&app, "Developers").await, keys(&app).await);
        let (orders, version) = product(&app, "Orders").await;
        let with = async |email: &str, roles: Vec<Value>| {
            let member = app.member(email).await;
            for role in roles {
                app.owner.post(&format!("/v3/users/{}/assigned-roles", member.id), role).await.expect(201);
            }
            member.client
        };
        let on = |role: &str, kind: &str, entity: &str| json!({ "role_name": role, "entity_type_name": kind, "entity_id": entity, "entity_region": "us" });
        let path = format!("{PRODUCTS}/{orders}");
        let publishing = || json!({ "portal_ids": [developers] });

        let ann = with("ann@acme.test", vec![on("Maintainer", "API Products", &orders)]).await;
        ann.patch(&path, json!({ "description": "x" })).await.expect(200);
        let unseen = ann.patch(&path, publishing()).await.expect(400);
        assert_eq!(unseen["invalid_parameters"][0]["rule"], "missing_reference");
        let more = made(&ann, &format!("{path}/product-versions"), json!({ "name": "v2" })).await;
        ann.delete(&format!("{path}/product-versions/{more}")).await.expect(204);
        assert_eq!(problem(ann.delete(&path).await), forbidden());
        assert_eq!(problem(ann.get(&in_portal(&developers)).await), forbidden());

        let bob = with("bob@acme.test", vec![on("Maintainer", "API Products", &orders), on("Viewer", "Portals", "*")]).await;
        assert_eq!(problem(bob.patch(&path, publishing()).await), forbidden(), "publishing takes another role");
        app.owner.patch(&path, publishing()).await.expect(200);
        bob.patch(&path, json!({ "portal_ids": [developers], "description": "y" })).await.expect(200);
        assert_eq!(problem(bob.patch(&path, json!({ "portal_ids": [] })).await), forbidden());
        bob.get(&in_portal(&developers)).await.expect(200);
        let put = said(&version, json!([]), "published");
        assert_eq!(problem(bob.post(&in_portal(&developers), put.clone()).await), forbidden());
        let eve = with("eve@acme.test", vec![on("Publisher", "API Products", &orders), on("Maintainer", "API Products", &orders), on("Viewer", "Portals", &developers)]).await;
        eve.patch(&path, json!({ "portal_ids": [] })).await.expect(200);

        let zoe = with("zoe@acme.test", vec![on("Product Publisher", "Portals", &developers)]).await;
        let unseen = zoe.post(&in_portal(&developers), put.clone()).await.expect(400);
        assert_eq!(unseen["invalid_parameters"][0]["rule"], "missing_reference", "she sees no product");
        let max = with("max@acme.test", vec![on("Product Publisher", "Portals", &developers), on("Viewer", "API Products", &orders)]).await;
        let named = said(&version, json!([keys]), "published");
        let unseen = max.post(&in_portal(&developers), named).await.expect(400);
        assert_eq!(unseen["invalid_parameters"][0]["field"], "auth_strategy_ids.0", "he sees no strategy");
        max.post(&in_portal(&developers), put).await.expect(201);
        max.patch(&format!("{}/{version}", in_portal(&developers)), json!({ "deprecated": true })).await.expect(200);
        assert_eq!(problem(max.patch(&path, json!({ "name": "x" })).await), forbidden());
        max.get(&format!("{path}/product-versions/{version}")).await.expect(200);

        let kim = with("kim@acme.test", vec![everywhere("Creator", "API Products")]).await;
        let own = made(&kim, PRODUCTS, json!({ "name": "Mine" })).await;
        kim.patch(&format!("{PRODUCTS}/{own}"), json!({ "name": "Still mine" })).await.expect(200);
        assert_eq!(problem(kim.get(&path).await), forbidden());
        kim.delete(&format!("{PRODUCTS}/{own}")).await.expect(204);
    }
}

on_both! {
    /// To another organization nothing of this is there.
    async fn another_organization_sees_nothing(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rival = app.rival("owner@rival.test").await;
        let (developers, (orders, version)) = (portal(&app, "Developers").await, product(&app, "Orders").await);
        app.owner.post(&in_portal(&developers), said(&version, json!([]), "published")).await.expect(201);
        let (own, _) = (portal(&rival, "Developers").await, product(&rival, "Orders").await);
        let gone = platform_problem(404, "Not Found", "Not Found");
        for path in [
            format!("{PRODUCTS}/{orders}"), format!("{PRODUCTS}/{orders}/product-versions"),
            format!("{PRODUCTS}/{orders}/product-versions/{version}"), format!("{PORTALS}/{developers}"),
            in_portal(&developers), format!("{}/{version}", in_portal(&developers)), format!("{}/{version}", in_portal(&own)),
        ] {
            assert_eq!(problem(rival.owner.get(&path).await), gone, "{path}");
        }
        let unknown = complaints(rival.owner.post(&in_portal(&own), said(&version, json!([]), "published")).await);
        assert_eq!(unknown, json!([["product_version_id", "Product version not found"]]));
        let unknown = complaints(rival.owner.post(PRODUCTS, json!({ "name": "x", "portal_ids": [developers] })).await);
        assert_eq!(unknown, json!([["portal_ids.0", "Portal not found"]]));
        assert_eq!(rival.owner.get(PRODUCTS).await.expect(200)["meta"]["page"]["total"], 1);
    }
}
