//! System accounts: unique names, and those that the platform manages.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{all, at_once, complaints, everywhere, id, identity_problem, lacks, posting, problem, text};

const ACCOUNTS: &str = "/v3/system-accounts";

fn name_taken(name: &str) -> Value {
    identity_problem(
        409,
        "Resource Conflict",
        format!("A system account with the name [{name}] already exists"),
    )
}

on_both! {
    /// An account is made, found, renamed and deleted; its name stays its own.
    async fn an_account_from_beginning_to_end(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let wanted = json!({ "name": "deployer", "description": "Deploys", "konnect_managed": null });
        let deployer = app.owner.post(ACCOUNTS, wanted).await.expect(201);
        let expected = json!({
            "id": id(&deployer), "name": "deployer", "description": "Deploys",
            "created_at": deployer["created_at"], "updated_at": deployer["created_at"], "konnect_managed": false,
        });
        assert_eq!(deployer, expected);
        let path = format!("{ACCOUNTS}/{}", id(&deployer));
        assert_eq!(ann.client.get(&path).await.expect(200), deployer);
        let checker = app.owner.post(ACCOUNTS, json!({ "name": "checker" })).await.expect(201);
        assert_eq!(checker["description"], "", "published how-tos leave the description out");

        let (rival, _) = app.another_organization("owner@rival.test").await;
        rival.client.post(ACCOUNTS, json!({ "name": "deployer" })).await.expect(201);
        let taken = app.owner.post(ACCOUNTS, json!({ "name": "deployer" })).await;
        assert_eq!(problem(taken), name_taken("deployer"));
        let taken = app.owner.patch(&path, json!({ "name": "checker" })).await;
        assert_eq!(problem(taken), name_taken("checker"));
        app.owner.post(ACCOUNTS, json!({ "name": "Deployer" })).await.expect(201);

        app.advance(Duration::from_secs(1));
        let change = json!({ "name": "deployer", "description": "", "konnect_managed": true });
        let changed = app.owner.patch(&path, change).await.expect(200);
        let mut expected = deployer.clone();
        expected["description"] = "".into();
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected, "whether it is managed cannot be changed");
        assert!(text(&changed, "updated_at") > text(&deployer, "updated_at"));

        for (query, names) in [
            ("filter[name][contains]=DEPLOY", &["deployer", "Deployer"][..]),
            ("filter[name]=checker", &["checker"]),
            ("filter[description][eq]=Deploys", &[]),
            ("filter[konnect_managed]=true", &[]),
            ("filter[konnect_managed]=false&page[size]=2", &["deployer", "checker"]),
        ] {
            let found = app.owner.get(&format!("{ACCOUNTS}?{query}")).await.expect(200);
            assert_eq!(all(&found, "name"), names, "{query}");
        }

        let nameless = app.owner.post(ACCOUNTS, json!({ "description": 1, "konnect_managed": "no" })).await;
        let expected = json!([
            ["name", "cannot be blank"],
            ["description", "must be a string"],
            ["konnect_managed", "must be true or false"],
        ]);
        assert_eq!(complaints(nameless), expected);
        assert_eq!(problem(ann.client.delete(&path).await), lacks("Identity Admin"));
        rival.client.delete(&path).await.expect(404);
        app.owner.delete(&path).await.expect(204);
        app.owner.get(&path).await.expect(404);
        app.owner.delete(&path).await.expect(404);
        app.owner.get(&format!("{ACCOUNTS}/deployer")).await.expect(404);
        app.owner.post(ACCOUNTS, json!({ "name": "deployer" })).await.expect(201);
    }
}

on_both! {
    /// What the platform manages, nobody edits, moves or deletes; it can be looked at and be given a token.
    async fn a_managed_account_refuses_edits(engine: Engine) {
        let app = TestApp::new(engine).await;
        let wanted = json!({ "name": "zone", "description": "", "konnect_managed": true });
        let zone = app.owner.post(ACCOUNTS, wanted).await.expect(201);
        let path = format!("{ACCOUNTS}/{}", id(&zone));
        let team = app.owner.post("/v3/teams", json!({ "name": "Gateway" })).await.expect(201);
        let expected = identity_problem(
            403,
            "Permission denied",
            "The system account [zone] is managed by the platform and cannot be changed",
        );
        let role = everywhere("Viewer", "Portals");
        for refused in [
            app.owner.patch(&path, json!({ "description": "Mine" })).await,
            app.owner.delete(&path).await,
            app.owner.post(&format!("{path}/assigned-roles"), role).await,
            app.owner
                .post(&format!("/v3/teams/{}/system-accounts", id(&team)), json!({ "id": zone["id"] }))
                .await,
        ] {
            assert_eq!(problem(refused), expected);
        }
        assert_eq!(app.owner.get(&path).await.expect(200), zone);
        let managed = app.owner.get(&format!("{ACCOUNTS}?filter[konnect_managed]=true")).await.expect(200);
        assert_eq!(managed["data"], json!([zone]));
        assert_eq!(app.owner.get(&format!("{path}/assigned-roles")).await.expect(200)["data"], json!([]));
    }
}

on_both! {
    /// Of many who ask for a name at once, one gets it.
    async fn a_name_is_given_once(engine: Engine) {
        let app = TestApp::new(engine).await;
        let statuses =
            at_once((0..10).map(|_| posting(&app.owner, ACCOUNTS, json!({ "name": "robot" })))).await;
        assert_eq!(statuses, [(201, 1), (409, 9)].into());
        assert_eq!(app.owner.get(ACCOUNTS).await.expect(200)["meta"]["page"]["total"], 1);
    }
}

on_both! {
    /// An account joins teams, is found in them, and leaves them.
    async fn accounts_in_teams(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (robot, _) = app.system_account("robot").await;
        let team = app.owner.post("/v3/teams", json!({ "name": "Gateway" })).await.expect(201);
        let members = format!("/v3/teams/{}/system-accounts", id(&team));
        let added = app.owner.post(&members, json!({ "id": robot })).await;
        assert_eq!((added.status.as_u16(), added.text.as_str()), (201, ""));
        app.owner.post(&members, json!({ "id": robot })).await.expect(409);
        assert_eq!(complaints(app.owner.post(&members, json!({})).await), json!([["id", "cannot be blank"]]));
        app.owner.post(&members, json!({ "id": app.owner_id })).await.expect(404);

        assert_eq!(
            all(&app.owner.get(&format!("{members}?filter[name]=robot")).await.expect(200), "id"),
            [json!(robot)]
        );
        let teams =
            app.owner.get(&format!("{ACCOUNTS}/{robot}/teams?filter[name][contains]=gate")).await.expect(200);
        assert_eq!(teams["data"], json!([team]));
        app.owner.delete(&format!("{members}/{robot}")).await.expect(204);
        app.owner.delete(&format!("{members}/{robot}")).await.expect(404);
        assert_eq!(app.owner.get(&members).await.expect(200)["data"], json!([]));
    }
}
