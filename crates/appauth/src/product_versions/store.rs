//! The SQL of versions of products.

use std::collections::BTreeMap;

use frame::{
    args,
    db::{Arg, DbError, FromRow, Listing, OrgScope, Paged, Row, fold},
    org_sql,
};
use kernel::{
    ProductId, ProductVersionId, Result, StrategyId,
    query::{Field, Kind, ListQuery, Ops},
};
use serde_json::Value;

use super::{PortalOfVersion, ProductVersion, StrategyOfVersion, VERSIONS};

impl FromRow for ProductVersion {
    /// The portals that it is in are read beside it.
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let decode = |error| frame::sqlx::Error::Decode(Box::new(error));
        let gateway_service: Option<Value> = row.get("gateway_service")?;
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            gateway_service: gateway_service.map(serde_json::from_value).transpose().map_err(decode)?,
            publish_status: row.get("publish_status")?,
            deprecated: row.get("deprecated")?,
            labels: row.get("labels")?,
            portals: Vec::new(),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// What is read of a version.
macro_rules! columns {
    () => {
        "t.id, t.name, t.gateway_service, t.publish_status, t.deprecated, t.labels, t.created_at, t.updated_at"
    };
}

static OF_PRODUCT: Listing = Listing {
    collection: &VERSIONS,
    columns: columns!(),
    table: "product_versions",
    condition: "t.product_id = $2",
    large: false,
};

/// The version of a place.
static VERSION: Field = Field::new("product_version_id", Kind::Id, Ops::UUID);

/// The portals that versions are in.
static PLACES: Listing = Listing {
    columns: "t.product_version_id, t.portal_id, t.id, t.publish_status, t.deprecated, t.application_registration_enabled, \
              t.auto_approve_registration, t.strategy_id, \
              (SELECT p.name FROM portals p WHERE p.org_id = t.org_id AND p.id = t.portal_id) AS portal_name, \
              (SELECT s.name FROM application_auth_strategies s WHERE s.org_id = t.org_id AND s.id = t.strategy_id) \
              AS strategy_name",
    table: "portal_product_versions",
    condition: "",
    ..OF_PRODUCT
};

/// A version and a portal that it is in.
struct Place(ProductVersionId, PortalOfVersion);

impl FromRow for Place {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let strategy: Option<StrategyId> = row.get("strategy_id")?;
        let name: Option<String> = row.get("strategy_name")?;
        let strategy = strategy.zip(name).map(|(id, name)| StrategyOfVersion { id, name });
        let portal = PortalOfVersion {
            portal_id: row.get("portal_id")?,
            portal_name: row.get("portal_name")?,
            portal_product_version_id: row.get("id")?,
            publish_status: row.get("publish_status")?,
            deprecated: row.get("deprecated")?,
            application_registration_enabled: row.get("application_registration_enabled")?,
            auto_approve_registration: row.get("auto_approve_registration")?,
            auth_strategies: strategy.into_iter().collect(),
        };
        Ok(Self(row.get("product_version_id")?, portal))
    }
}

/// Reads which portals these versions are in.
async fn placed(db: &OrgScope, versions: &mut [ProductVersion]) -> Result<()> {
    let ids: Vec<ProductVersionId> = versions.iter().map(|version| version.id).collect();
    let found: Vec<Place> = db.whole(&PLACES, args![], &ListQuery::of(&VERSION, ids)).await?;
    let mut places: BTreeMap<ProductVersionId, Vec<PortalOfVersion>> = BTreeMap::new();
    for Place(version, portal) in found {
        places.entry(version).or_default().push(portal);
    }
    for version in versions {
        version.portals = places.remove(&version.id).unwrap_or_default();
    }
    Ok(())
}

pub(super) async fn version_list(
    db: &OrgScope,
    product: ProductId,
    query: &ListQuery,
) -> Result<Paged<ProductVersion>> {
    let mut page = db.page(&OF_PRODUCT, args![product], query).await?;
    placed(db, page.items_mut()).await?;
    Ok(page)
}

pub(super) async fn version_get(
    db: &OrgScope,
    product: ProductId,
    id: ProductVersionId,
) -> Result<Option<ProductVersion>> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM product_versions t WHERE t.org_id = $1 AND t.product_id = $2 AND t.id = $3"
    );
    let Some(mut version) = db.optional::<ProductVersion>(sql, args![product, id]).await? else {
        return Ok(None);
    };
    placed(db, std::slice::from_mut(&mut version)).await?;
    Ok(Some(version))
}

/// A version, by what names it to people.
pub(crate) struct Titled {
    /// Its product.
    pub product: ProductId,
    /// Product and version.
    pub title: String,
}

impl FromRow for Titled {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self { product: row.get("product_id")?, title: row.get("title")? })
    }
}

/// The names of a version and its product.
pub(crate) async fn version_title(db: &OrgScope, id: ProductVersionId) -> Result<Option<Titled>, DbError> {
    let sql = org_sql!(
        "SELECT v.product_id, p.name || ' ' || v.name AS title FROM product_versions v ",
        "JOIN products p ON p.org_id = v.org_id AND p.id = v.product_id WHERE v.org_id = $1 AND v.id = $2"
    );
    db.optional(sql, args![id]).await
}

/// The values of what can be changed, in the order of both statements.
fn changeable(version: &ProductVersion) -> Vec<Arg> {
    let ProductVersion { name, gateway_service, publish_status, deprecated, labels, updated_at, .. } =
        version;
    let service = gateway_service.as_ref().map(|it| serde_json::to_value(it).unwrap_or_default());
    args![
        name,
        fold(name),
        publish_status,
        *deprecated,
        service.map(|it| it.to_string()),
        labels,
        *updated_at
    ]
}

pub(super) async fn version_insert(
    db: &OrgScope,
    product: ProductId,
    version: &ProductVersion,
) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO product_versions (org_id, id, product_id, created_at, name, name_folded, publish_status, ",
        "deprecated, gateway_service, labels, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    );
    let mut values = args![version.id, product, version.created_at];
    values.extend(changeable(version));
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn version_update(db: &OrgScope, version: &ProductVersion) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE product_versions SET name = $3, name_folded = $4, publish_status = $5, deprecated = $6, ",
        "gateway_service = $7, labels = $8, updated_at = $9 WHERE org_id = $1 AND id = $2"
    );
    let mut values = args![version.id];
    values.extend(changeable(version));
    db.execute(sql, values).await.map(|_| ())
}

/// Notes whether a version's service is one that only applications get through to, as its places in portals say now.
pub(crate) async fn version_guard(db: &OrgScope, id: ProductVersionId) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE product_versions SET guarded = EXISTS (SELECT 1 FROM portal_product_versions p WHERE p.org_id = $1 ",
        "AND p.product_version_id = $2 AND p.publish_status = 'published' AND p.strategy_id IS NOT NULL) ",
        "WHERE org_id = $1 AND id = $2"
    );
    db.execute(sql, args![id]).await.map(|_| ())
}

/// The versions of a product.
pub(crate) async fn version_ids(db: &OrgScope, product: ProductId) -> Result<Vec<ProductVersionId>, DbError> {
    let sql = org_sql!(
        "SELECT id AS value FROM product_versions WHERE org_id = $1 AND product_id = $2 ORDER BY seq"
    );
    let rows: Vec<(ProductVersionId,)> = db.all(sql, args![product]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(super) async fn version_delete(db: &OrgScope, id: ProductVersionId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM product_versions WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// All of a product.
pub(crate) async fn version_delete_of(db: &OrgScope, product: ProductId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM product_versions WHERE org_id = $1 AND product_id = $2");
    db.execute(sql, args![product]).await
}
