//! How developers come by accounts and passwords: links that work once, and answers that tell nothing about others.

use std::time::Duration;

use frame::mail;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Browser, Client, Developer, Engine, Site, TestApp, on_both};

use crate::{at_once, complaints, developers::DEVELOPER, platform_problem, posting, problem, text};

const OTHER: &str = "Another-Horse-8";
const HOUR: Duration = Duration::from_secs(3600);

async fn post(client: &Client, operation: &str, body: Value) -> Answer {
    client.post(&format!("{DEVELOPER}{operation}"), body).await
}

async fn register(site: &Site, email: &str) -> Answer {
    post(&site.client, "", json!({ "email": email, "full_name": "Somebody" })).await
}

async fn verify(site: &Site, token: &str) -> Answer {
    post(&site.client, "/verify-email", json!({ "token": token })).await
}

async fn reset(site: &Site, token: &str, password: &str) -> Answer {
    post(&site.client, "/reset-password", json!({ "token": token, "password": password })).await
}

async fn forgot(site: &Site, email: &str) -> Answer {
    post(&site.client, "/forgot-password", json!({ "email": email })).await
}

async fn sign_in(site: &Site, email: &str, password: &str) -> Answer {
    post(&site.client, "/authenticate", json!({ "username": email, "password": password })).await
}

/// The subjects of the mails to somebody, the oldest first.
async fn subjects(app: &TestApp, to: &str) -> Vec<String> {
    let mails = mail::posted(&app.app).await.expect("mails");
    let theirs = mails.iter().rev().filter(|mail| mail.recipient == to);
    theirs.map(|mail| mail.subject.clone()).collect()
}

on_both! {
    /// A link works once, for a time, at its portal, and for what it was made for.
    async fn links_work_once(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "auto_approve_developers": true })).await;
        let other = app.portal("Another", json!({})).await;
        let over = platform_problem(410, "Gone", "This link was used, replaced by a newer one, or has expired");
        let none = platform_problem(404, "Not Found", "Not Found");
        let is = async |answer: Answer, expected: &Value| assert_eq!(&problem(answer), expected);

        register(&site, "ann@dev.test").await.expect(201);
        let replaced = app.mailed_token("ann@dev.test").await;
        register(&site, "ann@dev.test").await.expect(201);
        let first = app.mailed_token("ann@dev.test").await;
        is(verify(&site, &replaced).await, &over).await;
        is(verify(&site, &uuid::Uuid::nil().to_string()).await, &none).await;
        is(verify(&other, &first).await, &none).await;
        is(reset(&site, &first, OTHER).await, &none).await;
        let malformed = json!([["token", "\"token\" must be a valid UUID"]]);
        assert_eq!(complaints(verify(&site, "x").await), malformed);
        let verified = verify(&site, &first.to_uppercase()).await.expect(202);
        let token = text(&verified, "token");
        is(verify(&site, &first).await, &over).await;
        is(verify(&site, token).await, &none).await;

        let weak = reset(&site, token, "weak").await;
        assert_eq!(weak.body["detail"], "Password does not meet complexity requirements.");
        assert!(!weak.text.contains("weak\""), "{}", weak.text);
        assert_eq!(weak.bad_fields(), ["password"; 4]);
        is(reset(&other, token, Developer::PASSWORD).await, &none).await;
        let new = json!({ "token": token, "password": Developer::PASSWORD });
        let path = format!("{DEVELOPER}/reset-password");
        let both = at_once([posting(&site.client, &path, new.clone()), posting(&site.client, &path, new)]).await;
        assert_eq!(both.into_iter().collect::<Vec<_>>(), [(204, 1), (410, 1)]);
        sign_in(&site, "ann@dev.test", Developer::PASSWORD).await.expect(204);

        // A forgotten password: another link makes the first one old, and a new password ends all sessions.
        let developer = site.signed_in(&site.sign_in("ann@dev.test").await);
        forgot(&site, "Ann@dev.test").await.expect(200);
        let replaced = app.mailed_token("Ann@dev.test").await;
        forgot(&site, "ann@dev.test").await.expect(200);
        let token = app.mailed_token("ann@dev.test").await;
        is(reset(&site, &replaced, OTHER).await, &over).await;
        developer.get(&format!("{DEVELOPER}/me")).await.expect(200);
        reset(&site, &token, OTHER).await.expect(204);
        developer.get(&format!("{DEVELOPER}/me")).await.expect(401);
        sign_in(&site, "ann@dev.test", Developer::PASSWORD).await.expect(401);
        sign_in(&site, "ann@dev.test", OTHER).await.expect(204);

        // By time, and by the organization's word.
        register(&site, "bob@dev.test").await.expect(201);
        let token = app.mailed_token("bob@dev.test").await;
        app.advance(72 * HOUR);
        is(verify(&site, &token).await, &over).await;
        forgot(&site, "bob@dev.test").await.expect(200);
        let token = app.mailed_token("bob@dev.test").await;
        let listed = app.owner.get(&format!("{}?filter[email]=bob@dev.test", site.developers())).await.expect(200);
        let bob = format!("{}/{}", site.developers(), text(&listed["data"][0], "id"));
        app.owner.patch(&bob, json!({ "status": "revoked" })).await.expect(200);
        is(reset(&site, &token, OTHER).await, &over).await;
        app.owner.patch(&bob, json!({ "status": "pending" })).await.expect(200);
        is(reset(&site, &token, OTHER).await, &over).await;
        app.advance(31 * 24 * HOUR);
        appauth::housekeeping::sweep(&app.app).await.expect("swept");
        assert_eq!(app.database.dump().await["developer_links"], [""; 0]);
        is(reset(&site, &token, OTHER).await, &none).await;
    }
}

on_both! {
    /// Nobody learns from an answer whether somebody has an account; mails tell those who read them.
    async fn nobody_learns_of_others(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "auto_approve_developers": true })).await;
        app.developer(&site, "ann@dev.test").await;
        let same = async |known: Answer, unknown: Answer| {
            assert_eq!((known.status, known.text.is_empty()), (unknown.status, unknown.text.is_empty()));
            let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(names(&known), names(&unknown));
            if !known.text.is_empty() {
                assert_eq!(problem(known), problem(unknown));
            }
        };
        same(register(&site, "ann@dev.test").await, register(&site, "bob@dev.test").await).await;
        same(forgot(&site, "ann@dev.test").await, forgot(&site, "cy@dev.test").await).await;
        let wrong = sign_in(&site, "ann@dev.test", "Wrong-Horse-77").await;
        same(wrong, sign_in(&site, "cy@dev.test", "Wrong-Horse-77").await).await;
        assert_eq!(
            subjects(&app, "ann@dev.test").await,
            ["You are invited to Public", "You are registered at Public already", "Set a new password for Public"]
        );
        assert_eq!(subjects(&app, "cy@dev.test").await, [""; 0]);

        // Who may not come gets no mail, and the same answers.
        let dan = json!({ "email": "dan@dev.test", "full_name": "Dan", "status": "rejected" });
        app.owner.post(&site.developers(), dan).await.expect(201);
        register(&site, "dan@dev.test").await.expect(201);
        forgot(&site, "dan@dev.test").await.expect(200);
        assert_eq!(subjects(&app, "dan@dev.test").await, [""; 0]);
    }
}

on_both! {
    /// Guessing gets slow, and so does mailing somebody; nobody else is slowed down by it.
    async fn guessing_gets_slow(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "auto_approve_developers": true })).await;
        let other = app.portal("Another", json!({ "auto_approve_developers": true })).await;
        for site in [&site, &other] {
            app.developer(site, "ann@dev.test").await;
        }
        for email in ["ann@dev.test", "nobody@dev.test"] {
            for _ in 0..6 {
                sign_in(&site, email, "Wrong-Horse-77").await.expect(401);
            }
            let slow = sign_in(&site, email, Developer::PASSWORD).await;
            assert_eq!(slow.header("retry-after"), "1");
            slow.expect(429);
        }
        sign_in(&other, "ann@dev.test", Developer::PASSWORD).await.expect(204);
        app.wall.advance(Duration::from_secs(2));
        sign_in(&site, "ann@dev.test", Developer::PASSWORD).await.expect(204);

        for _ in 0..6 {
            forgot(&site, "ann@dev.test").await.expect(200);
            register(&site, "eve@dev.test").await.expect(201);
        }
        // The fourth comes late, and those after it not at all.
        assert_eq!(subjects(&app, "ann@dev.test").await.len(), 2 + 4);
        assert_eq!(subjects(&app, "eve@dev.test").await.len(), 4);
        for n in 0..60 {
            let answer = register(&site, &format!("n{n}@dev.test")).await;
            if answer.status == 429 {
                assert!(n >= 44, "{n}");
                return;
            }
        }
        panic!("one address registers without end");
    }
}

on_both! {
    /// The page behind the link of a mail: what is wrong is said, the password is set once.
    async fn the_page_of_a_link(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({ "display_name": "Acme <APIs>" })).await;
        register(&site, "ann@dev.test").await.expect(201);
        let token = app.mailed_token("ann@dev.test").await;
        let link = format!("/developer/password?token={token}");
        let mut browser = Browser::new(&site.client);
        browser.open(&link).await.shows(200, "<h1>Choose a password</h1>");
        assert!(browser.page.contains("Acme &lt;APIs&gt;"), "{}", browser.page);
        assert!(!browser.page.contains("/account"), "developers have no account of a user");
        let submit = "/developer/password";
        browser.submit(submit, "", &[("password", "weak")]).await.shows(400, "is too short");
        browser.submit(submit, "", &[("password", OTHER)]).await.shows(200, "as soon as your account is approved");
        browser.open(&link).await.shows(410, "This link works no more");
        browser.open("/developer/password").await.shows(410, "This link works no more");
        let listed = app.owner.get(&site.developers()).await.expect(200);
        let ann = format!("{}/{}", site.developers(), text(&listed["data"][0], "id"));
        app.owner.patch(&ann, json!({ "status": "approved" })).await.expect(200);
        sign_in(&site, "ann@dev.test", OTHER).await.expect(204);

        forgot(&site, "ann@dev.test").await.expect(200);
        let token = app.mailed_token("ann@dev.test").await;
        let link = format!("/developer/password?token={token}");
        let fields = [("token", token.as_str()), ("password", Developer::PASSWORD)];
        site.client.form(submit, &fields).await.expect(403);
        browser.open(&link).await;
        let console = app.anonymous().unchecked();
        assert_eq!(console.get(&link).await.status, 404, "there is no such page but at a portal");
        let done = browser.submit(submit, "", &[("password", Developer::PASSWORD)]).await;
        done.shows(200, "You can sign in at Acme &lt;APIs&gt; now.");
        sign_in(&site, "ann@dev.test", Developer::PASSWORD).await.expect(204);
    }
}

on_both! {
    /// What is wrong with a request is named.
    async fn what_is_wrong_is_named(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        let long = "x".repeat(257);
        let wrong = json!({ "email": "x@", "full_name": long, "status": "approved" });
        assert_eq!(post(&site.client, "", wrong).await.bad_fields(), ["email", "full_name", "status"]);
        let wrong = json!({ "username": "ann", "remember": true });
        assert_eq!(post(&site.client, "/authenticate", wrong).await.bad_fields(), ["username", "password", "remember"]);
        assert_eq!(post(&site.client, "/forgot-password", json!({})).await.bad_fields(), ["email"]);
        let wrong = json!({ "token": 7, "password": "" });
        assert_eq!(post(&site.client, "/reset-password", wrong).await.bad_fields(), ["password", "token"]);
        let text = site.client.send(Method::POST, DEVELOPER, &[("content-type", "text/plain")], b"{}".to_vec());
        text.await.expect(415);
    }
}
