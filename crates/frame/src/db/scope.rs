//! The only doors to statements.

use kernel::OrgId;
use sqlx::{SqlSafeStr, SqlStr};

use super::{Arg, DbError, FromRow, Session};

/// A fixed statement on an organization's tables. It names `org_id` and `$1`, or it does not compile.
#[derive(Clone, Copy)]
pub struct OrgSql(&'static str);

impl OrgSql {
    /// Checks a statement; for [`crate::org_sql`], which calls it while compiling.
    pub const fn checked(sql: &'static str) -> Self {
        assert!(holds(sql.as_bytes(), b"org_id"), "a statement on an organization's table must name org_id");
        assert!(holds(sql.as_bytes(), b"$1"), "a statement on an organization's table must bind $1");
        Self(sql)
    }
}

const fn holds(text: &[u8], part: &[u8]) -> bool {
    let mut start = 0;
    while start + part.len() <= text.len() {
        let mut n = 0;
        while n < part.len() && text[start + n] == part[n] {
            n += 1;
        }
        if n == part.len() {
            return true;
        }
        start += 1;
    }
    false
}

/// A fixed statement bound to the organization of its scope: `$1` is the organization.
#[macro_export]
macro_rules! org_sql {
    ($($part:expr),+ $(,)?) => {{
        const SQL: $crate::db::OrgSql = $crate::db::OrgSql::checked(concat!($($part),+));
        SQL
    }};
}

/// A session bound to one organization. `$1` of every statement is that organization's id; the given
/// arguments follow from `$2`.
#[derive(Clone)]
pub struct OrgScope {
    pub(super) session: Session,
    org: OrgId,
}

impl OrgScope {
    /// Binds a session to an organization.
    pub const fn new(session: Session, org: OrgId) -> Self {
        Self { session, org }
    }

    /// The organization.
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// The same transaction, for the directory tables.
    pub fn platform(&self) -> PlatformScope {
        PlatformScope { session: self.session.clone() }
    }

    /// Rows of a query.
    pub async fn all<T: FromRow>(&self, sql: OrgSql, args: Vec<Arg>) -> Result<Vec<T>, DbError> {
        self.session.all(sql.0.into_sql_str(), self.bind(args)).await
    }

    /// The first row of a query, if there is one.
    pub async fn optional<T: FromRow>(&self, sql: OrgSql, args: Vec<Arg>) -> Result<Option<T>, DbError> {
        self.session.optional(sql.0.into_sql_str(), self.bind(args)).await
    }

    /// Runs a statement; returns how many rows it touched.
    pub async fn execute(&self, sql: OrgSql, args: Vec<Arg>) -> Result<u64, DbError> {
        self.session.execute(sql.0.into_sql_str(), self.bind(args)).await
    }

    /// Counts; the statement's one column is called `value`.
    pub async fn count(&self, sql: OrgSql, args: Vec<Arg>) -> Result<i64, DbError> {
        Ok(self.optional::<(i64,)>(sql, args).await?.map_or(0, |(count,)| count))
    }

    /// Makes sessions of this organization that name the same thing wait for each other.
    pub async fn serialize(&self, name: &str) -> Result<(), DbError> {
        self.session.serialize(&format!("{}/{name}", self.org)).await
    }

    pub(super) fn bind(&self, mut args: Vec<Arg>) -> Vec<Arg> {
        args.insert(0, self.org.into());
        args
    }
}

/// A session on the directory tables, which are read before the organization is known: persons by
/// e-mail, credentials by hash, login paths, invite links, external subjects, keys.
#[derive(Clone)]
pub struct PlatformScope {
    session: Session,
}

impl PlatformScope {
    /// Opens the directory.
    pub const fn new(session: Session) -> Self {
        Self { session }
    }

    /// The same transaction, bound to an organization.
    pub fn org(&self, org: OrgId) -> OrgScope {
        OrgScope::new(self.session.clone(), org)
    }

    /// The session.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Rows of a query.
    pub async fn all<T: FromRow>(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<T>, DbError> {
        self.session.all(sql.into_sql_str(), args).await
    }

    /// The first row of a query, if there is one.
    pub async fn optional<T: FromRow>(
        &self,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> Result<Option<T>, DbError> {
        self.session.optional(sql.into_sql_str(), args).await
    }

    /// Runs a statement; returns how many rows it touched.
    pub async fn execute(&self, sql: &'static str, args: Vec<Arg>) -> Result<u64, DbError> {
        self.session.execute(sql.into_sql_str(), args).await
    }
}

/// A statement put together by [`super::list`].
pub(super) async fn rows<T: FromRow>(
    scope: &OrgScope,
    sql: SqlStr,
    args: Vec<Arg>,
) -> Result<Vec<T>, DbError> {
    scope.session.all(sql, args).await
}
