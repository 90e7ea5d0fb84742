//! How an organization's people sign in, and whether support may act in it.

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{complaints, id, identity_problem, lacks, problem};

const AUTHENTICATION: &str = "/v3/authentication-settings";
const IMPERSONATION: &str = "/v3/organizations/impersonation";
const UNCONFIGURED: &str = "cannot be set before configuring an identity provider";

fn initial() -> Value {
    json!({
        "basic_auth_enabled": true, "oidc_auth_enabled": false, "saml_auth_enabled": false,
        "idp_mapping_enabled": false, "konnect_mapping_enabled": true,
    })
}

on_both! {
    /// One way to sign in remains, each of the others needs a provider of its kind, and the texts are the
    /// contract's.
    async fn ways_to_sign_in(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        assert_eq!(ann.client.get(AUTHENTICATION).await.expect(200), initial());

        let none = problem(app.owner.patch(AUTHENTICATION, json!({ "basic_auth_enabled": false })).await);
        let entry = |field: &str, reason: &str| json!({ "field": field, "rule": "invalid", "reason": reason, "source": "body" });
        let expected = json!({
            "status": 400, "title": "Bad Request", "instance": "konnect:trace",
            "detail": "Atleast one of the authentication schemes from basic, oidc or saml needs to be enabled",
            "invalid_parameters": [
                entry("oidc_auth_enabled", "cannot be disabled when both basic auth and SAML are also disabled"),
                entry("basic_auth_enabled", "cannot be disabled when both OIDC and SAML are also disabled"),
                entry("saml_auth_enabled", "cannot be disabled when both OIDC and basic auth are also disabled"),
            ],
        });
        assert_eq!(none, expected);
        for field in ["oidc_auth_enabled", "saml_auth_enabled"] {
            let refused = app.owner.patch(AUTHENTICATION, json!({ field: true })).await;
            assert_eq!(refused.body["detail"], "");
            assert_eq!(complaints(refused), json!([[field, UNCONFIGURED]]));
        }
        let refused = app
            .owner
            .patch(AUTHENTICATION, json!({ "basic_auth_enabled": "no", "idp_mapping_enabled": 1 }))
            .await;
        let expected = json!([
            ["basic_auth_enabled", "must be true or false"],
            ["idp_mapping_enabled", "must be true or false"]
        ]);
        assert_eq!(complaints(refused), expected);
        let nulls =
            json!({ "basic_auth_enabled": null, "oidc_auth_enabled": null, "konnect_mapping_enabled": null });
        assert_eq!(app.owner.patch(AUTHENTICATION, nulls).await.expect(200), initial());
        assert_eq!(problem(ann.client.patch(AUTHENTICATION, json!({})).await), lacks("Identity Admin"));

        let config = json!({ "issuer_url": "https://issuer.test", "client_id": "latchkey" });
        let provider = json!({ "type": "oidc", "login_path": "acme", "config": config });
        app.owner.post("/v3/identity-providers", provider).await.expect(201);
        let refused = app.owner.patch(AUTHENTICATION, json!({ "saml_auth_enabled": true })).await;
        assert_eq!(
            complaints(refused),
            json!([["saml_auth_enabled", UNCONFIGURED]]),
            "OpenID Connect is not SAML"
        );
        let mut expected = initial();
        expected["oidc_auth_enabled"] = true.into();
        assert_eq!(
            app.owner.patch(AUTHENTICATION, json!({ "oidc_auth_enabled": true })).await.expect(200),
            expected
        );
        expected["basic_auth_enabled"] = false.into();
        assert_eq!(
            app.owner.patch(AUTHENTICATION, json!({ "basic_auth_enabled": false })).await.expect(200),
            expected
        );
        app.owner.patch(AUTHENTICATION, json!({ "oidc_auth_enabled": false })).await.expect(400);

        let config = json!({ "idp_metadata_xml": "<EntityDescriptor/>" });
        app.owner
            .post("/v3/identity-providers", json!({ "type": "saml", "config": config }))
            .await
            .expect(201);
        let both = app.owner.patch(AUTHENTICATION, json!({ "saml_auth_enabled": true })).await;
        assert_eq!(complaints(both), json!([["saml_auth_enabled", "cannot be enabled together with OIDC"]]));
        assert_eq!(app.owner.get(AUTHENTICATION).await.expect(200), expected);
        let (rival, _) = app.another_organization("owner@rival.test").await;
        assert_eq!(rival.client.get(AUTHENTICATION).await.expect(200), initial());
    }
}

on_both! {
    /// While groups alone decide teams, nobody puts users into them by hand; system accounts have no groups.
    async fn who_decides_teams(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let (robot, _) = app.system_account("robot").await;
        let team = app.owner.post("/v3/teams", json!({ "name": "Gateway" })).await.expect(201);
        let (users, accounts) =
            (format!("/v3/teams/{}/users", id(&team)), format!("/v3/teams/{}/system-accounts", id(&team)));
        let set = async |groups: bool, hands: bool| {
            let settings = json!({ "idp_mapping_enabled": groups, "konnect_mapping_enabled": hands });
            app.owner.patch(AUTHENTICATION, settings).await.expect(200);
        };

        set(true, false).await;
        let refused = problem(app.owner.post(&users, json!({ "id": ann.id })).await);
        let detail = "Team membership follows the groups of the identity provider and cannot be set by hand";
        let expected = identity_problem(403, "Permission denied", detail);
        assert_eq!(refused, expected);
        app.owner.post(&accounts, json!({ "id": robot })).await.expect(201);
        set(true, true).await;
        app.owner.post(&users, json!({ "id": ann.id })).await.expect(201);
        set(true, false).await;
        assert_eq!(problem(app.owner.delete(&format!("{users}/{}", ann.id)).await), expected);
        set(false, false).await;
        app.owner.delete(&format!("{users}/{}", ann.id)).await.expect(204);
    }
}

on_both! {
    /// Support may act in the organization only if it is let.
    async fn support_access(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        assert_eq!(ann.client.get(IMPERSONATION).await.expect(200), json!({ "enabled": false }));
        let on = app.owner.patch(IMPERSONATION, json!({ "enabled": true })).await.expect(200);
        assert_eq!(on, json!({ "enabled": true }));
        assert_eq!(app.owner.patch(IMPERSONATION, json!({ "enabled": null })).await.expect(200), on);
        assert_eq!(ann.client.get(IMPERSONATION).await.expect(200), on);
        let refused = app.owner.patch(IMPERSONATION, json!({ "enabled": "yes" })).await;
        assert_eq!(complaints(refused), json!([["enabled", "must be true or false"]]));
        assert_eq!(
            problem(ann.client.patch(IMPERSONATION, json!({ "enabled": false })).await),
            lacks("Identity Admin")
        );
    }
}
