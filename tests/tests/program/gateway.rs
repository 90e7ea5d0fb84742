//! The gateway is brought up to date: by the server itself, and by hand.

use serde_json::{Value, json};
use tests::{Client, Engine, Registry, on_both};

use crate::binary::Installation;

const SERVICE: &str = "11111111-1111-4111-8111-111111111111";

/// An API that takes keys, published and linked to the service.
async fn linked(owner: &Client) {
    let id = |made: &Value| made["id"].as_str().expect("an id").to_owned();
    let portal = id(&owner.post("/v3/portals", json!({ "name": "Public" })).await.expect(201));
    let api = id(&owner.post("/v3/apis", json!({ "name": "Orders" })).await.expect(201));
    owner.put(&format!("/v3/apis/{api}/publications/{portal}"), json!({})).await.expect(200);
    let service = json!({ "service": { "id": SERVICE, "control_plane_id": portal } });
    owner.post(&format!("/v3/apis/{api}/implementations"), service).await.expect(201);
}

async fn plugins(registry: &Registry) -> usize {
    registry.state().await["plugins"].as_array().expect("plugins").len()
}

on_both! {
    /// What there is to do is printed, done once, and then there is nothing; the token is shown to nobody.
    async fn by_hand(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        registry.tell(json!({ "put": ["services", SERVICE, { "host": "upstream.test" }] })).await;
        let place = Installation::new(engine).await;
        let server = place.serve().await;
        let owner = server.client(&server.token());
        linked(&owner).await;
        let org = owner.get("/v3/organizations/me").await.expect(200)["id"].as_str().expect("an id").to_owned();
        let refused = place.run(&["gateway", "sync"]).bad();
        assert!(refused.contains("gateway-admin-url is not set"), "{refused}");

        let authority = registry.authority();
        let settings = [
            ("GATEWAY_ADMIN_URL", &*registry.base),
            ("GATEWAY_ADMIN_TOKEN", "gateway-secret"),
            ("OUTBOUND_CA_FILE", authority.to_str().expect("text")),
        ];
        let steps = format!("  + plugin acl of service {SERVICE}\n  + plugin key-auth of service {SERVICE}\n");
        for words in [&["gateway", "sync", "--dry-run"][..], &["gateway", "sync", "--dry-run", "--organization", &org]] {
            let said = place.run_with(words, &settings).good();
            assert_eq!(said, format!("{org}: 2 steps to do\n{steps}"));
        }
        assert_eq!(plugins(&registry).await, 0, "looking changes nothing");
        let said = place.run_with(&["gateway", "sync"], &settings).good();
        assert_eq!(said, format!("{org}: 2 steps done\n{steps}"));
        assert_eq!(plugins(&registry).await, 2);
        let said = place.run_with(&["gateway", "sync", "--dry-run"], &settings).good();
        assert_eq!(said, format!("{org}: nothing to do\n"));

        let checked = place.run_with(&["doctor"], &settings).good();
        assert!(checked.contains("ok    gateway: its Admin API answers"), "{checked}");
        let wrong = [settings[0], ("GATEWAY_ADMIN_TOKEN", "hunter2-hunter2"), settings[2]];
        let checked = place.run_with(&["doctor"], &wrong);
        assert!(checked.stdout.contains("FAIL  gateway: the gateway's Admin API answers 401"), "{}", checked.stdout);
        let failed = place.run_with(&["gateway", "sync"], &wrong);
        assert!(failed.stdout.contains("gateway-admin-token is not the right one"), "{}", failed.stdout);
        let shown = place.run_with(&["config"], &wrong).good();
        for said in [checked.stdout, checked.stderr, failed.stdout.clone(), failed.stderr.clone(), shown] {
            assert!(!said.contains("hunter2"), "{said}");
        }
        failed.bad();
        let alone = place.run_with(&["config"], &[("GATEWAY_ADMIN_TOKEN", "x")]).bad();
        assert!(alone.contains("gateway-admin-token is only good with gateway-admin-url"), "{alone}");
    }
}

on_both! {
    /// A server tells its gateway at the start what was there before, and from then on what changes.
    async fn by_itself(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        registry.tell(json!({ "put": ["services", SERVICE, { "host": "upstream.test" }] })).await;
        let place = Installation::new(engine).await;
        let server = place.serve().await;
        let token = server.token();
        linked(&server.client(&token)).await;
        server.stop().await;
        let base = registry.client.base().to_owned();
        let settings = [("GATEWAY_ADMIN_URL", &*base), ("GATEWAY_ADMIN_TOKEN", "gateway-secret")];
        let server = place.serve_with(&settings).await;
        let owner = server.client(&token);
        until(&registry, 2).await;
        let links = owner.get("/v3/api-implementations").await.expect(200);
        let link = &links["data"][0];
        let (api, id) = (link["api_id"].as_str().expect("an id"), link["id"].as_str().expect("an id"));
        owner.delete(&format!("/v3/apis/{api}/implementations/{id}")).await.expect(204);
        until(&registry, 0).await;
        server.stop().await;
    }
}

/// Waits until the gateway has so many plugins.
async fn until(registry: &Registry, count: usize) {
    for _ in 0..400 {
        if plugins(registry).await == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the gateway does not come to have {count} plugins");
}
