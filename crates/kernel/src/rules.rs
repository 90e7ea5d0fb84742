//! What a field may hold: each rule reads a JSON value into a type and describes itself as a schema.

use std::{fmt::Debug, marker::PhantomData};

use serde_json::{Map, Value, json};

use crate::{Email, Fault, Id, Labels, LabelsPatch, Secret, Timestamp, labels};

/// Faults below a field: the rest of the path, if any, and what is wrong.
pub type Faults = Vec<(Option<String>, Fault)>;

/// Reads a value or says what is wrong with it.
pub trait Rule {
    /// The type that a good value becomes.
    type Out;
    /// Reads a value that is not `null`.
    fn read(&self, value: &Value) -> Result<Self::Out, Faults>;
    /// The JSON Schema of a good value.
    fn schema(&self) -> Value;
}

fn one<T>(result: Result<T, Fault>) -> Result<T, Faults> {
    result.map_err(|fault| vec![(None, fault)])
}

fn string(value: &Value) -> Result<&str, Faults> {
    value.as_str().ok_or_else(|| vec![(None, Fault::NotAString)])
}

/// A regular expression, for people, and a function that tests the same.
type Pattern = (&'static str, fn(&str) -> bool);

/// A string of this many characters.
pub struct Text {
    least: usize,
    most: usize,
    pattern: Option<Pattern>,
}

/// A string of `least` to `most` characters.
pub const fn text(least: usize, most: usize) -> Text {
    Text { least, most, pattern: None }
}

impl Text {
    /// Also wants `test`; `pattern` is the same as a regular expression, for people.
    #[must_use]
    pub const fn matching(mut self, pattern: &'static str, test: fn(&str) -> bool) -> Self {
        self.pattern = Some((pattern, test));
        self
    }
}

impl Rule for Text {
    type Out = String;
    fn read(&self, value: &Value) -> Result<String, Faults> {
        let text = string(value)?;
        let length = text.chars().count();
        let fault = if length < self.least {
            if length == 0 { Fault::Blank } else { Fault::TooShort(self.least) }
        } else if length > self.most {
            Fault::TooLong(self.most)
        } else {
            match self.pattern {
                Some((pattern, test)) if !test(text) => Fault::Pattern(pattern),
                _ => return Ok(text.to_owned()),
            }
        };
        Err(vec![(None, fault)])
    }
    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "string", "maxLength": self.most });
        if self.least > 0 {
            schema["minLength"] = self.least.into();
        }
        if let Some((pattern, _)) = self.pattern {
            schema["pattern"] = pattern.into();
        }
        schema
    }
}

/// A secret string of `least` to `most` characters.
pub struct SecretText(Text);

/// A secret string; its value appears in no error.
pub const fn secret(least: usize, most: usize) -> SecretText {
    SecretText(text(least, most))
}

impl SecretText {
    /// Also wants `test`; `pattern` is the same as a regular expression, for people.
    #[must_use]
    pub const fn matching(self, pattern: &'static str, test: fn(&str) -> bool) -> Self {
        Self(self.0.matching(pattern, test))
    }
}

impl Rule for SecretText {
    type Out = Secret<String>;
    fn read(&self, value: &Value) -> Result<Secret<String>, Faults> {
        self.0.read(value).map(Secret::new)
    }
    fn schema(&self) -> Value {
        let mut schema = self.0.schema();
        schema["writeOnly"] = true.into();
        schema
    }
}

/// `true` or `false`.
pub struct Boolean;

impl Rule for Boolean {
    type Out = bool;
    fn read(&self, value: &Value) -> Result<bool, Faults> {
        one(value.as_bool().ok_or(Fault::NotABoolean))
    }
    fn schema(&self) -> Value {
        json!({ "type": "boolean" })
    }
}

/// An integer within bounds.
pub struct Integer {
    /// The least.
    pub least: i64,
    /// The most.
    pub most: i64,
}

impl Rule for Integer {
    type Out = i64;
    fn read(&self, value: &Value) -> Result<i64, Faults> {
        let number = value.as_i64().ok_or_else(|| vec![(None, Fault::NotAnInteger)])?;
        one(if number < self.least {
            Err(Fault::TooSmall(self.least))
        } else if number > self.most {
            Err(Fault::TooLarge(self.most))
        } else {
            Ok(number)
        })
    }
    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": self.least, "maximum": self.most })
    }
}

/// An RFC 3339 date-time with any offset.
pub struct DateTime;

impl Rule for DateTime {
    type Out = Timestamp;
    fn read(&self, value: &Value) -> Result<Timestamp, Faults> {
        one(string(value)?.parse().map_err(|_| Fault::NotATimestamp))
    }
    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "date-time" })
    }
}

/// An e-mail address.
pub struct EmailAddress;

impl Rule for EmailAddress {
    type Out = Email;
    fn read(&self, value: &Value) -> Result<Email, Faults> {
        let text = string(value)?;
        one(if text.is_empty() { Err(Fault::Blank) } else { Email::parse(text).ok_or(Fault::NotAnEmail) })
    }
    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "email", "maxLength": Email::MAX })
    }
}

/// The id of a `T`.
pub struct IdOf<T>(PhantomData<fn() -> T>);

/// The id of a `T`, where a UUID is wanted.
pub const fn id<T>() -> IdOf<T> {
    IdOf(PhantomData)
}

impl<T> Rule for IdOf<T> {
    type Out = Id<T>;
    fn read(&self, value: &Value) -> Result<Id<T>, Faults> {
        one(value.as_str().and_then(|text| text.parse().ok()).ok_or(Fault::NotAUuid))
    }
    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "uuid" })
    }
}

/// An absolute http or https URL of at most this many characters.
pub struct Url(pub usize);

impl Rule for Url {
    type Out = String;
    fn read(&self, value: &Value) -> Result<String, Faults> {
        let text = string(value)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let good = rest.is_some_and(|rest| {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            !host.is_empty()
                && !host.contains('@')
                // A backslash is a slash to some readers of URLs, and part of the host to others.
                && !rest.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\')
        });
        one(if text.is_empty() {
            Err(Fault::Blank)
        } else if text.chars().count() > self.0 {
            Err(Fault::TooLong(self.0))
        } else if good {
            Ok(text.to_owned())
        } else {
            Err(Fault::NotAUrl)
        })
    }
    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "uri", "maxLength": self.0 })
    }
}

/// One of these words; the result is the word.
pub struct OneOf(pub &'static [&'static str]);

/// The regions that roles are scoped to, and `*` for all of them.
pub const REGIONS: OneOf = OneOf(&["us", "eu", "au", "me", "in", "sg", "*"]);

impl Rule for OneOf {
    type Out = &'static str;
    fn read(&self, value: &Value) -> Result<&'static str, Faults> {
        let text = string(value)?;
        let choices = || self.0.iter().map(|&choice| choice.to_owned()).collect();
        one(self.0.iter().find(|&&choice| choice == text).copied().ok_or_else(|| Fault::NotOneOf(choices())))
    }
    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.0 })
    }
}

/// A list of `least` to `most` items, each by a rule, none twice if `distinct`.
pub struct List<R> {
    /// The rule of each item.
    pub item: R,
    /// Fewest items.
    pub least: usize,
    /// Most items.
    pub most: usize,
    /// Whether an item may stand only once.
    pub distinct: bool,
}

impl<R: Rule> Rule for List<R>
where
    R::Out: PartialEq,
{
    type Out = Vec<R::Out>;
    fn read(&self, value: &Value) -> Result<Self::Out, Faults> {
        let items = value.as_array().ok_or_else(|| vec![(None, Fault::NotAnArray)])?;
        if items.len() < self.least {
            return Err(vec![(None, Fault::TooFewItems(self.least))]);
        }
        if items.len() > self.most {
            return Err(vec![(None, Fault::TooManyItems(self.most))]);
        }
        let mut list = Vec::with_capacity(items.len());
        let mut faults = Vec::new();
        for (n, item) in items.iter().enumerate() {
            match self.item.read(item) {
                Ok(item) if self.distinct && list.contains(&item) => {
                    faults.push((Some(n.to_string()), Fault::Repeated));
                }
                Ok(item) => list.push(item),
                Err(inner) => faults.extend(below(&n.to_string(), inner)),
            }
        }
        if faults.is_empty() { Ok(list) } else { Err(faults) }
    }
    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "array", "items": self.item.schema(), "maxItems": self.most });
        if self.least > 0 {
            schema["minItems"] = self.least.into();
        }
        if self.distinct {
            schema["uniqueItems"] = true.into();
        }
        schema
    }
}

/// Puts a path element in front of faults.
pub(crate) fn below(name: &str, faults: Faults) -> impl Iterator<Item = (Option<String>, Fault)> {
    faults.into_iter().map(move |(rest, fault)| {
        let path = rest.map_or_else(|| name.to_owned(), |rest| format!("{name}.{rest}"));
        (Some(path), fault)
    })
}

/// The labels of a new object.
pub struct NewLabels;

impl Rule for NewLabels {
    type Out = Labels;
    fn read(&self, value: &Value) -> Result<Labels, Faults> {
        let patch = labels::read(value, false)?;
        one(Labels::default().patched(&patch))
    }
    fn schema(&self) -> Value {
        json!({ "type": "object", "maxProperties": labels::MAX, "additionalProperties": { "type": "string" } })
    }
}

/// A change of labels, with `null` to remove a key.
pub struct LabelChanges;

impl Rule for LabelChanges {
    type Out = LabelsPatch;
    fn read(&self, value: &Value) -> Result<LabelsPatch, Faults> {
        labels::read(value, true)
    }
    fn schema(&self) -> Value {
        json!({ "type": "object", "maxProperties": labels::MAX, "additionalProperties": { "type": ["string", "null"] } })
    }
}

/// A free-form object.
pub struct AnyObject;

impl Rule for AnyObject {
    type Out = Map<String, Value>;
    fn read(&self, value: &Value) -> Result<Self::Out, Faults> {
        one(value.as_object().cloned().ok_or(Fault::NotAnObject))
    }
    fn schema(&self) -> Value {
        json!({ "type": "object" })
    }
}

/// A text that a function turns into a `T`.
pub struct Parsed<T> {
    /// Reads the text.
    pub parse: fn(&str) -> Result<T, Fault>,
    /// Describes it.
    pub schema: fn() -> Value,
}

impl<T: Debug> Rule for Parsed<T> {
    type Out = T;
    fn read(&self, value: &Value) -> Result<T, Faults> {
        one((self.parse)(string(value)?))
    }
    fn schema(&self) -> Value {
        (self.schema)()
    }
}
