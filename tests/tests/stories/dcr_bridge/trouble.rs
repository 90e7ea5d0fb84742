//! What goes wrong: at the provider, at the caller, and in between.

use std::time::Duration;

use appauth::clients::{Registered, store::client_insert, worker::work_off};
use frame::db::OrgScope;
use http::Method;
use serde_json::{Value, json};
use tests::{Engine, Registry, TestApp, on_both, wanted};

use super::{NOBODY, Portal, bridge_behind, event, key, later, refused, wish};
use crate::{applications::clients, id, text};

on_both! {
    /// What is wrong with a request is said in the protocol's words, and nothing is made.
    async fn what_callers_get_wrong(engine: Engine) {
        let Some(registry) = Registry::fake("bridge") else { return };
        let app = TestApp::new(engine).await;
        let behind = app.owner.post("/v2/dcr-providers", bridge_behind(&registry)).await.expect(201);
        let portal = Portal::new(&app, &behind, &key(&app, &behind).await);
        for name in wish("x").as_object().expect("an object").keys() {
            let mut less = wish("Weather");
            less.as_object_mut().expect("an object").remove(name);
            let (error, why) = refused(portal.make(less).await, 400);
            assert_eq!((&*error, why.contains(name.as_str())), ("invalid_request", true), "{why}");
        }
        for (name, value) in [
            ("redirect_uris", json!(["javascript:alert(1)"])),
            ("redirect_uris", json!("https://app.test/")),
            ("client_name", json!("")),
            ("token_endpoint_auth_method", json!("private_key_jwt")),
            ("developer_id", json!("ann")),
            ("owner", json!({ "type": "cat", "id": NOBODY })),
        ] {
            let mut wanted = wish("Weather");
            wanted[name] = value;
            let (_, why) = refused(portal.make(wanted).await, 400);
            assert!(why.contains(name), "{name}: {why}");
        }
        let url = format!("{}/", portal.place);
        for (content_type, body) in [("application/json", "{"), ("application/json", "[]"), ("text/plain", "{}")] {
            let headers = [("x-api-key", &*portal.key), ("content-type", content_type)];
            refused(portal.client.send(Method::POST, &url, &headers, body.into()).await, 400);
        }
        assert_eq!(registry.clients().await, Vec::<Value>::new());
        assert_eq!(clients(&app, &behind).await, Vec::<Value>::new());

        let made = portal.make(wish("Weather")).await.expect(201);
        // With and without a slash at the end.
        let second = portal.call(Method::POST, "", Some(wish("Second"))).await.expect(201);
        for (what, event) in [
            ("event_type", event("delete_everything", &made, json!({}))),
            ("redirect_uris", event("update_application", &made, json!({}))),
            ("api_product_version_id", event("add_registration", &made, json!({}))),
            ("client_id", event("update_application", &second, json!({ "redirect_uris": [] }))),
        ] {
            let (error, why) = refused(portal.tell(&made, event).await, 400);
            assert_eq!((&*error, why.contains(what)), ("invalid_request", true), "{why}");
        }
        let unknown = json!({ "client_id": "nobodys" });
        refused(portal.call(Method::DELETE, "/nobody%00s", None).await, 404);
        refused(portal.tell(&unknown, event("update_application", &unknown, json!({ "redirect_uris": [] }))).await, 404);
        refused(portal.call(Method::POST, "/nobodys/new-secret", None).await, 404);
        for client in [&made, &second] {
            let fresh = portal.rotate(client).await.expect(200);
            assert_eq!(fresh["client_id"], client["client_id"]);
            let there = registry.clients().await;
            let secrets: Vec<&Value> = there.iter().map(|it| &it["client_secret"]).collect();
            assert!(secrets.contains(&&fresh["client_secret"]) && !secrets.contains(&&client["client_secret"]));
            portal.remove(client).await.expect(204);
        }
        assert_eq!(registry.clients().await, Vec::<Value>::new());
        assert_eq!(clients(&app, &behind).await, Vec::<Value>::new());

        // A provider has twenty keys at most.
        let keys = format!("/v2/dcr-providers/{}/bridge-keys", id(&behind));
        for n in 1..20 {
            app.owner.post(&keys, json!({ "name": format!("Key {n}") })).await.expect(201);
        }
        app.owner.post(&keys, json!({ "name": "Too many" })).await.expect(409);
        app.owner.delete(&format!("/v2/dcr-providers/{}", id(&behind))).await.expect(204);
        refused(portal.make(wish("Weather")).await, 401);
    }
}

on_both! {
    /// A provider that is down, hangs up or refuses: nothing is lost, and nothing is left behind.
    async fn a_provider_that_does_not_answer(engine: Engine) {
        let Some(registry) = Registry::fake("bridge") else { return };
        let app = TestApp::new(engine).await;
        let mut behind = bridge_behind(&registry);
        behind["dcr_config"]["dcr_base_url"] = json!("http://127.0.0.1:1/dcr");
        let down = app.owner.post("/v2/dcr-providers", behind).await.expect(201);
        let portal = Portal::new(&app, &down, &key(&app, &down).await);
        let (error, _) = refused(portal.make(wish("Weather")).await, 503);
        assert_eq!(error, "temporarily_unavailable");
        assert_eq!(clients(&app, &down).await, Vec::<Value>::new(), "what was not made is not kept");

        let behind = app.owner.post("/v2/dcr-providers", bridge_behind(&registry)).await.expect(201);
        let portal = Portal::new(&app, &behind, &key(&app, &behind).await);
        // The caller was told of no client, so there is to be none. Here nobody can find out; an administrator can.
        registry.trouble("POST", "^/dcr/$", json!({ "how": "cut", "after": true })).await;
        refused(portal.make(wish("Weather")).await, 502);
        assert_eq!(registry.clients().await.len(), 1);
        let list = clients(&app, &behind).await;
        assert_eq!((&list[0]["state"], &list[0]["bridged"]), (&json!("creating"), &json!(true)));
        later(&app, 10).await;
        let list = clients(&app, &behind).await;
        assert_eq!(list[0]["state"], "removal_unconfirmed");
        assert_eq!(registry.clients().await.len(), 1, "no second one was made");
        app.owner.delete(&format!("/v2/dcr-providers/{}", id(&behind))).await.expect(409);
        let repair = format!("/v2/dcr-providers/{}/clients/{}/repair", id(&behind), text(&list[0], "application_id"));
        app.owner.post(&repair, json!({ "action": "register" })).await.expect(409);
        app.owner.post(&repair, json!({ "action": "forget" })).await.expect(200);

        // A refusal is passed on, and leaves nothing.
        registry.tell(json!({ "trouble": [{ "method": "POST", "path": "^/dcr/$", "status": 400, "body": "{\"error\":\"redirect_uris\"}" }] })).await;
        assert_eq!(refused(portal.make(wish("Weather")).await, 400).0, "invalid_redirect_uri");
        registry.tell(json!({ "trouble": [{ "method": "POST", "path": "^/dcr/$", "status": 401, "body": "{\"error\":\"no\"}" }] })).await;
        refused(portal.make(wish("Weather")).await, 502);
        assert_eq!(clients(&app, &behind).await, Vec::<Value>::new());

        // A removal is remembered, and a change is.
        let made = portal.make(wish("Weather")).await.expect(201);
        registry.tell(json!({ "trouble": [{ "method": "POST", "path": "event-hook", "status": 503, "times": 3 }] })).await;
        let moved = event("update_application", &made, json!({ "redirect_uris": ["https://app.test/other"] }));
        portal.tell(&made, moved).await.expect(200);
        assert_eq!(clients(&app, &behind).await[0]["state"], "updating");
        later(&app, 10).await;
        assert_eq!(clients(&app, &behind).await[0]["state"], "live");
        assert_eq!(registry.state().await["events"][0]["redirect_uris"], json!(["https://app.test/other"]));
        registry.tell(json!({ "trouble": [{ "method": "DELETE", "path": "^/dcr/", "status": 503, "times": 3 }] })).await;
        portal.remove(&made).await.expect(204);
        portal.remove(&made).await.expect(204);
        refused(portal.rotate(&made).await, 404);
        assert_eq!(clients(&app, &behind).await[0]["state"], "removing");
        later(&app, 10).await;
        assert_eq!(clients(&app, &behind).await, Vec::<Value>::new());

        // An answer that gets lost behind us cannot be noticed. An administrator sees the client, and removes it.
        let lost = portal.make(wish("Lost")).await.expect(201);
        let list = clients(&app, &behind).await;
        let repair = format!("/v2/dcr-providers/{}/clients/{}/repair", id(&behind), text(&list[0], "application_id"));
        app.owner.post(&repair, json!({ "action": "remove" })).await.expect(200);
        later(&app, 1).await;
        refused(portal.remove(&lost).await, 404);
        assert_eq!(clients(&app, &behind).await, Vec::<Value>::new());
        assert_eq!(registry.clients().await.len(), 1, "the one that nobody could find");
    }
}

on_both! {
    /// A caller that does not wait for its client has none.
    async fn a_caller_that_goes_away(engine: Engine) {
        let Some(registry) = Registry::fake("bridge") else { return };
        let app = TestApp::new(engine).await;
        let behind = app.owner.post("/v2/dcr-providers", bridge_behind(&registry)).await.expect(201);
        let portal = Portal::new(&app, &behind, &key(&app, &behind).await);
        registry.trouble("POST", "^/dcr/$", json!({ "how": "late", "after": true })).await;
        let waits = tokio::time::timeout(Duration::from_millis(700), portal.make(wish("Weather"))).await;
        assert!(waits.is_err(), "it was answered early");
        assert_eq!(registry.clients().await.len(), 1, "the provider has made it");
        let mut left = 100;
        while !registry.clients().await.is_empty() || !clients(&app, &behind).await.is_empty() {
            assert!(left > 0, "the client is still there");
            left -= 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

on_both! {
    /// Where clients can be found by what they were made for, what the caller was not told of is found and removed,
    /// and so is what a process was making when it died. Nothing is made a second time.
    async fn what_nobody_was_told_of(engine: Engine) {
        let Some(registry) = Registry::fake("okta") else { return };
        let authority = registry.authority();
        let app = TestApp::with(engine, &[("OUTBOUND_CA_FILE", authority.to_str().expect("a path"))]).await;
        let okta = json!({
            "name": "Okta", "provider_type": "okta", "issuer": format!("{}/oauth2/default", registry.base),
            "dcr_config": { "dcr_token": "00initialTokenOfOkta" },
        });
        let behind = app.owner.post("/v2/dcr-providers", okta).await.expect(201);
        let portal = Portal::new(&app, &behind, &key(&app, &behind).await);
        let kept = portal.make(wish("Kept")).await.expect(201);
        registry.trouble("POST", "^/oauth2/v1/clients$", json!({ "how": "cut", "after": true })).await;
        refused(portal.make(wish("Lost")).await, 502);
        assert_eq!(registry.clients().await.len(), 2);
        later(&app, 10).await;
        let [there] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!(there["client_id"], kept["client_id"]);

        // A process that dies leaves this, and perhaps a client.
        let mut intended = wanted("Begun");
        intended.application = app.app.new_id::<()>(app.org).uuid();
        let mut client = Registered::intended(&app.app, id(&behind).parse().expect("an id"), intended).expect("an intent");
        client.bridged = true;
        let session = app.app.db.write();
        client_insert(&OrgScope::new(session.clone(), app.org), &client).await.expect("it is kept");
        session.commit().await.expect("it is kept");
        work_off(&app.app).await.expect("it works");
        let states = |list: Vec<Value>| list.iter().map(|it| format!("{} {}", text(it, "name"), text(it, "state"))).collect::<Vec<_>>();
        assert_eq!(states(clients(&app, &behind).await), ["Kept live", "Lost removing", "Begun creating"]);
        later(&app, 90).await;
        assert_eq!(states(clients(&app, &behind).await).last().map(String::as_str), Some("Begun removing"));
        later(&app, 600).await;
        assert_eq!(states(clients(&app, &behind).await), ["Kept live"]);
        let creations = registry.seen("POST", "/oauth2/v1/clients").await;
        assert_eq!((registry.clients().await.len(), creations.len()), (1, 1), "none was made a second time");
        let filter = format!("/v2/dcr-providers/{}/clients?filter[bridged]=true", id(&behind));
        assert_eq!(app.owner.get(&filter).await.expect(200)["meta"]["page"]["total"], 1);

        // It is its caller's, and no application here takes it over.
        let strategy = json!({ "name": "Own", "display_name": "Own", "strategy_type": "openid_connect", "dcr_provider_id": id(&behind),
            "configs": { "openid-connect": { "issuer": behind["issuer"], "credential_claim": ["client_id"], "scopes": [], "auth_methods": ["bearer"] } } });
        let strategy = app.owner.post("/v2/application-auth-strategies", strategy).await.expect(201);
        let site = app.portal("Public", json!({ "default_application_auth_strategy_id": id(&strategy) })).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let taken = json!({ "name": "Taken", "owner": { "type": "developer", "id": ann.id }, "dcr_client_id": kept["client_id"] });
        let refused = app.owner.post(&format!("/v3/portals/{}/applications", site.id), taken).await.bad_fields();
        assert_eq!(refused, ["dcr_client_id"]);

        // Here a secret can be replaced, and a change keeps it.
        let fresh = portal.rotate(&kept).await.expect(200);
        let moved = json!({ "redirect_uris": ["https://app.test/other"] });
        portal.tell(&kept, event("update_application", &kept, moved)).await.expect(200);
        let secret = text(&fresh, "client_secret");
        assert!(registry.lets_in("/oauth2/default/v1/token", text(&kept, "client_id"), secret, "").await);
        portal.remove(&kept).await.expect(204);
        assert_eq!(registry.clients().await, Vec::<Value>::new());
    }
}
