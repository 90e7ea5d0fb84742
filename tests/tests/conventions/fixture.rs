//! A collection for the filter mechanism alone: a table with a column of every kind, filled by the
//! test. No resource has them all, and the filtering document's own example has a field `name` that
//! users do not have.

use frame::{
    args,
    db::{Listing, OrgScope, PlatformScope, fold},
    from_row, org_sql,
};
use kernel::{
    Id, Labels, Problem, Timestamp,
    query::{Collection, Field, Kind, Limits, ListQuery, Ops, pairs},
};
use tests::TestApp;

/// What the fixture can be filtered and sorted by.
pub static PEOPLE: Collection = Collection::numbered(
    "fixture-people",
    &[
        Field::new("id", Kind::Id, Ops::UUID),
        Field::text("email", Ops::STRING),
        Field::text("name", Ops::STRING).sortable(),
        Field::text("full_name", Ops::STRING).sortable(),
        Field::boolean("active"),
        Field::new("created_at", Kind::Time, Ops::RANGE).sortable(),
        Field::new("updated_at", Kind::Time, Ops::ORDER).sortable(),
        Field::new("age", Kind::Int, Ops::ORDER).sortable(),
        Field::new("state", Kind::Word(&["ON", "OFF"]), Ops::EQ).aliases(&["status"]),
        Field::new("labels", Kind::Labels, Ops::LABEL),
    ],
);

static ALL: Listing = Listing {
    collection: &PEOPLE,
    columns: "t.full_name, t.updated_at",
    table: "fixture_people",
    condition: "",
    large: false,
};

const ON_SQLITE: &str = "CREATE TABLE fixture_people (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, org_id BLOB NOT NULL, id BLOB NOT NULL,
    email TEXT NOT NULL, email_folded TEXT NOT NULL, name TEXT, name_folded TEXT,
    full_name TEXT NOT NULL, full_name_folded TEXT NOT NULL, active BOOLEAN,
    created_at BIGINT NOT NULL, updated_at BIGINT, age BIGINT, state TEXT)";

const ON_POSTGRES: &str = "CREATE TABLE fixture_people (
    seq BIGINT GENERATED ALWAYS AS IDENTITY, org_id UUID NOT NULL, id UUID NOT NULL,
    email TEXT COLLATE \"C\" NOT NULL, email_folded TEXT COLLATE \"C\" NOT NULL, name TEXT COLLATE \"C\", name_folded TEXT COLLATE \"C\",
    full_name TEXT COLLATE \"C\" NOT NULL, full_name_folded TEXT COLLATE \"C\" NOT NULL, active BOOLEAN,
    created_at BIGINT NOT NULL, updated_at BIGINT, age BIGINT, state TEXT COLLATE \"C\")";

/// A row to be.
#[derive(Clone, Default)]
pub struct Person {
    /// Its id; must be a UUID.
    pub id: &'static str,
    /// Its e-mail.
    pub email: &'static str,
    /// Its name; may be missing.
    pub name: Option<&'static str>,
    /// Its full name, by which tests tell it apart.
    pub full_name: &'static str,
    /// Whether it is active, or not known.
    pub active: Option<bool>,
    /// When it was created.
    pub created_at: &'static str,
    /// When it was changed, if it was.
    pub updated_at: Option<&'static str>,
    /// Its age, if it is known.
    pub age: Option<i64>,
    /// `ON`, `OFF` or not known.
    pub state: Option<&'static str>,
    /// Its labels.
    pub labels: &'static [(&'static str, &'static str)],
}

struct Row {
    full_name: String,
    updated_at: Option<Timestamp>,
}

from_row!(Row { full_name, updated_at });

/// A fixture, filled.
pub struct People {
    scope: OrgScope,
}

/// A moment.
fn at(text: &str) -> Timestamp {
    text.parse().expect("a date-time")
}

impl People {
    /// Makes the table in the server's own database and fills it.
    pub async fn new(app: &TestApp, people: &[Person]) -> Self {
        let session = app.app.db.write();
        let sql = if app.app.db.is_postgres() { ON_POSTGRES } else { ON_SQLITE };
        PlatformScope::new(session.clone()).execute(sql, args![]).await.expect("the table is made");
        let scope = OrgScope::new(session.clone(), app.org);
        for person in people {
            let id: Id<()> = person.id.parse().expect("a UUID");
            let sql = org_sql!(
                "INSERT INTO fixture_people (org_id, id, email, email_folded, name, name_folded, full_name, full_name_folded, ",
                "active, created_at, updated_at, age, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            );
            let values = args![
                id,
                person.email,
                fold(person.email),
                person.name,
                person.name.map(fold),
                person.full_name,
                fold(person.full_name),
                person.active,
                at(person.created_at),
                person.updated_at.map(at),
                person.age,
                person.state
            ];
            scope.execute(sql, values).await.expect("a row");
            let labels =
                person.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            scope.labels_set("fixture-people", id, &Labels(labels)).await.expect("labels");
        }
        session.commit().await.expect("committed");
        Self { scope: OrgScope::new(app.app.db.read(), app.org) }
    }

    /// The full names of those that a query finds, in order.
    pub async fn find(&self, query: &str) -> Result<Vec<String>, Problem> {
        let query = ListQuery::parse(&pairs(query)?, &PEOPLE, Limits::default())?;
        let page = self.scope.page::<Row>(&ALL, args![], &query).await?;
        assert_eq!(
            page.meta.page.total,
            i64::try_from(page.data.len()).unwrap_or(-1),
            "the total is of what is found"
        );
        assert!(
            page.data.iter().all(|row| row.updated_at.is_none_or(|at| at.micros() > 0)),
            "dates come back"
        );
        Ok(page.data.into_iter().map(|row| row.full_name).collect())
    }
}
