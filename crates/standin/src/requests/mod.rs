//! The last requests, to look at: what a client asked, what it was told, and what of it nobody here knows.

pub mod http;
mod page;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Mutex,
};

use frame::{
    Cx,
    around::Seen,
    input::Query,
    principal::{Principal, Who},
    reply::{Done, Found},
    telemetry::Finished,
};
use kernel::{Family, OrgId, Problem, Result, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::StandIn;

/// How many requests are kept.
const KEPT: usize = 1000;

/// A request and its answer.
#[derive(Clone, Serialize, schemars::JsonSchema)]
pub struct SeenRequest {
    /// Its number; the newest has the highest.
    number: u64,
    /// When it was answered, by the machine's time.
    at: Timestamp,
    /// The operation; null for one that is not known.
    operation_id: Option<&'static str>,
    /// The method.
    method: String,
    /// The path, with its query.
    path: String,
    /// Who called: `user`, `system_account`, `service`, `developer` or `nobody`.
    caller: &'static str,
    /// The caller's id, or a service's name.
    caller_id: String,
    /// The caller's organization.
    organization_id: Option<OrgId>,
    /// The client, as it calls itself.
    user_agent: String,
    /// The answer's status; null if the connection was dropped instead.
    status: Option<u16>,
    /// How long it took.
    milliseconds: f64,
    /// The problem, if it was one.
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    problem: Option<Value>,
    /// Fields of the body that the operation does not have.
    unknown_fields: Vec<String>,
    /// Whether something of it is not known here: the operation, or a field.
    surprising: bool,
}

/// Requests, the newest first.
#[derive(Serialize, schemars::JsonSchema)]
pub struct SeenRequests {
    /// The requests.
    data: Vec<SeenRequest>,
}

/// What is known of a request before it is answered.
#[derive(Default)]
struct Notes {
    unknown_fields: Vec<String>,
    dropped: bool,
}

#[derive(Default)]
struct Log {
    next: u64,
    requests: VecDeque<SeenRequest>,
    notes: HashMap<u64, Notes>,
}

/// The last requests.
#[derive(Default)]
pub struct Requests(Mutex<Log>);

impl Requests {
    /// Forgets them.
    pub fn clear(&self) {
        if let Ok(mut log) = self.0.lock() {
            log.requests.clear();
        }
    }

    /// Notes what of a request's body nobody here knows.
    pub fn surprises(&self, request: &Seen<'_>) {
        let (Some(body), Some((_, schema))) = (request.body, request.spec.body) else { return };
        let mut unknown = Vec::new();
        unknown_fields(&schema(), body, "", &mut unknown);
        if !unknown.is_empty()
            && let Ok(mut log) = self.0.lock()
        {
            log.notes.entry(request.origin.trace).or_default().unknown_fields = unknown;
        }
    }

    /// Notes that a request gets no answer.
    pub fn dropped(&self, trace: u64) {
        if let Ok(mut log) = self.0.lock() {
            log.notes.entry(trace).or_default().dropped = true;
        }
    }

    /// Keeps a request.
    pub fn finished(&self, finished: &Finished<'_>, problem: Option<&Problem>) {
        let own = finished.spec.is_some_and(|spec| spec.path.starts_with("/stand-in"));
        let Ok(mut log) = self.0.lock() else { return };
        let notes = log.notes.remove(&finished.origin.trace).unwrap_or_default();
        if own {
            return;
        }
        log.next += 1;
        let family = finished.spec.map_or(Family::Identity, |spec| spec.family);
        let surprising = finished.spec.is_none() || !notes.unknown_fields.is_empty();
        let (caller, caller_id) = caller(finished.principal);
        let seen = SeenRequest {
            number: log.next,
            at: finished.at,
            operation_id: finished.spec.map(|spec| spec.id),
            method: finished.method.to_string(),
            path: shown_path(finished),
            caller,
            caller_id,
            organization_id: finished.principal.org,
            user_agent: finished.origin.user_agent.clone(),
            status: (!notes.dropped).then_some(finished.status),
            milliseconds: finished.took.as_secs_f64() * 1000.0,
            problem: problem.map(|problem| problem.render(family, finished.origin.trace).body),
            unknown_fields: notes.unknown_fields,
            surprising,
        };
        log.requests.push_front(seen);
        log.requests.truncate(KEPT);
    }

    fn chosen(&self, query: &Query) -> Vec<SeenRequest> {
        let Ok(log) = self.0.lock() else { return Vec::new() };
        let organization = query.get("organization");
        let chosen = log.requests.iter().filter(|seen| {
            organization.is_none_or(|org| seen.organization_id.is_some_and(|id| id.to_string() == org))
                && query.get("operation").is_none_or(|id| seen.operation_id == Some(id))
                && (query.get("surprising") != Some("true") || seen.surprising)
                && (query.get("failed") != Some("true") || seen.status.is_none_or(|status| status >= 400))
        });
        chosen.cloned().collect()
    }
}

/// The path, with its query where that belongs to the API: links to pages carry secrets in theirs.
fn shown_path(finished: &Finished<'_>) -> String {
    let uri = &finished.origin.uri;
    if finished.spec.is_some_and(|spec| spec.page) {
        uri.split('?').next().unwrap_or_default().to_owned()
    } else {
        uri.clone()
    }
}

fn caller(principal: &Principal) -> (&'static str, String) {
    let kind = match &principal.who {
        Who::Nobody => "nobody",
        Who::User(..) => "user",
        Who::SystemAccount(..) => "system_account",
        Who::Service(_) => "service",
        Who::Developer(_) => "developer",
    };
    (kind, principal.audit_id())
}

/// The fields of a value that a schema does not have, by their paths. Where the schema has no properties at all it
/// takes anything.
fn unknown_fields(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if let (Value::Array(items), Some(item)) = (value, schema.get("items")) {
        for (n, value) in items.iter().enumerate() {
            unknown_fields(item, value, &format!("{path}{n}."), found);
        }
    }
    let Value::Object(object) = value else { return };
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut inner: Vec<(&str, &Value)> = Vec::new();
    let mut forms = vec![schema];
    forms.extend(["oneOf", "anyOf"].iter().filter_map(|key| schema[key].as_array()).flatten());
    for form in forms {
        for (name, schema) in form["properties"].as_object().into_iter().flatten() {
            known.insert(name);
            inner.push((name, schema));
        }
    }
    if known.is_empty() {
        return;
    }
    let open = schema["additionalProperties"].is_object() || schema["additionalProperties"] == true;
    for (name, value) in object {
        if !known.contains(&**name) && !open {
            found.push(format!("{path}{name}"));
        }
        if let Some((_, schema)) = inner.iter().find(|(known, _)| known == name) {
            unknown_fields(schema, value, &format!("{path}{name}."), found);
        }
    }
}

async fn request_list(cx: Cx, query: Query) -> Result<Found<SeenRequests>> {
    Ok(Found(SeenRequests { data: StandIn::of(&cx)?.requests.chosen(&query) }))
}

async fn request_clear(cx: Cx) -> Result<Done> {
    StandIn::of(&cx)?.requests.clear();
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_are_found_by_their_paths() {
        let schema = json!({ "properties": { "name": {}, "labels": { "type": "object" }, "config": { "oneOf": [
            { "properties": { "a": {} } }, { "properties": { "b": { "items": { "properties": { "c": {} } } } } } ] } } });
        let value = json!({ "name": 1, "nme": 2, "labels": { "any": 1 }, "config": { "a": 1, "b": [{ "c": 1, "d": 2 }], "e": 3 } });
        let mut found = Vec::new();
        unknown_fields(&schema, &value, "", &mut found);
        assert_eq!(found, ["nme", "config.b.0.d", "config.e"]);
    }
}
