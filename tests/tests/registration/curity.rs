//! Glewlwyd, set up as Curity would be: a real server, with a token for each registration, where every change of a
//! client replaces its secret.

use appauth::{
    dcr_providers::{OpenProvider, config::DcrConfig},
    registration::{Deleted, Fault, Field, InitialClient, Proof},
};
use kernel::Secret;
use tests::{Registry, wanted};

use crate::{at, failed, secret, secret_of, worked};

const TOKEN: &str = "/api/oidc/token";
pub const SECRET: &str = "initial-s3cret";

pub fn provider(registry: &Registry, secret: &str) -> OpenProvider {
    let config = DcrConfig::Curity {
        initial_client_id: "initial-client".to_owned(),
        initial_client_secret: Secret::new(secret.to_owned()),
    };
    // The issuer as Curity's own documents have it.
    registry.provider("/.well-known/openid-configuration", config)
}

/// Whether a client may do anything: what is deleted this server keeps, turned off.
async fn is_there(registry: &Registry, id: &str) -> bool {
    registry.as_administrator(&format!("/api/client/{id}")).await.body["enabled"] == true
}

#[test]
fn a_client_lives() {
    tests::run(async {
        let Some(registry) = Registry::glewlwyd() else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry, SECRET);
        let adapter = || at(&registrar, &provider);
        let mut wanted = wanted("Weather");

        // Two at once: an initial token is good for one registration only.
        let issued = worked(adapter().create(&wanted).await);
        let other = worked(adapter().create(&wanted).await);
        assert_ne!(issued.client.id, other.client.id);
        let id = issued.client.id.clone();
        assert!(is_there(&registry, &id).await);
        assert!(registry.lets_in(TOKEN, &id, secret(&issued), "&scope=api:read").await);

        wanted.redirect_uris = vec!["https://app.test/other".to_owned()];
        let updated = worked(adapter().update(&issued.client, &wanted).await);
        let client = registry.as_administrator(&format!("/api/client/{id}")).await.expect(200);
        assert_eq!(client["redirect_uri"], serde_json::json!(["https://app.test/other"]));
        let fresh = secret_of(&updated).expect("a change brings a secret").to_owned();
        assert!(!registry.lets_in(TOKEN, &id, secret(&issued), "&scope=api:read").await);
        assert!(registry.lets_in(TOKEN, &id, &fresh, "&scope=api:read").await);

        let rotated = worked(adapter().rotate(&updated.client, &wanted).await);
        assert!(!registry.lets_in(TOKEN, &id, &fresh, "&scope=api:read").await);
        assert!(registry.lets_in(TOKEN, &id, secret(&rotated), "&scope=api:read").await);

        assert!(matches!(failed(adapter().read(&rotated.client).await), Fault::Unsupported(_)));
        assert_eq!(worked(adapter().delete(&rotated.client).await), Deleted::Gone);
        assert!(!is_there(&registry, &id).await);
        assert!(is_there(&registry, &other.client.id).await, "the other one stays");
        assert!(!registry.lets_in(TOKEN, &id, secret(&rotated), "&scope=api:read").await);
        assert_eq!(worked(adapter().delete(&rotated.client).await), Deleted::Unconfirmed);
    });
}

#[test]
fn a_client_without_redirects_gets_one_that_belongs_to_nobody() {
    tests::run(async {
        let Some(registry) = Registry::glewlwyd() else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry, SECRET);
        let mut wanted = wanted("Weather");
        wanted.redirect_uris = Vec::new();
        let issued = worked(at(&registrar, &provider).create(&wanted).await);
        let client =
            registry.as_administrator(&format!("/api/client/{}", issued.client.id)).await.expect(200);
        assert_eq!(client["redirect_uri"], serde_json::json!(["https://unused.invalid/"]));
        let rotated = worked(at(&registrar, &provider).rotate(&issued.client, &wanted).await);
        assert!(registry.lets_in(TOKEN, &rotated.client.id, secret(&rotated), "&scope=api:read").await);
    });
}

#[test]
fn who_can_mend_it_is_told_apart() {
    tests::run(async {
        let Some(registry) = Registry::glewlwyd() else { return };
        let registrar = registry.registrar();
        let wrong = provider(&registry, "wrong");
        // This server refuses with an empty body.
        let fault = failed(at(&registrar, &wrong).create(&wanted("Weather")).await);
        assert_eq!(fault, Fault::Configuration("it answers with status 403".to_owned()));
        let mut bad = wanted("Weather");
        bad.redirect_uris = vec!["nope".to_owned()];
        let provider = provider(&registry, SECRET);
        assert_eq!(failed(at(&registrar, &provider).create(&bad).await), Fault::Input(Field::RedirectUri));
    });
}

#[test]
fn the_standard_with_an_initial_client_is_the_same() {
    tests::run(async {
        let Some(registry) = Registry::glewlwyd() else { return };
        let registrar = registry.registrar();
        let with = |scope: &str| {
            let client =
                InitialClient { id: "initial-client".to_owned(), secret: Secret::new(SECRET.to_owned()) };
            let proof = Proof::InitialClient { client, scope: scope.to_owned() };
            registry.provider("", DcrConfig::Rfc7591 { proof, update_rotates_secret: true })
        };
        let provider = with("dcr");
        let issued = worked(at(&registrar, &provider).create(&wanted("Weather")).await);
        assert!(is_there(&registry, &issued.client.id).await);
        assert_eq!(worked(at(&registrar, &provider).delete(&issued.client).await), Deleted::Gone);
        let provider = with("dcr more");
        let fault = failed(at(&registrar, &provider).create(&wanted("Weather")).await);
        assert!(matches!(fault, Fault::Configuration(_)), "{fault:?}");
    });
}
