//! SQLite: one writer that commits for many, several readers.
//!
//! Group commit: a writing session takes the writer, sets a savepoint and works. When it is done and
//! others wait, it leaves the transaction open for them and waits with them; the last one commits
//! once for all, and only then is anybody answered. So a slow disk costs one flush per batch, not per
//! request, and nothing that was acknowledged can be lost.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, Executor, SqliteConnection,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

/// Most requests that one commit answers.
const BATCH: usize = 256;

pub(super) struct Sqlite {
    shared: Arc<Shared>,
    /// None for a database in memory, which has one connection only.
    readers: Option<SqlitePool>,
}

struct Shared {
    writer: Arc<Mutex<Writer>>,
    waiting: AtomicUsize,
    in_memory: bool,
}

struct Writer {
    /// None after [`Sqlite::close`].
    conn: Option<SqliteConnection>,
    transaction: bool,
    savepoint: bool,
    batch: Vec<oneshot::Sender<bool>>,
}

impl Writer {
    async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let conn = self.conn.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        conn.execute(sql).await.map(|_| ())
    }

    /// Undoes what an abandoned session left.
    async fn clean(&mut self) -> Result<(), sqlx::Error> {
        if self.savepoint {
            self.run("ROLLBACK TO request; RELEASE request").await?;
            self.savepoint = false;
        }
        Ok(())
    }

    /// Commits the batch and answers everybody in it.
    async fn flush(&mut self) {
        if !self.transaction {
            return;
        }
        let result = match self.clean().await {
            Ok(()) => self.run("COMMIT").await,
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            tracing::error!(%error, lost = self.batch.len(), "a commit failed");
            // The transaction may be gone already; what matters is that none stays open.
            let _ = self.run("ROLLBACK").await;
        }
        self.transaction = false;
        self.savepoint = false;
        for waiter in self.batch.drain(..) {
            let _ = waiter.send(result.is_ok());
        }
    }
}

impl Sqlite {
    pub(super) async fn open(path: Option<&Path>, readers: u32) -> Result<Self, sqlx::Error> {
        let base = match path {
            Some(path) => SqliteConnectOptions::new().filename(path).create_if_missing(true),
            None => SqliteConnectOptions::new().in_memory(true),
        };
        let base = base
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(256)
            // A whole page at a time: each hand-over between the driver's thread and ours costs a wake-up.
            .row_buffer_size(1024)
            .pragma("mmap_size", "268435456")
            .pragma("temp_store", "memory");
        let mut conn = base.connect().await?;
        keep_plans(&mut conn).await?;
        let writer = Writer { conn: Some(conn), transaction: false, savepoint: false, batch: Vec::new() };
        let readers = match path {
            None => None,
            Some(_) => Some(
                SqlitePoolOptions::new()
                    .max_connections(readers)
                    .test_before_acquire(false)
                    .acquire_timeout(Duration::from_secs(5))
                    .after_connect(|conn, _| Box::pin(keep_plans(conn)))
                    .connect_with(base.read_only(true))
                    .await?,
            ),
        };
        let shared = Shared {
            writer: Arc::new(Mutex::new(writer)),
            waiting: AtomicUsize::new(0),
            in_memory: path.is_none(),
        };
        Ok(Self { shared: Arc::new(shared), readers })
    }

    pub(super) async fn read(&self) -> Result<SqliteReader, sqlx::Error> {
        match &self.readers {
            Some(pool) => pool.acquire().await.map(SqliteReader::Pooled),
            None => {
                Ok(SqliteReader::Memory(SharedReader(Arc::clone(&self.shared.writer).lock_owned().await)))
            }
        }
    }

    pub(super) async fn write(&self) -> Result<SqliteWriter, sqlx::Error> {
        let place = Waiting::enter(&self.shared);
        let mut writer = Arc::clone(&self.shared.writer).lock_owned().await;
        place.served();
        writer.clean().await?;
        if !writer.transaction {
            writer.run("BEGIN IMMEDIATE").await?;
            writer.transaction = true;
        }
        writer.run("SAVEPOINT request").await?;
        writer.savepoint = true;
        Ok(SqliteWriter { writer: Some(writer), shared: Arc::clone(&self.shared) })
    }

    pub(super) fn connections(&self) -> (usize, usize) {
        self.readers.as_ref().map_or((1, 1), |pool| (pool.size() as usize + 1, pool.num_idle() + 1))
    }

    pub(super) async fn close(&self) {
        if let Some(pool) = &self.readers {
            pool.close().await;
        }
        let mut writer = self.shared.writer.lock().await;
        writer.flush().await;
        if let Some(conn) = writer.conn.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "closing the database");
        }
    }
}

/// A place in the queue for the writer. Whoever leaves it without being served may have been the one
/// that an open batch counted on.
struct Waiting {
    shared: Arc<Shared>,
    served: bool,
}

impl Waiting {
    fn enter(shared: &Arc<Shared>) -> Self {
        shared.waiting.fetch_add(1, Ordering::SeqCst);
        Self { shared: Arc::clone(shared), served: false }
    }

    fn served(mut self) {
        self.served = true;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.shared.waiting.fetch_sub(1, Ordering::SeqCst) == 1 && !self.served {
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move {
                let mut writer = Arc::clone(&shared.writer).lock_owned().await;
                if shared.waiting.load(Ordering::SeqCst) == 0 {
                    writer.flush().await;
                }
            });
        }
    }
}

/// The writer, held by one session between its savepoint and its end.
pub(super) struct SqliteWriter {
    writer: Option<OwnedMutexGuard<Writer>>,
    shared: Arc<Shared>,
}

impl SqliteWriter {
    pub(super) fn conn(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.writer.as_mut().and_then(|writer| writer.conn.as_mut()).ok_or(sqlx::Error::PoolClosed)
    }

    /// Keeps what was written; returns when it is on the disk.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        let Some(mut writer) = self.writer.take() else { return Err(sqlx::Error::PoolClosed) };
        writer.run("RELEASE request").await?;
        writer.savepoint = false;
        let (answer, answered) = oneshot::channel();
        writer.batch.push(answer);
        let full = self.shared.in_memory || writer.batch.len() >= BATCH;
        if full || self.shared.waiting.load(Ordering::SeqCst) == 0 {
            // Its own task, so that a client that hangs up does not stop the commit of the others.
            tokio::spawn(async move { writer.flush().await });
        } else {
            drop(writer);
        }
        match answered.await {
            Ok(true) => Ok(()),
            _ => Err(sqlx::Error::WorkerCrashed),
        }
    }
}

impl Drop for SqliteWriter {
    /// A session that failed or was abandoned: its savepoint is undone, its neighbours are not.
    fn drop(&mut self) {
        let Some(mut writer) = self.writer.take() else { return };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            if let Err(error) = writer.clean().await {
                tracing::error!(%error, "a rollback failed");
            }
            if shared.waiting.load(Ordering::SeqCst) == 0 {
                writer.flush().await;
            }
        });
    }
}

/// A connection for reading.
pub(super) enum SqliteReader {
    Pooled(PoolConnection<sqlx::Sqlite>),
    Memory(SharedReader),
}

/// The one connection of a database in memory; its batches are of one, so no one else's work is seen.
pub(super) struct SharedReader(OwnedMutexGuard<Writer>);

impl SqliteReader {
    pub(super) fn conn(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        match self {
            Self::Pooled(conn) => Ok(conn),
            Self::Memory(SharedReader(writer)) => writer.conn.as_mut().ok_or(sqlx::Error::PoolClosed),
        }
    }
}

/// Turns on `SQLITE_DBCONFIG_ENABLE_QPSG`. Without it the bundled SQLite, built with `STAT4`, parses
/// and plans a prepared statement again at each new binding: half the speed.
async fn keep_plans(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut handle = conn.lock_handle().await?;
    let none: *mut std::ffi::c_int = std::ptr::null_mut();
    #[expect(unsafe_code, reason = "sqlx has no safe call for this switch; the handle is locked meanwhile")]
    let code = unsafe {
        libsqlite3_sys::sqlite3_db_config(
            handle.as_raw_handle().as_ptr(),
            libsqlite3_sys::SQLITE_DBCONFIG_ENABLE_QPSG,
            1,
            none,
        )
    };
    if code == libsqlite3_sys::SQLITE_OK {
        Ok(())
    } else {
        Err(sqlx::Error::Protocol(format!("QPSG: code {code}")))
    }
}

impl Sqlite {
    pub(super) async fn migrate(
        &self,
        migrator: &sqlx::migrate::Migrator,
    ) -> Result<(), sqlx::migrate::MigrateError> {
        let mut writer = self.shared.writer.lock().await;
        writer.flush().await;
        match writer.conn.as_mut() {
            Some(conn) => {
                // One process at a time: the others wait here, and then find it done.
                let mut alone = conn.begin_with("BEGIN IMMEDIATE").await?;
                migrator.run_direct(None, &mut *alone, false).await?;
                Ok(alone.commit().await?)
            }
            None => Err(sqlx::Error::PoolClosed.into()),
        }
    }

    /// Runs statements in one transaction of their own, at whose end references must hold.
    pub(super) async fn script(&self, sql: String) -> Result<(), sqlx::Error> {
        let mut writer = self.shared.writer.lock().await;
        writer.flush().await;
        let conn = writer.conn.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let mut alone = conn.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql("PRAGMA defer_foreign_keys = ON").execute(&mut *alone).await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *alone).await?;
        alone.commit().await
    }
}
