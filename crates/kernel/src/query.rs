//! Query strings of lists: filters, sorting and paging, read against the declaration of a
//! collection.

mod filter;
mod page;
mod sort;

use percent_encoding::percent_decode_str;

pub use filter::{Field, Filter, Kind, Op, Ops, Value};
pub use page::{Cursor, Limits, Page, PageStyle};

use crate::{Fault, Invalid, Problem};

/// A list that can be filtered, sorted and paged: a resource declares one as data.
#[derive(Debug)]
pub struct Collection {
    /// Its name, for the page directory and error texts.
    pub name: &'static str,
    /// What it can be filtered and sorted by.
    pub fields: &'static [Field],
    /// How it is paged.
    pub paging: PageStyle,
    /// The page size when the client names none, where it is not the operator's default.
    pub page_size: Option<u32>,
}

impl Collection {
    /// A collection paged by number.
    pub const fn numbered(name: &'static str, fields: &'static [Field]) -> Self {
        Self { name, fields, paging: PageStyle::Number, page_size: None }
    }

    /// A collection paged by cursor.
    pub const fn cursored(name: &'static str, fields: &'static [Field]) -> Self {
        Self { name, fields, paging: PageStyle::Cursor, page_size: None }
    }

    /// A collection that comes whole.
    pub const fn whole(name: &'static str, fields: &'static [Field]) -> Self {
        Self { name, fields, paging: PageStyle::Whole, page_size: None }
    }

    /// The page sizes of this collection.
    pub fn limits(&self, limits: Limits) -> Limits {
        Limits { default_size: self.page_size.unwrap_or(limits.default_size).min(limits.max_size), ..limits }
    }

    fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name || field.aliases.contains(&name))
    }
}

/// A parsed list query.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// All must hold.
    pub filters: Vec<Filter>,
    /// Columns to sort by, each with "descending".
    pub sort: Vec<(&'static Field, bool)>,
    /// Which part of the result.
    pub page: Page,
}

/// One `name=value` of a query string, decoded; the value is `None` without `=`.
pub type Pair = (String, Option<String>);

/// Longest query string that is looked at.
const LONGEST: usize = 16 * 1024;

/// Splits and decodes a raw query string (`application/x-www-form-urlencoded`).
pub fn pairs(raw: &str) -> Result<Vec<Pair>, Problem> {
    if raw.len() > LONGEST {
        return Err(Problem::Invalid(vec![Invalid::query("query", Fault::TooLong(LONGEST))]));
    }
    raw.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn pair(part: &str) -> Result<Pair, Problem> {
    let bad = |name: &str, reason: &str| {
        Problem::Invalid(vec![Invalid::query(name, Fault::Rule(reason.to_owned()))])
    };
    let decode = |text: &str, name: &str| {
        let plus = text.replace('+', " ");
        let decoded = percent_decode_str(&plus).decode_utf8().map_err(|_| bad(name, "is not UTF-8"))?;
        if decoded.contains('\0') {
            return Err(bad(name, "must not contain the NUL character"));
        }
        Ok(decoded.into_owned())
    };
    let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
    let name = decode(name, "query")?;
    let value = value.map(|value| decode(value, &name)).transpose()?;
    Ok((name, value))
}

/// The id, as a condition of ours and not of a request's.
static ID: Field = Field::new("id", Kind::Id, Ops::UUID);

impl ListQuery {
    /// Everything that is of one of these in a field.
    pub fn of<T>(field: &'static Field, ids: impl IntoIterator<Item = crate::Id<T>>) -> Self {
        let mut query = Self { filters: Vec::new(), sort: Vec::new(), page: Page::Whole };
        query.only_of(field, ids);
        query
    }

    /// Leaves out all but the objects with these ids.
    pub fn only<T>(&mut self, ids: impl IntoIterator<Item = crate::Id<T>>) {
        self.only_of(&ID, ids);
    }

    /// Leaves out all but the objects that have one of these ids in a field.
    pub fn only_of<T>(&mut self, field: &'static Field, ids: impl IntoIterator<Item = crate::Id<T>>) {
        let values = ids.into_iter().map(|id| Value::Id(id.uuid())).collect();
        self.filters.push(Filter { field, key: None, op: Op::OEq, values });
    }

    /// Takes out what a field has to be equal to, for whoever compares it otherwise.
    pub fn take(&mut self, field: &str) -> Option<String> {
        let place = self.filters.iter().position(|filter| filter.field.name == field)?;
        match self.filters.remove(place).values.into_iter().next() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Reads the parameters of a list; fails with every fault.
    pub fn parse(pairs: &[Pair], collection: &'static Collection, limits: Limits) -> Result<Self, Problem> {
        let mut faults = Vec::new();
        let filters = filter::parse(pairs, collection, &mut faults);
        let sort = sort::parse(pairs, collection, &mut faults);
        let page = page::parse(pairs, collection.paging, collection.limits(limits), &mut faults);
        if faults.is_empty() { Ok(Self { filters, sort, page }) } else { Err(Problem::Invalid(faults)) }
    }
}
