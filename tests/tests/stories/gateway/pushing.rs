//! Pushing to a gateway: what differs, what changes, and what goes wrong.

use std::{collections::BTreeSet, time::Duration};

use appauth::gateway::{
    sync::{Failure, expire, sync_now},
    worker::work_off,
};
use serde_json::{Value, json};
use tests::{Engine, Registry, TestApp, on_both};

use super::{
    CHECK, MONTH, ORDERS, OWN, STATUS, STRATEGIES, Shop, WEATHER, before, has, lines, link, names,
    plugins_of, publish, register,
};
use crate::{
    applications::{oidc_provider, published},
    hours, id, text,
};

on_both! {
    /// A plan is made, carried out, and then there is nothing to do; what others have made is left alone.
    async fn what_differs_is_carried_out_once(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        let (foreign, theirs) = ("33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444");
        let others = [
            ("consumers", foreign, json!({ "username": "by-hand", "tags": ["by-hand"] })),
            ("consumers", theirs, json!({ "custom_id": "x", "tags": ["latchkey", "latchkey-another"] })),
            ("acls", foreign, json!({ "group": "admins", "consumer": { "id": foreign } })),
            ("key-auths", foreign, json!({ "key": "by-hand", "consumer": { "id": foreign }, "tags": ["latchkey"] })),
            ("plugins", foreign, json!({ "name": "rate-limiting", "service": { "id": ORDERS }, "config": { "minute": 5 } })),
            ("plugins", theirs, json!({
                "name": "acl", "config": { "deny": ["x"] }, "tags": [format!("latchkey-{}", shop.app.org)],
            })),
        ];
        for (kind, id, body) in &others {
            registry.tell(json!({ "put": [kind, id, body] })).await;
        }
        let untouched = registry.state().await;

        let made = shop.plan().await;
        let (by_key, orders, weather) = (id(&shop.by_key), id(&shop.orders), id(&shop.weather));
        let key = shop.configuration().await["configuration"]["consumers"][0]["keyauth_credentials"][0]["id"].clone();
        let expected = [
            format!("+ consumer {by_key}"),
            "+ consumer umbrella".to_owned(),
            format!("+ group latchkey-{orders} of consumer {by_key}"),
            format!("+ key {} of consumer {by_key}", key.as_str().expect("an id")),
            format!("+ group latchkey-{weather} of consumer umbrella"),
            format!("+ plugin acl of service {ORDERS}"),
            format!("+ plugin key-auth of service {ORDERS}"),
            format!("+ plugin acl of service {WEATHER}"),
            format!("+ plugin openid-connect of service {WEATHER}"),
        ];
        assert_eq!(lines(&made), expected);
        assert_eq!(registry.state().await["plugins"], untouched["plugins"], "a plan changes nothing");
        let report = sync_now(&shop.app.app, shop.app.org).await.expect("done");
        assert_eq!((report.done.as_slice(), report.refused.len()), (&expected[..], 0));
        assert_eq!(lines(&shop.plan().await), [""; 0]);
        registry.tell(json!({ "forget": true })).await;
        assert_eq!(sync_now(&shop.app.app, shop.app.org).await.expect("done").done, [""; 0]);
        let state = registry.state().await;
        let seen = state["seen"].as_array().expect("requests");
        assert!(seen.iter().all(|one| one["method"] == "GET"), "nothing is written");
        assert!(seen.iter().any(|one| one["query"].to_string().contains("offset=")), "a list has several pages");
        let key = state["key-auths"].as_array().expect("keys").iter().find(|it| it["key"] == shop.key["credential"]);
        assert_eq!(key.expect("the key")["tags"], json!(["latchkey", format!("latchkey-{}", shop.app.org)]));
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["pushes"], &status["pending"], &status["attempts"]), (&json!(true), &json!(false), &json!(0)));
        assert!(status["synced_at"].is_string());

        // What somebody changed of ours by hand is put right.
        let of_orders = state["plugins"].as_array().expect("plugins").iter().find(|it| it["name"] == "key-auth").expect("it");
        let mut changed = json!({});
        for member in ["name", "service", "config", "tags"] {
            changed[member] = of_orders[member].clone();
        }
        changed["enabled"] = json!(false);
        registry.tell(json!({ "put": ["plugins", id(of_orders), changed] })).await;
        assert_eq!(lines(&shop.plan().await), [format!("~ plugin key-auth of service {ORDERS}")]);
        sync_now(&shop.app.app, shop.app.org).await.expect("done");
        assert_eq!(lines(&shop.plan().await), [""; 0]);

        // All of it goes, and nothing else.
        for api in [&shop.orders, &shop.weather] {
            shop.app.owner.delete(&format!("/v3/apis/{}", id(api))).await.expect(204);
        }
        shop.follow().await;
        let state = registry.state().await;
        for kind in ["services", "plugins", "consumers", "acls", "key-auths"] {
            assert_eq!(state[kind], untouched[kind], "{kind}");
        }
    }
}

on_both! {
    /// Whatever changes is pushed, by itself.
    async fn every_change_is_pushed(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        let owner = &shop.app.owner;
        shop.follow().await;
        assert_eq!(plugins_of(&registry, ORDERS).await, names(["acl", "key-auth"]));
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl", "openid-connect"]));

        // Keys.
        let credentials = format!("{OWN}/{}/credentials", id(&shop.by_key));
        let second = shop.ann.client.post(&credentials, json!({})).await.expect(201);
        shop.follow().await;
        assert_eq!(has(&registry, "key-auths", "key").await, [shop.key["credential"].clone(), second["credential"].clone()]);
        shop.ann.client.delete(&format!("{credentials}/{}", id(&shop.key))).await.expect(204);
        shop.follow().await;
        assert_eq!(has(&registry, "key-auths", "key").await, [second["credential"].clone()]);

        // Registrations.
        let of_portal = format!("/v3/portals/{}/applications/{}", shop.site.id, id(&shop.by_key));
        let registration = format!("{of_portal}/registrations/{}", id(&shop.registration));
        owner.patch(&registration, json!({ "status": "revoked" })).await.expect(200);
        shop.follow().await;
        assert_eq!(has(&registry, "consumers", "custom_id").await, ["umbrella"]);
        assert_eq!(has(&registry, "key-auths", "key").await, [""; 0]);
        owner.patch(&registration, json!({ "status": "approved" })).await.expect(200);
        shop.follow().await;
        assert_eq!(has(&registry, "key-auths", "key").await, [second["credential"].clone()]);

        // The owner: requests of one who is not approved are not let through.
        let zoe = json!({ "email": "zoe@dev.test", "full_name": "Zoe", "status": "pending" });
        let zoe = owner.post(&shop.site.developers(), zoe).await.expect(201);
        for (whose, custom_ids) in [(id(&zoe), 1), (&*shop.ann.id, 2)] {
            let given = json!({ "owner": { "type": "developer", "id": whose } });
            owner.patch(&of_portal, given).await.expect(200);
            shop.follow().await;
            assert_eq!(has(&registry, "consumers", "custom_id").await.len(), custom_ids);
        }

        // The strategy: what it asks for, and what it says no more.
        let path = format!("{STRATEGIES}/{}", id(&shop.keys));
        owner.patch(&path, json!({ "configs": { "key-auth": { "key_names": ["y-key"] } } })).await.expect(200);
        let path = format!("{STRATEGIES}/{}", id(&shop.tokens));
        owner.patch(&path, json!({ "configs": { "openid-connect": { "cache_tokens": null } } })).await.expect(200);
        shop.follow().await;
        let state = registry.state().await;
        let config = |name: &str| {
            let plugins = state["plugins"].as_array().expect("plugins").iter();
            plugins.clone().find(|it| it["name"] == name).expect("the plugin")["config"].clone()
        };
        assert_eq!(config("key-auth")["key_names"], json!(["y-key"]));
        assert_eq!(config("openid-connect")["cache_tokens"], true, "as the gateway has it when nobody says");

        // The client of an application.
        let path = format!("{OWN}/{}", id(&shop.by_token));
        shop.ann.client.patch(&path, json!({ "client_id": "parasol" })).await.expect(200);
        shop.follow().await;
        let ids: BTreeSet<String> = has(&registry, "consumers", "custom_id").await.iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(ids, names([id(&shop.by_key), "parasol"]));

        // The publication: another strategy, and none any more.
        publish(&shop.app, &shop.orders, &shop.site, shop.tokens.clone()).await;
        shop.follow().await;
        assert_eq!(plugins_of(&registry, ORDERS).await, names(["acl", "openid-connect"]));
        assert_eq!(has(&registry, "consumers", "custom_id").await, ["parasol"], "its application has the other strategy");
        owner.delete(&format!("/v3/apis/{}/publications/{}", id(&shop.orders), shop.site.id)).await.expect(204);
        shop.follow().await;
        assert_eq!(plugins_of(&registry, ORDERS).await, names(["acl"]), "it is closed");
        publish(&shop.app, &shop.orders, &shop.site, Value::Null).await;
        shop.follow().await;
        assert_eq!(plugins_of(&registry, ORDERS).await, names([]), "it is open, as was said");

        // The application, the link, and a new one.
        shop.ann.client.delete(&format!("{OWN}/{}", id(&shop.by_token))).await.expect(204);
        shop.follow().await;
        assert_eq!(has(&registry, "consumers", "custom_id").await, [""; 0]);
        let links = owner.get(&format!("/v3/api-implementations?filter[api_id]={}", id(&shop.weather))).await.expect(200);
        let of_weather = format!("/v3/apis/{}/implementations", id(&shop.weather));
        owner.delete(&format!("{of_weather}/{}", id(&links["data"][0]))).await.expect(204);
        shop.follow().await;
        assert_eq!(has(&registry, "plugins", "name").await, [""; 0]);
        link(&shop.app, &shop.weather, WEATHER).await;
        shop.follow().await;
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl", "openid-connect"]));
        // With a portal goes all that is published in it.
        owner.delete(&format!("/v3/portals/{}?force=true", shop.site.id)).await.expect(204);
        shop.follow().await;
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl"]));
    }
}

on_both! {
    /// The client that a provider makes, and another one in its place, is what the gateway finds the application by.
    async fn clients_of_providers(engine: Engine) {
        let (Some(registry), Some(provider)) = (Registry::gateway(), Registry::oidc_provider()) else { return };
        let settings = [("GATEWAY_ADMIN_URL", registry.client.base()), ("GATEWAY_ADMIN_TOKEN", "gateway-secret")];
        let app = TestApp::with(engine, &settings).await;
        registry.tell(json!({ "put": ["services", WEATHER, { "host": "upstream.test" }] })).await;
        let it = published(&app, oidc_provider(&provider, false).await, json!({})).await;
        link(&app, &it.api, WEATHER).await;
        let ann = app.developer(&it.site, "ann@dev.test").await;
        let made = ann.client.post(OWN, json!({ "name": "One", "auth_strategy_id": id(&it.strategy) })).await.expect(201);
        let wish = register(&ann.client, &made, &it.api).await;
        let ask = |client: &Value| json!({ "api_id": id(&it.api), "client_id": client });
        let pending = json!({ "allowed": false, "application_id": id(&made), "reason": "registration_pending" });
        assert_eq!(app.owner.post(CHECK, ask(&made["client_id"])).await.expect(200), pending);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [""; 0], "nobody has approved it");
        let path = format!("/v3/portals/{}/applications/{}/registrations/{}", it.site.id, id(&made), id(&wish));
        app.owner.patch(&path, json!({ "status": "approved" })).await.expect(200);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [made["client_id"].clone()]);
        let allowed = json!({ "allowed": true, "application_id": id(&made) });
        assert_eq!(app.owner.post(CHECK, ask(&made["client_id"])).await.expect(200), allowed);

        // The provider replaces no secrets, so another client takes the place of the first.
        let path = format!("{OWN}/{}/regenerate-secret", id(&made));
        let fresh = ann.client.call(http::Method::POST, &path, None).await.expect(201);
        assert_ne!(fresh["client_id"], made["client_id"]);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [fresh["client_id"].clone()]);
        assert_eq!(app.owner.post(CHECK, ask(&fresh["client_id"])).await.expect(200), allowed);
        let unknown = json!({ "allowed": false, "reason": "not_registered" });
        assert_eq!(app.owner.post(CHECK, ask(&made["client_id"])).await.expect(200), unknown);

        // With its developer's approval ends what the developer's applications may.
        let developer = format!("{}/{}", it.site.developers(), ann.id);
        app.owner.patch(&developer, json!({ "status": "revoked" })).await.expect(200);
        let not = json!({ "allowed": false, "application_id": id(&made), "reason": "developer_not_approved" });
        assert_eq!(app.owner.post(CHECK, ask(&fresh["client_id"])).await.expect(200), not);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [""; 0]);
        app.owner.patch(&developer, json!({ "status": "approved" })).await.expect(200);
        work_off(&app.app).await.expect("it works");
        assert_eq!(has(&registry, "consumers", "custom_id").await, [fresh["client_id"].clone()]);
    }
}

on_both! {
    /// A gateway that is away is tried again, and is told everything once it is back.
    async fn a_gateway_that_is_away(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        let wait = |seconds| shop.app.wall.advance(Duration::from_secs(seconds));
        registry.tell(json!({ "trouble": [{ "method": "GET", "path": "/consumers", "status": 503, "times": 1 }] })).await;
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 1);
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["pending"], &status["attempts"]), (&json!(true), &json!(1)));
        assert_eq!(status["problem"], "the gateway's Admin API answers 503");
        assert_eq!(has(&registry, "plugins", "name").await, [""; 0]);
        // A change meanwhile does not make anybody ask sooner.
        register_again(&shop).await;
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 0);

        // It breaks off in the middle; what it took it keeps, and the rest follows.
        registry.tell(json!({ "trouble": [{ "method": "PUT", "path": "/plugins", "how": "cut", "times": 1 }] })).await;
        wait(10);
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 1);
        let status = shop.app.owner.get(STATUS).await.expect(200);
        let broke = "the gateway's Admin API: the connection broke before the answer was there";
        assert_eq!((&status["attempts"], &status["problem"]), (&json!(2), &json!(broke)));
        assert_eq!(has(&registry, "consumers", "custom_id").await.len(), 2);
        wait(60);
        shop.follow().await;
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["attempts"], &status["next_attempt_at"]), (&json!(0), &Value::Null));
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl", "openid-connect"]));
    }
}

async fn register_again(shop: &Shop) {
    shop.ann.client.post(&format!("{OWN}/{}/credentials", id(&shop.by_key)), json!({})).await.expect(201);
}

on_both! {
    /// With a wrong token nothing is done, and the operator learns why, not with which.
    async fn a_wrong_token(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::open(before(engine, &registry, "not-the-secret").await).await;
        let failure = sync_now(&shop.app.app, shop.app.org).await.err();
        let why = "the gateway's Admin API answers 401: gateway-admin-token is not the right one";
        assert!(matches!(&failure, Some(Failure::There(said)) if said == why), "{failure:?}");
        assert_eq!(shop.app.owner.get(STATUS).await.expect(200)["problem"], why);
        assert_eq!(has(&registry, "consumers", "custom_id").await, [""; 0]);
    }
}

on_both! {
    /// What the gateway does not take keeps nothing else from being taken; it is told, without the key that it is about.
    async fn what_the_gateway_does_not_take(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        let foreign = "33333333-3333-4333-8333-333333333333";
        registry.tell(json!({ "put": ["consumers", foreign, { "username": "by-hand" }] })).await;
        let key = json!({ "key": shop.key["credential"], "consumer": { "id": foreign } });
        registry.tell(json!({ "put": ["key-auths", foreign, key] })).await;
        let report = sync_now(&shop.app.app, shop.app.org).await.expect("done");
        let [refused] = &report.refused[..] else { panic!("{:?}", report.refused) };
        assert!(refused.ends_with("the gateway answers 409 (unique constraint violation)"), "{refused}");
        assert!(!refused.contains(text(&shop.key, "credential")), "the key is shown");
        assert_eq!(report.done.len(), 8);
        assert_eq!(plugins_of(&registry, WEATHER).await, names(["acl", "openid-connect"]));
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!((&status["pending"], &status["problem"]), (&json!(true), &json!(refused)));
        // What changes meanwhile is pushed at once.
        shop.ann.client.delete(&format!("{OWN}/{}", id(&shop.by_token))).await.expect(204);
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 1);
        assert!(!has(&registry, "consumers", "custom_id").await.contains(&json!("umbrella")));
        shop.ann.client.delete(&format!("{OWN}/{}/credentials/{}", id(&shop.by_key), id(&shop.key))).await.expect(204);
        shop.follow().await;
    }
}

on_both! {
    /// A key that is over is taken from the gateway.
    async fn keys_that_are_over(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        shop.follow().await;
        let [left] = &has(&registry, "key-auths", "ttl").await[..] else { panic!("one key") };
        let left = left.as_u64().expect("a number");
        assert!((MONTH * 3600 - 600..=MONTH * 3600 + 1).contains(&left), "{left}");
        expire(&shop.app.app).await.expect("it works");
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 0, "it is good");
        shop.app.advance(hours(MONTH + 1));
        expire(&shop.app.app).await.expect("it works");
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 1);
        assert_eq!(has(&registry, "key-auths", "key").await, [""; 0]);
        expire(&shop.app.app).await.expect("it works");
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 0, "there is no other");
    }
}

on_both! {
    /// One server at a time; what one that died has begun, another does after a minute.
    async fn one_at_a_time(engine: Engine) {
        let Some(registry) = Registry::gateway() else { return };
        let shop = Shop::before(engine, &registry).await;
        shop.follow().await;
        register_again(&shop).await;
        let until = shop.app.app.wall.now().plus(Duration::from_secs(60)).micros();
        shop.app.database.query(&format!("UPDATE gateway_syncs SET leased_until = {until}")).await;
        assert_eq!(work_off(&shop.app.app).await.expect("it works"), 0);
        let failure = sync_now(&shop.app.app, shop.app.org).await.err();
        assert!(matches!(&failure, Some(Failure::There(why)) if why.starts_with("a server is just")), "{failure:?}");
        assert_eq!(has(&registry, "key-auths", "key").await.len(), 1);
        let status = shop.app.owner.get(STATUS).await.expect(200);
        assert_eq!(status["pending"], true, "nothing is forgotten");
        shop.app.wall.advance(Duration::from_secs(61));
        shop.follow().await;
        assert_eq!(has(&registry, "key-auths", "key").await.len(), 2);
    }
}
