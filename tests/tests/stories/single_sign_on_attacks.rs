//! What must not get anybody in. Each attack changes a message that the real provider made; beside each the
//! unchanged one does get in.

use http::Method;
use kernel::WallClock;
use serde_json::json;
use tests::{Browser, Engine, OpenIdProvider, PUBLIC_URL, TestApp, node_peers, on_both};

use crate::{
    id,
    sso::{Acme, PROVIDERS, acme, acme_of, ann},
    text,
};

async fn ready(engine: Engine) -> Option<Acme> {
    let acme = acme(engine).await?;
    acme.team("Developers", "dev").await;
    acme.comes(ann()).await;
    acme.sign_in().await.shows(200, "Ann Lee");
    Some(acme)
}

on_both! {
    /// A falsified identity token, each in one respect; those that were only signed anew, or are off by less
    /// than clocks may be, get in.
    async fn a_falsified_identity_token(engine: Engine) {
        let Some(acme) = ready(engine).await else { return };
        for (tamper, says) in [
            ("none", "cannot be read"),
            ("unsigned", "its signature is not right"),
            ("claims", "its signature is not right"),
            ("key confusion", "signed by a method that is not accepted"),
            ("foreign key", "its signature is not right"),
            ("embedded key", "its signature is not right"),
            ("unknown key", "signed with a key that it does not publish"),
            ("issuer", "another issuer made it"),
            ("audience", "it is for another client"),
            ("audiences", "made for another client"),
            ("party", "made for another client"),
            ("expired", "it has expired"),
            ("no expiry", "it never expires"),
            ("not yet valid", "it is not valid yet"),
            ("made tomorrow", "it is not valid yet"),
            ("nonce", "it answers another sign-in"),
            ("no nonce", "it answers another sign-in"),
            ("no subject", "does not say who signed in"),
            ("userinfo subject", "told about somebody else"),
            ("callback issuer", "came from another sign-in page"),
            ("no callback issuer", "came from another sign-in page"),
        ] {
            let mut claims = ann();
            if tamper == "userinfo subject" {
                // Only what the token lacks is asked for.
                claims.as_object_mut().expect("claims").remove("name");
            }
            acme.comes(claims).await;
            acme.idp.tell(json!({ "tamper": tamper })).await;
            let mut browser = acme.sign_in().await;
            assert_eq!(browser.status, 403, "{tamper}: {}", browser.page);
            browser.shows(403, says);
            assert_eq!(browser.cookie("konnectaccesstoken", "/"), None, "{tamper}");
            browser.open("/account").await.shows(200, "<h1>Sign in</h1>");
            for good in ["", "nothing", "skew"] {
                acme.comes(ann()).await;
                acme.idp.tell(json!({ "tamper": good })).await;
                acme.sign_in().await.shows(200, "Ann Lee");
            }
        }
        let log = acme.app.owner.get("/v3/audit-logs?filter[type]=authentication&page[size]=1000").await.expect(200);
        let refused = log["data"].as_array().expect("entries").iter().filter(|it| it["outcome"] == "invalid");
        assert_eq!(refused.count(), 21);
    }
}

/// Begins a sign-in, and stops before the browser comes back: where it would be led.
async fn halfway(browser: &mut Browser) -> String {
    browser.stop_before(PUBLIC_URL);
    browser.open("/login/acme").await;
    browser.path.clone()
}

on_both! {
    /// An answer is good once, in the browser that asked, and not for long: nobody is signed in as somebody
    /// else by a link (session fixation, login CSRF), nor by what was overheard.
    async fn an_answer_that_is_not_mine(engine: Engine) {
        let Some(acme) = ready(engine).await else { return };
        let gone = "begun in another browser, took too long, or is done already";
        let mut mine = Browser::new(&acme.app.owner);
        let answer = halfway(&mut mine).await;
        assert!(answer.starts_with("/login?") && answer.contains("code=") && answer.contains("state="), "{answer}");
        let mut yours = Browser::new(&acme.app.owner);
        yours.open("/login").await;
        yours.open(&answer).await.shows(400, gone);
        assert_eq!(yours.cookie("konnectaccesstoken", "/"), None);
        mine.open(&answer).await.shows(200, "Ann Lee");
        mine.forget("konnectaccesstoken");
        mine.open(&answer).await.shows(400, gone);

        let mut late = Browser::new(&acme.app.owner);
        let answer = halfway(&mut late).await;
        let before = WallClock::now(&*acme.app.app.wall).plus(std::time::Duration::from_secs(600));
        let session = acme.app.app.db.write();
        let db = frame::db::PlatformScope::new(session.clone());
        signin::sso::store::attempt_purge(&db, before).await.expect("purged");
        session.commit().await.expect("committed");
        late.open(&answer).await.shows(400, gone);

        let mut made_up = Browser::new(&acme.app.owner);
        made_up.open("/login").await;
        made_up.open("/login?code=x&state=y").await.shows(400, gone);
    }
}

on_both! {
    /// A code of another sign-in does not fit mine: the verifier (PKCE) and the nonce tell.
    async fn a_code_that_was_injected(engine: Engine) {
        let Some(acme) = ready(engine).await else { return };
        let (mut mine, mut yours) = (Browser::new(&acme.app.owner), Browser::new(&acme.app.owner));
        let my_answer = halfway(&mut mine).await;
        let your_answer = halfway(&mut yours).await;
        let value = |answer: &str, name: &str| {
            let rest = answer.split_once(&format!("{name}=")).expect("it").1;
            rest.split('&').next().expect("its end").to_owned()
        };
        let injected = my_answer.replace(&value(&my_answer, "code"), &value(&your_answer, "code"));
        mine.open(&injected).await.shows(403, "invalid_grant");
        assert_eq!(mine.cookie("konnectaccesstoken", "/"), None);
        yours.open(&your_answer).await;
    }
}

on_both! {
    /// Nobody makes the server ask inside the network: not by the issuer, not by what the issuer says of itself,
    /// not by a redirect, not by metadata.
    async fn no_way_inside(engine: Engine) {
        let Some(folder) = node_peers() else { return };
        let inside = "http://10.255.255.1/";
        for (told, says) in [
            (json!({ "discovery": { "jwks_uri": inside } }), "in a network that is not allowed"),
            (json!({ "discovery": { "token_endpoint": inside } }), "in a network that is not allowed"),
            (json!({ "discovery": { "userinfo_endpoint": inside } }), "in a network that is not allowed"),
            (json!({ "discovery": { "authorization_endpoint": "ftp://x.test/" } }), "the address is not https"),
            (json!({ "elsewhere": inside }), "the answer has the status 302"),
            (json!({ "elsewhere": "http://localhost:1/" }), "the answer has the status 302"),
        ] {
            let idp = OpenIdProvider::start(&folder);
            idp.tell(told.clone()).await;
            let client = json!({ "client_id": "latchkey", "client_secret": "p@ss: word+%" });
            let acme = acme_of(engine, idp, client).await;
            // What the token lacks is asked for.
            acme.comes(json!({ "sub": "x", "email": "x@acme.test" })).await;
            let browser = acme.sign_in().await;
            assert_eq!(browser.status, 502, "{told}: {}", browser.page);
            browser.shows(502, says);
        }
        let app = TestApp::with(engine, &[("OUTBOUND_HTTP", "false"), ("OUTBOUND_NETWORKS", "")]).await;
        for (n, url) in ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "https://[::1]/", "https://localhost:1/", "https://169.254.169.254/"]
            .into_iter()
            .enumerate()
        {
            let (oidc, saml) = (format!("oidc-{n}"), format!("saml-{n}"));
            let config = json!({ "issuer_url": url, "client_id": "x" });
            let oidc_provider = json!({ "type": "oidc", "login_path": oidc, "config": config });
            let metadata = json!({ "idp_metadata_url": url });
            let saml_provider = json!({ "type": "saml", "login_path": saml, "config": metadata });
            for provider in [oidc_provider, saml_provider] {
                let made = app.owner.post(PROVIDERS, provider).await.expect(201);
                let test = format!("{PROVIDERS}/{}/test", id(&made));
                let rehearsal = app.owner.post(&test, json!({})).await.expect(201);
                let mut browser = Browser::new(&app.owner);
                browser.open_url(text(&rehearsal, "url")).await;
                assert_eq!(browser.status, 502, "{url}: {}", browser.page);
                let says = if url.starts_with("http:") { "is not https" } else { "in a network that is not allowed" };
                browser.shows(502, says);
            }
        }
    }
}

on_both! {
    /// One address does not fill the table.
    async fn too_many_at_once(engine: Engine) {
        let Some(acme) = ready(engine).await else { return };
        let nobody = acme.app.anonymous().unchecked();
        for _ in 0..300 {
            assert_eq!(nobody.get("/v3/authenticate/acme").await.status, 302);
        }
        let refused = nobody.send(Method::GET, "/v3/authenticate/acme", &[], Vec::new()).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "60"));
    }
}
