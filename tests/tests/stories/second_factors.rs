//! Second factors: adding one, being asked for it, losing it, and organizations that want one.

use std::time::Duration;

use kernel::{Timestamp, WallClock};
use serde_json::json;
use signin::factors::totp;
use tests::{Browser, Engine, TestApp, on_both};

use crate::{problem, sso};

const PASSWORD: &str = "Correct-Horse-7";
const OWNER: &str = "owner@acme.test";

/// An authenticator app.
pub struct Authenticator(Vec<u8>);

impl Authenticator {
    /// Reads the secret off the page, as people type it.
    #[track_caller]
    pub fn of(browser: &Browser) -> Self {
        let code = browser.page.split("type this secret: <code>").nth(1).expect("a secret");
        let code = code.split('<').next().expect("its end");
        let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
        for letter in code.bytes().filter(u8::is_ascii_alphanumeric) {
            let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
            bits = (bits << 5 | u32::from(value)) & 0xffff;
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
            }
        }
        assert_eq!(bytes.len(), totp::SECRET);
        Self(bytes)
    }

    /// What it shows so many steps from now.
    pub fn shows(&self, app: &TestApp, steps: u64) -> String {
        let now: Timestamp = WallClock::now(&*app.app.wall);
        totp::present(&self.0, now.plus(Duration::from_secs(30 * steps)))
    }
}

/// The recovery codes that a page shows.
fn recovery_codes(browser: &Browser) -> Vec<String> {
    let items = browser.page.split("<li><code>").skip(1);
    items.map(|item| item.split('<').next().expect("its end").to_owned()).collect()
}

/// Adds an authenticator on the account page; it, and the recovery codes.
async fn add(app: &TestApp, browser: &mut Browser) -> (Authenticator, Vec<String>) {
    browser.open("/account").await;
    let own = [("password", PASSWORD), ("what", "add")];
    browser.press("/account/second-factor", &own).await.shows(200, "Add an authenticator app");
    let authenticator = Authenticator::of(browser);
    let code = authenticator.shows(app, 0);
    browser.submit("/account/second-factor/add", "", &[("code", &code)]).await.shows(200, "I have kept them");
    (authenticator, recovery_codes(browser))
}

on_both! {
    /// An app is added with the password and a first code. From then on signing in asks for a code, takes each
    /// once, and takes a recovery code once.
    async fn an_authenticator(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password(OWNER, PASSWORD).await;
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await.shows(200, "Second factor");
        let wrong = [("password", "Wrong-Horse-77"), ("what", "add")];
        browser.press("/account/second-factor", &wrong).await.shows(401, "This is not your present password.");
        let own = [("password", PASSWORD), ("what", "add")];
        browser.press("/account/second-factor", &own).await.shows(200, "otpauth:&#x2f;&#x2f;totp&#x2f;Latchkey:owner");
        browser.submit("/account/second-factor/add", "", &[("code", "000000")]).await.shows(400, "This code is not right");
        // Until then it counts for nothing.
        Browser::new(&app.owner).sign_in(OWNER, PASSWORD).await.shows(200, "Where you are signed in");
        let (authenticator, codes) = add(&app, &mut browser).await;
        assert_eq!(codes.len(), 10);
        browser.open("/account").await.shows(200, "You have 10 recovery codes left");

        let mut next = Browser::new(&app.owner);
        next.sign_in(OWNER, PASSWORD).await.shows(200, "Enter the code that your authenticator app shows");
        assert_eq!(next.cookie("konnectaccesstoken", "/"), None);
        let form = "/login/second-factor";
        next.submit(form, "", &[("code", "123456")]).await.shows(401, "This code is not right");
        let used = authenticator.shows(&app, 0);
        next.submit(form, "", &[("code", &used)]).await.shows(401, "This code is not right");
        let fresh = authenticator.shows(&app, 1);
        next.submit(form, "", &[("code", &fresh)]).await.shows(200, "Where you are signed in");

        for (code, status) in [(codes[0].to_lowercase().replace('-', " "), 200), (codes[0].clone(), 401), (codes[1].clone(), 200)] {
            let mut other = Browser::new(&app.owner);
            other.sign_in(OWNER, PASSWORD).await;
            other.submit(form, "", &[("code", &code)]).await;
            assert_eq!(other.status, status, "{code}: {}", other.page);
        }
        browser.open("/account").await.shows(200, "You have 8 recovery codes left");
        for code in &codes {
            assert_eq!(app.database.holding(code).await, [""; 0], "a recovery code lies in the database");
        }

        let renew = [("password", PASSWORD), ("what", "codes")];
        browser.press("/account/second-factor", &renew).await.shows(200, "I have kept them");
        let renewed = recovery_codes(&browser);
        assert!(renewed.len() == 10 && renewed.iter().all(|code| !codes.contains(code)));
        browser.open("/account").await;
        let remove = [("password", PASSWORD), ("what", "remove")];
        browser.press("/account/second-factor", &remove).await.shows(200, "Your second factor is removed.");
        Browser::new(&app.owner).sign_in(OWNER, PASSWORD).await.shows(200, "Where you are signed in");
    }
}

on_both! {
    /// The password alone leads nowhere: not by the next page's form, not by a tool, not by guessing codes.
    async fn no_way_around(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.rival(OWNER).await;
        app.set_password(OWNER, PASSWORD).await;
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await;
        let choice = browser.page.clone();
        browser.submit("/choose-organization", "Acme", &[]).await;
        add(&app, &mut browser).await;
        let kauth = json!({ "username": OWNER, "password": PASSWORD });
        app.anonymous().post("/kauth/api/v1/authenticate", kauth).await.expect(403);

        let mut thief = Browser::new(&app.owner);
        thief.sign_in(OWNER, PASSWORD).await.shows(200, "Enter the code");
        let value = |page: &str, name: &str| {
            let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("a field");
            rest.split('"').next().expect("its end").to_owned()
        };
        let mut page = choice;
        for name in ["csrf", "ticket"] {
            page = page.replace(&value(&page, name), &value(&thief.page, name));
        }
        let asked = thief.page.clone();
        thief.page = page;
        thief.submit("/choose-organization", "Acme", &[]).await.shows(401, "That took too long");
        thief.page = asked;
        for _ in 0..6 {
            thief.submit("/login/second-factor", "", &[("code", "123456")]).await;
        }
        thief.submit("/login/second-factor", "", &[("code", "123456")]).await.shows(429, "Too many attempts.");
        assert_eq!(thief.cookie("konnectaccesstoken", "/"), None);
    }
}

on_both! {
    /// An organization that wants a second factor lets nobody in by password who has none: one is added first.
    async fn an_organization_wants_one(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password(OWNER, PASSWORD).await;
        let mut before = Browser::new(&app.owner);
        before.sign_in(OWNER, PASSWORD).await.shows(200, "Where you are signed in");
        let me = app.owner.patch("/v3/organizations/me", json!({ "mfa_enabled": true })).await.expect(200);
        assert_eq!(me["mfa_enabled"], json!(true));
        let kauth = json!({ "username": OWNER, "password": PASSWORD });
        app.anonymous().post("/kauth/api/v1/authenticate", kauth).await.expect(403);

        let mut browser = Browser::new(&app.owner);
        browser.open("/login?return_to=/device-activate").await;
        let right = [("username", OWNER), ("password", PASSWORD)];
        browser.submit("/login", "", &right).await.shows(200, "Your organization asks for a second factor");
        assert_eq!(browser.cookie("konnectaccesstoken", "/"), None);
        let form = "/login/second-factor/add";
        browser.submit(form, "", &[("code", "000000")]).await.shows(400, "This code is not right");
        let authenticator = Authenticator::of(&browser);
        let code = authenticator.shows(&app, 0);
        browser.submit(form, "", &[("code", &code)]).await.shows(200, "href=\"&#x2f;device-activate\"");
        assert_eq!(recovery_codes(&browser).len(), 10);
        browser.open("/device-activate").await.shows(200, "Enter the code");
    }
}

on_both! {
    /// An administrator removes the second factors of who lost them, if they are nobody else's business.
    async fn lost(engine: Engine) {
        let app = TestApp::new(engine).await;
        let member = app.member("ann@acme.test").await;
        let mfa = format!("/v3/users/{}/mfa", member.id);
        let conflict = problem(app.owner.delete(&mfa).await);
        assert_eq!(conflict["status"], 409, "without a password there is none: {conflict}");
        app.set_password("ann@acme.test", PASSWORD).await;
        let mut browser = Browser::new(&app.owner);
        browser.sign_in("ann@acme.test", PASSWORD).await;
        add(&app, &mut browser).await;
        member.client.delete(&mfa).await.expect(403);
        app.owner.delete(&mfa).await.expect(204);
        browser.open("/account").await.shows(200, "<h1>Sign in</h1>");
        browser.sign_in("ann@acme.test", PASSWORD).await.shows(200, "Where you are signed in");
        app.owner.delete(&mfa).await.expect(204);
        app.owner.delete(&format!("/v3/users/{}/mfa", app.org)).await.expect(404);

        app.another_organization("ann@acme.test").await;
        assert_eq!(app.owner.delete(&mfa).await.status, 409, "they are another organization's, too");
        let log = app.owner.get("/v3/audit-logs?page[size]=100").await.expect(200);
        let all = log["data"].as_array().expect("entries");
        let of_mfa = all.iter().filter(|it| it["resource"].as_str().is_some_and(|it| it.ends_with("/mfa")));
        let actions: Vec<_> = of_mfa.filter(|it| it["granted"] == true).map(|it| it["action"].clone()).collect();
        assert_eq!(actions, [json!("delete"), json!("edit"), json!("create")]);
    }
}

on_both! {
    /// A session that an organization's provider opened does not touch what belongs to the person.
    async fn not_by_single_sign_on(engine: Engine) {
        let Some(acme) = sso::acme(engine).await else { return };
        acme.team("Developers", "dev").await;
        acme.comes(sso::ann()).await;
        let mut browser = acme.sign_in().await;
        browser.shows(200, "Ann Lee");
        assert!(!browser.page.contains("Second factor"));
        let ann = acme.user("ann@acme.test").await.expect("she is there");
        let mfa = format!("/v3/users/{}/mfa", ann["id"].as_str().expect("an id"));
        acme.app.owner.delete(&mfa).await.expect(409);
        // Her organization wants one, her provider asks for it.
        acme.app.owner.patch("/v3/organizations/me", json!({ "mfa_enabled": true })).await.expect(200);
        acme.sign_in().await.shows(200, "Ann Lee");
        acme.app.set_password("ann@acme.test", PASSWORD).await;
        let mut by_password = Browser::new(&acme.app.owner);
        by_password.sign_in("ann@acme.test", PASSWORD).await;
        let own = [("password", PASSWORD), ("what", "add")];
        browser.post_form("/account/second-factor", &own).await.shows(403, "Sign in with your password to change");
    }
}

on_both! {
    /// Who signs people in elsewhere asks whether a second factor is wanted.
    async fn for_others(engine: Engine) {
        let app = TestApp::new(engine).await;
        let service = app.service("login").await;
        let path = "/v3/internal/auth0/users/mfa-settings";
        let ask = |email: &str, auth0id: &str| json!({ "email": email, "auth0id": auth0id });
        let mut beside = app.database.beside().await;
        let link = "INSERT INTO subjects (subject, person_id) SELECT 'auth0|1', id FROM persons WHERE email = 'owner@acme.test'";
        beside.query(link).await;
        assert_eq!(service.post(path, ask(OWNER, "auth0|1")).await.expect(200), json!({ "mfa_enabled": false }));
        app.owner.patch("/v3/organizations/me", json!({ "mfa_enabled": true })).await.expect(200);
        assert_eq!(service.post(path, ask("OWNER@acme.test", "auth0|1")).await.expect(200), json!({ "mfa_enabled": true }));
        for (email, subject) in [("other@acme.test", "auth0|1"), (OWNER, "auth0|2")] {
            service.post(path, ask(email, subject)).await.expect(404);
        }
        service.post(path, json!({ "email": "x", "auth0id": "" })).await.expect(400);
        app.owner.post(path, ask(OWNER, "auth0|1")).await.expect(403);
    }
}
