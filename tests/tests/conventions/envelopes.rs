//! What lists look like from outside, the irregular ones included.

use serde_json::{Value, json};
use tests::{Engine, on_both};

use crate::{
    findings::Findings,
    operations,
    world::{Request, World},
};

/// The kinds of envelopes.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Envelope {
    /// `{meta: {page: {number, size, total}}, data}`.
    Numbered,
    /// The same, but all at once: no paging parameters.
    Whole,
    /// `{meta: {number, size, total}, data}`.
    Flat,
    /// `{meta: {page: {first, last, next, previous, size}}, data}`.
    Cursor,
    /// `{meta: {first, last, next, previous, size}, data}`.
    FlatCursor,
    /// An array and nothing else, or `{data}`.
    Bare,
}

/// Every list of the contract and its envelope.
const LISTS: [(&str, Envelope); 65] = [
    ("list-teams", Envelope::Numbered),
    ("list-team-users", Envelope::Numbered),
    ("list-users", Envelope::Numbered),
    ("list-user-teams", Envelope::Numbered),
    ("get-system-accounts", Envelope::Numbered),
    ("get-system-account-id-access-tokens", Envelope::Numbered),
    ("get-system-accounts-accountId-teams", Envelope::Numbered),
    ("get-teams-teamId-system-accounts", Envelope::Numbered),
    ("get-idp-team-mappings", Envelope::Numbered),
    ("get-team-group-mappings", Envelope::Numbered),
    ("list-dcr-providers", Envelope::Numbered),
    ("list-app-auth-strategies", Envelope::Numbered),
    ("list-portals", Envelope::Numbered),
    ("list-portal-developers", Envelope::Numbered),
    ("list-portal-developers-v2", Envelope::Numbered),
    ("list-portal-teams", Envelope::Numbered),
    ("list-portal-team-roles", Envelope::Numbered),
    ("list-portal-team-developers", Envelope::Numbered),
    ("list-portal-developer-teams", Envelope::Numbered),
    ("list-apis", Envelope::Numbered),
    ("list-api-publications", Envelope::Numbered),
    ("list-api-implementations", Envelope::Numbered),
    ("list-portals-v2", Envelope::Numbered),
    ("list-api-products", Envelope::Numbered),
    ("list-api-product-versions", Envelope::Numbered),
    ("list-portal-product-versions", Envelope::Numbered),
    ("list-portal-products", Envelope::Numbered),
    ("list-dcr-provider-clients", Envelope::Numbered),
    ("list-dcr-bridge-keys", Envelope::Numbered),
    ("list-applications", Envelope::Numbered),
    ("list-applications-v2", Envelope::Numbered),
    ("list-credentials-by-application", Envelope::Numbered),
    ("list-developers-by-application", Envelope::Numbered),
    ("list-registrations", Envelope::Numbered),
    ("list-registrations-by-application", Envelope::Numbered),
    ("list-registrations-v2", Envelope::Numbered),
    ("list-registrations-by-application-v2", Envelope::Numbered),
    ("list-application-auth-strategies", Envelope::Numbered),
    ("developer-list-apis", Envelope::Numbered),
    ("developer-list-applications", Envelope::Numbered),
    ("developer-list-applications-v2", Envelope::Numbered),
    ("developer-list-application-auth-strategies-v2", Envelope::Numbered),
    ("list-credentials", Envelope::Numbered),
    ("get-developer-teams", Envelope::Numbered),
    ("get-developer-team-developers", Envelope::Numbered),
    ("developer-list-credentials-v2", Envelope::Numbered),
    ("developer-list-application-registrations", Envelope::Numbered),
    ("developer-list-application-registrations-v2", Envelope::Numbered),
    ("developer-list-products", Envelope::Numbered),
    ("developer-list-product-versions", Envelope::Numbered),
    ("get-applications-by-product-version", Envelope::Numbered),
    ("get-api-applications", Envelope::Numbered),
    ("list-team-roles", Envelope::Whole),
    ("list-user-roles", Envelope::Whole),
    ("get-system-accounts-accountId-assigned-roles", Envelope::Whole),
    ("get-system-accounts-assigned-roles-internal", Envelope::Whole),
    ("get-users-internal", Envelope::Whole),
    ("list-users-personal-access-tokens", Envelope::Flat),
    ("list-idp-team-group-mappings", Envelope::Cursor),
    ("get-audit-logs", Envelope::Cursor),
    ("list-organizations-personal-access-tokens", Envelope::FlatCursor),
    ("get-identity-providers", Envelope::Bare),
    ("get-users-me-permissions", Envelope::Bare),
    ("get-predefined-roles", Envelope::Bare),
    ("get-available-regions", Envelope::Bare),
];

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys
}

fn fault(envelope: Envelope, body: &Value) -> Option<String> {
    let page: &[&str] = match envelope {
        Envelope::Bare => return None,
        Envelope::Numbered | Envelope::Whole | Envelope::Flat => &["number", "size", "total"],
        Envelope::Cursor | Envelope::FlatCursor => &["first", "last", "next", "previous", "size"],
    };
    if keys(body) != ["data", "meta"] || !body["data"].is_array() {
        return Some(format!("has {:?}", keys(body)));
    }
    let flat = matches!(envelope, Envelope::Flat | Envelope::FlatCursor);
    let meta = if flat { &body["meta"] } else { &body["meta"]["page"] };
    if !flat && keys(&body["meta"]) != ["page"] {
        return Some(format!("has {:?} in meta", keys(&body["meta"])));
    }
    if keys(meta) != page {
        return Some(format!("has {:?} as its page", keys(meta)));
    }
    let count = body["data"].as_array().map_or(0, Vec::len);
    let whole = matches!(envelope, Envelope::Whole | Envelope::Flat);
    let all_of_it = json!({ "number": 1, "size": count, "total": count });
    (whole && *meta != all_of_it).then(|| format!("says {meta} of {count}"))
}

on_both! {
    /// Each list has its own envelope, and no other.
    async fn every_list_has_its_envelope(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        for operation in operations::gets() {
            let path = world.path(operation);
            let path = if operation.takes("aid") { format!("{path}?aid=x") } else { path };
            let body = world.call(operation, Request::plain("", &path)).await.expect("it answers").body;
            let listed = LISTS.iter().find(|(id, _)| *id == operation.id);
            let envelope = listed.map(|(_, envelope)| *envelope);
            match envelope {
                // Of scopes the contract has all, without a word of pages.
                None if operation.id == "list-granted-scopes" => {}
                None => findings.want(body.get("data").is_none() && !body.is_array(), || {
                    format!("{} is a list", operation.id)
                }),
                Some(envelope) => {
                    let fault = fault(envelope, &body);
                    findings
                        .want(fault.is_none(), || format!("{} {}", operation.id, fault.unwrap_or_default()));
                    let numbered = operation.takes("page[number]");
                    findings.want(numbered == (envelope == Envelope::Numbered), || {
                        format!("{}: paging by number is {numbered}", operation.id)
                    });
                }
            }
        }
        for (id, _) in LISTS {
            findings.want(operations::all().iter().any(|it| it.id == id), || format!("{id} is gone"));
        }
        findings.end();
        let providers = world.app.owner.get("/v3/identity-providers").await.expect(200);
        assert_eq!(
            providers.as_array().map(Vec::len),
            Some(2),
            "the providers are a bare array: {providers}"
        );
        let saml = world.app.owner.get("/v3/identity-providers?filter[type]=saml").await.expect(200);
        assert_eq!(
            saml.as_array().map(|all| (all.len(), &all[0]["id"])),
            Some((1, &json!(world.id("saml"))))
        );
    }
}

on_both! {
    /// An empty list is an empty array: clients count what is in it.
    async fn nothing_is_an_empty_array(engine: Engine) {
        let world = World::new(engine).await;
        let owner = &world.app.owner;
        let bob = world.app.member("bob@acme.test").await;
        let team = owner.post("/v3/teams", json!({ "name": "Empty" })).await.expect(201);
        let team = team["id"].as_str().expect("an id");
        let spare = world.id("spare account");
        for path in [
            format!("/v3/teams/{team}/users"),
            format!("/v3/teams/{team}/system-accounts"),
            format!("/v3/teams/{team}/assigned-roles"),
            format!("/v3/users/{}/teams", bob.id),
            format!("/v3/users/{}/assigned-roles", bob.id),
            format!("/v3/system-accounts/{spare}/access-tokens"),
            format!("/v3/system-accounts/{spare}/teams"),
            format!("/v3/system-accounts/{spare}/assigned-roles"),
            format!("/v3/identity-providers/{}/team-group-mappings", world.provider().await),
            "/v3/users?filter[email]=nobody@acme.test".to_owned(),
        ] {
            let body = owner.get(&path).await.expect(200);
            assert_eq!(body["data"], json!([]), "{path}");
            let total = &body["meta"]["page"]["total"];
            assert!(total.is_null() || *total == 0, "{path}: {body}");
        }
        assert_eq!(owner.get(&format!("/v3/teams/{team}")).await.expect(200)["labels"], json!({}));
    }
}
