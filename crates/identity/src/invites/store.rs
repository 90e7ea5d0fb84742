//! The SQL of invites.

use frame::{
    args,
    db::{DbError, OrgScope},
    org_sql,
};
use kernel::{Timestamp, TokenHash, UserId};

pub(super) async fn invite_insert(db: &OrgScope, user: UserId, now: Timestamp) -> Result<u64, DbError> {
    let sql = org_sql!("INSERT INTO invites (org_id, user_id, created_at) VALUES ($1, $2, $3)");
    db.execute(sql, args![user, now]).await
}

/// How many invites were sent since then, to one user or to all.
pub(super) async fn invite_count(
    db: &OrgScope,
    user: Option<UserId>,
    since: Timestamp,
) -> Result<i64, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM invites WHERE org_id = $1 AND created_at > $3 AND ($2 IS NULL OR user_id = $2)"
    );
    db.count(sql, args![user, since]).await
}

pub(super) async fn invite_oldest(
    db: &OrgScope,
    user: Option<UserId>,
    since: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    let sql = org_sql!(
        "SELECT MIN(created_at) AS value FROM invites WHERE org_id = $1 AND created_at > $3 AND ($2 IS NULL OR user_id = $2)"
    );
    Ok(db.optional::<(Option<Timestamp>,)>(sql, args![user, since]).await?.and_then(|(at,)| at))
}

/// Drops what no limit counts any more.
pub async fn invite_purge(db: &OrgScope, now: Timestamp) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM invites WHERE org_id = $1 AND created_at <= $2");
    db.execute(sql, args![now.minus(super::HOUR)]).await
}

pub(super) async fn link_replace(
    db: &OrgScope,
    user: UserId,
    hash: TokenHash,
    expires_at: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM invite_links WHERE org_id = $1 AND user_id = $2");
    db.execute(sql, args![user]).await?;
    let sql =
        org_sql!("INSERT INTO invite_links (org_id, user_id, hash, expires_at) VALUES ($1, $2, $3, $4)");
    db.execute(sql, args![user, hash, expires_at]).await
}
