//! Request bodies. A body is declared once, as a function that reads its fields; run on JSON it
//! yields the value or every fault at once, run on nothing it yields the schema.

mod fields;

use std::marker::PhantomData;

use serde_json::{Map, Value};

pub use fields::{Fields, Form};

use crate::{Invalid, Problem};

/// A request body.
pub trait Body: Sized {
    /// Its name in the OpenAPI document.
    const NAME: &'static str;
    /// Whether a property that is not declared is a fault (`additionalProperties: false`).
    const CLOSED: bool = false;
    /// Reads all fields first, then builds the value, so that one bad field does not hide another.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// A body whose JSON syntax is good and whose fields nobody has looked at yet: existence is checked
/// before fields are, so the rule says when.
pub struct Draft<T> {
    object: Map<String, Value>,
    body: PhantomData<fn() -> T>,
}

impl<T: Body> Draft<T> {
    /// Takes a JSON value, which must be an object.
    pub fn new(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Object(object) => Ok(Self { object, body: PhantomData }),
            _ => Err(Problem::Invalid(vec![Invalid::unreadable("must be a JSON object")])),
        }
    }

    /// Takes an object that stood in a field of another body.
    pub const fn nested(object: Map<String, Value>) -> Self {
        Self { object, body: PhantomData }
    }

    /// Reads the fields; fails with every fault, named as if the object stood in this field.
    pub fn parse_in(&self, field: &str) -> Result<T, Problem> {
        self.parse().map_err(|problem| problem.in_field(field))
    }

    /// What was sent in a field, or with a dotted path in a field of a nested object: for rules that only
    /// hold beside data.
    pub fn at(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let outermost = self.object.get(names.next()?)?;
        names.try_fold(outermost, |value, name| value.get(name))
    }

    /// The same, if it is a text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path)?.as_str()
    }

    /// Reads an object that stands in a field by a body of its own, which depends on data. What is wrong
    /// with it joins the faults that are known so far.
    pub fn inner<U: Body>(&self, path: &str, faults: &mut Vec<Invalid>) -> Option<U> {
        let object = self.at(path)?.as_object()?.clone();
        match Draft::<U>::nested(object).parse_in(path) {
            Ok(inner) => Some(inner),
            Err(Problem::Invalid(mut found)) => {
                faults.append(&mut found);
                None
            }
            Err(_) => None,
        }
    }

    /// Reads the fields; fails with every fault, those included that were found beside data.
    pub fn parse_with(&self, mut more: Vec<Invalid>) -> Result<T, Problem> {
        match self.parse() {
            Ok(body) if more.is_empty() => Ok(body),
            Ok(_) => Err(Problem::Invalid(more)),
            Err(Problem::Invalid(mut faults)) => {
                more.retain(|fault| faults.iter().all(|known| known.field != fault.field));
                faults.append(&mut more);
                Err(Problem::Invalid(faults))
            }
            Err(other) => Err(other),
        }
    }

    /// Reads the fields; fails with every fault.
    pub fn parse(&self) -> Result<T, Problem> {
        let mut fields = Fields::over(&self.object);
        let value = T::read(&mut fields);
        if T::CLOSED {
            fields.refuse_unknown();
        }
        fields.finish(value).map_err(|faults| {
            Problem::Invalid(
                faults
                    .into_iter()
                    .map(|(field, fault)| Invalid::body(field.unwrap_or_default(), fault))
                    .collect(),
            )
        })
    }
}

/// The JSON Schema of a body.
pub fn schema<T: Body>() -> Value {
    let mut fields = Fields::describing();
    T::read(&mut fields);
    fields.into_schema(T::CLOSED)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Patch;
    use crate::rules::{Boolean, Integer, text};

    struct Sample {
        name: String,
        note: Patch<String>,
        on: Option<bool>,
    }
    impl Body for Sample {
        const NAME: &'static str = "Sample";
        const CLOSED: bool = true;
        fn read(fields: &mut Fields<'_>) -> Option<Self> {
            let name = fields.required("name", text(1, 5));
            let note = fields.patch("note", text(1, 5));
            let on = fields.optional("on", Boolean);
            Some(Self { name: name?, note: note?, on: on? })
        }
    }

    fn read(value: Value) -> Result<Sample, Problem> {
        Draft::new(value)?.parse()
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let Err(Problem::Invalid(faults)) = read(json!({"name": "", "note": 7, "on": "yes", "more": 1}))
        else {
            panic!()
        };
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["name", "note", "on", "more"]);
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        assert_eq!(read(json!({"name": "a"})).unwrap().note, Patch::Absent);
        assert_eq!(read(json!({"name": "a", "note": null})).unwrap().note, Patch::Null);
        let sample = read(json!({"name": "a", "note": "b", "on": null})).unwrap();
        assert_eq!((sample.name.as_str(), sample.note, sample.on), ("a", Patch::Value("b".into()), None));
    }

    enum Shape {
        Circle(i64),
        Square,
    }
    impl Body for Shape {
        const NAME: &'static str = "Shape";
        const CLOSED: bool = true;
        fn read(fields: &mut Fields<'_>) -> Option<Self> {
            let name = fields.required("name", text(1, 5));
            let shape = fields.forms(
                "kind",
                &[
                    ("circle", |f| f.required("radius", Integer { least: 1, most: 9 }).map(Shape::Circle)),
                    ("square", |_| Some(Shape::Square)),
                ],
            );
            name.and(shape)
        }
    }

    #[test]
    fn each_form_has_its_own_fields() {
        let read = |value: Value| match Draft::<Shape>::new(value).and_then(|draft| draft.parse()) {
            Ok(Shape::Circle(radius)) => vec![radius.to_string()],
            Ok(Shape::Square) => vec!["square".to_owned()],
            Err(Problem::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(read(json!({"name": "a", "kind": "circle", "radius": 3})), ["3"]);
        assert_eq!(read(json!({"name": "a", "kind": "square"})), ["square"]);
        assert_eq!(read(json!({"name": "", "kind": "square", "radius": 3})), ["name", "radius"]);
        assert_eq!(read(json!({"name": "", "kind": "cube", "radius": 3})), ["name", "kind"]);
        assert_eq!(read(json!({"radius": 3})), ["name", "kind"]);
        let schema = schema::<Shape>();
        assert_eq!(schema["required"], json!(["kind"]));
        assert_eq!(schema["oneOf"][0]["required"], json!(["name", "kind", "radius"]));
        assert_eq!(schema["oneOf"][1]["properties"]["kind"]["enum"], json!(["square"]));
        assert_eq!(schema["oneOf"][1]["additionalProperties"], false);
    }

    #[test]
    fn what_stands_deeper_is_found_by_its_path() {
        let draft = Draft::<Sample>::new(json!({"a": {"b-c": {"d": "e"}}, "s": {"name": 7}})).ok().unwrap();
        assert_eq!(draft.text("a.b-c.d"), Some("e"));
        assert_eq!((draft.text("a.b-c"), draft.text("a.x.d"), draft.text("")), (None, None, None));
        let mut faults = Vec::new();
        assert!(draft.inner::<Sample>("s", &mut faults).is_none());
        assert_eq!(faults[0].field, "s.name");
        assert!(draft.inner::<Sample>("a.b-c.d", &mut faults).is_none() && faults.len() == 1);
    }

    #[test]
    fn the_schema_follows_from_the_reader() {
        assert_eq!(
            schema::<Sample>(),
            json!({ "type": "object", "required": ["name"], "additionalProperties": false, "properties": {
                "name": { "type": "string", "minLength": 1, "maxLength": 5 },
                "note": { "type": ["string", "null"], "minLength": 1, "maxLength": 5 },
                "on": { "type": ["boolean", "null"] } } })
        );
    }
}
