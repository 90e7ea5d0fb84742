//! Lists, filters and names: two organizations on one server share nothing but the server.

use std::collections::BTreeSet;

use kernel::UserId;
use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{
    operations::{self, Operation},
    requests::{Maker, Request, Subject},
};

/// Operations whose replies name nothing of an organization.
const NAMELESS: &[&str] = &[
    "healthz",
    "readyz",
    "metrics",
    "get-available-regions",
    "get-authentication-settings",
    "get-impersonation-settings",
    "get-organizations-me-brand",
    "get-organizations-personal-access-token-settings",
    "get-ip-allow-list",
    "get-predefined-roles",
    // Say what may be done, and name nothing.
    "get-api-actions",
    "get-product-actions",
    "list-portal-roles",
    "get-audit-log-keys",
    "get-signing-keys",
    // Leads to the provider, whoever asks.
    "authenticate-sso",
    "authenticate-sso-kauth",
    // For people of an Auth0 tenant alone.
    "get-auth0-organizations-internal",
    "saml-metadata",
    // Names the organization, but only inside of marks.
    "get-gateway-configuration",
    "get-gateway-status",
    // Names the organization, but only inside of KRNs.
    "get-users-me-permissions",
    // No provider tells, in these tests.
    "get-application-granted-scopes",
    "list-granted-scopes",
    "get-application-registration-granted-scopes",
    "get-application-product-version-granted-scopes",
    // For platform services alone; a user sees nothing by them.
    "get-users-internal",
    "get-system-accounts-assigned-roles-internal",
];

/// A request to look; if it is for a list, there is something in it.
async fn filled(maker: &Maker<'_>, operation: &Operation) -> Request {
    let mut request = maker.request(operation, Subject::Anyone).await;
    let last = operation.path.rsplit('/').next().unwrap_or_default();
    let lists = [
        "users",
        "system-accounts",
        "teams",
        "assigned-roles",
        "access-tokens",
        "team-group-mappings",
        "dcr-providers",
        "application-auth-strategies",
        "portals",
        "developers",
        "apis",
        "api-publications",
        "api-implementations",
        "api-products",
        "products",
        "product-versions",
        "versions",
        "applications",
        "application-registrations",
        "registrations",
        "credentials",
        "clients",
        "bridge-keys",
    ];
    let older = operation.path.starts_with("/v3/identity-provider/");
    if lists.contains(&last) && !older && !operation.path.contains("/internal/") {
        // Two, so that there is a next page.
        maker.object(&request.path, Subject::Anyone).await;
        maker.object(&request.path, Subject::Anyone).await;
    }
    if operation.paged {
        request.path.push_str("?page[size]=1000");
    }
    request
}

/// All strings of a reply.
fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        _ => {}
    }
}

/// What a reply names of an organization: ids, and names that were made there.
fn marks(body: &Value, mark: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    strings(body, &mut found);
    found.retain(|text| text.parse::<UserId>().is_ok() || text.contains(mark));
    found
}

async fn text(request: &Request, client: &Client) -> String {
    request.send(client).await.unwrap_or_else(|error| panic!("{error}")).text
}

/// The cursors in a page of our list, asked for in another.
async fn cursors(client: &Client, ours: &str, theirs: &str) -> Vec<String> {
    let one = |path: &str| path.replace("page[size]=1000", "page[size]=1");
    let page = client.get(&one(ours)).await.text;
    let mut asked = Vec::new();
    for side in ["page[after]=", "page[before]="] {
        for (at, _) in page.match_indices(side) {
            let cursor = &page[at + side.len()..];
            let cursor = &cursor[..cursor.find(['"', '&']).unwrap_or(cursor.len())];
            asked.push(format!("{}&{side}{cursor}", one(theirs)));
        }
    }
    asked
}

on_both! {
    /// Whatever one organization sees, nothing in it is another's. A cursor of one leads the other nowhere.
    async fn nobody_sees_anything_of_another_organization(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rival = app.rival("owner@rival.test").await;
        let (ours, theirs) = (Maker::new(&app).await, Maker::new(&rival).await);
        let session = app.session_of(app.owner_id).await;
        let mut named = BTreeSet::new();
        let mut asked = Vec::new();
        for operation in operations::served() {
            if operation.method != http::Method::GET {
                continue;
            }
            let (request, own) = (filled(&ours, &operation).await, filled(&theirs, &operation).await);
            let caller = match () {
                () if operation.session_only => &session,
                () if operation.developers_only => &ours.developer().await.client,
                () => &app.owner,
            };
            let reply = text(&request, caller).await;
            let names = marks(&serde_json::from_str(&reply).unwrap_or_default(), &ours.mark());
            // Else there would be nothing to find in the other's reply.
            let nameless = NAMELESS.contains(&operation.id.as_str());
            assert_eq!(names.is_empty(), nameless, "{}: {reply}", operation.id);
            named.extend(names);
            asked.extend(cursors(&app.owner, &request.path, &own.path).await);
            asked.push(own.path);
        }
        assert!(asked.iter().any(|path| path.contains("page[after]")), "no list gave a cursor");
        for path in asked {
            let reply = rival.owner.get(&path).await.text;
            let leak = named.iter().find(|name| reply.contains(*name));
            assert_eq!(leak, None, "{path}: {reply}");
        }
    }
}

/// The objects of a list.
async fn data(client: &Client, path: &str) -> Vec<Value> {
    let body = client.get(path).await.expect(200);
    body["data"].as_array().or(body.as_array()).cloned().unwrap_or_default()
}

/// The ways in which a field can be compared with a value.
fn comparisons(operators: &[String]) -> Vec<String> {
    let for_values = |name: &&String| ["eq", "oeq", "contains", "ocontains"].contains(&name.as_str());
    let named = operators.iter().filter(for_values).map(|name| format!("[{name}]"));
    std::iter::once(String::new()).chain(named).collect()
}

/// Filters a list of each organization by what an object of ours has. The fields that told it apart.
async fn filter(ours: &Maker<'_>, theirs: &Maker<'_>, operation: &Operation) -> BTreeSet<String> {
    let (client, other) = match operation.developers_only {
        true => (&ours.developer().await.client, &theirs.developer().await.client),
        false => (&ours.app.owner, &theirs.app.owner),
    };
    let (list, other_list) = (filled(ours, operation).await.path, filled(theirs, operation).await.path);
    let (all, all_theirs) = (data(client, &list).await, data(other, &other_list).await);
    let item = all.last().unwrap_or_else(|| panic!("{list} is empty"));
    let mut told_apart = BTreeSet::new();
    for (field, operators) in &operation.filters {
        // What is neither text nor an id tells nobody apart.
        let Some(value) = item[field].as_str() else { continue };
        for comparison in comparisons(operators) {
            let with = |path: &str| {
                let joint = if path.contains('?') { '&' } else { '?' };
                format!("{path}{joint}filter[{field}]{comparison}={value}")
            };
            let found = data(client, &with(&list)).await;
            assert!(found.contains(item), "{} does not find {item}", with(&list));
            // Two things may well be made at the same moment.
            if field.ends_with("_at") {
                continue;
            }
            let found = data(other, &with(&other_list)).await;
            // Both may hold the same role, say: then each finds its own.
            if all_theirs.iter().any(|their| their[field] == item[field]) {
                assert!(found.iter().all(|hit| all_theirs.contains(hit)), "{}: {found:?}", with(&other_list));
            } else {
                assert_eq!(found, [] as [Value; 0], "{}", with(&other_list));
                told_apart.insert(field.clone());
            }
        }
    }
    told_apart
}

on_both! {
    /// A filter finds an object for its own organization, and nothing for another.
    async fn filters_find_nothing_of_another_organization(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rival = app.rival("owner@rival.test").await;
        let (ours, theirs) = (Maker::new(&app).await, Maker::new(&rival).await);
        let mut fields = BTreeSet::new();
        for operation in operations::served() {
            // Entries of the audit log are filtered by when, which tells no organizations apart.
            // Permissions are the caller's own, whatever they are filtered by.
            let apart = operation.path.contains("/internal/")
                || ["get-audit-logs", "get-users-me-permissions"].contains(&operation.id.as_str());
            if !operation.filters.is_empty() && !apart {
                fields.extend(filter(&ours, &theirs, &operation).await);
            }
        }
        let expected = "api_id api_name canonical_domain default_application_auth_strategy_id default_domain description display_name email entity_id full_name group id issuer name portal_id product_name product_version_id product_version_name team_id user_id version";
        assert_eq!(fields.into_iter().collect::<Vec<_>>().join(" "), expected);
    }
}

on_both! {
    /// Names and addresses that one organization has are free in another, and a person's user in one
    /// does not go with the user in the other.
    async fn what_is_taken_in_one_organization_is_free_in_another(engine: Engine) {
        let app = TestApp::new(engine).await;
        let rival = app.rival("owner@rival.test").await;
        let ann = app.member("ann@acme.test").await;
        app.system_account("builds").await;
        app.owner.post("/v3/system-accounts", json!({ "name": "builds" })).await.expect(409);
        rival.owner.post("/v3/system-accounts", json!({ "name": "builds" })).await.expect(201);

        // An address that has a user elsewhere is invited like one that nobody knows.
        app.owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await.expect(409);
        let known = rival.owner.post("/v3/invites", json!({ "email": "ann@acme.test" })).await;
        let unknown = rival.owner.post("/v3/invites", json!({ "email": "nobody@acme.test" })).await;
        assert_eq!((known.status, known.text), (unknown.status, unknown.text));
        let users = rival.owner.get("/v3/users?filter[email]=ann@acme.test").await.expect(200);
        let twin = &users["data"][0];
        assert_eq!((&twin["active"], &twin["full_name"]), (&json!(false), &json!("ann@acme.test")));
        let twin = twin["id"].as_str().expect("an id");
        assert_ne!(twin, ann.id.to_string());

        rival.owner.delete(&format!("/v3/users/{twin}")).await.expect(204);
        ann.client.get("/v3/users/me").await.expect(200);
    }
}
