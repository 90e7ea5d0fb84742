//! The operations, as the server's own document declares them, and what the published contract says
//! of their path parameters.

use std::sync::LazyLock;

use http::Method;
use kernel::Family;
use serde_json::{Map, Value};

/// An operation.
pub struct Operation {
    /// Its id.
    pub id: String,
    /// Its method.
    pub method: Method,
    /// Its path, parameters in braces.
    pub path: String,
    /// The status of success.
    pub success: u16,
    /// The schema of its body.
    pub body: Option<Value>,
    /// The kinds of credentials that it takes; none for everybody.
    pub schemes: Vec<String>,
    parameters: Vec<Value>,
}

/// A field that a list can be filtered by.
pub struct Filter {
    /// Its name.
    pub name: String,
    /// The schema of a value.
    pub value: Value,
    /// Its operators.
    pub operators: Vec<String>,
}

/// Every operation.
pub fn all() -> &'static [Operation] {
    static ALL: LazyLock<Vec<Operation>> = LazyLock::new(|| read(&latchkey::openapi()));
    &ALL
}

/// The operations that answer GET with JSON about the organization, or a portal. Scopes that were granted only some
/// providers tell developers of.
pub fn gets() -> impl Iterator<Item = &'static Operation> {
    let told =
        |it: &Operation| it.path.starts_with("/v") || it.at_portal() && !it.path.ends_with("granted-scopes");
    all().iter().filter(move |operation| operation.method == Method::GET && told(operation))
}

/// Every path and the methods that it takes.
pub fn paths() -> Vec<(&'static str, Vec<&'static Method>)> {
    let mut paths: Vec<(&str, Vec<&Method>)> = Vec::new();
    for operation in all() {
        match paths.iter_mut().find(|(path, _)| *path == operation.path) {
            Some((_, methods)) => methods.push(&operation.method),
            None => paths.push((&operation.path, vec![&operation.method])),
        }
    }
    paths
}

/// What takes a credential that another issuer makes, or a key of its own: stories tell of it.
const OF_OTHERS: [&str; 6] = [
    "post-auth0-register-internal",
    "get-auth0-organizations-internal",
    "dcr-bridge-create-client",
    "dcr-bridge-delete-client",
    "dcr-bridge-new-secret",
    "dcr-bridge-event-hook",
];

fn read(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("the document has paths") {
        for (method, operation) in methods.as_object().expect("a path has methods") {
            if OF_OTHERS.contains(&operation["operationId"].as_str().unwrap_or_default()) {
                continue;
            }
            let list = |name: &str| operation[name].as_array().cloned().unwrap_or_default();
            let statuses = operation["responses"].as_object().into_iter().flat_map(Map::keys);
            let mut statuses = statuses.filter_map(|status| status.parse().ok());
            // What leads elsewhere is for browsers: stories tell of it.
            let Some(success) = statuses.find(|status| *status < 300) else { continue };
            let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let body = body.as_str().map(|reference| {
                let pointer = reference.trim_start_matches('#');
                document.pointer(pointer).expect("a reference leads somewhere").clone()
            });
            let schemes =
                list("security").iter().filter_map(Value::as_object).flat_map(Map::keys).cloned().collect();
            operations.push(Operation {
                id: operation["operationId"].as_str().expect("an operation has an id").to_owned(),
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                success,
                body,
                schemes,
                parameters: list("parameters"),
            });
        }
    }
    operations
}

impl Operation {
    /// Whether it is served at portals' own hosts.
    pub fn at_portal(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// The names of its path parameters, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Whether it takes a query parameter.
    pub fn takes(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter["name"] == name)
    }

    /// What it can be filtered by.
    pub fn filters(&self) -> Vec<Filter> {
        let filter = self.parameters.iter().find(|parameter| parameter["name"] == "filter");
        let fields = filter.and_then(|filter| filter["schema"]["properties"].as_object());
        fields.into_iter().flatten().map(|(name, schema)| Filter::read(name, schema)).collect()
    }

    /// Which wording its errors have: the second family's are personal access tokens,
    /// the organization's policies, the audit log and application auth.
    pub fn family(&self) -> Family {
        let platform = [
            "/v3/users/{userId}/access-tokens",
            "/v3/organizations/{organizationId}/",
            "/v3/audit-logs",
            "/v2/dcr-providers",
            "/v2/application-auth-strategies",
            "/v3/portals",
            "/v3/portal-roles",
            "/v3/apis",
            "/v3/api-publications",
            "/v3/api-implementations",
            "/v3/gateway/",
            "/v2/gateway/",
            "/api/",
            "/v3/applications",
            "/v2/applications",
            "/v2/portals",
            "/v2/api-products",
        ];
        let second_factors = self.path.ends_with("/mfa") || self.path.ends_with("/mfa-settings");
        if second_factors || platform.iter().any(|prefix| self.path.starts_with(prefix)) {
            Family::Platform
        } else if self.path.starts_with("/oauth/") {
            Family::OAuth
        } else {
            Family::Identity
        }
    }

    /// How a malformed path parameter is called in a 400; `None` where it is a 404.
    pub fn malformed(&self, parameter: &str) -> Option<String> {
        // Our reading of operations that are in no public document.
        let read = ["delete-user-mfas", "refresh-application-token"].contains(&&*self.id);
        if !read && !published_uuid(&self.id, parameter) {
            return None;
        }
        // Identity calls path parameters as its Go code does.
        Some(match (self.family(), parameter.strip_suffix("Id")) {
            (Family::Identity, Some(stem)) => format!("{stem}ID"),
            _ => parameter.to_owned(),
        })
    }
}

impl Filter {
    fn read(name: &str, schema: &Value) -> Self {
        let mut name = name.to_owned();
        let mut schema = schema;
        if let Some(of_label) = schema.get("additionalProperties").filter(|it| it.is_object()) {
            name.push_str(".env");
            schema = of_label;
        }
        let (value, operators) = match schema["anyOf"].as_array() {
            Some(either) => (
                &either[0],
                either[1]["properties"].as_object().into_iter().flat_map(Map::keys).cloned().collect(),
            ),
            None => (schema, Vec::new()),
        };
        Self { name, value: value.clone(), operators }
    }

    /// Values that are not of its kind.
    pub fn misfits(&self) -> &'static [&'static str] {
        match (self.value["type"].as_str(), self.value["format"].as_str(), self.value.get("enum")) {
            (_, Some("uuid"), _) => &["x", "7f9fd312-a987-4628-b4c5", "*"],
            (_, Some("date-time"), _) => &["yesterday", "2024-01-01", "1700000000", "2024-13-01T00:00:00Z"],
            (_, _, Some(_)) => &["nonsense", "oidc,saml"],
            (Some("boolean"), ..) => &["1", "TRUE", "yes"],
            (Some("integer"), ..) => &["x", "1.5", "99999999999999999999"],
            _ => &[],
        }
    }
}

/// Whether the contract calls a path parameter a UUID and lets the operation answer 400. Operations
/// that it does not publish take plain strings.
fn published_uuid(id: &str, parameter: &str) -> bool {
    static CONTRACT: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let texts = [
            include_str!("../../contract/identity.json"),
            include_str!("../../contract/organizations.json"),
            include_str!("../../contract/application-auth-strategies.json"),
            include_str!("../../contract/portals.json"),
            include_str!("../../contract/developers.json"),
            include_str!("../../contract/portals-v2.json"),
        ];
        texts.map(|text| serde_json::from_str(text).expect("the contract is JSON")).to_vec()
    });
    // What developers do has a mark here, where the organization does the same. What they do by the older version takes
    // what the newer one does.
    let documents = CONTRACT.len() - 2;
    let (id, documents) = match (id.strip_prefix("developer-"), id.strip_suffix("-v2")) {
        (Some(id), _) => (id.strip_suffix("-v2").unwrap_or(id), &CONTRACT[documents..=documents]),
        // So has the older of two operations with the same id; its document stands last.
        (None, Some(id)) => (id, &CONTRACT[documents + 1..]),
        (None, None) => (id, CONTRACT.as_slice()),
    };
    let paths = documents.iter().filter_map(|document| document["paths"].as_object()).flat_map(Map::values);
    let mut operations = paths.filter_map(Value::as_object).flat_map(Map::values);
    let Some(operation) = operations.find(|operation| operation["operationId"] == id) else { return false };
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    let found = parameters.find(|it| it["name"] == parameter && it["in"] == "path");
    let uuid = found.is_some_and(|it| it["schema"]["format"] == "uuid");
    uuid && operation["responses"].get("400").is_some()
}
