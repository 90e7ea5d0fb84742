//! Reads schemas of OpenAPI 3.0 and 3.1 into shapes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::shape::{Form, Kind, Shape};

/// The formats of strings that constrain the text. Others are hints, and those of numbers are
/// the business of a programming language.
const FORMATS: [&str; 4] = ["uuid", "date-time", "email", "uri"];

/// How the contract says "not empty". It is read as a minimal length of one, so that saying it
/// in either way compares equal.
const NOT_EMPTY: &str = r"^[\w \W]+$";

/// What describes but does not constrain.
const ANNOTATIONS: [&str; 14] = [
    "$comment",
    "$id",
    "$schema",
    "default",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "externalDocs",
    "readOnly",
    "title",
    "writeOnly",
    "xml",
];

/// What is read.
const CONSTRAINTS: [&str; 19] = [
    "additionalProperties",
    "const",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "required",
    "type",
    "uniqueItems",
];

/// Who sends the value that a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client, in the path or in the query.
    Parameter,
    /// The client, in a body.
    Request,
    /// The server, in a body.
    Response,
}

impl Side {
    /// The mark of properties that do not take part on this side.
    fn hidden(self) -> Option<&'static str> {
        match self {
            Self::Parameter => None,
            Self::Request => Some("readOnly"),
            Self::Response => Some("writeOnly"),
        }
    }
}

/// Reads the schemas of one document.
pub struct Reader<'a> {
    document: &'a Value,
    side: Side,
    /// The keywords that were met and not understood. Nobody may take their silence for consent.
    pub unread: BTreeSet<String>,
}

/// One alternative of a schema, without references and compositions.
struct Flat {
    schema: Map<String, Value>,
    /// The references on the way here, so that recursion ends.
    trail: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader for what one side sends.
    pub fn new(document: &'a Value, side: Side) -> Self {
        Self { document, side, unread: BTreeSet::new() }
    }

    /// The shape that a schema describes.
    pub fn shape(&mut self, schema: &Value) -> Shape {
        self.nested(schema, &[])
    }

    fn nested(&mut self, schema: &Value, trail: &[String]) -> Shape {
        let flats = self.flatten(schema, trail);
        self.collect(flats)
    }

    /// The shape of a property, unless it does not take part on this side.
    fn property(&mut self, schema: &Value, trail: &[String]) -> Option<Shape> {
        let flats = self.flatten(schema, trail);
        let marked = |mark| flats.iter().any(|it| it.schema.get(mark) == Some(&json!(true)));
        let hidden = self.side.hidden().is_some_and(marked);
        (!hidden).then(|| self.collect(flats))
    }

    fn collect(&mut self, flats: Vec<Flat>) -> Shape {
        let mut shape = Shape { nullable: false, forms: Vec::new() };
        for flat in flats {
            self.add(&mut shape, &flat);
        }
        shape.tidy();
        shape
    }

    /// Resolves references and compositions into alternatives.
    fn flatten(&mut self, schema: &Value, trail: &[String]) -> Vec<Flat> {
        let mut flats = vec![Flat { schema: Map::new(), trail: trail.to_vec() }];
        let Some(schema) = schema.as_object() else {
            if schema != &json!(true) {
                self.unread.insert(schema.to_string());
            }
            return flats;
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str)
            && !trail.iter().any(|it| it == reference)
        {
            match resolve(self.document, reference) {
                None => drop(self.unread.insert(format!("$ref {reference}"))),
                Some(target) => {
                    let trail = [trail, &[reference.to_owned()]].concat();
                    flats = cross(flats, &self.flatten(target, &trail));
                }
            }
        }
        for part in list(schema, "allOf") {
            flats = cross(flats, &self.flatten(part, trail));
        }
        for choice in ["oneOf", "anyOf"] {
            let mut alternatives = Vec::new();
            for part in list(schema, choice) {
                alternatives.extend(self.flatten(part, trail));
            }
            if !alternatives.is_empty() {
                flats = cross(flats, &alternatives);
            }
        }
        let mut own = schema.clone();
        own.retain(|key, _| !["$ref", "allOf", "oneOf", "anyOf"].contains(&key.as_str()));
        // Said beside compositions, whose properties count, which by now are all in one place.
        if own.get("unevaluatedProperties") == Some(&json!(false)) {
            own.remove("unevaluatedProperties");
            own.insert("additionalProperties".to_owned(), json!(false));
        }
        if own.contains_key("properties") && !own.contains_key("type") {
            own.insert("type".to_owned(), json!("object"));
        }
        flats.iter_mut().for_each(|it| merge(&mut it.schema, &own));
        flats
    }

    /// Adds an alternative to a shape.
    fn add(&mut self, shape: &mut Shape, flat: &Flat) {
        let schema = &flat.schema;
        let unread = schema.keys().filter(|key| {
            let key = key.as_str();
            !ANNOTATIONS.contains(&key) && !CONSTRAINTS.contains(&key) && !key.starts_with("x-")
        });
        self.unread.extend(unread.cloned());

        let constant = schema.get("const").map(std::slice::from_ref);
        let values = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice).or(constant);
        let names = types(schema);
        let mut kinds: Vec<Kind> = names.iter().filter_map(|name| Kind::named(name)).collect();
        if names.is_empty() {
            match values {
                Some(values) => {
                    for kind in values.iter().filter_map(Kind::of) {
                        if !kinds.contains(&kind) {
                            kinds.push(kind);
                        }
                    }
                }
                None if schema.contains_key("items") => kinds.push(Kind::Array),
                None if schema.contains_key("additionalProperties") => kinds.push(Kind::Object),
                None => kinds.push(Kind::Any),
            }
        }
        shape.nullable |= names.contains(&"null")
            || schema.get("nullable") == Some(&json!(true))
            || values.is_some_and(|values| values.contains(&Value::Null));
        for kind in kinds {
            let values = values.map(|values| {
                let values = values.iter().filter(|it| Kind::of(it).is_some_and(|it| kind.holds(it)));
                values.map(Value::to_string).collect()
            });
            let mut form = Form { values, ..Form::of_kind(kind) };
            self.describe(&mut form, flat);
            shape.forms.push(form);
        }
    }

    /// Fills in what a schema says about values of the form's kind.
    fn describe(&mut self, form: &mut Form, flat: &Flat) {
        let Flat { schema, trail } = flat;
        if let Some((least, most)) = form.kind.limits() {
            for name in [least, most] {
                form.limits.extend(schema.get(name).and_then(limit).map(|it| (name, it)));
            }
        }
        match form.kind {
            Kind::String => {
                let text = |key| schema.get(key).and_then(Value::as_str).map(str::to_owned);
                // Some published documents call a URI a URL.
                let format = text("format").map(|it| if it == "url" { "uri".to_owned() } else { it });
                form.format = format.filter(|it| FORMATS.contains(&it.as_str()));
                form.pattern = text("pattern");
                if form.pattern.as_deref() == Some(NOT_EMPTY) {
                    form.pattern = None;
                    let least = form.limits.entry("minLength").or_insert(1);
                    *least = (*least).max(1);
                }
            }
            Kind::Array => {
                form.unique = schema.get("uniqueItems") == Some(&json!(true));
                form.items = schema.get("items").map(|it| Box::new(self.nested(it, trail)));
            }
            Kind::Object => self.describe_object(form, flat),
            Kind::Any | Kind::Integer | Kind::Number | Kind::Boolean => {}
        }
    }

    fn describe_object(&mut self, form: &mut Form, Flat { schema, trail }: &Flat) {
        let required = list(schema, "required").filter_map(Value::as_str);
        form.required = required.map(str::to_owned).collect();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            match self.property(property, trail) {
                None => drop(form.required.remove(name)),
                Some(shape) => drop(form.properties.insert(name.clone(), shape)),
            }
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => form.closed = true,
            Some(rest) => {
                let rest = self.nested(rest, trail);
                form.rest = (!rest.is_any()).then(|| Box::new(rest));
            }
            None => {}
        }
    }
}

/// The value at a `#/...` reference.
pub fn resolve<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    document.pointer(reference.strip_prefix('#')?)
}

fn list<'a>(schema: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn limit(value: &Value) -> Option<i64> {
    let large = || value.as_f64().map(|it| it as i64);
    value.as_i64().or_else(large)
}

/// Every alternative of the one side together with every alternative of the other.
fn cross(left: Vec<Flat>, right: &[Flat]) -> Vec<Flat> {
    let mut flats = Vec::new();
    for one in &left {
        for other in right {
            let mut schema = one.schema.clone();
            merge(&mut schema, &other.schema);
            let mut trail = one.trail.clone();
            trail.extend(other.trail.iter().filter(|it| !one.trail.contains(it)).cloned());
            flats.push(Flat { schema, trail });
        }
    }
    flats
}

/// Narrows `left` by what `right` says.
///
/// Where the two contradict each other in the type, `right` is left out: OpenAPI 3.0 ignores
/// what stands beside a reference, and the contract has such leftovers.
fn merge(left: &mut Map<String, Value>, right: &Map<String, Value>) {
    let (ours, theirs) = (types(left), types(right));
    if !ours.is_empty() && !theirs.is_empty() {
        let common: Vec<&str> = ours.iter().filter(|it| theirs.contains(it)).copied().collect();
        if common.is_empty() {
            return;
        }
        let common = json!(common);
        left.insert("type".to_owned(), common);
    }
    for (key, new) in right {
        let Some(old) = left.get_mut(key) else {
            left.insert(key.clone(), new.clone());
            continue;
        };
        match key.as_str() {
            "properties" => merge_properties(old, new),
            "items" => *old = json!({ "allOf": [old, new] }),
            "additionalProperties" if old.is_object() && new.is_object() => {
                *old = json!({ "allOf": [old, new] })
            }
            "additionalProperties" if new == &json!(false) || old == &json!(true) => *old = new.clone(),
            "required" => {
                if let (Some(old), Some(new)) = (old.as_array_mut(), new.as_array()) {
                    old.extend(new.iter().cloned());
                }
            }
            "enum" => {
                if let (Some(old), Some(new)) = (old.as_array_mut(), new.as_array()) {
                    old.retain(|it| new.contains(it));
                }
            }
            "nullable" | "readOnly" | "writeOnly" | "uniqueItems" => {
                *old = json!(old == &json!(true) || new == &json!(true))
            }
            key if key.starts_with("max") && limit(new) < limit(old) => *old = new.clone(),
            key if key.starts_with("min") && limit(new) > limit(old) => *old = new.clone(),
            _ => {}
        }
    }
}

fn merge_properties(old: &mut Value, new: &Value) {
    let (Some(old), Some(new)) = (old.as_object_mut(), new.as_object()) else { return };
    for (name, schema) in new {
        let merged = match old.get(name) {
            None => schema.clone(),
            Some(known) => json!({ "allOf": [known, schema] }),
        };
        old.insert(name.clone(), merged);
    }
}
