//! A command line signs in by a code, as the published one does it: forms without a content type, JSON
//! errors, a cookie to refresh.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client, Engine, TestApp, on_both};

const AUTHORIZE: &str = "/v3/internal/oauth/device/authorize";
const TOKEN: &str = "/v3/internal/oauth/device/token";
const ENTER: &str = "/v3/internal/oauth/device/authorize/user";
const CONFIRM: &str = "/v3/internal/oauth/device/confirm";
const CLIENT: &str = "344f59db-f401-4ce7-9407-00a0823fbacf";
const GRANT: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";

/// A form as the published command line sends it: with no content type.
async fn cli(client: &Client, path: &str, body: &str) -> Answer {
    client.send(Method::POST, path, &[("user-agent", "kongctl/dev")], body.as_bytes().to_vec()).await
}

async fn ask(app: &TestApp) -> Value {
    cli(&app.anonymous(), AUTHORIZE, &format!("client_id={CLIENT}")).await.expect(200)
}

async fn poll(app: &TestApp, asked: &Value) -> Answer {
    let code = asked["device_code"].as_str().expect("a code");
    let body = format!("client_id={CLIENT}&device_code={code}&grant_type={GRANT}");
    cli(&app.anonymous(), TOKEN, &body).await
}

fn code(asked: &Value) -> Value {
    json!({ "user_code": asked["user_code"] })
}

/// The error of a refusal.
fn error(answer: Answer) -> String {
    assert_eq!(answer.header("content-type"), "application/json");
    let body = answer.expect(400);
    body["error"].as_str().expect("an error").to_owned()
}

on_both! {
    /// From the code on the screen to a session, and on through both places to refresh.
    async fn signing_in_by_code(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let browser = app.session_of(ann.id).await;
        let asked = ask(&app).await;
        let shown = asked["user_code"].as_str().expect("a code");
        let letters: Vec<char> = shown.chars().collect();
        assert!(letters.len() == 9 && letters[4] == '-', "{shown}");
        assert!(shown.replace('-', "").chars().all(|c| "BCDFGHJKLMNPQRSTVWXZ".contains(c)), "{shown}");
        let uri = format!("{}/device-activate", app.app.settings.public_url);
        assert_eq!(asked["verification_uri"], json!(uri));
        assert_eq!(asked["verification_uri_complete"], json!(format!("{uri}?user_code={shown}")));
        assert_eq!((&asked["expires_in"], &asked["interval"]), (&json!(900), &json!(5)));
        assert_eq!(error(poll(&app, &asked).await), "authorization_pending");

        // Typed as people type.
        let typed = json!({ "user_code": shown.replace('-', "").to_lowercase() });
        let told = browser.post(ENTER, typed).await.expect(201);
        assert_eq!(told["organization_name"], "Acme");
        assert_eq!(told["user"], browser.get("/v3/users/me").await.expect(200));
        let device = &told["metadata"];
        assert_eq!((&device["client_name"], &device["user_agent"]), (&json!("Konnect CLI"), &json!("kongctl/dev")));
        assert_eq!(device["source_ip"], "127.0.0.1");
        assert_eq!(browser.post(ENTER, code(&asked)).await.expect(201), told, "entering it again is no harm");

        browser.patch(CONFIRM, code(&asked)).await.expect(204);
        browser.patch(CONFIRM, code(&asked)).await.expect(204);
        let got = poll(&app, &asked).await.expect(200);
        assert_eq!((&got["token_type"], &got["expires_in"]), (&json!("Bearer"), &json!(1800)));
        let tool = app.owner.with_token(got["access_token"].as_str().expect("a token"));
        assert_eq!(tool.get("/v3/users/me").await.expect(200)["id"], json!(ann.id));
        assert_eq!(error(poll(&app, &asked).await), "invalid_grant", "a code is good once");
        browser.post(ENTER, code(&asked)).await.expect(400);

        let mut refresh = got["refresh_token"].as_str().expect("a token").to_owned();
        for (path, status) in [("/kauth/api/v1/refresh", 200), ("/v3/refresh", 204)] {
            let cookie = format!("konnectrefreshtoken={refresh}");
            let renewed = app.anonymous().send(Method::POST, path, &[("cookie", &cookie)], Vec::new()).await;
            assert_eq!(renewed.status.as_u16(), status, "{}", renewed.text);
            let set: Vec<&str> =
                renewed.headers.get_all("set-cookie").into_iter().filter_map(|it| it.to_str().ok()).collect();
            let next = set.iter().find_map(|line| line.strip_prefix("konnectrefreshtoken=")).expect("a cookie");
            assert!(next.contains(&format!("Path={path};")), "{next}");
            refresh = next.split(';').next().expect("a value").to_owned();
        }
        let log = app.owner.get("/v3/audit-logs").await.expect(200);
        assert_eq!(log["data"][0]["change"]["after"], json!({ "method": "device", "client_id": CLIENT }));
        for secret in [&asked["device_code"], &asked["user_code"], &got["refresh_token"]] {
            assert_eq!(app.database.holding(secret.as_str().unwrap()).await, [""; 0], "kept as a hash only");
        }
    }
}

on_both! {
    /// What a device is told that asks wrongly. All of it is 400 and JSON.
    async fn refusals(engine: Engine) {
        let app = TestApp::new(engine).await;
        let asked = ask(&app).await;
        let device = asked["device_code"].as_str().unwrap();
        let grant = format!("grant_type={GRANT}");
        for (path, body, expected) in [
            (AUTHORIZE, String::new(), "invalid_request"),
            (AUTHORIZE, "client_id=".to_owned(), "invalid_request"),
            (AUTHORIZE, format!("client_id={CLIENT}&client_id={CLIENT}"), "invalid_request"),
            (AUTHORIZE, "client_id=%ff".to_owned(), "invalid_request"),
            (AUTHORIZE, "client_id=nobody".to_owned(), "invalid_client"),
            (TOKEN, format!("{grant}&client_id={CLIENT}"), "invalid_request"),
            (TOKEN, format!("grant_type=password&client_id={CLIENT}&device_code={device}"), "unsupported_grant_type"),
            (TOKEN, format!("{grant}&client_id=nobody&device_code={device}"), "invalid_client"),
            (TOKEN, format!("{grant}&client_id={CLIENT}&device_code=x"), "invalid_grant"),
        ] {
            assert_eq!(error(cli(&app.anonymous(), path, &body).await), expected, "{path} {body}");
        }
        let json = app.anonymous().post(AUTHORIZE, json!({ "client_id": CLIENT })).await;
        assert_eq!(error(json), "invalid_request", "a form is wanted");

        // Another public client's code.
        let two = format!("{CLIENT}=Konnect CLI,other=Other");
        let app = TestApp::with(engine, &[("DEVICE_CLIENTS", &two), ("DEVICE_CODE_MINUTES", "1")]).await;
        let asked = ask(&app).await;
        let device = asked["device_code"].as_str().unwrap();
        let stolen = format!("{grant}&client_id=other&device_code={device}");
        assert_eq!(error(cli(&app.anonymous(), TOKEN, &stolen).await), "invalid_grant");
        assert_eq!(asked["expires_in"], 60);
    }
}

on_both! {
    /// A device that polls exactly at its interval is never slowed down; one that does not listen is.
    async fn polling(engine: Engine) {
        let app = TestApp::new(engine).await;
        let asked = ask(&app).await;
        let back = async |seconds: i64| {
            let session = app.app.db.write();
            let db = frame::db::PlatformScope::new(session.clone());
            let sql = "UPDATE device_grants SET polled_at = polled_at - $1";
            db.execute(sql, frame::args![seconds * 1_000_000]).await.expect("set back");
            session.commit().await.expect("committed");
        };
        let mut told = Vec::new();
        for pause in [5, 5, 4, 5, 1, 5, 1, 1, 5, 10] {
            told.push(error(poll(&app, &asked).await));
            back(pause).await;
        }
        let slow: Vec<usize> = (0..told.len()).filter(|&n| told[n] == "slow_down").collect();
        // One early poll is let pass; the second in a row slows down, and five seconds are early from then on.
        assert_eq!(slow, [8], "{told:?}");
        assert!(told.iter().all(|it| it == "slow_down" || it == "authorization_pending"));
        let rows = app.database.query("SELECT CAST(interval_seconds AS TEXT) FROM device_grants").await;
        assert_eq!(rows, ["10"]);
    }
}

on_both! {
    /// The one who entered a code decides on it; a code that nobody entered is not confirmed.
    async fn who_decides(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (ann, bob) = (app.member("ann@acme.test").await, app.member("bob@acme.test").await);
        let (ann_session, bob_session) = (app.session_of(ann.id).await, app.session_of(bob.id).await);
        let asked = ask(&app).await;
        assert_eq!(ann_session.patch(CONFIRM, code(&asked)).await.bad_fields(), ["user_code"]);
        ann_session.post(ENTER, code(&asked)).await.expect(201);
        bob_session.post(ENTER, code(&asked)).await.expect(403);
        bob_session.patch(CONFIRM, code(&asked)).await.expect(403);
        for caller in [&ann.client, &app.owner] {
            caller.post(ENTER, code(&asked)).await.expect(403);
            caller.patch(CONFIRM, code(&asked)).await.expect(403);
        }
        app.anonymous().patch(CONFIRM, code(&asked)).await.expect(401);
        assert_eq!(error(poll(&app, &asked).await), "authorization_pending");

        // Whoever let it in is gone when it asks.
        ann_session.patch(CONFIRM, code(&asked)).await.expect(204);
        app.owner.delete(&format!("/v3/users/{}", ann.id)).await.expect(204);
        assert_eq!(error(poll(&app, &asked).await), "access_denied");
        assert_eq!(error(poll(&app, &asked).await), "invalid_grant");
    }
}

on_both! {
    /// Ten wrong codes stop a guesser, and nobody else.
    async fn guessing_codes(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (ann, bob) = (app.member("ann@acme.test").await, app.member("bob@acme.test").await);
        let (ann, bob) = (app.session_of(ann.id).await, app.session_of(bob.id).await);
        for _ in 0..10 {
            assert_eq!(ann.post(ENTER, json!({ "user_code": "BCDF-GHJK" })).await.bad_fields(), ["user_code"]);
        }
        ann.post(ENTER, json!({ "user_code": "BCDF-GHJK" })).await.expect(400);
        let stopped = ann.post(ENTER, json!({ "user_code": "BCDF-GHJK" })).await;
        assert!(stopped.header("retry-after").parse::<u64>().is_ok_and(|wait| wait > 0));
        stopped.expect(429);
        let asked = ask(&app).await;
        ann.post(ENTER, code(&asked)).await.expect(429);
        bob.post(ENTER, code(&asked)).await.expect(201);
    }
}

on_both! {
    /// A code that expired is told apart from one that never was, for an hour.
    async fn expiry(engine: Engine) {
        let app = TestApp::new(engine).await;
        let asked = ask(&app).await;
        let session = app.app.db.write();
        let db = frame::db::PlatformScope::new(session.clone());
        let now = kernel::WallClock::now(&*app.app.wall);
        db.execute("UPDATE device_grants SET expires_at = $1", frame::args![now]).await.expect("set");
        session.commit().await.expect("committed");
        assert_eq!(error(poll(&app, &asked).await), "expired_token");
        let browser = app.session_of(app.owner_id).await;
        assert_eq!(browser.post(ENTER, code(&asked)).await.bad_fields(), ["user_code"]);
        let session = app.app.db.write();
        let db = frame::db::PlatformScope::new(session.clone());
        let long_ago = now.minus(Duration::from_secs(3601));
        db.execute("UPDATE device_grants SET expires_at = $1", frame::args![long_ago]).await.expect("set");
        session.commit().await.expect("committed");
        signin::housekeeping::sweep(&app.app).await.expect("swept");
        assert_eq!(error(poll(&app, &asked).await), "invalid_grant");
    }
}
