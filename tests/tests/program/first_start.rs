//! The first start, and the next.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use serde_json::{Value, json};
use tests::{Engine, on_both};

use crate::binary::{Installation, Server};

/// Runs the line that the program printed to try it, as somebody does who copies it into a shell.
fn try_it(server: &Server, environment: &[(&str, &str)]) -> Value {
    let said = server.stdout();
    let line = said.lines().find(|line| line.trim_start().starts_with("curl ")).expect("a line to try");
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env("NO_PROXY", "*").env("no_proxy", "*").envs(environment.iter().copied());
    let output = shell.output().expect("a shell");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("[{line}] printed {output:?}"))
}

on_both! {
    /// The first start prints a token, and a line to try it that works; the second prints no secret.
    async fn the_first_start_and_the_second(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = place.serve().await;
        let token = server.token();
        let said = server.stdout();
        assert_eq!(said.matches("kpat_").count(), 2, "by itself and in the line to try: {said}");
        let me = try_it(&server, &[]);
        assert_eq!((&me["email"], &me["active"]), (&json!("owner@localhost"), &json!(true)));
        let mode = |file: &str| {
            let metadata = fs::metadata(place.data().join(file)).expect("it is there");
            format!("{:o}", metadata.permissions().mode() & 0o777)
        };
        assert_eq!((mode(""), mode("master.key")), ("700".to_owned(), "600".to_owned()));
        assert!(!server.stop().await.contains("kpat_"), "the token is in the log");

        let server = place.serve().await;
        assert!(server.stdout().contains("nothing was made"), "{}", server.stdout());
        assert!(!server.stdout().contains("kpat_"), "{}", server.stdout());
        assert_eq!(server.client(&token).get("/v3/users/me").await.expect(200), me);
        assert!(!server.stop().await.contains("kpat_"));
        assert_eq!(place.database.holding(&token).await, [""; 0]);
    }
}

on_both! {
    /// What the operator gives is used and not printed.
    async fn everything_can_be_said_beforehand(engine: Engine) {
        let place = Installation::new(engine).await;
        let token = place.run(&["token"]).good().trim().to_owned();
        assert_ne!(token, place.run(&["token"]).good().trim());
        assert!(!place.data().exists(), "making a token leaves nothing behind");
        let password = "correct-horse-battery";
        let server = place
            .serve_with(&[
                ("BOOTSTRAP_ORGANIZATION", "Acme"),
                ("BOOTSTRAP_EMAIL", "ann@acme.test"),
                ("BOOTSTRAP_PASSWORD", password),
                ("BOOTSTRAP_TOKEN", &token),
            ])
            .await;
        let me = try_it(&server, &[("LATCHKEY_BOOTSTRAP_TOKEN", &token)]);
        assert_eq!(me["email"], "ann@acme.test");
        let organization = server.client(&token).get("/v3/organizations/me").await.expect(200);
        assert_eq!((&organization["name"], &organization["owner_id"]), (&json!("Acme"), &me["id"]));
        let said = server.stdout();
        let log = server.stop().await;
        for secret in [token.as_str(), password] {
            assert!(!said.contains(secret) && !log.contains(secret), "{said}\n{log}");
            assert_eq!(place.database.holding(secret).await, [""; 0]);
        }
        assert_eq!(place.database.holding("$argon2id$").await, ["persons"]);

        // A second start with other words changes nothing.
        let server = place
            .serve_with(&[("BOOTSTRAP_ORGANIZATION", "Other"), ("BOOTSTRAP_EMAIL", "eve@acme.test")])
            .await;
        assert_eq!(server.client(&token).get("/v3/organizations/me").await.expect(200), organization);
        assert_eq!(server.client(&token).get("/v3/users").await.expect(200)["meta"]["page"]["total"], 1);
    }
}

on_both! {
    /// `init` makes the organization without serving, for scripts as JSON, once.
    async fn made_without_serving(engine: Engine) {
        let place = Installation::new(engine).await;
        let printed = place.run_with(&["init", "--json"], &[("PUBLIC_URL", "https://id.acme.test/")]).good();
        let made: Value = serde_json::from_str(&printed).expect("nothing but JSON");
        let members: Vec<&String> = made.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["organization_id", "owner_id", "token", "base_url"]);
        assert_eq!(made["base_url"], "https://id.acme.test");

        let again = place.run(&["init", "--json"]);
        assert_eq!(again.stdout, "");
        assert!(again.bad().contains("the organization exists; nothing was made"));
        let server = place.serve().await;
        let client = server.client(made["token"].as_str().expect("a token"));
        assert_eq!(client.get("/v3/users/me").await.expect(200)["id"], made["owner_id"]);
        assert_eq!(client.get("/v3/organizations/me").await.expect(200)["id"], made["organization_id"]);
    }
}

on_both! {
    /// Of several nodes that start at once on an empty database, one makes the organization.
    async fn several_first_starts_at_once(engine: Engine) {
        let place = Installation::new(engine).await;
        let nodes = tokio::join!(place.serve(), place.serve(), place.serve());
        let nodes = [nodes.0, nodes.1, nodes.2];
        let first: Vec<&Server> = nodes.iter().filter(|node| node.stdout().contains("kpat_")).collect();
        let [first] = first[..] else { panic!("{} of them printed a token", first.len()) };
        for node in &nodes {
            let me = node.client(&first.token()).get("/v3/users").await.expect(200);
            assert_eq!(me["meta"]["page"]["total"], 1);
        }
    }
}
