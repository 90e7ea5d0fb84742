//! Microsoft Entra ID, played by a fake that Microsoft's own library takes for real.

use appauth::{
    dcr_providers::{OpenProvider, config::DcrConfig},
    registration::{Client, Deleted, Fault, Field},
};
use kernel::Secret;
use serde_json::json;
use tests::{Registry, wanted};

use crate::{at, failed, secret, worked};

const TENANT: &str = "/6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const TOKEN: &str = "/6babcaad-604b-40ac-a9d7-9fd97c0b779f/oauth2/v2.0/token";

pub fn with(registry: &Registry, secret: &str) -> OpenProvider {
    let config = DcrConfig::AzureAd {
        initial_client_id: "initial-client".to_owned(),
        initial_client_secret: Secret::new(secret.to_owned()),
    };
    registry.provider(TENANT, config)
}

pub fn provider(registry: &Registry) -> OpenProvider {
    with(registry, "in~itial.Secret")
}

async fn may(registry: &Registry, id: &str, secret: &str) -> bool {
    registry.lets_in_by_form(TOKEN, id, secret, &[("scope", "api://x/.default")]).await
}

#[test]
fn the_fake_is_what_the_vendors_library_expects() {
    tests::run(async {
        let Some(registry) = Registry::fake("graph") else { return };
        let scope = format!("{}/.default", registry.base);
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", "initial-client"),
            ("client_secret", "in~itial.Secret"),
            ("scope", &*scope),
        ];
        let token = registry.client.form(TOKEN, &fields).await.expect(200);
        let saw = registry.driven_by("graph_sdk.mjs", &[token["access_token"].as_str().unwrap()]);
        let expected = json!({ "made": "By the library", "keys": 1, "secret": "string", "hidden": true, "refused": "Request_BadRequest" });
        assert_eq!(saw, expected);
        assert_eq!(registry.clients().await.len(), 0);
    });
}

#[test]
fn a_client_lives() {
    tests::run(async {
        let Some(registry) = Registry::fake("graph") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let adapter = || at(&registrar, &provider);
        let mut wanted = wanted("Weather");

        // All of their servers know it only after some seconds.
        registry.tell(json!({ "lag": 1 })).await;
        let issued = worked(adapter().create(&wanted).await);
        registry.tell(json!({ "lag": 0 })).await;
        let id = issued.client.id.clone();
        let [client] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!(client["displayName"], "Weather");
        assert_eq!(client["api"]["requestedAccessTokenVersion"], 1);
        assert_eq!(client["uniqueName"], format!("latchkey-{}", wanted.application));
        assert_eq!(client["web"]["redirectUris"], json!(["https://app.test/callback"]));
        assert!(issued.expires_at.is_some(), "secrets end there after two years");
        assert!(may(&registry, &id, secret(&issued)).await);
        let found = worked(adapter().find(&wanted).await);
        assert_eq!(found.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
        assert!(worked(adapter().find(&tests::wanted("Another")).await).is_empty());

        wanted.name = "Weather 2".to_owned();
        worked(adapter().update(&issued.client, &wanted).await);
        assert_eq!(worked(adapter().read(&issued.client).await).name.as_deref(), Some("Weather 2"));

        let (credential, second) = worked(adapter().credential_add(&issued.client, "second").await);
        assert_eq!(credential.display_name.as_deref(), Some("second"));
        assert!(may(&registry, &id, second.reveal()).await && may(&registry, &id, secret(&issued)).await);
        let list = worked(adapter().credential_list(&issued.client).await);
        assert_eq!(list.len(), 2);
        assert!(list.contains(&credential));
        worked(adapter().credential_delete(&issued.client, &credential.id).await);
        assert!(!may(&registry, &id, second.reveal()).await);
        let last = worked(adapter().credential_list(&issued.client).await);
        let refused = adapter().credential_delete(&issued.client, &last[0].id).await;
        assert!(matches!(failed(refused), Fault::Limit(_)));

        let rotated = worked(adapter().rotate(&issued.client, &wanted).await);
        assert!(!may(&registry, &id, secret(&issued)).await);
        assert!(may(&registry, &id, secret(&rotated)).await);
        assert_eq!(registry.clients().await[0]["passwordCredentials"].as_array().unwrap().len(), 1);

        assert_eq!(worked(adapter().delete(&issued.client).await), Deleted::Gone);
        assert_eq!(registry.clients().await.len(), 0);
        assert_eq!(worked(adapter().delete(&issued.client).await), Deleted::Gone);
        // A client of somebody else's making must be there to be linked.
        assert_eq!(failed(adapter().read(&Client::with_id("o'neill")).await), Fault::Gone);
    });
}

#[test]
fn what_was_made_before_the_answer_got_lost_is_made_once() {
    tests::run(async {
        let Some(registry) = Registry::fake("graph") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        registry.trouble("PATCH", "/v1.0/applications", json!({ "how": "cut", "after": true })).await;
        let issued = worked(at(&registrar, &provider).create(&wanted("Weather")).await);
        let [client] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!(client["appId"], *issued.client.id);
        assert!(may(&registry, &issued.client.id, secret(&issued)).await);
    });
}

#[test]
fn an_application_without_a_secret_is_removed_again() {
    tests::run(async {
        let Some(registry) = Registry::fake("graph") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let how = json!({ "status": 403, "body": "{\"error\":{\"code\":\"Authorization_RequestDenied\"}}" });
        registry.trouble("POST", "addPassword", how).await;
        let fault = failed(at(&registrar, &provider).create(&wanted("Weather")).await);
        assert_eq!(
            fault,
            Fault::Configuration("it answers with status 403 (Authorization_RequestDenied)".to_owned())
        );
        assert_eq!(registry.clients().await.len(), 0);
        let mut bad = wanted("Weather");
        bad.redirect_uris = vec!["http://app.test/".to_owned()];
        assert_eq!(failed(at(&registrar, &provider).create(&bad).await), Fault::Input(Field::RedirectUri));
        let wrong = with(&registry, "old");
        let fault = failed(at(&registrar, &wrong).create(&wanted("Weather")).await);
        let said = "it answers with status 401 (invalid_client AADSTS7000215)";
        assert_eq!(fault, Fault::Configuration(said.to_owned()));
    });
}
