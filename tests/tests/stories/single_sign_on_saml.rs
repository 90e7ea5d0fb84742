//! Signing in through an organization's SAML provider, of two real makes.

use serde_json::{Value, json};
use tests::{Browser, Engine, KeyPair, Make, SamlAnswer, SamlProvider, TestApp, on_both};

use crate::{id, sso::PROVIDERS};

const EMAIL_FORMAT: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";

pub struct Acme {
    pub app: TestApp,
    pub idp: SamlProvider,
    pub path: String,
}

/// An organization that signs in through a SAML provider, which signs in Ann.
pub async fn acme(engine: Engine, make: Make) -> Option<Acme> {
    let idp = SamlProvider::start(make)?;
    let app = TestApp::new(engine).await;
    let config = json!({ "idp_metadata_url": format!("{}/metadata", idp.address) });
    let new = json!({ "type": "saml", "enabled": true, "login_path": "acme", "config": config });
    let provider = app.owner.post(PROVIDERS, new).await.expect(201);
    let settings = json!({ "saml_auth_enabled": true, "idp_mapping_enabled": true });
    app.owner.patch("/v3/authentication-settings", settings).await.expect(200);
    let path = format!("{PROVIDERS}/{}", id(&provider));
    let team = app.owner.post("/v3/teams", json!({ "name": "Developers" })).await.expect(201);
    let mapping = json!({ "team_id": id(&team), "group": "dev" });
    app.owner.post(&format!("{path}/team-group-mappings"), mapping).await.expect(201);
    let metadata = app.anonymous().get("/v2/authenticate/acme/saml/metadata").await;
    assert_eq!(
        (metadata.status.as_u16(), metadata.header("content-type")),
        (200, "application/samlmetadata+xml")
    );
    idp.tell(json!({ "sp": metadata.text, "person": ann() })).await;
    Some(Acme { app, idp, path })
}

pub fn ann() -> Value {
    let attributes =
        json!({ "email": "ann@acme.test", "firstName": "Ann", "lastName": "Lee", "groups": ["dev", "x"] });
    json!({ "id": "ann-1", "attributes": attributes })
}

impl Acme {
    /// Comes as far as the provider's answer.
    pub async fn answer(&self, browser: &mut Browser) -> SamlAnswer {
        browser.open("/login/acme").await;
        SamlAnswer::on(browser)
    }

    /// Signs in with a new browser.
    pub async fn sign_in(&self) -> Browser {
        let mut browser = Browser::new(&self.app.owner);
        self.answer(&mut browser).await.send(&mut browser).await;
        browser
    }
}

async fn signing_in_with(engine: Engine, make: Make) {
    let Some(acme) = acme(engine, make).await else { return };
    for sign in ["assertion", "message", "both"] {
        acme.idp.tell(json!({ "sign": sign })).await;
        let browser = acme.sign_in().await;
        browser.shows(200, "<h1>Ann Lee</h1>").shows(200, "ann@acme.test");
        assert_eq!((browser.site.as_str(), browser.path.as_str()), ("", "/account"));
    }
    // The same person under another address, by the persistent name id; spelled as Azure does.
    let attributes =
        json!({ "email": "ann.smith@acme.test", "firstname": "Ann", "lastname": "Smith", "groups": "dev" });
    acme.idp.tell(json!({ "person": { "id": "ann-1", "attributes": attributes } })).await;
    acme.sign_in().await.shows(200, "<h1>Ann Lee</h1>").shows(200, "ann@acme.test");
    // Another one, whose name id is the address.
    let attributes = json!({ "firstname": "Bob", "lastname": "Ray", "groups": "dev" });
    acme.idp
        .tell(
            json!({ "person": { "id": "bob@acme.test", "format": EMAIL_FORMAT, "attributes": attributes } }),
        )
        .await;
    acme.sign_in().await.shows(200, "<h1>Bob Ray</h1>").shows(200, "bob@acme.test");
    acme.sign_in().await.shows(200, "<h1>Bob Ray</h1>");
    // Nobody whom no group lets in is told about the groups.
    let attributes = json!({ "email": "eve@acme.test", "groups": "none" });
    acme.app
        .owner
        .patch("/v3/authentication-settings", json!({ "konnect_mapping_enabled": false }))
        .await
        .expect(200);
    acme.idp.tell(json!({ "person": { "id": "eve", "attributes": attributes } })).await;
    acme.sign_in().await.shows(403, "None of the groups");
}

on_both! {
    /// With samlify.
    async fn signing_in_with_samlify(engine: Engine) {
        signing_in_with(engine, Make::Samlify).await;
    }
}

on_both! {
    /// With pysaml2.
    async fn signing_in_with_pysaml2(engine: Engine) {
        signing_in_with(engine, Make::Pysaml2).await;
    }
}

on_both! {
    /// Metadata as text, a provider that takes requests by form only, a rehearsal, and metadata that is none.
    async fn other_ways(engine: Engine) {
        let Some(acme) = acme(engine, Make::Samlify).await else { return };
        acme.idp.tell(json!({ "bindings": ["post"] })).await;
        let config = |change: Value| acme.app.owner.patch(&acme.path, json!({ "config": change }));
        config(json!({ "idp_metadata_url": null, "idp_metadata_xml": acme.idp.metadata().await })).await.expect(200);
        for way in ["/login/acme", "/v3/authenticate/acme"] {
            let mut browser = Browser::new(&acme.app.owner);
            browser.open(way).await.shows(200, "You sign in at <strong>127.0.0.1</strong>");
            let policy = browser.policy.clone();
            assert!(policy.contains(&format!("form-action 'self' {};", acme.idp.address)), "{policy}");
            browser.submit_to_other_site(&format!("{}/sso", acme.idp.address)).await;
            SamlAnswer::on(&browser).send(&mut browser).await.shows(200, "<h1>Ann Lee</h1>");
        }
        let rehearsal = acme.app.owner.post(&format!("{}/test", acme.path), json!({})).await.expect(201);
        let mut browser = Browser::new(&acme.app.owner);
        browser.open_url(rehearsal["url"].as_str().expect("a URL")).await;
        browser.submit_to_other_site(&format!("{}/sso", acme.idp.address)).await;
        SamlAnswer::on(&browser).send(&mut browser).await.shows(200, "This person would be signed in.");
        browser.shows(200, "Would stay in: Developers.").shows(200, "NameID");

        config(json!({ "idp_metadata_xml": "<EntityDescriptor/>" })).await.expect(200);
        Browser::new(&acme.app.owner).open("/login/acme").await.shows(403, "metadata of your company");
        config(json!({ "idp_metadata_xml": null, "idp_metadata_url": "http://127.0.0.1:9/" })).await.expect(200);
        Browser::new(&acme.app.owner).open("/login/acme").await.shows(502, "could not be asked");
        acme.app.anonymous().get("/v2/authenticate/nobody/saml/metadata").await.expect(404);
    }
}

on_both! {
    /// The provider changes its certificate: announced beside the old one, or at once.
    async fn a_new_certificate(engine: Engine) {
        let Some(acme) = acme(engine, Make::Samlify).await else { return };
        acme.sign_in().await.shows(200, "Ann Lee");
        let (old, new) = (KeyPair::new(), KeyPair::new());
        let pair = |key: &KeyPair, shown: &[&KeyPair]| {
            let shown: Vec<_> = shown.iter().map(|pair| pair.certificate()).collect();
            json!({ "pair": { "key": key.key(), "shown": shown } })
        };
        acme.idp.tell(pair(&old, &[&old])).await;
        acme.sign_in().await.shows(200, "Ann Lee");
        // It was asked anew just now, and is not asked again so soon: who rolls over announces it.
        acme.idp.tell(pair(&new, &[&new])).await;
        acme.sign_in().await.shows(403, "its signature is not right");
        let metadata = acme.idp.metadata().await;
        let xml = json!({ "config": { "idp_metadata_url": null, "idp_metadata_xml": metadata } });
        acme.app.owner.patch(&acme.path, xml).await.expect(200);
        acme.sign_in().await.shows(200, "Ann Lee");
        acme.idp.tell(pair(&new, &[&old, &new])).await;
        let xml = json!({ "config": { "idp_metadata_xml": acme.idp.metadata().await } });
        acme.app.owner.patch(&acme.path, xml).await.expect(200);
        acme.sign_in().await.shows(200, "Ann Lee");
        acme.idp.tell(pair(&old, &[&old, &new])).await;
        acme.sign_in().await.shows(200, "Ann Lee");
    }
}

on_both! {
    /// An assertion that is encrypted to our certificate, requests that the provider wants signed, and both
    /// still after the master key was changed.
    async fn encrypted_and_signed(engine: Engine) {
        let Some(acme) = acme(engine, Make::Samlify).await else { return };
        acme.idp.tell(json!({ "wants_signed": true, "tamper": "encrypted" })).await;
        for _ in 0..2 {
            let mut browser = Browser::new(&acme.app.owner);
            let answer = acme.answer(&mut browser).await;
            assert!(answer.xml.contains("EncryptedAssertion") && !answer.xml.contains("ann@acme.test"));
            answer.send(&mut browser).await.shows(200, "<h1>Ann Lee</h1>");
            assert_eq!(signin::sso::saml_keys::KEYS.reseal(&acme.app.app).await.expect("sealed anew"), 1);
        }
        let other = SamlProvider::start(Make::Samlify).expect("it started before");
        let elsewhere = TestApp::new(engine).await;
        let config = json!({ "idp_metadata_url": format!("{}/metadata", other.address) });
        let new = json!({ "type": "saml", "login_path": "acme", "config": config });
        elsewhere.owner.post(PROVIDERS, new).await.expect(201);
        let metadata = elsewhere.anonymous().get("/v2/authenticate/acme/saml/metadata").await.text;
        // Encrypted to somebody else of the same name.
        let theirs = metadata.split("/sp/").nth(1).and_then(|it| it.split('"').next()).expect("an id").to_owned();
        let ours = acme.app.anonymous().get("/v2/authenticate/acme/saml/metadata").await.text;
        let our_id = ours.split("/sp/").nth(1).and_then(|it| it.split('"').next()).expect("an id").to_owned();
        acme.idp.tell(json!({ "sp": metadata.replace(&theirs, &our_id), "wants_signed": false })).await;
        acme.sign_in().await.shows(403, "it cannot be decrypted or verified");
    }
}
