//! To one organization the ids of another are ids of nothing.

use serde_json::Value;
use tests::{Answer, Engine, Resolver, TestApp, on_both};

use crate::{
    operations::{self, Operation},
    requests::{Maker, Request, Subject},
};

/// An operation, a request for it that works in one organization, and the same in the other.
struct Case {
    operation: Operation,
    ours: Request,
    theirs: Request,
}

async fn cases(ours: &Maker<'_>, theirs: &Maker<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for operation in operations::served() {
        // Some operations on personal tokens are for the user alone.
        let subject = match operation.path.contains("/users/{userId}/access-tokens") {
            true => Subject::User(theirs.app.owner_id),
            false => Subject::Anyone,
        };
        let (ours, theirs) =
            (ours.request(&operation, Subject::Anyone).await, theirs.request(&operation, subject).await);
        assert_eq!(ours.ids.len(), theirs.ids.len(), "{}", operation.id);
        cases.push(Case { operation, ours, theirs });
    }
    cases
}

/// Which of the ids are exchanged: each alone, and all of them.
fn exchanges(ids: usize) -> Vec<Vec<usize>> {
    let mut exchanges: Vec<Vec<usize>> = (0..ids).map(|one| vec![one]).collect();
    if ids > 1 {
        exchanges.push((0..ids).collect());
    }
    exchanges
}

/// What an id of nothing is answered with.
fn refusal(operation: &Operation, exchanged: &[usize]) -> u16 {
    match operation.id.as_str() {
        // For platform services, which the caller is not.
        "get-system-accounts-assigned-roles-internal" | "create-system-accounts-assigned-roles-internal" => {
            403
        }
        // For the user alone, who the caller is not.
        "create-personal-access-token" | "update-personal-access-token-details" if exchanged.contains(&0) => {
            403
        }
        // Whose credential is no key of the provider learns nothing about it.
        "dcr-bridge-create-client"
        | "dcr-bridge-delete-client"
        | "dcr-bridge-new-secret"
        | "dcr-bridge-event-hook" => 401,
        // The path names an API and a portal, the body a strategy.
        "create-portal" | "create-portal-v2" | "create-api-product" => 400,
        "update-portal" | "update-portal-v2" | "update-api-product" if !exchanged.contains(&0) => 400,
        "create-portal-product-version" | "publish-api-products" if !exchanged.contains(&0) => 400,
        "replace-portal-product-version" | "update-portal-product-version" if exchanged == [2] => 400,
        "publish-api-to-portal" if exchanged == [2] => 400,
        "check-gateway-access" | "check-gateway-access-v2" => 400,
        // The path names the strategy, the body its provider.
        "create-app-auth-strategy" => 400,
        "replace-app-auth-strategy" | "update-app-auth-strategy" if !exchanged.contains(&0) => 400,
        // The body lists teams, each of which is checked.
        "update-idp-team-mappings" | "patch-team-group-mappings" => 400,
        // The path names the portal and the application, the body an owner or an API.
        "create-application" if !exchanged.contains(&0) => 400,
        "update-application" if !exchanged.contains(&0) && !exchanged.contains(&1) => 400,
        "assign-role-to-portal-teams" if exchanged == [2] => 400,
        "create-application-registration" if !exchanged.contains(&0) && !exchanged.contains(&1) => 400,
        "developer-create-application-registration" | "developer-create-application-registration-v2"
            if !exchanged.contains(&0) =>
        {
            400
        }
        _ => 404,
    }
}

/// The reply without what differs from request to request anyway.
fn told(answer: &Answer, ids: &[(&str, &str)]) -> (u16, Value) {
    let mut text = answer.text.clone();
    for (nth, (_, id)) in ids.iter().enumerate() {
        text = text.replace(id, &format!("<id {nth}>"));
    }
    let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if let Some(body) = body.as_object_mut() {
        body.remove("instance");
    }
    (answer.status.as_u16(), body)
}

/// What our owner sees by each operation that only looks.
async fn seen(app: &TestApp, maker: &Maker<'_>, cases: &[Case]) -> Vec<(String, String)> {
    let session = app.session_of(app.owner_id).await;
    let mut seen = Vec::new();
    for Case { operation, ours, .. } in cases {
        if operation.method == http::Method::GET
            && operation.id != "metrics"
            // Whoever gets it is written down, which the next one who looks at the log would see.
            && operation.id != "get-gateway-configuration"
            // Only some providers tell.
            && !(operation.at_portal() && operation.id.ends_with("granted-scopes"))
            && !operation.path.contains("/internal/")
        {
            let caller = match () {
                () if operation.session_only => &session,
                () if operation.developers_only => &maker.developer().await.client,
                () => &app.owner,
            };
            let answer = ours.send(caller).await.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(answer.status.as_u16(), operation.success, "{}: {}", operation.id, answer.text);
            seen.push((operation.id.clone(), answer.text));
        }
    }
    seen
}

/// Sends a request with each exchange of ids, once for ours and once for ids of nothing; what is told
/// apart, or not refused as it should be.
async fn told_apart(case: &Case, maker: &Maker<'_>) -> Vec<String> {
    let Case { operation, ours, theirs } = case;
    let mut findings = Vec::new();
    for exchanged in exchanges(theirs.ids.len()) {
        let nothings: Vec<String> = exchanged.iter().map(|_| maker.nothing()).collect();
        let (mut foreign, mut nothing) = (Vec::new(), Vec::new());
        for (&nth, id) in exchanged.iter().zip(&nothings) {
            foreign.push((theirs.ids[nth].as_str(), ours.ids[nth].as_str()));
            nothing.push((theirs.ids[nth].as_str(), id.as_str()));
        }
        let mut replies = Vec::new();
        for ids in [&foreign, &nothing] {
            let caller =
                if operation.developers_only { &maker.developer().await.client } else { &maker.app.owner };
            match theirs.with(ids).send(caller).await {
                Ok(answer) => replies.push(told(&answer, ids)),
                Err(error) => findings.push(format!("{}  ids {exchanged:?}: {error}", operation.id)),
            }
        }
        let [of_ours, of_nothing] = &replies[..] else { continue };
        let expected = refusal(operation, &exchanged);
        if of_ours != of_nothing {
            let apart = format!("ours give {of_ours:?}, ids of nothing {of_nothing:?}");
            findings.push(format!("{}  ids {exchanged:?}: {apart}", operation.id));
        } else if of_nothing.0 != expected {
            findings.push(format!(
                "{}  ids {exchanged:?}: expected {expected}, got {of_nothing:?}",
                operation.id
            ));
        }
    }
    findings
}

on_both! {
    /// An administrator of another organization puts our ids wherever an operation takes one, and ids of
    /// nothing: the replies are the same, and nothing of ours has changed.
    async fn ids_of_another_organization_are_ids_of_nothing(engine: Engine) {
        let resolver = Resolver::serve().await;
        let app = TestApp::with(engine, &[&resolver.settings()[..], &[("REGISTRATION", "true")]].concat()).await;
        let rival = app.rival("owner@rival.test").await;
        let (ours, theirs) = (Maker::new(&app).await, Maker::new(&rival).await);
        let cases = cases(&ours, &theirs).await;
        let before = seen(&app, &ours, &cases).await;

        let mut findings = Vec::new();
        for case in &cases {
            findings.extend(told_apart(case, &theirs).await);
            // With his own ids it works: it is the ids that were refused.
            let Case { operation, theirs: own, .. } = case;
            // What takes another credential than a token, a guess at a password, say, names no ids.
            if !operation.path.contains("/internal/") && !operation.other_credential() {
                match own.send(&rival.owner).await {
                    Ok(answer) if answer.status.as_u16() == operation.success => {}
                    Ok(other) => findings.push(format!("{}  with his own ids: {}", operation.id, other.text)),
                    Err(error) => findings.push(format!("{}  with his own ids: {error}", operation.id)),
                }
            }
        }
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
        for (before, after) in before.iter().zip(seen(&app, &ours, &cases).await) {
            assert_eq!(*before, after, "something of ours has changed");
        }
    }
}
