//! What time and the organization's rules do to personal access tokens.

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{all, complaints, days, forbidden, hours, id, problem, text};

fn tokens_of(user: &impl ToString) -> String {
    format!("/v3/users/{}/access-tokens", user.to_string())
}

fn rules_of(app: &TestApp) -> String {
    format!("/v3/organizations/{}/personal-access-token-settings", app.org)
}

/// A system account of the administrators, for what is done while no personal token works.
async fn administrator(app: &TestApp) -> tests::Client {
    let (id, robot) = app.system_account("administrator").await;
    let members = format!("/v3/teams/{}/system-accounts", app.team_id("organization-admin").await);
    app.owner.post(&members, json!({ "id": id })).await.expect(201);
    robot
}

on_both! {
    /// A token of a day is over after a day, one of a year after a year; a year unused revokes it.
    async fn tokens_expire(engine: Engine) {
        let app = TestApp::new(engine).await;
        let tokens = tokens_of(&app.owner_id);
        let day =
            app.owner.post(&tokens, json!({ "name": "A day", "ttl_seconds": 86_400 })).await.expect(201);
        let year =
            app.owner.post(&tokens, json!({ "name": "A year", "ttl_seconds": 31_536_000 })).await.expect(201);
        let day = app.owner.with_token(text(&day, "konnect_token"));
        let year = app.owner.with_token(text(&year, "konnect_token"));
        let states = async |client: &tests::Client| {
            let list = client.get(&tokens).await.expect(200);
            all(&list, "name").into_iter().zip(all(&list, "state")).collect::<Vec<_>>()
        };
        let named = |name: &str, state: &str| (json!(name), json!(state));

        let expected = [named("First token", "ACTIVE"), named("A day", "ACTIVE"), named("A year", "ACTIVE")];
        assert_eq!(states(&day).await, expected);
        app.advance(days(1));
        day.get("/v3/users/me").await.expect(401);
        let expected = [named("First token", "ACTIVE"), named("A day", "EXPIRED"), named("A year", "ACTIVE")];
        assert_eq!(states(&year).await, expected);

        app.advance(days(364));
        year.get("/v3/users/me").await.expect(401);
        app.owner.get("/v3/users/me").await.expect(401);
        let late = app.token_of(app.owner_id, days(3)).await;
        let list = late.get(&tokens).await.expect(200);
        assert_eq!(all(&list, "state"), ["EXPIRED", "EXPIRED", "EXPIRED", "ACTIVE"]);

        app.advance(days(2));
        identity::housekeeping::sweep(&app.app).await.expect("swept");
        let list = late.get(&tokens).await.expect(200);
        assert_eq!(all(&list, "state"), ["REVOKED", "REVOKED", "REVOKED", "ACTIVE"], "unused for a year");
        let swept = &list["data"][0];
        assert_eq!((swept.get("revoked_by"), swept["revoked_at"].is_string()), (None, true), "by nobody");
        year.get("/v3/users/me").await.expect(401);
        assert_eq!(
            app.database.query("SELECT kind FROM credentials").await.len(),
            1,
            "their hashes are gone"
        );
    }
}

on_both! {
    /// Switched off, no personal token works, the caller's own included; system accounts go on, and can
    /// switch them on again.
    async fn the_organizations_switch(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let robot = administrator(&app).await;
        let (rival, _) = app.another_organization("owner@rival.test").await;
        let rules = rules_of(&app);
        let on = json!({ "pats_enabled": true, "max_expiration_period_days": 365 });
        assert_eq!(app.owner.get(&rules).await.expect(200), on);
        ann.client.get(&rules).await.expect(403);
        rival.client.get(&rules).await.expect(404);
        rival.client.patch(&rules, json!({ "pats_enabled": false })).await.expect(404);

        let off = app.owner.patch(&rules, json!({ "pats_enabled": false })).await.expect(200);
        assert_eq!(off, json!({ "pats_enabled": false, "max_expiration_period_days": 365 }));
        app.owner.get("/v3/users/me").await.expect(401);
        ann.client.get("/v3/users/me").await.expect(401);
        app.token_of(ann.id, days(1)).await.get("/v3/users/me").await.expect(401);
        rival.client.get("/v3/users/me").await.expect(200);
        assert_eq!(robot.get("/v3/organizations/me").await.expect(200)["pats_enabled"], false);

        robot.patch(&rules, json!({ "pats_enabled": true })).await.expect(200);
        app.owner.get("/v3/users/me").await.expect(200);
        ann.client.get("/v3/users/me").await.expect(200);
    }
}

on_both! {
    /// A shorter longest life holds for tokens that exist as well, and a longer one lets them live again.
    async fn the_organizations_longest_life(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rules = rules_of(&app);
        let tokens = tokens_of(&app.owner_id);
        let created = app
            .owner
            .post(&tokens, json!({ "name": "Half a year", "ttl_seconds": 15_552_000 }))
            .await
            .expect(201);
        let old = app.owner.with_token(text(&created, "konnect_token"));
        for (days, reason) in [
            (json!(0), "must be at least 1"),
            (json!(366), "must be at most 365"),
            (json!("30"), "\"max_expiration_period_days\" must be a number"),
        ] {
            let refused = app.owner.patch(&rules, json!({ "max_expiration_period_days": days })).await;
            assert_eq!(complaints(refused), json!([["max_expiration_period_days", reason]]));
        }
        let refused = complaints(app.owner.patch(&rules, json!({ "days": 30 })).await);
        assert_eq!(refused, json!([["days", "\"days\" is not allowed"]]));
        let refused = complaints(app.owner.patch(&rules, json!({})).await);
        assert_eq!(refused, json!([["body", "must have at least one property"]]));

        app.owner.patch(&rules, json!({ "max_expiration_period_days": 30 })).await.expect(200);
        old.get("/v3/users/me").await.expect(200);
        for longer in [
            json!({ "name": "Too long", "ttl_seconds": 2_678_400 }),
            json!({ "name": "Too long", "expires_at": app.app.clock.now(app.org).plus(days(31)) }),
        ] {
            let field = if longer.get("ttl_seconds").is_some() { "ttl_seconds" } else { "expires_at" };
            let refused = complaints(app.owner.post(&tokens, longer).await);
            assert_eq!(refused, json!([[field, "must be at most [30] days away"]]));
        }
        app.owner.post(&tokens, json!({ "name": "Just right", "ttl_seconds": 2_592_000 })).await.expect(201);

        app.advance(days(30) + hours(1));
        old.get("/v3/users/me").await.expect(401);
        let fresh = app.token_of(app.owner_id, days(1)).await;
        let shown = fresh.get(&format!("{tokens}/{}", id(&created))).await.expect(200);
        assert_eq!(text(&shown, "state"), "EXPIRED");
        fresh.patch(&rules, json!({ "max_expiration_period_days": 365 })).await.expect(200);
        old.get("/v3/users/me").await.expect(200);
        let shown = fresh.get(&format!("{tokens}/{}", id(&created))).await.expect(200);
        assert_eq!(text(&shown, "state"), "ACTIVE");
    }
}

/// Something that changes with every write to the database.
async fn writes(app: &TestApp, engine: Engine) -> Vec<Vec<u8>> {
    match engine {
        Engine::Sqlite => ["latchkey.db", "latchkey.db-wal"]
            .iter()
            .map(|file| std::fs::read(app.database.directory.join(file)).expect("the file is there"))
            .collect(),
        Engine::Postgres => {
            let mut beside = app.database.beside().await;
            let mut newest = Vec::new();
            for table in beside.tables().await {
                let sql =
                    format!("SELECT COALESCE(MAX(xmin::text::bigint), 0) || ':' || COUNT(*) FROM {table}");
                newest.extend(beside.query(&sql).await.into_iter().map(String::into_bytes));
            }
            newest
        }
    }
}

on_both! {
    /// When a token was last used is known after the next round of housekeeping; a request writes nothing.
    async fn last_use(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let tokens = tokens_of(&ann.id);
        let (robot_id, robot) = app.system_account("robot").await;
        let of_robot = format!("/v3/system-accounts/{robot_id}/access-tokens");
        let uses = async || {
            let mut uses = all(&app.owner.get(&tokens).await.expect(200), "last_used_at");
            uses.extend(all(&app.owner.get(&of_robot).await.expect(200), "last_used_at"));
            uses
        };
        identity::housekeeping::usage_flush(&app.app).await.expect("flushed");
        assert_eq!(uses().await, [Value::Null, Value::Null], "left out until there is one");

        let before = writes(&app, engine).await;
        let began = app.app.clock.now(app.org).to_string();
        for _ in 0..20 {
            ann.client.get("/v3/users/me").await.expect(200);
            robot.get("/v3/teams").await.expect(200);
        }
        assert!(writes(&app, engine).await == before, "a request that reads wrote something");
        assert_eq!(uses().await, [Value::Null, Value::Null]);

        let now = app.app.clock.now(app.org).to_string();
        identity::housekeeping::usage_flush(&app.app).await.expect("flushed");
        let used = uses().await;
        for at in &used {
            let at = at.as_str().expect("a time");
            assert!((began.as_str()..=now.as_str()).contains(&at), "{at}");
        }
        app.advance(hours(2));
        ann.client.get("/v3/users/me").await.expect(200);
        identity::housekeeping::usage_flush(&app.app).await.expect("flushed");
        let later = uses().await;
        assert!(later[0].as_str() > used[0].as_str());
        assert_eq!(later[1], used[1]);
    }
}

on_both! {
    /// Administrators see every token of the organization, paged by cursor; nobody else's.
    async fn the_organizations_tokens(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let (rival, _) = app.another_organization("owner@rival.test").await;
        let path = format!("/v3/organizations/{}/personal-access-tokens", app.org);
        let of_ann = ann.client.get(&tokens_of(&ann.id)).await.expect(200)["data"][0].clone();
        let revoke = format!("{}/{}/revoke", tokens_of(&ann.id), id(&of_ann));
        let of_ann = app.owner.patch(&revoke, json!({})).await.expect(200);
        let mine = app.owner.get(&tokens_of(&app.owner_id)).await.expect(200)["data"][0].clone();

        let whole = app.owner.get(&path).await.expect(200);
        assert_eq!(whole["data"], json!([mine, of_ann]));
        let first = app.owner.get(&format!("{path}?page[size]=1")).await.expect(200);
        assert_eq!((&first["data"], &first["meta"]["previous"]), (&json!([mine]), &json!(null)));
        let second = app.owner.get(&format!("/v3{}", text(&first["meta"], "next"))).await.expect(200);
        assert_eq!((&second["data"], &second["meta"]["next"]), (&json!([of_ann]), &json!(null)));
        let back = app.owner.get(&format!("/v3{}", text(&second["meta"], "previous"))).await.expect(200);
        assert_eq!(back["data"], first["data"]);

        let revoked = app.owner.get(&format!("{path}?filter[state][eq]=REVOKED")).await.expect(200);
        assert_eq!(revoked["data"], json!([of_ann]));
        let of_owner =
            app.owner.get(&format!("{path}?filter[user_id][eq]={}", app.owner_id)).await.expect(200);
        assert_eq!(of_owner["data"], json!([mine]));
        let bad = complaints(app.owner.get(&format!("{path}?filter[state]=LOST")).await);
        assert_eq!(bad, json!([["filter[state]", "must be one of [ACTIVE, REVOKED, EXPIRED]"]]));

        rival.client.get(&path).await.expect(404);
        let bob = app.member("bob@acme.test").await;
        assert_eq!(problem(bob.client.get(&path).await), forbidden());
    }
}
