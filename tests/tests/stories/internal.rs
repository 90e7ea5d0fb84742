//! What platform services do with a client token.

use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{all, complaints, id, identity_problem, problem};

const ENTITY: &str = "817d0422-45c9-4d88-8d64-45aef05c1ae7";

fn connector(zone: &str) -> Value {
    json!({
        "role_name": "Connector", "entity_id": ENTITY, "entity_type_name": "Mesh Control Planes",
        "entity_region": "eu", "parameters": { "zoneName": zone },
    })
}

async fn managed_account(owner: &Client) -> String {
    let wanted = json!({ "name": "zone", "konnect_managed": true });
    id(&owner.post("/v3/system-accounts", wanted).await.expect(201)).to_owned()
}

fn not_for_you() -> Value {
    identity_problem(403, "Unauthorized", "You do not have permission to perform this action")
}

on_both! {
    /// A managed account gets roles with parameters; those of others are out of reach.
    async fn roles_of_managed_accounts(engine: Engine) {
        let app = TestApp::new(engine).await;
        let service = app.service("zones").await;
        let account = managed_account(&app.owner).await;
        let roles = format!("/v3/internal/system-accounts/{account}/assigned-roles");

        let mut wanted = connector("zone1");
        wanted["id"] = ENTITY.into();
        let first = service.post(&roles, wanted).await.expect(201);
        let mut expected = connector("zone1");
        expected["id"] = first["id"].clone();
        assert_eq!(first, expected);
        assert_ne!(first["id"], ENTITY, "an id that was sent is not taken");
        let repeated = problem(service.post(&roles, connector("zone1")).await);
        assert_eq!(
            (&repeated["status"], &repeated["detail"]),
            (&json!(409), &json!("The role [Connector] is already assigned"))
        );
        let second = service.post(&roles, connector("zone2")).await.expect(201);
        let mut unheard = connector("zone3");
        unheard["role_name"] = "Zone Keeper".into();
        unheard["entity_type_name"] = "Zones".into();
        unheard.as_object_mut().unwrap().remove("parameters");
        let third = service.post(&roles, unheard).await.expect(201);
        assert_eq!(third["parameters"], json!({}), "role and type are not looked at");

        let listed = service.get(&roles).await.expect(200);
        let page = json!({ "page": { "number": 1, "size": 3, "total": 3 } });
        assert_eq!(listed, json!({ "meta": page, "data": [first, second, third] }));
        let filtered =
            service.get(&format!("{roles}?filter[role_name][eq]=Connector&filter[entity_id]={ENTITY}")).await;
        assert_eq!(all(&filtered.expect(200), "id"), [first["id"].clone(), second["id"].clone()]);
        let seen = app.owner.get(&format!("/v3/system-accounts/{account}/assigned-roles")).await.expect(200);
        assert_eq!(all(&seen, "id"), all(&listed, "id"));
        assert_eq!(seen["data"][0].get("parameters"), None);

        let bad = json!({ "entity_id": "*", "entity_region": "mars", "parameters": [] });
        let expected = json!([
            ["role_name", "cannot be blank"],
            ["entity_id", "must be a valid UUID v4"],
            ["entity_type_name", "cannot be blank"],
            ["entity_region", "must be one of [us, eu, au, me, in, sg, *]"],
            ["parameters", "must be an object"],
        ]);
        assert_eq!(complaints(service.post(&roles, bad).await), expected);
        let (robot, _) = app.system_account("robot").await;
        for other in [robot.to_string(), ENTITY.to_owned(), "x".to_owned()] {
            let roles = format!("/v3/internal/system-accounts/{other}/assigned-roles");
            service.get(&roles).await.expect(404);
            let missing = problem(service.post(&roles, connector("zone1")).await);
            assert_eq!(missing["detail"], "The requested system account was not found");
        }
    }
}

on_both! {
    /// Client tokens open the internal operations and nothing else; no other credential opens those.
    async fn who_may_call(engine: Engine) {
        let app = TestApp::new(engine).await;
        let service = app.service("zones").await;
        let (_, robot) = app.system_account("robot").await;
        let account = managed_account(&app.owner).await;
        let roles = format!("/v3/internal/system-accounts/{account}/assigned-roles");
        for caller in [&app.owner, &robot] {
            assert_eq!(problem(caller.get(&roles).await), not_for_you());
            assert_eq!(problem(caller.post(&roles, connector("zone1")).await), not_for_you());
            assert_eq!(problem(caller.get("/v3/internal/users?aid=auth0|1").await), not_for_you());
        }
        app.anonymous().get(&roles).await.expect(401);
        for path in ["/v3/teams", "/v3/users", "/v3/organizations/me", "/v3/users/me"] {
            assert_eq!(service.get(path).await.expect(401)["title"], "Unauthenticated");
        }
        assert_eq!(
            app.owner.get(&format!("/v3/system-accounts/{account}/assigned-roles")).await.expect(200)["data"],
            json!([])
        );

        // A service has one token; a new one replaces it at once.
        service.get(&roles).await.expect(200);
        let other = app.service("others").await;
        let replaced = app.service("zones").await;
        service.get(&roles).await.expect(401);
        replaced.get(&roles).await.expect(200);
        other.get(&roles).await.expect(200);
    }
}

on_both! {
    /// The users of an external subject, one per organization that is neither deleted nor going to be.
    async fn users_of_a_subject(engine: Engine) {
        let app = TestApp::new(engine).await;
        let service = app.service("sign-in").await;
        let ann = app.member("ann@acme.test").await;
        let (elsewhere, rival) = app.another_organization("ann@acme.test").await;
        let path = |aid: &str| format!("/v3/internal/users?aid={aid}");
        let link = "INSERT INTO subjects (subject, person_id) \
                    SELECT DISTINCT 'auth0|7', person_id FROM users WHERE email = 'ann@acme.test'";
        app.database.query(link).await;

        let found = service.get(&path("auth0%7C7")).await.expect(200);
        let mut users = found["data"].as_array().unwrap().clone();
        users.sort_by_key(|user| user["organization_id"] != json!(app.org));
        let expected = [
            json!({ "id": ann.id, "organization_id": app.org }),
            json!({ "id": elsewhere.id, "organization_id": rival }),
        ];
        assert_eq!(users, expected);
        assert_eq!(found["meta"]["page"], json!({ "number": 1, "size": 2, "total": 2 }));

        for (state, count) in [("inactive", 2), ("deleting", 1), ("deleted", 1)] {
            app.database
                .query(&format!("UPDATE organizations SET state = '{state}' WHERE name = 'Rival'"))
                .await;
            assert_eq!(
                service.get(&path("auth0|7")).await.expect(200)["meta"]["page"]["total"],
                count,
                "{state}"
            );
        }
        assert_eq!(service.get(&path("auth0|8")).await.expect(200)["data"], json!([]));
        for missing in ["/v3/internal/users", "/v3/internal/users?aid=", "/v3/internal/users?aid"] {
            assert_eq!(complaints(service.get(missing).await), json!([["aid", "cannot be blank"]]));
        }
    }
}

on_both! {
    /// In an organization that is not active nobody's credential works.
    async fn an_organization_that_is_not_active(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (_, robot) = app.system_account("robot").await;
        app.owner.get("/v3/teams").await.expect(200);
        for state in ["inactive", "deleting", "deleted"] {
            app.database.query(&format!("UPDATE organizations SET state = '{state}'")).await;
            app.app.access.changed(Some(app.org));
            for caller in [&app.owner, &robot] {
                let expected = identity_problem(403, "Permission denied", "The organization is not active");
                assert_eq!(problem(caller.get("/v3/teams").await), expected);
            }
        }
    }
}

on_both! {
    /// A service that may call one operation calls no other; one whose token is revoked calls nothing.
    async fn what_a_service_may(engine: Engine) {
        let app = TestApp::new(engine).await;
        let operations = ["get-users-internal".to_owned()];
        let token = identity::tokens::client_token_create(&app.app, "portal", Some(&operations)).await;
        let portal = app.anonymous().with_token(token.expect("a token").reveal());
        let (users, introspect) = ("/v3/internal/users?aid=auth0%7C1", [("token", "x")]);
        portal.get(users).await.expect(200);
        portal.form("/oauth/introspect", &introspect).await.expect(403);
        let all = app.service("gateway").await;
        all.form("/oauth/introspect", &introspect).await.expect(200);
        let listed = identity::tokens::client_token_list(&app.app).await.expect("tokens");
        let told: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.operations.as_deref())).collect();
        assert_eq!(told, [("gateway", None), ("portal", Some("get-users-internal"))]);
        assert!(identity::tokens::client_token_revoke(&app.app, "portal").await.expect("an answer"));
        assert!(!identity::tokens::client_token_revoke(&app.app, "portal").await.expect("an answer"));
        portal.get(users).await.expect(401);
        all.get(users).await.expect(200);
    }
}
