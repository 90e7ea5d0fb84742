//! The comparison on the whole contract: the contract keeps itself, and whatever is taken away
//! from it somewhere is missed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{compare::compare, document::Facts, published::DOCUMENTS};

#[test]
fn the_contract_keeps_itself() {
    for document in &DOCUMENTS {
        assert_eq!(compare(&document.committed(), &document.committed()), []);
    }
}

/// A document for each operation.
fn operations() -> BTreeMap<String, Value> {
    let mut operations = BTreeMap::new();
    for document in &DOCUMENTS {
        let mut document = document.committed_json();
        for (path, item) in document["paths"].as_object_mut().expect("there are paths") {
            for (method, operation) in item.as_object_mut().expect("a path has operations") {
                let id = operation["operationId"].as_str().expect("an operation has an id").to_owned();
                operations.insert(id, json!({ "paths": { path: { method: operation.take() } } }));
            }
        }
    }
    operations
}

/// The pointers of all values for which `wanted` holds, given the pointer and the value.
fn pointers(value: &Value, at: &str, wanted: &dyn Fn(&str, &Value) -> bool, found: &mut Vec<String>) {
    let mut visit = |key: &str, value: &Value| {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        if wanted(&at, value) {
            found.push(at.clone());
        }
        pointers(value, &at, wanted, found);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| visit(key, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, it)| visit(&index.to_string(), it)),
        _ => {}
    }
}

/// Forms of a body that another form stands for: what only they say nobody can miss. A change of a client's
/// id and secret is one whoever it is of, and part of the change of an Auth0 provider.
fn has_a_double(id: &str, at: &str) -> bool {
    id == "update-dcr-provider" && ["1", "2"].iter().any(|n| at.contains(&format!("/dcr_config/anyOf/{n}/")))
}

/// Replaces every wanted value of every operation by each of its spoiled versions in turn. Each
/// must be found.
fn sweep(wanted: impl Fn(&str, &Value) -> bool, spoil: impl Fn(&Value) -> Vec<Value>) {
    let mut tried = 0;
    for (id, document) in operations() {
        let contract = Facts::read(&document, None);
        let mut places = Vec::new();
        pointers(&document, "", &wanted, &mut places);
        for place in places.into_iter().filter(|place| !has_a_double(&id, place)) {
            let mut served = document.clone();
            for spoiled in spoil(document.pointer(&place).expect("it is there")) {
                let line = format!("{id}: nobody missed {place} as {spoiled}");
                *served.pointer_mut(&place).expect("it is there") = spoiled;
                assert!(!compare(&contract, &Facts::read(&served, None)).is_empty(), "{line}");
                tried += 1;
            }
        }
    }
    println!("{tried} spoiled versions were found");
    assert!(tried > 0, "there was nothing to spoil");
}

/// The value without one of its entries, for each of them.
fn without_one(value: &Value) -> Vec<Value> {
    let mut fewer = Vec::new();
    for key in value.as_object().into_iter().flatten().map(|(key, _)| key) {
        let mut value = value.clone();
        value.as_object_mut().expect("it is an object").remove(key);
        fewer.push(value);
    }
    for index in 0..value.as_array().map_or(0, Vec::len) {
        let mut value = value.clone();
        value.as_array_mut().expect("it is an array").remove(index);
        fewer.push(value);
    }
    fewer
}

/// Whether the pointer leads into what a client sends. Filters do not count: of them only the
/// fields and the operators are compared.
fn sent(at: &str) -> bool {
    at.contains("/requestBody/") || (at.contains("/parameters/") && !filtered(at))
}

fn filtered(at: &str) -> bool {
    at.contains("/parameters/") && at.contains("/schema/properties/")
}

fn answered(at: &str) -> bool {
    at.contains("/responses/")
}

fn is(at: &str, key: &str) -> bool {
    at.rsplit('/').next() == Some(key)
}

#[test]
fn every_missing_part_is_missed() {
    sweep(|at, it| is(at, "properties") && it.is_object(), without_one);
    sweep(|at, it| is(at, "required") && it.is_array() && !filtered(at), without_one);
    sweep(|at, it| is(at, "responses") && it.is_object(), without_one);
    sweep(|at, it| is(at, "parameters") && it.is_array(), without_one);
    sweep(|at, it| is(at, "enum") && it.is_array() && sent(at), without_one);
}

#[test]
fn every_other_type_is_missed() {
    let typed = |at: &str, it: &Value| is(at, "type") && (it.is_string() || it.is_array());
    let other = |it: &Value| vec![if it == "boolean" { json!("string") } else { json!("boolean") }];
    sweep(|at, it| typed(at, it) && (sent(at) || answered(at)), other);
    let nulled = |it: &Value| vec![json!([it, "null"])];
    sweep(|at, it| typed(at, it) && it.is_string() && answered(at), nulled);
    sweep(|at, it| is(at, "type") && it.is_array() && sent(at), |it| vec![it[0].clone()]);
    let formatted = |at: &str, it: &Value| is(at, "format") && it.is_string() && (sent(at) || answered(at));
    sweep(formatted, |it| vec![if it == "email" { json!("uri") } else { json!("email") }]);
}

#[test]
fn every_other_limit_is_missed() {
    let opened = |at: &str, it: &Value| {
        is(at, "additionalProperties") && it == &json!(false) && !at.contains("/parameters/")
    };
    sweep(opened, |_| vec![json!(true)]);
    let least = |at: &str| ["minLength", "minItems", "minimum", "minProperties"].iter().any(|it| is(at, it));
    let most = |at: &str| ["maxLength", "maxItems", "maximum", "maxProperties"].iter().any(|it| is(at, it));
    let number = |it: &Value| it.as_i64().expect("a limit is a number");
    sweep(|at, _| least(at) && sent(at), |it| vec![json!(number(it) + 1)]);
    sweep(|at, _| most(at) && sent(at), |it| vec![json!(number(it) - 1)]);
    let known = |at: &str, it: &Value| is(at, "enum") && it.is_array() && answered(at);
    sweep(known, |it| vec![json!([it[0], "news"]), json!(null)]);
}
