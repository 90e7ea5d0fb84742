//! Organizations on demand, and states that come and go.

use http::Method;
use serde_json::{Value, json};
use tests::{Engine, TestStandIn, on_both};

use super::{changed, stored};
use crate::{all, id};

/// What somebody does with an organization: ids and secrets of what is made, in order.
async fn afternoon(owner: &tests::Client) -> Vec<Value> {
    let team = owner.post("/v3/teams", json!({ "name": "Payments" })).await.expect(201);
    let account = json!({ "name": "deployer", "description": "" });
    let account = owner.post("/v3/system-accounts", account).await.expect(201);
    let tokens = format!("/v3/system-accounts/{}/access-tokens", id(&account));
    let token = json!({ "name": "ci", "expires_at": "2030-02-01T00:00:00Z" });
    let token = owner.post(&tokens, token).await.expect(201);
    vec![team, account, token]
}

on_both! {
    /// Suites do not see one another, and leave nothing behind.
    async fn an_organization_for_each_suite(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let before = stored(&standin).await;
        let (one, two) = (standin.any_suite().await, standin.any_suite().await);
        let listed = standin.commands.get("/stand-in/organizations").await.expect(200);
        assert_eq!(all(&listed, "id"), [json!(one.id), json!(two.id)]);
        let team = one.owner.post("/v3/teams", json!({ "name": "Payments" })).await.expect(201);
        one.owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await.expect(201);
        two.owner.get(&format!("/v3/teams/{}", id(&team))).await.expect(404);
        let strategy = json!({ "name": "Keys", "display_name": "Keys", "strategy_type": "key_auth", "configs": { "key-auth": {} } });
        one.owner.post("/v2/application-auth-strategies", strategy).await.expect(201);
        for suite in [&one, &two] {
            standin.commands.delete(&format!("/stand-in/organizations/{}", suite.id)).await.expect(204);
            suite.owner.get("/v3/users/me").await.expect(401);
        }
        standin.commands.delete(&format!("/stand-in/organizations/{}", one.id)).await.expect(404);
        assert_eq!(changed(&before, &stored(&standin).await), [] as [&str; 0]);
    }
}

on_both! {
    /// The same number and the same time give the same ids and the same secrets.
    async fn what_was_random_is_repeated(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let new = || json!({ "random": 7, "clock": { "now": "2030-01-01T00:00:00Z", "pace": 0 } });
        let first = standin.suite(new()).await;
        let done = afternoon(&first.owner).await;
        assert_eq!(done[0]["created_at"], "2030-01-01T00:00:00.000Z");
        let again = standin.commands.post("/stand-in/organizations", new()).await.expect(409);
        assert!(again["detail"].as_str().unwrap().contains("[random]"), "{again}");
        standin.commands.delete(&format!("/stand-in/organizations/{}", first.id)).await.expect(204);
        let second = standin.suite(new()).await;
        assert_eq!(second.made, first.made);
        assert_eq!(afternoon(&second.owner).await, done);
        // Going back to a state goes back to its time and to its chances.
        standin.commands.post("/stand-in/snapshots", json!({ "name": "begun" })).await.expect(201);
        let team = || second.owner.post("/v3/teams", json!({ "name": "Next" }));
        let next = team().await.expect(201);
        let clock = format!("/stand-in/organizations/{}/clock", second.id);
        standin.commands.put(&clock, json!({ "advance_seconds": 60 })).await.expect(200);
        standin.commands.post("/stand-in/reset", json!({ "to": "begun" })).await.expect(204);
        assert_eq!(team().await.expect(201), next);
        // Another number gives others.
        let other = standin.suite(json!({ "random": 8, "clock": { "now": "2030-01-01T00:00:00Z", "pace": 0 } })).await;
        assert_ne!(other.made["token"], first.made["token"]);
        assert_ne!(afternoon(&other.owner).await, done);
    }
}

on_both! {
    /// A state comes back whole, whatever was done since.
    async fn a_state_comes_back(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let commands = &standin.commands;
        let suite = standin.any_suite().await;
        let kept = suite.owner.post("/v3/teams", json!({ "name": "Kept", "labels": { "env": "test" } })).await.expect(201);
        for n in 0..30 {
            suite.owner.post("/v3/invites", json!({ "email": format!("p{n}@acme.test") })).await.expect(201);
        }
        commands.post("/stand-in/snapshots", json!({ "name": "full" })).await.expect(201);
        let before = stored(&standin).await;

        let gone = suite.owner.post("/v3/teams", json!({ "name": "Gone" })).await.expect(201);
        suite.owner.delete(&format!("/v3/teams/{}", id(&kept))).await.expect(204);
        suite.owner.patch("/v3/organizations/me", json!({ "name": "Renamed" })).await;
        let people = suite.owner.get("/v3/users?filter[email][contains]=p1").await.expect(200);
        for user in all(&people, "id") {
            suite.owner.delete(&format!("/v3/users/{}", user.as_str().unwrap())).await.expect(204);
        }
        let later = standin.any_suite().await;
        assert!(changed(&before, &stored(&standin).await).contains(&"teams"));

        commands.post("/stand-in/reset", json!({ "to": "full" })).await.expect(204);
        assert_eq!(changed(&before, &stored(&standin).await), [] as [&str; 0]);
        suite.owner.get(&format!("/v3/teams/{}", id(&gone))).await.expect(404);
        later.owner.get("/v3/users/me").await.expect(401);
        let found = suite.owner.get("/v3/teams?filter[labels.env]=test").await.expect(200);
        assert_eq!(all(&found, "id"), [kept["id"].clone()]);
        // What is found by other ways than reading it all: the search index, and the counts of pages.
        let people = suite.owner.get("/v3/users?filter[email][contains]=p1").await.expect(200);
        assert_eq!(people["meta"]["page"]["total"], 11);
        assert_eq!(suite.owner.get("/v3/users").await.expect(200)["meta"]["page"]["total"], 31);
        // And it goes on from there.
        suite.owner.post("/v3/teams", json!({ "name": "New" })).await.expect(201);
        suite.owner.post("/v3/invites", json!({ "email": "p100@acme.test" })).await.expect(201);
        assert_eq!(suite.owner.get("/v3/users").await.expect(200)["meta"]["page"]["total"], 32);

        // Without a body it is the state after the seed, which here is empty.
        commands.call(Method::POST, "/stand-in/reset", None).await.expect(204);
        assert_eq!(all(&commands.get("/stand-in/organizations").await.expect(200), "id"), [] as [Value; 0]);
        suite.owner.get("/v3/users/me").await.expect(401);
    }
}

on_both! {
    /// States have names, and those of the stand-in itself stay.
    async fn states_have_names(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let commands = &standin.commands;
        for bad in [json!({ "name": "Bad name" }), json!({ "name": "seed" }), json!({}), json!({ "name": "a", "to": 1 })] {
            commands.post("/stand-in/snapshots", bad).await.expect(400);
        }
        commands.post("/stand-in/reset", json!({ "to": "nowhere" })).await.expect(404);
        assert_eq!(commands.post("/stand-in/reset", json!({ "to": 1 })).await.bad_fields(), ["to"]);
        commands.post("/stand-in/snapshots", json!({ "name": "mine" })).await.expect(201);
        let names = all(&commands.get("/stand-in/snapshots").await.expect(200), "name");
        assert_eq!(names, [json!("empty"), json!("mine"), json!("seed")]);
        commands.delete("/stand-in/snapshots/seed").await.expect(409);
        commands.delete("/stand-in/snapshots/mine").await.expect(204);
        commands.delete("/stand-in/snapshots/mine").await.expect(404);
        commands.post("/stand-in/reset", json!({ "to": "mine" })).await.expect(404);
    }
}

on_both! {
    /// A page of another site, open in a browser on this machine, commands nothing.
    async fn no_other_sites_page_commands_it(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        let from = |headers: &[(&'static str, &'static str)]| {
            let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
            let commands = standin.commands.clone();
            async move { commands.send(Method::POST, "/stand-in/reset", &headers, b"{}".to_vec()).await }
        };
        from(&[("sec-fetch-site", "cross-site")]).await.expect(403);
        from(&[("origin", "https://evil.test")]).await.expect(403);
        suite.owner.get("/v3/users/me").await.expect(200);
        from(&[("sec-fetch-site", "same-origin")]).await.expect(204);
        suite.owner.get("/v3/users/me").await.expect(401);
    }
}

on_both! {
    /// A state comes back while others write, and they go on.
    async fn a_state_comes_back_among_writers(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let suite = standin.any_suite().await;
        standin.commands.post("/stand-in/snapshots", json!({ "name": "begun" })).await.expect(201);
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..4 {
            let owner = suite.owner.clone();
            writers.spawn(async move {
                for n in 0..40 {
                    let account = json!({ "name": format!("{writer} {n}"), "description": "" });
                    let made = owner.post("/v3/system-accounts", account).await;
                    if made.status.as_u16() == 201 {
                        let token = json!({ "name": "t", "expires_at": "2027-06-01T00:00:00Z" });
                        let path = format!("/v3/system-accounts/{}/access-tokens", id(&made.body));
                        owner.unchecked().post(&path, token).await;
                    }
                }
            });
        }
        for _ in 0..10 {
            standin.commands.post("/stand-in/reset", json!({ "to": "begun" })).await.expect(204);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        writers.join_all().await;
        standin.commands.post("/stand-in/reset", json!({ "to": "begun" })).await.expect(204);
        assert_eq!(suite.owner.get("/v3/system-accounts").await.expect(200)["meta"]["page"]["total"], 0);
    }
}
