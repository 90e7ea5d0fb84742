//! Portals in the words of the older API, and publishing several products at once.

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use super::{NEWER, NOBODY, PORTALS, PRODUCTS, in_portal, portal, product, said};
use crate::{all, complaints, forbidden, id, platform_problem, problem, text};

on_both! {
    /// Both versions of the API have the same portals, with their own words for them.
    async fn portals_in_older_words(engine: Engine) {
        let app = TestApp::new(engine).await;
        let first = app.owner.post(PORTALS, json!({ "name": "Developers" })).await.expect(201);
        let strategy = text(&first, "default_application_auth_strategy_id").to_owned();
        let expected = json!({
            "id": id(&first), "name": "Developers", "display_name": "Developers", "description": null, "is_public": false,
            "rbac_enabled": false, "auto_approve_applications": false, "auto_approve_developers": false,
            "default_domain": first["default_domain"], "custom_domain": null, "custom_client_domain": null,
            "default_application_auth_strategy_id": strategy, "labels": {}, "application_count": 0, "developer_count": 0,
            "published_product_count": 0, "created_at": first["created_at"], "updated_at": first["created_at"],
        });
        assert_eq!(first, expected);
        let path = format!("{PORTALS}/{}", id(&first));
        assert_eq!(app.owner.get(&path).await.expect(200), first);
        let newer = app.owner.get(&format!("{NEWER}/{}", id(&first))).await.expect(200);
        assert_eq!((&newer["authentication_enabled"], &newer["default_domain"]), (&json!(true), &first["default_domain"]));

        let full = json!({
            "name": "Open", "display_name": "Open to all", "description": "Look", "is_public": true, "rbac_enabled": false,
            "auto_approve_applications": true, "auto_approve_developers": true, "custom_domain": null,
            "custom_client_domain": null, "default_application_auth_strategy_id": null, "labels": { "env": "prod" },
        });
        let open = app.owner.post(PORTALS, full.clone()).await.expect(201);
        for (field, value) in full.as_object().expect("an object") {
            assert_eq!(&open[field], value, "{field}");
        }
        let newer = app.owner.get(&format!("{NEWER}/{}", id(&open))).await.expect(200);
        assert_eq!(newer["authentication_enabled"], false);
        let third = app.owner.post(NEWER, json!({ "name": "Newer" })).await.expect(201);
        assert_eq!(app.owner.get(&format!("{PORTALS}/{}", id(&third))).await.expect(200)["is_public"], false);

        for (query, found) in [
            ("filter[is_public]=true", vec!["Open"]),
            ("filter[is_public]=false", vec!["Developers", "Newer"]),
            ("filter[is_public]", vec!["Developers", "Open", "Newer"]),
            ("sort=is_public desc,name", vec!["Open", "Developers", "Newer"]),
            ("sort=is_public,name desc", vec!["Newer", "Developers", "Open"]),
            ("filter[name][contains]=OP&filter[description]=Look", vec!["Open"]),
        ] {
            let listed = all(&app.owner.get(&format!("{PORTALS}?{query}")).await.expect(200), "name");
            assert_eq!(listed, found, "{query}");
        }

        let changed = app.owner.patch(&path, json!({ "is_public": true, "description": "x", "labels": { "a": "b" } })).await.expect(200);
        assert_eq!((&changed["is_public"], &changed["description"], &changed["labels"]), (&json!(true), &json!("x"), &json!({ "a": "b" })));
        let rbac = complaints(app.owner.patch(&path, json!({ "rbac_enabled": true })).await);
        assert_eq!(rbac, json!([["rbac_enabled", "cannot go with is_public"]]));
        let why = "must be null: portals have the domain that they are given, and no other";
        let domains = json!({ "custom_domain": "acme.test", "custom_client_domain": "dev.acme.test", "canonical_domain": "x" });
        assert_eq!(
            complaints(app.owner.patch(&path, domains).await),
            json!([["custom_domain", why], ["custom_client_domain", why], ["canonical_domain", "\"canonical_domain\" is not allowed"]])
        );
        let taken = problem(app.owner.post(PORTALS, json!({ "name": "NEWER" })).await);
        assert_eq!(taken, platform_problem(409, "Conflict", "A portal with the name [NEWER] already exists"));
        let malformed = app.owner.patch(&format!("{PORTALS}/x"), json!({})).await.bad_fields();
        assert_eq!(malformed, ["portalId"]);
        app.owner.delete(&path).await.expect(204);
        assert_eq!(app.owner.get(&format!("{NEWER}/{}", id(&first))).await.status, 404);
    }
}

on_both! {
    /// Several products at once, all or none; a portal lists those that are published in it, with the versions that are.
    async fn publishing_several_at_once(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (here, there) = (portal(&app, "Here").await, portal(&app, "There").await);
        let ((first, version), (second, _)) = (product(&app, "First").await, product(&app, "Second").await);
        let described = json!({ "description": "Ships", "labels": { "env": "test" }, "portal_ids": [there] });
        app.owner.patch(&format!("{PRODUCTS}/{first}"), described).await.expect(200);
        let (publish, products) = (format!("{PORTALS}/{here}/publish"), format!("{PORTALS}/{here}/products"));
        let named = |list: &[(&str, Value)]| {
            let map: serde_json::Map<_, _> = list.iter().map(|(id, said)| ((*id).to_owned(), said.clone())).collect();
            json!({ "api_products": map })
        };
        let status = |status: &str| json!({ "publish_status": status });
        let listed = async |query: &str| {
            let page = app.owner.get(&format!("{products}{query}")).await.expect(200);
            all(&page, "name").iter().map(|name| name.as_str().expect("a name").to_owned()).collect::<Vec<_>>()
        };

        assert_eq!(listed("").await, [""; 0]);
        let both = named(&[(&first, status("published")), (&second, status("published"))]);
        assert_eq!(app.owner.post(&publish, both.clone()).await.status, 204);
        assert_eq!(listed("").await, ["First", "Second"]);
        let before = app.owner.get(&format!("{PRODUCTS}/{first}")).await.expect(200);
        assert_eq!(before["portal_ids"], json!([there, here]));
        app.owner.post(&in_portal(&here), said(&version, json!([]), "published")).await.expect(201);
        app.owner.post(&format!("{PRODUCTS}/{first}/product-versions"), json!({ "name": "v2" })).await.expect(201);
        let shown = app.owner.get(&format!("{products}?sort=description&filter[name]=First")).await.expect(200);
        let expected = json!({
            "id": first, "name": "First", "description": "Ships", "portal_ids": [there, here], "version_count": 1,
            "labels": { "env": "test" }, "created_at": before["created_at"], "updated_at": before["updated_at"],
        });
        assert_eq!(shown["data"], json!([expected]), "a version that is not published here is not counted");
        assert_eq!(app.owner.get(&format!("{PORTALS}/{here}")).await.expect(200)["published_product_count"], 2);
        assert_eq!(listed("?filter[description][contains]=SHIP").await, ["First"]);
        assert_eq!(listed("?sort=name desc").await, ["Second", "First"]);
        assert_eq!(listed(&format!("?filter[id][neq]={first}")).await, ["Second"]);

        // What is so already is not changed, and leaves no entry; null says nothing.
        let entries = || app.database.query("SELECT body FROM audit_events");
        let so_far = entries().await.len();
        assert_eq!(app.owner.post(&publish, both).await.status, 204);
        assert_eq!(app.owner.post(&publish, named(&[(&first, Value::Null)])).await.status, 204);
        assert_eq!(app.owner.post(&publish, json!({ "api_products": {} })).await.status, 204);
        assert_eq!(entries().await.len(), so_far);
        let unchanged = app.owner.get(&format!("{PRODUCTS}/{first}")).await.expect(200);
        assert_eq!((&unchanged["portal_ids"], &unchanged["updated_at"]), (&before["portal_ids"], &before["updated_at"]));
        let mixed = named(&[(&first, status("unpublished")), (&second, status("published"))]);
        assert_eq!(app.owner.post(&publish, mixed).await.status, 204);
        assert_eq!(entries().await.len(), so_far + 1);
        assert_eq!(listed("").await, ["Second"]);
        let left = app.owner.get(&format!("{PRODUCTS}/{first}")).await.expect(200);
        assert_eq!(left["portal_ids"], json!([there]), "other portals keep it");

        // All or none, and every fault at once.
        let again = first.to_uppercase();
        let wrong = json!({
            "api_products": {
                first.clone(): status("published"), NOBODY: status("published"), "x": null, second.clone(): status("gone"),
                again.clone(): status("published"), there.clone(): 7,
            },
            "also": 1,
        });
        let mut fields = app.owner.post(&publish, wrong).await.bad_fields();
        fields.sort();
        let at = |place: &str| format!("api_products.{place}");
        let status_of = format!("{second}.publish_status");
        let mut expected = vec!["also".to_owned(), at(NOBODY), at("x"), at(&status_of), at(&again), at(&there)];
        expected.sort();
        assert_eq!(fields, expected);
        assert_eq!(listed("").await, ["Second"]);
        for wrong in [json!({}), json!({ "api_products": null }), json!({ "api_products": [] })] {
            assert_eq!(app.owner.post(&publish, wrong.clone()).await.bad_fields(), ["api_products"], "{wrong}");
        }
        let missing = format!("{PORTALS}/{NOBODY}");
        app.owner.post(&format!("{missing}/publish"), json!({ "api_products": {} })).await.expect(404);
        app.owner.get(&format!("{missing}/products")).await.expect(404);
    }
}

on_both! {
    /// It takes a role on the portal and one on each product; to see what is published, one on the portal.
    async fn who_publishes_several(engine: Engine) {
        let app = TestApp::new(engine).await;
        let here = portal(&app, "Here").await;
        let ((mine, _), (other, _)) = (product(&app, "Mine").await, product(&app, "Other").await);
        let (publish, products) = (format!("{PORTALS}/{here}/publish"), format!("{PORTALS}/{here}/products"));
        let of = |id: &str| json!({ "api_products": { id: { "publish_status": "published" } } });
        let ann = app.member("ann@acme.test").await;
        let give = async |role: &str, kind: &str, entity: &str| {
            let role = json!({ "role_name": role, "entity_type_name": kind, "entity_id": entity, "entity_region": "us" });
            app.owner.post(&format!("/v3/users/{}/assigned-roles", ann.id), role).await.expect(201);
        };
        assert_eq!(problem(ann.client.post(&publish, of(&mine)).await), forbidden());
        assert_eq!(problem(ann.client.get(&products).await), forbidden());
        give("Product Publisher", "Portals", &here).await;
        assert_eq!(ann.client.get(&products).await.expect(200)["meta"]["page"]["total"], 0);
        assert_eq!(ann.client.post(&publish, of(&mine)).await.bad_fields(), [format!("api_products.{mine}")]);
        give("Viewer", "API Products", &mine).await;
        assert_eq!(problem(ann.client.post(&publish, of(&mine)).await), forbidden());
        give("Publisher", "API Products", &mine).await;
        assert_eq!(ann.client.post(&publish, of(&mine)).await.status, 204);
        let two = json!({ "api_products": {
            mine.clone(): { "publish_status": "unpublished" }, other.clone(): { "publish_status": "published" },
        } });
        assert_eq!(ann.client.post(&publish, two).await.bad_fields(), [format!("api_products.{other}")]);
        let seen = ann.client.get(&products).await.expect(200);
        assert_eq!(all(&seen, "id"), [json!(mine)], "none of them was done");
        let (rival, _) = app.another_organization("owner@rival.test").await;
        rival.client.post(&publish, of(&mine)).await.expect(404);
        rival.client.get(&products).await.expect(404);
    }
}
