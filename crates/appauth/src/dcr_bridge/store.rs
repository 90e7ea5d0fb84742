//! The SQL of the bridge's keys.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged, PlatformScope},
    org_sql,
};
use kernel::{BridgeKeyId, DcrProviderId, Result, Timestamp, TokenHash, query::ListQuery};

use super::{
    Known,
    keys::{BridgeKey, KEYS},
};

/// Whose key has this hash, in an organization that is active.
pub(super) async fn key_find(db: &PlatformScope, hash: TokenHash) -> Result<Option<Known>, DbError> {
    let sql = "SELECT k.org_id, k.provider_id, k.id, k.last_used_at FROM dcr_bridge_keys k \
               JOIN organizations o ON o.org_id = k.org_id WHERE k.hash = $1 AND o.state = 'active'";
    db.optional(sql, args![hash]).await
}

pub(super) async fn key_used(db: &OrgScope, id: BridgeKeyId, now: Timestamp) -> Result<u64, DbError> {
    let sql = org_sql!("UPDATE dcr_bridge_keys SET last_used_at = $3 WHERE org_id = $1 AND id = $2");
    db.execute(sql, args![id, now]).await
}

/// What is read of a key.
macro_rules! columns {
    () => {
        "t.id, t.name, t.created_at, t.last_used_at"
    };
}

static OF_PROVIDER: Listing = Listing {
    collection: &KEYS,
    columns: columns!(),
    table: "dcr_bridge_keys",
    condition: "t.provider_id = $2",
    large: false,
};

pub(super) async fn key_list(
    db: &OrgScope,
    provider: DcrProviderId,
    query: &ListQuery,
) -> Result<Paged<BridgeKey>> {
    db.page(&OF_PROVIDER, args![provider], query).await
}

pub(super) async fn key_get(
    db: &OrgScope,
    provider: DcrProviderId,
    id: BridgeKeyId,
) -> Result<Option<BridgeKey>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM dcr_bridge_keys t WHERE t.org_id = $1 AND t.provider_id = $2 AND t.id = $3"
    );
    db.optional(sql, args![provider, id]).await
}

pub(super) async fn key_count(db: &OrgScope, provider: DcrProviderId) -> Result<i64, DbError> {
    let sql =
        org_sql!("SELECT COUNT(*) AS value FROM dcr_bridge_keys WHERE org_id = $1 AND provider_id = $2");
    db.count(sql, args![provider]).await
}

pub(super) async fn key_insert(
    db: &OrgScope,
    provider: DcrProviderId,
    key: &BridgeKey,
    hash: TokenHash,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO dcr_bridge_keys (org_id, id, provider_id, name, hash, created_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6)"
    );
    db.execute(sql, args![key.id, provider, &key.name, hash, key.created_at]).await
}

pub(super) async fn key_delete(db: &OrgScope, id: BridgeKeyId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM dcr_bridge_keys WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// Notes that a caller had a client removed.
pub(super) async fn removed_note(
    db: &OrgScope,
    provider: DcrProviderId,
    client_id: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO dcr_bridge_removed (org_id, provider_id, client_id, removed_at) VALUES ($1, $2, $3, $4) ",
        "ON CONFLICT (org_id, provider_id, client_id) DO UPDATE SET removed_at = $4"
    );
    db.execute(sql, args![provider, client_id, now]).await
}

/// Whether a caller had a client removed, not long ago.
pub(super) async fn removed_has(
    db: &OrgScope,
    provider: DcrProviderId,
    client_id: &str,
) -> Result<bool, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM dcr_bridge_removed WHERE org_id = $1 AND provider_id = $2 AND client_id = $3"
    );
    Ok(!client_id.contains('\0') && db.count(sql, args![provider, client_id]).await? > 0)
}

/// Forgets clients that were removed long ago.
pub(super) async fn removed_purge(platform: &PlatformScope, since: Timestamp) -> Result<u64, DbError> {
    platform.execute("DELETE FROM dcr_bridge_removed WHERE removed_at <= $1", args![since]).await
}
