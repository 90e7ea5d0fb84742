//! Lists: a parsed query over a declared collection becomes SQL with bound parameters.

use std::time::Duration;

use kernel::{
    Result, Timestamp,
    query::{Collection, Cursor, Filter, Kind, ListQuery, Op, Page, Value},
};
use serde::Serialize;

use super::{Arg, FromRow, OrgScope, Row, directory, scope::rows, search, session::composed};

/// What a list selects from. The main table is called `t` and has `org_id` and `seq`.
pub struct Listing {
    /// What may be filtered and sorted, and how it is paged.
    pub collection: &'static Collection,
    /// The selected columns.
    pub columns: &'static str,
    /// The table, e.g. `teams`.
    pub table: &'static str,
    /// A condition that always holds, with arguments from `$2` on; empty for none.
    pub condition: &'static str,
    /// Whether the table grows large, and so has a page directory and a search index.
    pub large: bool,
}

/// A numbered page: `{"meta": {"page": {…}}, "data": […]}`.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Paged<T> {
    /// Where this page stands.
    pub meta: Meta,
    /// The objects, in the order in which they were created unless sorted.
    pub data: Vec<T>,
}

/// Paging metadata.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "PaginatedMeta")]
pub struct Meta {
    /// The page.
    pub page: PageMeta,
}

/// Number, size and total of a page.
#[derive(Serialize, schemars::JsonSchema)]
pub struct PageMeta {
    /// Which page, from 1.
    pub number: i64,
    /// How many objects were asked for.
    pub size: i64,
    /// How many objects match on all pages together.
    pub total: i64,
}

impl<T> Paged<T> {
    /// A list that comes whole: one page that holds everything.
    pub fn whole(data: Vec<T>) -> Self {
        let total = i64::try_from(data.len()).unwrap_or(i64::MAX);
        Self { meta: Meta { page: PageMeta { number: 1, size: total, total } }, data }
    }

    /// The page that was asked for, of what is at hand whole.
    pub fn cut(mut data: Vec<T>, query: &ListQuery) -> Self {
        let Page::Number { number, size } = query.page else { return Self::whole(data) };
        let total = i64::try_from(data.len()).unwrap_or(i64::MAX);
        let size = i64::from(size);
        let start = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX).min(data.len());
        data.drain(..start);
        data.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Self { meta: Meta { page: PageMeta { number, size, total } }, data }
    }

    /// What is on it.
    pub fn items(&self) -> &[T] {
        &self.data
    }

    /// What is on it, to be completed.
    pub fn items_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The same page of something else.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Paged<U> {
        Paged { meta: self.meta, data: self.data.into_iter().map(convert).collect() }
    }
}

/// Rows around a cursor, and the cursors of the neighbouring pages.
pub struct CursorPage<T> {
    /// The objects.
    pub data: Vec<T>,
    /// How many were asked for.
    pub size: u32,
    /// `page[after]` of the next page.
    pub next: Option<String>,
    /// `page[before]` of the page in front.
    pub previous: Option<String>,
    /// `page[before]` of the last page.
    pub last: String,
}

impl<T> CursorPage<T> {
    /// The same page of something else.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> CursorPage<U> {
        CursorPage {
            data: self.data.into_iter().map(convert).collect(),
            size: self.size,
            next: self.next,
            previous: self.previous,
            last: self.last,
        }
    }
}

/// A row together with its place in the order.
struct Placed<T> {
    seq: i64,
    item: T,
}

impl<T: FromRow> FromRow for Placed<T> {
    fn from_row(row: Row<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self { seq: row.get("seq")?, item: T::from_row(row)? })
    }
}

/// SQL being written, with its arguments.
struct Writer {
    sql: String,
    args: Vec<Arg>,
}

impl Writer {
    /// Binds a value and returns its placeholder.
    fn bind(&mut self, value: impl Into<Arg>) -> String {
        self.args.push(value.into());
        format!("${}", self.args.len())
    }

    fn conditions(listing: &Listing, args: Vec<Arg>, filters: &[Filter]) -> Self {
        let mut writer = Self { sql: format!(" FROM {} t WHERE t.org_id = $1", listing.table), args };
        if !listing.condition.is_empty() {
            writer.sql.push_str(" AND ");
            writer.sql.push_str(listing.condition);
        }
        for filter in filters {
            let condition = writer.condition(filter, listing.collection.name);
            writer.sql.push_str(" AND ");
            writer.sql.push_str(&condition);
        }
        writer
    }

    /// Narrows what is read of a large table to what its search index finds.
    fn search(&mut self, scope: &OrgScope, listing: &Listing, filters: &[Filter]) {
        let contains = |filter: &&Filter| matches!(filter.op, Op::Contains | Op::OContains);
        for filter in filters.iter().filter(|filter| listing.large && contains(filter)) {
            let text = |value: &Value| match value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            };
            let Some(terms) = filter.values.iter().map(text).collect::<Option<Vec<String>>>() else {
                continue;
            };
            if scope.session.db().is_postgres() {
                let Some(tag) = search::postgres_tag(scope.org(), &terms) else { continue };
                let tag = self.bind(tag);
                let terms: Vec<String> = terms.iter().map(|term| self.bind(pattern(term))).collect();
                let terms = terms.iter().map(|term| format!("t.search LIKE {term} ESCAPE '\\'"));
                let terms = terms.collect::<Vec<_>>().join(" OR ");
                self.sql.push_str(&format!(" AND t.search LIKE {tag} AND ({terms})"));
            } else {
                let Some(pieces) = search::sqlite_match(scope.org(), &terms) else { continue };
                let (table, pieces) = (listing.table, self.bind(pieces));
                self.sql.push_str(&format!(
                    " AND t.seq IN (SELECT rowid FROM {table}_search WHERE {table}_search MATCH {pieces})"
                ));
            }
        }
    }

    fn condition(&mut self, filter: &Filter, collection: &str) -> String {
        let column = filter.field.column;
        if filter.field.kind != Kind::Labels {
            return self.compare(&format!("t.{column}"), filter);
        }
        // Labels stand in a table of their own, so that a filter on one finds an index.
        let key = self.bind(filter.key.as_deref().unwrap_or_default());
        let exists = format!(
            "EXISTS (SELECT 1 FROM labels l WHERE l.org_id = t.org_id AND l.collection = '{collection}' AND l.key = {key} AND l.owner_id = t.id"
        );
        match (filter.op, filter.values.first()) {
            (Op::Exists, Some(Value::Bool(true))) => format!("{exists})"),
            (Op::Exists, _) => format!("NOT {exists})"),
            _ => {
                let compared = self.compare("l.value", filter);
                format!("{exists} AND {compared})")
            }
        }
    }

    /// Replies show milliseconds and rows keep microseconds: what is shown as the same moment is the same.
    fn compare_moment(&mut self, column: &str, op: Op, at: Timestamp) -> String {
        let whole = at.micros() % 1000 == 0;
        let last = if whole { at.plus(Duration::from_micros(999)) } else { at };
        match op {
            Op::Lt => format!("{column} < {}", self.bind(at)),
            Op::Lte => format!("{column} <= {}", self.bind(last)),
            Op::Gt => format!("{column} > {}", self.bind(last)),
            Op::Gte => format!("{column} >= {}", self.bind(at)),
            _ => {
                let (first, last) = (self.bind(at), self.bind(last));
                format!("({column} >= {first} AND {column} <= {last})")
            }
        }
    }

    fn compare(&mut self, column: &str, filter: &Filter) -> String {
        if let [Value::Time(at)] = filter.values[..] {
            return self.compare_moment(column, filter.op, at);
        }
        let mut bound: Vec<String> = Vec::with_capacity(filter.values.len());
        for value in &filter.values {
            let arg = match (filter.op, value) {
                (Op::Exists, _) => continue,
                (Op::Contains | Op::OContains, Value::Text(text)) => Arg::from(pattern(text)),
                (_, Value::Text(text)) => Arg::from(text),
                (_, Value::Id(id)) => Arg::from(*id),
                (_, Value::Bool(on)) => Arg::from(*on),
                (_, Value::Int(number)) => Arg::from(*number),
                (_, Value::Time(at)) => Arg::from(*at),
            };
            bound.push(self.bind(arg));
        }
        let first = bound.first().map_or("NULL", String::as_str);
        let any = |test: &dyn Fn(&String) -> String| {
            let tests: Vec<String> = bound.iter().map(test).collect();
            format!("({})", tests.join(" OR "))
        };
        match filter.op {
            Op::Eq => format!("{column} = {first}"),
            Op::Neq => format!("({column} <> {first} OR {column} IS NULL)"),
            // Among none there is nothing, which not every database can be asked.
            Op::OEq if bound.is_empty() => "1 = 0".to_owned(),
            Op::OEq => format!("{column} IN ({})", bound.join(", ")),
            Op::Lt => format!("{column} < {first}"),
            Op::Lte => format!("{column} <= {first}"),
            Op::Gt => format!("{column} > {first}"),
            Op::Gte => format!("{column} >= {first}"),
            Op::Contains | Op::OContains => any(&|text| format!("{column}_folded LIKE {text} ESCAPE '\\'")),
            Op::Exists if filter.values.first() == Some(&Value::Bool(false)) => format!("{column} IS NULL"),
            Op::Exists => format!("{column} IS NOT NULL"),
        }
    }
}

/// A `LIKE` pattern for a text inside a folded column.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in fold(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// How text is folded for `contains`: here and not in SQL, since SQLite folds ASCII only.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

impl OrgScope {
    /// A numbered page with its exact total.
    pub async fn page<T: FromRow>(
        &self,
        listing: &Listing,
        args: Vec<Arg>,
        query: &ListQuery,
    ) -> Result<Paged<T>> {
        let Page::Number { number, size } = query.page else {
            return Ok(Paged::whole(self.whole(listing, args, query).await?));
        };
        let size = i64::from(size);
        let offset = (number - 1) * size;
        let everything = listing.large && query.filters.is_empty();
        if everything && query.sort.is_empty() {
            return self.page_by_directory(listing, number, size, offset).await;
        }
        let mut writer = Writer::conditions(listing, self.bind(args), &query.filters);
        writer.search(self, listing, &query.filters);
        let mut order = String::new();
        for (field, descending) in &query.sort {
            let direction = if *descending { "DESC NULLS LAST" } else { "ASC NULLS FIRST" };
            order.push_str(&format!("t.{} {direction}, ", field.column));
        }
        // What is equal is turned round with the rest, so that one index serves both directions.
        let last = query.sort.last().is_some_and(|(_, descending)| *descending);
        let last = if last { "DESC" } else { "ASC" };
        let (Listing { columns, table, .. }, conditions) = (listing, &writer.sql);
        let cut = format!("{conditions} ORDER BY {order}t.seq {last} LIMIT {size} OFFSET {offset}");
        // What is skipped is counted off in the index that sorts; only the page itself is read from the table.
        // SQLite does so by itself, and would walk the whole index were it asked in two steps.
        let sql = if offset == 0 || !listing.large || !self.session.db().is_postgres() {
            format!("SELECT {columns}{cut}")
        } else {
            format!(
                "SELECT {columns} FROM {table} t WHERE t.org_id = $1 AND t.seq IN (SELECT t.seq{cut}) \
                 ORDER BY {order}t.seq {last}"
            )
        };
        let data: Vec<T> = rows(self, composed(sql), writer.args.clone()).await?;
        let found = i64::try_from(data.len()).unwrap_or(size);
        // A page that is not full, and not past the end, is the last one: the total is known.
        let total = if found < size && (found > 0 || offset == 0) {
            offset + found
        } else if everything {
            directory::place(self, listing.table, 0).await?.total
        } else {
            let sql = format!("SELECT COUNT(*) AS value{}", writer.sql);
            rows::<(i64,)>(self, composed(sql), writer.args).await?.first().map_or(0, |(count,)| *count)
        };
        Ok(Paged { meta: Meta { page: PageMeta { number, size, total } }, data })
    }

    /// A page of everything, found through the page directory.
    async fn page_by_directory<T: FromRow>(
        &self,
        listing: &Listing,
        number: i64,
        size: i64,
        offset: i64,
    ) -> Result<Paged<T>> {
        let place = directory::place(self, listing.table, offset).await?;
        let Listing { columns, table, .. } = listing;
        let sql = format!(
            "SELECT {columns} FROM {table} t WHERE t.org_id = $1 AND t.seq >= $2 ORDER BY t.seq LIMIT {size} OFFSET {}",
            place.skip
        );
        let data = if offset < place.total {
            rows(self, composed(sql), self.bind(vec![place.from.into()])).await?
        } else {
            vec![]
        };
        Ok(Paged { meta: Meta { page: PageMeta { number, size, total: place.total } }, data })
    }

    /// Everything that matches.
    pub async fn whole<T: FromRow>(
        &self,
        listing: &Listing,
        args: Vec<Arg>,
        query: &ListQuery,
    ) -> Result<Vec<T>> {
        let writer = Writer::conditions(listing, self.bind(args), &query.filters);
        let sql = format!("SELECT {}{} ORDER BY t.seq", listing.columns, writer.sql);
        Ok(rows(self, composed(sql), writer.args).await?)
    }

    /// The rows around a cursor; `newest_first` turns the order round.
    pub async fn around<T: FromRow>(
        &self,
        listing: &Listing,
        args: Vec<Arg>,
        query: &ListQuery,
        newest_first: bool,
    ) -> Result<CursorPage<T>> {
        let (at, size) = match query.page {
            Page::Cursor { at, size } => (at, size),
            Page::Number { size, .. } => (Cursor::Start, size),
            Page::Whole => (Cursor::Start, u32::MAX >> 1),
        };
        let mut writer = Writer::conditions(listing, self.bind(args), &query.filters);
        let backwards = matches!(at, Cursor::Before(_));
        // One more than asked for tells whether there is another page on that side.
        let (ascending, place) = match at {
            Cursor::Start => (!newest_first, None),
            Cursor::After(seq) => (!newest_first, Some(seq)),
            Cursor::Before(seq) => (newest_first, Some(seq)),
        };
        if let Some(seq) = place {
            let seq = writer.bind(seq);
            writer.sql.push_str(&format!(" AND t.seq {} {seq}", if ascending { ">" } else { "<" }));
        }
        let direction = if ascending { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT t.seq, {}{} ORDER BY t.seq {direction} LIMIT {}",
            listing.columns,
            writer.sql,
            size + 1
        );
        let mut found: Vec<Placed<T>> = rows(self, composed(sql), writer.args).await?;
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        if backwards {
            found.reverse();
        }
        let first = found.first().map(|row| Cursor::encode(row.seq));
        let last = found.last().map(|row| Cursor::encode(row.seq));
        // In front of the end of all numbers stands the last page.
        let end = if newest_first { i64::MIN } else { i64::MAX };
        let (next, previous) = match at {
            Cursor::Before(seq) if seq == end => (None, first.filter(|_| more)),
            Cursor::Start => (last.filter(|_| more), None),
            Cursor::After(_) => (last.filter(|_| more), first),
            Cursor::Before(_) => (last, first.filter(|_| more)),
        };
        let data = found.into_iter().map(|row| row.item).collect();
        Ok(CursorPage { data, size, next, previous, last: Cursor::encode(end) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_terms_are_taken_literally() {
        assert_eq!(pattern("50%_\\Ä"), "%50\\%\\_\\\\ä%");
    }
}
