//! Seeds: what stands in a file is there, and what is there can be written to one.

use serde_json::{Value, json};
use tests::{Engine, TestStandIn, on_both};

use super::{changed, stored};
use crate::{all, id};

const OWNER: &str = "kpat_000000000000000000000000000000000000000000039F9R4";

fn seed() -> Value {
    json!({ "organizations": [{
        "id": "0197a3f2-6c1e-7d33-9a44-2f6f0e8b1c55", "name": "Acme", "random": 7,
        "clock": { "now": "2030-01-01T00:00:00Z", "pace": 0 },
        "owner": { "email": "ann@acme.test", "token": OWNER, "id": "aaaaaaaa-0000-4000-8000-000000000001", "teams": ["Payments"] },
        "authentication_settings": { "konnect_mapping_enabled": false, "oidc_auth_enabled": true },
        "teams": [{ "id": "aaaaaaaa-0000-4000-8000-000000000002", "name": "Payments", "labels": { "env": "test" }, "roles": [
            { "role_name": "Viewer", "entity_type_name": "Control Planes", "entity_id": "*", "entity_region": "eu" } ] }],
        "users": [{ "email": "bob@acme.test", "full_name": "Bob", "password": "Correct-Horse-7", "teams": ["Payments", "organization-admin"],
            "tokens": [{ "name": "laptop", "expires_in_days": 30 }] }],
        "system_accounts": [{ "id": "aaaaaaaa-0000-4000-8000-000000000003", "name": "deployer", "description": "CI",
            "roles": [{ "role_name": "Admin", "entity_type_name": "Identity", "entity_region": "*" }],
            "teams": ["aaaaaaaa-0000-4000-8000-000000000002"],
            "tokens": [{ "name": "ci", "expires_in_days": 90, "id": "aaaaaaaa-0000-4000-8000-000000000004" }] }],
        "identity_providers": [{ "type": "oidc", "login_path": "acme", "enabled": true, "config": { "issuer_url": "https://idp.acme.test", "client_id": "x", "client_secret": "idp-s3cret" } }],
        "dcr_providers": [{ "id": "aaaaaaaa-0000-4000-8000-000000000005", "name": "Okta", "provider_type": "okta",
            "issuer": "https://acme.okta.com/oauth2/default", "dcr_config": { "dcr_token": "dcr-s3cret" } }],
        "auth_strategies": [
            { "name": "Keys", "display_name": "Keys", "strategy_type": "key_auth", "configs": { "key-auth": { "key_names": ["apikey"] } } },
            { "name": "Tokens", "display_name": "By token", "strategy_type": "openid_connect", "dcr_provider": "Okta", "configs": {
                "openid-connect": { "issuer": "https://acme.okta.com/oauth2/default", "credential_claim": ["sub"], "scopes": ["a"], "auth_methods": ["bearer"] } } },
        ],
    }] })
}

on_both! {
    /// Everything that stands in the seed is there, with its ids and secrets; and it can be written out, and made again.
    async fn what_is_written_down_is_there(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let made = standin.commands.post("/stand-in/seed", seed()).await.expect(201);
        let organization = &made["organizations"][0];
        assert_eq!((&organization["token"], &organization["owner_email"]), (&json!(OWNER), &json!("ann@acme.test")));
        let owner = standin.commands.with_token(OWNER);
        assert_eq!(owner.get("/v3/users/me").await.expect(200)["id"], "aaaaaaaa-0000-4000-8000-000000000001");
        assert_eq!(owner.get("/v3/organizations/me").await.expect(200)["id"], "0197a3f2-6c1e-7d33-9a44-2f6f0e8b1c55");
        assert_eq!(owner.get("/v3/authentication-settings").await.expect(200)["konnect_mapping_enabled"], false);
        let roles = owner.get("/v3/teams/aaaaaaaa-0000-4000-8000-000000000002/assigned-roles").await.expect(200);
        assert_eq!(all(&roles, "role_name"), [json!("Viewer")]);
        let members = owner.get("/v3/teams/aaaaaaaa-0000-4000-8000-000000000002/users").await.expect(200);
        assert_eq!(all(&members, "email"), [json!("ann@acme.test"), json!("bob@acme.test")]);
        // The tokens that nobody gave are told, once.
        let tokens = organization["tokens"].as_array().unwrap();
        let names: Vec<_> = tokens.iter().map(|token| (&token["holder"], &token["name"])).collect();
        assert_eq!(names, [(&json!("bob@acme.test"), &json!("laptop")), (&json!("deployer"), &json!("ci"))]);
        let deployer = standin.commands.with_token(tokens[1]["token"].as_str().unwrap());
        deployer.post("/v3/teams", json!({ "name": "By the deployer" })).await.expect(201);
        let bob = standin.commands.with_token(tokens[0]["token"].as_str().unwrap());
        bob.patch("/v3/organizations/me", json!({ "name": "Acme Inc" })).await.expect(200);
        let login = json!({ "username": "bob@acme.test", "password": "Correct-Horse-7" });
        standin.commands.post("/kauth/api/v1/authenticate", login).await.expect(200);
        let strategies = owner.get("/v2/application-auth-strategies?sort=name").await.expect(200);
        assert_eq!(strategies["data"][1]["dcr_provider"]["id"], "aaaaaaaa-0000-4000-8000-000000000005");

        let written = standin.commands.get("/stand-in/seed").await.expect(200);
        let text = written.to_string();
        for secret in ["s3cret", "Correct-Horse-7", "kpat_", "spat_"] {
            assert!(!text.contains(secret), "[{secret}] in {text}");
        }
        assert_eq!(text.matches("CHANGE_ME_CHANGE_ME").count(), 2, "of the DCR provider and of the identity provider: {text}");
        standin.commands.post("/stand-in/reset", json!({ "to": "empty" })).await.expect(204);
        owner.get("/v3/users/me").await.expect(401);
        standin.commands.post("/stand-in/seed", written.clone()).await.expect(201);
        assert_eq!(standin.commands.get("/stand-in/seed").await.expect(200), written);
    }
}

on_both! {
    /// All of a seed or nothing, and what is wrong is named by its place.
    async fn all_or_nothing(engine: Engine) {
        let standin = TestStandIn::new(engine).await;
        let before = stored(&standin).await;
        let two = |second: Value| {
            let mut seed = seed();
            seed["organizations"].as_array_mut().unwrap().push(second);
            seed
        };
        for (second, status, place) in [
            (json!({ "teams": [{ "name": "A" }, { "name": "" }] }), 400, "organizations.1.teams.1.name"),
            (json!({ "users": [{ "email": "eve@x.test", "teams": ["Nobody"] }] }), 400, "organizations.1.users.0.teams.0"),
            (json!({ "system_accounts": [{ "name": "a", "description": "", "tokens": [{ "name": "t", "expires_in_days": 1, "token": OWNER }] }] }), 400, "organizations.1.system_accounts.0.tokens.0.token"),
            (json!({ "auth_strategies": [{ "name": "S", "dcr_provider": "None" }] }), 400, "organizations.1.auth_strategies.0.dcr_provider"),
            (json!({ "users": [{ "email": "no address" }], "tems": [] }), 400, "organizations.1.users.0.email"),
            (json!({ "teams": [{ "name": "A", "descripton": "x" }] }), 400, "organizations.1.teams.0.descripton"),
            (json!({ "system_accounts": [{ "name": "A", "description": "", "team": ["A"] }] }), 400, "organizations.1.system_accounts.0.team"),
            (json!({ "users": [{ "email": "bob@acme.test", "password": "Another-Horse-7" }] }), 409, "keeps the password"),
            (json!({ "users": [{ "email": "bob@x.test" }, { "email": "BOB@x.test" }] }), 409, "organizations.1: users.1: "),
        ] {
            let refused = standin.commands.post("/stand-in/seed", two(second)).await.expect(status);
            let text = refused.to_string();
            assert!(text.contains(place), "{place}: {text}");
            assert_eq!(changed(&before, &stored(&standin).await), [] as [&str; 0], "{place}");
        }
        // The same seed twice: the ids are taken.
        standin.commands.post("/stand-in/seed", seed()).await.expect(201);
        standin.commands.post("/stand-in/seed", seed()).await.expect(409);
        standin.commands.with_token(OWNER).get("/v3/users/me").await.expect(200);
        let listed = standin.commands.get("/stand-in/organizations").await.expect(200);
        assert_eq!(id(&listed["data"][0]), "0197a3f2-6c1e-7d33-9a44-2f6f0e8b1c55");
    }
}
