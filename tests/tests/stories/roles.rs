//! Assigned roles: the same four operations for users, teams and system accounts.

use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{all, complaints, id, identity_problem, lacks, problem};

const ENTITY: &str = "817d0422-45c9-4d88-8d64-45aef05c1ae7";
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

fn role(name: &str, kind: &str, entity: &str, region: &str) -> Value {
    json!({ "role_name": name, "entity_type_name": kind, "entity_id": entity, "entity_region": region })
}

/// Assigns, looks, filters and removes on one holder.
async fn afternoon_of(owner: &Client, holder: &str) {
    let roles = format!("{holder}/assigned-roles");
    let wanted = role("Viewer", "Control Planes", ENTITY, "eu");
    let viewer = owner.post(&roles, wanted.clone()).await.expect(201);
    let mut expected = wanted.clone();
    expected["id"] = viewer["id"].clone();
    assert_eq!(viewer, expected, "{holder}");
    let one = format!("{roles}/{}", id(&viewer));
    assert_eq!(owner.get(&one).await.expect(200), viewer);

    let repeated = problem(owner.post(&roles, wanted).await);
    let expected = identity_problem(409, "Resource Conflict", "The role [Viewer] is already assigned");
    assert_eq!(repeated, expected);
    let everywhere = owner.post(&roles, role("Viewer", "Control Planes", "*", "eu")).await.expect(201);
    assert_eq!(everywhere["entity_id"], "*");
    let elsewhere = owner.post(&roles, role("Viewer", "Control Planes", ENTITY, "*")).await.expect(201);
    let product = owner.post(&roles, role("Publisher", "API Products", ENTITY, "us")).await.expect(201);

    let list = owner.get(&roles).await.expect(200);
    let page = json!({ "page": { "number": 1, "size": 4, "total": 4 } });
    assert_eq!(list, json!({ "meta": page, "data": [viewer, everywhere, elsewhere, product] }));
    let control_planes = json!([viewer["id"], everywhere["id"], elsewhere["id"]]);
    for (query, found) in [
        ("filter[role_name]=Publisher", json!([product["id"]])),
        ("filter[role_name][eq]=Viewer", control_planes.clone()),
        ("filter[role]=Viewer", control_planes.clone()),
        ("filter[entity_type_name]=Control Planes", control_planes.clone()),
        ("filter[entity_type][eq]=Control Planes", control_planes),
        ("filter[entity_id]=*", json!([everywhere["id"]])),
        ("filter[role_name]=Viewer&filter[entity_region]=*", json!([elsewhere["id"]])),
        ("filter[role_name]=viewer", json!([])),
    ] {
        let list = owner.get(&format!("{roles}?{query}")).await.expect(200);
        assert_eq!(Value::from(all(&list, "id")), found, "{query}");
        assert_eq!(list["meta"]["page"]["total"], found.as_array().unwrap().len(), "{query}");
    }
    let contains = owner.get(&format!("{roles}?filter[role_name][contains]=View")).await;
    let expected =
        json!([["[filter][role_name][contains]", "[contains] is not a supported filter operation"]]);
    assert_eq!(complaints(contains), expected);

    owner.delete(&one).await.expect(204);
    owner.get(&one).await.expect(404);
    let gone = problem(owner.delete(&one).await);
    assert_eq!(gone["detail"], "The requested assigned role was not found");
    assert_eq!(owner.get(&roles).await.expect(200)["meta"]["page"]["total"], 3);
}

on_both! {
    /// The same afternoon for each kind of holder, and nobody reaches into another's.
    async fn roles_of_users_teams_and_system_accounts(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let (robot, _) = app.system_account("robot").await;
        let team = app.owner.post("/v3/teams", json!({ "name": "Gateway" })).await.expect(201);
        let holders = [
            format!("/v3/users/{}", ann.id),
            format!("/v3/teams/{}", id(&team)),
            format!("/v3/system-accounts/{robot}"),
        ];
        let (rival, _) = app.another_organization("owner@rival.test").await;
        for holder in &holders {
            afternoon_of(&app.owner, holder).await;
            let roles = format!("{holder}/assigned-roles");
            rival.client.get(&roles).await.expect(404);
            rival.client.post(&roles, role("Viewer", "Portals", "*", "*")).await.expect(404);
        }
        // An assignment is found only under its own holder.
        let of_ann = app.owner.get(&format!("{}/assigned-roles", holders[0])).await.expect(200);
        let stranger = format!("{}/assigned-roles/{}", holders[1], id(&of_ann["data"][0]));
        app.owner.get(&stranger).await.expect(404);
        app.owner.delete(&stranger).await.expect(404);
        assert_eq!(app.owner.get(&format!("{}/assigned-roles", holders[0])).await.expect(200), of_ann);
    }
}

on_both! {
    /// What is refused: unknown names with the choices, missing fields together, unknown holders,
    /// teams that came with the organization.
    async fn refusals(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let roles = format!("/v3/users/{}/assigned-roles", ann.id);

        let unknown =
            app.owner.post(&roles, role("Publisher", "Mesh Control Planes", "*", "*")).await.expect(400);
        let names = ["Admin", "Connector", "Creator", "Viewer"];
        let expected = json!([{
            "field": "role_name", "rule": "enum", "source": "body", "choices": names,
            "reason": "must be one of [Admin, Connector, Creator, Viewer]",
        }]);
        assert_eq!(unknown["invalid_parameters"], expected);
        let nothing = complaints(app.owner.post(&roles, json!({})).await);
        let expected =
            ["role_name", "entity_type_name", "entity_region"].map(|field| json!([field, "cannot be blank"]));
        assert_eq!(nothing, json!(expected));
        for (field, value, reason) in [
            ("entity_region", json!("mars"), "must be one of [us, eu, au, me, in, sg, *]"),
            ("entity_id", json!("everything"), "must be a valid UUID v4"),
            ("entity_id", json!(null), "cannot be blank"),
            ("role_name", json!(7), "must be a string"),
        ] {
            let mut body = role("Viewer", "Control Planes", "*", "*");
            body[field] = value;
            assert_eq!(complaints(app.owner.post(&roles, body).await), json!([[field, reason]]));
        }
        // A role of the whole organization needs no entity.
        let mut whole = role("Admin", "Audit Logs", "*", "*");
        whole["entity_id"] = json!(null);
        app.owner.post(&roles, whole).await.expect(201);

        let viewer = role("Viewer", "Control Planes", "*", "*");
        for holder in ["users", "teams", "system-accounts"] {
            app.owner
                .post(&format!("/v3/{holder}/{NOBODY}/assigned-roles"), viewer.clone())
                .await
                .expect(404);
            app.owner.get(&format!("/v3/{holder}/{NOBODY}/assigned-roles")).await.expect(404);
        }
        assert_eq!(
            complaints(app.owner.get(&format!("{roles}/x")).await),
            json!([["roleID", "invalid ID format"]])
        );
        app.owner.get("/v3/system-accounts/x/assigned-roles").await.expect(404);

        let predefined = format!("/v3/teams/{}/assigned-roles", app.team_id("control-plane-admin").await);
        let fixed = json!([["teamID", "system teams cannot be modified"]]);
        assert_eq!(complaints(app.owner.post(&predefined, viewer.clone()).await), fixed);
        let held = app.owner.get(&predefined).await.expect(200);
        assert_eq!(all(&held, "role_name"), ["Creator", "Admin"]);
        let first = format!("{predefined}/{}", id(&held["data"][0]));
        assert_eq!(complaints(app.owner.delete(&first).await), fixed);
        assert_eq!(problem(ann.client.post(&roles, viewer).await), lacks("Identity Admin"));
    }
}

on_both! {
    /// A role is in force at once, directly or through a team, for people and for system accounts; taken
    /// away, it is gone at once. One region, or one entity, is not the whole organization.
    async fn roles_take_effect_at_once(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let (robot_id, robot) = app.system_account("robot").await;
        let admins = app.owner.post("/v3/teams", json!({ "name": "Identity admins" })).await.expect(201);
        let team = format!("/v3/teams/{}", id(&admins));
        let admin = role("Admin", "Identity", "*", "*");
        let create = async |client: &Client| client.post("/v3/teams", json!({ "name": "New" })).await;

        for (caller, holder) in [
            (&ann.client, format!("/v3/users/{}", ann.id)),
            (&robot, format!("/v3/system-accounts/{robot_id}")),
        ] {
            let roles = format!("{holder}/assigned-roles");
            assert_eq!(problem(create(caller).await), lacks("Identity Admin"));
            let given = app.owner.post(&roles, admin.clone()).await.expect(201);
            create(caller).await.expect(201);
            app.owner.delete(&format!("{roles}/{}", id(&given))).await.expect(204);
            create(caller).await.expect(403);
            for narrow in [role("Admin", "Identity", "*", "eu"), role("Admin", "Identity", ENTITY, "*")] {
                app.owner.post(&roles, narrow).await.expect(201);
                create(caller).await.expect(403);
            }
        }

        app.owner.post(&format!("{team}/users"), json!({ "id": ann.id })).await.expect(201);
        app.owner.post(&format!("{team}/system-accounts"), json!({ "id": robot_id })).await.expect(201);
        let given = app.owner.post(&format!("{team}/assigned-roles"), admin.clone()).await.expect(201);
        for caller in [&ann.client, &robot] {
            create(caller).await.expect(201);
        }
        app.owner.delete(&format!("{team}/assigned-roles/{}", id(&given))).await.expect(204);
        create(&ann.client).await.expect(403);
        app.owner.post(&format!("{team}/assigned-roles"), admin).await.expect(201);
        app.owner.delete(&format!("{team}/users/{}", ann.id)).await.expect(204);
        create(&ann.client).await.expect(403);
        create(&robot).await.expect(201);
        app.owner.delete(&team).await.expect(204);
        create(&robot).await.expect(403);
        let left = "SELECT role_name FROM assigned_roles WHERE entity_type_name = 'Identity' AND entity_id = '*' \
                    AND entity_region = '*'";
        assert!(app.database.query(left).await.is_empty(), "the team's roles went with it");
    }
}

on_both! {
    /// Everybody may look at their own roles; at others', only who manages identity.
    async fn who_sees_roles(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (ann, bob) = (app.member("ann@acme.test").await, app.member("bob@acme.test").await);
        let (robot_id, robot) = app.system_account("robot").await;
        let of_ann = format!("/v3/users/{}/assigned-roles", ann.id);
        let of_robot = format!("/v3/system-accounts/{robot_id}/assigned-roles");
        ann.client.get(&of_ann).await.expect(200);
        robot.get(&of_robot).await.expect(200);
        for (caller, roles) in [(&bob.client, &of_ann), (&robot, &of_ann), (&ann.client, &of_robot)] {
            assert_eq!(problem(caller.get(roles).await), lacks("Identity Admin"));
        }
    }
}
