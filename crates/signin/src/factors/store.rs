//! The SQL of second factors, which are a person's.

use frame::{
    args,
    db::{DbError, OrgScope, PlatformScope, RowKey, SealedColumn},
    from_row, org_sql,
};
use kernel::{PersonId, Result, Sealed, Timestamp, TokenHash, UserId};

/// A person's authenticator app.
pub(super) struct Totp {
    pub sealed: Sealed<Vec<u8>>,
    /// When a code of it was shown; until then it counts for nothing.
    pub confirmed_at: Option<Timestamp>,
}

from_row!(Totp { sealed, confirmed_at });

/// Where the secrets of authenticator apps are.
pub static TOTP_SECRETS: SealedColumn = SealedColumn {
    table: "totp_factors",
    column: "sealed",
    key: RowKey::Id("person_id"),
    prefix: "totp_factors",
};

pub(super) async fn totp_get(db: &PlatformScope, person: PersonId) -> Result<Option<Totp>, DbError> {
    let sql = "SELECT sealed, confirmed_at FROM totp_factors WHERE person_id = $1";
    db.optional(sql, args![person]).await
}

/// Begins with an app; one that counts already stays.
pub(super) async fn totp_begin(
    db: &PlatformScope,
    person: PersonId,
    sealed: &Sealed<Vec<u8>>,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = "INSERT INTO totp_factors (person_id, sealed, last_step, created_at) VALUES ($1, $2, 0, $3) \
               ON CONFLICT (person_id) DO UPDATE SET sealed = $2, created_at = $3 WHERE totp_factors.confirmed_at IS NULL";
    db.execute(sql, args![person, sealed, now]).await
}

/// Lets an app count; 0 if it does already.
pub(super) async fn totp_confirm(
    db: &PlatformScope,
    person: PersonId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = "UPDATE totp_factors SET confirmed_at = $2 WHERE person_id = $1 AND confirmed_at IS NULL";
    db.execute(sql, args![person, now]).await
}

/// Uses a code up; 0 if it, or a later one, was used before.
pub(super) async fn totp_use(db: &PlatformScope, person: PersonId, step: i64) -> Result<u64, DbError> {
    let sql = "UPDATE totp_factors SET last_step = $2 WHERE person_id = $1 AND last_step < $2";
    db.execute(sql, args![person, step]).await
}

pub(super) async fn recovery_insert(
    db: &PlatformScope,
    person: PersonId,
    code: TokenHash,
) -> Result<u64, DbError> {
    db.execute("INSERT INTO recovery_codes (person_id, hash) VALUES ($1, $2)", args![person, code]).await
}

/// Uses a recovery code up; 0 if it is none.
pub(super) async fn recovery_use(
    db: &PlatformScope,
    person: PersonId,
    code: TokenHash,
) -> Result<u64, DbError> {
    db.execute("DELETE FROM recovery_codes WHERE person_id = $1 AND hash = $2", args![person, code]).await
}

pub(super) async fn recovery_clear(db: &PlatformScope, person: PersonId) -> Result<u64, DbError> {
    db.execute("DELETE FROM recovery_codes WHERE person_id = $1", args![person]).await
}

/// How many recovery codes are left.
pub(super) async fn recovery_count(db: &PlatformScope, person: PersonId) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) AS value FROM recovery_codes WHERE person_id = $1";
    Ok(db.optional::<(i64,)>(sql, args![person]).await?.map_or(0, |(count,)| count))
}

/// Takes an app away; 0 if there is none.
pub(super) async fn totp_delete(db: &PlatformScope, person: PersonId) -> Result<u64, DbError> {
    db.execute("DELETE FROM totp_factors WHERE person_id = $1", args![person]).await
}

/// Takes app and recovery codes away; how many apps there were.
pub(super) async fn factor_clear(db: &PlatformScope, person: PersonId) -> Result<u64, DbError> {
    recovery_clear(db, person).await?;
    totp_delete(db, person).await
}

/// Whether a person is known to no other organization.
pub(super) async fn person_is_ours_alone(db: &OrgScope, user: UserId) -> Result<bool, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM users u JOIN accounts a ON a.person_id = u.person_id ",
        "WHERE u.org_id = $1 AND u.id = $2 AND a.org_id <> $1"
    );
    Ok(db.count(sql, args![user]).await? == 0)
}

/// Whether any organization of whom a subject and an address mean asks for a second factor; nothing if they
/// mean nobody.
pub(super) async fn subject_wants(
    db: &PlatformScope,
    subject: &str,
    email: &str,
) -> Result<Option<bool>, DbError> {
    let known = "SELECT p.id AS value FROM persons p JOIN subjects s ON s.person_id = p.id \
                 WHERE s.subject = $1 AND p.email_folded = $2";
    let Some((person,)) = db.optional::<(PersonId,)>(known, args![subject, email]).await? else {
        return Ok(None);
    };
    let sql = "SELECT COUNT(*) AS value FROM accounts a JOIN organizations o ON o.org_id = a.org_id \
               WHERE a.person_id = $1 AND o.mfa_enabled = true AND o.state = 'active'";
    let wanting = db.optional::<(i64,)>(sql, args![person]).await?;
    Ok(Some(wanting.is_some_and(|(count,)| count > 0)))
}
