//! The organization: what everybody sees of it, who changes it, who owns it.

use std::time::Duration;

use serde_json::json;
use tests::{Engine, TestApp, on_both};

use crate::{complaints, id, identity_problem, lacks, problem, text};

const ME: &str = "/v3/organizations/me";

on_both! {
    /// Everybody sees it; an administrator renames it, and nobody else's changes with it.
    async fn it_is_seen_by_all_and_renamed_by_administrators(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let (_, robot) = app.system_account("robot").await;
        let (rival, _) = app.another_organization("owner@rival.test").await;

        let acme = app.owner.get(ME).await.expect(200);
        let expected = json!({
            "id": app.org, "name": "Acme", "owner_id": app.owner_id, "login_path": "",
            "created_at": acme["created_at"], "updated_at": acme["created_at"], "state": "active",
            "retention_period_days": 90, "pats_enabled": true, "mfa_enabled": false,
        });
        assert_eq!(acme, expected);
        for caller in [&ann.client, &robot] {
            assert_eq!(caller.get(ME).await.expect(200), acme);
        }
        assert_eq!(app.owner.get("/v2/organizations/me").await.expect(200), acme);

        app.advance(Duration::from_secs(1));
        let change = json!({ "name": "Acme Inc", "mfa_enabled": true, "owner_id": null, "state": "deleted" });
        let renamed = app.owner.patch(ME, change).await.expect(200);
        let mut expected = acme.clone();
        expected["name"] = "Acme Inc".into();
        expected["mfa_enabled"] = true.into();
        expected["updated_at"] = renamed["updated_at"].clone();
        assert_eq!(renamed, expected, "what cannot be changed is ignored, and null changes nothing");
        assert!(text(&renamed, "updated_at") > text(&acme, "updated_at"));
        assert_eq!(ann.client.get(ME).await.expect(200), renamed);

        assert_eq!(problem(ann.client.patch(ME, json!({ "name": "Mine" })).await), lacks("Identity Admin"));
        assert_eq!(
            complaints(app.owner.patch(ME, json!({ "name": "" })).await),
            json!([["name", "cannot be blank"]])
        );
        assert_eq!(text(&app.owner.get(ME).await.expect(200), "name"), "Acme Inc");
        assert_eq!(text(&rival.client.get(ME).await.expect(200), "name"), "Rival");
    }
}

on_both! {
    /// Only the owner passes ownership on, and only to an active administrator.
    async fn ownership_passes_from_the_owner_to_an_administrator(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (ann, bob) = (app.member("ann@acme.test").await, app.member("bob@acme.test").await);
        let (rival, _) = app.another_organization("owner@rival.test").await;
        let admins = format!("/v3/teams/{}/users", app.team_id("organization-admin").await);
        app.owner.post(&admins, json!({ "id": bob.id })).await.expect(201);

        let wants_admin = json!([["owner_id", "must be an active member of the team [organization-admin]"]]);
        let to = |owner: &dyn ToString| json!({ "owner_id": owner.to_string() });
        assert_eq!(complaints(app.owner.patch(ME, to(&ann.id)).await), wants_admin);
        app.owner.post("/v3/invites", json!({ "email": "later@acme.test" })).await.expect(201);
        let pending = app.owner.get("/v3/users?filter[email]=later@acme.test").await.expect(200);
        let pending = id(&pending["data"][0]).to_owned();
        app.owner.post(&admins, json!({ "id": pending })).await.expect(201);
        assert_eq!(complaints(app.owner.patch(ME, to(&pending)).await), wants_admin, "not active yet");
        app.owner.patch(ME, to(&rival.id)).await.expect(404);
        app.owner.patch(ME, to(&"00000000-0000-7000-8000-000000000000")).await.expect(404);
        let malformed = complaints(app.owner.patch(ME, to(&"ann")).await);
        assert_eq!(malformed, json!([["owner_id", "must be a valid UUID v4"]]));

        let taken = problem(bob.client.patch(ME, to(&bob.id)).await);
        let expected = identity_problem(403, "Permission denied", "Only the owner can pass ownership on");
        assert_eq!(taken, expected, "an administrator cannot take it");
        let (robot_id, robot) = app.system_account("robot").await;
        let accounts = admins.replace("/users", "/system-accounts");
        app.owner.post(&accounts, json!({ "id": robot_id })).await.expect(201);
        robot.patch(ME, to(&bob.id)).await.expect(403);
        assert_eq!(app.owner.get(ME).await.expect(200)["owner_id"], json!(app.owner_id));

        let passed = app.owner.patch(ME, to(&bob.id)).await.expect(200);
        assert_eq!(passed["owner_id"], json!(bob.id));
        app.owner.patch(ME, to(&app.owner_id)).await.expect(403);
        app.owner.post("/v3/teams", json!({ "name": "Still an administrator" })).await.expect(201);
        bob.client.delete(&format!("{admins}/{}", app.owner_id)).await.expect(204);
        let refused = app.owner.post("/v3/teams", json!({ "name": "No longer" })).await;
        assert_eq!(problem(refused), lacks("Identity Admin"));
    }
}

on_both! {
    /// The owner can be neither deleted nor taken out of the administrators' team, by nobody.
    async fn the_owner_is_protected(engine: Engine) {
        let app = TestApp::new(engine).await;
        let bob = app.member("bob@acme.test").await;
        let admins = format!("/v3/teams/{}/users", app.team_id("organization-admin").await);
        app.owner.post(&admins, json!({ "id": bob.id })).await.expect(201);

        for admin in [&app.owner, &bob.client] {
            let deleted = problem(admin.delete(&format!("/v3/users/{}", app.owner_id)).await);
            let detail = format!(
                "The user [{}] owns the organization: ownership must pass to another administrator first",
                app.owner_id
            );
            let expected = identity_problem(409, "Resource Conflict", detail);
            assert_eq!(deleted, expected);
            let removed = complaints(admin.delete(&format!("{admins}/{}", app.owner_id)).await);
            let reason = "the owner cannot be removed from the team [organization-admin]";
            assert_eq!(removed, json!([["userID", reason]]));
        }
        app.owner.get(&format!("/v3/users/{}", app.owner_id)).await.expect(200);

        // From another team the owner can go, and from this one anybody else.
        let viewers = format!("/v3/teams/{}/users", app.team_id("analytics-viewer").await);
        app.owner.post(&viewers, json!({ "id": app.owner_id })).await.expect(201);
        bob.client.delete(&format!("{viewers}/{}", app.owner_id)).await.expect(204);
        app.owner.delete(&format!("{admins}/{}", bob.id)).await.expect(204);
        app.owner.delete(&format!("/v3/users/{}", bob.id)).await.expect(204);
    }
}
