//! A fresh database for each test.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use frame::db::DatabaseUrl;
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions,
};

/// Which database a test runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own in the server that `TEST_DATABASE_URL` names.
    Postgres,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database that goes away with the test.
pub struct Fresh {
    /// Its URL.
    pub url: DatabaseUrl,
    /// A directory of the test's own.
    pub directory: std::path::PathBuf,
}

impl Fresh {
    /// Makes one.
    pub async fn new(engine: Engine) -> Self {
        let name = format!("latchkey_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let directory = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&directory).expect("a test needs a directory");
        let url = match engine {
            Engine::Sqlite => DatabaseUrl::SqliteFile(directory.join("latchkey.db")),
            Engine::Postgres => {
                let server = std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL");
                let mut admin = PgConnection::connect(&server).await.expect("TEST_DATABASE_URL answers");
                admin
                    .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
                    .await
                    .expect("a database is made");
                let base = server.rsplit_once('/').map_or(server.as_str(), |(base, _)| base);
                DatabaseUrl::Postgres(format!("{base}/{name}"))
            }
        };
        Self { url, directory }
    }
}

impl Fresh {
    /// Runs SQL beside the server, on a connection of its own; the last column of each row, as text.
    pub async fn query(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.url {
            DatabaseUrl::Postgres(url) => {
                let mut conn = PgConnection::connect(url).await.expect("the database answers");
                let rows = sqlx::raw_sql(sql).fetch_all(&mut conn).await.expect("the statement is good");
                rows.iter().map(|row| row.get_unchecked(row.len() - 1)).collect()
            }
            DatabaseUrl::SqliteFile(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .busy_timeout(std::time::Duration::from_secs(10));
                let mut conn = SqliteConnection::connect_with(&options).await.expect("the database opens");
                let rows = sqlx::raw_sql(sql).fetch_all(&mut conn).await.expect("the statement is good");
                rows.iter().map(|row| row.get_unchecked(row.len() - 1)).collect()
            }
            DatabaseUrl::SqliteMemory => panic!("a database in memory has no second connection"),
        }
    }

    /// The names of the tables, those of the databases themselves left out.
    pub async fn tables(&self) -> Vec<String> {
        self.query(match &self.url {
            DatabaseUrl::Postgres(_) => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
            }
            _ => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
        })
        .await
    }

    /// Everything that is stored: the rows of each table as text, bytes in hexadecimal.
    pub async fn dump(&self) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::new();
        for table in self.tables().await {
            let sql = match &self.url {
                DatabaseUrl::Postgres(_) => format!("SELECT t::text FROM {table} t ORDER BY 1"),
                _ => {
                    let columns = self.query(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
                    let quoted: Vec<String> =
                        columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
                    format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ' ' || "))
                }
            };
            let rows = self.query(&sql).await;
            all.insert(table, rows);
        }
        all
    }

    /// The tables in which a text stands, in clear or in hexadecimal.
    pub async fn holding(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let holds = |row: &String| row.to_lowercase().contains(&text) || row.to_lowercase().contains(&hex);
        let all = self.dump().await;
        all.into_iter().filter(|(_, rows)| rows.iter().any(holds)).map(|(table, _)| table).collect()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // The throw-away server takes its databases with it; files are ours to remove.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
