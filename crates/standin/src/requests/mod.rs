//! The last requests, to look at: what a client asked, what it was told, and what of it nobody here knows.

pub mod http;
mod page;

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
    time::Duration,
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
use serde_json::{Map, Value};

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
    /// The answer's status; null if the connection was dropped instead, or the client did not wait.
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
struct Notes {
    seen: SeenRequest,
    dropped: bool,
}

#[derive(Default)]
struct Log {
    next: u64,
    requests: VecDeque<SeenRequest>,
    notes: HashMap<u64, Notes>,
}

impl Log {
    fn keep(&mut self, seen: SeenRequest) {
        self.next += 1;
        self.requests.push_front(SeenRequest { number: self.next, ..seen });
        self.requests.truncate(KEPT);
    }
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

    /// Notes a request that is about to be answered.
    pub fn begun(&self, request: &Seen<'_>, at: Timestamp) {
        let mut unknown_fields = Vec::new();
        if let (Some(body), Some((_, schema))) = (request.body, request.spec.body) {
            self::unknown_fields(&schema(), body, "", &mut unknown_fields);
        }
        let (caller, caller_id) = caller(request.principal);
        let seen = SeenRequest {
            number: 0,
            at,
            operation_id: Some(request.spec.id),
            method: request.spec.method.to_string(),
            path: shown_path(&request.origin.uri),
            caller,
            caller_id,
            organization_id: request.principal.org,
            user_agent: request.origin.user_agent.clone(),
            status: None,
            milliseconds: 0.0,
            problem: None,
            surprising: !unknown_fields.is_empty(),
            unknown_fields,
        };
        if let Ok(mut log) = self.0.lock() {
            log.notes.insert(request.origin.trace, Notes { seen, dropped: false });
        }
    }

    /// Notes that a request gets no answer.
    pub fn dropped(&self, trace: u64) {
        if let Ok(mut log) = self.0.lock()
            && let Some(notes) = log.notes.get_mut(&trace)
        {
            notes.dropped = true;
        }
    }

    /// Keeps a request whose client did not wait for the answer.
    pub fn abandoned(&self, trace: u64, took: Duration) {
        if let Ok(mut log) = self.0.lock()
            && let Some(Notes { mut seen, .. }) = log.notes.remove(&trace)
        {
            seen.milliseconds = took.as_secs_f64() * 1000.0;
            log.keep(seen);
        }
    }

    /// Keeps a request.
    pub fn finished(&self, finished: &Finished<'_>, problem: Option<&Problem>) {
        if finished.spec.is_some_and(|spec| spec.path.starts_with("/stand-in")) {
            return;
        }
        let Ok(mut log) = self.0.lock() else { return };
        let notes = log.notes.remove(&finished.origin.trace);
        let (unknown_fields, dropped) =
            notes.map_or((Vec::new(), false), |notes| (notes.seen.unknown_fields, notes.dropped));
        let family = finished.spec.map_or(Family::Identity, |spec| spec.family);
        let (caller, caller_id) = caller(finished.principal);
        log.keep(SeenRequest {
            number: 0,
            at: finished.at,
            operation_id: finished.spec.map(|spec| spec.id),
            method: finished.method.to_string(),
            path: shown_path(&finished.origin.uri),
            caller,
            caller_id,
            organization_id: finished.principal.org,
            user_agent: finished.origin.user_agent.clone(),
            status: (!dropped).then_some(finished.status),
            milliseconds: finished.took.as_secs_f64() * 1000.0,
            problem: problem.map(|problem| problem.render(family, finished.origin.trace).body),
            surprising: finished.spec.is_none() || !unknown_fields.is_empty(),
            unknown_fields,
        });
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

/// The path with its query. What is not part of how lists are asked is left out: links and redirects carry secrets.
fn shown_path(uri: &str) -> String {
    let Some((path, query)) = uri.split_once('?') else { return uri.to_owned() };
    let of_lists = ["filter", "page", "sort", "force", "client_id"];
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if !of_lists.iter().any(|known| name.starts_with(known)) => format!("{name}=…"),
        _ => pair.to_owned(),
    });
    format!("{path}?{}", shown.collect::<Vec<_>>().join("&"))
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
/// takes anything; where it has several forms, those count that the value can be.
pub fn unknown_fields(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if let (Value::Array(items), Some(item)) = (value, schema.get("items")) {
        for (n, value) in items.iter().enumerate() {
            unknown_fields(item, value, &format!("{path}{n}."), found);
        }
    }
    let Value::Object(object) = value else { return };
    let forms = ["oneOf", "anyOf"].iter().filter_map(|key| schema[key].as_array()).flatten();
    let forms: Vec<&Value> =
        std::iter::once(schema).chain(forms.filter(|form| can_be(form, object))).collect();
    let properties = |name: &str| -> Vec<&Value> {
        forms.iter().filter_map(|form| form["properties"].get(name)).collect()
    };
    if forms.iter().all(|form| form["properties"].as_object().is_none_or(Map::is_empty)) {
        return;
    }
    let open = schema["additionalProperties"].is_object() || schema["additionalProperties"] == true;
    for (name, value) in object {
        let path = format!("{path}{name}");
        // Of several forms with this property the one counts that knows most of what is in it.
        let inner = properties(name).into_iter().map(|schema| {
            let mut inner = Vec::new();
            unknown_fields(schema, value, &format!("{path}."), &mut inner);
            inner
        });
        match inner.min_by_key(Vec::len) {
            Some(inner) => found.extend(inner),
            None if !open => found.push(path),
            None => {}
        }
    }
}

/// Whether an object can be of a form: none of its words is one that the form does not have there.
pub fn can_be(form: &Value, object: &Map<String, Value>) -> bool {
    form["properties"].as_object().into_iter().flatten().all(|(name, property)| {
        let words = property["enum"].as_array();
        words.is_none_or(|words| object.get(name).is_none_or(|value| words.contains(value)))
    })
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

    #[test]
    fn forms_are_told_apart_by_their_words() {
        let form = |word: &str, field: &str| json!({ "properties": { "kind": { "enum": [word] }, "config": { "properties": { field: {} } } } });
        let schema = json!({ "properties": { "name": {} }, "oneOf": [form("a", "x"), form("b", "y")] });
        let unknown = |value: Value| {
            let mut found = Vec::new();
            unknown_fields(&schema, &value, "", &mut found);
            found
        };
        assert_eq!(unknown(json!({ "kind": "b", "name": 1, "config": { "y": 1 } })), [""; 0]);
        assert_eq!(unknown(json!({ "kind": "b", "config": { "x": 1 } })), ["config.x"]);
        assert_eq!(unknown(json!({ "kind": "c", "name": 1, "config": {} })), ["kind", "config"]);
        assert_eq!(unknown(json!({ "config": { "y": 1 } })), [""; 0]);
    }
}
