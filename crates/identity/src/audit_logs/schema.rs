//! The three forms of an audit entry (contract: `AuditLog`).

use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

/// The schema of an entry.
pub fn entry() -> Schema {
    let authorization = form(
        "authorization",
        &["service", "resource", "action", "granted", "org_id", "principal_id", "ts", "signature"],
        &["actor_id", "client_ip", "uri", "user_agent", "trace_id", "portal_id"],
        &[("credential", json!({ "type": "object" })), ("change", json!({ "type": "object" }))],
    );
    let authentication = form(
        "authentication",
        &[
            "successful",
            "signature",
            "outcome",
            "authentication_type",
            "ts",
            "client_ip",
            "uri",
            "user_agent",
            "trace_id",
        ],
        &["principal_id", "org_id", "portal_id"],
        &[],
    );
    let gateway_access = form(
        "gateway_access",
        &[
            "ts",
            "org_id",
            "principal_id",
            "actor_id",
            "client_ip",
            "trace_id",
            "user_agent",
            "method",
            "uri",
            "query",
            "status_code",
            "signature",
        ],
        &["portal_id"],
        &[],
    );
    json_schema!({ "oneOf": [authorization, authentication, gateway_access] })
}

fn form(kind: &str, required: &[&str], optional: &[&str], more: &[(&str, Value)]) -> Value {
    let mut properties = Map::new();
    properties.insert("type".to_owned(), json!({ "type": "string", "enum": [kind] }));
    for name in required.iter().chain(optional) {
        properties.insert((*name).to_owned(), property(name));
    }
    for (name, schema) in more {
        properties.insert((*name).to_owned(), schema.clone());
    }
    let mut all = vec!["type"];
    all.extend(required);
    json!({ "type": "object", "required": all, "properties": properties })
}

fn property(name: &str) -> Value {
    match name {
        "granted" | "successful" => json!({ "type": "boolean" }),
        "ts" => json!({ "type": "string", "format": "date-time" }),
        "status_code" => json!({ "type": "integer", "format": "int32" }),
        "outcome" => json!({
            "type": "string",
            "enum": ["invalid", "success", "not_found", "invalid_password", "locked", "disabled", "token_expired"],
        }),
        "authentication_type" => json!({
            "type": "string",
            "enum": ["invalid", "basic", "sso", "pat", "spat", "google", "github", "windowslive", "federated"],
        }),
        _ => json!({ "type": "string" }),
    }
}
