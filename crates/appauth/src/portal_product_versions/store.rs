//! The SQL of versions of products in portals.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged},
    from_row, org_sql,
};
use kernel::{PortalId, PortalProductVersionId, ProductId, ProductVersionId, Result, query::ListQuery};

use super::{StoredVersion, VERSIONS};

from_row!(StoredVersion {
    id,
    portal_id,
    product_version_id,
    publish_status,
    strategy_id,
    application_registration_enabled,
    auto_approve_registration,
    deprecated,
    created_at,
    updated_at
});

/// What is read of one.
macro_rules! columns {
    () => {
        "t.id, t.portal_id, t.product_version_id, t.publish_status, t.strategy_id, t.application_registration_enabled, \
         t.auto_approve_registration, t.deprecated, t.created_at, t.updated_at"
    };
}

static IN_PORTAL: Listing = Listing {
    collection: &VERSIONS,
    columns: columns!(),
    table: "portal_product_versions",
    condition: "t.portal_id = $2",
    large: false,
};

pub(super) async fn version_list(
    db: &OrgScope,
    portal: PortalId,
    query: &ListQuery,
) -> Result<Paged<StoredVersion>> {
    db.page(&IN_PORTAL, args![portal], query).await
}

pub(super) async fn version_get(
    db: &OrgScope,
    portal: PortalId,
    version: ProductVersionId,
) -> Result<Option<StoredVersion>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM portal_product_versions t WHERE t.org_id = $1 AND t.portal_id = $2 AND t.product_version_id = $3"
    );
    db.optional(sql, args![portal, version]).await
}

pub(super) async fn version_insert(db: &OrgScope, version: &StoredVersion) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO portal_product_versions (org_id, id, portal_id, product_version_id, created_at, publish_status, ",
        "strategy_id, application_registration_enabled, auto_approve_registration, deprecated, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    );
    let values = args![
        version.id,
        version.portal_id,
        version.product_version_id,
        version.created_at,
        &version.publish_status,
        version.strategy_id,
        version.application_registration_enabled,
        version.auto_approve_registration,
        version.deprecated,
        version.updated_at
    ];
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn version_update(db: &OrgScope, version: &StoredVersion) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE portal_product_versions SET publish_status = $3, strategy_id = $4, ",
        "application_registration_enabled = $5, auto_approve_registration = $6, deprecated = $7, updated_at = $8 ",
        "WHERE org_id = $1 AND id = $2"
    );
    let values = args![
        version.id,
        &version.publish_status,
        version.strategy_id,
        version.application_registration_enabled,
        version.auto_approve_registration,
        version.deprecated,
        version.updated_at
    ];
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn version_delete(db: &OrgScope, id: PortalProductVersionId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM portal_product_versions WHERE org_id = $1 AND id = $2");
    db.execute(sql, args![id]).await
}

/// How many in a portal applications can be registered for.
pub(crate) async fn registrable_in(db: &OrgScope, portal: PortalId) -> Result<i64, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM portal_product_versions ",
        "WHERE org_id = $1 AND portal_id = $2 AND application_registration_enabled = true"
    );
    db.count(sql, args![portal]).await
}

/// All in a portal.
pub(crate) async fn version_delete_in(db: &OrgScope, portal: PortalId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM portal_product_versions WHERE org_id = $1 AND portal_id = $2");
    db.execute(sql, args![portal]).await
}

/// A version in all portals.
pub(crate) async fn version_delete_of(db: &OrgScope, version: ProductVersionId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM portal_product_versions WHERE org_id = $1 AND product_version_id = $2");
    db.execute(sql, args![version]).await
}

/// All versions of a product in all portals.
pub(crate) async fn version_delete_of_product(db: &OrgScope, product: ProductId) -> Result<u64, DbError> {
    let sql = org_sql!(
        "DELETE FROM portal_product_versions WHERE org_id = $1 AND product_version_id IN ",
        "(SELECT v.id FROM product_versions v WHERE v.org_id = $1 AND v.product_id = $2)"
    );
    db.execute(sql, args![product]).await
}
