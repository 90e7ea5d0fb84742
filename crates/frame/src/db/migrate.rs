//! Migrations: two folders, one per dialect, same numbers and names; append-only, forward-only, each
//! in a transaction, one node at a time.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::PgPool,
};

use super::{Db, Engine};

/// Number, name, SQLite, PostgreSQL.
type Step = (i64, &'static str, &'static str, &'static str);

/// Declares the steps in order.
macro_rules! steps {
    ($($number:literal $name:literal;)*) => {
        &[$(($number, $name,
            include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        ),)*]
    };
}

const STEPS: &[Step] = steps! {
    1 "0001_identity";
    2 "0002_signin";
    3 "0003_application_auth";
    4 "0004_portals";
    5 "0005_developers";
    6 "0006_applications";
    7 "0007_products";
    8 "0008_gateway";
    9 "0009_served_bridge";
    10 "0010_brands";
    11 "0011_registrations";
    12 "0012_version_registrations";
    13 "0013_portal_roles";
};

/// The newest schema that this program knows.
pub fn latest() -> i64 {
    STEPS.last().map_or(0, |step| step.0)
}

/// Why the schema could not be brought up to date.
#[derive(Debug)]
pub enum MigrationFault {
    /// The database was migrated by a newer Latchkey.
    Newer(i64),
    /// Anything else.
    Failed(MigrateError),
}

impl std::fmt::Display for MigrationFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newer(version) => write!(
                f,
                "the database has schema {version}, but this Latchkey knows {} at most: run the newer Latchkey that migrated it, or restore a backup",
                latest()
            ),
            Self::Failed(error) => write!(f, "migrating the database failed: {error}"),
        }
    }
}

impl std::error::Error for MigrationFault {}

impl From<MigrateError> for MigrationFault {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::Newer(version),
            other => Self::Failed(other),
        }
    }
}

impl Db {
    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), MigrationFault> {
        let migrator = migrator(self.is_postgres());
        let result = match &*self.engine {
            Engine::Postgres(pool) => migrate_postgres(pool, &migrator).await,
            Engine::Sqlite(sqlite) => sqlite.migrate(&migrator).await,
        };
        result.map_err(MigrationFault::from)
    }

    /// The schema that the database has; 0 for an empty one.
    pub async fn schema(&self) -> i64 {
        let read = super::PlatformScope::new(self.read());
        let sql = "SELECT MAX(version) AS value FROM _sqlx_migrations";
        // An error here means that the table does not exist: nothing was ever migrated.
        read.optional::<(Option<i64>,)>(sql, Vec::new())
            .await
            .ok()
            .flatten()
            .and_then(|row| row.0)
            .unwrap_or(0)
    }
}

async fn migrate_postgres(pool: &PgPool, migrator: &Migrator) -> Result<(), MigrateError> {
    let mut conn = pool.acquire().await?;
    let result = migrator.run(&mut *conn).await;
    if result.is_err() {
        // A migration that fails keeps its lock; with the connection it goes.
        conn.close().await?;
    }
    result
}

fn migrator(postgres: bool) -> Migrator {
    let steps = STEPS.iter().map(|&(number, name, sqlite, pg)| {
        let sql = if postgres { pg } else { sqlite };
        Migration::new(number, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect())
}
