//! What people are told by mail without having asked: new sign-ins, and tokens that are about to expire.

use frame::mail;
use http::Method;
use serde_json::json;
use tests::{Engine, TestApp, on_both};

use crate::{days, id};

const PASSWORD: &str = "Correct-Horse-7";

/// The mails about something since the last look, the oldest first: recipient and text.
async fn new_mails(app: &TestApp, about: &str, seen: &mut usize) -> Vec<(String, String)> {
    let mails = mail::posted(&app.app).await.expect("mails");
    let mut about: Vec<_> = mails.iter().filter(|mail| mail.subject.contains(about)).collect();
    about.reverse();
    let new = about.iter().skip(*seen);
    let told =
        new.map(|mail| (mail.recipient.clone(), mail::text(&app.app, mail).expect("a text"))).collect();
    *seen = about.len();
    told
}

async fn sign_in(app: &TestApp, agent: &str) {
    let body = json!({ "username": "owner@acme.test", "password": PASSWORD }).to_string().into_bytes();
    let headers = [("content-type", "application/json"), ("user-agent", agent)];
    let answer = app.anonymous().send(Method::POST, "/kauth/api/v1/authenticate", &headers, body).await;
    answer.expect(200);
}

on_both! {
    /// Who signs in with a browser that it has not used before hears of it; the first one is no news, and a
    /// newer version of the same is not either.
    async fn a_new_browser(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let (firefox, newer) = ("Mozilla/5.0 (X11; rv:140.0) Firefox/140.0", "Mozilla/5.0 (X11; rv:141.0) Firefox/141.0");
        let mut seen = 0;
        for agent in [firefox, firefox, newer] {
            sign_in(&app, agent).await;
            assert!(new_mails(&app, "New sign-in", &mut seen).await.is_empty(), "{agent}");
        }
        sign_in(&app, "Mozilla/5.0 (iPhone) Safari/605").await;
        let told = new_mails(&app, "New sign-in", &mut seen).await;
        let [(to, text)] = told.as_slice() else { panic!("one mail: {told:?}") };
        assert_eq!(to, "owner@acme.test");
        assert!(text.contains("Safari, from 127.0.0.1, on ") && text.contains("/account"), "{text}");
        sign_in(&app, "Mozilla/5.0 (iPhone) Safari/606").await;
        sign_in(&app, firefox).await;
        assert!(new_mails(&app, "New sign-in", &mut seen).await.is_empty());
    }
}

async fn remind(app: &TestApp) {
    identity::tokens::reminders::remind(&app.app).await.expect("reminded");
}

on_both! {
    /// A user hears of a token fourteen, seven and one day before it expires, once each; the owner hears of
    /// those of system accounts. Who makes a short-lived one is not told at once what it just chose.
    async fn a_token_that_expires(engine: Engine) {
        let app = TestApp::new(engine).await;
        let tokens = format!("/v3/users/{}/access-tokens", app.owner_id);
        let make = async |name: &str, days: u64| {
            let body = json!({ "name": name, "ttl_seconds": days * 86_400 });
            app.owner.post(&tokens, body).await.expect(201)
        };
        make("long", 30).await;
        make("short", 5).await;
        let revoked = make("revoked", 30).await;
        app.owner.patch(&format!("{tokens}/{}/revoke", id(&revoked)), json!({})).await.expect(200);
        // It comes with a token, which is called that and good for a month.
        app.system_account("robot").await;

        let (mut seen, mut passed) = (0, 0);
        for (day, expected) in [
            (0, &[][..]),
            (4, &["short"]),
            (15, &[]),
            (17, &["long", "token"]),
            (18, &[]),
            (24, &["long", "token"]),
            (29, &["long", "token"]),
            (29, &[]),
            (31, &[]),
        ] {
            app.clock.advance(days(day - passed));
            passed = day;
            remind(&app).await;
            let told = new_mails(&app, "expires soon", &mut seen).await;
            let named = |name: &str| told.iter().any(|(_, text)| text.contains(&format!("\"{name}\"")));
            assert!(told.len() == expected.len() && expected.iter().all(|name| named(name)), "day {day}: {told:?}");
            assert!(told.iter().all(|(to, _)| to == "owner@acme.test"));
            let of_robot = told.iter().filter(|(_, text)| text.contains("system account \"robot\"")).count();
            assert_eq!(of_robot, usize::from(expected.contains(&"token")));
        }
    }
}
