//! The role catalogue: the names are the contract's, character by character, since clients compare them.

use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{everywhere, id};

/// A group's key, its name, and the keys and names of its roles.
type Group = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// What the published `GET /v3/roles` has.
const PUBLISHED: [Group; 7] = [
    (
        "control_planes",
        "Control Planes",
        &[
            ("admin", "Admin"),
            ("certificate_admin", "Certificate Admin"),
            ("consumer_admin", "Consumer Admin"),
            ("creator", "Creator"),
            ("debug_session_creator", "Debug Session Creator"),
            ("deployer", "Deployer"),
            ("gateway_service_admin", "Gateway Service Admin"),
            ("plugin_admin", "Plugin Admin"),
            ("route_admin", "Route Admin"),
            ("sni_admin", "SNI Admin"),
            ("upstream_admin", "Upstream Admin"),
            ("viewer", "Viewer"),
        ],
    ),
    (
        "api_products",
        "API Products",
        &[
            ("admin", "Admin"),
            ("application_registration", "Application Registration"),
            ("creator", "Creator"),
            ("deployer", "Deployer"),
            ("maintainer", "Maintainer"),
            ("plugins_admin", "Plugins Admin"),
            ("publisher", "Publisher"),
            ("viewer", "Viewer"),
        ],
    ),
    ("audit_logs", "Audit Logs", &[("admin", "Admin")]),
    ("identity", "Identity", &[("admin", "Admin")]),
    (
        "mesh_control_planes",
        "Mesh Control Plane",
        &[("admin", "Admin"), ("connector", "Connector"), ("creator", "Creator"), ("viewer", "Viewer")],
    ),
    (
        "dashboards",
        "Dashboards",
        &[("admin", "Admin"), ("creator", "Creator"), ("editor", "Editor"), ("viewer", "Viewer")],
    ),
    (
        "reports",
        "Reports",
        &[("admin", "Admin"), ("creator", "Creator"), ("editor", "Editor"), ("viewer", "Viewer")],
    ),
];

/// What the published assignment takes as `role_name`.
const ROLE_NAMES: [&str; 40] = [
    "Admin",
    "Appearance Maintainer",
    "Application Registration",
    "Certificate Admin",
    "Cloud Gateway Cluster Admin",
    "Cloud Gateway Cluster Viewer",
    "Consumer Admin",
    "Connector",
    "Creator",
    "Debug Session Creator",
    "Deployer",
    "Discovery Admin",
    "Discovery Viewer",
    "Editor",
    "Gateway Service Admin",
    "Integration Admin",
    "Integration Viewer",
    "Key Admin",
    "Maintainer",
    "Network Admin",
    "Network Creator",
    "Network Viewer",
    "Plugin Admin",
    "Plugins Admin",
    "Product Publisher",
    "Publisher",
    "Route Admin",
    "SNI Admin",
    "Scorecard Admin",
    "Scorecard Viewer",
    "Service Admin",
    "Service Creator",
    "Service Viewer",
    "Upstream Admin",
    "Vault Admin",
    "Viewer",
    "Registration Approver",
    "Content Editor",
    "Add On Admin",
    "Add On Viewer",
];

/// What it takes as `entity_type_name`.
const TYPE_NAMES: [&str; 14] = [
    "Add Ons",
    "APIs",
    "API Products",
    "Application Auth Strategies",
    "Audit Logs",
    "Control Planes",
    "Dashboards",
    "DCR Providers",
    "Mesh Control Planes",
    "Networks",
    "Portals",
    "Reports",
    "Service Hub",
    "Auth Servers",
];

on_both! {
    /// Every published group and role is there, in the published shape, and nothing beside them in
    /// their groups.
    async fn the_published_roles_are_there_by_name(engine: Engine) {
        let app = TestApp::new(engine).await;
        let ann = app.member("ann@acme.test").await;
        let catalogue = ann.client.get("/v3/roles").await.expect(200);
        for (key, name, roles) in PUBLISHED {
            let group = &catalogue[key];
            assert_eq!(group["name"], name);
            let listed = group["roles"].as_object().unwrap();
            let names: Vec<(&str, &str)> =
                listed.iter().map(|(key, role)| (key.as_str(), role["name"].as_str().unwrap())).collect();
            assert_eq!(names, roles, "{key}");
        }
        assert_eq!(PUBLISHED.iter().map(|(_, _, roles)| roles.len()).sum::<usize>(), 34);
        for (key, group) in catalogue.as_object().unwrap() {
            assert_eq!(members(group), ["name", "roles"], "{key}");
            for (role, entry) in group["roles"].as_object().unwrap() {
                assert_eq!(members(entry), ["name", "description"], "{key}.{role}");
                assert!(!entry["description"].as_str().unwrap().is_empty(), "{key}.{role}");
            }
        }
        assert_eq!(app.owner.get("/v2/roles").await.expect(200), catalogue);
    }
}

fn members(object: &Value) -> Vec<&str> {
    object.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

on_both! {
    /// Whatever role the contract names can be assigned on some type that it names; a refusal lists
    /// the choices.
    async fn every_published_name_can_be_assigned(engine: Engine) {
        let app = TestApp::new(engine).await;
        let team = app.owner.post("/v3/teams", json!({ "name": "Everything" })).await.expect(201);
        let roles = format!("/v3/teams/{}/assigned-roles", id(&team));
        let refused = app.owner.post(&roles, everywhere("Admin", "Toasters")).await.expect(400);
        let kinds = choices(&refused, "entity_type_name");
        let mut assignable = Vec::new();
        for kind in TYPE_NAMES {
            assert!(kinds.iter().any(|known| known == kind), "[{kind}] is not among {kinds:?}");
            let refused = app.owner.post(&roles, everywhere("Toaster", kind)).await.expect(400);
            for role in choices(&refused, "role_name") {
                app.owner.post(&roles, everywhere(&role, kind)).await.expect(201);
                assignable.push(role);
            }
        }
        for role in ROLE_NAMES {
            assert!(assignable.iter().any(|known| known == role), "[{role}] fits no published type");
        }
        for region in ["us", "eu", "au", "me", "in", "sg"] {
            let mut body = everywhere("Viewer", "Control Planes");
            body["entity_region"] = region.into();
            app.owner.post(&roles, body).await.expect(201);
        }
        let regions = app.anonymous().get("/v3/available-regions").await.expect(200);
        let stable = ["us", "eu", "au", "me", "in", "sg"];
        assert_eq!(regions, json!({ "regions": { "stable": stable, "stable_opt_in": [], "beta": [] } }));
    }
}

/// The choices of a 400 that complains of this field alone.
#[track_caller]
fn choices(refused: &Value, field: &str) -> Vec<String> {
    let [entry] = refused["invalid_parameters"].as_array().unwrap().as_slice() else { panic!("{refused}") };
    assert_eq!((&entry["field"], &entry["rule"]), (&json!(field), &json!("enum")), "{refused}");
    entry["choices"].as_array().unwrap().iter().map(|choice| choice.as_str().unwrap().to_owned()).collect()
}
