//! What a JSON value may look like, reduced to what can be compared.
//!
//! A [`Shape`] has no references and no compositions: `allOf` is merged, `oneOf` and `anyOf` are
//! the forms of the shape, `null` is a flag. The same type describes the published documents,
//! our committed copy of their facts and the document that the server serves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// The JSON type of one form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is said about the type.
    Any,
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
    /// A JSON string.
    String,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Kind {
    /// The kind that JSON Schema calls `name`; `None` for `null` and for unknown names.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    /// The kind of a given value; `None` for `null`.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(number) if number.is_f64() => Some(Self::Number),
            Value::Number(_) => Some(Self::Integer),
            Value::String(_) => Some(Self::String),
            Value::Array(_) => Some(Self::Array),
            Value::Object(_) => Some(Self::Object),
        }
    }

    /// The name in JSON Schema.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    /// The lower and the upper limit that JSON Schema has for values of this kind.
    pub fn limits(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Any | Self::Boolean => None,
            Self::Object => Some(("minProperties", "maxProperties")),
            Self::Array => Some(("minItems", "maxItems")),
            Self::String => Some(("minLength", "maxLength")),
            Self::Integer | Self::Number => Some(("minimum", "maximum")),
        }
    }

    /// Whether every value of the kind `other` is also of this kind.
    pub fn holds(self, other: Self) -> bool {
        self == Self::Any || self == other || (self == Self::Number && other == Self::Integer)
    }
}

/// What a value may be: one of the forms or, if `nullable`, `null`.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Whether `null` is a possible value.
    pub nullable: bool,
    /// The possible forms of a value that is not `null`.
    pub forms: Vec<Form>,
}

/// One form of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The JSON type.
    pub kind: Kind,
    /// Of a string: its format, where it is one that constrains the text.
    pub format: Option<String>,
    /// Of a string: its regular expression.
    pub pattern: Option<String>,
    /// The JSON texts of the only possible values, if there is a list.
    pub values: Option<BTreeSet<String>>,
    /// Limits by their name in JSON Schema.
    pub limits: BTreeMap<&'static str, i64>,
    /// Of an array: whether items may not repeat.
    pub unique: bool,
    /// Of an object: its known properties.
    pub properties: BTreeMap<String, Shape>,
    /// Of an object: the properties that are always there.
    pub required: BTreeSet<String>,
    /// Of an object: whether unknown properties are refused.
    pub closed: bool,
    /// Of an object: what unknown properties hold, if that is said.
    pub rest: Option<Box<Shape>>,
    /// Of an array: what the items are, if that is said.
    pub items: Option<Box<Shape>>,
}

impl Form {
    /// A form of which nothing but the kind is known.
    pub fn of_kind(kind: Kind) -> Self {
        Self {
            kind,
            format: None,
            pattern: None,
            values: None,
            limits: BTreeMap::new(),
            unique: false,
            properties: BTreeMap::new(),
            required: BTreeSet::new(),
            closed: false,
            rest: None,
            items: None,
        }
    }

    fn to_json(&self, nullable: bool) -> Value {
        let mut map = BTreeMap::new();
        match (self.kind, nullable) {
            (Kind::Any, _) => {}
            (kind, false) => drop(map.insert("type", json!(kind.name()))),
            (kind, true) => drop(map.insert("type", json!([kind.name(), "null"]))),
        }
        let text = |text: &String| json!(text);
        let shape = |shape: &Shape| shape.to_json();
        map.extend(self.format.as_ref().map(|it| ("format", text(it))));
        map.extend(self.pattern.as_ref().map(|it| ("pattern", text(it))));
        map.extend(self.values.as_ref().map(|values| {
            let values = values.iter().filter_map(|it| serde_json::from_str(it).ok());
            ("enum", Value::Array(values.collect()))
        }));
        map.extend(self.limits.iter().map(|(name, limit)| (*name, json!(limit))));
        if self.unique {
            map.insert("uniqueItems", json!(true));
        }
        if !self.properties.is_empty() {
            let properties = self.properties.iter().map(|(name, it)| (name.clone(), it.to_json()));
            map.insert("properties", Value::Object(properties.collect()));
        }
        if !self.required.is_empty() {
            map.insert("required", json!(self.required));
        }
        if self.closed {
            map.insert("additionalProperties", json!(false));
        }
        map.extend(self.rest.as_deref().map(|it| ("additionalProperties", shape(it))));
        map.extend(self.items.as_deref().map(|it| ("items", shape(it))));
        sorted(map)
    }
}

impl Shape {
    /// The shape that says nothing.
    pub fn any() -> Self {
        Self { nullable: true, forms: vec![Form::of_kind(Kind::Any)] }
    }

    /// Whether the shape says nothing.
    pub fn is_any(&self) -> bool {
        self.forms.iter().any(|form| form.kind == Kind::Any && form.values.is_none())
    }

    /// Removes what different spellings of the same thing leave behind: equal forms, and lists
    /// of constants where a list of values is meant.
    pub fn tidy(&mut self) {
        if self.is_any() {
            *self = Self::any();
            return;
        }
        let mut forms: Vec<Form> = Vec::new();
        for form in self.forms.drain(..) {
            let twin = forms.iter_mut().find(|it| {
                let alike = Form { values: None, ..form.clone() } == Form { values: None, ..(*it).clone() };
                alike && it.values.is_some() == form.values.is_some()
            });
            match twin {
                None => forms.push(form),
                Some(twin) => {
                    if let (Some(all), Some(more)) = (&mut twin.values, form.values) {
                        all.extend(more);
                    }
                }
            }
        }
        self.forms = forms;
    }

    /// Forgets which values a property called `name` may have, at any depth.
    pub fn forget_values_of(&mut self, name: &str) {
        for form in &mut self.forms {
            for (property, shape) in &mut form.properties {
                if property == name {
                    shape.forms.iter_mut().for_each(|it| it.values = None);
                }
                shape.forget_values_of(name);
            }
        }
    }

    /// The shape as a JSON Schema, with its keys in order.
    pub fn to_json(&self) -> Value {
        match self.forms.as_slice() {
            [] => json!({ "type": "null" }),
            [form] => form.to_json(self.nullable),
            forms => {
                let forms = forms.iter().map(|form| form.to_json(self.nullable));
                json!({ "anyOf": forms.collect::<Vec<_>>() })
            }
        }
    }
}

/// A JSON object with its keys in order, whatever map the JSON library was built with.
pub fn sorted(map: BTreeMap<&str, Value>) -> Value {
    Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}
