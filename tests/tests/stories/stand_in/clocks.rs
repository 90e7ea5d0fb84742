//! Clocks that move.

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Engine, Suite, TestStandIn, on_both};

use crate::{id, text};

const DAY: i64 = 24 * 3600;

async fn set(standin: &TestStandIn, suite: &Suite, clock: Value) -> Value {
    standin.commands.put(&format!("/stand-in/organizations/{}/clock", suite.id), clock).await.expect(200)
}

async fn personal_token(suite: &Suite, days: i64) -> Client {
    let me = suite.owner.get("/v3/users/me").await.expect(200);
    let path = format!("/v3/users/{}/access-tokens", id(&me));
    let made =
        suite.owner.post(&path, json!({ "name": format!("{days} days"), "ttl_seconds": days * DAY })).await;
    suite.owner.with_token(text(&made.expect(201), "konnect_token"))
}

on_both! {
    /// What follows time follows an organization's own, and no other organization notices.
    async fn a_year_passes_in_one_organization(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let start = json!({ "clock": { "now": "2030-06-01T12:00:00Z", "pace": 0 } });
        let (suite, other) = (standin.suite(start).await, standin.any_suite().await);
        let short = personal_token(&suite, 30).await;
        let account = json!({ "name": "deployer", "description": "" });
        let account = suite.owner.post("/v3/system-accounts", account).await.expect(201);
        let tokens = format!("/v3/system-accounts/{}/access-tokens", id(&account));
        let token = json!({ "name": "ci", "expires_at": "2030-06-20T12:00:00Z" });
        let token = suite.owner.post(&tokens, token).await.expect(201);
        let deployer = suite.owner.with_token(text(&token, "token"));

        // Fourteen days before it expires, a letter says so.
        let letters = || async { standin.database.query("SELECT subject FROM mails ORDER BY seq").await };
        assert_eq!(letters().await, [] as [&str; 0]);
        set(&standin, &suite, json!({ "advance_seconds": 17 * DAY })).await;
        assert_eq!(letters().await.len(), 2, "of the one that lives for 13 days more, and of the one for 2");
        for caller in [&short, &deployer, &suite.owner] {
            caller.get("/v3/organizations/me").await.expect(200);
        }
        set(&standin, &suite, json!({ "advance_seconds": 3 * DAY })).await;
        deployer.get("/v3/organizations/me").await.expect(401);
        short.get("/v3/organizations/me").await.expect(200);
        set(&standin, &suite, json!({ "advance_seconds": 11 * DAY })).await;
        short.get("/v3/organizations/me").await.expect(401);
        suite.owner.get("/v3/organizations/me").await.expect(200);
        // A year and a day after the start, the owner's own token is over as well.
        set(&standin, &suite, json!({ "now": "2031-06-02T12:00:00Z" })).await;
        suite.owner.get("/v3/organizations/me").await.expect(401);
        other.owner.get("/v3/organizations/me").await.expect(200);
        // And back again: nothing that had only expired was lost.
        set(&standin, &suite, json!({ "now": "2030-06-01T12:00:00Z" })).await;
        suite.owner.get("/v3/organizations/me").await.expect(200);
        deployer.get("/v3/organizations/me").await.expect(200);
    }
}

on_both! {
    /// What is kept for a time only goes when the time is over.
    async fn retention_follows(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        suite.owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await.expect(201);
        let entries = || async {
            standin.database.query("SELECT COUNT(*) AS n FROM audit_events").await[0].parse::<i64>().unwrap()
        };
        let links = || async { standin.database.query("SELECT COUNT(*) AS n FROM invite_links").await[0].clone() };
        assert!(entries().await > 0);
        assert_eq!(links().await, "1");
        set(&standin, &suite, json!({ "advance_seconds": 8 * DAY })).await;
        assert_eq!(links().await, "0");
        assert!(entries().await > 0);
        set(&standin, &suite, json!({ "advance_seconds": 366 * DAY })).await;
        assert_eq!(entries().await, 0);
    }
}

on_both! {
    /// A clock stands, runs fast, and goes back to the machine's.
    async fn a_clock_runs_as_it_is_told(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.suite(json!({ "clock": { "now": "2040-01-01T00:00:00Z", "pace": 0 } })).await;
        let path = format!("/stand-in/organizations/{}/clock", suite.id);
        let now = || async { standin.commands.get(&path).await.expect(200) };
        let created = |name: &'static str| {
            let owner = suite.owner.clone();
            async move { owner.post("/v3/teams", json!({ "name": name })).await.expect(201)["created_at"].clone() }
        };
        assert_eq!(now().await["pace"], 0);
        assert_eq!((created("A").await, created("B").await), (json!("2040-01-01T00:00:00.000Z"), json!("2040-01-01T00:00:00.000Z")));
        // A day for each second.
        set(&standin, &suite, json!({ "pace": 86_400_000 })).await;
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        assert!(now().await["now"].as_str().unwrap() > "2040-01-01T00:40", "{}", now().await);
        standin.commands.delete(&path).await.expect(204);
        assert!(now().await["now"].as_str().unwrap() < "2040");
        assert_eq!(now().await["pace"], 1000);
        for (bad, fields) in [
            (json!({ "pace": -1 }), vec!["pace"]),
            (json!({ "now": "soon", "pace": "fast" }), vec!["now", "pace"]),
            (json!({ "now": "2040-01-01T00:00:00Z", "advance_seconds": 1 }), vec!["advance_seconds"]),
            (json!({ "rate": 1 }), vec!["rate"]),
        ] {
            assert_eq!(standin.commands.put(&path, bad).await.bad_fields(), fields);
        }
        standin.commands.get("/stand-in/organizations/0197a3f2-6c1e-7d33-9a44-2f6f0e8b1c55/clock").await.expect(404);
        standin.commands.get("/stand-in/organizations/x/clock").await.expect(400);
    }
}

on_both! {
    /// Somebody who has signed in is signed out by time, first a little and then for good.
    async fn sessions_follow(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let user = json!({ "email": "bob@acme.test", "password": "Correct-Horse-7" });
        let seed = json!({ "organizations": [{ "clock": { "now": "2030-01-01T00:00:00Z", "pace": 0 }, "users": [user] }] });
        let made = standin.commands.post("/stand-in/seed", seed).await.expect(201);
        let organization = &made["organizations"][0];
        let suite = Suite {
            id: text(organization, "organization_id").to_owned(),
            owner: standin.commands.with_token(text(organization, "token")),
            made: organization.clone(),
        };
        let login = json!({ "username": "bob@acme.test", "password": "Correct-Horse-7" });
        let answer = standin.commands.post("/kauth/api/v1/authenticate", login).await;
        let cookies = cookies(&answer);
        let browser = standin.commands.with_cookies(&cookies);
        browser.get("/v3/users/me").await.expect(200);
        set(&standin, &suite, json!({ "advance_seconds": 29 * 60 })).await;
        browser.get("/v3/users/me").await.expect(200);
        set(&standin, &suite, json!({ "advance_seconds": 2 * 60 })).await;
        browser.get("/v3/users/me").await.expect(401);
        // What keeps the session going lives an hour.
        let answer = browser.call(Method::POST, "/kauth/api/v1/refresh", None).await;
        let browser = standin.commands.with_cookies(&self::cookies(&answer));
        answer.expect(200);
        browser.get("/v3/users/me").await.expect(200);
        set(&standin, &suite, json!({ "advance_seconds": 61 * 60 })).await;
        browser.get("/v3/users/me").await.expect(401);
        browser.call(Method::POST, "/kauth/api/v1/refresh", None).await.expect(401);
    }
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    set.filter_map(|line| line.split(';').next()).collect::<Vec<_>>().join("; ")
}
