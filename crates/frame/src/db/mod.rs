//! The database: one code path over SQLite and PostgreSQL.
//!
//! A request has one [`Session`]. Reading, it borrows a connection at its first statement; writing,
//! it opens one transaction there, which the dispatcher commits after the handler has succeeded and
//! before the client is answered. Statements are reached through scopes only: [`OrgScope`] binds the
//! organization as `$1` of every statement, [`PlatformScope`] is for the few directory tables that
//! are read before an organization is known.

mod directory;
mod labels;
mod list;
mod migrate;
mod row;
mod scope;
mod sealed;
mod search;
mod session;
mod snapshots;
mod sqlite;

use std::{sync::Arc, time::Duration};

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use directory::close_chunks;
pub use list::{CursorPage, Listing, PageMeta, Paged, fold};
pub use migrate::{MigrationFault, latest as latest_schema};
pub use row::{Arg, Column, FromRow, Nonsense, RawColumn, Row};
pub use scope::{OrgScope, OrgSql, PlatformScope};
pub use sealed::{RowKey, SealedColumn};
pub use search::search_text;
pub use session::{Mode, Session};
pub use snapshots::is_snapshot_name;

use kernel::Problem;

/// Where the data is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file.
    SqliteFile(std::path::PathBuf),
    /// A SQLite database that dies with the process.
    SqliteMemory,
    /// A PostgreSQL database; the URL may hold a password.
    Postgres(String),
}

impl DatabaseUrl {
    /// Reads `sqlite:PATH`, `sqlite::memory:`, `postgres://…` or `postgresql://…`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return text
                .parse::<PgConnectOptions>()
                .map(|_| Self::Postgres(text.to_owned()))
                .map_err(|_| "must be a valid postgres:// URL");
        }
        match text.strip_prefix("sqlite:") {
            Some(":memory:") => Ok(Self::SqliteMemory),
            Some(path) if !path.trim_start_matches('/').is_empty() => {
                Ok(Self::SqliteFile(path.strip_prefix("//").unwrap_or(path).into()))
            }
            _ => Err("must be sqlite:PATH, sqlite::memory: or postgres://…"),
        }
    }

    /// The URL without its password, for people.
    pub fn masked(&self) -> String {
        match self {
            Self::SqliteFile(path) => format!("sqlite:{}", path.display()),
            Self::SqliteMemory => "sqlite::memory:".to_owned(),
            Self::Postgres(url) => masked(url),
        }
    }
}

/// A URL without its password, which may also stand in a parameter; any other text as it is.
pub fn masked(text: &str) -> String {
    let mut shown = match (text.find("://"), text.rfind('@')) {
        (Some(start), Some(at)) if start + 3 < at => {
            let user = text[start + 3..at].split(':').next().unwrap_or_default();
            format!("{}{user}:***{}", &text[..start + 3], &text[at..])
        }
        _ => text.to_owned(),
    };
    if let Some(start) = shown.find("password=").map(|at| at + "password=".len()) {
        let end = shown[start..].find('&').map_or(shown.len(), |length| start + length);
        shown.replace_range(start..end, "***");
    }
    shown
}

/// A failure of the database, sorted by what to do about it.
#[derive(Debug)]
pub enum DbError {
    /// A unique constraint would be broken.
    Unique,
    /// A referenced row is gone.
    Reference,
    /// The transaction lost against another; run it again.
    Again,
    /// Anything else.
    Other(sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(fault) = &error else { return Self::Other(error) };
        match fault.code().as_deref() {
            // PostgreSQL: serialization failure, deadlock. SQLite: busy, also with a snapshot.
            Some("40001" | "40P01" | "5" | "261" | "517") => Self::Again,
            _ if fault.is_unique_violation() => Self::Unique,
            _ if fault.is_foreign_key_violation() => Self::Reference,
            _ => Self::Other(error),
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unique => Self::Conflict("An object with these unique values already exists".to_owned()),
            DbError::Reference => Self::NotFound("referenced object"),
            DbError::Again => Self::Again,
            DbError::Other(sqlx::Error::PoolTimedOut) => {
                Self::Unavailable("The database has no free connection")
            }
            DbError::Other(error) => Self::Internal(Box::new(error)),
        }
    }
}

/// Turns a broken unique constraint into a conflict with a text of its own.
pub trait OnConflict<T> {
    /// The 409 that a client sees.
    fn on_conflict(self, detail: impl FnOnce() -> String) -> Result<T, Problem>;
}

impl<T> OnConflict<T> for Result<T, DbError> {
    fn on_conflict(self, detail: impl FnOnce() -> String) -> Result<T, Problem> {
        self.map_err(|error| match error {
            DbError::Unique => Problem::Conflict(detail()),
            other => other.into(),
        })
    }
}

/// The database of this process.
#[derive(Clone)]
pub struct Db {
    engine: Arc<Engine>,
}

enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(PgPool),
}

/// What may be set about connections.
#[derive(Clone, Copy, Debug)]
pub struct PoolSettings {
    /// Most connections for reading (SQLite) or at all (PostgreSQL).
    pub connections: u32,
}

impl Db {
    /// Opens the database, creating the SQLite file if it does not exist.
    pub async fn open(url: &DatabaseUrl, pool: PoolSettings) -> Result<Self, sqlx::Error> {
        let engine = match url {
            DatabaseUrl::SqliteFile(path) => {
                Engine::Sqlite(sqlite::Sqlite::open(Some(path), pool.connections).await?)
            }
            DatabaseUrl::SqliteMemory => Engine::Sqlite(sqlite::Sqlite::open(None, pool.connections).await?),
            DatabaseUrl::Postgres(url) => {
                let options: PgConnectOptions = url.parse()?;
                let pool = PgPoolOptions::new()
                    .max_connections(pool.connections)
                    .acquire_timeout(Duration::from_secs(5))
                    // A ping before each use would cost as much as the statement itself; a broken
                    // connection shows at its first use and is dropped.
                    .test_before_acquire(false)
                    .connect_with(options.application_name("latchkey"))
                    .await?;
                Engine::Postgres(pool)
            }
        };
        Ok(Self { engine: Arc::new(engine) })
    }

    /// A session that reads.
    pub fn read(&self) -> Session {
        Session::new(self.clone(), Mode::Read)
    }

    /// A session that writes, in one transaction.
    pub fn write(&self) -> Session {
        Session::new(self.clone(), Mode::Write)
    }

    /// Whether this is PostgreSQL, for the few statements that differ.
    pub fn is_postgres(&self) -> bool {
        matches!(*self.engine, Engine::Postgres(_))
    }

    /// The PostgreSQL pool, for listening to notifications.
    pub(crate) fn postgres(&self) -> Option<&PgPool> {
        match &*self.engine {
            Engine::Postgres(pool) => Some(pool),
            Engine::Sqlite(_) => None,
        }
    }

    /// Connections in use and open.
    pub fn connections(&self) -> (usize, usize) {
        let (size, idle) = match &*self.engine {
            Engine::Postgres(pool) => (pool.size() as usize, pool.num_idle()),
            Engine::Sqlite(sqlite) => sqlite.connections(),
        };
        (size.saturating_sub(idle), size)
    }

    /// Ends all connections, after what runs has finished.
    pub async fn close(&self) {
        match &*self.engine {
            Engine::Postgres(pool) => pool.close().await,
            Engine::Sqlite(sqlite) => sqlite.close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_passwords_masked() {
        assert!(DatabaseUrl::parse("sqlite::memory:").is_ok_and(|url| url == DatabaseUrl::SqliteMemory));
        assert_eq!(
            DatabaseUrl::parse("sqlite:data/x.db").ok().map(|url| url.masked()).as_deref(),
            Some("sqlite:data/x.db")
        );
        assert_eq!(
            DatabaseUrl::parse("sqlite:///tmp/x.db").ok().map(|url| url.masked()).as_deref(),
            Some("sqlite:/tmp/x.db")
        );
        let url = DatabaseUrl::parse("postgres://ann:s3cret@db.example/latchkey").ok().unwrap();
        assert_eq!(url.masked(), "postgres://ann:***@db.example/latchkey");
        assert_eq!(masked("postgres://x/y?password=s3cret&port=1"), "postgres://x/y?password=***&port=1");
        for bad in ["", "sqlite:", "mysql://x", "latchkey.db"] {
            assert!(DatabaseUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
