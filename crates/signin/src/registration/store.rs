//! The SQL of registrations.

use frame::{
    args,
    db::{DbError, OrgScope, PlatformScope},
    from_row, org_sql,
};
use kernel::{OrgId, PersonId, Timestamp, TokenHash};

/// A registration that waits for its link to be opened.
pub(super) struct Kept {
    pub org_id: OrgId,
    pub password_hash: String,
}

from_row!(Kept { org_id, password_hash });

pub(super) async fn registration_insert(
    db: &OrgScope,
    hash: TokenHash,
    password_hash: &str,
    expires_at: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO registrations (org_id, hash, password_hash, expires_at) VALUES ($1, $2, $3, $4)"
    );
    db.execute(sql, args![hash, password_hash, expires_at]).await
}

/// The registration behind a link that is good.
pub(super) async fn registration_get(
    db: &PlatformScope,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<Kept>, DbError> {
    let sql = "SELECT org_id, password_hash FROM registrations WHERE hash = $1 AND expires_at > $2";
    db.optional(sql, args![hash, now]).await
}

pub(super) async fn registration_delete(db: &OrgScope, hash: TokenHash) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM registrations WHERE org_id = $1 AND hash = $2"), args![hash]).await
}

/// The organizations whose links have been over since then.
pub(super) async fn registration_over(db: &PlatformScope, before: Timestamp) -> Result<Vec<OrgId>, DbError> {
    let sql = "SELECT org_id AS value FROM registrations WHERE expires_at <= $1";
    Ok(db.all::<(OrgId,)>(sql, args![before]).await?.into_iter().map(|(org,)| org).collect())
}

/// How many other organizations a person is in, or invited to; those that wait like this one do not count.
pub(super) async fn elsewhere_count(
    db: &PlatformScope,
    person: PersonId,
    org: OrgId,
) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) AS value FROM accounts a WHERE a.person_id = $1 AND a.org_id <> $2 \
               AND NOT EXISTS (SELECT 1 FROM registrations r WHERE r.org_id = a.org_id)";
    Ok(db.optional::<(i64,)>(sql, args![person, org]).await?.map_or(0, |(count,)| count))
}

/// The person behind the organization's owner.
pub(super) async fn owner_person(db: &OrgScope) -> Result<Option<PersonId>, DbError> {
    let sql = org_sql!(
        "SELECT u.person_id AS value FROM organizations o ",
        "JOIN users u ON u.org_id = o.org_id AND u.id = o.owner_id WHERE o.org_id = $1"
    );
    Ok(db.optional::<(PersonId,)>(sql, args![]).await?.map(|(person,)| person))
}
