//! Identity providers: their configuration, their secret, their login path, and what follows from them.

use identity::identity_providers::CLIENT_SECRETS;
use kernel::{Sealed, Secret};
use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{complaints, id, identity_problem, lacks, problem, text};

const PROVIDERS: &str = "/v3/identity-providers";
const SECRET: &str = "hunter2-client-secret";

fn oidc(login_path: &str) -> Value {
    let config =
        json!({ "issuer_url": "https://issuer.test", "client_id": "latchkey", "client_secret": SECRET });
    json!({ "type": "oidc", "login_path": login_path, "config": config })
}

/// The client secret as the server would use it.
async fn secret_of(app: &TestApp, provider: &Value) -> String {
    let sql = "SELECT client_secret AS value FROM identity_providers WHERE client_secret IS NOT NULL";
    let [(sealed,)] = app
        .platform()
        .all::<(Sealed<String>,)>(sql, vec![])
        .await
        .expect("rows")
        .try_into()
        .ok()
        .expect("one secret");
    let place = CLIENT_SECRETS.place(id(provider));
    let opened: Secret<Vec<u8>> = app.app.vault.ring().open(&place, &sealed).expect("it opens");
    String::from_utf8(opened.reveal().clone()).expect("text")
}

fn conflict(detail: &str) -> Value {
    identity_problem(409, "Resource Conflict", detail)
}

on_both! {
    /// A provider gets defaults for what is not said; its secret goes in and never comes out.
    async fn an_openid_connect_provider(engine: Engine) {
        let app = TestApp::new(engine).await;
        let created = app.owner.post(PROVIDERS, oidc("acme")).await.expect(201);
        let path = format!("{PROVIDERS}/{}", id(&created));
        let expected = json!({
            "id": id(&created), "type": "oidc", "enabled": false, "login_path": "acme",
            "config": {
                "issuer_url": "https://issuer.test", "client_id": "latchkey",
                "scopes": ["email", "openid", "profile"],
                "claim_mappings": { "name": "name", "email": "email", "groups": "groups" },
            },
            "created_at": created["created_at"], "updated_at": created["created_at"],
        });
        assert_eq!(created, expected);
        assert_eq!(app.owner.get(&path).await.expect(200), created);
        assert_eq!(app.owner.get(PROVIDERS).await.expect(200), json!([created]), "a bare array");
        assert_eq!(
            app.owner.get(&format!("{PROVIDERS}?filter[type]=oidc")).await.expect(200),
            json!([created])
        );
        assert_eq!(app.owner.get(&format!("{PROVIDERS}?filter[type][eq]=saml")).await.expect(200), json!([]));
        assert_eq!(secret_of(&app, &created).await, SECRET);

        app.advance(std::time::Duration::from_secs(1));
        let scopes = json!(["profile", "groups", "openid"]);
        let config = json!({ "scopes": scopes, "claim_mappings": { "groups": "roles" } });
        let change = json!({ "config": config, "enabled": null });
        let changed = app.owner.patch(&path, change).await.expect(200);
        let mut expected = created.clone();
        expected["config"]["scopes"] = scopes;
        expected["config"]["claim_mappings"]["groups"] = "roles".into();
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected, "the order is kept, and what is not sent stays");
        assert!(text(&changed, "updated_at") > text(&created, "updated_at"));
        assert_eq!(secret_of(&app, &created).await, SECRET);
        let (issuer, secret) = ("https://other.test", "another-secret");
        let whole = json!({ "issuer_url": issuer, "client_id": "other", "client_secret": secret });
        let changed = app.owner.patch(&path, json!({ "type": "saml", "config": whole })).await.expect(200);
        assert_eq!((text(&changed, "type"), text(&changed["config"], "client_id")), ("oidc", "other"));
        assert_eq!(secret_of(&app, &created).await, secret);
        for secret in [SECRET, secret] {
            assert_eq!(app.database.holding(secret).await, [""; 0]);
        }
    }
}

on_both! {
    /// A SAML provider needs metadata or where it is; what it must be told about us is computed.
    async fn a_saml_provider(engine: Engine) {
        let app = TestApp::with(engine, &[("PUBLIC_URL", "https://id.acme.test/")]).await;
        let saml = |config: Value| json!({ "type": "saml", "login_path": "acme", "enabled": true, "config": config });
        let created = app
            .owner
            .post(PROVIDERS, saml(json!({ "idp_metadata_url": "https://mocksaml.test/m" })))
            .await
            .expect(201);
        let path = format!("{PROVIDERS}/{}", id(&created));
        let config = json!({
            "idp_metadata_url": "https://mocksaml.test/m",
            "sp_metadata_url": "https://id.acme.test/v2/authenticate/acme/saml/metadata",
            "sp_entity_id": format!("https://id.acme.test/sp/{}", id(&created)),
            "login_url": "https://id.acme.test/login/acme",
            "callback_url": "https://id.acme.test/v2/authenticate/acme/saml/acs",
        });
        assert_eq!(created["config"], config);
        let moved = app.owner.patch(&path, json!({ "login_path": "acme-inc" })).await.expect(200);
        assert_eq!(moved["config"]["login_url"], "https://id.acme.test/login/acme-inc");
        assert_eq!(moved["config"]["sp_entity_id"], config["sp_entity_id"]);
        let xml = json!({ "idp_metadata_url": null, "idp_metadata_xml": "<EntityDescriptor/>" });
        let changed = app.owner.patch(&path, json!({ "config": xml })).await.expect(200);
        assert_eq!(changed["config"].get("idp_metadata_url"), None);
        assert_eq!(changed["config"]["idp_metadata_xml"], "<EntityDescriptor/>");

        let needed = json!([["config.idp_metadata_url", "either this or the metadata itself is needed"]]);
        assert_eq!(complaints(app.owner.post(PROVIDERS, saml(json!({}))).await), needed);
        let emptied = app.owner.patch(&path, json!({ "config": { "idp_metadata_xml": null } })).await;
        assert_eq!(complaints(emptied), needed, "a change cannot leave it without either");
        let foreign = saml(json!({ "idp_metadata_url": "https://m.test", "sp_entity_id": "mine" }));
        assert_eq!(
            complaints(app.owner.post(PROVIDERS, foreign).await),
            json!([["config.sp_entity_id", "\"config.sp_entity_id\" is not allowed"]])
        );
    }
}

on_both! {
    /// What a provider cannot be, all of it at once.
    async fn refusals(engine: Engine) {
        let app = TestApp::new(engine).await;
        let config = json!({ "issuer_url": "issuer", "scopes": [7], "client_secret": "", "x": 1 });
        let refused = app
            .owner
            .post(PROVIDERS, json!({ "type": "oidc", "login_path": "a/b", "enabled": 1, "config": config }))
            .await;
        let pattern = "login_path must match /^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$/ regular expression";
        let expected = json!([
            ["enabled", "must be true or false"],
            ["login_path", pattern],
            ["config.issuer_url", "must be an absolute http or https URL"],
            ["config.client_id", "cannot be blank"],
            ["config.client_secret", "cannot be blank"],
            ["config.scopes.0", "must be a string"],
            ["config.x", "\"config.x\" is not allowed"],
        ]);
        assert_eq!(complaints(refused), expected);
        let mut closed = oidc("acme");
        closed["config"]["scopes"] = json!(["email", "profile"]);
        let without = json!([["config.scopes", "must hold [openid]"]]);
        assert_eq!(complaints(app.owner.post(PROVIDERS, closed).await), without);
        for (body, field, reason) in [
            (json!({}), "type", "cannot be blank"),
            (json!({ "type": "ldap" }), "type", "must be one of [oidc, saml]"),
            (json!({ "type": "oidc" }), "config", "cannot be blank"),
            (json!({ "type": "oidc", "config": [] }), "config", "must be an object"),
        ] {
            assert_eq!(complaints(app.owner.post(PROVIDERS, body).await), json!([[field, reason]]));
        }
        assert_eq!(app.owner.get(PROVIDERS).await.expect(200), json!([]));

        let created = app.owner.post(PROVIDERS, oidc("acme")).await.expect(201);
        let path = format!("{PROVIDERS}/{}", id(&created));
        let refused = app.owner.patch(&path, json!({ "config": { "scopes": ["email"] } })).await;
        assert_eq!(complaints(refused), without);
        let refused =
            app.owner.patch(&path, json!({ "config": { "idp_metadata_url": "https://m.test" } })).await;
        assert_eq!(
            complaints(refused),
            json!([["config.idp_metadata_url", "\"config.idp_metadata_url\" is not allowed"]])
        );
        assert_eq!(app.owner.get(&path).await.expect(200), created);
        let ann = app.member("ann@acme.test").await;
        assert_eq!(problem(ann.client.get(PROVIDERS).await), lacks("Identity Admin"));
        assert_eq!(
            complaints(app.owner.get(&format!("{PROVIDERS}/x")).await),
            json!([["id", "invalid ID format"]])
        );
        let (rival, _) = app.another_organization("owner@rival.test").await;
        for refused in [rival.client.get(&path).await, rival.client.delete(&path).await] {
            assert_eq!(problem(refused)["detail"], "The requested identity provider was not found");
        }
        rival.client.patch(&path, json!({})).await.expect(404);
    }
}

on_both! {
    /// One provider is enabled at a time, and a login path leads to one organization of all.
    async fn what_there_is_one_of(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (rival, _) = app.another_organization("owner@rival.test").await;
        let login_path =
            async || text(&app.owner.get("/v3/organizations/me").await.expect(200), "login_path").to_owned();
        assert_eq!(login_path().await, "");
        let mut enabled = oidc("acme");
        enabled["enabled"] = true.into();
        let first = app.owner.post(PROVIDERS, enabled.clone()).await.expect(201);
        assert_eq!(login_path().await, "acme");

        let taken = conflict("The login path [acme] is taken");
        assert_eq!(problem(rival.client.post(PROVIDERS, oidc("acme")).await), taken);
        assert_eq!(problem(app.owner.post(PROVIDERS, oidc("acme")).await), taken);
        let theirs = rival.client.post(PROVIDERS, oidc("rival")).await.expect(201);
        let theirs = format!("{PROVIDERS}/{}", id(&theirs));
        assert_eq!(problem(rival.client.patch(&theirs, json!({ "login_path": "acme" })).await), taken);
        assert_eq!(rival.client.get(&theirs).await.expect(200)["login_path"], "rival");

        let one = conflict("Another identity provider is enabled, and only one may be at a time");
        enabled["login_path"] = "acme-2".into();
        assert_eq!(problem(app.owner.post(PROVIDERS, enabled).await), one);
        let second = app.owner.post(PROVIDERS, oidc("acme-2")).await.expect(201);
        let (first, second) = (format!("{PROVIDERS}/{}", id(&first)), format!("{PROVIDERS}/{}", id(&second)));
        assert_eq!(problem(app.owner.patch(&second, json!({ "enabled": true })).await), one);
        app.owner.patch(&first, json!({ "enabled": false })).await.expect(200);
        assert_eq!(login_path().await, "");
        app.owner.patch(&second, json!({ "enabled": true })).await.expect(200);
        assert_eq!(login_path().await, "acme-2");

        // A path is free again once nobody has it.
        app.owner.patch(&first, json!({ "login_path": "acme-old" })).await.expect(200);
        rival.client.patch(&theirs, json!({ "login_path": "acme" })).await.expect(200);
        app.owner.delete(&first).await.expect(204);
        rival.client.post(PROVIDERS, oidc("acme-old")).await.expect(201);
        // Of those who sign in elsewhere, none needs a path.
        let mut pathless = oidc("x");
        pathless.as_object_mut().unwrap().remove("login_path");
        for _ in 0..2 {
            assert_eq!(app.owner.post(PROVIDERS, pathless.clone()).await.expect(201)["login_path"], "");
        }
    }
}

on_both! {
    /// With the last provider of a kind, signing in that way is turned off; if no way is left, passwords
    /// are turned on. Its mappings go with it.
    async fn what_follows_a_deletion(engine: Engine) {
        let app = TestApp::new(engine).await;
        let mut wanted = oidc("acme");
        wanted["enabled"] = true.into();
        let first = app.owner.post(PROVIDERS, wanted).await.expect(201);
        let second = app.owner.post(PROVIDERS, oidc("acme-2")).await.expect(201);
        let (first, second) = (format!("{PROVIDERS}/{}", id(&first)), format!("{PROVIDERS}/{}", id(&second)));
        let team = app.team_id("analytics-viewer").await;
        let mapping = json!({ "team_id": team, "group": "analysts" });
        app.owner.post(&format!("{first}/team-group-mappings"), mapping).await.expect(201);
        let only_oidc = json!({ "oidc_auth_enabled": true, "basic_auth_enabled": false });
        let settings = app.owner.patch("/v3/authentication-settings", only_oidc).await.expect(200);

        app.owner.delete(&first).await.expect(204);
        app.owner.get(&first).await.expect(404);
        app.owner.delete(&first).await.expect(404);
        app.owner.get(&format!("{first}/team-group-mappings")).await.expect(404);
        assert!(app.database.query("SELECT group_name FROM team_group_mappings").await.is_empty());
        assert_eq!(app.owner.get("/v3/organizations/me").await.expect(200)["login_path"], "");
        assert_eq!(
            app.owner.get("/v3/authentication-settings").await.expect(200),
            settings,
            "another is left"
        );

        app.owner.delete(&second).await.expect(204);
        let expected = json!({
            "basic_auth_enabled": true, "oidc_auth_enabled": false, "saml_auth_enabled": false,
            "idp_mapping_enabled": false, "konnect_mapping_enabled": true,
        });
        assert_eq!(app.owner.get("/v3/authentication-settings").await.expect(200), expected);
    }
}

on_both! {
    /// The older API shows the one provider that matters, makes it when there is none, and changes it.
    async fn the_older_view(engine: Engine) {
        const OLDER: &str = "/v3/identity-provider";
        let app = TestApp::new(engine).await;
        app.owner.get(OLDER).await.expect(404);
        let nothing = complaints(app.owner.patch(OLDER, json!({})).await);
        assert_eq!(nothing, json!([["issuer", "cannot be blank"], ["client_id", "cannot be blank"]]));
        let wanted = json!({ "issuer": "https://issuer.test", "client_id": "latchkey", "client_secret": SECRET,
                             "login_path": "acme" });
        let view = app.owner.patch(OLDER, wanted).await.expect(200);
        let mut expected = json!({
            "issuer": "https://issuer.test", "login_path": "acme", "client_id": "latchkey",
            "scopes": ["email", "openid", "profile"],
            "claim_mappings": { "name": "name", "email": "email", "groups": "groups" },
        });
        assert_eq!(view, expected);
        assert_eq!(app.owner.get(OLDER).await.expect(200), expected);
        let providers = app.owner.get(PROVIDERS).await.expect(200);
        assert_eq!(
            (&providers[0]["config"]["issuer_url"], &providers[0]["login_path"]),
            (&view["issuer"], &view["login_path"])
        );
        assert_eq!(secret_of(&app, &providers[0]).await, SECRET);

        let changed = app.owner.patch(OLDER, json!({ "scopes": ["openid", "groups"] })).await.expect(200);
        expected["scopes"] = json!(["openid", "groups"]);
        assert_eq!(changed, expected);
        assert_eq!(secret_of(&app, &providers[0]).await, SECRET);
        let refused = app.owner.patch(OLDER, json!({ "scopes": ["groups"] })).await;
        assert_eq!(complaints(refused), json!([["scopes", "must hold [openid]"]]));

        // The enabled one is shown, though it is not the oldest.
        let mut newer = oidc("newer");
        newer["enabled"] = true.into();
        app.owner.post(PROVIDERS, newer).await.expect(201);
        assert_eq!(app.owner.get(OLDER).await.expect(200)["login_path"], "newer");
        let taken = app.owner.patch(OLDER, json!({ "login_path": "acme" })).await;
        assert_eq!(problem(taken), conflict("The login path [acme] is taken"));
    }
}
