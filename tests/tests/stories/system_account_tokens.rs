//! The tokens of system accounts.

use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{all, at_once, complaints, days, hours, id, identity_problem, posting, problem, text};

/// So far from the organization's now.
fn from_now(app: &TestApp, span: std::time::Duration) -> kernel::Timestamp {
    app.app.clock.now(app.org).plus(span)
}

/// The path of a new account's tokens.
async fn account(app: &TestApp, name: &str) -> String {
    let account = app.owner.post("/v3/system-accounts", json!({ "name": name })).await.expect(201);
    format!("/v3/system-accounts/{}/access-tokens", id(&account))
}

fn secret(app: &TestApp, token: &Value) -> Client {
    app.owner.with_token(text(token, "token"))
}

on_both! {
    /// A token is shown once, works, is renamed, and stops at its deletion.
    async fn a_token_from_beginning_to_end(engine: Engine) {
        let app = TestApp::new(engine).await;
        let tokens = account(&app, "robot").await;
        let expires_at = from_now(&app, days(90));
        let wanted = json!({ "name": "ci", "expires_at": expires_at });
        let created = app.owner.post(&tokens, wanted.clone()).await.expect(201);
        let expected = json!({
            "id": id(&created), "name": "ci", "created_at": created["created_at"],
            "updated_at": created["created_at"], "expires_at": expires_at, "token": text(&created, "token"),
        });
        assert_eq!(created, expected);
        assert!(text(&created, "token").starts_with("spat_"));
        let robot = secret(&app, &created);
        assert_eq!(
            all(&robot.get(&tokens).await.expect(200), "name"),
            ["ci"],
            "it sees its own account's tokens"
        );
        robot.get("/v3/users/me").await.expect(401);

        let path = format!("{tokens}/{}", id(&created));
        let mut shown = created.clone();
        shown.as_object_mut().unwrap().remove("token");
        assert_eq!(app.owner.get(&path).await.expect(200), shown);
        assert_eq!(app.owner.get(&tokens).await.expect(200)["data"], json!([shown]));
        assert_eq!(app.database.holding(text(&created, "token")).await, [""; 0]);

        let taken = identity_problem(
            409,
            "Resource Conflict",
            "An access token with the name [ci] already exists on this system account",
        );
        assert_eq!(problem(app.owner.post(&tokens, wanted.clone()).await), taken);
        let other =
            app.owner.post(&tokens, json!({ "name": "cd", "expires_at": expires_at })).await.expect(201);
        let renamed = app.owner.patch(&format!("{tokens}/{}", id(&other)), json!({ "name": "ci" })).await;
        assert_eq!(problem(renamed), taken);
        let elsewhere = account(&app, "other").await;
        app.owner.post(&elsewhere, wanted).await.expect(201);
        app.owner.get(&format!("{elsewhere}/{}", id(&created))).await.expect(404);
        app.owner.delete(&format!("{elsewhere}/{}", id(&created))).await.expect(404);

        app.advance(std::time::Duration::from_secs(1));
        let renamed =
            app.owner.patch(&path, json!({ "name": "build", "expires_at": null })).await.expect(200);
        shown["name"] = "build".into();
        shown["updated_at"] = renamed["updated_at"].clone();
        assert_eq!(renamed, shown);
        assert!(text(&renamed, "updated_at") > text(&created, "updated_at"));
        assert_eq!(complaints(app.owner.patch(&path, json!({})).await), json!([["name", "cannot be blank"]]));
        let found = app.owner.get(&format!("{tokens}?filter[name][contains]=BUI")).await.expect(200);
        assert_eq!(found["data"], json!([renamed]));

        robot.get("/v3/teams").await.expect(200);
        app.owner.delete(&path).await.expect(204);
        robot.get("/v3/teams").await.expect(401);
        app.owner.get(&path).await.expect(404);
        app.owner.delete(&path).await.expect(404);
        secret(&app, &other).get("/v3/teams").await.expect(200);
    }
}

on_both! {
    /// A token must end, later than now and within twelve months; any offset names the moment.
    async fn expiry(engine: Engine) {
        let app = TestApp::new(engine).await;
        let tokens = account(&app, "robot").await;
        let ending = |expires_at: Value| json!({ "name": "t", "expires_at": expires_at });
        for (expires_at, reason) in [
            (json!(from_now(&app, days(0))), "must be in the future"),
            (json!("2020-01-01T00:00:00Z"), "must be in the future"),
            (json!(from_now(&app, days(367))), "must be at most 12 months away"),
            (json!("tomorrow"), "must be an RFC 3339 date-time"),
            (json!("2030-01-01"), "must be an RFC 3339 date-time"),
            (json!(1_900_000_000), "must be a string"),
            (json!(null), "cannot be blank"),
        ] {
            let refused = app.owner.post(&tokens, ending(expires_at.clone())).await;
            assert_eq!(complaints(refused), json!([["expires_at", reason]]), "{expires_at}");
        }
        assert_eq!(app.owner.get(&tokens).await.expect(200)["data"], json!([]));

        let at = from_now(&app, days(365));
        let half_past_five = hours(5) + hours(1) / 2;
        let with_offset = format!("{}+05:30", at.plus(half_past_five).to_string().trim_end_matches('Z'));
        let created = app.owner.post(&tokens, ending(json!(with_offset))).await.expect(201);
        assert_eq!(created["expires_at"], json!(at), "{with_offset}");

        let short = json!({ "name": "short", "expires_at": from_now(&app, hours(1)) });
        let short = secret(&app, &app.owner.post(&tokens, short).await.expect(201));
        short.get("/v3/teams").await.expect(200);
        app.advance(hours(1));
        short.get("/v3/teams").await.expect(401);
        secret(&app, &created).get("/v3/teams").await.expect(200);
    }
}

on_both! {
    /// With the account die its tokens, at once.
    async fn tokens_die_with_their_account(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (robot_id, robot) = app.system_account("robot").await;
        let (_, bystander) = app.system_account("bystander").await;
        robot.get("/v3/teams").await.expect(200);
        app.owner.delete(&format!("/v3/system-accounts/{robot_id}")).await.expect(204);
        robot.get("/v3/teams").await.expect(401);
        bystander.get("/v3/teams").await.expect(200);
        app.owner.get(&format!("/v3/system-accounts/{robot_id}/access-tokens")).await.expect(404);
        let left = app.database.query("SELECT kind FROM credentials WHERE kind = 2").await;
        assert_eq!(left.len(), 1);
    }
}

on_both! {
    /// Of many who ask for a name at once, one gets it.
    async fn a_name_is_given_once(engine: Engine) {
        let app = TestApp::new(engine).await;
        let tokens = account(&app, "robot").await;
        let body = json!({ "name": "ci", "expires_at": from_now(&app, days(1)) });
        let statuses = at_once((0..10).map(|_| posting(&app.owner, &tokens, body.clone()))).await;
        assert_eq!(statuses, [(201, 1), (409, 9)].into());
        assert_eq!(app.owner.get(&tokens).await.expect(200)["meta"]["page"]["total"], 1);
    }
}
