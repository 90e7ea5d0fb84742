//! Teams and who is in them.

use serde_json::json;
use tests::{Engine, TestApp, on_both};

on_both! {
    /// A team is made, found, changed, filled and deleted.
    async fn a_team_from_beginning_to_end(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;

        let team = app
            .owner
            .post("/v3/teams", json!({ "name": "Gateway", "labels": { "env": "prod", "tier": "1" } }))
            .await
            .expect(201);
        let path = format!("/v3/teams/{}", team["id"].as_str().unwrap());
        assert_eq!(team["description"], json!(null));
        assert_eq!(app.owner.get(&path).await.expect(200), team);

        let found =
            app.owner.get("/v3/teams?filter[labels.env]=prod&filter[name][contains]=GATE").await.expect(200);
        assert_eq!(found["data"], json!([team]));
        assert_eq!(found["meta"]["page"], json!({ "number": 1, "size": 10, "total": 1 }));

        let changed = app
            .owner
            .patch(&path, json!({ "labels": { "tier": null }, "description": "Runs gateways" }))
            .await
            .expect(200);
        assert_eq!(changed["labels"], json!({ "env": "prod" }));
        assert_eq!(changed["name"], "Gateway");

        let members = format!("{path}/users");
        app.owner.post(&members, json!({ "id": ann.id })).await.expect(201);
        app.owner.post(&members, json!({ "id": ann.id })).await.expect(409);
        let listed = app.owner.get(&members).await.expect(200);
        assert_eq!(listed["data"][0]["email"], "ann@acme.test");

        app.owner.delete(&path).await.expect(204);
        app.owner.get(&path).await.expect(404);
        let teams = app.owner.get(&format!("/v3/users/{}/teams", ann.id)).await.expect(200);
        assert_eq!(teams["data"], json!([]));
    }
}
