//! A connection to the database beside the server's own, for what no reply shows.

use std::collections::BTreeMap;

use frame::db::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

/// The connection.
pub enum Beside {
    /// To a SQLite file.
    Sqlite(SqliteConnection),
    /// To a PostgreSQL database.
    Postgres(PgConnection),
}

impl Beside {
    /// Connects.
    pub async fn connect(url: &DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::Postgres(url) => {
                Self::Postgres(PgConnection::connect(url).await.expect("the database answers"))
            }
            DatabaseUrl::SqliteFile(path) => {
                let patience = std::time::Duration::from_secs(10);
                let options = SqliteConnectOptions::new().filename(path).busy_timeout(patience);
                Self::Sqlite(SqliteConnection::connect_with(&options).await.expect("the database opens"))
            }
            DatabaseUrl::SqliteMemory => panic!("a database in memory has no second connection"),
        }
    }

    /// Runs SQL, also several statements; the last column of each row, as text.
    pub async fn query(&mut self, sql: &str) -> Vec<String> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(conn) => {
                let rows = sql.fetch_all(conn).await.expect("the statement is good");
                rows.iter().map(|row| row.get_unchecked(row.len() - 1)).collect()
            }
            Self::Postgres(conn) => {
                let rows = sql.fetch_all(conn).await.expect("the statement is good");
                rows.iter().map(|row| row.get_unchecked(row.len() - 1)).collect()
            }
        }
    }

    /// The names of the tables, those of the databases themselves left out.
    pub async fn tables(&mut self) -> Vec<String> {
        self.query(match self {
            Self::Sqlite(_) => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
            }
            Self::Postgres(_) => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
            }
        })
        .await
    }

    /// Everything that is stored: the rows of each table as text, bytes in hexadecimal.
    pub async fn dump(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::new();
        for table in self.tables().await {
            let row = match self {
                Self::Postgres(_) => "t::text".to_owned(),
                Self::Sqlite(_) => {
                    let columns = self.query(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
                    let quoted: Vec<String> =
                        columns.iter().map(|column| format!("quote(t.\"{column}\")")).collect();
                    quoted.join(" || ' ' || ")
                }
            };
            let rows = self.query(&format!("SELECT {row} FROM {table} t ORDER BY 1")).await;
            all.insert(table, rows);
        }
        all
    }
}
