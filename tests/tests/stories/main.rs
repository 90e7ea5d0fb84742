//! Stories: each reads like a user's afternoon.

mod allow_list;
mod applications;
mod audit_entries;
mod audit_reading;
mod auth0;
mod auth_strategies;
mod brands;
mod classic_applications;
mod classic_own_applications;
mod creators;
mod dcr_bridge;
mod dcr_providers;
mod dcr_verify;
mod developer_accounts;
mod developer_hosts;
mod developers;
mod device_grant;
mod gateway;
mod group_mappings;
mod identity_providers;
mod internal;
mod invites;
mod kauth;
mod letters;
mod life_of_tokens;
mod mails;
mod marketplace;
mod nodes;
mod organizations;
mod pages;
mod passkey_attacks;
mod passkey_sign_in_attacks;
mod passkeys;
mod personal_tokens;
mod plans;
mod portal_roles;
mod portal_teams;
mod products;
mod provider_clients;
mod publishing;
mod role_catalogue;
mod roles;
mod schemas;
mod second_factors;
mod services;
mod sessions;
mod settings;
mod single_sign_on;
mod single_sign_on_attacks;
mod single_sign_on_saml;
mod single_sign_on_saml_attacks;
mod sso;
mod stand_in;
mod strategy_uses;
mod system_account_tokens;
mod system_accounts;
mod teams;
mod users;
mod version_registrations;

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Client};
use tokio::task::JoinSet;

/// So many hours.
const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

/// So many days.
const fn days(count: u64) -> Duration {
    hours(count * 24)
}

/// The text of a member of a reply.
#[track_caller]
fn text<'v>(body: &'v Value, member: &str) -> &'v str {
    body[member].as_str().unwrap_or_else(|| panic!("no text [{member}] in {body}"))
}

/// The id in a reply.
#[track_caller]
fn id(body: &Value) -> &str {
    text(body, "id")
}

/// A member of every object of a list.
fn all(list: &Value, member: &str) -> Vec<Value> {
    list["data"].as_array().into_iter().flatten().map(|item| item[member].clone()).collect()
}

/// A problem document, whole but for the number that ends its `instance`.
#[track_caller]
fn problem(answer: Answer) -> Value {
    let mut body = answer.body;
    let (family, number) = text(&body, "instance").rsplit_once(':').expect("a prefix and a number");
    assert!(number.parse::<u64>().is_ok(), "{body}");
    body["instance"] = family.into();
    assert_eq!(body["status"], answer.status.as_u16(), "{body}");
    body
}

/// A problem as Identity words it, without bad parameters.
fn identity_problem(status: u16, title: &str, detail: impl Into<String>) -> Value {
    json!({ "status": status, "title": title, "instance": "konnect:trace", "detail": detail.into() })
}

/// A problem as the other services word it.
fn platform_problem(status: u16, title: &str, detail: impl Into<String>) -> Value {
    json!({ "status": status, "title": title, "instance": "kong:trace", "detail": detail.into() })
}

/// What a 400 complains of: pairs of field and reason.
#[track_caller]
fn complaints(answer: Answer) -> Value {
    let body = answer.expect(400);
    let entries = body["invalid_parameters"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| json!([entry["field"], entry["reason"]])).collect()
}

/// A 403 of Identity for want of a role.
fn lacks(role: &str) -> Value {
    let detail = format!("You must have the [{role}] role to perform this action");
    identity_problem(403, "Invalid Permissions", detail)
}

/// A 403 as the other services word it: they name no role.
fn forbidden() -> Value {
    platform_problem(403, "Forbidden", "You do not have permission to perform this action")
}

/// A role on all of a type, everywhere.
fn everywhere(role: &str, kind: &str) -> Value {
    json!({ "role_name": role, "entity_type_name": kind, "entity_id": "*", "entity_region": "*" })
}

/// A POST that can run beside others.
fn posting(client: &Client, path: &str, body: Value) -> impl Future<Output = Answer> + Send + use<> {
    asking(client, Method::POST, path, Some(body))
}

/// A request of any kind that can run beside others.
fn asking(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> impl Future<Output = Answer> + Send + use<> {
    let (client, path) = (client.clone(), path.to_owned());
    async move { client.call(method, &path, body).await }
}

/// Makes requests at once; how many were answered with each status.
async fn at_once<R>(requests: impl IntoIterator<Item = R>) -> BTreeMap<u16, usize>
where
    R: Future<Output = Answer> + Send + 'static,
{
    let mut running: JoinSet<Answer> = requests.into_iter().collect();
    let mut statuses = BTreeMap::new();
    while let Some(answer) = running.join_next().await {
        *statuses.entry(answer.expect("a reply").status.as_u16()).or_default() += 1;
    }
    statuses
}
