//! The log tells what happens, and no secret.

use serde_json::{Value, json};
use tests::{Engine, run};

use crate::binary::Installation;

/// Does whatever handles a secret; the secrets.
async fn handle_secrets(place: &Installation, format: &str) -> (Vec<String>, String) {
    let password = "correct-horse-battery";
    let settings = [
        ("LOG", "trace"),
        ("LOG_FORMAT", format),
        ("BOOTSTRAP_PASSWORD", password),
        ("SHOW_INVITE_LINKS", "true"),
    ];
    let server = place.serve_with(&settings).await;
    let mut secrets = vec![server.token(), password.to_owned(), "hunter2-client-secret".to_owned()];
    let owner = server.client(&secrets[0]);
    let me = owner.get("/v3/users/me").await.expect(200);
    let tokens = format!("/v3/users/{}/access-tokens", me["id"].as_str().expect("an id"));
    let token = owner.post(&tokens, json!({ "name": "ab", "ttl_seconds": 86_400 })).await.expect(201);
    secrets.extend(token["konnect_token"].as_str().map(str::to_owned));
    let account = owner.post("/v3/system-accounts", json!({ "name": "robot" })).await.expect(201);
    let tokens = format!("/v3/system-accounts/{}/access-tokens", account["id"].as_str().expect("an id"));
    let body = json!({ "name": "ab", "expires_at": token["expires_at"] });
    let token = owner.post(&tokens, body.clone()).await.expect(201);
    secrets.extend(token["token"].as_str().map(str::to_owned));
    owner.post(&tokens, body).await.expect(409);
    let invite = owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await.expect(201);
    secrets.extend(invite["link"].as_str().and_then(|link| link.split('=').next_back()).map(str::to_owned));
    let config =
        json!({ "issuer_url": "https://issuer.test", "client_id": "x", "client_secret": secrets[2] });
    owner
        .post("/v3/identity-providers", json!({ "type": "oidc", "login_path": "a b", "config": config }))
        .await
        .expect(400);
    owner.post("/v3/identity-providers", json!({ "type": "oidc", "config": config })).await.expect(201);
    let provider = json!({
        "name": "Own", "provider_type": "rfc7591", "issuer": "https://127.0.0.1:1",
        "dcr_config": { "initial_access_token": "hunter3-initial-token" },
    });
    let provider = owner.post("/v2/dcr-providers", provider).await.expect(201);
    let provider = provider["id"].as_str().expect("an id");
    let keys = format!("/v2/dcr-providers/{provider}/bridge-keys");
    let key = owner.post(&keys, json!({ "name": "ab" })).await.expect(201);
    let key = key["api_key"].as_str().expect("a key").to_owned();
    let bridge = format!("/dcr-bridge/{provider}/x/new-secret");
    for (key, status) in [(key.as_str(), 404), (&key[1..], 401)] {
        let nobody = owner.anonymous();
        nobody.send(http::Method::POST, &bridge, &[("x-api-key", key)], Vec::new()).await.expect(status);
    }
    secrets.extend([key, "hunter3-initial-token".to_owned()]);
    // Where a secret does not belong, and whoever shows a wrong one.
    owner.get(&format!("/v3/users?access_token={}", secrets[0])).await;
    server.client(&format!("{}x", secrets[0])).get("/v3/users/me").await.expect(401);
    owner.send(http::Method::POST, "/v3/teams", &[], format!("{{\"{}\"", secrets[0]).into_bytes()).await;
    assert_eq!(secrets.len(), 8);
    (secrets, server.stop().await)
}

#[test]
fn at_its_loudest_the_log_holds_no_secret() {
    run(async {
        for format in ["text", "json"] {
            let place = Installation::new(Engine::Sqlite).await;
            let (secrets, log) = handle_secrets(&place, format).await;
            for secret in &secrets {
                assert!(!log.contains(secret.as_str()), "[{secret}] is in the log:\n{log}");
            }
            assert!(log.contains("create-personal-access-token") && log.contains("stopped"), "{log}");
            if format == "json" {
                for line in log.lines() {
                    serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
                }
            }
        }
    });
}
