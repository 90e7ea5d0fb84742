//! Invites: the pending user, the mail with the link, the limits.

use frame::{args, mail};
use kernel::Token;
use serde_json::json;
use tests::{Engine, TestApp, on_both};

use crate::{at_once, complaints, days, everywhere, hours, id, identity_problem, lacks, posting, problem};

const INVITES: &str = "/v3/invites";

/// The recipients and links in the outbox, newest first.
async fn outbox(app: &TestApp) -> Vec<(String, String)> {
    let mut links = Vec::new();
    for posted in mail::posted(&app.app).await.expect("an outbox") {
        let text = mail::text(&app.app, &posted).expect("the mail opens");
        let prefix = format!("{}/invites/accept?token=", app.app.settings.public_url);
        let link = text.lines().find(|line| line.starts_with(&prefix)).expect("a link");
        links.push((posted.recipient, link.to_owned()));
    }
    links
}

on_both! {
    /// An invited address becomes a user who is not active, and the mail holds a link that works; only
    /// its hash is stored in clear. Inviting again replaces the link.
    async fn an_invite_and_another(engine: Engine) {
        let app = TestApp::new(engine).await;
        let answer = app.owner.post(INVITES, json!({ "email": "Ann@acme.test" })).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (201, ""));
        let listed = app.owner.get("/v3/users?filter[active]=false").await.expect(200);
        let pending = listed["data"][0].clone();
        let expected = json!([{
            "id": id(&pending), "email": "Ann@acme.test", "full_name": "Ann@acme.test", "preferred_name": "",
            "active": false, "created_at": pending["created_at"], "updated_at": pending["created_at"],
        }]);
        assert_eq!(listed["data"], expected);

        let [(recipient, first)] = outbox(&app).await.try_into().expect("one mail");
        assert_eq!(recipient, "Ann@acme.test");
        let again = app.owner.post(INVITES, json!({ "email": "ann@ACME.test" })).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (201, ""));
        let [(_, second), (_, oldest)] = outbox(&app).await.try_into().expect("two mails");
        assert_eq!(first, oldest);
        assert_ne!(first, second);
        let listed = app.owner.get("/v3/users?filter[active]=false").await.expect(200);
        assert_eq!(listed["data"], expected, "still the one user");

        let sql = "SELECT hash AS value FROM invite_links";
        let hashes: Vec<(Vec<u8>,)> = app.platform().all(sql, args![]).await.expect("rows");
        let token = second.split_once("token=").expect("a token").1;
        let hash = Token::parse(token).expect("well-formed").hash(app.app.vault.token_key());
        assert_eq!(hashes, [(hash.0.to_vec(),)], "only the newest link works");
        for (_, link) in outbox(&app).await {
            let token = link.split_once("token=").expect("a token").1.to_owned();
            assert_eq!(app.database.holding(&token).await, [""; 0], "no link lies in the database in clear");
        }

        app.advance(days(8));
        identity::housekeeping::sweep(&app.app).await.expect("swept");
        let hashes: Vec<(Vec<u8>,)> = app.platform().all(sql, args![]).await.expect("rows");
        assert!(hashes.is_empty(), "a link is good for a week");
        let counts = "SELECT COUNT(*) AS value FROM invites";
        let left: Vec<(i64,)> = app.platform().all(counts, args![]).await.expect("rows");
        assert_eq!(left, [(0,)], "the limit looks back an hour");
        assert_eq!(outbox(&app).await.len(), 2, "mails stay for a month");
        app.advance(days(23));
        identity::housekeeping::sweep(&app.app).await.expect("swept");
        assert_eq!(outbox(&app).await.len(), 0);
    }
}

on_both! {
    /// Who cannot be invited, and who cannot invite.
    async fn refusals(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let active = problem(app.owner.post(INVITES, json!({ "email": "ANN@acme.test" })).await);
        let expected = identity_problem(409, "Resource Conflict", "User is already active");
        assert_eq!(active, expected);
        for (body, reason) in [
            (json!({}), "cannot be blank"),
            (json!({ "email": "" }), "cannot be blank"),
            (json!({ "email": "ann" }), "must be a valid email address"),
            (json!({ "email": 7 }), "must be a string"),
        ] {
            assert_eq!(complaints(app.owner.post(INVITES, body).await), json!([["email", reason]]));
        }
        let refused = ann.client.post(INVITES, json!({ "email": "eve@acme.test" })).await;
        assert_eq!(problem(refused), lacks("Identity Admin"));
        assert!(outbox(&app).await.is_empty());

        let (robot_id, robot) = app.system_account("robot").await;
        let role = everywhere("Admin", "Identity");
        app.owner.post(&format!("/v3/system-accounts/{robot_id}/assigned-roles"), role).await.expect(201);
        robot.post(INVITES, json!({ "email": "eve@acme.test" })).await.expect(201);

        let (rival, _) = app.another_organization("owner@rival.test").await;
        rival.client.post(INVITES, json!({ "email": "ann@acme.test" })).await.expect(201);
        assert_eq!(
            rival.client.get("/v3/users?filter[active]=false").await.expect(200)["data"][0]["email"],
            "ann@acme.test"
        );
    }
}

on_both! {
    /// The limit holds for requests at once, says when to come back, and lets go by then.
    async fn the_limit_of_the_organization(engine: Engine) {
        let app = TestApp::with(engine, &[("INVITES_PER_HOUR", "5")]).await;
        let invite = |n: usize| json!({ "email": format!("user{n}@acme.test") });
        let statuses = at_once((0..12).map(|n| posting(&app.owner, INVITES, invite(n)))).await;
        assert_eq!(statuses, [(201, 5), (429, 7)].into());
        assert_eq!(outbox(&app).await.len(), 5);

        let refused = app.owner.post(INVITES, invite(99)).await;
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=3600).contains(&wait), "{wait}");
        let expected = identity_problem(429, "Rate Limited", "Too many requests");
        assert_eq!(problem(refused), expected);
        let (rival, _) = app.another_organization("owner@rival.test").await;
        rival.client.post(INVITES, invite(99)).await.expect(201);

        app.advance(std::time::Duration::from_secs(wait + 1));
        app.owner.post(INVITES, invite(99)).await.expect(201);
    }
}

on_both! {
    /// One address gets ten invites in an hour, while others can still be invited; and many at once
    /// make one user.
    async fn the_limit_of_one_address(engine: Engine) {
        let app = TestApp::new(engine).await;
        let body = json!({ "email": "ann@acme.test" });
        let statuses = at_once((0..14).map(|_| posting(&app.owner, INVITES, body.clone()))).await;
        assert_eq!(statuses, [(201, 10), (429, 4)].into());
        assert_eq!(
            app.owner.get("/v3/users?filter[active]=false").await.expect(200)["meta"]["page"]["total"],
            1
        );
        app.owner.post(INVITES, json!({ "email": "bob@acme.test" })).await.expect(201);
        app.advance(hours(1) + std::time::Duration::from_secs(1));
        app.owner.post(INVITES, body).await.expect(201);
    }
}

on_both! {
    /// The reply carries the link only if the operator wants it; with the user dies the link.
    async fn the_link_in_the_reply(engine: Engine) {
        let app = TestApp::with(engine, &[("SHOW_INVITE_LINKS", "true")]).await;
        let reply = app.owner.post(INVITES, json!({ "email": "ann@acme.test" })).await.expect(201);
        assert_eq!(reply, json!({ "link": outbox(&app).await[0].1 }));
        let pending = app.owner.get("/v3/users?filter[active]=false").await.expect(200);
        app.owner.delete(&format!("/v3/users/{}", id(&pending["data"][0]))).await.expect(204);
        let links = app.platform().all::<(Vec<u8>,)>("SELECT hash AS value FROM invite_links", args![]).await;
        assert!(links.expect("rows").is_empty());
    }
}
