//! What is tried to sign in with a passkey. Beside each attack stands what is good, so that it is the attack that is
//! refused.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tests::{
    Browser, Engine, PasskeyDevice, TestApp, on_both,
    passkey_device::{Algorithm, ELIGIBLE, PRESENT, Says, VERIFIED, base64url, bytes},
};

use crate::{
    hours,
    passkey_attacks::{LIES, Lie, SIGNED_IN, UNKNOWN, extensions},
    passkeys::{ALONE, BESIDE, ORIGIN, OWNER, PASSWORD, alone, device, entries, start, with_passkey},
};

/// A page of signing in, once what was counted is forgotten.
pub async fn fresh(app: &TestApp) -> Browser {
    app.wall.advance(hours(2));
    let mut browser = Browser::new(&app.owner);
    browser.open("/login").await;
    browser
}

on_both! {
    /// No lie signs in with a passkey, alone or beside the password; then the truth does.
    async fn signing_in(engine: Engine) {
        let app = start(engine).await;
        let mut phone = device();
        with_passkey(&app, OWNER, &mut phone).await;
        let more: [Lie; 4] = [
            ("a registration", |says| says.kind = "webauthn.create"),
            ("a passkey that nobody has", |says| says.id = vec![7; 32]),
            ("another person's, it says", |says| says.user_handle = Some(vec![7; 16])),
            ("not able to be backed up, suddenly", |says| says.flags = PRESENT | VERIFIED),
        ];
        let only_alone: [Lie; 2] = [
            ("the owner was not recognized", |says| says.flags = PRESENT | ELIGIBLE),
            ("it does not say whose", |says| says.user_handle = None),
        ];
        for (what, lie) in LIES.into_iter().chain(more).chain(only_alone) {
            let mut browser = fresh(&app).await;
            let answer = phone.get_lying(&browser.passkey_options(ALONE), lie).to_string();
            browser.submit(ALONE, "", &[("credential", &answer)]).await;
            assert!(browser.status == 401 && browser.page.contains(UNKNOWN), "{what}: {}", browser.page);
            assert_eq!(browser.cookie("konnectaccesstoken", "/"), None);
        }
        for (what, lie) in LIES.into_iter().chain(more) {
            let mut browser = fresh(&app).await;
            browser.sign_in(OWNER, PASSWORD).await;
            let answer = phone.get_lying(&browser.passkey_options(BESIDE), lie).to_string();
            browser.submit(BESIDE, "", &[("credential", &answer)]).await;
            assert!(browser.status == 401 && browser.page.contains("is not believed"), "{what}: {}", browser.page);
            assert_eq!(browser.cookie("konnectaccesstoken", "/"), None);
        }
        for (what, lie) in only_alone {
            let mut browser = fresh(&app).await;
            browser.sign_in(OWNER, PASSWORD).await;
            let answer = phone.get_lying(&browser.passkey_options(BESIDE), lie).to_string();
            browser.submit(BESIDE, "", &[("credential", &answer)]).await;
            assert!(browser.status == 200 && browser.page.contains(SIGNED_IN), "{what}: {}", browser.page);
        }
        let mut browser = fresh(&app).await;
        let answer = phone.get_lying(&browser.passkey_options(ALONE), extensions).to_string();
        browser.submit(ALONE, "", &[("credential", &answer)]).await.shows(200, SIGNED_IN);
        // Each failure of a known passkey is in the log.
        let log = entries(&app).await;
        let failed = log.iter().filter(|it| it["outcome"] == "invalid_password" && it["successful"] == false);
        assert!(failed.count() > 30);
    }
}

on_both! {
    /// Nothing that was signed can be changed, and nothing else was signed.
    async fn tampering(engine: Engine) {
        let app = start(engine).await;
        let mut phone = device();
        with_passkey(&app, OWNER, &mut phone).await;
        for (part, at) in [("signature", 20), ("authenticatorData", 36), ("clientDataJSON", 3)] {
            let mut browser = fresh(&app).await;
            let mut answer = phone.get(&browser.passkey_options(ALONE));
            let mut changed = bytes(&answer["response"][part]);
            changed[at] ^= 1;
            answer["response"][part] = json!(base64url(changed));
            browser.submit(ALONE, "", &[("credential", &answer.to_string())]).await.shows(401, UNKNOWN);
        }
        // Another key's signature under this passkey's id.
        let (mut browser, mut other) = (fresh(&app).await, device());
        let options = browser.passkey_options(ALONE);
        let mine = phone.get(&options);
        let making = json!({
            "challenge": "", "rp": { "id": "localhost" }, "user": { "id": mine["response"]["userHandle"] },
            "pubKeyCredParams": [{ "alg": -7 }], "excludeCredentials": [],
        });
        other.create(&making);
        let forged = other.get_lying(&options, |says| says.id = bytes(&mine["id"])).to_string();
        browser.submit(ALONE, "", &[("credential", &forged)]).await.shows(401, UNKNOWN);
        // A signature over other client data that says the same.
        let mut browser = fresh(&app).await;
        let mut answer = phone.get(&browser.passkey_options(ALONE));
        let mut padded = bytes(&answer["response"]["clientDataJSON"]);
        padded.push(b' ');
        answer["response"]["clientDataJSON"] = json!(base64url(padded));
        browser.submit(ALONE, "", &[("credential", &answer.to_string())]).await.shows(401, UNKNOWN);
        alone(&mut Browser::new(&app.owner), &mut phone).await.shows(200, SIGNED_IN);
    }
}

on_both! {
    /// An answer is good once, for what was asked, in the browser that asked, for five minutes.
    async fn challenges(engine: Engine) {
        let app = start(engine).await;
        let mut phone = device();
        with_passkey(&app, OWNER, &mut phone).await;
        let stale = "That took too long, or was sent twice.";
        let (mut other, mut browser) = (fresh(&app).await, fresh(&app).await);
        other.open("/login").await;
        let answer = phone.get(&browser.passkey_options(ALONE)).to_string();
        other.submit(ALONE, "", &[("credential", &answer)]).await.shows(401, stale);

        browser.open("/login").await;
        let answer = phone.get(&browser.passkey_options(ALONE)).to_string();
        browser.submit(ALONE, "", &[("credential", &answer)]).await.shows(200, SIGNED_IN);
        browser.submit("/account/sign-out", "", &[]).await;
        browser.open("/login").await;
        browser.submit(ALONE, "", &[("credential", &answer)]).await.shows(401, stale);

        // What was asked beside the password does not open alone, and the other way round.
        let mut browser = fresh(&app).await;
        let for_alone = browser.passkey_options(ALONE);
        browser.sign_in(OWNER, PASSWORD).await;
        let mut for_beside = browser.passkey_options(BESIDE);
        let answer = phone.get(&for_alone).to_string();
        browser.submit(BESIDE, "", &[("credential", &answer)]).await.shows(401, stale);
        for_beside["challenge"] = browser.passkey_options(BESIDE)["challenge"].clone();
        let answer = phone.get(&for_beside).to_string();
        browser.open("/login").await;
        browser.submit(ALONE, "", &[("credential", &answer)]).await.shows(401, stale);

        for (seconds, status) in [(301, 401), (299, 200)] {
            let mut browser = fresh(&app).await;
            let answer = phone.get(&browser.passkey_options(ALONE)).to_string();
            app.wall.advance(Duration::from_secs(seconds));
            browser.submit(ALONE, "", &[("credential", &answer)]).await;
            assert_eq!(browser.status, status, "{}", browser.page);
        }
        // A page that was open for long sends nothing, and is told to ask again.
        let mut browser = fresh(&app).await;
        browser.submit(ALONE, "", &[]).await.shows(401, stale);
        // None lies in the database in clear, and what is over is forgotten.
        let challenge = browser.passkey_options(ALONE)["challenge"].as_str().expect("a challenge").to_owned();
        assert_eq!(app.database.holding(&challenge).await, [""; 0]);
        assert!(!app.database.dump().await["passkey_challenges"].is_empty());
        app.wall.advance(hours(1));
        signin::housekeeping::sweep(&app.app).await.expect("swept");
        assert!(app.database.dump().await["passkey_challenges"].is_empty());
    }
}

on_both! {
    /// Of many who send the same answer at once, one is let in.
    async fn at_once(engine: Engine) {
        let app = start(engine).await;
        let mut phone = device();
        with_passkey(&app, OWNER, &mut phone).await;
        let browser = fresh(&app).await;
        let answer = phone.get(&browser.passkey_options(ALONE)).to_string();
        let csrf = browser.page.split("name=\"csrf\" value=\"").nth(1).expect("a form").split('"').next().expect("its end");
        let fields = [("csrf", csrf), ("credential", &*answer)];
        let encode = |text: &str| percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string();
        let body = fields.map(|(name, value)| format!("{name}={}", encode(value))).join("&");
        let cookies = browser.cookie_header(ALONE);
        let statuses = crate::at_once((0..4).map(|_| {
            let (client, cookies, body) = (app.anonymous().unchecked(), cookies.clone(), body.clone());
            async move {
                let headers = [
                    ("cookie", &*cookies), ("sec-fetch-site", "same-origin"),
                    ("content-type", "application/x-www-form-urlencoded"),
                ];
                client.send(Method::POST, ALONE, &headers, body.into_bytes()).await
            }
        }))
        .await;
        assert_eq!(statuses.get(&303), Some(&1), "{statuses:?}");
        assert_eq!(statuses.get(&500), None);
    }
}

on_both! {
    /// One person's passkey is nobody else's second factor.
    async fn another_persons(engine: Engine) {
        let app = start(engine).await;
        app.member("ann@acme.test").await;
        app.set_password("ann@acme.test", PASSWORD).await;
        let (mut hers, mut theirs) = (device(), device());
        with_passkey(&app, "ann@acme.test", &mut hers).await;
        with_passkey(&app, OWNER, &mut theirs).await;
        for handle in [true, false] {
            let mut browser = fresh(&app).await;
            browser.sign_in(OWNER, PASSWORD).await;
            let mut options = browser.passkey_options(BESIDE);
            options["allowCredentials"] = json!([]);
            let lie = |says: &mut Says| {
                if !handle {
                    says.user_handle = None;
                }
            };
            let answer = hers.get_lying(&options, lie).to_string();
            browser.submit(BESIDE, "", &[("credential", &answer)]).await.shows(401, "is not believed");
            let answer = theirs.get_lying(&browser.passkey_options(BESIDE), lie).to_string();
            browser.submit(BESIDE, "", &[("credential", &answer)]).await.shows(200, "owner@acme.test");
        }
        // A passkey opens its own person's account and no page of another's passkeys.
        let mut browser = fresh(&app).await;
        alone(&mut browser, &mut hers).await.shows(200, "ann@acme.test");
        let own = browser.page.split("passkey?passkey=").nth(1).expect("a passkey").split('"').next().expect("its end").to_owned();
        let mut owner = fresh(&app).await;
        alone(&mut owner, &mut theirs).await.shows(200, OWNER);
        owner.open(&format!("/account/passkey?passkey={own}")).await.shows(404, "There is no such page");
        owner.open("/account").await;
        owner.post_form("/account/passkey/remove", &[("passkey", &own), ("password", PASSWORD)]).await.shows(404, "no such page");
        owner.open("/account").await;
        owner.post_form("/account/passkey/rename", &[("passkey", &own), ("name", "Mine")]).await.shows(404, "no such page");
        alone(&mut fresh(&app).await, &mut hers).await.shows(200, "ann@acme.test");
    }
}

on_both! {
    /// A passkey that has signed less often than before, or as often, was copied: it is refused, and that is in the log.
    async fn a_copy(engine: Engine) {
        let app = start(engine).await;
        let mut phone = device();
        with_passkey(&app, OWNER, &mut phone).await;
        let try_with = async |phone: &mut PasskeyDevice, count: u32, beside: bool| {
            let mut browser = fresh(&app).await;
            if beside {
                browser.sign_in(OWNER, PASSWORD).await;
            }
            let form = if beside { BESIDE } else { ALONE };
            let answer = phone.get_lying(&browser.passkey_options(form), |says| says.count = count).to_string();
            browser.submit(form, "", &[("credential", &answer)]).await;
            browser.status
        };
        for (count, status) in [(7, 200), (7, 401), (6, 401), (0, 401), (8, 200)] {
            assert_eq!(try_with(&mut phone, count, false).await, status, "{count}");
        }
        for (count, status) in [(8, 401), (0, 401), (9, 200)] {
            assert_eq!(try_with(&mut phone, count, true).await, status, "{count}");
        }
        let log = entries(&app).await;
        let outcomes: Vec<_> = log.iter().filter(|it| it["outcome"] == "invalid").map(|it| &it["principal_id"]).collect();
        assert_eq!(outcomes, vec![&json!(app.owner_id); 5]);
    }
}

on_both! {
    /// Guessing gets slow, and a passkey that nobody has is no different from one that somebody has.
    async fn guessing(engine: Engine) {
        let app = start(engine).await;
        let mut phone = device();
        with_passkey(&app, OWNER, &mut phone).await;
        let mut answers = Vec::new();
        for id in [None, Some(vec![7; 32])] {
            app.wall.advance(hours(2));
            let mut seen = Vec::new();
            for _ in 0..7 {
                let mut browser = Browser::new(&app.owner);
                browser.open("/login").await;
                let mut answer = phone.get_lying(&browser.passkey_options(ALONE), |says| {
                    if let Some(id) = &id {
                        says.id.clone_from(id);
                    }
                });
                answer["response"]["signature"] = json!("AAAA");
                browser.submit(ALONE, "", &[("credential", &answer.to_string())]).await;
                let says = browser.page.split("role=\"alert\">").nth(1).expect("a reason").split('<').next().expect("its end").to_owned();
                seen.push((browser.status, says));
            }
            answers.push(seen);
        }
        assert_eq!(answers[0], answers[1]);
        let statuses: Vec<u16> = answers[0].iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 429]);
        // The password of the same person is not held up, and beside it codes and passkeys are counted as one.
        app.wall.advance(hours(2));
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await.shows(200, "Use your passkey");
        for _ in 0..3 {
            browser.submit("/login/second-factor", "", &[("code", "123456")]).await.shows(401, "not right");
            browser.submit(BESIDE, "", &[("credential", "{}")]).await.shows(401, "is not believed");
        }
        let answer = phone.get(&browser.passkey_options(BESIDE)).to_string();
        browser.submit(BESIDE, "", &[("credential", &answer)]).await.shows(429, "Too many attempts.");
    }
}

on_both! {
    /// Other devices of the same person go on while one is removed; a choice that is open does not outlive its passkey.
    async fn removed_meanwhile(engine: Engine) {
        let app = start(engine).await;
        app.rival(OWNER).await;
        let mut phone = PasskeyDevice::new(Algorithm::EdDsa, ORIGIN);
        let mut browser = Browser::new(&app.owner);
        browser.sign_in(OWNER, PASSWORD).await;
        browser.submit("/choose-organization", "Acme", &[]).await;
        crate::passkeys::add(&mut browser, &mut phone, "Phone").await;
        let (mut waiting, mut control) = (Browser::new(&app.owner), Browser::new(&app.owner));
        alone(&mut waiting, &mut phone).await.shows(200, "Choose an organization");
        alone(&mut control, &mut phone).await.shows(200, "Choose an organization");
        control.submit("/choose-organization", "Acme", &[]).await.shows(200, SIGNED_IN);
        app.database.beside().await.query("DELETE FROM passkeys").await;
        waiting.submit("/choose-organization", "Acme", &[]).await.shows(401, "That took too long");
        assert_eq!(waiting.cookie("konnectaccesstoken", "/"), None);
    }
}
