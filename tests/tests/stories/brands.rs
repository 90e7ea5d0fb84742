//! Whose name and colour pages show.

use frame::mail;
use serde_json::{Value, json};
use tests::{Browser, Engine, TestApp, on_both};

use crate::{complaints, id, lacks, problem};

const BRAND: &str = "/v3/organizations/me/brand";
const PASSWORD: &str = "Correct-Horse-7";

/// Whose page it is: what its bar says, and the colour of its stylesheet and its mark.
fn shown(browser: &Browser) -> (String, String) {
    let page = &browser.page;
    let name = page.split("aria-hidden=\"true\"></span>").nth(1).expect("a bar").split('<').next().unwrap();
    let colors = ["style.css", "mark.svg"].map(|file| {
        let path = page.split('"').find(|text| text.starts_with("/assets/") && text.ends_with(file));
        path.expect("a file").split('/').nth(3).expect("a colour").to_owned()
    });
    assert_eq!(colors[0], colors[1]);
    let title = page.split("<title>").nth(1).expect("a title").split("</title>").next().unwrap();
    assert!(title.ends_with(&format!(" · {name}")), "{title}");
    (name.to_owned(), format!("#{}", colors[0]))
}

fn pair(name: &str, color: &str) -> (String, String) {
    (name.to_owned(), color.to_owned())
}

/// The link of the newest mail, as a path.
async fn link(app: &TestApp) -> String {
    let mails = mail::posted(&app.app).await.expect("mails");
    let text = mail::text(&app.app, mails.first().expect("a mail")).expect("a text");
    let line = text.lines().find(|line| line.contains("?token=")).expect("a link");
    line.trim_start_matches(&app.app.settings.public_url).to_owned()
}

on_both! {
    /// Members read it, administrators write it, one field at a time; it is the organization's alone.
    async fn setting_it(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        assert_eq!(ann.client.get(BRAND).await.expect(200), json!({ "name": null, "color": null }));
        assert_eq!(problem(ann.client.patch(BRAND, json!({ "name": "Ann" })).await), lacks("Identity Admin"));

        app.owner.patch(BRAND, json!({ "name": "Gate of Acme" })).await.expect(200);
        let both = app.owner.patch(BRAND, json!({ "color": "#00aA55" })).await.expect(200);
        assert_eq!(both, json!({ "name": "Gate of Acme", "color": "#00aA55" }));
        assert_eq!(ann.client.get(BRAND).await.expect(200), both);
        let rival = app.rival("boss@rival.test").await;
        assert_eq!(rival.owner.get(BRAND).await.expect(200), json!({ "name": null, "color": null }));

        for (body, complaint) in [
            (json!({}), json!(["body", "must have at least one property"])),
            (json!({ "name": "" }), json!(["name", "cannot be blank"])),
            (json!({ "name": "x".repeat(61) }), json!(["name", "is too long (maximum length: 60)"])),
            (json!({ "name": 7 }), json!(["name", "must be a string"])),
        ] {
            let refused = app.owner.patch(BRAND, body.clone()).await;
            assert_eq!(complaints(refused), json!([complaint]), "{body}");
        }
        for color in ["", "red", "#12345", "#1234567", "#12345g", "112233", "#00aa55;}", " #00aa5"] {
            let refused = app.owner.patch(BRAND, json!({ "color": color })).await;
            assert_eq!((refused.status.as_u16(), refused.bad_fields()), (400, vec!["color".to_owned()]), "{color}");
        }
        assert_eq!(app.owner.get(BRAND).await.expect(200), both, "what was refused has changed nothing");

        let back = app.owner.patch(BRAND, json!({ "name": null })).await.expect(200);
        assert_eq!(back, json!({ "name": null, "color": "#00aA55" }));
        let entries = app.owner.get("/v3/audit-logs?page[size]=100").await.expect(200);
        let mine = |entry: &&Value| entry["resource"].as_str().is_some_and(|resource| resource.ends_with(":brand"));
        let entries: Vec<&Value> = entries["data"].as_array().expect("entries").iter().filter(mine).collect();
        assert_eq!(entries.len(), 3, "{entries:?}");
        assert_eq!(entries[0]["change"]["before"], both);
        assert_eq!(entries[0]["change"]["after"], back);
    }
}

on_both! {
    /// Pages in the context of an organization are its own, whoever looks; all others are the installation's.
    async fn on_pages(engine: Engine) {
        let app = TestApp::with(engine, &[("BRAND_NAME", "House"), ("BRAND_COLOR", "#112233")]).await;
        let rival = app.rival("boss@rival.test").await;
        app.set_password("owner@acme.test", PASSWORD).await;
        let (house, acme) = (pair("House", "#112233"), pair("Gate &lt;of&gt; Acme", "#00aa55"));
        app.owner.patch(BRAND, json!({ "name": "Gate <of> Acme", "color": "#00aa55" })).await.expect(200);
        rival.owner.patch(BRAND, json!({ "color": "#ffeedd" })).await.expect(200);
        let rivals = pair("House", "#ffeedd");

        // Nobody's.
        let mut browser = Browser::new(&app.owner);
        for path in ["/login", "/sso", "/sso?path=nobody", "/login/nobody", "/signed-out", "/password/forgot", "/nowhere"] {
            browser.open(path).await;
            assert_eq!(shown(&browser), house, "{path}");
        }
        // Of whoever is signed in, what goes wrong included.
        browser.sign_in("owner@acme.test", PASSWORD).await.shows(200, "owner@acme.test");
        assert_eq!(shown(&browser), acme);
        for path in ["/account", "/device-activate", "/account/passkey?id=x", "/password/reset?token=x"] {
            browser.open(path).await;
            assert_eq!(shown(&browser), acme, "{path}");
        }
        // An invite's, also for somebody who is signed in elsewhere.
        rival.owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await.expect(201);
        let invite = link(&app).await;
        let mut fresh = Browser::new(&app.owner);
        for browser in [&mut browser, &mut fresh] {
            browser.open(&invite).await.shows(200, "<h1>Join Rival</h1>");
            assert_eq!(shown(browser), rivals);
        }
        fresh.submit("/invites/accept", "", &[("full_name", ""), ("password", PASSWORD)]).await.shows(400, "Say your name");
        assert_eq!(shown(&fresh), rivals);
        // Where an organization wants more of whoever signs in.
        rival.owner.patch("/v3/organizations/me", json!({ "mfa_enabled": true })).await.expect(200);
        fresh.submit("/invites/accept", "", &[("full_name", "Ann"), ("password", PASSWORD)]).await.shows(200, "You have joined");
        assert_eq!(shown(&fresh), house, "signing in with a password is not yet for one organization");
        fresh.submit("/login", "", &[("username", "ann@acme.test"), ("password", PASSWORD)]).await;
        fresh.shows(200, "Your organization asks for a second factor");
        assert_eq!(shown(&fresh), rivals);

        // Behind a login path.
        let config = json!({ "issuer_url": "https://issuer.test", "client_id": "latchkey" });
        let provider = json!({ "type": "oidc", "enabled": true, "login_path": "acme", "config": config });
        let provider = app.owner.post("/v3/identity-providers", provider).await.expect(201);
        let mut nobody = Browser::new(&app.owner);
        nobody.open("/login/acme").await.shows(403, "does not sign in this way");
        assert_eq!(shown(&nobody), acme);
        app.owner.patch("/v3/authentication-settings", json!({ "oidc_auth_enabled": true })).await.expect(200);
        for path in ["/sso?path=acme", "/login/acme", "/signed-out?path=acme"] {
            nobody.open(path).await;
            assert_eq!(shown(&nobody), acme, "{path}");
        }
        browser.open("/account").await;
        browser.submit("/account/sign-out", "", &[]).await.shows(200, "You are signed out");
        assert_eq!((browser.path.as_str(), shown(&browser)), ("/signed-out?path=acme", acme.clone()));
        let test = format!("/v3/identity-providers/{}/test", id(&provider));
        let rehearsal = app.owner.post(&test, json!({})).await.expect(201);
        let url = rehearsal["url"].as_str().expect("a URL").trim_start_matches(&app.app.settings.public_url);
        nobody.open(url).await.shows(502, "could not be asked");
        assert_eq!(shown(&nobody), acme);

        // Going back.
        app.owner.patch(BRAND, json!({ "name": null, "color": null })).await.expect(200);
        nobody.open("/sso?path=acme").await;
        assert_eq!(shown(&nobody), house);
    }
}

on_both! {
    /// A portal's page bears the portal's name and the colour of its organization.
    async fn at_a_portal(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        let look = async || {
            let page = site.client.unchecked().get("/developer/password?token=x").await;
            assert_eq!(page.status, 410);
            let page = page.text;
            assert!(page.contains("</span>Public</span>"), "{page}");
            page
        };
        assert!(look().await.contains("/1d4ed8/style.css"));
        app.owner.patch(BRAND, json!({ "name": "Gate of Acme", "color": "#00aa55" })).await.expect(200);
        let page = look().await;
        assert!(page.contains("/00aa55/style.css") && page.contains(" · Gate of Acme</title>"), "{page}");
    }
}
