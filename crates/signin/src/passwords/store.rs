//! The SQL of passwords, which are a person's, and of whom a person can sign in as.

use frame::{
    args,
    db::{DbError, PlatformScope},
    from_row,
};
use kernel::{Email, OrgId, PersonId, Result, Timestamp, TokenHash, UserId};

use super::Candidate;

/// A person's password.
pub(crate) struct Password {
    pub id: PersonId,
    pub password_hash: Option<String>,
}

from_row!(Password { id, password_hash });

pub(crate) async fn password_get(db: &PlatformScope, email: &Email) -> Result<Option<Password>, DbError> {
    let sql = "SELECT id, password_hash FROM persons WHERE email_folded = $1";
    db.optional(sql, args![email.folded()]).await
}

/// Whether this is still the person's password.
pub(super) async fn password_is(db: &PlatformScope, person: PersonId, hash: &str) -> Result<bool, DbError> {
    let sql = "SELECT id AS value FROM persons WHERE id = $1 AND password_hash = $2";
    Ok(db.optional::<(PersonId,)>(sql, args![person, hash]).await?.is_some())
}

/// A person's password hash, if it has one.
pub(crate) async fn password_of(db: &PlatformScope, person: PersonId) -> Result<Option<String>, DbError> {
    let sql = "SELECT password_hash AS value FROM persons WHERE id = $1";
    Ok(db.optional::<(Option<String>,)>(sql, args![person]).await?.and_then(|(hash,)| hash))
}

/// A person's present password and those before, the newest first.
pub(super) async fn password_list(
    db: &PlatformScope,
    person: PersonId,
    most: usize,
) -> Result<Vec<String>, DbError> {
    let mut hashes: Vec<String> = password_of(db, person).await?.into_iter().collect();
    let sql =
        "SELECT password_hash AS value FROM old_passwords WHERE person_id = $1 ORDER BY created_at DESC";
    hashes.extend(db.all::<(String,)>(sql, args![person]).await?.into_iter().map(|(hash,)| hash));
    hashes.truncate(most);
    Ok(hashes)
}

/// Sets a person's password and remembers the one before, and `most` in all.
pub(super) async fn password_replace(
    db: &PlatformScope,
    person: PersonId,
    hash: &str,
    now: Timestamp,
    most: usize,
) -> Result<(), DbError> {
    let sql = "INSERT INTO old_passwords (person_id, created_at, password_hash) \
               SELECT id, $2, password_hash FROM persons WHERE id = $1 AND password_hash IS NOT NULL";
    db.execute(sql, args![person, now]).await?;
    let sql = "DELETE FROM old_passwords WHERE person_id = $1 AND created_at NOT IN \
               (SELECT created_at FROM old_passwords WHERE person_id = $1 ORDER BY created_at DESC LIMIT $2)";
    db.execute(sql, args![person, i64::try_from(most).unwrap_or(i64::MAX) - 1]).await?;
    let sql = "UPDATE persons SET password_hash = $2, updated_at = $3 WHERE id = $1";
    db.execute(sql, args![person, hash, now]).await.map(|_| ())
}

/// Enters a link that sets a person's password; an earlier one is good no more.
pub(crate) async fn reset_insert(
    db: &PlatformScope,
    hash: TokenHash,
    person: PersonId,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    reset_drop(db, person).await?;
    let sql = "INSERT INTO reset_links (hash, person_id, expires_at) VALUES ($1, $2, $3)";
    db.execute(sql, args![hash, person, expires_at]).await.map(|_| ())
}

/// The person behind a link that is good.
pub(crate) async fn reset_find(
    db: &PlatformScope,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<PersonId>, DbError> {
    let sql = "SELECT person_id AS value FROM reset_links WHERE hash = $1 AND expires_at > $2";
    Ok(db.optional::<(PersonId,)>(sql, args![hash, now]).await?.map(|(person,)| person))
}

/// Drops a person's links; how many there were.
pub(crate) async fn reset_drop(db: &PlatformScope, person: PersonId) -> Result<u64, DbError> {
    db.execute("DELETE FROM reset_links WHERE person_id = $1", args![person]).await
}

/// Drops links that have expired.
pub async fn reset_purge(db: &PlatformScope, now: Timestamp) -> Result<u64, DbError> {
    db.execute("DELETE FROM reset_links WHERE expires_at <= $1", args![now]).await
}

struct Row {
    org_id: OrgId,
    user_id: UserId,
}

from_row!(Row { org_id, user_id });

/// The users that a person can sign in as with a password, the one used last first.
pub(crate) async fn candidate_list(db: &PlatformScope, person: PersonId) -> Result<Vec<Candidate>, DbError> {
    let sql = "SELECT a.org_id, a.user_id FROM accounts a \
               JOIN users u ON u.org_id = a.org_id AND u.id = a.user_id \
               JOIN organizations o ON o.org_id = a.org_id \
               WHERE a.person_id = $1 AND u.active = true AND o.state = 'active' AND o.basic_auth_enabled = true \
               ORDER BY COALESCE((SELECT MAX(s.refreshed_at) FROM sessions s \
               WHERE s.org_id = a.org_id AND s.user_id = a.user_id), 0) DESC, u.created_at, a.org_id";
    let rows: Vec<Row> = db.all(sql, args![person]).await?;
    Ok(rows.into_iter().map(|row| Candidate { org: row.org_id, user: row.user_id }).collect())
}
