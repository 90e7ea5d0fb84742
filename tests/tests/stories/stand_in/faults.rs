//! Faults on purpose.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::{Client, Engine, Suite, TestStandIn, on_both};

use crate::{everywhere, id, text};

async fn set(standin: &TestStandIn, suite: &Suite, profile: Value) {
    let path = format!("/stand-in/organizations/{}/faults", suite.id);
    standin.commands.put(&path, json!({ "profile": profile })).await.expect(200);
}

/// What somebody sees who asks twenty times for two things: statuses, `Retry-After`, or that there was no answer.
async fn transcript(caller: &Client) -> Vec<String> {
    let caller = caller.unchecked();
    let mut seen = Vec::new();
    for n in 0..20 {
        let new = json!({ "name": format!("Team {n}") });
        for answer in [
            caller.attempt(Method::POST, "/v3/teams", new).await,
            caller.attempt(Method::GET, "/v3/users/me", Value::Null).await,
        ] {
            seen.push(answer.map_or_else(
                || "dropped".to_owned(),
                |answer| format!("{} {}", answer.status.as_u16(), answer.header("retry-after")),
            ));
        }
    }
    seen
}

on_both! {
    /// The same number, the same requests, the same faults: in another organization, and once more in this one.
    async fn a_run_that_failed_can_be_run_again(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let profile = |random: u64| json!({ "name": "flaky", "random": random, "rules": [
            { "operations": ["create-*"],
              "latency": { "distribution": "uniform", "least_milliseconds": 0, "most_milliseconds": 2 },
              "errors": { "status": 503, "percent": 30, "burst": 2, "retry_after_seconds": 3 },
              "drops": { "percent": 20 } },
            { "operations": ["get-users-me"], "errors": { "status": 500, "percent": 25 } },
        ] });
        let (one, two) = (standin.any_suite().await, standin.any_suite().await);
        for suite in [&one, &two] {
            set(&standin, suite, profile(7)).await;
        }
        let first = transcript(&one.owner).await;
        assert_eq!(transcript(&two.owner).await, first);
        for kind in ["201 ", "503 3", "dropped", "200 ", "500 "] {
            assert!(first.iter().any(|seen| seen == kind), "no [{kind}] in {first:?}");
        }
        // Bursts are of two.
        let errors: Vec<bool> = first.iter().step_by(2).map(|seen| seen == "503 3").collect();
        assert!(errors.chunks(2).all(|pair| pair[0] == pair[1]), "{errors:?}");
        set(&standin, &one, profile(7)).await;
        assert_eq!(transcript(&one.owner).await, first);
        set(&standin, &one, profile(8)).await;
        assert_ne!(transcript(&one.owner).await, first);
        // What was refused was not done, and what was dropped was not done first.
        let made = first.iter().filter(|seen| *seen == "201 ").count();
        standin.commands.delete(&format!("/stand-in/organizations/{}/faults", two.id)).await.expect(204);
        let teams = two.owner.get("/v3/teams?filter[name][contains]=Team&page[size]=100").await.expect(200);
        assert_eq!(teams["meta"]["page"]["total"], made);
        let log = standin.commands.get(&format!("/stand-in/requests?organization={}&failed=true", two.id)).await.expect(200);
        assert!(log["data"].as_array().unwrap().iter().any(|seen| seen["status"].is_null()), "{log}");
    }
}

on_both! {
    /// An answer may get lost after everything was done.
    async fn an_answer_gets_lost(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        set(&standin, &suite, json!({ "rules": [{ "operations": ["create-team"], "drops": { "percent": 100, "done_first": true } }] })).await;
        assert!(suite.owner.attempt(Method::POST, "/v3/teams", json!({ "name": "Lost" })).await.is_none());
        let teams = suite.owner.get("/v3/teams?filter[name]=Lost").await.expect(200);
        assert_eq!(teams["meta"]["page"]["total"], 1);
    }
}

on_both! {
    /// A budget of requests in a window, which begins with the first of them; a clock that stands does not keep it shut.
    async fn a_budget_runs_out(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.suite(json!({ "clock": { "now": "2030-01-01T00:00:10Z", "pace": 0 } })).await;
        let caller = suite.owner.unchecked();
        for _ in 0..2 {
            set(&standin, &suite, json!({ "rules": [{ "rate_limit": { "budget": 3, "window_seconds": 2 } }] })).await;
            for _ in 0..3 {
                caller.get("/v3/users/me").await.expect(200);
            }
            let refused = caller.get("/v3/users/me").await;
            assert_eq!(refused.status.as_u16(), 429);
            assert!(["1", "2"].contains(&refused.header("retry-after")), "{}", refused.header("retry-after"));
            assert_eq!(refused.body["title"], "Rate Limited");
        }
        tokio::time::sleep(Duration::from_millis(2050)).await;
        caller.get("/v3/users/me").await.expect(200);
    }
}

on_both! {
    /// A new grant is not heard of at once, and what was granted before is not forgotten.
    async fn grants_arrive_late(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        let account = json!({ "name": "deployer", "description": "" });
        let account = suite.owner.post("/v3/system-accounts", account).await.expect(201);
        let account = format!("/v3/system-accounts/{}", id(&account));
        let expiry = suite.owner.get("/v3/users/me").await.expect(200)["created_at"].clone();
        let expiry = expiry.as_str().unwrap().parse::<kernel::Timestamp>().unwrap().plus(Duration::from_secs(86_400));
        let token = json!({ "name": "ci", "expires_at": expiry });
        let token = suite.owner.post(&format!("{account}/access-tokens"), token).await.expect(201);
        let deployer = suite.owner.with_token(text(&token, "token"));
        set(&standin, &suite, json!({ "rules": [], "permission_lag_seconds": 60 })).await;
        let role = everywhere("Admin", "Identity");
        suite.owner.post(&format!("{account}/assigned-roles"), role).await.expect(201);
        deployer.post("/v3/teams", json!({ "name": "Early" })).await.expect(403);
        deployer.get("/v3/teams").await.expect(200);
        suite.owner.post("/v3/teams", json!({ "name": "Owner" })).await.expect(201);
        let clock = json!({ "advance_seconds": 61 });
        standin.commands.put(&format!("/stand-in/organizations/{}/clock", suite.id), clock).await.expect(200);
        deployer.post("/v3/teams", json!({ "name": "Late" })).await.expect(201);
    }
}

on_both! {
    /// A token that was in use goes on working for a while after it was taken back; one that was not does not.
    async fn revocations_arrive_late(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        let me = suite.owner.get("/v3/users/me").await.expect(200);
        let tokens = format!("/v3/users/{}/access-tokens", id(&me));
        let mut made = Vec::new();
        for name in ["used", "idle"] {
            let token = json!({ "name": name, "ttl_seconds": 86_400 });
            let token = suite.owner.post(&tokens, token).await.expect(201);
            made.push((suite.owner.with_token(text(&token, "konnect_token")), id(&token).to_owned()));
        }
        set(&standin, &suite, json!({ "rules": [], "revocation_lag_seconds": 1 })).await;
        made[0].0.get("/v3/users/me").await.expect(200);
        for (_, token) in &made {
            suite.owner.patch(&format!("{tokens}/{token}/revoke"), json!({})).await.expect(200);
        }
        made[0].0.get("/v3/users/me").await.expect(200);
        made[1].0.get("/v3/users/me").await.expect(401);
        // Who removes another organization does not end it.
        let other = standin.any_suite().await;
        standin.commands.delete(&format!("/stand-in/organizations/{}", other.id)).await.expect(204);
        made[0].0.get("/v3/users/me").await.expect(200);
        // Whatever runs out meanwhile has run out.
        let clock = format!("/stand-in/organizations/{}/clock", suite.id);
        standin.commands.put(&clock, json!({ "advance_seconds": 86_500 })).await.expect(200);
        made[0].0.get("/v3/users/me").await.expect(401);
        standin.commands.delete(&clock).await.expect(204);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        made[0].0.get("/v3/users/me").await.expect(401);
    }
}

on_both! {
    /// `expires_in` may claim what is not so: of an access token, and of nothing else.
    async fn a_lifetime_is_not_true(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let user = json!({ "email": "bob@acme.test", "password": "Correct-Horse-7" });
        let made = standin.commands.post("/stand-in/seed", json!({ "organizations": [{ "users": [user] }] })).await.expect(201);
        let org = text(&made["organizations"][0], "organization_id").to_owned();
        let login = json!({ "username": "bob@acme.test", "password": "Correct-Horse-7" });
        let answer = standin.commands.post("/kauth/api/v1/authenticate", login).await;
        let set = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        let cookies: Vec<_> = set.filter_map(|line| line.split(';').next()).collect();
        let person = standin.commands.with_cookies(&cookies.join("; "));
        let lifetime = || async {
            let client = "344f59db-f401-4ce7-9407-00a0823fbacf";
            let device = standin.commands.form("/v3/internal/oauth/device/authorize", &[("client_id", client)]).await.expect(200);
            assert_eq!(device["expires_in"], 900, "the code's life stays true");
            let code = json!({ "user_code": device["user_code"] });
            person.post("/v3/internal/oauth/device/authorize/user", code.clone()).await.expect(201);
            person.patch("/v3/internal/oauth/device/confirm", code).await.expect(204);
            let form = [("client_id", client), ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", text(&device, "device_code"))];
            standin.commands.form("/v3/internal/oauth/device/token", &form).await.expect(200)["expires_in"].clone()
        };
        assert_eq!(lifetime().await, 1800);
        let path = format!("/stand-in/organizations/{org}/faults");
        let profile = json!({ "profile": { "rules": [], "expires_in_seconds": 99 } });
        standin.commands.put(&path, profile).await.expect(200);
        assert_eq!(lifetime().await, 99);
        standin.commands.delete(&path).await.expect(204);
        let shown = standin.commands.put("/stand-in/faults", json!({ "builtin": "documented" })).await.expect(200);
        assert_eq!((&shown["name"], &shown["rules"]), (&json!("documented"), &json!(1)));
        assert_eq!(lifetime().await, 3600);
        let requests = || async { standin.commands.get("/stand-in/faults").await.expect(200)["requests"].as_u64() };
        assert!(requests().await > Some(0));
        // Counting begins anew with a state.
        standin.commands.post("/stand-in/reset", json!({})).await.expect(204);
        assert_eq!(requests().await, Some(0));
        standin.commands.delete("/stand-in/faults").await.expect(204);
        assert_eq!(standin.commands.get("/stand-in/faults").await.expect(200)["name"], Value::Null);
    }
}

on_both! {
    /// A profile that makes no sense is refused field by field.
    async fn bad_profiles_are_refused(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let put = |body: Value| {
            let commands = standin.commands.clone();
            async move { commands.put("/stand-in/faults", body).await.bad_fields() }
        };
        assert_eq!(put(json!({})).await, ["builtin"]);
        assert_eq!(put(json!({ "builtin": "chaos" })).await, ["builtin"]);
        let nowhere = json!({ "profile": { "rules": [{ "operations": ["create-*", "creat-team"] }] } });
        assert_eq!(put(nowhere).await, ["profile.rules.0.operations.1"]);
        assert_eq!(put(json!({ "profile": { "rules": [{ "latency": { "distribution": "poisson" } }] } })).await, ["profile.rules.0.latency.distribution"]);
        assert_eq!(put(json!({ "profile": { "rules": [{ "error": {} }], "lag": 1 } })).await, ["profile.rules.0.error", "profile.lag"]);
    }
}
