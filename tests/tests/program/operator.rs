//! What an operator does beside the server, while it runs.

use std::{fs, time::Duration};

use serde_json::json;
use tests::{Client, Engine, on_both};

use crate::binary::Installation;

/// The word that begins so.
fn word(said: &str, prefix: &str) -> String {
    let found = said.split_whitespace().find(|word| word.starts_with(prefix));
    found.unwrap_or_else(|| panic!("no [{prefix}] in {said}")).to_owned()
}

/// Asks again until the answer has this status.
async fn until(client: &Client, path: &str, status: u16) {
    for _ in 0..200 {
        if client.get(path).await.status.as_u16() == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("[{path}] does not come to answer {status}");
}

on_both! {
    /// Who is locked out gets back in, although the organization's own rules keep everybody out.
    async fn an_owner_from_outside(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = place.serve().await;
        let owner = server.client(&server.token());
        let organization = owner.get("/v3/organizations/me").await.expect(200);
        let org = organization["id"].as_str().expect("an id");
        let list = format!("/v3/organizations/{org}/ip-allow-list");
        owner.put(&list, json!({ "enabled": true, "allowed_ips": ["127.0.0.1"] })).await.expect(201);
        let rules = format!("/v3/organizations/{org}/personal-access-token-settings");
        owner.patch(&rules, json!({ "pats_enabled": false })).await.expect(200);
        owner.get("/v3/users/me").await.expect(401);

        let said = place.run(&["owner", "set", "ann@acme.test"]).good();
        assert!(said.starts_with(&format!("ann@acme.test owns the organization {org}.\n")), "{said}");
        let ann = server.client(&word(&said, "kpat_"));
        until(&ann, "/v3/users/me", 200).await;
        let me = ann.get("/v3/users/me").await.expect(200);
        assert_eq!((&me["email"], &me["active"]), (&json!("ann@acme.test"), &json!(true)));
        assert_eq!(ann.get("/v3/organizations/me").await.expect(200)["owner_id"], me["id"]);
        assert_eq!(ann.get(&list).await.expect(200)["enabled"], false);
        until(&owner, "/v3/users/me", 200).await;
        owner
            .patch("/v3/organizations/me", json!({ "owner_id": organization["owner_id"] }))
            .await
            .expect(403);
        ann.post("/v3/teams", json!({ "name": "An administrator's" })).await.expect(201);

        // An invited user need not accept first.
        ann.post("/v3/invites", json!({ "email": "bob@acme.test" })).await.expect(201);
        let bob = server.client(&word(&place.run(&["owner", "set", "BOB@acme.test"]).good(), "kpat_"));
        let me = bob.get("/v3/users/me").await.expect(200);
        assert_eq!((&me["email"], &me["active"]), (&json!("bob@acme.test"), &json!(true)));

        let refused = place.run(&["owner", "set", "nobody"]).bad();
        assert_eq!(refused, "latchkey: EMAIL is [nobody], but it must be an e-mail address\n");
        let log = bob.get("/v3/audit-logs?page[size]=100").await.expect(200);
        let by_command =
            log["data"].as_array().into_iter().flatten().filter(|entry| entry["principal_id"] == "");
        assert_eq!(by_command.count(), 3, "the founding and both owners are in the log");
    }
}

on_both! {
    /// A second organization; from then on commands must be told which.
    async fn another_organization(engine: Engine) {
        let place = Installation::new(engine).await;
        let unborn = place.run_with(&["organization", "create", "Rival", "eve@rival.test"], &[]).bad();
        assert!(unborn.contains("run `latchkey migrate`"), "{unborn}");
        let server = place.serve().await;
        let said = place.run(&["organization", "create", "Rival", "eve@rival.test"]).good();
        let eve = server.client(&word(&said, "kpat_"));
        let rival = eve.get("/v3/organizations/me").await.expect(200);
        assert_eq!(rival["name"], "Rival");
        assert_eq!(eve.get("/v3/users").await.expect(200)["meta"]["page"]["total"], 1);
        let first = server.client(&server.token()).get("/v3/organizations/me").await.expect(200);

        let which = place.run(&["owner", "set", "bob@rival.test"]).bad();
        for organization in [&first, &rival] {
            assert!(which.contains(organization["id"].as_str().expect("an id")), "{which}");
        }
        let id = rival["id"].as_str().expect("an id");
        place.run(&["owner", "set", "bob@rival.test", "--organization", id]).good();
        assert_eq!(eve.get("/v3/users").await.expect(200)["meta"]["page"]["total"], 2);
        let nil = "00000000-0000-0000-0000-000000000000";
        let missing = place.run(&["owner", "set", "bob@rival.test", "--organization", nil]).bad();
        assert_eq!(missing, format!("latchkey: there is no organization [{nil}]\n"));
    }
}

on_both! {
    /// A service's token is printed alone, and the next replaces it.
    async fn a_token_for_a_service(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = place.serve().await;
        let path = "/v3/internal/users?aid=auth0|1";
        let first = place.run(&["client-token", "create", "zones"]).good();
        assert_eq!((first.lines().count(), &first[..5]), (1, "kclt_"));
        let first = server.client(first.trim());
        first.get(path).await.expect(200);
        let second = server.client(place.run(&["client-token", "create", "zones"]).good().trim());
        second.get(path).await.expect(200);
        until(&first, path, 401).await;
    }
}

on_both! {
    /// A service's token for an organization: what it may call has to exist.
    async fn a_token_for_a_service_in_an_organization(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = place.serve().await;
        // As for the server, it says who issued the token.
        let here = [("PUBLIC_URL", server.url.as_str())];
        let wrong = place.run(&["service-token", "create", "portal", "--allow", "list-teams,nothing"]).bad();
        assert!(wrong.starts_with("latchkey: [nothing] is no operation of platform services"), "{wrong}");
        let made = place.run_with(&["service-token", "create", "portal", "--allow", "list-teams"], &here);
        assert!(made.stderr.contains(&server.url), "{}", made.stderr);
        let token = made.good();
        assert_eq!((token.lines().count(), &token[..3]), (1, "eyJ"));
        let portal = server.client(token.trim());
        portal.get("/v3/teams").await.expect(200);
        portal.get("/v3/users").await.expect(403);
        let listed = place.run(&["service-token", "list"]).good();
        assert!(listed.starts_with("portal ") && listed.contains("may call list-teams"), "{listed}");
        assert!(!listed.contains("eyJ"), "{listed}");
        place.run(&["service-token", "revoke", "portal"]).good();
        until(&portal, "/v3/teams", 401).await;
        place.run(&["service-token", "revoke", "portal"]).bad();
        assert_eq!(place.run(&["service-token", "list"]).good(), "");
    }
}

on_both! {
    /// Mail without a mail server: whoever has the data directory can read the outbox.
    async fn the_outbox(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = place.serve_with(&[("PUBLIC_URL", "https://id.acme.test")]).await;
        let owner = server.client(&server.token());
        assert_eq!(place.run(&["mail", "list"]).good(), "");
        for email in ["ann@acme.test", "bob@acme.test"] {
            owner.post("/v3/invites", json!({ "email": email })).await.expect(201);
        }
        let listed = place.run(&["mail", "list"]).good();
        let lines: Vec<&str> = listed.lines().collect();
        assert!(
            lines.len() == 2 && lines[0].contains("bob@acme.test") && lines[1].contains("ann@acme.test"),
            "{listed}"
        );
        assert!(!listed.contains("kinv_"), "{listed}");
        let mail = place.run(&["mail", "show", lines[1].split_whitespace().next().expect("an id")]).good();
        assert!(
            mail.starts_with("To: ann@acme.test\nSubject: You are invited to My organization\nDate: "),
            "{mail}"
        );
        assert!(mail.contains("\nhttps://id.acme.test/invites/accept?token=kinv_"), "{mail}");
        assert_eq!(place.run(&["mail", "show", "1"]).bad(), "latchkey: there is no mail [1]\n");
    }
}

on_both! {
    /// The published literals replace our wording of the catalogue, for clients that compare them.
    async fn literal_role_descriptions(engine: Engine) {
        let place = Installation::new(engine).await;
        let server = place.serve().await;
        let owner = server.client(&server.token());
        let before = owner.get("/v3/roles").await.expect(200);
        let description = json!({ "properties": { "description": { "enum": ["Exactly this."] } } });
        let roles = json!({ "properties": { "roles": { "properties": { "admin": description } } } });
        let schema = json!({ "schema": { "properties": { "control_planes": roles } } });
        let document =
            json!({ "components": { "responses": { "Roles": { "content": schema } } } }).to_string();
        let file = place.database.directory.join("openapi.yaml");
        fs::write(&file, document).expect("a file");
        let said = place.run(&["roles", "import", "openapi.yaml"]).good();
        assert_eq!(said, "1 role descriptions were taken from openapi.yaml.\n");
        let after = owner.get("/v3/roles").await.expect(200);
        let mut expected = before.clone();
        expected["control_planes"]["roles"]["admin"]["description"] = "Exactly this.".into();
        assert_eq!(after, expected);

        fs::write(&file, "openapi: 3.1.0\n").expect("a file");
        assert_eq!(
            place.run(&["roles", "import", "openapi.yaml"]).bad(),
            "latchkey: openapi.yaml holds no role descriptions\n"
        );
        assert!(
            place
                .run(&["roles", "import", "missing.yaml"])
                .bad()
                .starts_with("latchkey: missing.yaml cannot be read: ")
        );
        assert_eq!(owner.get("/v3/roles").await.expect(200), after);
    }
}

on_both! {
    /// The schema can be brought up to date by itself, and then the server need not do it.
    async fn migrating_by_hand(engine: Engine) {
        let place = Installation::new(engine).await;
        let by_hand = [("MIGRATE", "false")];
        let latest = frame::db::latest_schema();
        let refused = place.run_with(&["serve"], &by_hand).bad();
        assert_eq!(
            refused,
            format!("latchkey: the database has schema 0 and needs {latest}: run `latchkey migrate`\n")
        );
        for _ in 0..2 {
            let said = place.run(&["migrate"]).good();
            assert!(
                said.ends_with(&format!(" has schema {latest}.\n")) && !said.contains("password"),
                "{said}"
            );
        }
        let server = place.serve_with(&by_hand).await;
        server.client(&server.token()).get("/v3/users/me").await.expect(200);
    }
}
