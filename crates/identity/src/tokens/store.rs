//! The SQL of personal access tokens and of the directory of credentials.

use frame::{
    args,
    db::{CursorPage, DbError, Listing, OrgScope},
    org_sql,
};
use kernel::{Result, Timestamp, TokenHash, TokenId, TokenKind, UserId, query::ListQuery};
use uuid::Uuid;

use super::{ORGANIZATION_TOKENS, PersonalAccessToken, UNUSED};

/// What a token's state is at `$2`, the organization's longest life counted in, unused before `$3`.
/// A table for lists, so that the state can be filtered like a column.
macro_rules! with_state {
    () => {
        "(SELECT p.seq, p.org_id, p.id, p.user_id, p.name, p.revoked_by, p.created_at, p.updated_at, p.last_used_at, \
          p.expires_at, p.revoked_at, CASE WHEN p.revoked_at IS NOT NULL THEN 'REVOKED' \
          WHEN p.expires_at <= $2 OR p.created_at + o.max_expiration_period_days * 86400000000 <= $2 THEN 'EXPIRED' \
          WHEN COALESCE(p.last_used_at, p.created_at) < $3 THEN 'REVOKED' ELSE 'ACTIVE' END AS state \
          FROM personal_access_tokens p JOIN organizations o ON o.org_id = p.org_id WHERE p.org_id = $1)"
    };
}

const COLUMNS: &str = "t.id, t.user_id, t.name, t.state, t.revoked_by, t.created_at, t.updated_at, t.last_used_at, \
                       t.expires_at, t.revoked_at";

static OF_ORGANIZATION: Listing = Listing {
    collection: &ORGANIZATION_TOKENS,
    columns: COLUMNS,
    table: with_state!(),
    condition: "",
    large: false,
};

pub(super) async fn token_list_of_organization(
    db: &OrgScope,
    now: Timestamp,
    query: &ListQuery,
) -> Result<CursorPage<PersonalAccessToken>> {
    db.around(&OF_ORGANIZATION, args![now, now.minus(UNUSED)], query, false).await
}

pub(super) async fn token_list(
    db: &OrgScope,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<PersonalAccessToken>, DbError> {
    let sql =
        org_sql!("SELECT * FROM ", with_state!(), " t WHERE t.org_id = $1 AND t.user_id = $4 ORDER BY t.seq");
    db.all(sql, args![now, now.minus(UNUSED), user]).await
}

pub(super) async fn token_get(
    db: &OrgScope,
    user: UserId,
    id: TokenId,
    now: Timestamp,
) -> Result<Option<PersonalAccessToken>, DbError> {
    let sql =
        org_sql!("SELECT * FROM ", with_state!(), " t WHERE t.org_id = $1 AND t.user_id = $4 AND t.id = $5");
    db.optional(sql, args![now, now.minus(UNUSED), user, id]).await
}

/// How many of a user's tokens work.
pub async fn token_count_live(db: &OrgScope, user: UserId, now: Timestamp) -> Result<i64, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM ",
        with_state!(),
        " t WHERE t.org_id = $1 AND t.user_id = $4 AND t.state = 'ACTIVE'"
    );
    db.count(sql, args![now, now.minus(UNUSED), user]).await
}

pub(super) async fn token_insert(
    db: &OrgScope,
    id: TokenId,
    user: UserId,
    name: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO personal_access_tokens (org_id, id, user_id, name, expires_at, created_at, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $6)"
    );
    db.execute(sql, args![id, user, name, expires_at, now]).await
}

pub(super) async fn token_rename(
    db: &OrgScope,
    id: TokenId,
    name: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE personal_access_tokens SET name = $3, updated_at = $4 WHERE org_id = $1 AND id = $2"
    );
    db.execute(sql, args![id, name, now]).await
}

pub(super) async fn token_revoke(
    db: &OrgScope,
    id: TokenId,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE personal_access_tokens SET revoked_by = $3, revoked_at = $4, updated_at = $4 WHERE org_id = $1 AND id = $2"
    );
    db.execute(sql, args![id, by, now]).await
}

pub(super) async fn token_delete(db: &OrgScope, id: TokenId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM personal_access_tokens WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// The number under which a kind of token stands in the directory.
pub(super) const fn kind_code(kind: TokenKind) -> i64 {
    match kind {
        TokenKind::Personal => 1,
        TokenKind::System => 2,
        TokenKind::Client => 3,
        TokenKind::Invite => 4,
        TokenKind::Refresh => 5,
        TokenKind::Reset => 6,
        TokenKind::Registration => 11,
        TokenKind::Device => 7,
        TokenKind::Developer => 8,
        TokenKind::DeveloperRefresh => 9,
        TokenKind::Bridge => 10,
    }
}

/// Puts a token's hash into the directory.
pub async fn credential_insert(
    db: &OrgScope,
    kind: TokenKind,
    hash: TokenHash,
    id: TokenId,
) -> Result<u64, DbError> {
    let sql = org_sql!("INSERT INTO credentials (org_id, hash, kind, token_id) VALUES ($1, $2, $3, $4)");
    db.execute(sql, args![hash, kind_code(kind), id]).await
}

/// Takes a token out of the directory: it stops working.
pub async fn credential_drop(db: &OrgScope, id: TokenId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM credentials WHERE org_id = $1 AND token_id = $2"), args![id]).await
}

/// Takes every token of a user or system account out of the directory.
pub async fn credential_drop_all(db: &OrgScope, holder: Uuid) -> Result<u64, DbError> {
    let sql = org_sql!(
        "DELETE FROM credentials WHERE org_id = $1 AND (",
        "token_id IN (SELECT id FROM personal_access_tokens WHERE org_id = $1 AND user_id = $2) OR ",
        "token_id IN (SELECT id FROM system_account_tokens WHERE org_id = $1 AND system_account_id = $2))"
    );
    db.execute(sql, args![holder]).await
}
