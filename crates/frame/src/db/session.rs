//! One request's view of the database.

use std::sync::Arc;

use sqlx::{
    Arguments, AssertSqlSafe, Postgres, SqlSafeStr, SqlStr, Transaction, pool::PoolConnection,
    postgres::PgArguments, sqlite::SqliteArguments,
};
use tokio::sync::Mutex;

use super::{Arg, Db, DbError, Engine, FromRow, Row, sqlite};

/// Whether a session may write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Statements see what is committed.
    Read,
    /// All statements are one transaction.
    Write,
}

/// A lazily opened connection or transaction, shared by all that one request does.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    db: Db,
    mode: Mode,
    conn: Mutex<Option<Conn>>,
}

enum Conn {
    SqliteRead(sqlite::SqliteReader),
    SqliteWrite(sqlite::SqliteWriter),
    PostgresRead(PoolConnection<Postgres>),
    PostgresWrite(Transaction<'static, Postgres>),
}

/// The connection as its driver has it.
enum Native<'c> {
    Sqlite(&'c mut sqlx::SqliteConnection),
    Postgres(&'c mut sqlx::PgConnection),
}

impl Conn {
    async fn open(db: &Db, mode: Mode) -> Result<Self, sqlx::Error> {
        Ok(match (&*db.engine, mode) {
            (Engine::Sqlite(sqlite), Mode::Read) => Self::SqliteRead(sqlite.read().await?),
            (Engine::Sqlite(sqlite), Mode::Write) => Self::SqliteWrite(sqlite.write().await?),
            (Engine::Postgres(pool), Mode::Read) => Self::PostgresRead(pool.acquire().await?),
            (Engine::Postgres(pool), Mode::Write) => Self::PostgresWrite(pool.begin().await?),
        })
    }

    fn native(&mut self) -> Result<Native<'_>, sqlx::Error> {
        Ok(match self {
            Self::SqliteRead(reader) => Native::Sqlite(reader.conn()?),
            Self::SqliteWrite(writer) => Native::Sqlite(writer.conn()?),
            Self::PostgresRead(conn) => Native::Postgres(conn),
            Self::PostgresWrite(transaction) => Native::Postgres(transaction),
        })
    }
}

impl Session {
    pub(super) fn new(db: Db, mode: Mode) -> Self {
        Self(Arc::new(Inner { db, mode, conn: Mutex::new(None) }))
    }

    /// The database behind it.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// Keeps what was written. Does nothing if nothing was asked.
    pub async fn commit(&self) -> Result<(), DbError> {
        match self.0.conn.lock().await.take() {
            Some(Conn::SqliteWrite(writer)) => Ok(writer.commit().await?),
            Some(Conn::PostgresWrite(transaction)) => Ok(transaction.commit().await?),
            Some(Conn::SqliteRead(_) | Conn::PostgresRead(_)) | None => Ok(()),
        }
    }

    /// Gives up what was written, and the connection.
    pub async fn rollback(&self) {
        match self.0.conn.lock().await.take() {
            // Waiting for the rollback keeps the next request on this connection from doing it.
            Some(Conn::PostgresWrite(transaction)) => {
                if let Err(error) = transaction.rollback().await {
                    tracing::warn!(%error, "a rollback failed");
                }
            }
            other => drop(other),
        }
    }

    /// Rows of a query.
    pub(super) async fn all<T: FromRow>(&self, sql: SqlStr, args: Vec<Arg>) -> Result<Vec<T>, DbError> {
        let mut conn = self.0.conn.lock().await;
        let conn = self.opened(&mut conn).await?;
        Ok(match conn.native()? {
            Native::Sqlite(conn) => {
                let rows = sqlx::query_with(sql, sqlite_arguments(args)?).fetch_all(conn).await?;
                rows.iter().map(|row| T::from_row(Row::Sqlite(row))).collect::<Result<_, _>>()?
            }
            Native::Postgres(conn) => {
                let rows = sqlx::query_with(sql, postgres_arguments(args)?).fetch_all(conn).await?;
                rows.iter().map(|row| T::from_row(Row::Postgres(row))).collect::<Result<_, _>>()?
            }
        })
    }

    /// The first row of a query, if there is one.
    pub(super) async fn optional<T: FromRow>(
        &self,
        sql: SqlStr,
        args: Vec<Arg>,
    ) -> Result<Option<T>, DbError> {
        let mut conn = self.0.conn.lock().await;
        let conn = self.opened(&mut conn).await?;
        Ok(match conn.native()? {
            Native::Sqlite(conn) => {
                let row = sqlx::query_with(sql, sqlite_arguments(args)?).fetch_optional(conn).await?;
                row.map(|row| T::from_row(Row::Sqlite(&row))).transpose()?
            }
            Native::Postgres(conn) => {
                let row = sqlx::query_with(sql, postgres_arguments(args)?).fetch_optional(conn).await?;
                row.map(|row| T::from_row(Row::Postgres(&row))).transpose()?
            }
        })
    }

    /// Runs a statement; returns how many rows it touched.
    pub(super) async fn execute(&self, sql: SqlStr, args: Vec<Arg>) -> Result<u64, DbError> {
        let mut conn = self.0.conn.lock().await;
        let conn = self.opened(&mut conn).await?;
        Ok(match conn.native()? {
            Native::Sqlite(conn) => {
                sqlx::query_with(sql, sqlite_arguments(args)?).execute(conn).await?.rows_affected()
            }
            Native::Postgres(conn) => {
                sqlx::query_with(sql, postgres_arguments(args)?).execute(conn).await?.rows_affected()
            }
        })
    }

    async fn opened<'c>(&self, conn: &'c mut Option<Conn>) -> Result<&'c mut Conn, sqlx::Error> {
        if conn.is_none() {
            *conn = Some(Conn::open(&self.0.db, self.0.mode).await?);
        }
        conn.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Makes sessions that name the same thing wait for each other until they end. SQLite has one
    /// writer, so there they already do.
    pub async fn serialize(&self, name: &str) -> Result<(), DbError> {
        if self.0.db.is_postgres() {
            let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
            self.execute(sql.into_sql_str(), vec![name.into()]).await?;
        }
        Ok(())
    }
}

/// SQL that was put together from parts that no request supplied.
pub(super) fn composed(sql: String) -> SqlStr {
    AssertSqlSafe(sql).into_sql_str()
}

fn sqlite_arguments(args: Vec<Arg>) -> Result<SqliteArguments, sqlx::Error> {
    let mut all = SqliteArguments::default();
    for arg in args {
        match arg {
            Arg::Text(value) => all.add(value),
            Arg::Int(value) => all.add(value),
            Arg::Bool(value) => all.add(value),
            Arg::Uuid(value) => all.add(value),
            Arg::Bytes(value) => all.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(all)
}

fn postgres_arguments(args: Vec<Arg>) -> Result<PgArguments, sqlx::Error> {
    let mut all = PgArguments::default();
    for arg in args {
        match arg {
            Arg::Text(value) => all.add(value),
            Arg::Int(value) => all.add(value),
            Arg::Bool(value) => all.add(value),
            Arg::Uuid(value) => all.add(value),
            Arg::Bytes(value) => all.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(all)
}
