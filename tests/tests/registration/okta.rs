//! Okta, played by a fake.

use appauth::{
    dcr_providers::{OpenProvider, config::DcrConfig},
    registration::{Deleted, Fault, Field},
};
use kernel::Secret;
use serde_json::{Value, json};
use tests::{Registry, wanted};

use crate::{at, failed, secret, worked};

const TOKEN: &str = "/oauth2/default/v1/token";

pub fn with(registry: &Registry, token: &str) -> OpenProvider {
    registry.provider("/oauth2/default", DcrConfig::Okta { dcr_token: Secret::new(token.to_owned()) })
}

pub fn provider(registry: &Registry) -> OpenProvider {
    with(registry, "00initialTokenOfOkta")
}

/// What the vendor's SDK has to see.
fn by_the_sdk() -> Value {
    json!({
        "secret": "string", "moment": "a moment", "alone": [400, "E0000001"], "both": ["ACTIVE", "ACTIVE"],
        "full": [400, "E0000001"], "active": [400, "E0000001"], "ended": "INACTIVE", "one": ["INACTIVE", "ACTIVE"],
        "left": ["ACTIVE"], "missing": [404, "E0000007"], "refused": [401, "E0000011"],
    })
}

#[test]
fn the_fakes_secrets_are_what_the_vendors_sdk_expects() {
    tests::run(async {
        let Some(registry) = Registry::fake("okta") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let client = worked(at(&registrar, &provider).create(&wanted("Weather")).await).client;
        let saw = registry.driven_by("okta_sdk.mjs", &["00initialTokenOfOkta", &client.id]);
        assert_eq!(saw, by_the_sdk());
        // What the SDK has left is what the adapter sees.
        let left = worked(at(&registrar, &provider).credential_list(&client).await);
        assert_eq!(left.len(), 1);
    });
}

#[test]
fn the_fakes_secrets_are_as_the_vendors_document_has_them() {
    tests::run(async {
        let Some(registry) = Registry::fake("okta") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let client = worked(at(&registrar, &provider).create(&wanted("Weather")).await).client;
        let saw = registry.driven_by("okta_prism.mjs", &["00initialTokenOfOkta", &client.id]);
        assert_eq!(saw, json!({ "operations": 6, "wrong": 422, "saw": by_the_sdk() }));
    });
}

#[test]
fn a_client_lives() {
    tests::run(async {
        let Some(registry) = Registry::fake("okta") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let adapter = || at(&registrar, &provider);
        let mut wanted = wanted("Weather & co");

        let issued = worked(adapter().create(&wanted).await);
        let id = issued.client.id.clone();
        let [client] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!(client["application_type"], "service");
        assert_eq!(client["response_types"], json!(["token"]));
        assert!(registry.lets_in(TOKEN, &id, secret(&issued), "").await);

        wanted.redirect_uris = vec!["https://app.test/other".to_owned()];
        wanted.auth_methods.push("authorization_code".to_owned());
        worked(adapter().update(&issued.client, &wanted).await);
        let client = &registry.clients().await[0];
        assert_eq!(client["redirect_uris"], json!(["https://app.test/other"]));
        assert_eq!(
            client["grant_types"],
            json!(["authorization_code", "refresh_token", "client_credentials"])
        );
        assert_eq!(worked(adapter().read(&issued.client).await).redirect_uris, ["https://app.test/other"]);
        assert!(registry.lets_in(TOKEN, &id, secret(&issued), "").await, "an update leaves the secret alone");

        let (credential, second) = worked(adapter().credential_add(&issued.client, "second").await);
        assert!(registry.lets_in(TOKEN, &id, second.reveal(), "").await);
        assert!(registry.lets_in(TOKEN, &id, secret(&issued), "").await);
        let third = failed(adapter().credential_add(&issued.client, "third").await);
        assert!(matches!(third, Fault::Limit(_)), "{third:?}");
        assert_eq!(worked(adapter().credential_list(&issued.client).await).len(), 2);
        worked(adapter().credential_delete(&issued.client, &credential.id).await);
        assert!(!registry.lets_in(TOKEN, &id, second.reveal(), "").await);
        let last = worked(adapter().credential_list(&issued.client).await);
        assert!(matches!(
            failed(adapter().credential_delete(&issued.client, &last[0].id).await),
            Fault::Limit(_)
        ));
        assert_eq!(failed(adapter().credential_delete(&issued.client, "none").await), Fault::Gone);

        let rotated = worked(adapter().rotate(&issued.client, &wanted).await);
        assert!(!registry.lets_in(TOKEN, &id, secret(&issued), "").await);
        assert!(registry.lets_in(TOKEN, &id, secret(&rotated), "").await);

        assert_eq!(worked(adapter().delete(&issued.client).await), Deleted::Gone);
        assert_eq!(registry.clients().await.len(), 0);
        assert_eq!(worked(adapter().delete(&issued.client).await), Deleted::Gone);
    });
}

#[test]
fn a_client_is_found_on_whichever_page() {
    tests::run(async {
        let Some(registry) = Registry::fake("okta") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let mut last = None;
        for _ in 0..5 {
            let wanted = wanted("Weather");
            let issued = worked(at(&registrar, &provider).create(&wanted).await);
            last = Some((wanted, issued.client.id));
        }
        let (wanted, id) = last.unwrap();
        let found = worked(at(&registrar, &provider).find(&wanted).await);
        assert_eq!(found.iter().map(|client| client.id.clone()).collect::<Vec<_>>(), [id]);
        assert!(worked(at(&registrar, &provider).find(&tests::wanted("Weather")).await).is_empty());
    });
}

#[test]
fn who_can_mend_it_is_told_apart() {
    tests::run(async {
        let Some(registry) = Registry::fake("okta") else { return };
        let registrar = registry.registrar();
        let wrong = with(&registry, "wrong");
        let fault = failed(at(&registrar, &wrong).create(&wanted("Weather")).await);
        assert_eq!(fault, Fault::Configuration("it answers with status 401 (E0000011)".to_owned()));
        let unsendable = with(&registry, "two\nlines");
        let fault = failed(at(&registrar, &unsendable).create(&wanted("Weather")).await);
        assert!(matches!(fault, Fault::Configuration(_)), "{fault:?}");
        let mut bad = wanted("Weather");
        bad.redirect_uris = vec!["nope".to_owned()];
        let provider = provider(&registry);
        assert_eq!(failed(at(&registrar, &provider).create(&bad).await), Fault::Input(Field::RedirectUri));
    });
}
