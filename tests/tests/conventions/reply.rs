//! What came back, and what a problem document must look like.

use http::HeaderMap;
use kernel::Family;
use serde_json::Value;
use tests::Answer;

/// What came back.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is none.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        let Answer { status, headers, body, text, .. } = answer;
        Self { status: status.as_u16(), headers, body, text }
    }
}

/// What `rule` may say, and the member that goes with it.
const RULES: [(&str, Option<&str>); 31] = [
    ("required", None),
    ("is_array", None),
    ("is_base64", None),
    ("is_boolean", None),
    ("is_date_time", None),
    ("is_integer", None),
    ("is_null", None),
    ("is_number", None),
    ("is_object", None),
    ("is_string", None),
    ("is_uuid", None),
    ("is_fqdn", None),
    ("is_arn", None),
    ("unknown_property", None),
    ("missing_reference", None),
    ("is_label", None),
    ("matches_regex", None),
    ("invalid", None),
    ("type", None),
    ("min_length", Some("minimum")),
    ("min_digits", Some("minimum")),
    ("min_lowercase", Some("minimum")),
    ("min_uppercase", Some("minimum")),
    ("min_symbols", Some("minimum")),
    ("min_items", Some("minimum")),
    ("min", Some("minimum")),
    ("max_length", Some("maximum")),
    ("max_items", Some("maximum")),
    ("max", Some("maximum")),
    ("enum", Some("choices")),
    ("dependent_fields", Some("dependents")),
];

/// The titles that a family has for a status.
fn titles(status: u16, family: Family) -> &'static [&'static str] {
    match (status, family) {
        (400, Family::Identity) => &["Bad Request"],
        (400, Family::Platform) => &["Invalid Request"],
        (401, Family::Identity) => &["Unauthenticated"],
        (401, Family::Platform) => &["Unauthorized"],
        (403, Family::Identity) => &["Permission denied", "Invalid Permissions", "Unauthorized"],
        (403, Family::Platform) => &["Forbidden"],
        (404, _) => &["Not Found"],
        (405, _) => &["Method Not Allowed"],
        (409, Family::Identity) => &["Resource Conflict"],
        (409, Family::Platform) => &["Conflict"],
        (412, _) => &["Precondition Failed"],
        (413, _) => &["Payload Too Large"],
        (415, _) => &["Unsupported Media Type"],
        (429, _) => &["Rate Limited"],
        _ => &[],
    }
}

impl Reply {
    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The names of the parameters that it complains of, in order.
    pub fn fields(&self) -> Vec<&str> {
        let entries = self.body["invalid_parameters"].as_array();
        entries.into_iter().flatten().map(|entry| entry["field"].as_str().unwrap_or_default()).collect()
    }

    /// What is wrong with it as a refusal in the wording of this family.
    pub fn faults(&self, family: Family) -> Vec<String> {
        if family == Family::OAuth {
            return self.oauth_faults();
        }
        let mut faults = Vec::new();
        let mut want = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        want((400..500).contains(&self.status), "it is no refusal");
        want(self.header("content-type") == "application/problem+json", "the content type is no problem's");
        want(self.body["status"] == self.status, "`status` is not the status");
        let title = self.body["title"].as_str().unwrap_or_default();
        want(titles(self.status, family).contains(&title), "the title is not the family's");
        want(self.body["detail"].is_string(), "there is no detail");
        let prefix = if family == Family::Identity { "konnect:trace:" } else { "kong:trace:" };
        let trace = self.body["instance"].as_str().and_then(|instance| instance.strip_prefix(prefix));
        want(trace.is_some_and(|trace| trace.parse::<u64>().is_ok()), "`instance` is no trace of the family");
        want(trace == Some(self.header("x-request-id")), "`instance` is not the x-request-id");
        want(
            (self.status == 401) == self.headers.contains_key("www-authenticate"),
            "WWW-Authenticate goes with 401",
        );
        want((self.status == 405) == self.headers.contains_key("allow"), "Allow goes with 405");
        let entries = self.body["invalid_parameters"].as_array();
        want(entries.is_some() == (self.status == 400), "`invalid_parameters` goes with 400");
        if let Some(entries) = entries {
            want(!entries.is_empty(), "no parameter is named");
            let unique = entries.iter().enumerate().all(|(n, entry)| !entries[..n].contains(entry));
            want(unique, "a parameter is named twice");
            faults.extend(entries.iter().filter_map(entry_fault));
        }
        faults
    }
}

impl Reply {
    /// What is wrong with it as a refusal of an OAuth endpoint (RFC 6749 section 5.2).
    fn oauth_faults(&self) -> Vec<String> {
        let good = (400..500).contains(&self.status)
            && self.header("content-type") == "application/json"
            && self.body["error"].as_str().is_some_and(|error| !error.is_empty())
            && self.body["error_description"].is_string()
            && (self.status == 401) == self.headers.contains_key("www-authenticate");
        if good { Vec::new() } else { vec!["it is no refusal of an OAuth endpoint".to_owned()] }
    }
}

fn entry_fault(entry: &Value) -> Option<String> {
    let text = |name: &str| entry[name].as_str().is_some_and(|text| !text.is_empty());
    let rule = RULES.iter().find(|(rule, _)| entry["rule"] == *rule);
    let extra = rule.and_then(|(_, extra)| *extra);
    let good = text("field")
        && text("reason")
        && rule.is_some()
        && ["body", "query", "path"].iter().any(|source| entry["source"] == *source)
        && extra.is_none_or(|extra| match extra {
            "choices" => entry[extra].as_array().is_some_and(|choices| !choices.is_empty()),
            "dependents" => entry[extra].is_array(),
            _ => entry[extra].is_i64(),
        })
        && entry.as_object().is_some_and(|entry| {
            let known = |key: &&String| {
                ["field", "reason", "rule", "source"].contains(&key.as_str()) || Some(key.as_str()) == extra
            };
            entry.keys().all(|key| known(&key))
        });
    (!good).then(|| format!("the entry {entry} is none of the contract's forms"))
}
