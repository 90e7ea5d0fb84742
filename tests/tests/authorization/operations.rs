//! What is served, as the OpenAPI document tells.

use http::Method;
use serde_json::{Value, json};

/// A served operation.
pub struct Operation {
    /// Its id.
    pub id: String,
    pub method: Method,
    /// Its path, parameters in braces.
    pub path: String,
    /// The status of success.
    pub success: u16,
    pub takes_body: bool,
    /// Whether the body is a form.
    pub form: bool,
    /// Whether it takes a session and nothing else.
    pub session_only: bool,
    /// Whether it takes a developer's session and nothing else.
    pub developers_only: bool,
    /// The fields that its list can be filtered by, and with which operators.
    pub filters: Vec<(String, Vec<String>)>,
    /// Whether it is a list that comes in pages.
    pub paged: bool,
}

impl Operation {
    /// Whether it is served at portals' own hosts.
    pub fn at_portal(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// Whether a token of a user or a system account is no credential for it.
    pub fn other_credential(&self) -> bool {
        self.session_only
            || self.developers_only
            || self.path.starts_with("/dcr-bridge/")
            || [
                "authenticate-kauth",
                "introspect-token",
                "post-oauth-device-token",
                "refresh",
                "refresh-token",
                "refresh-token-kauth",
                "verify-email-kauth",
            ]
            .contains(&self.id.as_str())
    }
}

/// Every operation of the served document.
pub fn served() -> Vec<Operation> {
    let document = latchkey::openapi();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, declared) in methods.as_object().expect("methods") {
            operations.push(read(path, method, declared));
        }
    }
    operations
}

fn read(path: &str, method: &str, declared: &Value) -> Operation {
    let parameters: Vec<&Value> = declared["parameters"].as_array().into_iter().flatten().collect();
    let named = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name);
    let filters = named("filter").and_then(|filter| filter["schema"]["properties"].as_object());
    let statuses = declared["responses"].as_object().expect("responses").keys();
    let mut successes = statuses.filter_map(|status| status.parse().ok()).filter(|status| *status < 400);
    Operation {
        id: declared["operationId"].as_str().expect("an id").to_owned(),
        method: method.to_uppercase().parse().expect("a method"),
        path: path.to_owned(),
        success: successes.next().expect("a status of success"),
        takes_body: declared.get("requestBody").is_some(),
        session_only: declared["security"] == json!([{ "konnectAccessToken": [] }]),
        developers_only: declared["security"] == json!([{ "portalAccessToken": [] }]),
        form: declared["requestBody"]["content"].get("application/x-www-form-urlencoded").is_some(),
        filters: filters
            .into_iter()
            .flatten()
            .map(|(field, schema)| (field.clone(), operators(schema)))
            .collect(),
        paged: named("page[size]").is_some(),
    }
}

/// A field is compared as it is, or with an operator.
fn operators(field: &Value) -> Vec<String> {
    let choices = field["anyOf"].as_array().into_iter().flatten();
    let named = choices.filter_map(|choice| choice["properties"].as_object());
    named.flatten().map(|(operator, _)| operator.clone()).collect()
}
