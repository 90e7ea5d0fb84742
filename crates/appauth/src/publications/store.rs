//! The SQL of publications.
//!
//! A row repeats what lists show, filter and sort of its API and its portal; a change of either changes it in
//! the same transaction.

use std::collections::BTreeMap;

use frame::{
    args,
    db::{DbError, FromRow, Listing, OrgScope, Paged, Row, fold},
    from_row, org_sql,
};
use kernel::{ApiId, Id, PortalId, Result, query::ListQuery};

use super::{API, ENTITY_TYPE, PUBLICATIONS, StoredPublication};
use crate::{
    apis::{Api, PortalOfApi},
    portals::Portal,
};

from_row!(StoredPublication {
    id,
    api_id,
    portal_id,
    strategy_id,
    auto_approve_registrations,
    visibility,
    created_at,
    updated_at
});

/// What is read of a publication.
macro_rules! columns {
    () => {
        "t.id, t.api_id, t.portal_id, t.strategy_id, t.auto_approve_registrations, t.visibility, t.created_at, t.updated_at"
    };
}

static ALL: Listing = Listing {
    collection: &PUBLICATIONS,
    columns: columns!(),
    table: "api_publications",
    condition: "",
    large: false,
};

/// Where APIs are published.
static PORTALS: Listing =
    Listing { columns: "t.api_id, t.portal_id, t.portal_name, t.portal_display_name", ..ALL };

/// An API and a portal that it is published in.
struct Place(ApiId, PortalOfApi);

impl FromRow for Place {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let portal = PortalOfApi {
            id: row.get("portal_id")?,
            name: row.get("portal_name")?,
            display_name: row.get("portal_display_name")?,
        };
        Ok(Self(row.get("api_id")?, portal))
    }
}

pub(super) async fn publication_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<StoredPublication>> {
    db.page(&ALL, args![], query).await
}

/// A publication.
pub async fn publication_get(
    db: &OrgScope,
    api: ApiId,
    portal: PortalId,
) -> Result<Option<StoredPublication>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM api_publications t WHERE t.org_id = $1 AND t.portal_id = $2 AND t.api_id = $3"
    );
    db.optional(sql, args![portal, api]).await
}

/// The portals that these APIs are published in, in the order in which that was done.
pub(crate) async fn portals_of(
    db: &OrgScope,
    apis: impl IntoIterator<Item = ApiId>,
) -> Result<BTreeMap<ApiId, Vec<PortalOfApi>>> {
    let places: Vec<Place> = db.whole(&PORTALS, args![], &ListQuery::of(&API, apis)).await?;
    let mut portals: BTreeMap<ApiId, Vec<PortalOfApi>> = BTreeMap::new();
    for Place(api, portal) in places {
        portals.entry(api).or_default().push(portal);
    }
    Ok(portals)
}

/// How many APIs are published in a portal.
pub(crate) async fn published_in(db: &OrgScope, portal: PortalId) -> Result<i64, DbError> {
    let sql = org_sql!("SELECT COUNT(*) AS value FROM api_publications WHERE org_id = $1 AND portal_id = $2");
    db.count(sql, args![portal]).await
}

pub(super) async fn publication_put(
    db: &OrgScope,
    publication: &StoredPublication,
    api: &Api,
    portal: &Portal,
) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO api_publications (org_id, id, api_id, api_name, api_name_folded, portal_id, portal_name, ",
        "portal_name_folded, portal_display_name, entity_type, entity_type_folded, created_at, strategy_id, ",
        "auto_approve_registrations, visibility, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ",
        "ON CONFLICT (org_id, portal_id, api_id) DO UPDATE SET strategy_id = $13, auto_approve_registrations = $14, ",
        "visibility = $15, updated_at = $16"
    );
    let values = args![
        publication.id,
        api.id,
        &api.name,
        fold(&api.name),
        portal.id,
        &portal.name,
        fold(&portal.name),
        &portal.display_name,
        ENTITY_TYPE,
        fold(ENTITY_TYPE),
        publication.created_at,
        publication.strategy_id,
        publication.auto_approve_registrations,
        &publication.visibility,
        publication.updated_at
    ];
    db.execute(sql, values).await.map(|_| ())
}

/// Repeats what publications show of an API after it has changed.
pub(crate) async fn api_renamed(db: &OrgScope, api: &Api) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE api_publications SET api_name = $3, api_name_folded = $4 WHERE org_id = $1 AND api_id = $2"
    );
    db.execute(sql, args![api.id, &api.name, fold(&api.name)]).await.map(|_| ())
}

/// Repeats what publications show of a portal after it has changed.
pub(crate) async fn portal_renamed(db: &OrgScope, portal: &Portal) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE api_publications SET portal_name = $3, portal_name_folded = $4, portal_display_name = $5 ",
        "WHERE org_id = $1 AND portal_id = $2"
    );
    let values = args![portal.id, &portal.name, fold(&portal.name), &portal.display_name];
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn publication_delete(db: &OrgScope, id: Id<()>) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM api_publications WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// All of an API.
pub(crate) async fn publication_delete_of(db: &OrgScope, api: ApiId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM api_publications WHERE org_id = $1 AND api_id = $2"), args![api]).await
}

/// All in a portal.
pub(crate) async fn publication_delete_in(db: &OrgScope, portal: PortalId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM api_publications WHERE org_id = $1 AND portal_id = $2");
    db.execute(sql, args![portal]).await
}
