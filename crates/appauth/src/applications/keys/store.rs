//! The SQL of keys.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged},
    from_row, org_sql,
};
use kernel::{ApplicationId, CredentialId, Result, Sealed, TokenHash, query::ListQuery};

use super::{super::credentials::CREDENTIALS, Key};

from_row!(Key { id, application_id, display_name, created_at, expires_at });

static OF_APPLICATION: Listing = Listing {
    collection: &CREDENTIALS,
    columns: "t.id, t.application_id, t.display_name, t.created_at, t.expires_at",
    table: "application_keys",
    condition: "t.application_id = $2",
    large: false,
};

pub(in super::super) async fn key_list(
    db: &OrgScope,
    application: ApplicationId,
    query: &ListQuery,
) -> Result<Paged<Key>> {
    db.page(&OF_APPLICATION, args![application], query).await
}

pub(super) async fn key_count(db: &OrgScope, application: ApplicationId) -> Result<i64, DbError> {
    let sql =
        org_sql!("SELECT COUNT(*) AS value FROM application_keys WHERE org_id = $1 AND application_id = $2");
    db.count(sql, args![application]).await
}

/// Keeps a key.
pub async fn key_insert(
    db: &OrgScope,
    key: &Key,
    hash: &TokenHash,
    sealed: Option<&Sealed<String>>,
) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO application_keys (org_id, id, application_id, display_name, hash, sealed, created_at, expires_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    );
    let Key { id, application_id, display_name, created_at, expires_at } = key;
    let values = args![*id, *application_id, display_name, *hash, sealed, *created_at, *expires_at];
    db.execute(sql, values).await.map(|_| ())
}

/// Whether an application has a key.
pub(in super::super) async fn key_has(
    db: &OrgScope,
    application: ApplicationId,
    id: CredentialId,
) -> Result<bool, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM application_keys WHERE org_id = $1 AND application_id = $2 AND id = $3"
    );
    Ok(db.count(sql, args![application, id]).await? > 0)
}

/// Gives a key of an application another name.
pub(in super::super) async fn key_rename(
    db: &OrgScope,
    application: ApplicationId,
    id: CredentialId,
    name: &str,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE application_keys SET display_name = $4 WHERE org_id = $1 AND application_id = $2 AND id = $3"
    );
    db.execute(sql, args![application, id, name]).await
}

/// Ends a key of an application. Tells whether there was one.
pub(in super::super) async fn key_delete(
    db: &OrgScope,
    application: ApplicationId,
    id: CredentialId,
) -> Result<bool, DbError> {
    let sql = org_sql!("DELETE FROM application_keys WHERE org_id = $1 AND application_id = $2 AND id = $3");
    Ok(db.execute(sql, args![application, id]).await? > 0)
}

/// Ends all keys of an application.
pub(in super::super) async fn key_delete_of(
    db: &OrgScope,
    application: ApplicationId,
) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM application_keys WHERE org_id = $1 AND application_id = $2");
    db.execute(sql, args![application]).await
}
