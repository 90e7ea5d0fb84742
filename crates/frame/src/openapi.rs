//! The OpenAPI 3.1 document, from the same declarations that serve.

use kernel::{
    Family,
    query::{Collection, Field, Kind, PageStyle},
};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::{
    app::Settings,
    input::API_KEY,
    operations::{Rule, Spec},
    portals::DEVELOPER_COOKIE,
    principal::{Callers, CredentialKind},
};

/// The security scheme of a key that is none of the gate's.
const OWN_KEY: &str = "dcrBridgeKey";

/// Every status that the operation can answer with by its declaration.
pub fn statuses(spec: &Spec) -> Vec<u16> {
    let mut statuses = vec![spec.reply.status];
    statuses.extend(spec.errors);
    if spec.callers != Callers::NONE {
        statuses.extend([401, 403]);
    }
    if spec.own_key {
        statuses.extend([401, 429]);
    }
    if spec.portal && spec.method != http::Method::GET {
        // A page of another site made the browser send it.
        statuses.push(403);
    }
    if spec.body.is_some() {
        statuses.extend([400, 413]);
        // An OAuth endpoint has no other word for it than that the request is not valid.
        statuses.extend((spec.family != Family::OAuth).then_some(415));
    }
    if spec.collection.is_some() || !spec.query.is_empty() {
        statuses.push(400);
    }
    if spec.path_parameters().next().is_some() || spec.portal {
        statuses.push(404);
    }
    if spec.method != http::Method::GET {
        statuses.push(503);
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// The document. Pages for people are no part of it.
pub fn document<'s>(specs: impl Iterator<Item = &'s Spec>, settings: &Settings) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|s| s.definitions_path = "/components/schemas".into())
        .into_generator();
    let mut schemas = problems();
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for spec in specs.filter(|spec| !spec.page) {
        if !tags.contains(&spec.tag) {
            tags.push(spec.tag);
        }
        if let Some((name, schema)) = spec.body {
            add(&mut schemas, name, schema());
        }
        let reply = spec.reply.schema.map(|schema| Value::from(schema(&mut generator)));
        let path = paths.entry(spec.path).or_insert_with(|| json!({}));
        path[spec.method.as_str().to_ascii_lowercase()] = operation(spec, reply, settings);
    }
    for (name, schema) in generator.take_definitions(true) {
        add(&mut schemas, &name, schema);
    }
    let mut schemes: Map<String, Value> =
        CredentialKind::ALL.into_iter().map(|kind| (kind.scheme().to_owned(), scheme(kind))).collect();
    let own_key = json!({
        "type": "apiKey", "in": "header", "name": API_KEY,
        "description": "A key of the bridge that is served in front of a DCR provider, `kdbk_…`.",
    });
    schemes.insert(OWN_KEY.to_owned(), own_key);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Latchkey",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Identity and application-auth control plane for API platforms.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": settings.public_url }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": schemes },
    })
}

/// Components share one space of names: a second shape under a name that is taken would be read in place of
/// the first wherever that is referred to.
fn add(schemas: &mut Map<String, Value>, name: &str, schema: Value) {
    if let Some(first) = schemas.get(name) {
        assert_eq!(first, &schema, "two shapes are called [{name}]");
    }
    schemas.insert(name.to_owned(), schema);
}

fn scheme(kind: CredentialKind) -> Value {
    let description = match kind {
        CredentialKind::Personal => "A person's token, `kpat_…`.",
        CredentialKind::System => "A system account's token, `spat_…`.",
        CredentialKind::Session => "A person's session, a JWT.",
        CredentialKind::Client => {
            "A platform service's token, `kclt_…`, made with `latchkey client-token create`."
        }
        CredentialKind::Service => {
            "A platform service's token in one organization, a JWT, made with `latchkey service-token create`."
        }
        CredentialKind::Developer => {
            let description = "A developer's session at a portal.";
            return json!({
                "type": "apiKey", "in": "cookie", "name": DEVELOPER_COOKIE, "description": description,
            });
        }
    };
    json!({ "type": "http", "scheme": "bearer", "description": description })
}

fn operation(spec: &Spec, reply: Option<Value>, settings: &Settings) -> Value {
    let mut parameters: Vec<Value> = spec.path_parameters().map(|name| path_parameter(name, spec)).collect();
    if let Some(collection) = spec.collection {
        parameters.extend(paging(collection, settings));
        parameters.extend(filter(collection));
        parameters.extend(sort(collection));
    }
    for (name, description) in spec.query {
        parameters.push(json!({ "name": name, "in": "query", "description": description, "schema": { "type": "string" } }));
    }
    let mut responses = Map::new();
    for status in statuses(spec) {
        let response =
            if status == spec.reply.status { success(spec, reply.clone()) } else { failure(spec, status) };
        responses.insert(status.to_string(), response);
    }
    let mut security: Vec<Value> = CredentialKind::ALL
        .into_iter()
        .filter(|kind| spec.callers.contains(*kind))
        .map(|kind| json!({ kind.scheme(): [] }))
        .collect();
    if spec.open {
        security.push(json!({}));
    }
    if spec.own_key {
        security.push(json!({ OWN_KEY: [] }));
    }
    let mut operation = json!({
        "operationId": spec.id,
        "tags": [spec.tag],
        "summary": spec.summary,
        "description": format!("{}\n\n{}", spec.description, who(spec)).trim().to_owned(),
        "security": security,
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some((name, schema)) = spec.body {
        let content_type = if spec.form { "application/x-www-form-urlencoded" } else { "application/json" };
        operation["requestBody"] = json!({
            "required": schema().get("required").is_some(),
            "content": { content_type: { "schema": { "$ref": format!("#/components/schemas/{name}") } } },
        });
    }
    operation["responses"] = responses.into();
    operation
}

/// Who may call it, in words.
fn who(spec: &Spec) -> String {
    match spec.rule {
        Rule::Public if spec.portal => "At a portal's own host. Needs no credential.".to_owned(),
        Rule::Developer => "At a portal's own host, for its approved developers.".to_owned(),
        Rule::Public if spec.own_key => "For whoever has a key of the provider's bridge.".to_owned(),
        Rule::Public => "Needs no credential.".to_owned(),
        Rule::Member => "For every member of the organization.".to_owned(),
        Rule::SelfOnly => "For the user alone.".to_owned(),
        Rule::Platform => "For platform services with a client token.".to_owned(),
        Rule::Needs(need) => {
            format!("Needs `{}` on `{}` (smallest role: {}).", need.action.name(), need.path, need.role)
        }
        Rule::NeedsSome(need) => {
            format!(
                "Shows what the caller has `{}` on, of `{}` (smallest role: {}).",
                need.action.name(),
                need.path,
                need.role
            )
        }
        Rule::SelfOr(need) => {
            format!(
                "For the user itself, or with `{}` on `{}` (smallest role: {}).",
                need.action.name(),
                need.path,
                need.role
            )
        }
        Rule::AccountOr(need) => {
            format!(
                "For the system account itself, or with `{}` on `{}` (smallest role: {}).",
                need.action.name(),
                need.path,
                need.role
            )
        }
    }
}

fn path_parameter(name: &str, spec: &Spec) -> Value {
    let named = spec.named_last && spec.path_parameters().last() == Some(name);
    let schema = if spec.plain_ids || named {
        json!({ "type": "string" })
    } else {
        json!({ "type": "string", "format": "uuid" })
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

fn paging(collection: &Collection, settings: &Settings) -> Vec<Value> {
    let limits = collection.limits(settings.page_limits);
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "description": description, "allowEmptyValue": true, "schema": schema });
    let size = query(
        "page[size]",
        "How many objects a page holds.",
        json!({ "type": "integer", "minimum": 1, "maximum": limits.max_size, "default": limits.default_size }),
    );
    match collection.paging {
        PageStyle::Whole => vec![],
        PageStyle::Number => {
            let number = query(
                "page[number]",
                "Which page, from 1.",
                json!({ "type": "integer", "minimum": 1, "default": 1 }),
            );
            vec![size, number]
        }
        PageStyle::Cursor => vec![
            size,
            query("page[after]", "A cursor: the page behind it.", json!({ "type": "string" })),
            query("page[before]", "A cursor: the page in front of it.", json!({ "type": "string" })),
        ],
    }
}

fn filter(collection: &Collection) -> Option<Value> {
    let fields = collection.fields.iter().filter(|field| field.filterable);
    let properties: Map<String, Value> =
        fields.map(|field| (field.name.to_owned(), conditions(field))).collect();
    if properties.is_empty() {
        return None;
    }
    Some(json!({
        "name": "filter", "in": "query", "style": "deepObject", "explode": true,
        "description": "Conditions that must all hold: `filter[field]=value`, `filter[field][operator]=value`, or `filter[field]` for \"is there\".",
        "schema": { "type": "object", "properties": properties, "additionalProperties": false },
    }))
}

fn conditions(field: &Field) -> Value {
    let plain = match field.kind {
        Kind::Text | Kind::Labels => json!({ "type": "string" }),
        Kind::Id => json!({ "type": "string", "format": "uuid" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Int => json!({ "type": "integer" }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
    };
    let operators: Map<String, Value> = field
        .ops
        .names()
        .map(|name| {
            let schema = match name {
                "exists" => json!({ "type": "boolean" }),
                "contains" | "ocontains" | "oeq" => json!({ "type": "string" }),
                _ => plain.clone(),
            };
            (name.to_owned(), schema)
        })
        .collect();
    if operators.is_empty() {
        return plain;
    }
    let object = json!({ "type": "object", "properties": operators, "additionalProperties": false });
    let either = json!({ "anyOf": [plain, object] });
    if field.kind == Kind::Labels {
        json!({ "type": "object", "additionalProperties": either })
    } else {
        either
    }
}

fn sort(collection: &Collection) -> Option<Value> {
    let names: Vec<&str> =
        collection.fields.iter().filter(|field| field.sortable).map(|field| field.name).collect();
    (!names.is_empty()).then(|| {
        json!({
            "name": "sort", "in": "query", "schema": { "type": "string" },
            "description": format!("Comma-separated attributes, each with ` asc` or ` desc`: {}.", names.join(", ")),
        })
    })
}

fn success(spec: &Spec, schema: Option<Value>) -> Value {
    match schema {
        Some(schema) => {
            json!({ "description": "Done.", "content": { spec.reply.content_type: { "schema": schema } } })
        }
        None => json!({ "description": "Done; no body." }),
    }
}

fn failure(spec: &Spec, status: u16) -> Value {
    let (description, schema) = match status {
        400 => ("Something in the request is wrong; every bad parameter is named.", "InvalidProblem"),
        401 => ("No valid credential.", "Problem"),
        403 => ("Not allowed.", "Problem"),
        404 => ("No such thing in this organization.", "Problem"),
        410 => ("It was there, and is there no more.", "Problem"),
        409 => ("The state of things forbids it.", "Problem"),
        412 => ("Something must be set up first.", "Problem"),
        413 => ("The body is too large.", "Problem"),
        415 => ("The body is not JSON.", "Problem"),
        429 => ("Too often; `Retry-After` says when to try again.", "Problem"),
        _ => ("The server cannot do it now; try again.", "Problem"),
    };
    let (content_type, schema) = match spec.family {
        Family::OAuth => ("application/json", "OAuthError"),
        Family::Identity | Family::Platform => ("application/problem+json", schema),
    };
    json!({
        "description": description,
        "content": { content_type: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } },
    })
}

fn problems() -> Map<String, Value> {
    let base = json!({
        "status": { "type": "integer", "description": "The HTTP status." },
        "title": { "type": "string", "description": "What kind of problem." },
        "instance": { "type": "string", "description": "The trace id, also in the log." },
        "detail": { "type": "string", "description": "What went wrong; may be empty." },
    });
    let required = json!(["status", "title", "instance", "detail"]);
    let mut invalid = base.clone();
    invalid["invalid_parameters"] = json!({
        "type": "array", "minItems": 1,
        "items": { "$ref": "#/components/schemas/InvalidParameter" },
    });
    let parameter = json!({
        "type": "object", "required": ["field", "reason"],
        "properties": {
            "field": { "type": "string", "description": "The parameter, dotted when nested." },
            "rule": { "type": "string", "description": "The rule that it breaks." },
            "reason": { "type": "string", "description": "The same in words." },
            "source": { "type": "string", "enum": ["body", "query", "path"] },
            "minimum": { "type": "integer" },
            "maximum": { "type": "integer" },
            "choices": { "type": "array", "minItems": 1, "items": {} },
            "dependents": { "type": "array", "items": {} },
        },
        "additionalProperties": false,
    });
    let oauth = json!({
        "type": "object", "required": ["error"],
        "properties": {
            "error": { "type": "string", "description": "The code (RFC 6749 section 5.2)." },
            "error_description": { "type": "string", "description": "The same in words." },
        },
    });
    let all = json!(["status", "title", "instance", "detail", "invalid_parameters"]);
    Map::from_iter([
        ("Problem".to_owned(), json!({ "type": "object", "required": required, "properties": base })),
        ("InvalidProblem".to_owned(), json!({ "type": "object", "required": all, "properties": invalid })),
        ("InvalidParameter".to_owned(), parameter),
        ("OAuthError".to_owned(), oauth),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_may_stand_in_two_places() {
        let mut schemas = Map::new();
        add(&mut schemas, "Team", json!({ "type": "object" }));
        add(&mut schemas, "Team", json!({ "type": "object" }));
        assert_eq!(schemas.len(), 1);
    }

    #[test]
    #[should_panic(expected = "two shapes are called [Team]")]
    fn one_name_has_one_shape() {
        let mut schemas = Map::new();
        add(&mut schemas, "Team", json!({ "type": "object" }));
        add(&mut schemas, "Team", json!({ "type": "array" }));
    }
}
