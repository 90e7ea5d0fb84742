//! The SQL of service tokens.

use frame::{
    args,
    db::{DbError, OrgScope, PlatformScope},
    from_row, org_sql,
};
use kernel::{Timestamp, TokenId};

/// A service's token as it is kept, without what was signed.
pub struct ServiceToken {
    /// Its id.
    pub id: TokenId,
    /// The service.
    pub name: String,
    /// What it may call: operation ids with commas between; `None` for all that take such tokens.
    pub operations: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

from_row!(ServiceToken { id, name, operations, created_at, expires_at, last_used_at });

pub(super) async fn service_token_insert(
    db: &OrgScope,
    token: &ServiceToken,
    key: &str,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO service_tokens (org_id, id, name, operations, key_id, created_at, expires_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7)"
    );
    let ServiceToken { id, name, operations, created_at, expires_at, .. } = token;
    db.execute(sql, args![*id, name, operations.as_deref(), key, *created_at, *expires_at]).await
}

pub(super) async fn service_token_find(db: &OrgScope, name: &str) -> Result<Option<TokenId>, DbError> {
    let sql = org_sql!("SELECT id AS value FROM service_tokens WHERE org_id = $1 AND name = $2");
    Ok(db.optional::<(TokenId,)>(sql, args![name]).await?.map(|(id,)| id))
}

pub(crate) async fn service_token_delete(db: &OrgScope, id: TokenId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM service_tokens WHERE org_id = $1 AND id = $2"), args![id]).await
}

pub(super) async fn service_token_list(db: &OrgScope) -> Result<Vec<ServiceToken>, DbError> {
    let sql = org_sql!(
        "SELECT id, name, operations, created_at, expires_at, last_used_at FROM service_tokens ",
        "WHERE org_id = $1 ORDER BY name"
    );
    db.all(sql, args![]).await
}

/// Drops the tokens that have expired.
pub(crate) async fn service_token_purge(db: &OrgScope, now: Timestamp) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM service_tokens WHERE org_id = $1 AND expires_at <= $2"), args![now])
        .await
}

/// Drops every organization's service tokens: the keys that verify them are gone.
pub(crate) async fn service_token_delete_all(db: &PlatformScope) -> Result<u64, DbError> {
    db.execute("DELETE FROM service_tokens", args![]).await
}

/// The signing keys that verify a service token: they stay for as long.
pub(crate) async fn keys_in_use(db: &PlatformScope) -> Result<Vec<String>, DbError> {
    let rows = db.all::<(String,)>("SELECT DISTINCT key_id AS value FROM service_tokens", args![]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
