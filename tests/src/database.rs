//! A fresh database for each test.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use frame::db::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::Beside;

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
    /// A connection beside the server's.
    pub async fn beside(&self) -> Beside {
        Beside::connect(&self.url).await
    }

    /// Runs SQL beside the server; the last column of each row, as text.
    pub async fn query(&self, sql: &str) -> Vec<String> {
        self.beside().await.query(sql).await
    }

    /// Everything that is stored: the rows of each table as text, bytes in hexadecimal.
    pub async fn dump(&self) -> BTreeMap<String, Vec<String>> {
        self.beside().await.dump().await
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
