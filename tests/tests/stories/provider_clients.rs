//! Clients at providers that fail: what is left of what went wrong, what is done about it without anybody's help, and
//! what an administrator does.

use std::time::Duration;

use appauth::{
    clients::worker::{look_at_some, work_off},
    dcr_providers::{OpenProvider, config::DcrConfig},
    registration::Client as AtProvider,
};
use http::Method;
use kernel::Secret;
use serde_json::{Value, json};
use tests::{Answer, Engine, Registry, TestApp, on_both, wanted};

use crate::{
    applications::{Published, published},
    days, id, text,
};

const OWN: &str = "/api/v3/applications";

/// A server that trusts this peer, with a developer.
struct Place {
    app: TestApp,
    registry: Registry,
    it: Published,
    ann: tests::Developer,
}

impl Place {
    async fn new(engine: Engine, fake: &str) -> Option<Self> {
        let registry = Registry::fake(fake)?;
        let authority = registry.authority();
        let app = TestApp::with(engine, &[("OUTBOUND_CA_FILE", authority.to_str().expect("a path"))]).await;
        let (kind, path, config) = match fake {
            "auth0" => (
                "auth0",
                "",
                json!({ "initial_client_id": "initial-client", "initial_client_secret": "initial-s3cret/+&" }),
            ),
            "okta" => ("okta", "/oauth2/default", json!({ "dcr_token": "00initialTokenOfOkta" })),
            _ => (
                "http",
                "",
                json!({ "dcr_base_url": format!("{}/dcr", registry.base), "api_key": "gYmrbDfu_7PTsZWH" }),
            ),
        };
        let provider = json!({
            "name": "Provider", "provider_type": kind, "issuer": format!("{}{path}", registry.base), "dcr_config": config,
        });
        let it = published(&app, provider, json!({})).await;
        let ann = app.developer(&it.site, "ann@dev.test").await;
        Some(Self { app, registry, it, ann })
    }

    async fn make(&self, name: &str) -> Answer {
        let new = json!({ "name": name, "auth_strategy_id": id(&self.it.strategy) });
        self.ann.client.post(OWN, new).await
    }

    async fn applications(&self) -> Vec<Value> {
        self.ann.client.get(OWN).await.expect(200)["data"].as_array().expect("applications").clone()
    }

    async fn regenerate(&self, application: &Value) -> Answer {
        let path = format!("{OWN}/{}/regenerate-secret", id(application));
        self.ann.client.call(Method::POST, &path, None).await
    }

    /// What is known of the one client.
    async fn client(&self) -> Value {
        let [client] = &self.clients().await[..] else { panic!("one client") };
        client.clone()
    }

    async fn clients(&self) -> Vec<Value> {
        let path = format!("/v2/dcr-providers/{}/clients", id(&self.it.provider));
        self.app.owner.get(&path).await.expect(200)["data"].as_array().expect("clients").clone()
    }

    async fn repair(&self, client: &Value, action: &str) -> Answer {
        let path = format!(
            "/v2/dcr-providers/{}/clients/{}/repair",
            id(&self.it.provider),
            text(client, "application_id")
        );
        self.app.owner.post(&path, json!({ "action": action })).await
    }

    /// Time goes by, and what is due is done.
    async fn later(&self, span: Duration) {
        self.app.wall.advance(span);
        work_off(&self.app.app).await.expect("it works");
    }

    /// The provider as its own administrator has it.
    fn at_provider(&self) -> OpenProvider {
        let config = DcrConfig::Auth0 {
            initial_client_id: "initial-client".to_owned(),
            initial_client_secret: Secret::new("initial-s3cret/+&".to_owned()),
            initial_client_audience: None,
            use_developer_managed_scopes: false,
        };
        self.registry.provider("", config)
    }
}

const MINUTE: Duration = Duration::from_secs(60);

on_both! {
    /// What was surely not done leaves nothing.
    async fn a_provider_that_refuses(engine: Engine) {
        let Some(place) = Place::new(engine, "auth0").await else { return };
        place.registry.trouble("POST", "/api/v2/clients$", json!({ "status": 503, "times": 9 })).await;
        let refused = place.make("One").await;
        assert!(refused.headers.contains_key("retry-after"), "{}", refused.text);
        assert_eq!(refused.expect(503)["detail"], "The identity provider cannot do this now");
        assert_eq!((place.applications().await, place.clients().await), (vec![], vec![]));
        place.registry.trouble("POST", "/api/v2/clients$", json!({ "status": 403 })).await;
        place.make("One").await.expect(502);
        assert_eq!((place.applications().await, place.clients().await), (vec![], vec![]));
        assert_eq!(place.registry.clients().await, Vec::<Value>::new());
        place.make("One").await.expect(201);
    }
}

on_both! {
    /// A client whose answer got lost is found by its application, taken over, and has no twin.
    async fn an_answer_that_is_lost(engine: Engine) {
        let Some(place) = Place::new(engine, "auth0").await else { return };
        place.registry.trouble("POST", "/api/v2/clients$", json!({ "how": "cut", "after": true })).await;
        let unknown = place.make("One").await.expect(502);
        let told = "The identity provider did not say whether it was done. Look before you try again";
        assert_eq!(unknown["detail"], told);
        let [application] = &place.applications().await[..] else { panic!("it waits") };
        assert_eq!(application.get("client_id"), None);
        let pending = place.client().await;
        assert_eq!((&pending["state"], &pending["client_id"]), (&json!("creating"), &Value::Null));
        assert!(pending["problem"].is_string() && pending["next_attempt_at"].is_string(), "{pending}");
        let early = place.regenerate(application).await.expect(409);
        assert_eq!(early["detail"], "The application is still being registered at the identity provider");

        place.later(MINUTE).await;
        let [there] = &place.registry.clients().await[..] else { panic!("one client") };
        let live = place.client().await;
        assert_eq!((&live["state"], &live["secret_lost"]), (&json!("live"), &json!(true)));
        assert_eq!(live["client_id"], there["client_id"]);
        assert_eq!(place.applications().await[0]["client_id"], there["client_id"]);
        let fresh = place.regenerate(application).await.expect(201);
        assert_eq!(fresh["client_id"], there["client_id"]);
        assert_eq!(place.client().await["secret_lost"], false);

        // What was sent then has an effect only now: a second client, which is removed.
        let mut twin = wanted("One");
        twin.application = text(&live, "application_id").parse().expect("an id");
        let registrar = place.registry.registrar();
        let provider = place.at_provider();
        let adapter = registrar.adapter(&provider).expect("an adapter");
        assert!(adapter.create(&twin).await.is_ok(), "the twin is made");
        assert_eq!(place.registry.clients().await.len(), 2);
        place.later(5 * MINUTE).await;
        let [left] = &place.registry.clients().await[..] else { panic!("the twin is gone") };
        assert_eq!(left["client_id"], there["client_id"]);
        assert_eq!(place.client().await["next_attempt_at"], Value::Null);
    }
}

on_both! {
    /// Where clients cannot be found again, the administrator looks, and says what is to be done.
    async fn an_answer_that_nobody_can_ask_for(engine: Engine) {
        let Some(place) = Place::new(engine, "bridge").await else { return };
        place.registry.trouble("POST", "/dcr/$", json!({ "how": "half", "after": true })).await;
        place.make("Weather").await.expect(502);
        place.later(MINUTE).await;
        let client = place.client().await;
        assert_eq!((&client["state"], &client["next_attempt_at"]), (&json!("creation_unconfirmed"), &Value::Null));
        assert!(text(&client, "problem").contains("[Weather]"), "{client}");
        let application = place.applications().await.remove(0);
        let why = place.regenerate(&application).await.expect(409);
        assert!(text(&why, "detail").contains("An administrator has to look"), "{why}");
        let no = place.repair(&client, "restore").await.expect(409);
        assert_eq!(no["detail"], "`restore` does nothing for a client that is creation unconfirmed");
        place.repair(&client, "register").await.expect(200);
        place.later(Duration::ZERO).await;
        let client = place.client().await;
        assert_eq!((&client["state"], &client["secret_lost"]), (&json!("live"), &json!(true)));
        let fresh = place.regenerate(&application).await.expect(201);
        let there = place.registry.clients().await;
        let mine = there.iter().find(|one| one["client_id"] == fresh["client_id"]).expect("it is there");
        assert_eq!(mine["client_secret"], fresh["client_secret"]);
    }
}

on_both! {
    /// Deleting is done at once for everybody here, and at the provider as soon as it can be.
    async fn a_provider_that_is_down(engine: Engine) {
        let Some(place) = Place::new(engine, "auth0").await else { return };
        let made = place.make("One").await.expect(201);
        place.registry.trouble("DELETE", "/api/v2/clients/", json!({ "how": "cut", "times": 9 })).await;
        place.ann.client.delete(&format!("{OWN}/{}", id(&made))).await.expect(204);
        assert_eq!(place.applications().await, Vec::<Value>::new());
        let client = place.client().await;
        assert_eq!(client["state"], "removing");
        assert!(client["problem"].is_string(), "{client}");
        assert_eq!(place.registry.clients().await.len(), 1);
        let kept = place.app.owner.delete(&format!("/v2/dcr-providers/{}", id(&place.it.provider))).await;
        let why = kept.expect(409);
        assert!(text(&why, "detail").contains("0 clients of applications, and 1 that are not gone"), "{why}");

        place.later(Duration::from_secs(1)).await;
        assert_eq!(place.registry.clients().await.len(), 1, "it is not tried all the time");
        place.registry.tell(json!({ "trouble": [] })).await;
        place.later(MINUTE).await;
        assert_eq!(place.registry.clients().await, Vec::<Value>::new());
        assert_eq!(place.clients().await, Vec::<Value>::new());
    }
}

on_both! {
    /// Clients are looked at once a day; what differs is shown, and mended when an administrator says so.
    async fn drift(engine: Engine) {
        let Some(place) = Place::new(engine, "auth0").await else { return };
        let new = json!({
            "name": "One", "auth_strategy_id": id(&place.it.strategy), "redirect_uri": "https://one.test/",
        });
        let made = place.ann.client.post(OWN, new).await.expect(201);
        let registrar = place.registry.registrar();
        let provider = place.at_provider();
        let there = AtProvider::with_id(text(&made, "client_id"));
        let mut other = wanted("One");
        other.redirect_uris = vec!["https://elsewhere.test/".to_owned()];
        assert!(registrar.adapter(&provider).expect("one").update(&there, &other).await.is_ok());
        look_at_some(&place.app.app).await.expect("it looks");
        place.later(Duration::ZERO).await;
        assert_eq!(place.client().await["drift"], Value::Null, "it was looked at when it was made");

        place.app.wall.advance(days(2));
        look_at_some(&place.app.app).await.expect("it looks");
        place.later(Duration::ZERO).await;
        let client = place.client().await;
        assert_eq!((&client["state"], &client["drift"]), (&json!("live"), &json!("differs")));
        place.repair(&client, "restore").await.expect(200);
        place.later(Duration::ZERO).await;
        assert_eq!(place.client().await["drift"], Value::Null);
        assert_eq!(place.registry.clients().await[0]["callbacks"], json!(["https://one.test/"]));

        assert!(registrar.adapter(&provider).expect("one").delete(&there).await.is_ok());
        place.repair(&client, "check").await.expect(200);
        place.later(Duration::ZERO).await;
        let client = place.client().await;
        assert_eq!((&client["state"], &client["drift"]), (&json!("live"), &json!("missing")));
        place.repair(&client, "register").await.expect(200);
        place.later(Duration::ZERO).await;
        let [again] = &place.registry.clients().await[..] else { panic!("one client") };
        assert_ne!(again["client_id"], made["client_id"]);
        let client = place.client().await;
        assert_eq!((&client["drift"], &client["client_id"]), (&Value::Null, &again["client_id"]));
    }
}

on_both! {
    /// Where clients can have two secrets, one is added and one deleted, and nobody is without.
    async fn two_secrets(engine: Engine) {
        let Some(place) = Place::new(engine, "okta").await else { return };
        let made = place.make("One").await.expect(201);
        assert_eq!(made["auth_strategy"]["max_allowed_credentials"], 2);
        let credentials = format!("{OWN}/{}/credentials", id(&made));
        let add = async || place.ann.client.post(&credentials, json!({ "display_name": "Second" })).await;
        let second = add().await.expect(201);
        assert_eq!((&second["type"], &second["client_id"]), (&json!("client_secret"), &made["client_id"]));
        let works = async |secret: &Value| {
            let (id, secret) = (text(&made, "client_id"), secret.as_str().expect("a secret"));
            place.registry.lets_in("/oauth2/default/v1/token", id, secret, "").await
        };
        assert!(works(&made["client_secret"]).await && works(&second["client_secret"]).await);
        place.regenerate(&made).await.expect(409);
        add().await.expect(403);
        let listed = place.ann.client.get(&credentials).await.expect(200);
        let all = listed["data"].as_array().expect("credentials");
        assert_eq!(all.len(), 2);
        let first = all.iter().find(|one| one["id"] != second["id"]).expect("the first");
        place.ann.client.delete(&format!("{credentials}/{}", id(first))).await.expect(204);
        assert!(!works(&made["client_secret"]).await && works(&second["client_secret"]).await);
        place.ann.client.delete(&format!("{credentials}/{}", id(&second))).await.expect(409);
        place.ann.client.delete(&format!("{credentials}/nothing")).await.expect(404);
        assert!(works(&second["client_secret"]).await);
    }
}
