//! The npm package oidc-provider, by RFC 7591 and RFC 7592.

use appauth::{
    dcr_providers::{OpenProvider, config::DcrConfig},
    registration::{Deleted, Fault, Field, Proof},
};
use kernel::Secret;
use serde_json::json;
use tests::{Registry, wanted};

use crate::{at, failed, secret, secret_of, worked};

async fn provider(registry: &Registry, rotates: bool) -> OpenProvider {
    registry.tell(json!({ "rotate": rotates })).await;
    let token = registry.tell(json!({ "initial_token": true })).await["token"].as_str().unwrap().to_owned();
    let proof = Proof::InitialToken(Secret::new(token));
    registry.provider("", DcrConfig::Rfc7591 { proof, update_rotates_secret: rotates })
}

#[test]
fn a_client_lives_where_changes_keep_secrets() {
    tests::run(async {
        let Some(registry) = Registry::oidc_provider() else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry, false).await;
        let adapter = || at(&registrar, &provider);
        let mut wanted = wanted("Weather");

        let issued = worked(adapter().create(&wanted).await);
        let [client] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!(client["client_id"], *issued.client.id);
        assert_eq!(client["client_name"], "Weather");
        assert_eq!(client["redirect_uris"], json!(["https://app.test/callback"]));
        assert_eq!(client["grant_types"], json!(["client_credentials"]));
        assert_eq!(issued.expires_at, None, "0 means never");
        let id = issued.client.id.clone();
        assert!(registry.lets_in("/token", &id, secret(&issued), "&scope=api:read").await);

        let found = worked(adapter().read(&issued.client).await);
        assert_eq!(found.name.as_deref(), Some("Weather"));

        wanted.name = "Weather 2".to_owned();
        wanted.redirect_uris = vec!["https://app.test/other".to_owned()];
        let updated = worked(adapter().update(&found.client, &wanted).await);
        let client = &registry.clients().await[0];
        assert_eq!(client["client_name"], "Weather 2");
        assert_eq!(client["redirect_uris"], json!(["https://app.test/other"]));
        assert_eq!(secret_of(&updated), Some(secret(&issued)), "the secret is the old one");
        assert!(registry.lets_in("/token", &id, secret(&issued), "").await);

        // Each answer brings another registration token, and the one before is dead.
        assert_eq!(failed(adapter().update(&issued.client, &wanted).await), Fault::Gone);
        assert_eq!(worked(adapter().delete(&issued.client).await), Deleted::Unconfirmed);
        assert_eq!(registry.clients().await.len(), 1);
        assert!(matches!(failed(adapter().rotate(&updated.client, &wanted).await), Fault::Unsupported(_)));

        assert_eq!(worked(adapter().delete(&updated.client).await), Deleted::Gone);
        assert_eq!(registry.clients().await.len(), 0);
        assert!(!registry.lets_in("/token", &id, secret(&issued), "").await);
        // This server answers for a client that is gone as for a token that is not good.
        assert_eq!(worked(adapter().delete(&updated.client).await), Deleted::Unconfirmed);
    });
}

#[test]
fn a_secret_is_replaced_where_changes_replace_it() {
    tests::run(async {
        let Some(registry) = Registry::oidc_provider() else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry, true).await;
        let adapter = || at(&registrar, &provider);
        let wanted = wanted("Weather");
        let issued = worked(adapter().create(&wanted).await);
        let id = issued.client.id.clone();
        let rotated = worked(adapter().rotate(&issued.client, &wanted).await);
        assert_ne!(secret(&rotated), secret(&issued));
        assert!(!registry.lets_in("/token", &id, secret(&issued), "").await);
        assert!(registry.lets_in("/token", &id, secret(&rotated), "").await);
        let updated = worked(adapter().update(&rotated.client, &wanted).await);
        let fresh = secret_of(&updated).unwrap();
        assert!(registry.lets_in("/token", &id, fresh, "").await, "an update tells the secret that it made");
        assert!(!registry.lets_in("/token", &id, secret(&rotated), "").await);
        assert!(matches!(failed(adapter().read(&updated.client).await), Fault::Unsupported(_)));
        assert_eq!(worked(adapter().delete(&updated.client).await), Deleted::Gone);
    });
}

#[test]
fn users_may_sign_in_at_a_client() {
    tests::run(async {
        let Some(registry) = Registry::oidc_provider() else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry, false).await;
        let mut wanted = wanted("Portal");
        wanted.auth_methods.push("authorization_code".to_owned());
        wanted.scopes = vec!["openid".to_owned()];
        worked(at(&registrar, &provider).create(&wanted).await);
        let client = &registry.clients().await[0];
        assert_eq!(
            client["grant_types"],
            json!(["authorization_code", "refresh_token", "client_credentials"])
        );
        assert_eq!(client["response_types"], json!(["code"]));
        assert_eq!(client["scope"], "openid");
    });
}

#[test]
fn who_can_mend_it_is_told_apart() {
    tests::run(async {
        let Some(registry) = Registry::oidc_provider() else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry, false).await;
        let mut bad = wanted("Weather");
        bad.redirect_uris = vec!["not a uri".to_owned()];
        assert_eq!(failed(at(&registrar, &provider).create(&bad).await), Fault::Input(Field::RedirectUri));
        let issued = worked(at(&registrar, &provider).create(&wanted("Weather")).await);
        let refused = at(&registrar, &provider).update(&issued.client, &bad).await;
        assert_eq!(failed(refused), Fault::Input(Field::RedirectUri));
        let proof = Proof::InitialToken(Secret::new("wrong".to_owned()));
        let config = DcrConfig::Rfc7591 { proof, update_rotates_secret: false };
        let stranger = registry.provider("", config);
        let refused = failed(at(&registrar, &stranger).create(&wanted("Weather")).await);
        assert_eq!(refused, Fault::Configuration("it answers with status 401 (invalid_token)".to_owned()));
        assert_eq!(registry.clients().await.len(), 1, "nothing was made on the way");
    });
}
