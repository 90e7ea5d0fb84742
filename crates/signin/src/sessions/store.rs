//! The SQL of sessions and of the directory of refresh tokens.

use frame::{
    args,
    db::{DbError, OrgScope, PlatformScope},
    from_row, org_sql,
    refresh::RefreshTokens,
};
use kernel::{OrgId, Result, Timestamp, TokenHash, UserId};

use super::{Beginning, Session, SessionId};

pub(super) async fn session_insert(
    db: &OrgScope,
    session: &Session,
    beginning: &Beginning<'_>,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO sessions (org_id, id, user_id, method, client_id, ip, user_agent, created_at, refreshed_at, expires_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)"
    );
    let origin = beginning.origin;
    let values = args![
        session.id,
        session.user_id,
        &session.method,
        beginning.client,
        origin.ip.to_string(),
        &origin.user_agent,
        now,
        session.expires_at
    ];
    db.execute(sql, values).await
}

/// A session.
pub(crate) async fn session_get(db: &OrgScope, id: SessionId) -> Result<Option<Session>, DbError> {
    let sql = org_sql!("SELECT id, user_id, method, expires_at FROM sessions WHERE org_id = $1 AND id = $2");
    db.optional(sql, args![id]).await
}

/// A session that is not over, of a user who is active in an organization that is.
pub(super) async fn session_get_live(
    db: &OrgScope,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<Session>, DbError> {
    let sql = org_sql!(
        "SELECT s.id, s.user_id, s.method, s.expires_at FROM sessions s ",
        "JOIN users u ON u.org_id = s.org_id AND u.id = s.user_id ",
        "JOIN organizations o ON o.org_id = s.org_id ",
        "WHERE s.org_id = $1 AND s.id = $2 AND s.expires_at > $3 AND u.active = true AND o.state = 'active'"
    );
    db.optional(sql, args![id, now]).await
}

/// A session as its user sees it.
pub(crate) struct Shown {
    pub id: SessionId,
    pub client_id: Option<String>,
    pub ip: String,
    pub user_agent: String,
    pub refreshed_at: Timestamp,
}

from_row!(Shown { id, client_id, ip, user_agent, refreshed_at });

/// The sessions of a user, the newest first.
pub(crate) async fn session_list(db: &OrgScope, user: UserId, now: Timestamp) -> Result<Vec<Shown>, DbError> {
    let sql = org_sql!(
        "SELECT id, client_id, ip, user_agent, refreshed_at FROM sessions ",
        "WHERE org_id = $1 AND user_id = $2 AND expires_at > $3 ORDER BY refreshed_at DESC, seq DESC"
    );
    db.all(sql, args![user, now]).await
}

pub(super) async fn session_touch(db: &OrgScope, id: SessionId, now: Timestamp) -> Result<u64, DbError> {
    db.execute(
        org_sql!("UPDATE sessions SET refreshed_at = $3 WHERE org_id = $1 AND id = $2"),
        args![id, now],
    )
    .await
}

pub(super) async fn session_delete(db: &OrgScope, id: SessionId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM sessions WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// Ends every session of a user.
pub(crate) async fn session_delete_of(db: &OrgScope, user: UserId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM sessions WHERE org_id = $1 AND user_id = $2"), args![user]).await
}

/// The session behind a refresh token.
pub(crate) struct Found {
    pub org_id: OrgId,
    pub session_id: SessionId,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

from_row!(Found { org_id, session_id, expires_at, used_at });

pub(crate) async fn refresh_get(db: &PlatformScope, hash: TokenHash) -> Result<Option<Found>, DbError> {
    let sql = "SELECT org_id, session_id, expires_at, used_at FROM refresh_tokens WHERE hash = $1";
    db.optional(sql, args![hash]).await
}

pub(super) async fn refresh_insert(
    db: &OrgScope,
    hash: TokenHash,
    session: SessionId,
    expires_at: Timestamp,
) -> Result<u64, DbError> {
    let sql =
        org_sql!("INSERT INTO refresh_tokens (org_id, hash, session_id, expires_at) VALUES ($1, $2, $3, $4)");
    db.execute(sql, args![hash, session, expires_at]).await
}

/// The refresh tokens of people's sessions.
pub(super) const REFRESH_TOKENS: RefreshTokens = RefreshTokens {
    spend: org_sql!(
        "UPDATE refresh_tokens SET used_at = $3 WHERE org_id = $1 AND hash = $2 AND used_at IS NULL"
    ),
    used_at: org_sql!("SELECT used_at AS value FROM refresh_tokens WHERE org_id = $1 AND hash = $2"),
};

/// Drops sessions and refresh tokens that are over.
pub async fn session_purge(db: &OrgScope, now: Timestamp) -> Result<(), DbError> {
    db.execute(org_sql!("DELETE FROM sessions WHERE org_id = $1 AND expires_at <= $2"), args![now]).await?;
    db.execute(org_sql!("DELETE FROM refresh_tokens WHERE org_id = $1 AND expires_at <= $2"), args![now])
        .await?;
    Ok(())
}
