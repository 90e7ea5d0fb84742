//! Good bodies, spoiled in one place each: what the schema of a body says a field must be, turned into
//! everything that it must not be.

use serde_json::{Map, Value, json};

/// A body that is wrong in one place.
pub struct Spoiled {
    /// What is wrong.
    pub what: String,
    /// The field that has to be complained of.
    pub field: String,
    /// The rule that has to be named, where the schema says so.
    pub rule: Option<&'static str>,
    /// The body.
    pub body: Value,
}

/// Spoils a body in every place that its schema describes.
pub fn spoil(schema: &Value, good: &Value) -> Vec<Spoiled> {
    let mut all = Vec::new();
    object(form(schema, good), good, &Place { field: String::new(), rebuild: &|value| value }, &mut all);
    all
}

/// The form that a good value has, of a schema with several: the words that tell forms apart fit, and so do
/// the names; if several have them all, it is the smallest.
fn form<'s>(schema: &'s Value, good: &Value) -> &'s Value {
    let exclusive = |form: &Value| form.get("properties").is_none();
    let Some(forms) = ["oneOf", "anyOf"].iter().find_map(|it| schema[*it].as_array()) else { return schema };
    if forms.iter().any(exclusive) {
        return schema;
    }
    let fits = |form: &&Value| {
        good.as_object().into_iter().flatten().all(|(name, value)| {
            let known = form["properties"].get(name);
            known.is_some_and(|it| it["enum"].as_array().is_none_or(|words| words.contains(value)))
        })
    };
    let size = |form: &&Value| form["properties"].as_object().map(Map::len);
    forms.iter().filter(fits).min_by_key(size).expect("a good value has one of the forms")
}

/// A place in the body: its name, and how the body looks with something else there.
struct Place<'p> {
    field: String,
    rebuild: &'p dyn Fn(Value) -> Value,
}

impl Place<'_> {
    fn inner(&self, name: &str) -> String {
        if self.field.is_empty() { name.to_owned() } else { format!("{}.{name}", self.field) }
    }

    fn spoiled(&self, what: &str, rule: Option<&'static str>, value: Value) -> Spoiled {
        self.spoiled_in(&self.field, what, rule, value)
    }

    fn spoiled_in(&self, field: &str, what: &str, rule: Option<&'static str>, value: Value) -> Spoiled {
        Spoiled {
            what: format!("{field} is {what}"),
            field: field.to_owned(),
            rule,
            body: (self.rebuild)(value),
        }
    }
}

fn object(schema: &Value, good: &Value, place: &Place<'_>, all: &mut Vec<Spoiled>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let fields = good.as_object().cloned().unwrap_or_default();
    let with = |name: &str, value: Value| {
        let mut fields = fields.clone();
        fields.insert(name.to_owned(), value);
        (place.rebuild)(Value::Object(fields))
    };
    // Of fields that exclude each other only the one that the good body has can be wrong alone.
    let exclusive: Vec<&str> = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it["required"][0].as_str())
        .collect();
    for (name, schema) in properties {
        if exclusive.contains(&name.as_str()) && !fields.contains_key(name) {
            continue;
        }
        let rebuild = |value| with(name, value);
        let here = Place { field: place.inner(name), rebuild: &rebuild };
        value(schema, fields.get(name), &here, all);
    }
    for name in schema_list(schema, "required") {
        let field = place.inner(&name);
        all.push(Spoiled {
            what: format!("{field} is null"),
            field: field.clone(),
            rule: Some("required"),
            body: with(&name, Value::Null),
        });
        let mut without = fields.clone();
        without.remove(&name);
        all.push(Spoiled {
            what: format!("{field} is missing"),
            field,
            rule: Some("required"),
            body: (place.rebuild)(Value::Object(without)),
        });
    }
    if schema["additionalProperties"] == json!(false) {
        let field = place.inner("surprise");
        all.push(Spoiled {
            what: format!("{field} is there"),
            field,
            rule: Some("unknown_property"),
            body: with("surprise", json!(1)),
        });
    }
}

fn schema_list(schema: &Value, name: &str) -> Vec<String> {
    schema[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn value(schema: &Value, good: Option<&Value>, place: &Place<'_>, all: &mut Vec<Spoiled>) {
    let schema = form(schema, good.unwrap_or(&json!({})));
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.clone()],
        _ => schema_list(schema, "type"),
    };
    let is = |kind: &str| kinds.iter().any(|it| it == kind);
    for (what, kind, other) in [
        ("a string", "string", json!("x")),
        ("a number", "number", json!(7.5)),
        ("an integer", "integer", json!(7)),
        ("a negative integer", "integer", json!(-1)),
        ("an integer beyond 64 bits", "", json!(1e30)),
        ("a boolean", "boolean", json!(true)),
        ("an array", "array", json!([])),
        ("an object", "object", json!({})),
    ] {
        if !is(kind) {
            all.push(place.spoiled(what, None, other));
        }
    }
    if is("string") {
        text(schema, place, all);
    }
    if is("integer") {
        integer(schema, place, all);
    }
    if is("array") {
        array(schema, good, place, all);
    }
    if is("object") && schema["additionalProperties"]["properties"].is_object() {
        keyed(&schema["additionalProperties"], good.unwrap_or(&json!({})), place, all);
    } else if is("object") && schema["additionalProperties"].is_object() {
        labels(place, all);
    }
    if is("object") && schema["properties"].is_object() {
        object(schema, good.unwrap_or(&json!({})), place, all);
    }
}

fn text(schema: &Value, place: &Place<'_>, all: &mut Vec<Spoiled>) {
    let format = schema["format"].as_str();
    let misfits: &[&str] = match format {
        Some("uuid") => {
            &["", "x", "7f9fd312a9874628b4c5bb4f4fddd5f7", "{7f9fd312-a987-4628-b4c5-bb4f4fddd5f7}", "*"]
        }
        Some("date-time") => &[
            "",
            "yesterday",
            "2030-01-01",
            "2030-01-01T00:00:00",
            "2030-01-01 00:00:00Z",
            "2030-02-30T00:00:00Z",
            "1893456000",
        ],
        Some("email") => {
            &["", "nobody", "@acme.test", "ann@", "a@b@c", "ann @acme.test", "ann@acme.test\r\nBcc: x@y.test"]
        }
        Some("uri") => &[
            "",
            "nowhere",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://a b.test",
            "https://u:p@acme.test",
            "https://acme.test\\.evil.test",
        ],
        _ => &[],
    };
    for misfit in misfits {
        all.push(place.spoiled(&format!("{misfit:?}"), None, json!(misfit)));
    }
    if schema["enum"].is_array() {
        all.push(place.spoiled("no word of the list", Some("enum"), json!("nonsense")));
        all.push(place.spoiled("a word in capitals", None, json!("OIDC")));
    }
    if schema["minLength"].as_u64().is_some_and(|least| least > 0) {
        all.push(place.spoiled("empty", Some("min_length"), json!("")));
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        let most = usize::try_from(most).expect("a length");
        let (long, rule) = match format {
            Some("uri") => (format!("https://acme.test/{}", "a".repeat(most)), Some("max_length")),
            Some("email") => (format!("{}@acme.test", "a".repeat(most)), None),
            _ => ("a".repeat(most + 1), Some("max_length")),
        };
        all.push(place.spoiled("too long", rule, json!(long)));
        if format.is_none() && most <= 1000 {
            // Characters count, not bytes; and a million of them are read like any other.
            all.push(place.spoiled("a million characters", None, json!("ä".repeat(500_000))));
        }
    }
    // The contract's names match anything.
    if schema["pattern"].as_str().is_some_and(|pattern| pattern != r"^[\w \W]+$") {
        let least = usize::try_from(schema["minLength"].as_u64().unwrap_or(0)).expect("a length");
        // Fit for a header, or for a name.
        let misfits: &[&str] = match schema["pattern"].as_str() {
            Some("^[!-~]+$") => &["a b", "a\tb", "a\r\nb", "\u{e4}", "\u{7f}"],
            Some(r"^[\w-]+$") => &["a/b", "a.b", " ab", "a b", "ab\n", "\u{e4}b"],
            _ => &["a/b", "-ab", "ab-", " ab"],
        };
        for misfit in misfits {
            let misfit = format!("{misfit:a<least$}");
            all.push(place.spoiled(&format!("{misfit:?}"), Some("matches_regex"), json!(misfit)));
        }
    }
}

fn integer(schema: &Value, place: &Place<'_>, all: &mut Vec<Spoiled>) {
    if let Some(least) = schema["minimum"].as_i64() {
        all.push(place.spoiled("too small", Some("min"), json!(least - 1)));
        all.push(place.spoiled("the smallest that there is", Some("min"), json!(i64::MIN)));
    }
    if let Some(most) = schema["maximum"].as_i64() {
        all.push(place.spoiled("too large", Some("max"), json!(most + 1)));
        all.push(place.spoiled("the largest that there is", None, json!(u64::MAX)));
    }
}

fn array(schema: &Value, good: Option<&Value>, place: &Place<'_>, all: &mut Vec<Spoiled>) {
    let items: Vec<Value> = good.and_then(Value::as_array).cloned().unwrap_or_default();
    if schema["minItems"].as_u64().is_some_and(|least| least > 0) {
        all.push(place.spoiled("empty", Some("min_items"), json!([])));
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        let many: Vec<String> = (0..=most).map(|n| format!("{n}")).collect();
        all.push(place.spoiled("too long", Some("max_items"), json!(many)));
    }
    let Some(first) = items.first() else { return };
    if schema["uniqueItems"] == json!(true) {
        let mut twice = items.clone();
        twice.push(first.clone());
        let field = place.inner(&items.len().to_string());
        all.push(place.spoiled_in(&field, "there already", None, json!(twice)));
    }
    let rebuild = |item: Value| {
        let mut items = items.clone();
        items[0] = item;
        (place.rebuild)(Value::Array(items))
    };
    let here = Place { field: place.inner("0"), rebuild: &rebuild };
    value(&schema["items"], Some(first), &here, all);
}

/// Objects by their ids: what is wrong with an id, and with an object.
fn keyed(schema: &Value, good: &Value, place: &Place<'_>, all: &mut Vec<Spoiled>) {
    let objects = good.as_object().cloned().unwrap_or_default();
    for (name, one) in &objects {
        let rebuild = |value| {
            let mut objects = objects.clone();
            objects.insert(name.clone(), value);
            (place.rebuild)(Value::Object(objects))
        };
        value(schema, Some(one), &Place { field: place.inner(name), rebuild: &rebuild }, all);
        for key in ["", "x", "7f9fd312a9874628b4c5bb4f4fddd5f7", "*"] {
            let mut objects = objects.clone();
            objects.insert(key.to_owned(), one.clone());
            all.push(Spoiled {
                what: format!("an id of {} is {key:?}", place.field),
                field: place.inner(key),
                rule: Some("is_uuid"),
                body: (place.rebuild)(Value::Object(objects)),
            });
        }
    }
}

fn labels(place: &Place<'_>, all: &mut Vec<Spoiled>) {
    let many: Map<String, Value> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    all.push(place.spoiled("51 labels", Some("max_items"), Value::Object(many)));
    let long = "k".repeat(64);
    let longer = "k".repeat(100_000);
    for key in [
        "kong",
        "kong-x",
        "konnect.y",
        "meshed",
        "kic",
        "_x",
        "",
        "-a",
        "a-",
        "a b",
        "ä",
        "a/b",
        &long,
        &longer,
    ] {
        let shown: String = key.chars().take(80).collect();
        let field = place.inner(&shown);
        all.push(place.spoiled_in(&field, "a label", Some("is_label"), json!({ key: "v" })));
    }
    let field = place.inner("env");
    for (what, value) in [
        ("empty", json!("")),
        ("64 characters", json!("v".repeat(64))),
        ("a million characters", json!("v".repeat(1_000_000))),
        ("\"-v\"", json!("-v")),
        ("\"v.\"", json!("v.")),
        ("\"a b\"", json!("a b")),
        ("\"ä\"", json!("ä")),
        ("a number", json!(7)),
        ("a boolean", json!(true)),
        ("an array", json!(["v"])),
        ("an object", json!({ "v": "v" })),
    ] {
        all.push(place.spoiled_in(&field, what, None, json!({ "env": value })));
    }
}
