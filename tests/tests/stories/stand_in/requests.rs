//! The log of requests, and what is empty here.

use http::Method;
use serde_json::{Value, json};
use tests::{Engine, TestStandIn, on_both};

use crate::all;

on_both! {
    /// What surprised this server is found at a glance.
    async fn surprises_are_flagged(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        let owner = &suite.owner;
        owner.post("/v3/teams", json!({ "name": "A", "nme": 1, "labels": { "any": "thing" } })).await.expect(201);
        owner.unchecked().get("/v3/no-such-thing?x=1").await.expect(404);
        owner.get("/v3/users/me").await.expect(200);
        standin.commands.get("/v3/users/me").await.expect(401);
        let log = standin.commands.get("/stand-in/requests").await.expect(200);
        let operations = all(&log, "operation_id");
        assert_eq!(operations, [json!("get-users-me"), json!("get-users-me"), Value::Null, json!("create-team")]);
        let [refused, good, unknown, team] = log["data"].as_array().unwrap().as_slice() else { panic!("{log}") };
        assert_eq!((&refused["status"], &refused["caller"]), (&json!(401), &json!("nobody")));
        assert_eq!(refused["problem"]["title"], "Unauthenticated");
        assert_eq!((&good["status"], &good["problem"], &good["surprising"]), (&json!(200), &Value::Null, &json!(false)));
        assert_eq!((&good["caller"], &good["organization_id"]), (&json!("user"), &json!(suite.id)));
        assert_eq!((&unknown["path"], &unknown["surprising"]), (&json!("/v3/no-such-thing?x=…"), &json!(true)));
        assert_eq!((&team["unknown_fields"], &team["surprising"]), (&json!(["nme"]), &json!(true)));
        for (query, count) in
            [("surprising=true", 2), ("failed=true", 2), ("operation=create-team", 1), ("organization=x", 0)]
        {
            let some = standin.commands.get(&format!("/stand-in/requests?{query}")).await.expect(200);
            assert_eq!(some["data"].as_array().unwrap().len(), count, "{query}");
        }
        let page = standin.commands.get("/stand-in?surprising=true").await;
        assert!(page.text.contains("Unknown fields: nme") && page.text.contains("unknown operation"), "{}", page.text);
        assert!(!page.text.contains("get-users-me"), "{}", page.text);
        standin.commands.delete("/stand-in/requests").await.expect(204);
        assert_eq!(all(&standin.commands.get("/stand-in/requests").await.expect(200), "number"), [] as [Value; 0]);
    }
}

on_both! {
    /// A thousand are kept, and no link's secret.
    async fn the_last_thousand_are_kept(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        for path in ["/invites/accept?token=kinv_secret", "/invites/accept/?token=kinv_secret", "/v3/authenticate/x?code=secret&state=secret"] {
            standin.commands.unchecked().get(path).await;
        }
        let log = standin.commands.get("/stand-in/requests").await.expect(200);
        let paths = ["/v3/authenticate/x?code=…&state=…", "/invites/accept/?token=…", "/invites/accept?token=…"];
        assert_eq!(all(&log, "path"), paths.map(|path| json!(path)));
        for _ in 0..1001 {
            suite.owner.get("/v3/organizations/me").await.expect(200);
        }
        let log = standin.commands.get("/stand-in/requests").await.expect(200);
        let numbers = all(&log, "number");
        assert_eq!((numbers.len(), &numbers[0], &numbers[999]), (1000, &json!(1004), &json!(5)));
    }
}

on_both! {
    /// Other products' collections are empty, and nothing can be made there.
    async fn other_products_are_empty(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        let numbered = ["/v2/control-planes", "/v2/dashboards", "/v3/portals/email-domains", "/v3/audit-log-destinations"];
        for path in numbered {
            let page = suite.owner.get(&format!("{path}?page[size]=7&page[number]=2&filter[name][eq]=x")).await.expect(200);
            assert_eq!(page, json!({ "meta": { "page": { "number": 2, "size": 7, "total": 0 } }, "data": [] }));
        }
        let cursors = ["/v1/catalog-services", "/v1/event-gateways", "/v1/ai-gateways", "/v1/auth-servers"];
        for path in cursors {
            let page = suite.owner.get(path).await.expect(200);
            assert_eq!(page, json!({ "meta": { "page": { "size": 10, "next": null, "previous": null } }, "data": [] }));
        }
        for path in numbered.iter().chain(&cursors) {
            standin.commands.get(path).await.expect(401);
            let refused = suite.owner.call(Method::POST, path, Some(json!({ "name": "x" }))).await.expect(501);
            assert_eq!(refused["title"], "Not Implemented");
        }
    }
}

on_both! {
    /// What every client sends is no surprise, and who did not wait for an answer is in the log.
    async fn what_is_right_surprises_nobody(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        for provider in [
            json!({ "name": "A", "provider_type": "okta", "issuer": "https://a.test", "dcr_config": { "dcr_token": "x" } }),
            json!({ "name": "B", "provider_type": "http", "issuer": "https://b.test", "dcr_config": {
                "dcr_base_url": "https://b.test", "api_key": "abcdefghijklmnop" } }),
        ] {
            suite.owner.post("/v2/dcr-providers", provider).await.expect(201);
        }
        let openid = json!({ "issuer": "https://a.test", "credential_claim": ["sub"], "scopes": [], "auth_methods": ["bearer"] });
        let strategy = json!({ "name": "S", "display_name": "S", "strategy_type": "openid_connect", "configs": { "openid-connect": openid } });
        suite.owner.post("/v2/application-auth-strategies", strategy).await.expect(201);
        let provider = json!({ "type": "saml", "login_path": "x", "config": { "idp_metadata_url": "https://a.test/metadata" } });
        suite.owner.post("/v3/identity-providers", provider).await.expect(201);
        let log = standin.commands.get("/stand-in/requests?surprising=true").await.expect(200);
        assert_eq!(log["data"], json!([]));

        let slow = json!({ "profile": { "rules": [{ "latency": { "distribution": "constant", "milliseconds": 3000 } }] } });
        standin.commands.put(&format!("/stand-in/organizations/{}/faults", suite.id), slow).await.expect(200);
        let asking = suite.owner.get("/v3/users/me");
        assert!(tokio::time::timeout(std::time::Duration::from_millis(200), asking).await.is_err());
        for _ in 0..100 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            let log = standin.commands.get("/stand-in/requests?operation=get-users-me").await.expect(200);
            if let [seen] = log["data"].as_array().unwrap().as_slice() {
                assert_eq!((&seen["status"], &seen["organization_id"]), (&Value::Null, &json!(suite.id)));
                return;
            }
        }
        panic!("it is not in the log");
    }
}
