//! The SQL of signing keys, which are the installation's.

use frame::{
    App, args,
    db::{DbError, PlatformScope},
    from_row,
};
use kernel::{Result, Sealed, Timestamp};

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

pub(super) fn place(id: &str) -> String {
    format!("signing_keys/{id}")
}

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

/// Drops the keys that sign from earlier than this, but for those that are needed.
pub(super) async fn key_delete_before(
    db: &PlatformScope,
    signs_from: Timestamp,
    needed: &[String],
) -> Result<(), DbError> {
    for key in key_list(db).await? {
        if key.signs_from < signs_from && !needed.contains(&key.id) {
            db.execute("DELETE FROM signing_keys WHERE id = $1", args![&key.id]).await?;
        }
    }
    Ok(())
}

/// Seals every signing key with the first master key.
pub async fn reseal(app: &App) -> Result<usize> {
    let session = app.db.write();
    let scope = PlatformScope::new(session.clone());
    let rows = key_list(&scope).await?;
    for row in &rows {
        let seed = app.vault.ring().open(&place(&row.id), &row.sealed)?;
        let sealed: Sealed<Vec<u8>> = app.vault.ring().seal(&*app.entropy, &place(&row.id), seed.reveal())?;
        scope.execute("UPDATE signing_keys SET sealed = $2 WHERE id = $1", args![&row.id, &sealed]).await?;
    }
    session.commit().await?;
    Ok(rows.len())
}
