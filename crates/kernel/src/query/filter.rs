//! `filter[<field>]=v`, `filter[<field>][<op>]=v`, `filter[labels.<key>][<op>]=v`.

use super::{Collection, Pair};
use crate::{Fault, Invalid, Timestamp};

/// A comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// Equal; case-sensitive.
    Eq,
    /// Not equal, or null.
    Neq,
    /// Holds the text, whatever the case.
    Contains,
    /// Equal to any of a comma-separated list.
    OEq,
    /// Holds any of a comma-separated list.
    OContains,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Is there (`true`) or not (`false`).
    Exists,
}

impl Op {
    const NAMES: [(&'static str, Self); 10] = [
        ("eq", Self::Eq),
        ("neq", Self::Neq),
        ("contains", Self::Contains),
        ("oeq", Self::OEq),
        ("ocontains", Self::OContains),
        ("lt", Self::Lt),
        ("lte", Self::Lte),
        ("gt", Self::Gt),
        ("gte", Self::Gte),
        ("exists", Self::Exists),
    ];
}

/// The operators that a field has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ops(u16);

impl Ops {
    /// Bare equality only (contract: `BooleanFieldFilter`).
    pub const BARE: Self = Self(0);
    /// `eq` (contract: `StringFieldEqualsFilter`).
    pub const EQ: Self = Self::of(&[Op::Eq]);
    /// `eq`, `contains` (contract: `LegacyStringFieldFilter`).
    pub const EQ_CONTAINS: Self = Self::of(&[Op::Eq, Op::Contains]);
    /// `eq`, `contains`, `exists` (contract: `LegacyStringFieldFilterWithExists`).
    pub const LABEL: Self = Self::of(&[Op::Eq, Op::Contains, Op::Exists]);
    /// `eq`, `neq`, `oeq`, `contains`, `ocontains` (contract: `StringFieldFilter`).
    pub const STRING: Self = Self::of(&[Op::Eq, Op::Neq, Op::OEq, Op::Contains, Op::OContains]);
    /// `eq`, `oeq`, `neq` (contract: `UuidFieldFilter`).
    pub const UUID: Self = Self::of(&[Op::Eq, Op::OEq, Op::Neq]);
    /// `eq`, `lt`, `lte`, `gt`, `gte` (contract: `DateTimeFieldFilter`).
    pub const ORDER: Self = Self::of(&[Op::Eq, Op::Lt, Op::Lte, Op::Gt, Op::Gte]);
    /// `gte`, `lte`.
    pub const RANGE: Self = Self::of(&[Op::Gte, Op::Lte]);

    const fn of(ops: &[Op]) -> Self {
        let mut bits = 0;
        let mut n = 0;
        while n < ops.len() {
            bits |= 1 << ops[n] as u16;
            n += 1;
        }
        Self(bits)
    }

    /// Whether the operator is among them.
    pub const fn contains(self, op: Op) -> bool {
        self.0 & (1 << op as u16) != 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Op::NAMES.into_iter().filter(move |(_, op)| self.contains(*op)).map(|(name, _)| name)
    }
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Text.
    Text,
    /// A UUID.
    Id,
    /// True or false.
    Bool,
    /// An integer.
    Int,
    /// A moment.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A map of labels, filtered by key.
    Labels,
}

/// A field that a collection can be filtered or sorted by.
#[derive(Debug)]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// Other names that older clients use.
    pub aliases: &'static [&'static str],
    /// The column.
    pub column: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Which operators it has; bare equality and bare existence come with every field.
    pub ops: Ops,
    /// Whether `filter` may name it.
    pub filterable: bool,
    /// Whether `sort` may name it.
    pub sortable: bool,
}

impl Field {
    /// A field whose column has its name.
    pub const fn new(name: &'static str, kind: Kind, ops: Ops) -> Self {
        Self { name, aliases: &[], column: name, kind, ops, filterable: true, sortable: false }
    }
    /// Text.
    pub const fn text(name: &'static str, ops: Ops) -> Self {
        Self::new(name, Kind::Text, ops)
    }
    /// True or false, bare only.
    pub const fn boolean(name: &'static str) -> Self {
        Self::new(name, Kind::Bool, Ops::BARE)
    }
    /// A field that a list can be sorted by, and not filtered.
    pub const fn order(name: &'static str, kind: Kind) -> Self {
        Self { filterable: false, sortable: true, ..Self::new(name, kind, Ops::BARE) }
    }
    /// Stands in this column.
    #[must_use]
    pub const fn column(mut self, column: &'static str) -> Self {
        self.column = column;
        self
    }
    /// Also answers to these names.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
    /// May be sorted by.
    #[must_use]
    pub const fn sortable(mut self) -> Self {
        self.sortable = true;
        self
    }
}

/// A value to compare with.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the kinds of values speak for themselves")]
pub enum Value {
    Text(String),
    Id(uuid::Uuid),
    Bool(bool),
    Int(i64),
    Time(Timestamp),
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The field.
    pub field: &'static Field,
    /// The label key, for labels.
    pub key: Option<String>,
    /// The comparison.
    pub op: Op,
    /// What to compare with: several for the `o…` operators, else one.
    pub values: Vec<Value>,
}

/// Most items in the list of an `o…` operator.
const MOST_ITEMS: usize = 50;
/// Longest value, in bytes.
const LONGEST_VALUE: usize = 1024;

pub(super) fn parse(
    pairs: &[Pair],
    collection: &'static Collection,
    faults: &mut Vec<Invalid>,
) -> Vec<Filter> {
    let mut filters = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in pairs {
        let Some(rest) = name.strip_prefix("filter") else { continue };
        if !rest.is_empty() && !rest.starts_with('[') {
            continue;
        }
        let shown: String = name.chars().take(200).collect();
        if seen.contains(&name.as_str()) {
            faults.push(Invalid::query(shown, Fault::Repeated));
            continue;
        }
        seen.push(name);
        match condition(rest, value.as_deref(), collection) {
            Ok(filter) => filters.push(filter),
            Err(fault) => faults.push(Invalid::query(shown, fault)),
        }
    }
    filters
}

/// The names between the brackets: `[labels][env][eq]` gives `labels`, `env`, `eq`.
fn segments(rest: &str) -> Option<Vec<&str>> {
    let inner = rest.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.split("][").collect())
}

fn condition(rest: &str, value: Option<&str>, collection: &'static Collection) -> Result<Filter, Fault> {
    let segments = segments(rest).ok_or(Fault::UnknownFilter)?;
    let (name, mut tail) = segments.split_first().ok_or(Fault::UnknownFilter)?;
    let (name, dotted) = name.split_once('.').map_or((*name, None), |(name, key)| (name, Some(key)));
    let field = collection.field(name).filter(|field| field.filterable).ok_or(Fault::UnknownFilter)?;
    let key = match (field.kind, dotted) {
        (Kind::Labels, Some(key)) => Some(key),
        (Kind::Labels, None) => {
            let (key, after) = tail.split_first().ok_or(Fault::UnknownFilter)?;
            tail = after;
            Some(*key)
        }
        (_, Some(_)) => return Err(Fault::UnknownFilter),
        (_, None) => None,
    };
    if key.is_some_and(str::is_empty) {
        return Err(Fault::UnknownFilter);
    }
    let value = value.unwrap_or_default();
    if value.len() > LONGEST_VALUE {
        return Err(Fault::TooLong(LONGEST_VALUE));
    }
    let (op, values) = match tail {
        // A name without a value asks whether the field is there at all.
        [] if value.is_empty() => (Op::Exists, vec![Value::Bool(true)]),
        [] => (Op::Eq, vec![read(field, Op::Eq, value)?]),
        [op] => {
            let unsupported = || Fault::UnsupportedOperator(op.chars().take(50).collect());
            let (_, code) = Op::NAMES.into_iter().find(|(name, _)| name == op).ok_or_else(unsupported)?;
            if !field.ops.contains(code) {
                return Err(unsupported());
            }
            (code, read_all(field, code, value)?)
        }
        _ => return Err(Fault::UnknownFilter),
    };
    Ok(Filter { field, key: key.map(str::to_owned), op, values })
}

fn read_all(field: &Field, op: Op, value: &str) -> Result<Vec<Value>, Fault> {
    match op {
        Op::OEq | Op::OContains => {
            let items: Vec<&str> = value.split(',').collect();
            if items.len() > MOST_ITEMS {
                return Err(Fault::TooManyItems(MOST_ITEMS));
            }
            items.into_iter().map(|item| read(field, op, item)).collect()
        }
        _ => Ok(vec![read(field, op, value)?]),
    }
}

fn read(field: &Field, op: Op, text: &str) -> Result<Value, Fault> {
    let boolean = || match text {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        _ => Err(Fault::NotABoolean),
    };
    match (op, field.kind) {
        (Op::Exists, _) | (_, Kind::Bool) => boolean(),
        (Op::Contains | Op::OContains, _) | (_, Kind::Text | Kind::Labels) => {
            Ok(Value::Text(text.to_owned()))
        }
        (_, Kind::Id) => uuid::Uuid::try_parse(text).map(Value::Id).map_err(|_| Fault::NotAUuid),
        (_, Kind::Int) => text.parse().map(Value::Int).map_err(|_| Fault::NotAnInteger),
        (_, Kind::Time) => text.parse().map(Value::Time).map_err(|_| Fault::NotATimestamp),
        (_, Kind::Word(words)) => {
            if words.contains(&text) {
                Ok(Value::Text(text.to_owned()))
            } else {
                Err(Fault::NotOneOf(words.iter().map(|&word| word.to_owned()).collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Limits, ListQuery, pairs};
    use proptest::prelude::*;

    static THINGS: Collection = Collection::numbered(
        "things",
        &[
            Field::text("name", Ops::STRING).sortable(),
            Field::new("id", Kind::Id, Ops::UUID),
            Field::boolean("active"),
            Field::new("updated_at", Kind::Time, Ops::ORDER).sortable(),
            Field::new("size", Kind::Int, Ops::ORDER),
            Field::new("labels", Kind::Labels, Ops::LABEL),
            Field::new("state", Kind::Word(&["ON", "OFF"]), Ops::EQ).aliases(&["status"]),
            Field::order("rank", Kind::Int),
        ],
    );

    fn filters(raw: &str) -> Result<Vec<Filter>, Vec<Fault>> {
        match ListQuery::parse(&pairs(raw).unwrap(), &THINGS, Limits::default()) {
            Ok(query) => Ok(query.filters),
            Err(crate::Problem::Invalid(faults)) => {
                Err(faults.into_iter().map(|fault| fault.fault).collect())
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn every_spelling_of_the_contract_is_understood() {
        for (raw, op, key) in [
            ("filter[name]=a", Op::Eq, None),
            ("filter%5Bname%5D%5Bcontains%5D=a", Op::Contains, None),
            ("filter[updated_at]", Op::Exists, None),
            ("filter[name][oeq]=a,b", Op::OEq, None),
            ("filter[labels.env][eq]=prod", Op::Eq, Some("env")),
            ("filter[labels][env][contains]=prod", Op::Contains, Some("env")),
            ("filter[labels.a.b][exists]=false", Op::Exists, Some("a.b")),
            ("filter[labels.env]=prod", Op::Eq, Some("env")),
            ("filter[status]=ON", Op::Eq, None),
            ("filter[updated_at][gte]=2024-01-01T00:00:00Z", Op::Gte, None),
            ("filter[size][lt]=7", Op::Lt, None),
        ] {
            let filters = filters(raw).unwrap();
            assert_eq!((filters[0].op, filters[0].key.as_deref()), (op, key), "{raw}");
        }
    }

    #[test]
    fn what_a_field_does_not_have_is_refused() {
        for (raw, fault) in [
            ("filter[nope]=1", Fault::UnknownFilter),
            ("filter=1", Fault::UnknownFilter),
            ("filter[]=1", Fault::UnknownFilter),
            ("filter[name", Fault::UnknownFilter),
            ("filter[labels]=1", Fault::UnknownFilter),
            ("filter[id][contains]=1", Fault::UnsupportedOperator("contains".into())),
            ("filter[rank]=1", Fault::UnknownFilter),
            ("filter[active][eq]=true", Fault::UnsupportedOperator("eq".into())),
            ("filter[active]=1", Fault::NotABoolean),
            ("filter[id]=1", Fault::NotAUuid),
            ("filter[size]=x", Fault::NotAnInteger),
            ("filter[updated_at][lt]=yesterday", Fault::NotATimestamp),
            ("filter[name]=a&filter[name]=b", Fault::Repeated),
        ] {
            assert_eq!(filters(raw).unwrap_err(), [fault], "{raw}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(raw: String) {
            if let Ok(pairs) = pairs(&raw) {
                let _ = ListQuery::parse(&pairs, &THINGS, Limits::default());
            }
        }
    }
}
