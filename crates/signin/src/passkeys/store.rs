//! The SQL of passkeys, which are a person's, and of the challenges that were answered.

use frame::{
    args,
    db::{DbError, PlatformScope},
    from_row,
};
use kernel::{PersonId, Result, Timestamp, TokenHash};

use super::{Passkey, PasskeyId};

from_row!(Passkey { id, person_id, credential_id, public_key, eligible, name, created_at, last_used_at });

/// A person's passkeys, the oldest first.
pub(crate) async fn passkey_list(db: &PlatformScope, person: PersonId) -> Result<Vec<Passkey>, DbError> {
    let sql = "SELECT id, person_id, credential_id, public_key, eligible, name, created_at, last_used_at \
               FROM passkeys WHERE person_id = $1 ORDER BY created_at, id";
    db.all(sql, args![person]).await
}

/// The passkey that authenticators know by this id, whoever has it.
pub(super) async fn passkey_find(
    db: &PlatformScope,
    credential_id: &[u8],
) -> Result<Option<Passkey>, DbError> {
    let sql = "SELECT id, person_id, credential_id, public_key, eligible, name, created_at, last_used_at \
               FROM passkeys WHERE credential_id = $1";
    db.optional(sql, args![credential_id]).await
}

/// How many passkeys a person has.
pub(crate) async fn passkey_count(db: &PlatformScope, person: PersonId) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) AS value FROM passkeys WHERE person_id = $1";
    Ok(db.optional::<(i64,)>(sql, args![person]).await?.map_or(0, |(count,)| count))
}

/// Whether a person still has a passkey.
pub(crate) async fn passkey_is(db: &PlatformScope, person: PersonId, id: PasskeyId) -> Result<bool, DbError> {
    let sql = "SELECT id AS value FROM passkeys WHERE person_id = $1 AND id = $2";
    Ok(db.optional::<(PasskeyId,)>(sql, args![person, id]).await?.is_some())
}

/// Enters a passkey; 0 if its id is known, whoever has it.
pub(super) async fn passkey_insert(
    db: &PlatformScope,
    passkey: &Passkey,
    sign_count: u32,
) -> Result<u64, DbError> {
    let sql = "INSERT INTO passkeys (credential_id, id, person_id, public_key, eligible, sign_count, name, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (credential_id) DO NOTHING";
    let values = args![
        &*passkey.credential_id,
        passkey.id,
        passkey.person_id,
        &*passkey.public_key,
        passkey.eligible,
        i64::from(sign_count),
        &passkey.name,
        passkey.created_at
    ];
    db.execute(sql, values).await
}

/// Notes that a passkey was used; 0 if it says that it has signed less often than it had before. One that does not
/// count says zero each time.
pub(super) async fn passkey_use(
    db: &PlatformScope,
    id: PasskeyId,
    sign_count: u32,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = "UPDATE passkeys SET sign_count = $2, last_used_at = $3 \
               WHERE id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))";
    db.execute(sql, args![id, i64::from(sign_count), now]).await
}

pub(super) async fn passkey_rename(
    db: &PlatformScope,
    person: PersonId,
    id: PasskeyId,
    name: &str,
) -> Result<u64, DbError> {
    let sql = "UPDATE passkeys SET name = $3 WHERE person_id = $1 AND id = $2";
    db.execute(sql, args![person, id, name]).await
}

pub(super) async fn passkey_delete(
    db: &PlatformScope,
    person: PersonId,
    id: PasskeyId,
) -> Result<u64, DbError> {
    db.execute("DELETE FROM passkeys WHERE person_id = $1 AND id = $2", args![person, id]).await
}

/// Takes all of a person's passkeys away; how many there were.
pub(crate) async fn passkey_clear(db: &PlatformScope, person: PersonId) -> Result<u64, DbError> {
    db.execute("DELETE FROM passkeys WHERE person_id = $1", args![person]).await
}

/// Notes that a challenge was answered; 0 if it was before.
pub(super) async fn challenge_insert(
    db: &PlatformScope,
    hash: TokenHash,
    expires_at: Timestamp,
) -> Result<u64, DbError> {
    let sql =
        "INSERT INTO passkey_challenges (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
    db.execute(sql, args![hash, expires_at]).await
}

/// Forgets challenges whose time is over.
pub async fn challenge_purge(db: &PlatformScope, now: Timestamp) -> Result<u64, DbError> {
    db.execute("DELETE FROM passkey_challenges WHERE expires_at <= $1", args![now]).await
}
