//! Holds every reply against what the OpenAPI document declares of its operation.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::Answer;

/// What is declared, ready for checking.
pub struct Conformance {
    /// By method and path segments; a segment that is `None` stands for any.
    operations: Vec<(Method, Vec<Option<String>>, Operation)>,
}

struct Operation {
    id: String,
    /// By status: the content type and the schema of the body, if it has one.
    responses: HashMap<u16, Option<(String, Validator)>>,
}

impl Conformance {
    /// Compiling the schemas takes longer than most tests; all tests of a process share them.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Conformance>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::new(&latchkey::standin_openapi()))))
    }

    /// Reads the document.
    pub fn new(document: &Value) -> Self {
        let mut operations = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let method = method.to_uppercase().parse().expect("a method");
                operations.push((method, segments(path), read(document, operation)));
            }
        }
        // A path without parameters goes before one with them.
        operations.sort_by_key(|(_, path, _)| path.iter().filter(|segment| segment.is_none()).count());
        Self { operations }
    }

    fn find(&self, method: &Method, path: &str) -> Option<&Operation> {
        let given: Vec<&str> = path.split('/').collect();
        let fits = |wanted: &[Option<String>]| {
            wanted.len() == given.len()
                && wanted.iter().zip(&given).all(|(w, g)| w.as_deref().is_none_or(|w| w == *g))
        };
        let found = self.operations.iter().find(|(m, wanted, _)| m == method && fits(wanted));
        found.map(|(_, _, operation)| operation)
    }

    /// Fails the test if the reply is not as declared.
    pub fn check(&self, method: &Method, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap_or_default();
        // Older clients call under `/v2` what is declared under `/v3`.
        let older = path.strip_prefix("/v2/").map(|rest| format!("/v3/{}", rest.trim_end_matches('/')));
        let found = self.find(method, path).or_else(|| self.find(method, older.as_deref()?));
        let Some(operation) = found else { return };
        let status = answer.status.as_u16();
        let Some(declared) = operation.responses.get(&status) else {
            panic!("[{}] answered {status}, which it does not declare: {}", operation.id, answer.text);
        };
        match declared {
            None => assert!(
                answer.text.is_empty() || status == 201,
                "[{}] has a body with {status}: {}",
                operation.id,
                answer.text
            ),
            Some((content_type, validator)) => {
                assert!(
                    answer.header("content-type").starts_with(content_type.as_str()),
                    "[{}] answered {status} as [{}], declared is [{content_type}]",
                    operation.id,
                    answer.header("content-type")
                );
                if content_type.ends_with("json") {
                    let faults: Vec<String> = validator
                        .iter_errors(&answer.body)
                        .map(|fault| format!("{} at {}", fault, fault.instance_path()))
                        .collect();
                    assert!(
                        faults.is_empty(),
                        "[{}] {status}: {}\n{}",
                        operation.id,
                        faults.join("; "),
                        answer.text
                    );
                }
            }
        }
    }
}

fn segments(path: &str) -> Vec<Option<String>> {
    path.split('/').map(|segment| (!segment.starts_with('{')).then(|| segment.to_owned())).collect()
}

fn read(document: &Value, operation: &Value) -> Operation {
    let mut responses = HashMap::new();
    for (status, response) in operation["responses"].as_object().expect("responses") {
        let body = response["content"].as_object().and_then(|content| content.iter().next()).map(
            |(content_type, media)| {
                // References in the schema reach into the document, so the document comes along.
                let schema = json!({ "allOf": [media["schema"]], "components": document["components"] });
                (content_type.clone(), jsonschema::draft202012::new(&schema).expect("a valid schema"))
            },
        );
        responses.insert(status.parse().expect("a status"), body);
    }
    Operation { id: operation["operationId"].as_str().expect("an id").to_owned(), responses }
}
