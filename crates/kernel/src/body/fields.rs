//! The fields of a body: one function reads them and describes them.

use serde_json::{Map, Value, json};

use super::{Body, schema};
use crate::{
    Fault, Patch,
    rules::{Faults, Rule, below},
};

/// A form of a body: the word that tells it, and what reads the fields that it has beside the common ones.
pub type Form<T> = (&'static str, fn(&mut Fields<'_>) -> Option<T>);

/// The fields of an object: being read, or being described.
pub struct Fields<'a> {
    object: Option<&'a Map<String, Value>>,
    faults: Faults,
    known: Vec<&'static str>,
    /// Whether nobody can say what is unknown, since the form is not known.
    formless: bool,
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    extra: Map<String, Value>,
    /// The word that tells the forms apart, and the forms.
    forms: Option<(&'static str, Vec<Self>)>,
}

impl<'a> Fields<'a> {
    fn empty(object: Option<&'a Map<String, Value>>) -> Self {
        Self {
            object,
            faults: Vec::new(),
            known: Vec::new(),
            formless: false,
            properties: Map::new(),
            required: Vec::new(),
            extra: Map::new(),
            forms: None,
        }
    }

    /// Fields to read.
    pub(super) fn over(object: &'a Map<String, Value>) -> Self {
        Self::empty(Some(object))
    }

    pub(super) fn describing() -> Self {
        Self::empty(None)
    }

    fn declare(&mut self, name: &'static str, schema: impl FnOnce() -> Value) -> Option<&'a Value> {
        match self.object {
            Some(object) => {
                self.known.push(name);
                object.get(name)
            }
            None => {
                self.properties.insert(name.to_owned(), schema());
                None
            }
        }
    }

    fn read<R: Rule>(&mut self, name: &str, rule: &R, value: &Value) -> Option<R::Out> {
        rule.read(value).map_err(|faults| self.faults.extend(below(name, faults))).ok()
    }

    /// A field that must be there; `null` is as good as absent.
    pub fn required<R: Rule>(&mut self, name: &'static str, rule: R) -> Option<R::Out> {
        let value = self.declare(name, || rule.schema());
        if self.object.is_none() {
            self.required.push(name);
        }
        match value {
            None | Some(Value::Null) => {
                self.faults.push((Some(name.to_owned()), Fault::Required));
                None
            }
            Some(value) => self.read(name, &rule, value),
        }
    }

    /// A field that may be left out; `null` is as good as absent, since clients send explicit nulls
    /// for what their user did not set.
    pub fn optional<R: Rule>(&mut self, name: &'static str, rule: R) -> Option<Option<R::Out>> {
        match self.declare(name, || nullable(rule.schema())) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.read(name, &rule, value).map(Some),
        }
    }

    /// A field that the contract does not mark required and without which nothing can be done.
    pub fn needed<R: Rule>(&mut self, name: &'static str, rule: R) -> Option<R::Out> {
        let value = self.optional(name, rule)?;
        if value.is_none() && self.object.is_some() {
            self.fault(name, Fault::Required);
        }
        value
    }

    /// A field of a partial update, in which `null` may mean something.
    pub fn patch<R: Rule>(&mut self, name: &'static str, rule: R) -> Option<Patch<R::Out>> {
        match self.declare(name, || nullable(rule.schema())) {
            None => Some(Patch::Absent),
            Some(Value::Null) => Some(Patch::Null),
            Some(value) => self.read(name, &rule, value).map(Patch::Value),
        }
    }

    /// A field of a partial update that [`Fields::described`] has described.
    pub fn undescribed<R: Rule>(&mut self, name: &'static str, rule: R) -> Option<Patch<R::Out>> {
        match self.object {
            None => None,
            Some(_) => self.patch(name, rule),
        }
    }

    /// A nested object that may be left out.
    pub fn object<T: Body>(&mut self, name: &'static str) -> Option<Option<T>> {
        match self.declare(name, || nullable(schema::<T>())) {
            None | Some(Value::Null) => Some(None),
            Some(Value::Object(object)) => self.nested(name, object).map(Some),
            Some(_) => {
                self.fault(name, Fault::NotAnObject);
                None
            }
        }
    }

    /// A nested object of a partial update, in which `null` may mean something.
    pub fn object_patch<T: Body>(&mut self, name: &'static str) -> Option<Patch<T>> {
        let null = self.object.is_some_and(|object| object.get(name) == Some(&Value::Null));
        let value = self.object::<T>(name)?;
        Some(if null { Patch::Null } else { value.map_or(Patch::Absent, Patch::Value) })
    }

    /// A nested object that must be there.
    pub fn object_required<T: Body>(&mut self, name: &'static str) -> Option<T> {
        let value = self.declare(name, schema::<T>);
        if self.object.is_none() {
            self.required.push(name);
        }
        let fault = match value {
            Some(Value::Object(object)) => return self.nested(name, object),
            None | Some(Value::Null) => Fault::Required,
            Some(_) => Fault::NotAnObject,
        };
        self.fault(name, fault);
        None
    }

    /// The rest of a body that has several forms, told apart by a word in the field `tag`. The fields that
    /// all forms have are read before, none after.
    pub fn forms<T>(&mut self, tag: &'static str, forms: &[Form<T>]) -> Option<T> {
        let words = || forms.iter().map(|(word, _)| (*word).to_owned()).collect();
        let Some(object) = self.object else {
            let described = forms.iter().map(|(word, read)| {
                let mut form = Self::describing();
                form.properties = self.properties.clone();
                form.required = self.required.clone();
                form.properties.insert(tag.to_owned(), json!({ "type": "string", "enum": [word] }));
                form.required.push(tag);
                read(&mut form);
                form
            });
            self.forms = Some((tag, described.collect()));
            return None;
        };
        self.known.push(tag);
        let fault = match object.get(tag) {
            None | Some(Value::Null) => Fault::Required,
            Some(Value::String(word)) => match forms.iter().find(|(known, _)| known == word) {
                Some((_, read)) => return read(self),
                None => Fault::NotOneOf(words()),
            },
            Some(_) => Fault::NotAString,
        };
        self.formless = true;
        self.fault(tag, fault);
        None
    }

    /// The properties that nothing has asked for so far, of an open object that keeps them.
    pub fn rest(&self) -> Map<String, Value> {
        let unknown = |(key, _): &(&String, &Value)| !self.known.contains(&key.as_str());
        let all = self.object.into_iter().flatten().filter(unknown);
        all.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// A list of nested objects, of at most `most`, that the contract does not mark required and
    /// without which nothing can be done.
    pub fn objects_needed<T: Body>(&mut self, name: &'static str, most: usize) -> Option<Vec<T>> {
        let items = self.objects(name, most)?;
        if items.is_none() && self.object.is_some() {
            self.fault(name, Fault::Required);
        }
        items
    }

    /// A list of nested objects, of at most `most`, that may be left out.
    pub fn objects<T: Body>(&mut self, name: &'static str, most: usize) -> Option<Option<Vec<T>>> {
        let value =
            self.declare(name, || json!({ "type": "array", "maxItems": most, "items": schema::<T>() }));
        let fault = match value {
            Some(Value::Array(items)) if items.len() <= most => {
                let mut all = Some(Vec::with_capacity(items.len()));
                for (n, item) in items.iter().enumerate() {
                    let path = format!("{name}.{n}");
                    let read = match item {
                        Value::Object(object) => self.nested(&path, object),
                        _ => {
                            self.fault(&path, Fault::NotAnObject);
                            None
                        }
                    };
                    all = all.zip(read).map(|(mut all, item)| {
                        all.push(item);
                        all
                    });
                }
                return all.map(Some);
            }
            Some(Value::Array(_)) => Fault::TooManyItems(most),
            None | Some(Value::Null) => return Some(None),
            Some(_) => Fault::NotAnArray,
        };
        self.fault(name, fault);
        None
    }

    fn nested<T: Body>(&mut self, path: &str, object: &Map<String, Value>) -> Option<T> {
        let mut inner = Fields::over(object);
        let value = T::read(&mut inner);
        if T::CLOSED {
            inner.refuse_unknown();
        }
        inner.finish(value).map_err(|faults| self.faults.extend(below(path, faults))).ok()
    }

    /// Describes a field whose rule depends on another; what follows reads it.
    pub fn described(&mut self, name: &'static str, schema: impl FnOnce() -> Value) {
        self.declare(name, schema);
    }

    /// A fault that only shows when fields are seen together.
    pub fn fault(&mut self, field: &str, fault: Fault) {
        self.faults.push((Some(field.to_owned()), fault));
    }

    /// Whether the field was sent, even as `null`.
    pub fn sent(&self, name: &str) -> bool {
        self.object.is_some_and(|object| object.contains_key(name))
    }

    /// Exactly one of these must be sent.
    pub fn exactly_one_of(&mut self, names: &[&'static str]) {
        if self.object.is_none() {
            let choices: Vec<Value> = names.iter().map(|name| json!({ "required": [name] })).collect();
            self.extra.insert("oneOf".to_owned(), choices.into());
            return;
        }
        let sent =
            |name: &&&'static str| self.object.is_some_and(|o| o.get(**name).is_some_and(|v| !v.is_null()));
        match names.iter().filter(sent).count() {
            1 => {}
            0 => self.fault(names[0], Fault::Required),
            _ => self.fault(names[1], Fault::Dependent("only one of these may be set", names.to_vec())),
        }
    }

    /// At least one property must be sent.
    pub fn not_empty(&mut self) {
        match self.object {
            None => {
                self.extra.insert("minProperties".to_owned(), 1.into());
            }
            Some(object) if object.is_empty() => {
                self.faults.push((
                    Some("body".to_owned()),
                    Fault::Rule("must have at least one property".to_owned()),
                ));
            }
            Some(_) => {}
        }
    }

    pub(super) fn refuse_unknown(&mut self) {
        if self.formless {
            return;
        }
        for key in self.object.into_iter().flat_map(Map::keys) {
            if !self.known.contains(&key.as_str()) {
                self.faults.push((Some(key.chars().take(80).collect()), Fault::UnknownProperty));
            }
        }
    }

    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Faults> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            // A reader that gives up without a fault would be a mistake of ours; say so plainly.
            None if self.faults.is_empty() => {
                Err(vec![(Some("body".to_owned()), Fault::Unreadable(String::new()))])
            }
            _ => Err(self.faults),
        }
    }

    pub(super) fn into_schema(self, closed: bool) -> Value {
        let mut schema = self.extra;
        if let Some((tag, forms)) = self.forms {
            let forms: Vec<Value> = forms.into_iter().map(|form| form.into_schema(closed)).collect();
            schema.insert("type".to_owned(), "object".into());
            schema.insert("required".to_owned(), json!([tag]));
            schema.insert("discriminator".to_owned(), json!({ "propertyName": tag }));
            schema.insert("oneOf".to_owned(), forms.into());
            return schema.into();
        }
        schema.insert("type".to_owned(), "object".into());
        schema.insert("properties".to_owned(), self.properties.into());
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), json!(self.required));
        }
        if closed {
            schema.insert("additionalProperties".to_owned(), false.into());
        }
        schema.into()
    }
}

/// The schema, with `null` allowed as well: once, where it is the only value already.
fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get("type").and_then(Value::as_str).filter(|kind| *kind != "null") {
        schema["type"] = json!([kind, "null"]);
    }
    if let Some(choices) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        choices.push(Value::Null);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_allowed_once() {
        assert_eq!(nullable(json!({ "type": "string" })), json!({ "type": ["string", "null"] }));
        assert_eq!(nullable(json!({ "type": "null" })), json!({ "type": "null" }));
    }
}
