//! One bad parameter: what is wrong, as data, and how each family words it.

use serde_json::{Map, Value, json};

use super::Family;

/// Where a bad parameter stood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// In the JSON body.
    Body,
    /// In the query string.
    Query,
    /// In the path.
    Path,
}

/// What is wrong with one parameter. Data, not prose: [`Invalid::render`] words it.
#[derive(Clone, PartialEq, Debug)]
pub enum Fault {
    /// The body is not JSON, not an object, or not what JSON should be; with the reason.
    Unreadable(String),
    /// It must be there.
    Required,
    /// It is there, empty, and must not be.
    Blank,
    /// Wrong JSON type: a string is wanted.
    NotAString,
    /// A boolean is wanted.
    NotABoolean,
    /// An integer is wanted.
    NotAnInteger,
    /// An object is wanted.
    NotAnObject,
    /// An array is wanted.
    NotAnArray,
    /// A UUID is wanted, in a body or query.
    NotAUuid,
    /// A UUID is wanted in the path.
    BadPathId,
    /// An RFC 3339 date-time is wanted.
    NotATimestamp,
    /// An e-mail address is wanted.
    NotAnEmail,
    /// An absolute http or https URL is wanted.
    NotAUrl,
    /// Not made of the label alphabet.
    NotALabel,
    /// A label key with a reserved prefix.
    ReservedPrefix(&'static str),
    /// Fewer characters than this.
    TooShort(usize),
    /// More characters than this.
    TooLong(usize),
    /// Fewer items than this.
    TooFewItems(usize),
    /// More items than this.
    TooManyItems(usize),
    /// The same item twice.
    Repeated,
    /// A number below this.
    TooSmall(i64),
    /// A number above this.
    TooLarge(i64),
    /// Not one of these.
    NotOneOf(Vec<String>),
    /// Does not match this expression.
    Pattern(&'static str),
    /// The closed object has no such property.
    UnknownProperty,
    /// The filter names a field that the collection does not have.
    UnknownFilter,
    /// The field does not have this filter operator.
    UnsupportedOperator(String),
    /// It names something that does not exist.
    MissingReference(&'static str),
    /// Just these properties exclude or need each other.
    Dependent(&'static str, Vec<&'static str>),
    /// One of the password rules: rule code, least number, reason.
    Password(&'static str, i64, String),
    /// A rule of this resource alone, with its reason.
    Rule(String),
}

/// One bad parameter.
#[derive(Clone, PartialEq, Debug)]
pub struct Invalid {
    /// Its name, dotted when nested.
    pub field: String,
    /// Where it stood.
    pub source: Source,
    /// What is wrong.
    pub fault: Fault,
}

impl Invalid {
    /// A bad field of the body.
    pub fn body(field: impl Into<String>, fault: Fault) -> Self {
        Self { field: field.into(), source: Source::Body, fault }
    }
    /// A bad query parameter.
    pub fn query(field: impl Into<String>, fault: Fault) -> Self {
        Self { field: field.into(), source: Source::Query, fault }
    }
    /// A bad path parameter.
    pub fn path(field: impl Into<String>, fault: Fault) -> Self {
        Self { field: field.into(), source: Source::Path, fault }
    }
    /// The body as a whole.
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self::body("body", Fault::Unreadable(reason.into()))
    }

    /// What is wrong with it, in words.
    pub fn reason(&self) -> String {
        self.render(Family::Identity)["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// The entry of `invalid_parameters`.
    pub(super) fn render(&self, family: Family) -> Value {
        let name = &self.field;
        let a = family == Family::Identity;
        let pick = |identity: &str, platform: String| if a { identity.to_owned() } else { platform };
        let mut extra = Map::new();
        let (rule, reason) = match &self.fault {
            Fault::Unreadable(why) if why.is_empty() => ("invalid", "request format is invalid".to_owned()),
            Fault::Unreadable(why) => ("invalid", format!("request format is invalid: {why}")),
            Fault::Required => ("required", pick("cannot be blank", format!("\"{name}\" is required"))),
            Fault::Blank => {
                extra.insert("minimum".into(), 1.into());
                (
                    "min_length",
                    pick("cannot be blank", format!("{name} must be longer than or equal to 1 characters")),
                )
            }
            Fault::NotAString => {
                ("is_string", pick("must be a string", format!("value of \"{name}\" must be a utf-8 string")))
            }
            Fault::NotABoolean => (
                "is_boolean",
                pick("must be true or false", format!("value of \"{name}\" must be true or false")),
            ),
            Fault::NotAnInteger => {
                let rule = if a || self.source == Source::Body { "is_integer" } else { "is_number" };
                (rule, pick("must be an integer", format!("\"{name}\" must be a number")))
            }
            Fault::NotAnObject => {
                ("is_object", pick("must be an object", format!("\"{name}\" must be an object")))
            }
            Fault::NotAnArray => {
                ("is_array", pick("must be an array", format!("\"{name}\" must be an array")))
            }
            Fault::NotAUuid => {
                ("is_uuid", pick("must be a valid UUID v4", format!("\"{name}\" must be a valid UUID")))
            }
            Fault::BadPathId => {
                ("is_uuid", pick("invalid ID format", format!("value of \"{name}\" must be a UUID")))
            }
            Fault::NotATimestamp => ("is_date_time", "must be an RFC 3339 date-time".to_owned()),
            Fault::NotAnEmail => ("invalid", "must be a valid email address".to_owned()),
            Fault::NotAUrl => ("invalid", "must be an absolute http or https URL".to_owned()),
            Fault::NotALabel => (
                "is_label",
                "must be 1 to 63 letters, digits, '-', '.' or '_', with a letter or digit at each end"
                    .to_owned(),
            ),
            Fault::ReservedPrefix(prefix) => ("is_label", format!("must not start with [{prefix}]")),
            Fault::TooShort(least) => {
                extra.insert("minimum".into(), (*least).into());
                (
                    "min_length",
                    pick(
                        &format!("is too short (minimum length: {least})"),
                        format!("{name} must be longer than or equal to {least} characters"),
                    ),
                )
            }
            Fault::TooLong(most) => {
                extra.insert("maximum".into(), (*most).into());
                (
                    "max_length",
                    pick(
                        &format!("is too long (maximum length: {most})"),
                        format!("value of \"{name}\" must not exceed {most} characters"),
                    ),
                )
            }
            Fault::TooFewItems(least) => {
                extra.insert("minimum".into(), (*least).into());
                ("min_items", format!("must have at least {least} items"))
            }
            Fault::TooManyItems(most) => {
                extra.insert("maximum".into(), (*most).into());
                ("max_items", format!("must not have more than {most} items"))
            }
            Fault::Repeated => ("invalid", "must be given once".to_owned()),
            Fault::TooSmall(least) => {
                extra.insert("minimum".into(), (*least).into());
                ("min", format!("must be at least {least}"))
            }
            Fault::TooLarge(most) => {
                extra.insert("maximum".into(), (*most).into());
                ("max", format!("must be at most {most}"))
            }
            Fault::NotOneOf(choices) => {
                extra.insert("choices".into(), json!(choices));
                ("enum", format!("must be one of [{}]", choices.join(", ")))
            }
            Fault::Pattern(pattern) => {
                ("matches_regex", format!("{name} must match /{pattern}/ regular expression"))
            }
            Fault::UnknownProperty => ("unknown_property", format!("\"{name}\" is not allowed")),
            Fault::UnknownFilter => (
                "unknown_property",
                pick("is not a supported filter field", format!("\"{name}\" is not allowed")),
            ),
            Fault::UnsupportedOperator(op) => {
                ("invalid", format!("[{op}] is not a supported filter operation"))
            }
            Fault::MissingReference(what) => ("missing_reference", format!("{what} not found")),
            Fault::Dependent(reason, others) => {
                extra.insert("dependents".into(), json!(others));
                ("dependent_fields", (*reason).to_owned())
            }
            Fault::Password(rule, least, reason) => {
                extra.insert("minimum".into(), (*least).into());
                (*rule, reason.clone())
            }
            Fault::Rule(reason) => ("invalid", reason.clone()),
        };
        let field = match (family, self.source) {
            (Family::Identity, Source::Query) => bracketed(name),
            _ => name.clone(),
        };
        let source = match self.source {
            Source::Body => "body",
            Source::Query => "query",
            Source::Path => "path",
        };
        let mut entry = Map::new();
        entry.insert("field".into(), field.into());
        entry.insert("rule".into(), rule.into());
        entry.insert("reason".into(), reason.into());
        entry.insert("source".into(), source.into());
        entry.append(&mut extra);
        Value::Object(entry)
    }
}

/// `filter[name][eq]` as Identity writes it: `[filter][name][eq]`. Paging parameters keep their form.
fn bracketed(name: &str) -> String {
    match name.split_once('[') {
        Some(("filter", rest)) => format!("[filter][{rest}"),
        _ => name.to_owned(),
    }
}
