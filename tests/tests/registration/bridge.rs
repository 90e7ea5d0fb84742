//! A bridge.

use appauth::{
    dcr_providers::{OpenProvider, config::DcrConfig},
    registration::{Client, Deleted, Event, Fault, Field},
};
use kernel::Secret;
use serde_json::json;
use tests::{Registry, wanted};
use uuid::Uuid;

use crate::{at, failed, secret, worked};

pub fn with(registry: &Registry, base: &str, key: &str, disabled: bool) -> OpenProvider {
    let config = DcrConfig::Http {
        dcr_base_url: base.to_owned(),
        api_key: Secret::new(key.to_owned()),
        disable_event_hooks: disabled,
        disable_refresh_secret: disabled,
        allow_multiple_credentials: false,
    };
    registry.provider("", config)
}

pub fn provider(registry: &Registry) -> OpenProvider {
    with_key(registry, "gYmrbDfu_7PTsZWH")
}

pub fn with_key(registry: &Registry, key: &str) -> OpenProvider {
    with(registry, &format!("{}/dcr/", registry.base), key, false)
}

#[test]
fn a_client_lives() {
    tests::run(async {
        let Some(registry) = Registry::fake("bridge") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        let adapter = || at(&registrar, &provider);
        let mut wanted = wanted("Weather");
        wanted.scopes = vec!["read".to_owned()];
        wanted.audience = Some("https://api.test/".to_owned());

        let issued = worked(adapter().create(&wanted).await);
        let [client] = &registry.clients().await[..] else { panic!("one client") };
        assert_eq!(client["client_id"], *issued.client.id);
        assert_eq!(client["client_secret"], *secret(&issued));
        assert_eq!(
            client["grant_types"],
            json!(["client_credentials", "bearer"]),
            "as the strategy has them"
        );
        assert_eq!(client["dcr_provider_id"], provider.id.to_string());
        assert_eq!(issued.expires_at, None);

        let rotated = worked(adapter().rotate(&issued.client, &wanted).await);
        assert_eq!(registry.clients().await[0]["client_secret"], *secret(&rotated));
        assert_ne!(secret(&rotated), secret(&issued));

        wanted.redirect_uris = vec!["https://app.test/other".to_owned()];
        worked(adapter().update(&issued.client, &wanted).await);
        let api = Uuid::from_u128(9);
        worked(adapter().tell(&issued.client, &wanted, &Event::Registered { api }).await);
        worked(adapter().tell(&issued.client, &wanted, &Event::Unregistered { api, last: true }).await);
        let events = registry.state().await["events"].as_array().unwrap().clone();
        let kinds: Vec<_> = events.iter().map(|event| event["event_type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["update_application", "add_registration", "remove_registration"]);
        assert_eq!(events[0]["redirect_uris"], json!(["https://app.test/other"]));
        assert_eq!(events[1]["api_product_version_id"], api.to_string());
        assert_eq!(events[1]["audience"], "https://api.test/");
        assert_eq!(events[1]["application_id"], wanted.application.to_string());

        assert_eq!(worked(adapter().delete(&issued.client).await), Deleted::Gone);
        assert_eq!(registry.clients().await.len(), 0);
        assert_eq!(worked(adapter().delete(&issued.client).await), Deleted::Gone, "404 is as good");
        assert_eq!(failed(adapter().rotate(&issued.client, &wanted).await), Fault::Gone);
        // Where there is no body, no content type promises one; and the id is one segment of the path.
        let seen = registry.state().await["seen"].as_array().unwrap().clone();
        let bare = |one: &serde_json::Value| one["body"] == "" && !one["type"].is_null();
        assert!(!seen.iter().any(bare), "{seen:?}");
        assert!(seen.iter().any(|one| one["path"].as_str().unwrap().contains("bridge%2F")));
    });
}

#[test]
fn what_is_turned_off_is_not_asked() {
    tests::run(async {
        let Some(registry) = Registry::fake("bridge") else { return };
        let registrar = registry.registrar();
        let provider = with(&registry, &format!("{}/dcr", registry.base), "gYmrbDfu_7PTsZWH", true);
        let wanted = wanted("Weather");
        let issued = worked(at(&registrar, &provider).create(&wanted).await);
        worked(at(&registrar, &provider).update(&issued.client, &wanted).await);
        let event = Event::Registered { api: Uuid::nil() };
        worked(at(&registrar, &provider).tell(&issued.client, &wanted, &event).await);
        assert_eq!(registry.state().await["events"], json!([]));
        assert!(!at(&registrar, &provider).capabilities().rotate);
        let rotated = at(&registrar, &provider).rotate(&issued.client, &wanted).await;
        assert!(matches!(failed(rotated), Fault::Unsupported(_)));
        assert_eq!(registry.state().await["seen"].as_array().unwrap().len(), 1, "the registration alone");
    });
}

#[test]
fn answers_are_taken_as_bridges_give_them() {
    tests::run(async {
        let Some(registry) = Registry::fake("bridge") else { return };
        let registrar = registry.registrar();
        let provider = provider(&registry);
        registry.tell(json!({ "times": "texts" })).await;
        let issued = worked(at(&registrar, &provider).create(&wanted("Weather")).await);
        assert_eq!(issued.expires_at.unwrap().to_string(), "2027-01-01T00:00:00.000Z");
        let mut bad = wanted("Weather");
        bad.redirect_uris = vec!["nope".to_owned()];
        // The description of this refusal is a list of objects.
        assert_eq!(failed(at(&registrar, &provider).create(&bad).await), Fault::Input(Field::RedirectUri));
        let wrong = with_key(&registry, "not_the_key_of_it");
        let fault = failed(at(&registrar, &wrong).create(&wanted("Weather")).await);
        assert_eq!(fault, Fault::Configuration("it answers with status 401 (Wrong API-Key)".to_owned()));
        // A hostile name is one segment, too.
        for id in ["../dcr/", "..", "a?b"] {
            assert_eq!(worked(at(&registrar, &provider).delete(&Client::with_id(id)).await), Deleted::Gone);
        }
        assert_eq!(registry.clients().await.len(), 1);
    });
}
