//! The SQL of registrations.

use frame::{
    args,
    db::{DbError, FromRow, Listing, OrgScope, Paged, Row, fold},
    org_sql,
};
use kernel::{ApplicationId, PortalId, ProductVersionId, RegistrationId, Result, query::ListQuery};
use serde_json::Value;

use super::{
    Stored,
    admin::{OF_APPLICATION, OF_PORTAL},
    classic::{CLASSIC_OF_APPLICATION, CLASSIC_OF_PORTAL, Owned},
    classic_own::CLASSIC_OWN,
    targets::{OfApi, OfVersion, Target},
};

impl<T: Target> FromRow for Stored<T> {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let scopes: Value = row.get("scopes")?;
        Ok(Self {
            id: row.get("id")?,
            status: row.get("status")?,
            portal_id: row.get("portal_id")?,
            application_id: row.get("application_id")?,
            application_name: row.get("application_name")?,
            scopes: serde_json::from_value(scopes)
                .map_err(|error| frame::sqlx::Error::Decode(Box::new(error)))?,
            target: T::read(row)?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// Registrations, with what is shown beside them; the owner of an application is a developer, or a team. Each is read by
/// itself, so that it costs nothing where nobody asks for it.
macro_rules! registrations {
    () => {
        "(SELECT r.*, \
         (SELECT n.name FROM applications n WHERE n.org_id = r.org_id AND n.id = r.application_id) AS application_name, \
         (SELECT n.name_folded FROM applications n WHERE n.org_id = r.org_id AND n.id = r.application_id) AS application_name_folded, \
         (SELECT n.scopes FROM applications n WHERE n.org_id = r.org_id AND n.id = r.application_id) AS scopes, \
         (SELECT n.developer_id FROM applications n WHERE n.org_id = r.org_id AND n.id = r.application_id) AS developer_id, \
         (SELECT COALESCE(n.developer_id, n.team_id) FROM applications n WHERE n.org_id = r.org_id AND n.id = r.application_id) AS owner_id, \
         COALESCE((SELECT d.full_name FROM applications n JOIN developers d ON d.org_id = n.org_id AND d.id = n.developer_id \
          WHERE n.org_id = r.org_id AND n.id = r.application_id), \
          (SELECT g.name FROM applications n JOIN portal_teams g ON g.org_id = n.org_id AND g.id = n.team_id \
          WHERE n.org_id = r.org_id AND n.id = r.application_id)) AS owner_name, \
         COALESCE((SELECT d.full_name_folded FROM applications n JOIN developers d ON d.org_id = n.org_id AND d.id = n.developer_id \
          WHERE n.org_id = r.org_id AND n.id = r.application_id), \
          (SELECT g.name_folded FROM applications n JOIN portal_teams g ON g.org_id = n.org_id AND g.id = n.team_id \
          WHERE n.org_id = r.org_id AND n.id = r.application_id)) AS owner_name_folded, \
         (SELECT a.name FROM apis a WHERE a.org_id = r.org_id AND a.id = r.api_id) AS api_name, \
         (SELECT a.name_folded FROM apis a WHERE a.org_id = r.org_id AND a.id = r.api_id) AS api_name_folded, \
         (SELECT a.version FROM apis a WHERE a.org_id = r.org_id AND a.id = r.api_id) AS api_version, \
         (SELECT a.slug FROM apis a WHERE a.org_id = r.org_id AND a.id = r.api_id) AS api_slug, \
         (SELECT v.name FROM product_versions v WHERE v.org_id = r.org_id AND v.id = r.product_version_id) AS product_version_name, \
         (SELECT v.name_folded FROM product_versions v WHERE v.org_id = r.org_id AND v.id = r.product_version_id) AS product_version_name_folded, \
         (SELECT v.product_id FROM product_versions v WHERE v.org_id = r.org_id AND v.id = r.product_version_id) AS product_id, \
         (SELECT p.name FROM product_versions v JOIN products p ON p.org_id = v.org_id AND p.id = v.product_id \
          WHERE v.org_id = r.org_id AND v.id = r.product_version_id) AS product_name, \
         (SELECT p.name_folded FROM product_versions v JOIN products p ON p.org_id = v.org_id AND p.id = v.product_id \
          WHERE v.org_id = r.org_id AND v.id = r.product_version_id) AS product_name_folded \
         FROM application_registrations r WHERE r.org_id = $1)"
    };
}

/// What is read of a registration.
macro_rules! columns {
    () => {
        "t.id, t.status, t.portal_id, t.application_id, t.application_name, t.scopes, t.owner_id, t.owner_name, \
         t.api_id, t.api_name, t.api_version, t.api_slug, t.product_version_id, t.product_version_name, t.product_id, \
         t.product_name, t.created_at, t.updated_at"
    };
}

/// Declares how registrations are read that a condition tells.
macro_rules! read {
    ($condition:literal) => {
        org_sql!("SELECT ", columns!(), " FROM ", registrations!(), " t WHERE t.org_id = $1 AND ", $condition)
    };
}

/// Those for APIs in a portal.
static IN_PORTAL: Listing = Listing {
    collection: &OF_PORTAL,
    columns: columns!(),
    table: registrations!(),
    condition: "t.portal_id = $2 AND t.api_id IS NOT NULL",
    large: false,
};

/// Those for APIs of an application.
static OF_ONE: Listing = Listing {
    collection: &OF_APPLICATION,
    condition: "t.application_id = $2 AND t.api_id IS NOT NULL",
    ..IN_PORTAL
};

/// Those for versions of products in a portal.
static CLASSIC_IN_PORTAL: Listing = Listing {
    collection: &CLASSIC_OF_PORTAL,
    condition: "t.portal_id = $2 AND t.product_version_id IS NOT NULL",
    ..IN_PORTAL
};

/// Those for versions of products of an application.
static CLASSIC_OF_ONE: Listing = Listing {
    collection: &CLASSIC_OF_APPLICATION,
    condition: "t.application_id = $2 AND t.product_version_id IS NOT NULL",
    ..IN_PORTAL
};

/// The same, for its developers.
static CLASSIC_OWN_OF_ONE: Listing = Listing { collection: &CLASSIC_OWN, ..CLASSIC_OF_ONE };

pub(super) async fn registration_list_in(
    db: &OrgScope,
    portal: PortalId,
    query: &ListQuery,
) -> Result<Paged<Stored<OfApi>>> {
    db.page(&IN_PORTAL, args![portal], query).await
}

pub(super) async fn registration_list_of(
    db: &OrgScope,
    application: ApplicationId,
    query: &ListQuery,
) -> Result<Paged<Stored<OfApi>>> {
    db.page(&OF_ONE, args![application], query).await
}

pub(super) async fn classic_list_in(
    db: &OrgScope,
    portal: PortalId,
    query: &ListQuery,
) -> Result<Paged<Owned>> {
    db.page(&CLASSIC_IN_PORTAL, args![portal], query).await
}

pub(super) async fn classic_list_of(
    db: &OrgScope,
    application: ApplicationId,
    query: &ListQuery,
) -> Result<Paged<Owned>> {
    db.page(&CLASSIC_OF_ONE, args![application], query).await
}

pub(super) async fn classic_list_own(
    db: &OrgScope,
    application: ApplicationId,
    query: &ListQuery,
) -> Result<Paged<Stored<OfVersion>>> {
    db.page(&CLASSIC_OWN_OF_ONE, args![application], query).await
}

/// A registration, if it is for something of this kind.
pub(super) async fn registration_get<T: Target>(
    db: &OrgScope,
    id: RegistrationId,
) -> Result<Option<Stored<T>>, DbError> {
    let sql = read!("t.id = $2 AND (t.api_id IS NOT NULL) = $3");
    db.optional(sql, args![id, T::IS_API]).await
}

/// A registration of an application for a version of a product, with the application's owner.
pub(super) async fn classic_get(
    db: &OrgScope,
    application: ApplicationId,
    id: RegistrationId,
) -> Result<Option<Owned>, DbError> {
    let sql = read!("t.application_id = $2 AND t.id = $3 AND t.product_version_id IS NOT NULL");
    db.optional(sql, args![application, id]).await
}

/// The registration of an application for a version of a product.
pub(super) async fn registration_of(
    db: &OrgScope,
    application: ApplicationId,
    version: ProductVersionId,
) -> Result<Option<Stored<OfVersion>>, DbError> {
    let sql = read!("t.application_id = $2 AND t.product_version_id = $3");
    db.optional(sql, args![application, version]).await
}

/// The registrations for something, in all portals or in one.
pub(super) async fn registrations_of<T: Target>(
    db: &OrgScope,
    key: T::Key,
    portal: Option<PortalId>,
) -> Result<Vec<Stored<T>>, DbError> {
    let sql = if T::IS_API {
        read!("t.api_id = $2 AND (t.portal_id = $3 OR $4 = true)")
    } else {
        read!("t.product_version_id = $2 AND (t.portal_id = $3 OR $4 = true)")
    };
    db.all(sql, args![T::bare(key), portal, portal.is_none()]).await
}

/// How many registrations of an application have a status.
pub(super) async fn registration_count(
    db: &OrgScope,
    application: ApplicationId,
    status: &str,
) -> Result<i64, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM application_registrations WHERE org_id = $1 AND application_id = $2 AND status = $3"
    );
    db.count(sql, args![application, status]).await
}

/// Writes a new one.
pub async fn registration_insert<T: Target>(db: &OrgScope, it: &Stored<T>) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO application_registrations (org_id, id, portal_id, application_id, api_id, product_version_id, status, ",
        "status_folded, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    );
    let target = it.target.id();
    let (api, version) = if T::IS_API { (Some(target), None) } else { (None, Some(target)) };
    let values = args![
        it.id,
        it.portal_id,
        it.application_id,
        api,
        version,
        &it.status,
        fold(&it.status),
        it.created_at,
        it.updated_at
    ];
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn registration_update<T>(db: &OrgScope, it: &Stored<T>) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE application_registrations SET status = $3, status_folded = $4, updated_at = $5 WHERE org_id = $1 AND id = $2"
    );
    db.execute(sql, args![it.id, &it.status, fold(&it.status), it.updated_at]).await.map(|_| ())
}

pub(super) async fn registration_delete(db: &OrgScope, id: RegistrationId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM application_registrations WHERE org_id = $1 AND id = $2");
    db.execute(sql, args![id]).await
}
