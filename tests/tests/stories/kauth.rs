//! What the published sign-in elements call: forgotten and changed passwords, invites, registering, single sign-on.

use frame::mail;
use serde_json::{Value, json};
use tests::{Answer, Browser, Engine, PUBLIC_URL, TestApp, on_both};

use crate::{
    all, complaints, days, hours, id,
    sso::{acme, ann},
    text,
};

const RESETS: &str = "/kauth/api/v1/password-resets";
const REGISTER: &str = "/kauth/api/v1/register";
const VERIFY: &str = "/kauth/api/v1/email-verifications";
const JOIN: &str = "/v2/accept-invite";
const OWN: &str = "/v2/users/me/password";
const OWNER: &str = "owner@acme.test";
const PASSWORD: &str = "Correct-Horse-7";
const OTHER: &str = "Another-Horse-8";

async fn sign_in(app: &TestApp, email: &str, password: &str) -> u16 {
    let body = json!({ "username": email, "password": password });
    app.anonymous().post("/kauth/api/v1/authenticate", body).await.status.as_u16()
}

/// How many mails there are.
async fn mails(app: &TestApp) -> usize {
    mail::posted(&app.app).await.expect("mails").len()
}

/// What is said of a link that is good no more.
fn over() -> Value {
    json!([["token", "was used, replaced by a newer one, or has expired"]])
}

/// The first bad field.
#[track_caller]
fn first(answer: Answer) -> String {
    answer.bad_fields().first().expect("a field").clone()
}

on_both! {
    /// As on the page: nobody learns who has an account, a link is good once, and all sessions end.
    async fn forgotten(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password(OWNER, PASSWORD).await;
        let session = app.session_of(app.owner_id).await;
        let nobody = app.anonymous();
        let ask = async |email: &str| nobody.post(RESETS, json!({ "email": email })).await;
        let set = async |token: &str, password: &str| {
            nobody.patch(RESETS, json!({ "token": token, "password": password })).await
        };
        let (known, unknown) = (ask(OWNER).await, ask("nobody@acme.test").await);
        assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
        known.expect(200);
        assert_eq!(mails(&app).await, 1);
        assert_eq!(ask("nonsense").await.bad_fields(), ["email"]);

        let earlier = app.mailed_token(OWNER).await;
        ask(OWNER).await.expect(200);
        let token = app.mailed_token(OWNER).await;
        assert_eq!(app.database.holding(&token).await, [""; 0]);
        assert_eq!(complaints(set(&earlier, OTHER).await), over());
        let weak = set(&token, "short").await;
        assert_eq!(weak.body["detail"], "Password does not meet complexity requirements.");
        assert_eq!(first(weak), "password");
        let again = json!([["password", "must not be one of the last 13 passwords"]]);
        assert_eq!(complaints(set(&token, PASSWORD).await), again);
        session.get("/v3/users/me").await.expect(200);
        assert_eq!(set(&token, OTHER).await.expect(200), json!({ "email": OWNER }));
        session.get("/v3/users/me").await.expect(401);
        assert_eq!(complaints(set(&token, PASSWORD).await), over());
        assert_eq!((sign_in(&app, OWNER, PASSWORD).await, sign_in(&app, OWNER, OTHER).await), (401, 200));

        ask(OWNER).await.expect(200);
        let late = app.mailed_token(OWNER).await;
        app.wall.advance(hours(1));
        assert_eq!(complaints(set(&late, PASSWORD).await), over());
        for noise in ["krst_x", app.owner.token(), "x"] {
            assert_eq!(complaints(set(noise, PASSWORD).await), over());
        }

        // More mails than a few do not come, and the answer says nothing of it.
        let before = mails(&app).await;
        for _ in 0..9 {
            ask(OWNER).await.expect(200);
        }
        assert!(mails(&app).await < before + 5);
    }
}

on_both! {
    /// Whoever is signed in changes the password by the old one. This session stays, the others end.
    async fn changed(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password(OWNER, PASSWORD).await;
        let (here, there) = (app.session_of(app.owner_id).await, app.session_of(app.owner_id).await);
        let change = |old: &str, new: &str| json!({ "old_password": old, "new_password": new });
        app.owner.patch(OWN, change(PASSWORD, OTHER)).await.expect(403);
        app.anonymous().patch(OWN, change(PASSWORD, OTHER)).await.expect(401);
        let wrong = json!([["old_password", "is not your present password"]]);
        assert_eq!(complaints(here.patch(OWN, change("Wrong-Horse-77", OTHER)).await), wrong);
        let log = app.owner.get("/v3/audit-logs?filter[type]=authentication").await.expect(200);
        assert_eq!(log["data"][0]["outcome"], "invalid_password");
        assert_eq!(first(here.patch(OWN, change(PASSWORD, "short")).await), "new_password");
        let again = json!([["new_password", "must not be one of the last 13 passwords"]]);
        assert_eq!(complaints(here.patch(OWN, change(PASSWORD, PASSWORD)).await), again);

        let changed = here.patch(OWN, change(PASSWORD, OTHER)).await;
        assert_eq!((changed.status.as_u16(), changed.text.as_str()), (202, ""));
        here.get("/v3/users/me").await.expect(200);
        there.get("/v3/users/me").await.expect(401);
        assert_eq!((sign_in(&app, OWNER, PASSWORD).await, sign_in(&app, OWNER, OTHER).await), (401, 200));

        let mut statuses = Vec::new();
        for _ in 0..7 {
            statuses.push(here.patch(OWN, change("Wrong-Horse-77", PASSWORD)).await.status.as_u16());
        }
        assert_eq!((statuses[0], statuses[6]), (400, 429), "guessing gets slow");
    }
}

on_both! {
    /// Who is new chooses a password, who has one proves it; names are the user's. The link is good once.
    async fn invited(engine: Engine) {
        let app = TestApp::new(engine).await;
        let join = async |token: &str, names: [Value; 2], password: &str| {
            let [full, preferred] = names;
            let body = json!({ "token": token, "full_name": full, "preferred_name": preferred, "password": password });
            app.anonymous().post(JOIN, body).await
        };
        let ann = "ann@acme.test";
        app.owner.post("/v3/invites", json!({ "email": ann })).await.expect(201);
        let token = app.mailed_token(ann).await;
        let named = || [json!("Ann Lee"), json!("Ann")];
        assert_eq!(first(join(&token, named(), "short").await), "password");
        assert_eq!(first(join(&token, [json!(""), json!(null)], PASSWORD).await), "full_name");
        assert_eq!(sign_in(&app, ann, PASSWORD).await, 401);
        let joined = join(&token, named(), PASSWORD).await;
        assert!(joined.headers.get("set-cookie").is_none(), "it begins no session");
        joined.expect(204);
        assert_eq!(complaints(join(&token, named(), PASSWORD).await), over());
        let user = app.owner.get(&format!("/v3/users?filter[email]={ann}")).await.expect(200)["data"][0].clone();
        let shown = (&user["full_name"], &user["preferred_name"], &user["active"]);
        assert_eq!(shown, (&json!("Ann Lee"), &json!("Ann"), &json!(true)));
        assert_eq!(sign_in(&app, ann, PASSWORD).await, 200);

        // Elsewhere as well, with the one password that she has.
        let rival = app.rival("boss@rival.test").await;
        rival.owner.post("/v3/invites", json!({ "email": ann })).await.expect(201);
        let token = app.mailed_token(ann).await;
        let names = || [json!("Ann L."), json!(null)];
        join(&token, names(), "Wrong-Horse-77").await.expect(401);
        join(&token, names(), PASSWORD).await.expect(204);
        let there = rival.owner.get(&format!("/v3/users?filter[email]={ann}")).await.expect(200);
        assert_eq!((&there["data"][0]["full_name"], &there["data"][0]["preferred_name"]), (&json!("Ann L."), &json!("")));
        assert_eq!(complaints(join("kinv_x", names(), PASSWORD).await), over());
    }
}

/// What somebody registers.
fn registration(email: &str) -> Value {
    json!({ "email": email, "fullName": "Ann Lee", "organization": "Ann's", "password": PASSWORD, "defaultRegion": "eu" })
}

on_both! {
    /// Where the operator has not switched it on, nobody registers, and nothing is written.
    async fn registering_is_off(engine: Engine) {
        let app = TestApp::new(engine).await;
        for body in [registration("ann@new.test"), json!({})] {
            let refused = app.anonymous().post(REGISTER, body).await;
            let detail = refused.body["detail"].as_str().unwrap_or_default().to_owned();
            refused.expect(403);
            assert!(detail.contains("the operator has not switched that on"), "{detail}");
        }
        assert_eq!(mails(&app).await, 0);
        assert_eq!(app.database.query("SELECT name FROM organizations").await.len(), 1);
    }
}

on_both! {
    /// From the form to an organization of one's own: nobody gets in until the mail was read.
    async fn registering(engine: Engine) {
        let app = TestApp::with(engine, &[("REGISTRATION", "true"), ("REGIONS", "eu,us")]).await;
        let (nobody, ann) = (app.anonymous(), "ann@new.test");
        let mut faulty = registration("nonsense");
        faulty["registrationCode"] = json!("let me in");
        faulty["defaultRegion"] = json!("moon");
        let mut fields = nobody.post(REGISTER, faulty).await.bad_fields();
        fields.sort();
        assert_eq!(fields, ["defaultRegion", "email", "registrationCode"]);
        for (field, value) in [("defaultRegion", "au"), ("password", "short")] {
            let mut faulty = registration(ann);
            faulty[field] = json!(value);
            assert_eq!(first(nobody.post(REGISTER, faulty).await), field);
        }
        assert_eq!(mails(&app).await, 0);

        let made = nobody.post(REGISTER, registration(ann)).await.expect(201);
        let org = text(&made, "organizationID").to_owned();
        assert_eq!(made.as_object().map(serde_json::Map::len), Some(1));
        assert_eq!(sign_in(&app, ann, PASSWORD).await, 401);
        nobody.post(RESETS, json!({ "email": ann })).await.expect(200);
        assert_eq!(mails(&app).await, 1, "who is not confirmed sets no password");
        let token = app.mailed_token(ann).await;
        assert_eq!(app.database.holding(&token).await, [""; 0]);

        // A program that looks at mails opens the page, which changes nothing.
        let page = format!("/email-verifications?token={token}");
        Browser::new(&app.owner).open(&page).await.shows(200, "Ann&#x27;s");
        assert_eq!(sign_in(&app, ann, PASSWORD).await, 401);
        let verify = async || nobody.patch(VERIFY, json!({ "token": token })).await;
        assert_eq!(verify().await.expect(200), json!({ "email": ann }));
        assert_eq!(complaints(verify().await), over());
        Browser::new(&app.owner).open(&page).await.shows(403, "This link was used");

        assert_eq!(sign_in(&app, ann, "Wrong-Horse-77").await, 401);
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(ann, PASSWORD).await.shows(200, "Ann Lee");
        let cookie = browser.cookie("konnectaccesstoken", "/").expect("a session").to_owned();
        let session = app.owner.with_token(&cookie);
        let own = session.get("/v3/organizations/me").await.expect(200);
        assert_eq!((id(&own), text(&own, "name"), text(&own, "state")), (org.as_str(), "Ann's", "active"));
        let me = session.get("/v3/users/me").await.expect(200);
        assert_eq!((id(&me), text(&me, "inferred_region")), (text(&own, "owner_id"), "eu"));
        session.post("/v3/teams", json!({ "name": "First" })).await.expect(201);
        let log = session.get("/v3/audit-logs?filter[type]=authorization").await;
        assert!(!log.text.contains(&token));
        let log = log.expect(200);
        let first: Vec<Value> = all(&log, "action").into_iter().rev().take(3).collect();
        assert_eq!(first, ["create", "edit", "edit"], "registered, then the password and the state");
    }
}

on_both! {
    /// Whose address it is that has an account already, only its mail tells. The password that was sent opens nothing,
    /// even for who has none.
    async fn registering_once_more(engine: Engine) {
        let app = TestApp::with(engine, &[("REGISTRATION", "true")]).await;
        app.set_password(OWNER, OTHER).await;
        let nobody = app.anonymous();
        let known = nobody.post(REGISTER, registration(OWNER)).await;
        let new = nobody.post(REGISTER, registration("ann@new.test")).await;
        let shape = |answer: &Answer| (answer.status, answer.text.len());
        assert_eq!(shape(&known), shape(&new));
        let mut letters = Vec::new();
        for letter in mail::posted(&app.app).await.expect("mails") {
            let known = mail::text(&app.app, &letter).expect("a text").contains("you sign in as ever");
            letters.push((letter.recipient, known));
        }
        assert_eq!(letters, [("ann@new.test".to_owned(), false), (OWNER.to_owned(), true)]);

        let link = format!("/email-verifications?token={}", app.mailed_token(OWNER).await);
        let mut browser = Browser::new(&app.owner);
        browser.open(&link).await.shows(200, "<h1>Confirm your address</h1>");
        browser.submit("/email-verifications", "", &[]).await.shows(200, "Your address is confirmed");
        assert_eq!((sign_in(&app, OWNER, PASSWORD).await, sign_in(&app, OWNER, OTHER).await), (401, 200));
        browser.sign_in(OWNER, OTHER).await.shows(200, "Choose an organization").shows(200, "Ann&#x27;s");

        app.member("eve@acme.test").await;
        app.owner.post("/v3/invites", json!({ "email": "joe@acme.test" })).await.expect(201);
        for email in ["eve@acme.test", "joe@acme.test"] {
            nobody.post(REGISTER, registration(email)).await.expect(201);
            let token = app.mailed_token(email).await;
            nobody.patch(VERIFY, json!({ "token": token })).await.expect(200);
            assert_eq!(sign_in(&app, email, PASSWORD).await, 401, "{email}");
            nobody.post(RESETS, json!({ "email": email })).await.expect(200);
            let set = json!({ "token": app.mailed_token(email).await, "password": OTHER });
            nobody.patch(RESETS, set).await.expect(200);
            assert_eq!(sign_in(&app, email, OTHER).await, 200);
        }

        // Who registered twice before the mail was read is nobody's account yet.
        nobody.post(REGISTER, registration("ann@new.test")).await.expect(201);
        let token = app.mailed_token("ann@new.test").await;
        nobody.patch(VERIFY, json!({ "token": token })).await.expect(200);
        assert_eq!(sign_in(&app, "ann@new.test", PASSWORD).await, 200);
    }
}

on_both! {
    /// What nobody confirms goes again, and takes nothing else with it.
    async fn registering_and_forgetting(engine: Engine) {
        let app = TestApp::with(engine, &[("REGISTRATION", "true")]).await;
        app.set_password(OWNER, OTHER).await;
        let nobody = app.anonymous();
        for email in ["ann@new.test", OWNER] {
            nobody.post(REGISTER, registration(email)).await.expect(201);
        }
        let organizations = async || app.database.query("SELECT name FROM organizations").await.len();
        app.wall.advance(days(3));
        signin::housekeeping::sweep(&app.app).await.expect("swept");
        assert_eq!(organizations().await, 3, "not at once");
        let late = json!({ "token": app.mailed_token("ann@new.test").await });
        assert_eq!(complaints(nobody.patch(VERIFY, late).await), over());
        app.wall.advance(hours(2));
        signin::housekeeping::sweep(&app.app).await.expect("swept");
        assert_eq!(organizations().await, 1);
        assert_eq!(app.database.holding("ann@new.test").await, [""; 0]);
        assert_eq!(sign_in(&app, OWNER, OTHER).await, 200);
        app.owner.get("/v3/users").await.expect(200);
    }
}

on_both! {
    /// One address gets a few mails; who wants more waits, whether anybody has the address or not.
    async fn registering_again_and_again(engine: Engine) {
        let app = TestApp::with(engine, &[("REGISTRATION", "true")]).await;
        for email in [OWNER, "ann@new.test"] {
            let mut statuses = Vec::new();
            for _ in 0..5 {
                statuses.push(app.anonymous().post(REGISTER, registration(email)).await.status.as_u16());
            }
            assert_eq!(statuses[..3], [201; 3], "{email}");
            assert!(statuses.contains(&429), "{email} {statuses:?}");
        }
    }
}

on_both! {
    /// Through the organization's provider and back to where somebody wanted to be; never to another site.
    async fn by_the_provider(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.team("Developers", "dev").await;
        acme.comes(ann()).await;
        let path = "/kauth/api/v1/authenticate/acme";
        let nobody = acme.app.anonymous();
        let wanted = format!("returnTo={PUBLIC_URL}/device-activate&callback_url={PUBLIC_URL}/login");
        let answer = nobody.get(&format!("{path}?{wanted}")).await;
        assert_eq!(answer.status, 302);
        assert!(answer.header("location").starts_with(&format!("{}/auth?response_type=code&", acme.idp.issuer)));
        let mut browser = Browser::new(&acme.app.owner);
        browser.open(&format!("{path}?{wanted}")).await;
        assert_eq!(browser.shows(200, "Enter the code").path, "/device-activate");

        // An element at our `/login` passes on what the provider sends there.
        let mut browser = Browser::new(&acme.app.owner);
        browser.stop_before(&format!("{PUBLIC_URL}/login"));
        browser.open(&format!("{path}?{wanted}")).await;
        let passed = browser.path.replace("/login?", "/kauth/api/v1/authenticate/oidc-callback?");
        assert!(passed.contains("code=") && passed.contains("state="), "{passed}");
        browser.open(&passed).await;
        assert_eq!(browser.shows(200, "Enter the code").path, "/device-activate");
        Browser::new(&acme.app.owner).open(&passed).await.shows(400, "Begin again");
        let mut lost = Browser::new(&acme.app.owner);
        lost.open("/kauth/api/v1/authenticate/oidc-callback").await.shows(200, "<h1>Sign in</h1>");

        for bad in ["https://evil.test/", "//evil.test", "/\\evil.test", "http://127.0.0.1:8080.evil.test/", "x"] {
            let refused = nobody.get(&format!("{path}?returnTo={bad}")).await;
            assert_eq!(refused.bad_fields(), ["returnTo"], "{bad}");
            let refused = nobody.get(&format!("{path}?callback_url={bad}")).await;
            assert_eq!(refused.bad_fields(), ["callback_url"], "{bad}");
        }
        let missing = nobody.get("/kauth/api/v1/authenticate/nobody").await;
        assert_eq!(missing.bad_fields(), ["organizationLoginPath"]);
    }
}
