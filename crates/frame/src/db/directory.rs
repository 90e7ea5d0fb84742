//! The page directory of collections that grow large: where a page begins, and how many rows there are,
//! without counting the rows in front.
//!
//! `list_chunks` has the number of an organization's rows in each chunk of 1024 sequence numbers. On
//! SQLite triggers keep it with every write. On PostgreSQL that row would make writers queue, so chunks
//! are counted when they are full ([`close_chunks`]) and the rows behind them as they are asked for.

use kernel::Result;

use super::{Db, OrgScope, PlatformScope, scope::rows, session::composed};
use crate::{args, from_row, org_sql};

/// Sequence numbers in a chunk, as a shift.
const SHIFT: u32 = 10;

/// Collections that have a directory; each is the name of its table too.
const COLLECTIONS: [&str; 2] = ["users", "application_auth_strategies"];

/// Where a page begins.
pub(super) struct Place {
    /// The first sequence number that can be on the page.
    pub from: i64,
    /// How many rows there are between it and the page.
    pub skip: i64,
    /// How many rows there are in all.
    pub total: i64,
}

struct Counted {
    closed: i64,
    rows: i64,
}

from_row!(Counted { closed, rows });

struct Chunk {
    chunk: i64,
    before: i64,
}

from_row!(Chunk { chunk, before });

/// Finds the place of an offset in a collection, which is unfiltered and in its own order.
pub(super) async fn place(scope: &OrgScope, collection: &str, offset: i64) -> Result<Place> {
    let sql = org_sql!(
        "SELECT c.chunk AS closed, CAST((SELECT COALESCE(SUM(n), 0) FROM list_chunks WHERE org_id = $1 AND collection = $2) ",
        "AS BIGINT) AS rows FROM list_closed c WHERE c.collection = $2"
    );
    let counted =
        scope.optional::<Counted>(sql, args![collection]).await?.unwrap_or(Counted { closed: -1, rows: 0 });
    let open_from = counted.closed.saturating_add(1).saturating_mul(1 << SHIFT);
    let open = if counted.closed >= i64::MAX >> SHIFT {
        0
    } else {
        count_open(scope, collection, open_from).await?
    };
    let total = counted.rows + open;
    if offset >= counted.rows {
        return Ok(Place { from: open_from, skip: offset - counted.rows, total });
    }
    let sql = org_sql!(
        "SELECT s.chunk, CAST(s.upto - s.n AS BIGINT) AS before FROM (SELECT chunk, n, SUM(n) OVER (ORDER BY chunk) AS upto ",
        "FROM list_chunks WHERE org_id = $1 AND collection = $2) s WHERE s.upto > $3 ORDER BY s.chunk LIMIT 1"
    );
    let chunk = scope.optional::<Chunk>(sql, args![collection, offset]).await?;
    let chunk = chunk.unwrap_or(Chunk { chunk: 0, before: 0 });
    Ok(Place { from: chunk.chunk << SHIFT, skip: offset - chunk.before, total })
}

async fn count_open(scope: &OrgScope, collection: &str, from: i64) -> Result<i64> {
    // The name is one of ours, never a request's.
    let sql = format!("SELECT COUNT(*) AS value FROM {collection} WHERE org_id = $1 AND seq >= $2");
    let counted: Vec<(i64,)> = rows(scope, composed(sql), scope.bind(args![from])).await?;
    Ok(counted.first().map_or(0, |(count,)| *count))
}

/// Counts the chunks that have become full. Does nothing on SQLite.
pub async fn close_chunks(db: &Db) -> Result<()> {
    if !db.is_postgres() {
        return Ok(());
    }
    for collection in COLLECTIONS {
        let read = PlatformScope::new(db.read());
        let sql = "SELECT chunk AS value FROM list_closed WHERE collection = $1";
        let closed = read.optional::<(i64,)>(sql, args![collection]).await?.map_or(-1, |(chunk,)| chunk);
        if last_seq(&read, collection).await? >> SHIFT > closed + 1 {
            drop(read);
            close(db, collection).await?;
        }
    }
    Ok(())
}

async fn last_seq(scope: &PlatformScope, collection: &str) -> Result<i64> {
    let sql =
        "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence($1, 'seq')::regclass), 0) AS value";
    Ok(scope.optional::<(i64,)>(sql, args![collection]).await?.map_or(0, |(seq,)| seq))
}

async fn close(db: &Db, collection: &'static str) -> Result<()> {
    let session = db.write();
    let scope = PlatformScope::new(session.clone());
    // While this lock is held no transaction has rows that others do not see: sequence numbers are given
    // out before rows are committed, so without it a chunk could fill up after it was counted. Writers
    // wait as long as counting takes, some milliseconds; if the lock is not to be had, the next minute will do.
    scope.execute("SET LOCAL lock_timeout = '200ms'", args![]).await?;
    let lock = format!("LOCK TABLE {collection} IN SHARE MODE");
    if session.execute(composed(lock), args![]).await.is_err() {
        session.rollback().await;
        return Ok(());
    }
    let full = last_seq(&scope, collection).await? >> SHIFT;
    let count = format!(
        "INSERT INTO list_chunks (org_id, collection, chunk, n) SELECT org_id, $1, seq >> {SHIFT}, COUNT(*) FROM {collection} \
         WHERE seq >= (SELECT (chunk + 1) << {SHIFT} FROM list_closed WHERE collection = $1) AND seq < $2 GROUP BY 1, 3 \
         ON CONFLICT (org_id, collection, chunk) DO UPDATE SET n = EXCLUDED.n"
    );
    session.execute(composed(count), args![collection, full << SHIFT]).await?;
    scope
        .execute("UPDATE list_closed SET chunk = $2 WHERE collection = $1", args![collection, full - 1])
        .await?;
    Ok(session.commit().await?)
}
