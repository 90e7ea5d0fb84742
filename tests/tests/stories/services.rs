//! Platform services that act in an organization, by a signed token.

use std::time::Duration;

use serde_json::json;
use signin::{keys, services};
use tests::{Engine, TestApp, on_both};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn everything(name: &str) -> services::NewServiceToken {
    services::NewServiceToken { name: name.to_owned(), operations: None, life: 90 * DAY }
}

on_both! {
    /// A service does what its token is for, in its organization, and nothing else.
    async fn what_a_service_token_is_for(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rival = app.rival("eve@rival.test").await;
        let portal = app.service_in("portal", Some(&["list-teams", "create-team", "get-users-me"])).await;
        portal.post("/v3/teams", json!({ "name": "Made by the portal" })).await.expect(201);
        let teams = portal.get("/v3/teams?filter[name][eq]=Made by the portal").await.expect(200);
        assert_eq!(teams["meta"]["page"]["total"], 1);
        let there = rival.owner.get("/v3/teams?filter[name][eq]=Made by the portal").await.expect(200);
        assert_eq!(there["meta"]["page"]["total"], 0);
        let team = format!("/v3/teams/{}", teams["data"][0]["id"].as_str().expect("an id"));
        portal.get(&team).await.expect(403);
        portal.delete(&team).await.expect(403);
        // The contract gives it neither internal operations nor what only a person is.
        portal.get("/v3/internal/users?aid=auth0%7C1").await.expect(403);
        portal.get("/v3/users/me").await.expect(401);

        let told = app.owner.get("/v3/audit-logs?filter[type]=authorization").await.expect(200);
        let entries = told["data"].as_array().expect("entries").iter();
        let granted: Vec<bool> = entries
            .filter(|entry| entry["principal_id"] == "portal")
            .filter_map(|entry| entry["granted"].as_bool())
            .collect();
        assert!(granted.contains(&true), "{told}");
    }
}

on_both! {
    /// Its end: by its time, by the operator, by its successor, by whoever holds it; elsewhere nothing changes.
    async fn the_end_of_a_service_token(engine: Engine) {
        let app = TestApp::new(engine).await;
        let gateway = app.service("gateway").await;
        let ask = async |token: &str| gateway.form("/oauth/introspect", &[("token", token)]).await.expect(200);
        let told = {
            let portal = app.service_in("portal", None).await;
            ask(portal.token()).await
        };
        assert_eq!(told["token_type"], "serviceAccessToken");
        assert_eq!((&told["sub"], &told["org_id"]), (&json!("portal"), &json!(app.org)));

        let first = app.service_in("portal", None).await;
        first.get("/v3/teams").await.expect(200);
        let second = app.service_in("portal", None).await;
        first.get("/v3/teams").await.expect(401);
        second.get("/v3/teams").await.expect(200);
        app.advance(2 * DAY);
        second.get("/v3/teams").await.expect(401);
        assert_eq!(ask(second.token()).await, json!({ "active": false }));

        let third = app.service_in("portal", None).await;
        third.get("/v3/teams").await.expect(200);
        assert!(services::service_token_revoke(&app.app, app.org, "portal").await.expect("an answer"));
        assert!(!services::service_token_revoke(&app.app, app.org, "portal").await.expect("an answer"));
        third.get("/v3/teams").await.expect(401);

        let fourth = app.service_in("portal", None).await;
        let other = app.service_in("other", None).await;
        fourth.get("/v3/teams").await.expect(200);
        app.anonymous().form("/oauth/revoke", &[("token", fourth.token())]).await.expect(200);
        fourth.get("/v3/teams").await.expect(401);
        other.get("/v3/teams").await.expect(200);
        let listed = services::service_token_list(&app.app, app.org).await.expect("tokens");
        assert_eq!(listed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["other"]);
        assert!(listed[0].last_used_at.is_none(), "not written down yet");
        identity::housekeeping::usage_flush(&app.app).await.expect("written down");
        let listed = services::service_token_list(&app.app, app.org).await.expect("tokens");
        assert!(listed[0].last_used_at.is_some());
    }
}

on_both! {
    /// Signing keys that are replaced verify a service's token as long as it is good; when they are taken
    /// back, it is over.
    async fn service_tokens_and_signing_keys(engine: Engine) {
        let app = TestApp::new(engine).await;
        let part = app.app.part::<signin::SignIn>().expect("signing in");
        let text = services::service_token_create(&app.app, app.org, &everything("portal")).await;
        let portal = app.anonymous().with_token(text.expect("a token").reveal());
        let make = |alone| keys::Make { lead: Duration::ZERO, unless_after: None, alone };
        part.keys.make(make(false)).await.expect("a key");
        // As if the new key had signed for a week.
        app.database.query("UPDATE signing_keys SET signs_from = signs_from - 604800000000").await;
        part.keys.turn(365 * DAY).await.expect("a turn");
        app.app.access.forget_all();
        portal.get("/v3/teams").await.expect(200);
        services::service_token_revoke(&app.app, app.org, "portal").await.expect("an answer");
        part.keys.turn(365 * DAY).await.expect("a turn");
        assert_eq!(app.database.query("SELECT id FROM signing_keys").await.len(), 1, "needed no more");

        let last = app.service_in("portal", None).await;
        last.get("/v3/teams").await.expect(200);
        part.keys.make(make(true)).await.expect("a key");
        app.app.access.forget_all();
        last.get("/v3/teams").await.expect(401);
        let listed = services::service_token_list(&app.app, app.org).await.expect("tokens");
        assert!(listed.is_empty());
    }
}

on_both! {
    /// What one key signed for one purpose is good for no other.
    async fn a_service_token_is_no_session(engine: Engine) {
        let app = TestApp::new(engine).await;
        let keys = &app.app.part::<signin::SignIn>().expect("signing in").keys;
        let portal = app.service_in("portal", None).await;
        let ann = app.member("ann@acme.test").await;
        let session = app.session_of(ann.id).await;
        assert!(keys.verify::<services::Claims>(portal.token()).await.expect("an answer").is_some());
        assert!(keys.verify::<keys::Claims>(portal.token()).await.expect("an answer").is_none());
        assert!(keys.verify::<keys::Claims>(session.token()).await.expect("an answer").is_some());
        assert!(keys.verify::<services::Claims>(session.token()).await.expect("an answer").is_none());
        portal.call(http::Method::POST, "/v3/logout", None).await.expect(201);
        portal.get("/v3/teams").await.expect(200);
    }
}
