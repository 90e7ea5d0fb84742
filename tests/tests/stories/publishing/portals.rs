//! Portals by themselves.

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use super::{PORTALS, STRATEGIES, names, portal};
use crate::{all, at_once, complaints, id, platform_problem, posting, problem, text};

on_both! {
    /// A portal gets a domain and a strategy of its own; it is changed, found, and goes again.
    async fn the_life_of_a_portal(engine: Engine) {
        let app = TestApp::new(engine).await;
        let made = app.owner.post(PORTALS, json!({ "name": "Developers" })).await.expect(201);
        let domain = text(&made, "default_domain").to_owned();
        let host = domain.strip_suffix(".portal.localhost").expect("a name in the operator's domain");
        assert!(host.len() == 12 && host.bytes().all(|c| c.is_ascii_hexdigit()), "{domain}");
        let strategy = text(&made, "default_application_auth_strategy_id").to_owned();
        let expected = json!({
            "id": id(&made), "name": "Developers", "display_name": "Developers", "description": null,
            "authentication_enabled": true, "rbac_enabled": false, "sipr_enabled": false,
            "default_api_visibility": "private", "default_page_visibility": "private",
            "default_application_auth_strategy_id": strategy, "auto_approve_developers": false,
            "auto_approve_applications": false, "default_domain": domain, "canonical_domain": domain, "labels": {},
            "notifications_developer_pii_visibility_enabled": false,
            "created_at": made["created_at"], "updated_at": made["created_at"],
        });
        assert_eq!(made, expected);
        let path = format!("{PORTALS}/{}", id(&made));
        assert_eq!(app.owner.get(&path).await.expect(200), made);
        let keys = app.owner.get(&format!("{STRATEGIES}/{strategy}")).await.expect(200);
        assert_eq!(
            (&keys["name"], &keys["strategy_type"], &keys["configs"], &keys["active"]),
            (&json!("Developers keys"), &json!("key_auth"), &json!({ "key-auth": { "key_names": ["apikey"] } }), &json!(false))
        );

        let full = json!({
            "name": "Partners", "display_name": "Our partners", "description": "By invitation",
            "authentication_enabled": true, "rbac_enabled": true, "sipr_enabled": false, "default_api_visibility": "public",
            "default_page_visibility": "public", "default_application_auth_strategy_id": null, "auto_approve_developers": true,
            "auto_approve_applications": true, "labels": { "env": "prod" },
            "notifications_developer_pii_visibility_enabled": true,
        });
        let partners = app.owner.post(PORTALS, full.clone()).await.expect(201);
        for (field, value) in full.as_object().expect("an object") {
            assert_eq!(&partners[field], value, "{field}");
        }
        assert_ne!(partners["default_domain"], made["default_domain"]);
        let third = json!({ "name": "Another", "default_application_auth_strategy_id": strategy });
        let third = app.owner.post(PORTALS, third).await.expect(201);
        assert_eq!(third["default_application_auth_strategy_id"], json!(strategy));
        assert_eq!(app.owner.get(STRATEGIES).await.expect(200)["meta"]["page"]["total"], 1, "one came with a portal, two did not");

        let changed = app
            .owner
            .patch(&format!("{PORTALS}/{}", id(&partners)), json!({
                "name": "Friends", "display_name": "Our friends", "description": null, "rbac_enabled": false,
                "default_application_auth_strategy_id": strategy, "labels": { "env": null, "tier": "1" },
            }))
            .await
            .expect(200);
        let mut expected = partners.clone();
        for (field, value) in [
            ("name", json!("Friends")), ("display_name", json!("Our friends")), ("description", Value::Null),
            ("rbac_enabled", json!(false)), ("default_application_auth_strategy_id", json!(strategy)),
            ("labels", json!({ "tier": "1" })), ("updated_at", changed["updated_at"].clone()),
        ] {
            expected[field] = value;
        }
        assert_eq!(changed, expected);
        let none = json!({ "default_application_auth_strategy_id": null, "labels": null });
        let none = app.owner.patch(&format!("{PORTALS}/{}", id(&partners)), none).await.expect(200);
        assert_eq!((&none["default_application_auth_strategy_id"], &none["labels"]), (&Value::Null, &json!({})));

        for (query, found) in [
            ("sort=name", vec!["Another", "Developers", "Friends"]),
            ("sort=default_api_visibility", vec![]),
            ("sort=auto_approve_developers desc,name", vec!["Friends", "Another", "Developers"]),
            ("filter[name][contains]=EVEL", vec!["Developers"]),
            ("filter[default_api_visibility]=public", vec!["Friends"]),
            ("filter[default_page_visibility][ocontains]=publ,none", vec!["Friends"]),
            ("filter[rbac_enabled]=true", vec![]),
            ("filter[description]", vec![]),
        ] {
            let answer = app.owner.get(&format!("{PORTALS}?{query}")).await;
            if query == "sort=default_api_visibility" {
                assert_eq!(answer.bad_fields(), ["sort"]);
                continue;
            }
            assert_eq!(all(&answer.expect(200), "name"), found, "{query}");
        }
        for query in [
            format!("filter[canonical_domain]={domain}"),
            format!("filter[default_domain][contains]={}", host.to_uppercase()),
            format!("filter[id][oeq]={},{}", id(&made), strategy),
        ] {
            assert_eq!(names(&app.owner, &format!("{PORTALS}?{query}"), "id").await, [id(&made)], "{query}");
        }
        let by_strategy = format!("{PORTALS}?filter[default_application_auth_strategy_id][eq]={strategy}&sort=created_at desc");
        assert_eq!(names(&app.owner, &by_strategy, "name").await, ["Another", "Developers"]);

        app.owner.delete(&path).await.expect(204);
        assert_eq!(problem(app.owner.get(&path).await), platform_problem(404, "Not Found", "Not Found"));
        assert_eq!(names(&app.owner, PORTALS, "name").await, ["Friends", "Another"]);
        let hosts = app.database.query("SELECT host FROM portal_hosts ORDER BY host").await;
        assert_eq!(hosts.len(), 2, "its domain went with it: {hosts:?}");
        app.owner.get(&format!("{STRATEGIES}/{strategy}")).await.expect(200);
    }
}

on_both! {
    /// The operator says under which domain portals are; those that are there keep theirs.
    async fn a_domain_of_the_operators(engine: Engine) {
        let app = TestApp::with(engine, &[("PORTAL_DOMAIN", "dev.acme.test")]).await;
        let made = app.owner.post(PORTALS, json!({ "name": "Developers" })).await.expect(201);
        assert!(text(&made, "canonical_domain").ends_with(".dev.acme.test"), "{made}");
        let rows = app.database.query("SELECT host FROM portal_hosts").await;
        assert_eq!(rows, [text(&made, "default_domain")]);
    }
}

on_both! {
    /// What is wrong is named, all of it; a name is there once in an organization, whatever its case.
    async fn what_a_portal_may_not_be(engine: Engine) {
        let app = TestApp::new(engine).await;
        let nobody = "7f9fd312-a987-4628-b4c5-bb4f4fddd5f7";
        let wrong = json!({
            "name": "", "display_name": "", "description": "x".repeat(513), "authentication_enabled": "yes", "sipr_enabled": true,
            "rbac_enabled": 1, "default_api_visibility": "secret", "default_application_auth_strategy_id": nobody,
            "labels": { "kong-x": "y" }, "surprise": 1, "default_domain": "mine.example.com",
        });
        let fields = app.owner.post(PORTALS, wrong).await.bad_fields();
        let expected = [
            "name", "display_name", "description", "labels.kong-x", "authentication_enabled", "rbac_enabled", "sipr_enabled",
            "default_api_visibility", "default_domain", "surprise", "default_application_auth_strategy_id",
        ];
        let mut sorted = [fields.clone(), expected.map(str::to_owned).to_vec()];
        sorted.iter_mut().for_each(|it| it.sort());
        assert_eq!(sorted[0], sorted[1], "{fields:?}");
        let refused = async |body: Value| complaints(app.owner.post(PORTALS, body).await);
        assert_eq!(
            refused(json!({ "name": "x", "sipr_enabled": true })).await,
            json!([["sipr_enabled", "cannot be switched on: portals have no lists of addresses here"]])
        );
        assert_eq!(
            refused(json!({ "name": "x", "default_application_auth_strategy_id": "x" })).await,
            json!([["default_application_auth_strategy_id", "\"default_application_auth_strategy_id\" must be a valid UUID"]])
        );
        let rbac = json!([["rbac_enabled", "needs authentication_enabled"]]);
        assert_eq!(refused(json!({ "name": "x", "rbac_enabled": true, "authentication_enabled": false })).await, rbac);
        assert_eq!(app.owner.get(PORTALS).await.expect(200)["data"], json!([]));

        let made = portal(&app, "Developers").await;
        let path = format!("{PORTALS}/{made}");
        app.owner.patch(&path, json!({ "rbac_enabled": true })).await.expect(200);
        assert_eq!(complaints(app.owner.patch(&path, json!({ "authentication_enabled": false })).await), rbac);
        app.owner.patch(&path, json!({ "rbac_enabled": false, "authentication_enabled": false })).await.expect(200);
        assert_eq!(complaints(app.owner.patch(&path, json!({ "rbac_enabled": true })).await), rbac);

        let conflict = |name: &str| platform_problem(409, "Conflict", format!("A portal with the name [{name}] already exists"));
        assert_eq!(problem(app.owner.post(PORTALS, json!({ "name": "DEVELOPERS" })).await), conflict("DEVELOPERS"));
        assert_eq!(app.owner.get(STRATEGIES).await.expect(200)["meta"]["page"]["total"], 1, "no strategy is left of it");
        let other = portal(&app, "Partners").await;
        let taken = app.owner.patch(&format!("{PORTALS}/{other}"), json!({ "name": "developers" })).await;
        assert_eq!(problem(taken), conflict("developers"));
        app.owner.patch(&path, json!({ "name": "developers" })).await.expect(200);
        let rival = app.rival("owner@rival.test").await;
        rival.owner.post(PORTALS, json!({ "name": "Developers" })).await.expect(201);

        let once = (0..4).map(|_| posting(&app.owner, PORTALS, json!({ "name": "Once" })));
        assert_eq!(at_once(once).await, [(201, 1), (409, 3)].into());
        assert_eq!(app.database.query("SELECT host FROM portal_hosts").await.len(), 4);
    }
}
