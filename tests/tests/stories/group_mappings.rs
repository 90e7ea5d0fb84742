//! Which group leads to which team: one relation, looked at and changed in three ways.

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{all, complaints, id, identity_problem, problem, text};

const BY_GROUP: &str = "/v3/identity-provider/team-mappings";
const BY_TEAM: &str = "/v3/identity-provider/team-group-mappings";

/// A provider's path.
async fn provider(app: &TestApp) -> String {
    let config = json!({ "issuer_url": "https://issuer.test", "client_id": "latchkey" });
    let created = app
        .owner
        .post("/v3/identity-providers", json!({ "type": "oidc", "config": config }))
        .await
        .expect(201);
    format!("/v3/identity-providers/{}", id(&created))
}

async fn team(app: &TestApp, name: &str) -> String {
    id(&app.owner.post("/v3/teams", json!({ "name": name })).await.expect(201)).to_owned()
}

on_both! {
    /// What is changed in one way is seen in the others.
    async fn one_relation_three_ways(engine: Engine) {
        let app = TestApp::new(engine).await;
        let mappings = format!("{}/team-group-mappings", provider(&app).await);
        let (gate, ops) = (team(&app, "Gateway").await, team(&app, "Operations").await);

        let created =
            app.owner.post(&mappings, json!({ "team_id": gate, "group": "Gate" })).await.expect(201);
        let expected = json!({ "id": id(&created), "team_id": gate, "group": "Gate",
                               "created_at": created["created_at"], "updated_at": created["created_at"] });
        assert_eq!(created, expected);
        assert_eq!(app.owner.get(&format!("{mappings}/{}", id(&created))).await.expect(200), created);
        let page = |total: usize| json!({ "page": { "number": 1, "size": 10, "total": total } });
        let by_group = json!({ "meta": page(1), "data": [{ "group": "Gate", "team_ids": [gate] }] });
        assert_eq!(app.owner.get(BY_GROUP).await.expect(200), by_group);
        let by_team = json!({ "meta": page(1), "data": [{ "team_id": gate, "groups": ["Gate"] }] });
        assert_eq!(app.owner.get(BY_TEAM).await.expect(200), by_team);

        // By group, everything is replaced.
        let wanted = json!([
            { "group": "ops", "team_ids": [ops, gate] },
            { "group": "Ops", "team_ids": [ops] },
            { "group": "none", "team_ids": [] },
        ]);
        let put = app.owner.put(BY_GROUP, json!({ "mappings": wanted })).await.expect(200);
        assert_eq!(
            put["data"],
            json!([wanted[0], wanted[1]]),
            "groups are case-sensitive, and one without teams is none"
        );
        assert_eq!(app.owner.get(BY_GROUP).await.expect(200)["data"], put["data"]);
        let listed = app.owner.get(&mappings).await.expect(200);
        assert_eq!(
            (all(&listed, "group"), all(&listed, "team_id")),
            (vec![json!("ops"), json!("ops"), json!("Ops")], vec![json!(ops), json!(gate), json!(ops)])
        );

        // By team, only the teams that are named change.
        let patched = app
            .owner
            .patch(BY_TEAM, json!({ "data": [{ "team_id": gate, "groups": ["Gate", "gate"] }] }))
            .await;
        let expected = json!([
            { "team_id": ops, "groups": ["ops", "Ops"] },
            { "team_id": gate, "groups": ["Gate", "gate"] },
        ]);
        assert_eq!(patched.expect(200)["data"], expected);
        let cleared =
            app.owner.patch(BY_TEAM, json!({ "data": [{ "team_id": ops, "groups": [] }] })).await.expect(200);
        assert_eq!(cleared["data"], json!([expected[1]]));

        let listed = app.owner.get(&mappings).await.expect(200);
        assert_eq!(all(&listed, "group"), ["Gate", "gate"]);
        app.owner.delete(&format!("{mappings}/{}", id(&listed["data"][0]))).await.expect(204);
        app.owner.delete(&format!("{mappings}/{}", id(&listed["data"][0]))).await.expect(404);
        app.owner.get(&format!("{mappings}/{}", id(&listed["data"][0]))).await.expect(404);
        assert_eq!(
            app.owner.get(BY_TEAM).await.expect(200)["data"],
            json!([{ "team_id": gate, "groups": ["gate"] }])
        );
        app.owner.delete(&format!("/v3/teams/{gate}")).await.expect(204);
        assert_eq!(
            app.owner.get(&mappings).await.expect(200)["data"],
            json!([]),
            "a team that is gone is mapped to by nobody"
        );
    }
}

on_both! {
    /// What is said twice counts once, whichever way it is said.
    async fn what_is_said_twice(engine: Engine) {
        let app = TestApp::new(engine).await;
        let mappings = format!("{}/team-group-mappings", provider(&app).await);
        let (gate, ops) = (team(&app, "Gateway").await, team(&app, "Operations").await);
        let mapping = json!({ "team_id": gate, "group": "ops" });
        app.owner.post(&mappings, mapping.clone()).await.expect(201);
        let expected = identity_problem(
            409,
            "Resource Conflict",
            format!("The group [ops] is already mapped to the team [{gate}]"),
        );
        assert_eq!(problem(app.owner.post(&mappings, mapping).await), expected);
        app.owner.post(&mappings, json!({ "team_id": ops, "group": "ops" })).await.expect(201);
        app.owner.post(&mappings, json!({ "team_id": gate, "group": "OPS" })).await.expect(201);

        let twice =
            json!([{ "group": "ops", "team_ids": [gate] }, { "group": "ops", "team_ids": [ops, gate] }]);
        let put = app.owner.put(BY_GROUP, json!({ "mappings": twice })).await.expect(200);
        assert_eq!(put["data"], json!([{ "group": "ops", "team_ids": [gate, ops] }]));
        let twice =
            json!([{ "team_id": gate, "groups": ["a", "a"] }, { "team_id": gate, "groups": ["b", "a"] }]);
        let patched = app.owner.patch(BY_TEAM, json!({ "data": twice })).await.expect(200);
        assert_eq!(patched["data"][1], json!({ "team_id": gate, "groups": ["a", "b"] }));
    }
}

on_both! {
    /// Without a provider there is nothing to map: 412 in one place and 400 in the other, as the contract
    /// has it.
    async fn without_a_provider(engine: Engine) {
        let app = TestApp::new(engine).await;
        let missing = identity_problem(412, "Precondition Failed", "IdP configuration not found");
        assert_eq!(problem(app.owner.get(BY_GROUP).await), missing);
        assert_eq!(problem(app.owner.put(BY_GROUP, json!({ "mappings": [] })).await), missing);
        let reason = "cannot be set before configuring an identity provider";
        let entry = json!({ "field": "data", "rule": "invalid", "reason": reason, "source": "body" });
        let missing = json!({ "status": 400, "title": "Bad Request", "instance": "konnect:trace",
                              "detail": "An IdP configuration is required", "invalid_parameters": [entry] });
        assert_eq!(problem(app.owner.get(BY_TEAM).await), missing);
        assert_eq!(problem(app.owner.patch(BY_TEAM, json!({ "data": [] })).await), missing);
        let nobody = "/v3/identity-providers/00000000-0000-7000-8000-000000000000/team-group-mappings";
        app.owner.get(nobody).await.expect(404);
    }
}

on_both! {
    /// Unknown teams, malformed ids, and a change that is refused changes nothing.
    async fn refusals(engine: Engine) {
        let app = TestApp::new(engine).await;
        let mappings = format!("{}/team-group-mappings", provider(&app).await);
        let gate = team(&app, "Gateway").await;
        app.owner.post(&mappings, json!({ "team_id": gate, "group": "Gate" })).await.expect(201);
        let before = app.owner.get(&mappings).await.expect(200);
        let (rival, _) = app.another_organization("owner@rival.test").await;
        let theirs = rival.client.get("/v3/teams").await.expect(200)["data"][0]["id"].clone();

        app.owner.post(&mappings, json!({ "team_id": theirs, "group": "x" })).await.expect(404);
        let refused = complaints(app.owner.post(&mappings, json!({ "team_id": "x" })).await);
        assert_eq!(refused, json!([["team_id", "must be a valid UUID v4"], ["group", "cannot be blank"]]));
        let unknown = json!({ "mappings": [{ "group": "new", "team_ids": [gate, theirs] }] });
        let refused = complaints(app.owner.put(BY_GROUP, unknown).await);
        assert_eq!(refused, json!([["mappings.0.team_ids.1", "team not found"]]));
        let unknown =
            json!({ "data": [{ "team_id": gate, "groups": [] }, { "team_id": theirs, "groups": ["x"] }] });
        let refused = complaints(app.owner.patch(BY_TEAM, unknown).await);
        assert_eq!(refused, json!([["data.1.team_id", "team not found"]]));
        for (body, field, reason) in [
            (json!({}), "data", "cannot be blank"),
            (json!({ "data": {} }), "data", "must be an array"),
            (json!({ "data": [7] }), "data.0", "must be an object"),
            (
                json!({ "data": [{ "team_id": "x", "groups": [] }] }),
                "data.0.team_id",
                "must be a valid UUID v4",
            ),
            (json!({ "data": [{ "team_id": gate }] }), "data.0.groups", "cannot be blank"),
        ] {
            assert_eq!(complaints(app.owner.patch(BY_TEAM, body).await), json!([[field, reason]]));
        }
        assert_eq!(app.owner.get(&mappings).await.expect(200), before);
        rival.client.get(&mappings).await.expect(404);
        rival.client.get(&format!("{mappings}/{}", id(&before["data"][0]))).await.expect(404);
    }
}

on_both! {
    /// Mappings page by cursor, there and back, and a filter stays with its pages.
    async fn pages(engine: Engine) {
        let app = TestApp::new(engine).await;
        let mappings = format!("{}/team-group-mappings", provider(&app).await);
        let (gate, ops) = (team(&app, "Gateway").await, team(&app, "Operations").await);
        for n in 0..5 {
            app.owner.post(&mappings, json!({ "team_id": gate, "group": format!("g{n}") })).await.expect(201);
            app.owner.post(&mappings, json!({ "team_id": ops, "group": format!("g{n}") })).await.expect(201);
        }
        let page = async |uri: &str| {
            let page = app.owner.get(uri).await.expect(200);
            let groups: Vec<Value> = all(&page, "group");
            (page["meta"]["page"].clone(), groups)
        };
        let (first, groups) = page(&format!("{mappings}?filter[team_id]={gate}&page[size]=2")).await;
        assert_eq!(
            (groups, &first["previous"], &first["size"]),
            (vec![json!("g0"), json!("g1")], &json!(null), &json!(2))
        );
        assert!(text(&first, "next").starts_with("/identity-providers/"), "relative, without the version");
        let (second, groups) = page(&format!("/v3{}", text(&first, "next"))).await;
        assert_eq!(groups, ["g2", "g3"]);
        let (third, groups) = page(&format!("/v3{}", text(&second, "next"))).await;
        assert_eq!((groups, &third["next"]), (vec![json!("g4")], &json!(null)));
        let (back, groups) = page(&format!("/v3{}", text(&third, "previous"))).await;
        assert_eq!(groups, ["g2", "g3"]);
        let (begin, groups) = page(&format!("/v3{}", text(&back, "previous"))).await;
        assert_eq!((groups, &begin["previous"]), (vec![json!("g0"), json!("g1")], &json!(null)));
        assert_eq!(page(&format!("/v3{}", text(&third, "first"))).await.1, ["g0", "g1"]);
        assert_eq!(page(&format!("{mappings}?filter[group][eq]=g3")).await.1, ["g3", "g3"]);

        // The older views cut pages from the whole.
        let cut = app.owner.get(&format!("{BY_GROUP}?page[size]=2&page[number]=3")).await.expect(200);
        assert_eq!(cut["meta"]["page"], json!({ "number": 3, "size": 2, "total": 5 }));
        assert_eq!(cut["data"], json!([{ "group": "g4", "team_ids": [gate, ops] }]));
        let past = app.owner.get(&format!("{BY_TEAM}?page[number]=9")).await.expect(200);
        assert_eq!((&past["data"], &past["meta"]["page"]["total"]), (&json!([]), &json!(2)));
        let bad = complaints(app.owner.get(&format!("{mappings}?page[after]=x&page[number]=1")).await);
        assert_eq!(bad[0][0], "page[after]");
    }
}
