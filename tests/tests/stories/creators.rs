//! Roles that let their holder create entities, and what the holder gets on what was created.

use std::sync::Arc;

use frame::{Cx, access::Presented, audit::Origin};
use identity::roles::role_grant_creator;
use kernel::{Action, Id};
use serde_json::json;
use tests::{Engine, Member, TestApp, on_both};

/// The context of a request by this member, as an operation that creates entities has it.
async fn request_by(app: &TestApp, member: &Member) -> (Cx, frame::db::Session) {
    let presented = Presented::parse(member.client.token()).unwrap();
    let hash = presented.hash(app.app.vault.token_key());
    let now = |_| app.app.clock.now(app.org);
    let principal = app.app.access.principal(&presented, hash, now).await.unwrap().unwrap();
    let operations = latchkey::operations();
    let spec = operations.iter().find(|operation| operation.spec.id == "create-team").unwrap();
    let origin = Origin { trace: 1, ip: [127, 0, 0, 1].into(), uri: "/".into(), user_agent: String::new() };
    let session = app.app.db.write();
    (
        Cx::new(app.app.clone(), Arc::clone(&spec.spec), principal, None, Arc::new(origin), session.clone()),
        session,
    )
}

on_both! {
    /// A creator of control planes becomes the admin of the one that it made, and of no other.
    async fn a_creator_becomes_admin_of_what_it_made(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let roles = format!("/v3/users/{}/assigned-roles", ann.id);
        let creator = json!({ "role_name": "Creator", "entity_type_name": "Control Planes", "entity_id": "*", "entity_region": "eu" });
        app.owner.post(&roles, creator).await.expect(201);

        let made: Id<()> = "0f4a1d5e-7a51-4f5c-9d26-6a3a5d3ce0aa".parse().unwrap();
        for region in ["us", "eu"] {
            let (cx, session) = request_by(&app, &ann).await;
            role_grant_creator(&cx, "Control Planes", made, region).await.unwrap();
            session.commit().await.unwrap();
        }
        let held = app.owner.get(&roles).await.expect(200);
        assert_eq!(held["meta"]["page"]["total"], 2, "the creator role itself and one more: {held}");
        assert_eq!(held["data"][1]["role_name"], "Admin");
        assert_eq!(held["data"][1]["entity_id"], made.to_string());
        assert_eq!(held["data"][1]["entity_region"], "eu");

        app.app.access.changed(Some(app.org));
        let (cx, _session) = request_by(&app, &ann).await;
        let may = |path: &str| cx.caller().permissions.allows(Action::Delete, "eu", path);
        assert!(may(&format!("control-planes/{made}")));
        assert!(!may("control-planes/another"));
    }
}

on_both! {
    /// Administrators create by their own right and get no role for it.
    async fn an_administrator_gets_nothing_more(engine: Engine) {
        let app = TestApp::new(engine).await;
        let owner = Member { id: app.owner_id, client: app.owner.clone() };
        let (cx, session) = request_by(&app, &owner).await;
        let made: Id<()> = "0f4a1d5e-7a51-4f5c-9d26-6a3a5d3ce0aa".parse().unwrap();
        role_grant_creator(&cx, "Control Planes", made, "eu").await.unwrap();
        session.commit().await.unwrap();
        let held = app.owner.get(&format!("/v3/users/{}/assigned-roles", app.owner_id)).await.expect(200);
        assert_eq!(held["data"], json!([]));
    }
}
