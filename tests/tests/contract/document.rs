//! The facts of an OpenAPI document: what a client can see of each operation, without prose.
//!
//! The facts are written as an OpenAPI document of their own, so that one reader serves for the
//! published documents, for the committed copy and for what the server serves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    schema::{Reader, Side, resolve},
    shape::{Shape, sorted},
};

/// The shape of a body by its content type.
pub type Content = BTreeMap<String, Shape>;

/// Everything that the comparison knows of a document.
#[derive(Debug, PartialEq)]
pub struct Facts {
    /// The version in the document's head.
    pub version: String,
    /// The operations by their ids.
    pub operations: BTreeMap<String, Operation>,
}

/// One operation.
#[derive(Debug, PartialEq)]
pub struct Operation {
    /// The HTTP method, in lower case.
    pub method: String,
    /// The path template, from the root of the host.
    pub path: String,
    /// Parameters by where they are (`path` or `query`) and by their names.
    pub parameters: BTreeMap<(String, String), Parameter>,
    /// The request body, if there may be one.
    pub body: Option<Body>,
    /// Response bodies by status. The bodies of errors are not looked into.
    pub responses: BTreeMap<u16, Content>,
    /// Where a keyword stands that the reader does not know.
    pub unread: BTreeSet<String>,
}

/// A parameter of an operation.
#[derive(Debug, PartialEq)]
pub struct Parameter {
    /// Whether a request without it is refused.
    pub required: bool,
    /// What it may be.
    pub shape: Shape,
}

/// A request body.
#[derive(Debug, PartialEq)]
pub struct Body {
    /// Whether a request without it is declared to be wrong.
    pub required: bool,
    /// Its forms.
    pub content: Content,
}

impl Facts {
    /// Reads all operations of a document, or those of `only`.
    pub fn read(document: &Value, only: Option<&[&str]>) -> Self {
        let mut operations = BTreeMap::new();
        let prefix = prefix(document);
        for (path, item) in entries(&document["paths"]) {
            for (method, operation) in entries(item) {
                let Some(id) = operation["operationId"].as_str() else { continue };
                if only.is_none_or(|only| only.contains(&id)) {
                    let path = format!("{prefix}{path}");
                    operations
                        .insert(id.to_owned(), Operation::read(document, method, path, item, operation));
                }
            }
        }
        let version = document["info"]["version"].as_str().unwrap_or_default().to_owned();
        Self { version, operations }
    }

    /// Writes the facts as an OpenAPI document.
    pub fn to_json(&self) -> Value {
        let mut paths = BTreeMap::<&str, BTreeMap<&str, Value>>::new();
        for (id, operation) in &self.operations {
            paths.entry(&operation.path).or_default().insert(&operation.method, operation.to_json(id));
        }
        let paths = paths.into_iter().map(|(path, item)| (path, sorted(item))).collect();
        sorted(BTreeMap::from([
            ("info", json!({ "version": self.version })),
            ("openapi", json!("3.1.0")),
            ("paths", sorted(paths)),
        ]))
    }
}

impl Operation {
    fn read(document: &Value, method: &str, path: String, item: &Value, operation: &Value) -> Self {
        let mut unread = BTreeSet::new();
        let mut parameters = BTreeMap::new();
        // The operation's own parameters come last, because they replace those of the path.
        for parameter in items(&item["parameters"]).chain(items(&operation["parameters"])) {
            let parameter = follow(document, parameter);
            let (Some(place), Some(name)) = (parameter["in"].as_str(), parameter["name"].as_str()) else {
                continue;
            };
            let mut reader = Reader::new(document, Side::Parameter);
            let shape = reader.shape(&parameter["schema"]);
            unread.extend(reader.unread.iter().map(|keyword| format!("{place}/{name}#{keyword}")));
            let required = parameter["required"] == json!(true);
            parameters.insert((place.to_owned(), name.to_owned()), Parameter { required, shape });
        }

        let mut content = |side, body: &Value, at: &str| {
            let mut content = Content::new();
            for (media_type, media) in entries(&body["content"]) {
                let mut reader = Reader::new(document, side);
                let shape = media.get("schema").map_or_else(Shape::any, |it| reader.shape(it));
                unread.extend(reader.unread.iter().map(|keyword| format!("{at}#{keyword}")));
                content.insert(media_type.clone(), shape);
            }
            content
        };
        let body = operation.get("requestBody").map(|body| {
            let body = follow(document, body);
            Body {
                required: body["required"] == json!(true),
                content: content(Side::Request, body, "request"),
            }
        });
        let mut responses = BTreeMap::new();
        for (status, response) in entries(&operation["responses"]) {
            // `default` and ranges promise nothing that could be compared.
            let Ok(status) = status.parse::<u16>() else { continue };
            let response = follow(document, response);
            let shapes = if status < 400 {
                content(Side::Response, response, &format!("responses/{status}"))
            } else {
                entries(&response["content"])
                    .map(|(media_type, _)| (media_type.clone(), Shape::any()))
                    .collect()
            };
            responses.insert(status, shapes);
        }
        Self { method: method.to_owned(), path, parameters, body, responses, unread }
    }

    fn to_json(&self, id: &str) -> Value {
        let parameters = self.parameters.iter().map(|((place, name), parameter)| {
            sorted(BTreeMap::from([
                ("in", json!(place)),
                ("name", json!(name)),
                ("required", json!(parameter.required)),
                ("schema", parameter.shape.to_json()),
            ]))
        });
        let content = |content: &Content| {
            let media = |shape: &Shape| match shape.is_any() {
                true => json!({}),
                false => json!({ "schema": shape.to_json() }),
            };
            sorted(content.iter().map(|(name, shape)| (name.as_str(), media(shape))).collect())
        };
        let responses = self.responses.iter().map(|(status, it)| match it.is_empty() {
            true => (status.to_string(), json!({})),
            false => (status.to_string(), json!({ "content": content(it) })),
        });
        let mut map = BTreeMap::from([
            ("operationId", json!(id)),
            ("parameters", Value::Array(parameters.collect())),
            ("responses", Value::Object(responses.collect())),
        ]);
        map.extend(self.body.as_ref().map(|body| {
            let content = ("content", content(&body.content));
            ("requestBody", sorted(BTreeMap::from([content, ("required", json!(body.required))])))
        }));
        sorted(map)
    }
}

/// The path of the first server, which the paths of a document are relative to.
fn prefix(document: &Value) -> String {
    let url = document["servers"][0]["url"].as_str().unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    path.trim_end_matches('/').to_owned()
}

/// The object that a reference between the parts of a document means, or the object itself.
fn follow<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        None => value,
        Some(reference) => {
            resolve(document, reference).unwrap_or_else(|| panic!("nothing is at {reference}"))
        }
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
