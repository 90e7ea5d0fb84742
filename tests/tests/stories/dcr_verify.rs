//! Verifying a DCR provider, over HTTP.

use serde_json::{Value, json};
use tests::{Engine, Registry, TestApp, on_both};

use crate::id;

const PROVIDERS: &str = "/v2/dcr-providers";

/// A server that trusts this peer.
async fn trusting(engine: Engine, registry: &Registry) -> TestApp {
    let authority = registry.authority();
    TestApp::with(engine, &[("OUTBOUND_CA_FILE", authority.to_str().expect("a path"))]).await
}

async fn auth0(app: &TestApp, issuer: &str, secret: &str) -> Value {
    let config = json!({ "initial_client_id": "initial-client", "initial_client_secret": secret });
    let body = json!({ "name": "Auth0", "provider_type": "auth0", "issuer": issuer, "dcr_config": config });
    app.owner.post(PROVIDERS, body).await.expect(201)
}

async fn verified(app: &TestApp, provider: &Value) -> Value {
    let path = format!("{PROVIDERS}/{}/verify", id(provider));
    app.owner.call(http::Method::POST, &path, None).await.expect(200)
}

on_both! {
    /// Everything that will be asked of the provider is asked, nothing stays there, and the log says so.
    async fn a_good_provider_and_a_bad_one(engine: Engine) {
        let Some(registry) = Registry::fake("auth0") else { return };
        let app = trusting(engine, &registry).await;
        let good = auth0(&app, &registry.base, "initial-s3cret/+&").await;
        assert_eq!(verified(&app, &good).await, json!({ "status": "success", "errors": [] }));
        assert_eq!(registry.clients().await.len(), 0);
        assert_eq!(registry.seen("POST", "/api/v2/clients").await.len(), 1, "a client was there");

        let bad = auth0(&app, &registry.base, "the-wrong-secret").await;
        let outcome = verified(&app, &bad).await;
        assert_eq!(outcome["status"], "failed");
        let error = outcome["errors"][0].as_str().expect("a sentence");
        assert!(error.starts_with("Getting a token") && error.contains("machine-to-machine"), "{error}");
        assert!(!outcome.to_string().contains("the-wrong-secret"));

        let metrics = app.anonymous().unchecked().get("/metrics").await.text;
        assert!(metrics.contains(r#"latchkey_outbound_requests_total{destination="auth0",outcome="2xx"}"#), "{metrics}");
    }
}

on_both! {
    /// The writer of the database is free while a provider takes its time.
    async fn others_write_while_a_provider_is_slow(engine: Engine) {
        let Some(registry) = Registry::fake("auth0") else { return };
        let app = trusting(engine, &registry).await;
        let provider = auth0(&app, &registry.base, "initial-s3cret/+&").await;
        registry.trouble("GET", "openid-configuration", json!({ "how": "hang" })).await;
        let path = format!("{PROVIDERS}/{}/verify", id(&provider));
        let owner = app.owner.clone();
        let slow = tokio::spawn(async move { owner.call(http::Method::POST, &path, None).await.expect(200) });
        while registry.seen("GET", "/.well-known/openid-configuration").await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        auth0(&app, &registry.base, "another").await;
        assert!(!slow.is_finished(), "the provider was written before the slow one answered");
        let outcome = slow.await.expect("it answers");
        assert!(outcome["errors"][0].as_str().expect("a sentence").contains("see whether it is up"), "{outcome}");
    }
}

on_both! {
    /// Addresses that the operator did not allow are not asked, whoever names them.
    async fn nowhere_else_is_asked(engine: Engine) {
        let app = TestApp::new(engine).await;
        let provider = auth0(&app, "https://10.0.0.1", "secret").await;
        let outcome = verified(&app, &provider).await;
        let expected = "Reading the discovery document of the issuer did not work, because the address is in a network that is not allowed: set the tenant's domain as issuer, such as https://TENANT.us.auth0.com.";
        assert_eq!(outcome, json!({ "status": "failed", "errors": [expected] }));
        let nobody = "01900000-0000-7000-8000-000000000000";
        let path = format!("{PROVIDERS}/{nobody}/verify");
        app.owner.call(http::Method::POST, &path, None).await.expect(404);
    }
}
