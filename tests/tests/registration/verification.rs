//! Verifying a provider does the real thing, leaves nothing behind, and says what to do.

use appauth::{
    dcr_providers::{OpenProvider, config::DcrConfig},
    registration::{self, Proof, Registrar},
};
use kernel::Secret;
use serde_json::{Value, json};
use tests::Registry;
use uuid::Uuid;

use crate::{at, bridge, okta};

async fn verified(registrar: &Registrar, provider: &OpenProvider) -> Vec<String> {
    let probe = registration::probe(Uuid::from_u128(77), Uuid::nil(), "https://latchkey.test/".to_owned());
    registration::verify(&*at(registrar, provider), &probe).await.errors
}

/// Verifies a provider for which something goes wrong; it must come to these sentences, one a word of each.
async fn sentences(
    registry: &Registry,
    provider: &OpenProvider,
    trouble: (&str, &str, Value),
    words: &[[&str; 3]],
) {
    registry.trouble(trouble.0, trouble.1, trouble.2).await;
    let errors = verified(&registry.registrar(), provider).await;
    assert_eq!(errors.len(), words.len(), "{errors:?}");
    for (error, words) in errors.iter().zip(words) {
        assert!(words.iter().all(|word| error.contains(word)), "{error} has not {words:?}");
        assert!(error.ends_with('.') && error.matches(". ").count() == 0, "{error} is not one sentence");
    }
}

fn status(status: u16) -> Value {
    json!({ "status": status, "times": 9, "body": "{\"error\":\"access_denied\",\"error_description\":\"REMOTE\"}" })
}

#[test]
fn everything_works_and_nothing_stays() {
    tests::run(async {
        for name in ["auth0", "graph", "okta", "bridge"] {
            let Some(registry) = Registry::fake(name) else { return };
            let provider = match name {
                "auth0" => crate::auth0::provider(&registry),
                "graph" => crate::azure_ad::provider(&registry),
                "okta" => okta::provider(&registry),
                _ => bridge::provider(&registry),
            };
            assert_eq!(verified(&registry.registrar(), &provider).await, [""; 0], "{name}");
            assert_eq!(registry.clients().await.len(), 0, "{name}");
        }
        let Some(registry) = Registry::glewlwyd() else { return };
        let provider = crate::curity::provider(&registry, crate::curity::SECRET);
        assert_eq!(verified(&registry.registrar(), &provider).await, [""; 0]);
        let clients = registry.as_administrator("/api/client/?limit=100").await.expect(200);
        // What is deleted this server keeps, turned off.
        let probe = |client: &&Value| client["name"].as_str().unwrap().starts_with("latchkey-verification");
        let probes: Vec<_> = clients.as_array().unwrap().iter().filter(probe).collect();
        assert!(!probes.is_empty() && probes.iter().all(|probe| probe["enabled"] == false), "{clients}");
    });
}

#[test]
fn a_server_of_the_standard_is_told_whether_it_replaces_secrets() {
    tests::run(async {
        let Some(registry) = Registry::oidc_provider() else { return };
        let token =
            registry.tell(json!({ "initial_token": true })).await["token"].as_str().unwrap().to_owned();
        let with = |token: &str, update_rotates_secret| {
            let proof = Proof::InitialToken(Secret::new(token.to_owned()));
            registry.provider("", DcrConfig::Rfc7591 { proof, update_rotates_secret })
        };
        let registrar = registry.registrar();
        for rotates in [true, false] {
            registry.tell(json!({ "rotate": rotates })).await;
            assert_eq!(verified(&registrar, &with(&token, rotates)).await, [""; 0]);
        }
        let errors = verified(&registrar, &with(&token, true)).await;
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with("Replacing the secret") && errors[0].contains("turn off the setting"));
        let errors = verified(&registrar, &with("wrong", false)).await;
        assert!(
            errors[0].starts_with("Registering a test client") && errors[0].contains("initial access token")
        );
        assert_eq!(registry.clients().await.len(), 0);
        let elsewhere = registry.provider("/nowhere", with(&token, false).config);
        let errors = verified(&registrar, &elsewhere).await;
        assert!(
            errors[0].starts_with("Reading the discovery document")
                && errors[0].contains("correct the issuer")
        );
    });
}

#[test]
fn each_broken_step_has_its_sentence_at_auth0() {
    tests::run(async {
        let Some(registry) = Registry::fake("auth0") else { return };
        let provider = crate::auth0::provider(&registry);
        for (method, path, words) in [
            (
                "GET",
                "openid-configuration",
                ["Reading the discovery document", "status 403", "set the tenant's domain"],
            ),
            ("POST", "oauth/token", ["Getting a token", "access_denied", "machine-to-machine"]),
            ("POST", "^/api/v2/clients$", ["Registering a test client", "403", "grant the initial client"]),
            ("POST", "rotate-secret", ["Replacing the secret", "403", "grant the initial client"]),
            ("DELETE", "^/api/v2/clients/", ["Removing the test client", "403", "latchkey-verification-"]),
        ] {
            sentences(&registry, &provider, (method, path, status(403)), &[words]).await;
        }
        sentences(
            &registry,
            &provider,
            ("GET", "jwks", status(404)),
            &[["Reading the keys", "not", "issuer"]],
        )
        .await;
        registry.tell(json!({ "permissions": ["create:clients", "read:clients"] })).await;
        let none = ("GET", "nothing", json!({}));
        let words =
            ["Checking the permissions", "lacks update:clients, delete:clients, update:client_keys", "grant"];
        sentences(&registry, &provider, none, &[words]).await;
        let wrong = crate::auth0::with(&registry, "old-secret", false);
        let errors = verified(&registry.registrar(), &wrong).await;
        assert!(errors[0].contains("access_denied") && !errors[0].contains("old-secret"));
    });
}

#[test]
fn each_broken_step_has_its_sentence_at_microsoft() {
    tests::run(async {
        let Some(registry) = Registry::fake("graph") else { return };
        let provider = crate::azure_ad::provider(&registry);
        for (method, path, words) in [
            ("GET", "openid-configuration", ["Reading the discovery document", "403", "sts.windows.net"]),
            ("POST", "token$", ["Getting a token", "403", "expired"]),
            ("PATCH", "uniqueName", ["Registering a test client", "403", "Application.ReadWrite.OwnedBy"]),
            (
                "POST",
                "servicePrincipals",
                ["Registering a test client", "403", "Application.ReadWrite.OwnedBy"],
            ),
        ] {
            sentences(&registry, &provider, (method, path, status(403)), &[words]).await;
            assert_eq!(registry.clients().await.len(), 0, "{path}");
        }
        registry.tell(json!({ "roles": ["User.Read"] })).await;
        let words = ["Checking the permissions", "does not have", "consent of an administrator"];
        sentences(&registry, &provider, ("GET", "nothing", json!({})), &[words]).await;
        let wrong = crate::azure_ad::with(&registry, "old");
        let errors = verified(&registry.registrar(), &wrong).await;
        assert!(errors[0].contains("AADSTS7000215"), "{errors:?}");
    });
}

#[test]
fn each_broken_step_has_its_sentence_at_okta_and_at_a_bridge() {
    tests::run(async {
        let Some(registry) = Registry::fake("okta") else { return };
        let provider = okta::provider(&registry);
        let words = ["Registering a test client", "403", "role that manages applications"];
        sentences(&registry, &provider, ("POST", "^/oauth2/v1/clients$", status(403)), &[words]).await;
        let words = ["Replacing the secret", "403", "role that manages applications"];
        sentences(&registry, &provider, ("POST", "newSecret", status(403)), &[words]).await;
        let errors = verified(&registry.registrar(), &okta::with(&registry, "wrong")).await;
        assert!(
            errors[0].starts_with("Checking the permissions") && errors[0].contains("make a new API token")
        );
        registry.tell(json!({ "role": false })).await;
        let words = ["Checking the permissions", "E0000006", "role that manages applications"];
        sentences(&registry, &provider, ("GET", "nothing", json!({})), &[words]).await;

        let Some(registry) = Registry::fake("bridge") else { return };
        let provider = bridge::provider(&registry);
        let words = ["Registering a test client", "access_denied", "dcr_base_url and api_key"];
        sentences(&registry, &provider, ("POST", "^/dcr/$", status(401)), &[words]).await;
        let words = ["Replacing the secret", "does not know the client", "disable_refresh_secret"];
        sentences(&registry, &provider, ("POST", "new-secret", status(404)), &[words]).await;
        let words = ["Removing the test client", "500", "see whether it is up"];
        sentences(&registry, &provider, ("DELETE", "dcr", status(500)), &[words]).await;
    });
}

#[test]
fn what_got_lost_on_the_way_is_found_and_removed() {
    tests::run(async {
        let Some(registry) = Registry::fake("okta") else { return };
        let provider = okta::provider(&registry);
        let lost = json!({ "how": "cut", "after": true });
        let words = ["Registering a test client", "connection broke", "role"];
        sentences(&registry, &provider, ("POST", "^/oauth2/v1/clients$", lost.clone()), &[words]).await;
        assert_eq!(registry.clients().await.len(), 0);
        let Some(registry) = Registry::fake("bridge") else { return };
        let provider = bridge::provider(&registry);
        let words = ["Registering a test client", "connection broke", "bridge"];
        let more = ["Whether there is a test client", "look for a client named", "remove it there"];
        sentences(&registry, &provider, ("POST", "^/dcr/$", lost), &[words, more]).await;
    });
}
