//! Passkeys: adding one, signing in with it alone and beside a password, losing it. What is tried against them is in
//! `passkey_attacks` and `passkey_sign_in_attacks`.

use frame::mail;
use serde_json::{Value, json};
use tests::{
    Browser, Engine, PasskeyDevice, TestApp, on_both,
    passkey_device::{Algorithm, ELIGIBLE, PRESENT},
};

pub const PASSWORD: &str = "Correct-Horse-7";
pub const OWNER: &str = "owner@acme.test";
/// Where the server is, as browsers have it: by a name, since there are no passkeys for addresses.
pub const ORIGIN: &str = "http://localhost:8080";

pub const ADD: &str = "/account/passkeys/add";
pub const ALONE: &str = "/login/passkey";
pub const BESIDE: &str = "/login/second-factor/passkey";
const SIGNED_IN: &str = "Where you are signed in";

/// A Latchkey whose owner has a password.
pub async fn start(engine: Engine) -> TestApp {
    let app = TestApp::with(engine, &[("PUBLIC_URL", ORIGIN)]).await;
    app.set_password(OWNER, PASSWORD).await;
    app
}

pub fn device() -> PasskeyDevice {
    PasskeyDevice::new(Algorithm::Es256, ORIGIN)
}

/// Begins to add a passkey on the account page, with the password.
pub async fn begin(browser: &mut Browser) -> &mut Browser {
    browser.open("/account").await;
    browser.submit("/account/passkeys", "", &[("password", PASSWORD)]).await
}

/// Adds a passkey of a device.
pub async fn add(browser: &mut Browser, device: &mut PasskeyDevice, name: &str) {
    begin(browser).await.shows(200, "Make a passkey");
    let made = device.create(&browser.passkey_options(ADD)).to_string();
    browser.submit(ADD, "", &[("name", name), ("credential", &made)]).await;
    assert_eq!(browser.status, 200, "{}", browser.page);
}

/// A browser whose person has signed in with the password and added a passkey.
pub async fn with_passkey(app: &TestApp, email: &str, device: &mut PasskeyDevice) -> Browser {
    let mut browser = Browser::new(&app.owner);
    browser.sign_in(email, PASSWORD).await.shows(200, SIGNED_IN);
    add(&mut browser, device, "My phone").await;
    browser
}

/// Signs in with a passkey and nothing else.
pub async fn alone<'b>(browser: &'b mut Browser, device: &mut PasskeyDevice) -> &'b mut Browser {
    browser.open("/login").await;
    let shown = device.get(&browser.passkey_options(ALONE)).to_string();
    browser.submit(ALONE, "", &[("credential", &shown)]).await
}

/// The recovery codes that a page shows.
fn recovery_codes(browser: &Browser) -> Vec<String> {
    let items = browser.page.split("<li><code>").skip(1);
    items.map(|item| item.split('<').next().expect("its end").to_owned()).collect()
}

/// The path of the page of a browser's only passkey.
fn manage(browser: &Browser) -> String {
    let id = browser.page.split("href=\"/account/passkey?passkey=").nth(1).expect("a passkey");
    format!("/account/passkey?passkey={}", id.split('"').next().expect("its end"))
}

/// What the audit log has on passkeys and their use, the oldest first.
pub async fn entries(app: &TestApp) -> Vec<Value> {
    let log = app.owner.get("/v3/audit-logs?page[size]=100").await.expect(200);
    let mut entries = log["data"].as_array().expect("entries").clone();
    entries.reverse();
    entries.retain(|it| {
        it["type"] == "authentication" || it["resource"].as_str().is_some_and(|it| it.contains("/passkeys/"))
    });
    entries
}

on_both! {
    /// A passkey is added with the password. From then on it signs in alone, and beside the password.
    async fn a_passkey(engine: Engine) {
        let app = start(engine).await;
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await.shows(200, "<h2 id=\"passkeys\">Passkeys</h2>");
        let wrong = [("password", "Wrong-Horse-77")];
        browser.submit("/account/passkeys", "", &wrong).await.shows(401, "This is not your present password.");
        begin(&mut browser).await.shows(200, "Make a passkey");
        let options = browser.passkey_options(ADD);
        assert_eq!((&options["rp"]["id"], &options["attestation"]), (&json!("localhost"), &json!("none")));
        assert_eq!((&options["user"]["name"], &options["user"]["displayName"]), (&json!(OWNER), &json!("owner")));
        let mut phone = device();
        let made = phone.create(&options).to_string();
        let nameless = [("name", " "), ("credential", made.as_str())];
        browser.submit(ADD, "", &nameless).await.shows(400, "Give it a name.");
        let named = [("name", "My <phone>"), ("credential", made.as_str())];
        browser.submit(ADD, "", &named).await.shows(200, "I have kept them");
        let codes = recovery_codes(&browser);
        assert_eq!(codes.len(), 10);
        browser.open("/account").await.shows(200, "My &lt;phone&gt;").shows(200, "never used");
        browser.shows(200, "A passkey is asked for beside your password. You have 10 recovery codes left");

        // Alone.
        let mut next = Browser::new(&app.owner);
        next.open("/login?return_to=/device-activate").await;
        let options = next.passkey_options(ALONE);
        assert_eq!((&options["userVerification"], &options["allowCredentials"]), (&json!("required"), &json!([])));
        let shown = phone.get(&options).to_string();
        next.submit(ALONE, "", &[("credential", &shown)]).await.shows(200, "Enter the code that your command line");
        assert_eq!(next.path, "/device-activate");
        next.open("/account").await.shows(200, "last used");

        // Beside the password, which opens nothing by itself any more; a recovery code does, too.
        let mut third = Browser::new(&app.owner);
        third.sign_in(OWNER, PASSWORD).await.shows(200, "Use your passkey, or enter one of your recovery codes.");
        assert_eq!(third.cookie("konnectaccesstoken", "/"), None);
        let options = third.passkey_options(BESIDE);
        assert_eq!(options["userVerification"], "preferred");
        assert_eq!(options["allowCredentials"].as_array().map(Vec::len), Some(1));
        let shown = phone.get(&options).to_string();
        third.submit(BESIDE, "", &[("credential", &shown)]).await.shows(200, SIGNED_IN);
        let mut fourth = Browser::new(&app.owner);
        fourth.sign_in(OWNER, PASSWORD).await;
        fourth.submit("/login/second-factor", "", &[("code", &codes[0])]).await.shows(200, "You have 9 recovery codes left");
        let kauth = json!({ "username": OWNER, "password": PASSWORD });
        app.anonymous().post("/kauth/api/v1/authenticate", kauth.clone()).await.expect(403);

        // Another name, and away with it.
        let page = manage(browser.open("/account").await);
        browser.open(&page).await.shows(200, "A passkey of yours, added ");
        let long = "x".repeat(101);
        browser.submit("/account/passkey/rename", "", &[("name", &long)]).await.shows(400, "The name is too long");
        browser.submit("/account/passkey/rename", "", &[("name", " Old phone ")]).await.shows(200, "<strong>Old phone</strong>");
        browser.open(&page).await;
        browser.submit("/account/passkey/remove", "", &wrong).await.shows(401, "This is not your present password.");
        browser.submit("/account/passkey/remove", "", &[("password", PASSWORD)]).await.shows(200, "The passkey is removed.");
        assert_eq!(app.database.dump().await["recovery_codes"], [""; 0], "they stand for nothing");
        alone(&mut Browser::new(&app.owner), &mut phone).await.shows(401, "This passkey does not let you in.");
        Browser::new(&app.owner).sign_in(OWNER, PASSWORD).await.shows(200, SIGNED_IN);
        app.anonymous().post("/kauth/api/v1/authenticate", kauth).await.expect(200);
        let log = entries(&app).await;
        let changes: Vec<_> = log.iter().filter(|it| it["type"] == "authorization").map(|it| it["action"].clone()).collect();
        assert_eq!(changes, [json!("create"), json!("edit"), json!("delete")]);
        assert!(log.iter().filter(|it| it["type"] == "authentication").all(|it| it["authentication_type"] == "basic"));
    }
}

on_both! {
    /// Devices sign in three ways, count or do not, know their owner or do not, and sign for themselves or do not.
    async fn every_make(engine: Engine) {
        let app = start(engine).await;
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await;
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            for counts in [true, false] {
                let mut device = PasskeyDevice::new(algorithm, ORIGIN);
                device.counts = counts;
                let name = format!("{algorithm:?} {counts}");
                add(&mut browser, &mut device, &name).await;
                browser.open("/account").await.shows(200, &name);
                for _ in 0..2 {
                    alone(&mut Browser::new(&app.owner), &mut device).await.shows(200, SIGNED_IN);
                }
            }
        }
        let mut signing = device();
        begin(&mut browser).await;
        let made = signing.create_lying(&browser.passkey_options(ADD), |says| {
            says.format = "packed";
            says.self_signed = true;
        });
        browser.submit(ADD, "", &[("name", "Signs for itself"), ("credential", &made.to_string())]).await;
        browser.shows(200, "The passkey is added.");
        // A key without a PIN is good beside a password only.
        let mut key = device();
        key.flags = PRESENT;
        add(&mut browser, &mut key, "A key").await;
        alone(&mut Browser::new(&app.owner), &mut key).await.shows(401, "This passkey does not let you in.");
        let mut beside = Browser::new(&app.owner);
        beside.sign_in(OWNER, PASSWORD).await;
        let shown = key.get(&beside.passkey_options(BESIDE)).to_string();
        beside.submit(BESIDE, "", &[("credential", &shown)]).await.shows(200, SIGNED_IN);
    }
}

on_both! {
    /// A passkey opens what the person's password would: the organizations that take passwords, for users who are
    /// active, with the choice among them.
    async fn which_organizations(engine: Engine) {
        let app = start(engine).await;
        let rival = app.rival(OWNER).await;
        let mut phone = device();
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await;
        browser.submit("/choose-organization", "Acme", &[]).await.shows(200, SIGNED_IN);
        add(&mut browser, &mut phone, "My phone").await;

        let mut both = Browser::new(&app.owner);
        alone(&mut both, &mut phone).await.shows(200, "Choose an organization");
        assert_eq!(both.cookie("konnectaccesstoken", "/"), None);
        both.submit("/choose-organization", "Rival", &[]).await.shows(200, "<dd>Rival</dd>");
        // It is the person's session, as one by password, and stays one by passkey in the other organization.
        both.submit("/account/organization", "Acme", &[]).await.shows(200, "<dd>Acme</dd>");
        let methods = app.database.beside().await.query("SELECT method FROM sessions ORDER BY seq").await;
        assert_eq!(methods, ["password", "passkey"]);

        let no_passwords = "UPDATE organizations SET basic_auth_enabled = false WHERE name = 'Rival'";
        app.database.beside().await.query(no_passwords).await;
        let mut one = Browser::new(&app.owner);
        alone(&mut one, &mut phone).await.shows(200, "<dd>Acme</dd>");
        assert!(!one.page.contains("Rival"));
        app.database.beside().await.query("UPDATE users SET active = false").await;
        let mut none = Browser::new(&app.owner);
        alone(&mut none, &mut phone).await.shows(403, "No organization of yours takes a password");
        assert_eq!(none.cookie("konnectaccesstoken", "/"), None);
        drop(rival);
    }
}

on_both! {
    /// An organization that wants a second factor is content with a passkey, also with one that is added on the way in.
    async fn an_organization_wants_one(engine: Engine) {
        let app = start(engine).await;
        app.owner.patch("/v3/organizations/me", json!({ "mfa_enabled": true })).await.expect(200);
        let form = "/login/second-factor/add-passkey";
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await.shows(200, "Your organization asks for a second factor");
        let mut phone = device();
        let lying = phone.create_lying(&browser.passkey_options(form), |says| says.flags = ELIGIBLE).to_string();
        browser.submit(form, "", &[("name", "Phone"), ("credential", &lying)]).await.shows(400, "This passkey could not be added.");
        assert_eq!(browser.cookie("konnectaccesstoken", "/"), None);
        let mut phone = device();
        let made = phone.create(&browser.passkey_options(form)).to_string();
        browser.submit(form, "", &[("name", ""), ("credential", &made)]).await.shows(400, "Give it a name.");
        let made = phone.create_lying(&browser.passkey_options(form), |_| {}).to_string();
        browser.submit(form, "", &[("name", "Phone"), ("credential", &made)]).await.shows(200, "I have kept them");
        browser.open("/account").await.shows(200, "<strong>Phone</strong>");
        alone(&mut Browser::new(&app.owner), &mut phone).await.shows(200, SIGNED_IN);
        // The last one goes as an app would: the next sign-in has to add one.
        let page = manage(&browser);
        browser.open(&page).await;
        browser.submit("/account/passkey/remove", "", &[("password", PASSWORD)]).await.shows(200, "The passkey is removed.");
        Browser::new(&app.owner).sign_in(OWNER, PASSWORD).await.shows(200, "Your organization asks for a second factor");
    }
}

on_both! {
    /// App and passkeys stand beside one another: either will do, the recovery codes stay until both are gone, and an
    /// administrator takes all of them away.
    async fn beside_an_app(engine: Engine) {
        let app = start(engine).await;
        let member = app.member("ann@acme.test").await;
        app.set_password("ann@acme.test", PASSWORD).await;
        let mut phone = device();
        let mut browser = with_passkey(&app, "ann@acme.test", &mut phone).await;
        browser.open("/account").await;
        browser.press("/account/second-factor", &[("password", PASSWORD), ("what", "add")]).await;
        let authenticator = crate::second_factors::Authenticator::of(&browser);
        let code = authenticator.shows(&app, 0);
        browser.submit("/account/second-factor/add", "", &[("code", &code)]).await;
        assert_eq!(browser.path, "/account", "the recovery codes of the passkey go on");
        browser.shows(200, "An authenticator app is asked for beside your password. You have 10 recovery codes left");
        let mut next = Browser::new(&app.owner);
        next.sign_in("ann@acme.test", PASSWORD).await.shows(200, "Enter the code that your authenticator app shows");
        next.passkey_options(BESIDE);
        let code = authenticator.shows(&app, 1);
        next.submit("/login/second-factor", "", &[("code", &code)]).await.shows(200, SIGNED_IN);
        browser.open("/account").await;
        browser.press("/account/second-factor", &[("password", PASSWORD), ("what", "remove")]).await;
        browser.shows(200, "You have 10 recovery codes left");
        Browser::new(&app.owner).sign_in("ann@acme.test", PASSWORD).await.shows(200, "Use your passkey");

        let mfa = format!("/v3/users/{}/mfa", member.id);
        app.owner.delete(&mfa).await.expect(204);
        browser.open("/account").await.shows(200, "<h1>Sign in</h1>");
        alone(&mut Browser::new(&app.owner), &mut phone).await.shows(401, "This passkey does not let you in.");
        browser.sign_in("ann@acme.test", PASSWORD).await.shows(200, SIGNED_IN);
        let left = app.database.dump().await;
        assert!(left["passkeys"].is_empty() && left["recovery_codes"].is_empty());
    }
}

on_both! {
    /// Signing in with a passkey from something new is told by mail, as with a password.
    async fn told_by_mail(engine: Engine) {
        let app = start(engine).await;
        let mut phone = device();
        with_passkey(&app, OWNER, &mut phone).await;
        let mut browser = Browser::new(&app.owner);
        browser.agent = "Mozilla/5.0 (iPhone) Safari/605".to_owned();
        alone(&mut browser, &mut phone).await.shows(200, SIGNED_IN);
        let mails = mail::posted(&app.app).await.expect("mails");
        let about: Vec<_> = mails.iter().filter(|mail| mail.subject.contains("New sign-in")).collect();
        assert_eq!(about.len(), 1);
        assert!(mail::text(&app.app, about[0]).expect("a text").contains("Safari"));
    }
}

on_both! {
    /// A person has so many passkeys, and no more.
    async fn so_many(engine: Engine) {
        let app = start(engine).await;
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await;
        for number in 1..=20 {
            add(&mut browser, &mut device(), &format!("Device {number}")).await;
        }
        begin(&mut browser).await.shows(409, "You have 20 passkeys.");
    }
}

on_both! {
    /// Where the server has no name that browsers trust, there are no passkeys, and no scripts.
    async fn not_offered(engine: Engine) {
        let app = TestApp::new(engine).await;
        app.set_password(OWNER, PASSWORD).await;
        let mut browser = Browser::new(&app.owner);
        browser.open("/login").await.shows(200, "<h1>Sign in</h1>");
        assert!(!browser.page.contains("passkey") && !browser.policy.contains("script"), "{}", browser.policy);
        browser.post_form(ALONE, &[("credential", "{}")]).await.shows(404, "There is no such page");
        browser.sign_in(OWNER, PASSWORD).await.shows(200, SIGNED_IN);
        assert!(!browser.page.contains("asskey") && !browser.policy.contains("script"), "{}", browser.policy);
        browser.post_form("/account/passkeys", &[("password", PASSWORD)]).await.shows(404, "There is no such page");
    }
}

on_both! {
    /// A script of ours runs on the pages that offer passkeys, and on no others; none is in a page.
    async fn scripts(engine: Engine) {
        let app = start(engine).await;
        let mut browser = Browser::new(&app.owner);
        let ours = |browser: &Browser| {
            let policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
            assert_eq!(browser.policy, policy);
            assert_eq!(browser.page.matches("<script").count(), 1);
            assert!(browser.page.contains("/passkeys.js\" defer></script>"));
        };
        browser.open("/login").await;
        ours(&browser);
        let source = browser.page.split("<script src=\"").nth(1).expect("a script").split('"').next().expect("its end");
        let script = app.anonymous().get(&source.replace("&#x2f;", "/")).await;
        assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(script.header("x-content-type-options"), "nosniff");
        browser.sign_in(OWNER, PASSWORD).await;
        ours(&browser);
        begin(&mut browser).await;
        ours(&browser);
        add(&mut browser, &mut device(), "Phone").await;
        let mut second = Browser::new(&app.owner);
        second.sign_in(OWNER, PASSWORD).await;
        ours(&second);
        for page in ["/password/forgot", "/device-activate", "/sso", &manage(browser.open("/account").await)] {
            browser.open(page).await;
            assert!(!browser.policy.contains("script") && !browser.page.contains("<script"), "{page}");
        }
    }
}

on_both! {
    /// A session that an organization's provider opened sees no passkeys of the person, and changes none.
    async fn not_by_single_sign_on(engine: Engine) {
        let app = start(engine).await;
        let mut browser = with_passkey(&app, OWNER, &mut device()).await;
        let page = manage(browser.open("/account").await);
        browser.open(&page).await.shows(200, "Remove it");
        app.database.beside().await.query("UPDATE sessions SET method = 'oidc'").await;
        let id = page.split('=').nth(1).expect("an id");
        let why = "Sign in with your password to change your second factor.";
        for (path, fields) in [
            ("/account/passkeys", &[("password", PASSWORD)][..]),
            ("/account/passkey/rename", &[("passkey", id), ("name", "Mine")]),
            ("/account/passkey/remove", &[("passkey", id), ("password", PASSWORD)]),
        ] {
            browser.open("/account").await.shows(200, SIGNED_IN);
            assert!(!browser.page.contains("asskey"));
            browser.post_form(path, fields).await.shows(403, why);
        }
        browser.open(&page).await.shows(403, why);
    }
}
