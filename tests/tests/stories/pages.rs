//! What people do in a browser.

use std::time::Duration;

use frame::{args, mail};
use http::Method;
use serde_json::json;
use tests::{Browser, Engine, TestApp, on_both};

const PASSWORD: &str = "Correct-Horse-7";
const OTHER: &str = "Another-Horse-8";
const MINUTE: Duration = Duration::from_secs(60);

/// The newest mail's link, as a path.
async fn link(app: &TestApp, mark: &str) -> String {
    let mails = mail::posted(&app.app).await.expect("mails");
    let text = mail::text(&app.app, mails.first().expect("a mail")).expect("a text");
    let line = text.lines().find(|line| line.contains(mark)).expect("a link");
    line.trim_start_matches(&app.app.settings.public_url).to_owned()
}

on_both! {
    /// Who is not signed in is led to signing in and back; who mistypes is told so, and keeps the address.
    async fn signing_in(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let mut browser = Browser::new(&app.owner);
        browser.open("/device-activate?user_code=BCDF-GHJK").await.shows(200, "<h1>Sign in</h1>");
        assert_eq!(browser.path, "/login?return_to=%2Fdevice%2Dactivate%3Fuser%5Fcode%3DBCDF%2DGHJK");
        let wrong = [("username", "owner@acme.test"), ("password", "Wrong-Horse-77")];
        browser.submit("/login", "", &wrong).await.shows(401, "The address or the password is not right.");
        assert!(browser.page.contains("value=\"owner@acme.test\"") && !browser.page.contains("Wrong-Horse-77"));
        browser.submit("/login", "", &[("password", PASSWORD)]).await.shows(200, "value=\"BCDF-GHJK\"");

        browser.open("/account").await.shows(200, "owner@acme.test");
        browser.open("/login").await;
        assert_eq!(browser.path, "/account", "who is signed in need not do so again");
        browser.submit("/account/sign-out", "", &[]).await.shows(200, "You are signed out");
        assert_eq!(browser.cookie("konnectaccesstoken", "/"), None);
        browser.open("/account").await.shows(200, "<h1>Sign in</h1>");

        for _ in 0..7 {
            browser.sign_in("owner@acme.test", "Wrong-Horse-77").await;
        }
        browser.shows(429, "Too many attempts. Wait ");
    }
}

on_both! {
    /// Nobody is led to another site, whatever a link says.
    async fn no_way_out(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password("owner@acme.test", PASSWORD).await;
        for place in [
            "https://evil.test/", "//evil.test", "/%5Cevil.test", "%2F%2Fevil.test", "javascript:alert(1)", "/%09/evil.test",
            "/%0d%0aset-cookie:x=y", "",
        ] {
            let mut browser = Browser::new(&app.owner);
            browser.open(&format!("/login?return_to={place}")).await;
            let right = [("username", "owner@acme.test"), ("password", PASSWORD)];
            browser.submit("/login", "", &right).await.shows(200, "owner@acme.test");
            assert_eq!(browser.path, "/account", "{place}");
            // And once signed in.
            browser.open(&format!("/login?return_to={place}")).await;
            assert_eq!(browser.path, "/account", "{place}");
            browser.open(&format!("/session/refresh?return_to={place}")).await;
            assert_eq!(browser.path, "/account", "{place}");
        }
    }
}

on_both! {
    /// Each form is refused without its token, with another browser's, and when another site sent it.
    async fn forged_forms(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let (mut browser, mut other) = (Browser::new(&app.owner), Browser::new(&app.owner));
        browser.sign_in("owner@acme.test", PASSWORD).await;
        other.sign_in("owner@acme.test", PASSWORD).await;
        let token = |page: &str| page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let (ours, theirs) = (token(&browser.page), token(&other.page));
        let before = app.database.dump().await;
        let mut forms = 0;
        let site = app.portal("Public", json!({})).await;
        for operation in latchkey::operations().iter().filter(|it| it.spec.page && it.spec.method == Method::POST) {
            let path = operation.spec.path;
            let client = if operation.spec.portal { site.client.clone() } else { app.anonymous() };
            let cookies = browser.cookie_header(path);
            for (csrf, site) in [("", "same-origin"), (&theirs, "same-origin"), ("x", "same-origin"), (&ours, "cross-site"), (&ours, "same-site")] {
                let headers = [
                    ("cookie", cookies.as_str()),
                    ("sec-fetch-site", site),
                    ("content-type", "application/x-www-form-urlencoded"),
                ];
                let body = format!("csrf={csrf}").into_bytes();
                let refused = client.send(Method::POST, path, &headers, body).await;
                assert_eq!(refused.status, 403, "{path} {csrf} {site}: {}", refused.text);
                assert_eq!(refused.header("content-type"), "text/html; charset=utf-8");
                assert!(refused.text.contains("That is not possible"), "{}", refused.text);
            }
            forms += 1;
        }
        assert!(forms >= 12, "the forms are not found");
        let after = app.database.dump().await;
        assert!(before["sessions"] == after["sessions"] && before["persons"] == after["persons"]);
    }
}

on_both! {
    /// From the mail to the account; the link works once, and a bad password is explained.
    async fn accepting_an_invite(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await.expect(201);
        let link = link(&app, "/invites/accept").await;
        let mut browser = Browser::new(&app.owner);
        browser.open(&link).await.shows(200, "<h1>Join Acme</h1>");
        let short = [("full_name", " "), ("password", "short")];
        browser.submit("/invites/accept", "", &short).await.shows(400, "is too short (minimum length: 12)");
        browser.shows(400, "Say your name.").shows(400, "must contain at least 1 digit");
        app.owner.get("/v3/users?filter[active]=false").await.expect(200);
        let good = [("full_name", "Ann <Lee>"), ("password", PASSWORD)];
        browser.submit("/invites/accept", "", &good).await.shows(200, "Ann &lt;Lee&gt;");
        assert_eq!(browser.path, "/account");
        let users = app.owner.get("/v3/users?filter[email]=ann@acme.test").await.expect(200);
        assert_eq!((&users["data"][0]["active"], &users["data"][0]["full_name"]), (&json!(true), &json!("Ann <Lee>")));
        Browser::new(&app.owner).open(&link).await.shows(403, "This invite was used");
        Browser::new(&app.owner).sign_in("ann@acme.test", PASSWORD).await.shows(200, "ann@acme.test");
        assert_eq!(app.owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await.status, 409);

        // Somebody who has an account elsewhere proves it, and keeps the one password.
        let rival = app.rival("boss@rival.test").await;
        rival.owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await.expect(201);
        let link = self::link(&app, "/invites/accept").await;
        let mut browser = Browser::new(&app.owner);
        browser.open(&link).await.shows(200, "Enter its password");
        browser.submit("/invites/accept", "", &[("password", "Wrong-Horse-77")]).await.shows(401, "is not right");
        browser.submit("/invites/accept", "", &[("password", PASSWORD)]).await.shows(200, "Rival");

        rival.owner.post("/v3/invites", json!({ "email": "late@acme.test" })).await.expect(201);
        let late = self::link(&app, "/invites/accept").await;
        app.advance(8 * 24 * 60 * MINUTE);
        Browser::new(&app.owner).open(&late).await.shows(403, "has expired");
        Browser::new(&app.owner).open("/invites/accept?token=kinv_x").await.shows(403, "This invite was used");
    }
}

on_both! {
    /// A forgotten password is set by a link. Whether there is such a person, nobody learns.
    async fn forgotten(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let mut signed_in = Browser::new(&app.owner);
        signed_in.sign_in("owner@acme.test", PASSWORD).await.shows(200, "owner@acme.test");
        let ask = async |email: &str| {
            let mut browser = Browser::new(&app.owner);
            browser.open("/password/forgot").await;
            browser.submit("/password/forgot", "", &[("email", email)]).await;
            (browser.status, browser.page.replace(email, "…"))
        };
        let known = ask("owner@acme.test").await;
        assert_eq!(known.0, 200);
        assert_eq!(ask("nobody@acme.test").await, known);
        assert_eq!(mail::posted(&app.app).await.expect("mails").len(), 1);
        assert_eq!(ask("nonsense").await.0, 400);

        let link = link(&app, "/password/reset").await;
        let token = link.split_once("token=").unwrap().1;
        assert_eq!(app.database.holding(token).await, [""; 0], "the link is kept as a hash, and sealed in the mail");
        let mut browser = Browser::new(&app.owner);
        browser.open(&link).await.shows(200, "Choose a new password");
        for (bad, why) in [("short", "is too short"), (PASSWORD, "must not be one of the last 13 passwords")] {
            browser.submit("/password/reset", "", &[("password", bad)]).await.shows(400, why);
        }
        browser.submit("/password/reset", "", &[("password", OTHER)]).await.shows(200, "Your new password is set");
        signed_in.open("/account").await.shows(200, "<h1>Sign in</h1>");
        Browser::new(&app.owner).open(&link).await.shows(403, "This link was used");
        Browser::new(&app.owner).sign_in("owner@acme.test", PASSWORD).await.shows(401, "is not right");
        Browser::new(&app.owner).sign_in("owner@acme.test", OTHER).await.shows(200, "owner@acme.test");

        // More mails than a few to one address do not come, and the page says nothing of it.
        for _ in 0..9 {
            assert_eq!(ask("owner@acme.test").await, known);
        }
        assert!(mail::posted(&app.app).await.expect("mails").len() < 6);
    }
}

on_both! {
    /// A device is let in, another is refused; what is asked is what is shown.
    async fn devices(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let ask = async || {
            let agent = [("user-agent", "tool/1 <b>")];
            let body = b"client_id=344f59db-f401-4ce7-9407-00a0823fbacf".to_vec();
            let path = "/v3/internal/oauth/device/authorize";
            app.anonymous().send(Method::POST, path, &agent, body).await.expect(200)
        };
        let poll = async |asked: &serde_json::Value| {
            let fields = [
                ("client_id", "344f59db-f401-4ce7-9407-00a0823fbacf"),
                ("device_code", asked["device_code"].as_str().unwrap()),
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ];
            app.anonymous().form("/v3/internal/oauth/device/token", &fields).await
        };
        let mut browser = Browser::new(&app.owner);
        browser.sign_in("owner@acme.test", PASSWORD).await;
        let asked = ask().await;
        let complete = asked["verification_uri_complete"].as_str().unwrap();
        browser.open(complete.trim_start_matches(&app.app.settings.public_url)).await.shows(200, "Connect a device");
        browser.submit("/device-activate", "", &[]).await.shows(200, "Let Konnect CLI in?");
        browser.shows(200, "tool&#x2f;1 &lt;b&gt;").shows(200, "Acme").shows(200, "127.0.0.1");
        assert_eq!(poll(&asked).await.expect(400)["error"], "authorization_pending");
        browser.submit("/device-activate/decide", "confirm", &[]).await.shows(200, "The device is connected");
        let token = poll(&asked).await.expect(200)["access_token"].clone();
        app.owner.with_token(token.as_str().unwrap()).get("/v3/users/me").await.expect(200);
        browser.open("/account").await.shows(200, "A command line or device");

        let asked = ask().await;
        browser.open("/device-activate").await;
        browser.submit("/device-activate", "", &[("user_code", "nonsense")]).await.shows(400, "is not known");
        let code = asked["user_code"].as_str().unwrap();
        browser.submit("/device-activate", "", &[("user_code", code)]).await.shows(200, code);
        browser.submit("/device-activate/decide", "refuse", &[]).await.shows(200, "The device was refused");
        assert_eq!(poll(&asked).await.expect(400)["error"], "access_denied");
    }
}

on_both! {
    /// Sessions, tokens, the password and the organization, from the account page.
    async fn account(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rival = app.rival("owner@acme.test").await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let mut browser = Browser::new(&app.owner);
        browser.sign_in("owner@acme.test", PASSWORD).await.shows(200, "Choose an organization");
        let choice = browser.page.clone();
        browser.submit("/choose-organization", "Acme", &[]).await.shows(200, "First token");
        let mut other = Browser::new(&app.owner);
        other.sign_in("owner@acme.test", PASSWORD).await;
        other.submit("/choose-organization", "Acme", &[]).await.shows(200, "Where you are signed in");
        // Another browser's choice is nobody else's.
        let mut thief = Browser::new(&app.owner);
        thief.open("/login").await;
        let csrf = thief.page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let own = choice.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        thief.page = choice.replace(&own, &csrf);
        thief.submit("/choose-organization", "Acme", &[]).await.shows(401, "That took too long");

        browser.open("/account").await;
        browser.submit("/account/sessions/end", "", &[]).await.shows(200, "That session is signed out.");
        other.open("/account").await.shows(200, "<h1>Sign in</h1>");
        browser.submit("/account/tokens/revoke", "", &[]).await.shows(200, "The token is revoked.");
        app.owner.get("/v3/users/me").await.expect(401);

        other.sign_in("owner@acme.test", PASSWORD).await;
        other.submit("/choose-organization", "Rival", &[]).await;
        let change = "/account/password";
        browser.open("/account").await;
        let wrong = [("old_password", OTHER), ("new_password", OTHER)];
        browser.submit(change, "", &wrong).await.shows(401, "This is not your present password.");
        let same = [("old_password", PASSWORD), ("new_password", PASSWORD)];
        browser.submit(change, "", &same).await.shows(400, "must not be one of the last 13 passwords");
        let good = [("old_password", PASSWORD), ("new_password", OTHER)];
        browser.submit(change, "", &good).await.shows(200, "Your password is changed.");
        other.open("/account").await.shows(200, "<h1>Sign in</h1>");

        browser.submit("/account/organization", &rival.org.to_string(), &[]).await.shows(200, "<dd>Rival</dd>");
        let stranger = rival.rival("boss@third.test").await;
        let form = [("organization", stranger.org.to_string())];
        browser.submit("/account/organization", "", &[("organization", &form[0].1)]).await.shows(404, "no such page");
        let entries = app.database.query("SELECT body FROM audit_events").await;
        assert!(entries.iter().any(|entry| entry.contains("/password\"")), "the change is in the audit log");
    }
}

on_both! {
    /// A page whose visitor's access token has expired keeps the session going by itself, until it is over.
    async fn staying_signed_in(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let mut browser = Browser::new(&app.owner);
        browser.sign_in("owner@acme.test", PASSWORD).await;
        let first = browser.cookie("konnectaccesstoken", "/").unwrap().to_owned();
        app.advance(31 * MINUTE);
        browser.open("/account").await.shows(200, "owner@acme.test");
        assert_eq!(browser.path, "/account");
        assert_ne!(browser.cookie("konnectaccesstoken", "/"), Some(first.as_str()));
        app.advance(61 * MINUTE);
        browser.open("/account").await.shows(200, "<h1>Sign in</h1>");
        // A session that somebody else planted is no session.
        browser.forget("konnectrefreshtoken");
        browser.open("/account").await.shows(200, "<h1>Sign in</h1>");
        let sessions = app.platform().all::<(i64,)>("SELECT COUNT(*) AS value FROM sessions", args![]).await;
        assert_eq!(sessions.expect("a count"), [(1,)]);
    }
}

on_both! {
    /// What is not there, and what breaks, is told in a page to a browser and in a document to a program.
    async fn faults(engine: Engine) {
        let app = TestApp::new(engine).await;
        Browser::new(&app.owner).open("/nowhere").await.shows(404, "There is no such page");
        let document = app.anonymous().get("/nowhere").await;
        assert_eq!(document.header("content-type"), "application/problem+json");
        let style = app.anonymous().get("/login").await.text;
        let style = style.split("stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let sheet = app.anonymous().get(&style).await;
        assert_eq!(sheet.status, 200);
        assert!(sheet.header("cache-control").contains("immutable") && sheet.text.contains("#1d4ed8"));
        let branded = [("BRAND_NAME", "Acme <Gate>"), ("BRAND_COLOR", "#00aa55")];
        let app = TestApp::with(engine, &branded).await;
        let page = app.anonymous().get("/login").await.text;
        assert!(page.contains("Acme &lt;Gate&gt;"), "{page}");
    }
}
