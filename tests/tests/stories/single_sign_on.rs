//! Signing in through an organization's OpenID provider, a real one: who gets in, as whom, into which teams.

use serde_json::{Value, json};
use tests::{Browser, Engine, OpenIdProvider, PUBLIC_URL, node_peers, on_both, python};

use crate::{
    id,
    sso::{Acme, PROVIDERS, acme, acme_of, ann},
    text,
};

fn person(sub: &str, email: &str, groups: &[&str]) -> Value {
    json!({ "sub": sub, "email": email, "name": "Somebody", "groups": groups })
}

on_both! {
    /// Somebody new gets an account with the teams of the groups; who comes again is the same, in the teams
    /// of the day, also under another address.
    async fn the_first_time_and_the_next(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.team("Developers", "dev").await;
        acme.team("Testers", "qa").await;
        acme.comes(ann()).await;
        let browser = acme.sign_in().await;
        browser.shows(200, "Ann Lee");
        assert_eq!((browser.site.as_str(), browser.path.as_str()), ("", "/account"));
        assert_eq!(acme.teams_of("ann@acme.test").await, ["Developers"]);
        let seen = acme.idp.seen().await;
        let form = &seen["form"];
        assert_eq!(form["redirect_uri"], json!(format!("{PUBLIC_URL}/login")));
        assert_eq!(text(form, "code_verifier").len(), 43);
        assert!(text(&seen, "authorization").starts_with("Basic ") && form["client_secret"].is_null(), "{seen}");

        acme.comes(json!({ "sub": "ann", "email": "ann.smith@acme.test", "name": "Ann Smith", "groups": "qa" })).await;
        acme.sign_in().await.shows(200, "ann@acme.test");
        assert_eq!(acme.teams_of("ann@acme.test").await, ["Testers"]);
        assert!(acme.user("ann.smith@acme.test").await.is_none());

        let log = acme.app.owner.get("/v3/audit-logs?filter[type]=authentication").await.expect(200);
        let entry = &log["data"][0];
        assert_eq!((&entry["authentication_type"], &entry["outcome"]), (&json!("sso"), &json!("success")), "{entry}");
    }
}

on_both! {
    /// `GET /v3/authenticate/…` is the same for browsers: 302, and then back to where they wanted to be.
    async fn by_the_api(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.team("Developers", "dev").await;
        acme.comes(ann()).await;
        let nobody = acme.app.anonymous();
        for path in ["/v3/authenticate/acme", "/v2/authenticate/acme"] {
            let answer = nobody.get(path).await;
            assert_eq!(answer.status, 302);
            assert!(answer.header("location").starts_with(&format!("{}/auth?response_type=code&", acme.idp.issuer)));
        }
        let mut browser = Browser::new(&acme.app.owner);
        let wanted = format!("{PUBLIC_URL}/device-activate");
        browser.open(&format!("/v3/authenticate/acme?return_to={wanted}")).await;
        assert_eq!(browser.shows(200, "Enter the code").path, "/device-activate");
        for bad in ["https://evil.test/", "//evil.test", "/\\evil.test", "http://127.0.0.1:8080.evil.test/", "x"] {
            let refused = nobody.get(&format!("/v3/authenticate/acme?return_to={bad}")).await;
            assert_eq!(refused.bad_fields(), ["return_to"], "{bad}");
            let mut browser = Browser::new(&acme.app.owner);
            browser.open(&format!("/login/acme?return_to={bad}")).await;
            assert_eq!((browser.site.as_str(), browser.path.as_str()), ("", "/account"), "{bad}");
        }
        assert_eq!(nobody.get("/v3/authenticate/nobody").await.bad_fields(), ["organizationLoginPath"]);
        browser.open("/login/nobody").await.shows(404, "No organization signs in by this name");
        browser.open("/sso?path=nobody").await.shows(200, "No organization signs in by this name");
        browser.open("/sso?path=acme").await.shows(200, "You sign in at <strong>127.0.0.1</strong>");
    }
}

on_both! {
    /// While only the provider's groups decide, whoever has none of them does not get in, and who had them
    /// loses the account's use, but never the owner.
    async fn groups_decide(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.settings(json!({ "konnect_mapping_enabled": false })).await;
        acme.team("Developers", "dev").await;
        acme.comes(person("bob", "bob@acme.test", &["nothing"])).await;
        acme.sign_in().await.shows(403, "None of the groups");
        assert!(acme.user("bob@acme.test").await.is_none(), "nobody is made who does not get in");

        acme.comes(person("bob", "bob@acme.test", &["dev"])).await;
        let mut inside = acme.sign_in().await;
        inside.shows(200, "bob@acme.test");
        let bob = acme.user("bob@acme.test").await.expect("he is there");
        let tokens = format!("/v3/users/{}/access-tokens", id(&bob));
        let session = acme.app.anonymous().with_token(inside.cookie("konnectaccesstoken", "/").expect("a session"));
        let token = session.post(&tokens, json!({ "name": "Laptop", "ttl_seconds": 86_400 })).await.expect(201);
        let laptop = acme.app.anonymous().with_token(text(&token, "konnect_token"));
        laptop.get("/v3/users/me").await.expect(200);
        acme.comes(person("bob", "bob@acme.test", &[])).await;
        acme.sign_in().await.shows(403, "None of the groups");
        assert_eq!(acme.user("bob@acme.test").await.expect("he stays")["active"], json!(false));
        inside.open("/account").await.shows(200, "<h1>Sign in</h1>");
        laptop.get("/v3/users/me").await.expect(401);
        acme.comes(person("bob", "bob@acme.test", &["dev"])).await;
        acme.sign_in().await.shows(200, "bob@acme.test");
        assert_eq!(acme.user("bob@acme.test").await.expect("he is back")["active"], json!(true));

        acme.comes(person("boss", "owner@acme.test", &[])).await;
        acme.sign_in().await.shows(200, "owner@acme.test");
        assert_eq!(acme.teams_of("owner@acme.test").await, ["organization-admin"]);
    }
}

on_both! {
    /// While both decide, a membership by hand stays, one by groups goes with the group.
    async fn hands_and_groups(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        let developers = acme.team("Developers", "dev").await;
        let testers = acme.team("Testers", "qa").await;
        let member = acme.app.member("bob@acme.test").await;
        let user = json!({ "id": member.id });
        acme.app.owner.post(&format!("/v3/teams/{testers}/users"), user).await.expect(201);
        acme.comes(person("bob", "BOB@acme.test", &["dev", "qa"])).await;
        acme.sign_in().await.shows(200, "bob@acme.test");
        assert_eq!(acme.teams_of("bob@acme.test").await, ["Developers", "Testers"]);
        acme.comes(person("bob", "bob@acme.test", &[])).await;
        acme.sign_in().await.shows(200, "bob@acme.test");
        assert_eq!(acme.teams_of("bob@acme.test").await, ["Testers"]);

        // While only groups decide, hands are overruled, but for administrators.
        acme.settings(json!({ "konnect_mapping_enabled": false })).await;
        acme.comes(person("bob", "bob@acme.test", &["dev"])).await;
        acme.sign_in().await.shows(200, "bob@acme.test");
        assert_eq!(acme.teams_of("bob@acme.test").await, ["Developers"]);
        let refused = acme.app.owner.delete(&format!("/v3/teams/{developers}/users/{}", member.id)).await;
        refused.expect(403);
    }
}

on_both! {
    /// While administrators decide, somebody new has an account and no access until one puts it into a team.
    async fn administrators_decide(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        let team = acme.team("Developers", "dev").await;
        acme.settings(json!({ "idp_mapping_enabled": false })).await;
        acme.comes(ann()).await;
        acme.sign_in().await.shows(403, "are in no team yet");
        let user = acme.user("ann@acme.test").await.expect("she is known");
        acme.app.owner.post(&format!("/v3/teams/{team}/users"), json!({ "id": id(&user) })).await.expect(201);
        acme.sign_in().await.shows(200, "ann@acme.test");
    }
}

on_both! {
    /// Who belongs to another organization, too, is not claimed by an address unless its domain is verified
    /// for this one, or the user was here before.
    async fn nobody_is_claimed(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.team("Developers", "dev").await;
        let (rival, rival_org) = acme.app.another_organization("eve@victim.test").await;
        acme.comes(person("eve", "eve@victim.test", &["dev"])).await;
        acme.sign_in().await.shows(403, "already uses this service elsewhere");
        assert!(acme.user("eve@victim.test").await.is_none());

        // An invite that she did not accept does not make her this organization's.
        acme.app.owner.post("/v3/invites", json!({ "email": "eve@victim.test" })).await.expect(201);
        acme.sign_in().await.shows(403, "already uses this service elsewhere");
        assert_eq!(acme.user("eve@victim.test").await.expect("invited")["active"], json!(false));

        signin::sso::domains::domain_set(&acme.app.app, acme.app.org, "victim.test", true).await.expect("verified");
        let mut browser = acme.sign_in().await;
        browser.shows(200, "eve@victim.test");

        // The session is for this organization only, although she has a password and the other takes it.
        acme.app.set_password("eve@victim.test", "Correct-Horse-7").await;
        let browser2 = acme.sign_in().await;
        assert!(!browser2.page.contains("Your organizations"), "{}", browser2.page);
        let mut by_password = Browser::new(&acme.app.owner);
        by_password.sign_in("eve@victim.test", "Correct-Horse-7").await;
        by_password.submit("/choose-organization", "Acme", &[]).await.shows(200, "Change to Rival");
        let form = by_password.page.clone();
        let mut sso = acme.sign_in().await;
        let mark = |page: &str| page.split("name=\"csrf\" value=\"").nth(1).map(|it| it.split('"').next().unwrap_or_default().to_owned());
        sso.page = form.replace(&mark(&form).expect("a mark"), &mark(&sso.page).expect("a mark"));
        sso.submit("/account/organization", &rival_org.to_string(), &[]).await;
        sso.shows(403, "You signed in for this organization only");
        browser.open("/account").await;
        rival.client.get("/v3/organizations/me").await.expect(200);

        signin::sso::domains::domain_set(&acme.app.app, acme.app.org, "victim.test", false).await.expect("removed");
        acme.sign_in().await.shows(200, "eve@victim.test");
    }
}

on_both! {
    /// What a person reads when the provider is not as it should be.
    async fn what_can_be_wrong(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.team("Developers", "dev").await;
        let config = |change: Value| acme.app.owner.patch(&acme.path, json!({ "config": change }));
        for (claims, says) in [
            (json!({ "sub": "x", "groups": ["dev"] }), "did not say what your e-mail address is"),
            (json!({ "sub": "x", "email": "none", "groups": ["dev"] }), "gave an e-mail address that is none"),
            (json!({ "sub": "x", "email": "x@acme.test", "email_verified": false }), "is not verified yet"),
            (json!({ "sub": "x", "email": "x@acme.test", "hasgroups": true }), "in so many groups"),
            (Value::Null, "did not let you in: access_denied."),
        ] {
            acme.comes(claims).await;
            let browser = acme.sign_in().await;
            browser.shows(403, says);
            assert!(browser.page.contains("href=\"&#x2f;login&#x2f;acme?return_to="), "{}", browser.page);
            assert!(!browser.page.contains("<b>no</b>") && !browser.page.contains("&lt;b&gt;"));
        }
        acme.comes(ann()).await;
        config(json!({ "client_secret": "wrong" })).await.expect(200);
        acme.sign_in().await.shows(403, "invalid_client. The client id or its secret is not right.");
        config(json!({ "client_secret": "p@ss: word+%" })).await.expect(200);
        acme.sign_in().await.shows(200, "Ann Lee");
        config(json!({ "issuer_url": format!("{}/", acme.idp.issuer) })).await.expect(200);
        acme.sign_in().await.shows(403, "but it calls itself");
        config(json!({ "issuer_url": "http://127.0.0.1:9" })).await.expect(200);
        acme.sign_in().await.shows(502, "could not be asked: no connection could be made");
        let answer = acme.app.anonymous().unchecked().get("/v3/authenticate/acme").await;
        assert_eq!(answer.status, 503);
        config(json!({ "issuer_url": "http://10.0.0.1" })).await.expect(200);
        acme.sign_in().await.shows(502, "in a network that is not allowed");

        acme.app.owner.patch(&acme.path, json!({ "enabled": false })).await.expect(200);
        acme.sign_in().await.shows(403, "does not sign in this way at the moment");
        acme.app.owner.patch(&acme.path, json!({ "enabled": true })).await.expect(200);
        acme.settings(json!({ "oidc_auth_enabled": false })).await;
        acme.sign_in().await.shows(403, "does not sign in this way at the moment");
    }
}

on_both! {
    /// Claims are found where the mappings say, and asked for where the token does not have them.
    async fn claims_elsewhere(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.team("Developers", "dev").await;
        let mappings = json!({ "groups": "roles" });
        acme.app.owner.patch(&acme.path, json!({ "config": { "claim_mappings": mappings } })).await.expect(200);
        acme.comes(json!({ "sub": "x", "email": "x@acme.test", "roles": ["dev"] })).await;
        acme.sign_in().await.shows(200, "x@acme.test");
        assert_eq!(acme.teams_of("x@acme.test").await, ["Developers"]);
    }
}

on_both! {
    /// A provider of another make, whose identity token tells nothing but the subject.
    async fn another_provider(engine: Engine) {
        let Some(python) = python() else { return };
        let idp = OpenIdProvider::start_another(&python);
        let client = json!({ "client_id": "latchkey", "client_secret": "plain-secret" });
        let acme = acme_of(engine, idp, client).await;
        acme.team("Developers", "dev").await;
        acme.comes(ann()).await;
        for _ in 0..2 {
            acme.sign_in().await.shows(200, "Ann Lee");
            assert_eq!(acme.teams_of("ann@acme.test").await, ["Developers"]);
        }
        acme.app.owner.patch(&acme.path, json!({ "config": { "client_secret": "wrong" } })).await.expect(200);
        acme.sign_in().await.shows(403, "invalid_client");
    }
}

on_both! {
    /// A client proves itself by header, by form, or, without a secret, by the verifier alone.
    async fn how_the_client_proves_itself(engine: Engine) {
        let Some(folder) = node_peers() else { return };
        let posting = json!({ "client_id": "posting", "client_secret": "other" });
        for (config, methods) in [(posting, "client_secret_post"), (json!({ "client_id": "public" }), "none")] {
            let idp = OpenIdProvider::start(&folder);
            idp.tell(json!({ "methods": [methods] })).await;
            let acme = acme_of(engine, idp, config.clone()).await;
            acme.team("Developers", "dev").await;
            acme.comes(ann()).await;
            acme.sign_in().await.shows(200, "Ann Lee");
            let seen = acme.idp.seen().await;
            assert_eq!((&seen["authorization"], &seen["form"]["client_id"]), (&json!(""), &config["client_id"]));
            assert_eq!(seen["form"]["client_secret"], config["client_secret"]);
        }
    }
}

on_both! {
    /// Two subjects of one provider are two people, also under one address.
    async fn one_address_two_subjects(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.team("Developers", "dev").await;
        acme.comes(ann()).await;
        acme.sign_in().await.shows(200, "Ann Lee");
        let mut other = ann();
        other["sub"] = json!("another-ann");
        acme.comes(other).await;
        acme.sign_in().await.shows(403, "already belongs to this e-mail address");
    }
}

on_both! {
    /// The provider's key may change at any time.
    async fn a_new_key(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.team("Developers", "dev").await;
        acme.comes(ann()).await;
        acme.sign_in().await.shows(200, "Ann Lee");
        acme.idp.tell(json!({ "keys": true })).await;
        acme.sign_in().await.shows(200, "Ann Lee");
    }
}

async fn rehearse(acme: &Acme) -> Browser {
    let rehearsal = acme.app.owner.post(&format!("{}/test", acme.path), json!({})).await.expect(201);
    let mut browser = Browser::new(&acme.app.owner);
    browser.open_url(text(&rehearsal, "url")).await;
    browser
}

on_both! {
    /// A rehearsal shows what was said and what would change, and changes nothing; also before the provider
    /// is enabled. Its link is good once.
    async fn a_rehearsal(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.settings(json!({ "oidc_auth_enabled": false, "konnect_mapping_enabled": false })).await;
        acme.app.owner.patch(&acme.path, json!({ "enabled": false })).await.expect(200);
        acme.team("Developers", "dev").await;
        acme.comes(ann()).await;
        let mut browser = rehearse(&acme).await;
        browser.shows(200, "This person would be signed in.");
        browser.shows(200, "A new user ann@acme.test would be made.");
        browser.shows(200, "Would join: Developers.").shows(200, "Ann Lee");
        assert!(acme.user("ann@acme.test").await.is_none());
        browser.open("/account").await.shows(200, "<h1>Sign in</h1>");

        acme.comes(person("x", "x@acme.test", &["none"])).await;
        rehearse(&acme).await.shows(200, "None of the groups").shows(200, "x@acme.test");
        acme.comes(json!({ "sub": "x" })).await;
        rehearse(&acme).await.shows(200, "did not say what your e-mail address is");

        let rehearsal = acme.app.owner.post(&format!("{}/test", acme.path), json!({})).await.expect(201);
        let url = text(&rehearsal, "url").to_owned();
        Browser::new(&acme.app.owner).open_url(&url).await.shows(200, "Rehearsal");
        Browser::new(&acme.app.owner).open_url(&url).await.shows(400, "was begun already");

        let member = acme.app.member("bob@acme.test").await;
        member.client.post(&format!("{}/test", acme.path), json!({})).await.expect(403);
        let lacking = acme.app.owner.post(&format!("{PROVIDERS}/{}/test", acme.app.org), json!({})).await;
        lacking.expect(404);
    }
}

on_both! {
    /// The account page of whoever may change providers has a button for it.
    async fn a_rehearsal_by_hand(engine: Engine) {
        let Some(acme) = acme(engine).await else { return };
        acme.app.set_password("owner@acme.test", "Correct-Horse-7").await;
        let mut browser = Browser::new(&acme.app.owner);
        browser.sign_in("owner@acme.test", "Correct-Horse-7").await.shows(200, "Identity providers");
        acme.comes(json!({ "sub": "boss", "email": "owner@acme.test" })).await;
        browser.submit("/account/rehearsal", "", &[]).await.shows(200, "Nothing is granted");
        let link = browser.page.split("href=\"").find(|it| it.contains("rehearsals")).expect("a link");
        let link = link.split('"').next().expect("its end").replace("&#x2f;", "/");
        browser.open_url(&link).await.shows(200, "It is the user").shows(200, "Would stay in: organization-admin.");
    }
}
