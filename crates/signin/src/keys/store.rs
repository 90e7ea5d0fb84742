//! The SQL of signing keys, which are the installation's.

use frame::{
    args,
    db::{DbError, PlatformScope, RowKey, SealedColumn},
    from_row,
};
use kernel::{Sealed, Timestamp};

/// A key as it is kept.
pub struct KeyRow {
    /// Its id.
    pub id: String,
    /// Its seed.
    pub sealed: Sealed<Vec<u8>>,
    /// From when it signs.
    pub signs_from: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

from_row!(KeyRow { id, sealed, signs_from, created_at });

/// Where the seeds of signing keys are.
pub static SEEDS: SealedColumn =
    SealedColumn { table: "signing_keys", column: "sealed", key: RowKey::Text("id"), prefix: "signing_keys" };

pub(super) async fn key_list(db: &PlatformScope) -> Result<Vec<KeyRow>, DbError> {
    db.all("SELECT id, sealed, signs_from, created_at FROM signing_keys", args![]).await
}

pub(super) async fn key_insert(
    db: &PlatformScope,
    id: &str,
    sealed: &Sealed<Vec<u8>>,
    signs_from: Timestamp,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = "INSERT INTO signing_keys (id, sealed, signs_from, created_at) VALUES ($1, $2, $3, $4)";
    db.execute(sql, args![id, sealed, signs_from, now]).await
}

/// Drops the keys that sign from earlier than this.
pub(super) async fn key_delete_before(db: &PlatformScope, signs_from: Timestamp) -> Result<u64, DbError> {
    db.execute("DELETE FROM signing_keys WHERE signs_from < $1", args![signs_from]).await
}
