//! Users: finding them, renaming them, and what dies with one.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{all, complaints, days, everywhere, id, identity_problem, lacks, problem, text};

on_both! {
    /// Pages have an exact total and a stable order, and one past the end is empty; filters combine.
    async fn lists_are_paged_and_filtered(engine: Engine) {
        let app = TestApp::new(engine).await;
        for (n, name) in ["Alex Cruz", "Charlie Cruz", "James Woods"].into_iter().enumerate() {
            let user = app.member(&format!("user{n}@acme.test")).await;
            let path = format!("/v3/users/{}", user.id);
            app.owner.patch(&path, json!({ "full_name": name })).await.expect(200);
        }
        app.owner.post("/v3/invites", json!({ "email": "Late.Comer@acme.test" })).await.expect(201);

        let whole = app.owner.get("/v3/users?page[size]=100").await.expect(200);
        assert_eq!(whole["meta"], json!({ "page": { "number": 1, "size": 100, "total": 5 } }));
        let addresses = [
            "owner@acme.test",
            "user0@acme.test",
            "user1@acme.test",
            "user2@acme.test",
            "Late.Comer@acme.test",
        ];
        assert_eq!(all(&whole, "email"), addresses, "in the order of creation");
        assert_eq!(app.owner.get("/v2/users/").await.expect(200)["data"], whole["data"]);

        let mut paged: Vec<Value> = Vec::new();
        for number in 1..=4 {
            let page =
                app.owner.get(&format!("/v3/users?page[size]=2&page[number]={number}")).await.expect(200);
            assert_eq!(page["meta"], json!({ "page": { "number": number, "size": 2, "total": 5 } }));
            paged.extend(page["data"].as_array().cloned().unwrap());
        }
        assert_eq!(Value::from(paged), whole["data"], "the page past the end is empty and no error");
        assert_eq!(app.owner.get("/v3/users?page[size]=").await.expect(200)["meta"]["page"]["size"], 10);

        let found = async |query: &str| {
            let list = app.owner.get(&format!("/v3/users?{query}")).await.expect(200);
            let emails = all(&list, "email");
            assert_eq!(list["meta"]["page"]["total"], emails.len(), "{query}");
            emails
        };
        let james = app.owner.get("/v3/users?filter[full_name]=James Woods").await.expect(200);
        let by_id = format!("filter[id][eq]={}", id(&james["data"][0]));
        for (query, emails) in [
            ("filter[full_name][contains]=Charlie", &["user1@acme.test"][..]),
            ("filter[full_name][contains]=CRUZ", &["user0@acme.test", "user1@acme.test"]),
            ("filter[full_name][contains]=Cruz&filter[email]=user0@acme.test", &["user0@acme.test"]),
            ("filter[email][contains]=LATE.comer", &["Late.Comer@acme.test"]),
            ("filter[email]=late.comer@acme.test", &[]),
            ("filter[email][contains]=%25", &[]),
            ("filter[active]=false", &["Late.Comer@acme.test"]),
            ("filter[active]=true&filter[full_name][eq]=James Woods", &["user2@acme.test"]),
            (by_id.as_str(), &["user2@acme.test"]),
            ("filter[id][eq]=00000000-0000-7000-8000-000000000000", &[]),
        ] {
            assert_eq!(found(query).await, emails, "{query}");
        }

        let bad = app
            .owner
            .get("/v3/users?filter[active][contains]=x&filter[nope]=1&page[size]=0&page[number]=x")
            .await;
        let expected = json!([
            ["[filter][active][contains]", "[contains] is not a supported filter operation"],
            ["[filter][nope]", "is not a supported filter field"],
            ["page[size]", "must be at least 1"],
            ["page[number]", "must be an integer"],
        ]);
        assert_eq!(complaints(bad), expected, "all faults at once");
    }
}

on_both! {
    /// An administrator renames a user, who sees it at once.
    async fn names_are_changed_by_administrators(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let path = format!("/v3/users/{}", ann.id);
        let before = ann.client.get("/v3/users/me").await.expect(200);
        let expected = json!({
            "id": ann.id, "email": "ann@acme.test", "full_name": "User ann@acme.test", "preferred_name": "",
            "active": true, "created_at": before["created_at"], "updated_at": before["created_at"],
        });
        assert_eq!(before, expected);
        assert_eq!(app.owner.get(&path).await.expect(200), before);

        app.advance(Duration::from_secs(1));
        let names = json!({ "full_name": "Ann Lee", "preferred_name": "Ann", "email": "other@acme.test" });
        let after = app.owner.patch(&path, names).await.expect(200);
        assert_eq!((text(&after, "full_name"), text(&after, "preferred_name")), ("Ann Lee", "Ann"));
        assert_eq!((&after["email"], &after["created_at"]), (&before["email"], &before["created_at"]));
        assert!(text(&after, "updated_at") > text(&before, "updated_at"));
        assert_eq!(ann.client.get("/v3/users/me").await.expect(200), after);
        let kept =
            app.owner.patch(&path, json!({ "full_name": null, "preferred_name": "" })).await.expect(200);
        assert_eq!((text(&kept, "full_name"), text(&kept, "preferred_name")), ("Ann Lee", ""));

        let long = "x".repeat(251);
        let bad = app.owner.patch(&path, json!({ "full_name": "", "preferred_name": long })).await;
        let expected = json!([
            ["full_name", "cannot be blank"],
            ["preferred_name", "is too long (maximum length: 250)"]
        ]);
        assert_eq!(complaints(bad), expected);
        assert_eq!(
            problem(ann.client.patch(&path, json!({ "full_name": "A" })).await),
            lacks("Identity Admin")
        );
        assert_eq!(
            complaints(app.owner.get("/v3/users/ann").await),
            json!([["userID", "invalid ID format"]])
        );
        app.owner.patch("/v3/users/ann", json!({})).await.expect(404);
    }
}

on_both! {
    /// With a user die the tokens, at once, and all that was the user's. The person's user in another
    /// organization lives on.
    async fn what_dies_with_a_user(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (elsewhere, _) = app.another_organization("ann@acme.test").await;
        let ann = app.member("ann@acme.test").await;
        let second = app.token_of(ann.id, days(3)).await;
        let path = format!("/v3/users/{}", ann.id);
        let team = app.owner.post("/v3/teams", json!({ "name": "Gateway" })).await.expect(201);
        let members = format!("/v3/teams/{}/users", id(&team));
        app.owner.post(&members, json!({ "id": ann.id })).await.expect(201);
        let role = everywhere("Admin", "Identity");
        app.owner.post(&format!("{path}/assigned-roles"), role).await.expect(201);
        for client in [&ann.client, &second, &elsewhere.client] {
            assert_eq!(text(&client.get("/v3/users/me").await.expect(200), "email"), "ann@acme.test");
        }

        let bob = app.member("bob@acme.test").await;
        assert_eq!(problem(bob.client.delete(&path).await), lacks("Identity Admin"));
        elsewhere.client.delete(&path).await.expect(404);
        elsewhere.client.get(&path).await.expect(404);
        elsewhere.client.patch(&path, json!({ "full_name": "Taken" })).await.expect(404);

        app.owner.delete(&path).await.expect(204);
        for client in [&ann.client, &second] {
            let refused = client.get("/v3/users/me").await;
            assert_eq!(refused.header("www-authenticate"), "Bearer");
            let expected = identity_problem(401, "Unauthenticated", "A valid token is required");
            assert_eq!(problem(refused), expected);
        }
        app.owner.get(&path).await.expect(404);
        app.owner.delete(&path).await.expect(404);
        for list in ["teams", "assigned-roles", "access-tokens"] {
            app.owner.get(&format!("{path}/{list}")).await.expect(404);
        }
        assert_eq!(app.owner.get(&members).await.expect(200)["data"], json!([]));
        let uuid = ann.id.to_string();
        let bytes = uuid.replace('-', "");
        for (table, rows) in app.database.dump().await {
            let holds = |row: &&String| row.contains(&uuid) || row.to_lowercase().contains(&bytes);
            assert!(
                table == "audit_events" || !rows.iter().any(|row| holds(&row)),
                "[{table}] still names the user"
            );
        }
        let hashes = app.database.query("SELECT kind FROM credentials").await;
        assert_eq!(hashes.len(), 3, "the tokens of both owners and of Bob");
        elsewhere.client.get("/v3/users/me").await.expect(200);

        app.owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await.expect(201);
        let again = app.owner.get("/v3/users?filter[email]=ann@acme.test").await.expect(200);
        assert_ne!(again["data"][0]["id"], json!(ann.id), "who comes back is somebody new");
    }
}
