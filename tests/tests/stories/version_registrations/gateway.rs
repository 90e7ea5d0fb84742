//! What a gateway is to have for versions of products, and is told of them. The gateway here is a fake of the Admin API.

use appauth::gateway::worker::work_off;
use serde_json::{Value, json};
use tests::{Engine, Registry, TestApp, on_both};

use super::{CONTROL_PLANE, SERVICE, Shop, strategy};
use crate::{all, id, text};

/// Another service of the gateway.
const ANOTHER: &str = "22222222-2222-4222-8222-222222222222";

/// A shop whose gateway is this.
async fn before(engine: Engine, registry: &Registry) -> Shop {
    for (service, name) in [(SERVICE, "orders"), (ANOTHER, "returns")] {
        registry
            .tell(json!({ "put": ["services", service, { "name": name, "host": "upstream.test" }] }))
            .await;
    }
    let authority = registry.authority();
    let settings = [
        ("GATEWAY_ADMIN_URL", &*registry.base),
        ("GATEWAY_ADMIN_TOKEN", "gateway-secret"),
        ("OUTBOUND_CA_FILE", authority.to_str().expect("text")),
    ];
    Shop::open_in(TestApp::with(engine, &settings).await).await
}

on_both! {
    /// The service of a version is guarded while it is published with a strategy, and stays closed when it is not
    /// published any more.
    async fn what_the_gateway_is_to_have(engine: Engine) {
        let shop = Shop::open(engine).await;
        let key = shop.new_key().await;
        let (plugins, consumers, _) = shop.configuration(SERVICE).await;
        assert_eq!((plugins, consumers.len()), (vec![json!("acl"), json!("key-auth")], 0));
        let registration = shop.register().await;
        shop.decide(&registration, "approved").await;
        let (_, consumers, warnings) = shop.configuration(SERVICE).await;
        assert_eq!(consumers[0]["custom_id"], shop.application["id"]);
        let group = format!("latchkey-{}", id(&shop.version));
        assert_eq!(all(&json!({ "data": consumers[0]["acls"] }), "group"), [json!(group)]);
        assert_eq!(warnings, [Value::Null; 0]);

        // Hidden, nobody is let in, and the service is as closed as it was.
        shop.change(json!({ "publish_status": "unpublished" })).await;
        let (plugins, consumers, warnings) = shop.configuration(SERVICE).await;
        assert_eq!((plugins, consumers.len()), (vec![json!("acl")], 0));
        let warning = "The product version [Orders v1] is published nowhere; its service stays closed until it is published again, or the link is taken away";
        assert_eq!(warnings, [json!(warning)]);
        assert_eq!(shop.check(&shop.version, text(&key, "credential")).await["reason"], "not_published");
        shop.change(json!({ "publish_status": "published" })).await;
        assert_eq!(shop.check(&shop.version, text(&key, "credential")).await["allowed"], true);

        // Another strategy lets those of the first in no longer.
        let other = strategy(&shop.app, "Other", json!({ "key-auth": {} })).await;
        shop.change(json!({ "auth_strategy_ids": [id(&other)] })).await;
        assert_eq!(shop.check(&shop.version, text(&key, "credential")).await["reason"], "other_strategy");
        assert_eq!(shop.configuration(SERVICE).await.1.len(), 0);
        shop.change(json!({ "auth_strategy_ids": [] })).await;
        assert_eq!(shop.configuration(SERVICE).await.0, [Value::Null; 0], "open, as somebody said");
        assert_eq!(shop.check(&shop.version, text(&key, "credential")).await["reason"], "not_registered");
        shop.change(json!({ "auth_strategy_ids": [id(&shop.keys)] })).await;

        // A service is one thing: the one who comes first has it.
        let second = shop.new_version("v2", SERVICE).await;
        shop.say(&second, &shop.keys, json!({})).await;
        let odd = shop.new_version("v3", "by-name").await;
        shop.say(&odd, &shop.keys, json!({})).await;
        let (plugins, _, warnings) = shop.configuration(SERVICE).await;
        assert_eq!(plugins, [json!("acl"), json!("key-auth")]);
        assert_eq!(warnings, [
            json!("The product version [Orders v3] names a service, or a control plane, that is no UUID: no gateway has it"),
            json!("The product version [Orders v2] names the service of the product version [Orders v1], which guards it: applications for it are not let through"),
        ]);
        let api = shop.app.owner.post("/v3/apis", json!({ "name": "Weather" })).await.expect(201);
        let link = json!({ "service": { "id": SERVICE, "control_plane_id": CONTROL_PLANE } });
        shop.app.owner.post(&format!("/v3/apis/{}/implementations", id(&api)), link).await.expect(201);
        let (plugins, _, warnings) = shop.configuration(SERVICE).await;
        assert_eq!(plugins, [json!("acl"), json!("key-auth")], "who is published nowhere takes no service away");
        let warning = "The API [Weather] names the service of the product version [Orders v1], which guards it: applications for it are not let through";
        assert_eq!(warnings[2], warning);
        // Published with a strategy, an API comes first.
        let publication = format!("/v3/apis/{}/publications/{}", id(&api), shop.site.id);
        let with = json!({ "auth_strategy_ids": [id(&shop.keys)] });
        shop.app.owner.put(&publication, with).await.expect(200);
        let (plugins, _, warnings) = shop.configuration(SERVICE).await;
        assert_eq!(plugins, [json!("acl"), json!("key-auth")]);
        assert!(text(&json!({ "w": warnings[1] }), "w").contains("[Orders v1] names the service of the API [Weather]"), "{warnings:?}");
        // An open publication of it opens nothing that the version guards.
        shop.app.owner.put(&publication, json!({ "auth_strategy_ids": null })).await.expect(200);
        assert_eq!(shop.configuration(SERVICE).await.0, [json!("acl"), json!("key-auth")]);

        // With the version everything of it goes, and nothing of the other's.
        let another = shop.ask(json!({ "product_version_id": id(&second) })).await.expect(201);
        let path = format!("/v2/api-products/{}/product-versions/{}", id(&shop.product), id(&shop.version));
        shop.app.owner.delete(&path).await.expect(204);
        let left = shop.app.owner.get(&shop.registrations()).await.expect(200);
        assert_eq!(all(&left, "id"), [another["id"].clone()]);
        shop.app.owner.delete(&format!("{}/{}", shop.in_portal(), id(&second))).await.expect(204);
        assert_eq!(shop.app.owner.get(&shop.registrations()).await.expect(200)["data"], json!([]));
    }
}

on_both! {
    /// What is said of a version, and of registrations for it, is pushed to the gateway by itself.
    async fn every_change_is_pushed(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = before(engine, &registry).await;
        let pushed = async |plugins: &[&str], consumers: usize| {
            work_off(&shop.app.app).await.expect("it works");
            let state = registry.state().await;
            let of = |kind: &str| state[kind].as_array().cloned().unwrap_or_default();
            let mut found: Vec<String> = of("plugins").iter().map(|it| text(it, "name").to_owned()).collect();
            found.sort();
            assert_eq!((found.iter().map(String::as_str).collect::<Vec<_>>(), of("consumers").len()), (plugins.to_vec(), consumers));
        };
        pushed(&["acl", "key-auth"], 0).await;
        let registration = shop.register().await;
        pushed(&["acl", "key-auth"], 0).await;
        shop.decide(&registration, "approved").await;
        pushed(&["acl", "key-auth"], 1).await;
        shop.decide(&registration, "revoked").await;
        pushed(&["acl", "key-auth"], 0).await;
        shop.decide(&registration, "approved").await;
        shop.change(json!({ "publish_status": "unpublished" })).await;
        pushed(&["acl"], 0).await;
        shop.change(json!({ "publish_status": "published" })).await;
        pushed(&["acl", "key-auth"], 1).await;
        let version = format!("/v2/api-products/{}/product-versions/{}", id(&shop.product), id(&shop.version));
        shop.app.owner.patch(&version, json!({ "gateway_service": null })).await.expect(200);
        pushed(&[], 0).await;
        let service = json!({ "id": SERVICE, "control_plane_id": CONTROL_PLANE });
        shop.app.owner.patch(&version, json!({ "gateway_service": service })).await.expect(200);
        pushed(&["acl", "key-auth"], 1).await;
        shop.app.owner.delete(&format!("/v2/api-products/{}", id(&shop.product))).await.expect(204);
        pushed(&[], 0).await;
    }
}

on_both! {
    /// Services that change hands, also two for one another, are guarded all the time, and by the right group at the end.
    async fn services_that_change_hands(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = before(engine, &registry).await;
        let second = shop.new_version("v2", ANOTHER).await;
        shop.say(&second, &shop.keys, json!({})).await;
        // The group that gets through to each service; nothing else guards it.
        let guarded = async || {
            work_off(&shop.app.app).await.expect("it works");
            let state = registry.state().await;
            let plugins = state["plugins"].as_array().expect("plugins").clone();
            let allowed = |service: &str| {
                let of = |name: &str| plugins.iter().filter(|it| it["name"] == name && it["service"]["id"] == service).collect::<Vec<_>>();
                let (acls, keys) = (of("acl"), of("key-auth"));
                assert_eq!((acls.len(), keys.len()), (1, 1), "{service}");
                acls[0]["config"]["allow"][0].clone()
            };
            [allowed(SERVICE), allowed(ANOTHER)]
        };
        let group = |version: &Value| json!(format!("latchkey-{}", id(version)));
        assert_eq!(guarded().await, [group(&shop.version), group(&second)]);
        let versions = format!("/v2/api-products/{}/product-versions", id(&shop.product));
        for (version, service) in [(&shop.version, ANOTHER), (&second, SERVICE)] {
            let service = json!({ "gateway_service": { "id": service, "control_plane_id": CONTROL_PLANE } });
            shop.app.owner.patch(&format!("{versions}/{}", id(version)), service).await.expect(200);
        }
        assert_eq!(guarded().await, [group(&second), group(&shop.version)]);
        // An API takes the service of a version over.
        let api = shop.app.owner.post("/v3/apis", json!({ "name": "Orders" })).await.expect(201);
        let publication = format!("/v3/apis/{}/publications/{}", id(&api), shop.site.id);
        shop.app.owner.put(&publication, json!({ "auth_strategy_ids": [id(&shop.keys)] })).await.expect(200);
        let link = json!({ "service": { "id": SERVICE, "control_plane_id": CONTROL_PLANE } });
        shop.app.owner.post(&format!("/v3/apis/{}/implementations", id(&api)), link).await.expect(201);
        assert_eq!(guarded().await, [group(&api), group(&shop.version)]);
        let status = shop.app.owner.get("/v3/gateway/status").await.expect(200);
        assert_eq!((&status["pending"], &status["problem"]), (&json!(false), &Value::Null), "nothing was refused");
    }
}
