//! What is good is accepted, with the status that the contract has for it: the poison would prove
//! nothing if the operations refused everything.

use http::Method;
use tests::{Engine, on_both};

use crate::{
    findings::{Findings, brief},
    good, operations,
    operations::Operation,
    world::{JSON, Request, World},
};

/// 201 for what creates, 204 for what deletes, 200 for the rest; but PUT of the allow list and of a strategy
/// are published with 201.
fn published(operation: &Operation) -> u16 {
    match (operation.method.as_str(), operation.id.as_str()) {
        // Questions: one whose address is for no log, one that takes its time.
        (
            _,
            "post-auth0-user-mfa-settings-internal"
            | "verify-dcr-provider"
            | "forgot-password"
            | "create-password-reset-kauth"
            | "repair-dcr-provider-client",
        ) => 200,
        (_, "check-gateway-access" | "check-gateway-access-v2") => 200,
        // Many changes at once.
        (_, "publish-api-products") => 204,
        ("POST", _) | (_, "put-ip-allow-list" | "replace-app-auth-strategy") => 201,
        ("DELETE", _) => 204,
        _ => 200,
    }
}

/// Replies without a body although something was made.
const EMPTY: [&str; 9] = [
    "invite-user",
    "add-user-to-team",
    "post-teams-teamId-system-accounts",
    "add-developer-to-portal-team",
    "register",
    "forgot-password",
    "create-password-reset-kauth",
    "update-credential",
    "publish-api-products",
];

/// What takes an identity provider that has made a client: stories tell of it.
const AT_PROVIDERS: [&str; 5] = [
    "get-application-granted-scopes",
    "get-application-product-version-granted-scopes",
    "get-application-registration-granted-scopes",
    "refresh-application-token",
    "regenerate-application-secret",
];

/// What takes another credential than these callers have, or ends the one that they have: stories tell of
/// them.
const ELSEWHERE: [&str; 19] = [
    "accept-invite",
    "authenticate",
    "authenticate-kauth",
    "delete-users-me",
    "developer-logout",
    "introspect-token",
    "patch-oauth-device-confirm",
    "patch-password-reset-kauth",
    "patch-users-me-password",
    "post-oauth-device-authorize",
    "post-oauth-device-authorize-user",
    "post-oauth-device-token",
    "refresh",
    "refresh-token",
    "refresh-token-kauth",
    "reset-password",
    "revoke-token",
    "verify-email",
    "verify-email-kauth",
];

on_both! {
    /// Every operation once, on things that are there: GETs, changes, then deletions from the leaves up.
    async fn every_operation_can_succeed(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        let mut order: Vec<&Operation> = operations::all().iter().collect();
        // Stable, and what is deeper goes first: a mapping before its provider, a revocation before a deletion.
        order.sort_by_key(|it| {
            (
                it.method == Method::DELETE,
                it.method != Method::GET,
                // What developers can do ends with them.
                it.method == Method::DELETE && !it.at_portal(),
                std::cmp::Reverse(it.path.matches('/').count()),
                // The version of a product goes with all that it is in portals.
                it.path.starts_with("/v2/api-products/"),
            )
        });
        for operation in order {
            let id = operation.id.as_str();
            if ELSEWHERE.contains(&id) || AT_PROVIDERS.contains(&id) {
                continue;
            }
            let bodies = match &operation.body {
                Some(_) => good::bodies(&world, operation),
                None if operation.takes("aid") => {
                    vec![(format!("{}?aid=auth0%7C1", world.path(operation)), serde_json::Value::Null)]
                }
                // Something is in it still.
                None if operation.takes("force") => {
                    vec![(format!("{}?force=true", world.path(operation)), serde_json::Value::Null)]
                }
                None => vec![(world.path(operation), serde_json::Value::Null)],
            };
            for (path, body) in bodies {
                let body = if body.is_null() { vec![] } else { body.to_string().into_bytes() };
                // Some clients send a content type with everything, body or not.
                let request = Request { what: "good", path: &path, headers: JSON, body };
                let line = format!("{} {path}", operation.id);
                let reply = match world.call(operation, request).await {
                    Ok(reply) => reply,
                    Err(fault) => {
                        findings.note(format!("{line}: {fault}"));
                        continue;
                    }
                };
                let line = format!("{line}: {} {}", reply.status, brief(&reply.text));
                findings
                    .want(reply.status == published(operation) && reply.status == operation.success, || {
                        line.clone()
                    });
                let empty = operation.method == Method::DELETE || EMPTY.contains(&operation.id.as_str());
                findings.want(reply.text.is_empty() == empty, || format!("with or without a body: {line}"));
                let content_type = reply.header("content-type");
                findings.want(content_type.is_empty() == empty, || {
                    format!("content type [{content_type}]: {line}")
                });
            }
            // What is still in it would keep the portal.
            if operation.id == "create-portal-product-version" {
                let path = format!("{}/{}", world.path(operation), world.id("spare version"));
                world.app.owner.delete(&path).await.expect(204);
            }
            // Second factors that are not there can be removed: nobody is told whether there were any.
            if operation.method == Method::DELETE && operation.id != "delete-user-mfas" {
                let path = world.path(operation);
                world
                    .refused(
                        &mut findings,
                        operation,
                        Request { what: "again", path: &path, headers: JSON, body: vec![] },
                        404,
                        &[],
                    )
                    .await;
            }
        }
        findings.end();
    }
}
