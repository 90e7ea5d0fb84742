//! What the caller may do, as a list of resources and actions (`GET /v3/users/me/permissions`).

use std::collections::BTreeMap;

use frame::{Cx, reply::Found};
use kernel::{
    Action, Actions, Krn, Result,
    query::{Collection, Field, Filter, ListQuery, Op, Ops, Value},
};
use schemars::JsonSchema;
use serde::Serialize;

/// What the list can be filtered by.
pub static PERMISSIONS: Collection = Collection::whole(
    "permissions",
    &[
        Field::text("actions", Ops::EQ),
        Field::text("region", Ops::EQ),
        Field::text("resource", Ops::EQ),
        Field::text("service", Ops::EQ),
        Field::boolean("top_level"),
    ],
);

/// What may be done to a resource.
#[derive(Serialize, JsonSchema)]
pub struct Permission {
    /// The resource, as a KRN.
    resource: String,
    /// The actions: `#root` for all, `#root-readonly` for looking.
    actions: Vec<String>,
}

/// The caller's permissions.
#[derive(Serialize, JsonSchema)]
pub struct PermissionList {
    /// One entry per resource.
    data: Vec<Permission>,
}

/// The service that a resource belongs to. An organization as a whole is `accounts`, as in the contract's
/// sample; what this program keeps itself is `identity`; the rest are the platform's entities.
fn service(pattern: &str) -> &'static str {
    const OURS: [&str; 7] = [
        "users",
        "teams",
        "system-accounts",
        "identity-providers",
        "organization",
        "access-policy",
        "audit-logs",
    ];
    match pattern.split('/').next().unwrap_or_default() {
        "" => "accounts",
        kind if OURS.contains(&kind) => "identity",
        _ => "konnect",
    }
}

fn names(pattern: &str, actions: Actions) -> Vec<String> {
    if actions == Actions::ROOT {
        return vec!["#root".to_owned()];
    }
    // Of everything; on one kind of entity the same two actions are just two actions.
    if pattern.is_empty() && actions == Actions::ROOT_READONLY {
        return vec!["#root-readonly".to_owned()];
    }
    Action::ALL.iter().filter(|action| actions.contains(**action)).map(|action| action.tag()).collect()
}

/// Whether an entry passes a filter. The list is computed, so no database can do it.
fn passes(filter: &Filter, krn: &Krn, actions: &[String]) -> bool {
    // Every entry has every field.
    if filter.op == Op::Exists {
        return !matches!(filter.values.first(), Some(Value::Bool(false)));
    }
    let wanted = match filter.values.first() {
        Some(Value::Text(text)) => text.as_str(),
        Some(Value::Bool(top)) => return krn.path.is_empty() == *top,
        _ => return true,
    };
    match filter.field.name {
        "actions" => actions.iter().any(|action| action == wanted),
        "region" => krn.region == wanted,
        "service" => krn.service == wanted,
        _ => krn.to_string() == wanted || krn.path == wanted,
    }
}

pub(super) async fn permission_list(cx: Cx, query: ListQuery) -> Result<Found<PermissionList>> {
    let mut by_resource: BTreeMap<(&str, &str), Actions> = BTreeMap::new();
    for grant in cx.caller().permissions.grants() {
        let actions = by_resource.entry((&grant.pattern, &grant.region)).or_default();
        *actions = actions.or(grant.actions);
    }
    let mut data = Vec::new();
    for ((pattern, region), actions) in by_resource {
        let krn = Krn {
            service: service(pattern),
            region: region.to_owned(),
            org: cx.org(),
            path: pattern.to_owned(),
        };
        let actions = names(pattern, actions);
        if query.filters.iter().all(|filter| passes(filter, &krn, &actions)) {
            data.push(Permission { resource: krn.to_string(), actions });
        }
    }
    Ok(Found(PermissionList { data }))
}
