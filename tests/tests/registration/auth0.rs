//! Auth0, played by a fake that Auth0's own SDK takes for real.

use appauth::{
    dcr_providers::{OpenProvider, config::DcrConfig},
    registration::{Deleted, Event, Fault, Field},
};
use kernel::Secret;
use serde_json::json;
use tests::{Registry, wanted};
use uuid::Uuid;

use crate::{at, failed, secret, worked};

const SECRET: &str = "initial-s3cret/+&";
const API: &str = "https://api.test/";

pub fn with(registry: &Registry, secret: &str, developers_choose: bool) -> OpenProvider {
    let config = DcrConfig::Auth0 {
        initial_client_id: "initial-client".to_owned(),
        initial_client_secret: Secret::new(secret.to_owned()),
        initial_client_audience: None,
        use_developer_managed_scopes: developers_choose,
    };
    registry.provider("/api/v2/", config)
}

pub fn provider(registry: &Registry) -> OpenProvider {
    with(registry, SECRET, false)
}

#[test]
fn the_fake_is_what_the_vendors_sdk_expects() {
    tests::run(async {
        let Some(registry) = Registry::fake("auth0") else { return };
        let saw = registry.driven_by("auth0_sdk.mjs", &[]);
        let expected = json!({ "made": "By the SDK", "scope": ["read"], "rotated": true, "changed": "Changed", "refused": 400 });
        assert_eq!(saw, expected);
        assert_eq!(registry.clients().await.len(), 0);
    });
}

#[test]
fn a_client_lives() {
    tests::run(async {
        let Some(registry) = Registry::fake("auth0") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let adapter = || at(&registrar, &provider);
        let mut wanted = wanted("Weather <b>");
        wanted.description = "ä".repeat(255);
        wanted.scopes = vec!["openid".to_owned(), "read".to_owned()];
        wanted.audience = Some(API.to_owned());
        let may = async |id: &str, secret: &str| {
            registry.lets_in_by_form("/oauth/token", id, secret, &[("audience", API)]).await
        };

        let issued = worked(adapter().create(&wanted).await);
        let id = issued.client.id.clone();
        let [client] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!(client["name"], "Weather b");
        assert_eq!(client["description"], "ä".repeat(140));
        assert_eq!(client["callbacks"], json!(["https://app.test/callback"]));
        assert_eq!(client["client_metadata"]["konnect_application_id"], wanted.application.to_string());
        assert_eq!(
            registry.state().await["grants"][0]["scope"],
            json!(["read"]),
            "openid is no scope of an API"
        );
        assert!(may(&id, secret(&issued)).await);
        assert!(worked(adapter().find(&wanted).await).iter().any(|client| client.id == id));
        assert!(worked(adapter().find(&tests::wanted("Another")).await).is_empty());

        wanted.redirect_uris = vec!["https://app.test/other".to_owned()];
        worked(adapter().update(&issued.client, &wanted).await);
        assert_eq!(registry.clients().await[0]["callbacks"], json!(["https://app.test/other"]));
        assert_eq!(worked(adapter().read(&issued.client).await).redirect_uris, ["https://app.test/other"]);
        assert!(may(&id, secret(&issued)).await, "an update leaves the secret alone");

        let rotated = worked(adapter().rotate(&issued.client, &wanted).await);
        assert!(!may(&id, secret(&issued)).await);
        assert!(may(&id, secret(&rotated)).await);

        let api = Uuid::from_u128(9);
        worked(adapter().tell(&issued.client, &wanted, &Event::Unregistered { api, last: false }).await);
        assert!(may(&id, secret(&rotated)).await);
        worked(adapter().tell(&issued.client, &wanted, &Event::Unregistered { api, last: true }).await);
        assert!(!may(&id, secret(&rotated)).await);
        worked(adapter().tell(&issued.client, &wanted, &Event::Registered { api }).await);
        // That the grant is there already is no fault; it gets the scopes of now.
        wanted.scopes.push("write".to_owned());
        worked(adapter().tell(&issued.client, &wanted, &Event::Registered { api }).await);
        assert_eq!(registry.state().await["grants"][0]["scope"], json!(["read", "write"]));

        assert_eq!(worked(adapter().delete(&issued.client).await), Deleted::Gone);
        assert_eq!(registry.clients().await.len(), 0);
        assert!(!may(&id, secret(&rotated)).await);
        assert_eq!(worked(adapter().delete(&issued.client).await), Deleted::Gone);
        assert_eq!(failed(adapter().rotate(&issued.client, &wanted).await), Fault::Gone);
    });
}

#[test]
fn developers_may_choose_scopes_that_the_api_has() {
    tests::run(async {
        let Some(registry) = Registry::fake("auth0") else { return };
        let registrar = registry.registrar();
        let provider = with(&registry, SECRET, true);
        let adapter = || at(&registrar, &provider);
        let mut wanted = wanted("Weather");
        wanted.audience = Some(API.to_owned());
        wanted.scopes = vec!["read".to_owned(), "write".to_owned()];
        wanted.chosen_scopes = vec!["all".to_owned()];
        assert_eq!(failed(adapter().create(&wanted).await), Fault::Input(Field::Scopes));
        assert_eq!(registry.clients().await.len(), 0, "nothing is made before it is known");
        wanted.chosen_scopes = vec!["write".to_owned()];
        let issued = worked(adapter().create(&wanted).await);
        assert_eq!(worked(adapter().granted_scopes(&issued.client, &wanted).await), ["write"]);
        wanted.chosen_scopes = vec!["read".to_owned()];
        worked(adapter().update(&issued.client, &wanted).await);
        assert_eq!(registry.state().await["grants"][0]["scope"], json!(["read"]));
        let fixed = self::provider(&registry);
        let told = at(&registrar, &fixed).granted_scopes(&issued.client, &wanted).await;
        assert!(matches!(failed(told), Fault::Unsupported(_)));
    });
}

#[test]
fn a_token_is_asked_for_once_and_dropped_once() {
    tests::run(async {
        let Some(registry) = Registry::fake("auth0") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let wanted = wanted("Weather");
        let mut all = Vec::new();
        for _ in 0..12 {
            let (registrar, provider, wanted) =
                (registrar.clone(), self::provider(&registry), wanted.clone());
            all.push(tokio::spawn(
                async move { worked(at(&registrar, &provider).create(&wanted).await).client },
            ));
        }
        let mut client = None;
        for one in all {
            client = Some(one.await.unwrap());
        }
        let client = client.unwrap();
        assert_eq!(registry.state().await["issued"], 1, "for all of them");
        registry.tell(json!({ "revoke": true })).await;
        worked(at(&registrar, &provider).read(&client).await);
        assert_eq!(registry.state().await["issued"], 2, "one that ended early is asked for again");
        registry.trouble("GET", "/api/v2/clients/", json!({ "status": 401, "times": 9 })).await;
        let fault = failed(at(&registrar, &provider).read(&client).await);
        assert_eq!(fault, Fault::Configuration("it answers with status 401".to_owned()));
        assert_eq!(registry.state().await["issued"], 3, "and once only");
        // Another secret gets another token.
        let wrong = with(&registry, "old", false);
        let fault = failed(at(&registrar, &wrong).read(&client).await);
        assert_eq!(fault, Fault::Configuration("it answers with status 401 (access_denied)".to_owned()));
    });
}

#[test]
fn a_client_that_would_get_no_token_is_removed_again() {
    tests::run(async {
        let Some(registry) = Registry::fake("auth0") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let mut wanted = wanted("Weather");
        wanted.audience = Some("https://unknown.test/".to_owned());
        let fault = failed(at(&registrar, &provider).create(&wanted).await);
        assert!(matches!(fault, Fault::Configuration(_)), "{fault:?}");
        assert_eq!(registry.clients().await.len(), 0);
    });
}
