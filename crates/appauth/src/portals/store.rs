//! The SQL of portals.

use frame::{
    args,
    db::{Arg, DbError, FromRow, Listing, OrgScope, Paged, Row, fold},
    from_row, org_sql,
};
use kernel::{PortalId, Result, query::ListQuery};

use super::{
    PORTALS, Portal,
    classic::{CLASSIC, ClassicPortal, Counts},
};

from_row!(Portal {
    id,
    name,
    display_name,
    description,
    authentication_enabled,
    rbac_enabled,
    sipr_enabled,
    default_api_visibility,
    default_page_visibility,
    default_application_auth_strategy_id,
    auto_approve_developers,
    auto_approve_applications,
    default_domain,
    canonical_domain,
    labels,
    notifications_developer_pii_visibility_enabled,
    created_at,
    updated_at,
});

/// What is read of a portal. No portal has a domain but the one that it was given.
macro_rules! columns {
    () => {
        "t.id, t.name, t.display_name, t.description, t.authentication_enabled, t.rbac_enabled, t.sipr_enabled, \
         t.default_api_visibility, t.default_page_visibility, \
         t.default_strategy_id AS default_application_auth_strategy_id, t.auto_approve_developers, \
         t.auto_approve_applications, t.default_domain, t.default_domain AS canonical_domain, t.labels, \
         t.developer_pii_visible AS notifications_developer_pii_visibility_enabled, t.created_at, t.updated_at"
    };
}

static ALL: Listing =
    Listing { collection: &PORTALS, columns: columns!(), table: "portals", condition: "", large: false };

pub(super) async fn portal_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<Portal>> {
    db.page(&ALL, args![], query).await
}

impl FromRow for ClassicPortal {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let counts = Counts {
            products: row.get("products")?,
            developers: row.get("developers")?,
            applications: row.get("applications")?,
        };
        Ok(Self::new(Portal::from_row(row)?, counts))
    }
}

/// What is read of a portal for the older API.
macro_rules! classic_columns {
    () => {
        concat!(
            columns!(),
            ", (SELECT COUNT(*) FROM product_portals p WHERE p.org_id = t.org_id AND p.portal_id = t.id) AS products",
            ", (SELECT COUNT(*) FROM developers d WHERE d.org_id = t.org_id AND d.portal_id = t.id) AS developers",
            ", (SELECT COUNT(*) FROM applications a WHERE a.org_id = t.org_id AND a.portal_id = t.id) AS applications"
        )
    };
}

static ALL_CLASSIC: Listing = Listing { collection: &CLASSIC, columns: classic_columns!(), ..ALL };

pub(super) async fn classic_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<ClassicPortal>> {
    db.page(&ALL_CLASSIC, args![], query).await
}

pub(super) async fn classic_get(db: &OrgScope, id: PortalId) -> Result<Option<ClassicPortal>, DbError> {
    let sql = org_sql!("SELECT ", classic_columns!(), " FROM portals t WHERE t.org_id = $1 AND t.id = $2");
    db.optional(sql, args![id]).await
}

/// A portal.
pub async fn portal_get(db: &OrgScope, id: PortalId) -> Result<Option<Portal>, DbError> {
    let sql = org_sql!("SELECT ", columns!(), " FROM portals t WHERE t.org_id = $1 AND t.id = $2");
    db.optional(sql, args![id]).await
}

pub(super) async fn portal_name_taken(db: &OrgScope, name: &str) -> Result<bool, DbError> {
    let sql = org_sql!("SELECT COUNT(*) AS value FROM portals WHERE org_id = $1 AND name_folded = $2");
    Ok(db.count(sql, args![fold(name)]).await? > 0)
}

/// The values of what can be changed, in the order of both statements.
fn changeable(portal: &Portal) -> Vec<Arg> {
    let Portal { name, display_name, description, labels, .. } = portal;
    let (apis, pages) = (&portal.default_api_visibility, &portal.default_page_visibility);
    args![
        name,
        fold(name),
        display_name,
        description.as_deref(),
        description.as_deref().map(fold),
        portal.authentication_enabled,
        portal.rbac_enabled,
        portal.sipr_enabled,
        apis,
        fold(apis),
        pages,
        fold(pages),
        portal.default_application_auth_strategy_id,
        portal.auto_approve_developers,
        portal.auto_approve_applications,
        portal.notifications_developer_pii_visibility_enabled,
        labels,
        portal.updated_at
    ]
}

pub(super) async fn portal_insert(db: &OrgScope, portal: &Portal) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO portals (org_id, id, default_domain, default_domain_folded, created_at, name, name_folded, ",
        "display_name, description, description_folded, authentication_enabled, rbac_enabled, sipr_enabled, ",
        "default_api_visibility, default_api_visibility_folded, default_page_visibility, ",
        "default_page_visibility_folded, default_strategy_id, auto_approve_developers, auto_approve_applications, ",
        "developer_pii_visible, labels, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, ",
        "$22, $23)"
    );
    let domain = &portal.default_domain;
    let mut values = args![portal.id, domain, fold(domain), portal.created_at];
    values.extend(changeable(portal));
    db.execute(sql, values).await.map(|_| ())
}

/// Another portal, of any organization, may have the host by chance: then the request runs again, with
/// another.
pub(super) async fn portal_host_insert(db: &OrgScope, portal: &Portal) -> Result<(), DbError> {
    let sql = org_sql!("INSERT INTO portal_hosts (org_id, host, portal_id) VALUES ($1, $2, $3)");
    db.execute(sql, args![&portal.default_domain, portal.id]).await.map(|_| ()).map_err(|error| match error {
        DbError::Unique => DbError::Again,
        other => other,
    })
}

pub(super) async fn portal_update(db: &OrgScope, portal: &Portal) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE portals SET name = $3, name_folded = $4, display_name = $5, description = $6, ",
        "description_folded = $7, authentication_enabled = $8, rbac_enabled = $9, sipr_enabled = $10, ",
        "default_api_visibility = $11, default_api_visibility_folded = $12, default_page_visibility = $13, ",
        "default_page_visibility_folded = $14, default_strategy_id = $15, auto_approve_developers = $16, ",
        "auto_approve_applications = $17, developer_pii_visible = $18, labels = $19, updated_at = $20 ",
        "WHERE org_id = $1 AND id = $2"
    );
    let mut values = args![portal.id];
    values.extend(changeable(portal));
    db.execute(sql, values).await.map(|_| ())
}

/// Its hosts go with it.
pub(super) async fn portal_delete(db: &OrgScope, id: PortalId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM portals WHERE org_id = $1 AND id = $2"), args![id]).await
}
