//! Where calls may come from.

use http::Method;
use serde_json::json;
use tests::{Answer, Client, Engine, TestApp, on_both};

use crate::{complaints, everywhere, identity_problem, platform_problem, problem};

/// A call that a trusted proxy says comes from this address.
async fn from(client: &Client, address: &str) -> Answer {
    client.send(Method::GET, "/v3/organizations/me", &[("x-forwarded-for", address)], Vec::new()).await
}

on_both! {
    /// The list is enforced at once, for people and system accounts, and for nobody else's organization.
    async fn the_list_is_enforced(engine: Engine) {
        let app = TestApp::with(engine, &[("TRUSTED_PROXIES", "127.0.0.1")]).await;
        let ann = app.member("ann@acme.test").await;
        let (_, robot) = app.system_account("robot").await;
        let (rival, _) = app.another_organization("owner@rival.test").await;
        let path = format!("/v3/organizations/{}/ip-allow-list", app.org);
        app.owner.get(&path).await.expect(404);
        from(&ann.client, "203.0.113.9").await.expect(200);

        let list = json!({ "enabled": true, "allowed_ips": ["192.0.2.0/24", "2001:db8::/32", "127.0.0.1"] });
        assert_eq!(app.owner.put(&path, list.clone()).await.expect(201), list);
        assert_eq!(app.owner.get(&path).await.expect(200), list);
        for address in
            ["192.0.2.77", "2001:db8::1", "::ffff:192.0.2.1", "127.0.0.1", "203.0.113.9, 192.0.2.1"]
        {
            from(&ann.client, address).await.expect(200);
        }
        for client in [&app.owner, &ann.client, &robot] {
            for (address, seen) in [("203.0.113.9", "203.0.113.9"), ("192.0.2.1, 203.0.113.9", "203.0.113.9")]
            {
                let refused = problem(from(client, address).await);
                let detail = format!("The address [{seen}] is not on the organization's IP allow list");
                let expected = identity_problem(403, "Permission denied", detail);
                assert_eq!(refused, expected);
            }
            from(client, "127.0.0.1").await.expect(200);
        }
        from(&rival.client, "203.0.113.9").await.expect(200);

        let off = app.owner.patch(&path, json!({ "enabled": false })).await.expect(200);
        assert_eq!(off, json!({ "enabled": false, "allowed_ips": list["allowed_ips"] }));
        from(&ann.client, "203.0.113.9").await.expect(200);
    }
}

on_both! {
    /// Nobody locks themselves out; a change without a list before makes one.
    async fn the_guard_against_locking_oneself_out(engine: Engine) {
        let app = TestApp::new(engine).await;
        let path = format!("/v3/organizations/{}/ip-allow-list", app.org);
        let locked = platform_problem(
            409,
            "Conflict",
            "The list would keep out the address [127.0.0.1] that this request comes from",
        );
        let elsewhere = json!({ "enabled": true, "allowed_ips": ["192.0.2.0/24"] });
        assert_eq!(problem(app.owner.put(&path, elsewhere).await), locked);
        assert_eq!(
            problem(app.owner.patch(&path, json!({ "enabled": true })).await),
            locked,
            "nobody is on no list"
        );
        app.owner.get(&path).await.expect(404);

        let begun = app.owner.patch(&path, json!({ "allowed_ips": ["127.0.0.0/8"] })).await.expect(200);
        assert_eq!(begun, json!({ "enabled": false, "allowed_ips": ["127.0.0.0/8"] }));
        app.owner.patch(&path, json!({ "enabled": true })).await.expect(200);
        assert_eq!(problem(app.owner.patch(&path, json!({ "allowed_ips": [] })).await), locked);
        assert_eq!(problem(app.owner.patch(&path, json!({ "allowed_ips": ["10.0.0.0/8"] })).await), locked);
        let kept = app.owner.get(&path).await.expect(200);
        assert_eq!(kept, json!({ "enabled": true, "allowed_ips": ["127.0.0.0/8"] }));
        let off = json!({ "enabled": false, "allowed_ips": ["10.0.0.0/8"] });
        assert_eq!(app.owner.put(&path, off.clone()).await.expect(201), off);
    }
}

on_both! {
    /// What may stand in the list, and who may set it.
    async fn refusals(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (rival, _) = app.another_organization("owner@rival.test").await;
        let path = format!("/v3/organizations/{}/ip-allow-list", app.org);
        let entry = "must be an IP address or a network in CIDR notation";
        for (list, field, reason) in [
            (json!({ "allowed_ips": ["127.0.0.1"] }), "enabled", "\"enabled\" is required"),
            (json!({ "enabled": true }), "allowed_ips", "\"allowed_ips\" is required"),
            (json!({ "enabled": true, "allowed_ips": [] }), "allowed_ips", "must have at least 1 items"),
            (json!({ "enabled": true, "allowed_ips": ["127.0.0.1", "10.0.0.0/33"] }), "allowed_ips.1", entry),
            (json!({ "enabled": true, "allowed_ips": ["example.com"] }), "allowed_ips.0", entry),
            (
                json!({ "enabled": true, "allowed_ips": ["::1", "::1"] }),
                "allowed_ips.1",
                "must be given once",
            ),
            (
                json!({ "enabled": true, "allowed_ips": ["::1"], "note": "" }),
                "note",
                "\"note\" is not allowed",
            ),
        ] {
            assert_eq!(complaints(app.owner.put(&path, list).await), json!([[field, reason]]));
        }
        let many: Vec<String> = (0..1001).map(|n| format!("10.0.{}.{}", n / 256, n % 256)).collect();
        let many = complaints(app.owner.patch(&path, json!({ "allowed_ips": many })).await);
        assert_eq!(many, json!([["allowed_ips", "must not have more than 1000 items"]]));
        let empty = complaints(app.owner.patch(&path, json!({})).await);
        assert_eq!(empty, json!([["body", "must have at least one property"]]));

        let ann = app.member("ann@acme.test").await;
        let role = everywhere("Admin", "Identity");
        app.owner.post(&format!("/v3/users/{}/assigned-roles", ann.id), role).await.expect(201);
        let list = json!({ "enabled": true, "allowed_ips": ["127.0.0.1"] });
        ann.client.put(&path, list.clone()).await.expect(403);
        ann.client.get(&path).await.expect(403);
        rival.client.put(&path, list).await.expect(404);
    }
}
