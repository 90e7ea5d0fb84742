//! A new master key: nothing that was sealed is lost, no token stops, and the old key opens nothing.

use std::fs;

use serde_json::json;
use tests::{Client, Engine, on_both};

use crate::binary::Installation;

/// Posts an invite, whose mail is sealed.
async fn invite(owner: &Client, email: &str) {
    owner.post("/v3/invites", json!({ "email": email })).await.expect(201);
}

/// Opens every mail; to whom they go.
fn open_all(place: &Installation, settings: &[(&str, &str)]) -> Vec<String> {
    let listed = place.run_with(&["mail", "list"], settings).good();
    let mut recipients: Vec<String> = Vec::new();
    for line in listed.lines() {
        let mail = place
            .run_with(&["mail", "show", line.split_whitespace().next().expect("an id")], settings)
            .good();
        assert!(mail.contains("/invites/accept?token=kinv_"), "{mail}");
        let to = mail.lines().next().and_then(|line| line.strip_prefix("To: "));
        recipients.push(to.expect("a recipient").to_owned());
    }
    recipients.sort();
    recipients
}

on_both! {
    /// The key in the data directory is changed under a running server, in the two steps that it takes.
    async fn a_new_key_in_the_file(engine: Engine) {
        let place = Installation::new(engine).await;
        let key = place.data().join("master.key");
        let server = place.serve().await;
        let token = server.token();
        let keys = server.client(&token).get("/v2/audit-log-webhook/jwks.json").await.expect(200);
        invite(&server.client(&token), "ann@acme.test").await;
        let old = fs::read_to_string(&key).expect("a key");

        let said = place.run(&["keys", "rotate"]).good();
        assert!(said.contains("run `latchkey keys rotate --forget-old`"), "{said}");
        let both = fs::read_to_string(&key).expect("keys");
        assert_eq!((both.lines().count(), both.lines().nth(1)), (2, old.lines().next()));
        // The server does not know the new key yet, and seals with the old one.
        invite(&server.client(&token), "bob@acme.test").await;
        assert_eq!(open_all(&place, &[]), ["ann@acme.test", "bob@acme.test"]);
        server.stop().await;

        let server = place.serve().await;
        let owner = server.client(&token);
        invite(&owner, "eve@acme.test").await;
        place.run(&["keys", "rotate", "--forget-old"]).good();
        let new = fs::read_to_string(&key).expect("a key");
        assert_eq!((new.lines().count(), new.lines().next()), (1, both.lines().next()));
        assert_eq!(open_all(&place, &[]), ["ann@acme.test", "bob@acme.test", "eve@acme.test"]);
        owner.get("/v3/users/me").await.expect(200);
        server.stop().await;
        let server = place.serve().await;
        server.client(&token).get("/v3/users/me").await.expect(200);
        let after = server.client(&token).get("/v2/audit-log-webhook/jwks.json").await.expect(200);
        assert_eq!(after, keys, "signatures of before can still be checked");
        server.stop().await;

        fs::write(&key, &old).expect("it is ours");
        let refused = place.run(&["serve"]).bad();
        assert!(refused.contains("its master key is not configured"), "{refused}");
    }
}

on_both! {
    /// A key from the environment is changed there; an identity provider's secret is sealed anew, too.
    async fn a_new_key_in_the_environment(engine: Engine) {
        const OLD: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
        const NEW: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
        let place = Installation::new(engine).await;
        let (old, both, new) =
            (("MASTER_KEY", OLD), ("MASTER_KEY", &*format!("{NEW},{OLD}")), ("MASTER_KEY", NEW));
        let server = place.serve_with(&[old]).await;
        let (token, owner) = (server.token(), server.client(&server.token()));
        assert!(!place.data().join("master.key").exists());
        invite(&owner, "ann@acme.test").await;
        let config =
            json!({ "issuer_url": "https://issuer.test", "client_id": "x", "client_secret": "hunter2" });
        owner.post("/v3/identity-providers", json!({ "type": "oidc", "config": config })).await.expect(201);
        let config = json!({ "dcr_token": "hunter2" });
        let provider = json!({ "name": "x", "provider_type": "okta", "issuer": "https://okta.test", "dcr_config": config });
        owner.post("/v2/dcr-providers", provider).await.expect(201);
        server.stop().await;
        let before = place.database.dump().await;
        assert_eq!((before["identity_providers"].len(), before["dcr_providers"].len()), (1, 1));

        let said = place.run_with(&["keys", "rotate"], &[both]).good();
        assert!(said.starts_with("6 secrets are encrypted"), "three keys, two secrets and a mail: {said}");
        let after = place.database.dump().await;
        for table in ["platform_keys", "signing_keys", "identity_providers", "dcr_providers", "mails"] {
            for row in &before[table] {
                assert!(!after[table].contains(row), "[{table}] holds what the old key opens");
            }
        }
        assert_eq!(open_all(&place, &[new]), ["ann@acme.test"]);
        assert!(place.run_with(&["mail", "list"], &[old]).bad().contains("its master key is not configured"));
        let server = place.serve_with(&[new]).await;
        server.client(&token).get("/v3/users/me").await.expect(200);
    }
}
