//! The SQL of applications.

use frame::{
    args,
    db::{Arg, DbError, FromRow, Listing, OrgScope, Paged, Row, fold},
    org_sql,
};
use kernel::{ApplicationId, DeveloperId, Id, PortalId, Result, StrategyId, query::ListQuery};
use serde_json::Value;

use super::{
    Application, OF_DEVELOPER, OF_PORTAL, Owner, WHO,
    admin::ApplicationDeveloper,
    classic::{CLASSIC, Owned},
    developer::{CREDENTIAL_TYPE, STRATEGIES},
    strategy::{StrategyOf, columns as strategy_columns, owner_from},
};
use crate::strategies::AuthStrategy;

impl FromRow for Application {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let scopes: Value = row.get("scopes")?;
        Ok(Self {
            id: row.get("id")?,
            portal_id: row.get("portal_id")?,
            name: row.get("name")?,
            description: row.get("description")?,
            owner: owner_from(row)?,
            strategy: StrategyOf::from_row(row)?,
            client_id: row.get("client_id")?,
            redirect_uri: row.get("redirect_uri")?,
            scopes: serde_json::from_value(scopes)
                .map_err(|error| frame::sqlx::Error::Decode(Box::new(error)))?,
            labels: row.get("labels")?,
            registration_count: row.get("registration_count")?,
            version_registration_count: row.get("version_registration_count")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// What is read of an application. The client's id of one that has a provider is its client's.
macro_rules! columns {
    () => {
        concat!(
            "t.id, t.portal_id, t.name, t.description, t.developer_id, t.team_id, t.redirect_uri, t.scopes, t.labels, ",
            "t.created_at, t.updated_at, COALESCE(t.client_id, (SELECT c.client_id FROM dcr_clients c ",
            "WHERE c.org_id = t.org_id AND c.id = t.id)) AS client_id, ",
            "(SELECT COUNT(r.api_id) FROM application_registrations r WHERE r.org_id = t.org_id AND r.application_id = t.id) ",
            "AS registration_count, (SELECT COUNT(r.product_version_id) FROM application_registrations r ",
            "WHERE r.org_id = t.org_id AND r.application_id = t.id) AS version_registration_count, ",
            strategy_columns!()
        )
    };
}

static IN_PORTAL: Listing = Listing {
    collection: &OF_PORTAL,
    columns: columns!(),
    table: "applications",
    condition: "t.portal_id = $2",
    large: false,
};

static OWNED: Listing = Listing {
    collection: &CLASSIC,
    columns: concat!(columns!(), ", t.developer_name, t.developer_email"),
    table: "(SELECT a.*, d.full_name AS developer_name, d.full_name_folded AS developer_name_folded, \
            d.email AS developer_email, d.email_folded AS developer_email_folded FROM applications a \
            JOIN developers d ON d.org_id = a.org_id AND d.id = a.developer_id WHERE a.org_id = $1)",
    condition: "t.portal_id = $2",
    large: false,
};

/// Whether an application in the portal `$2` is the developer's, or a team's that the developer is in.
macro_rules! own {
    ($developer:literal) => {
        concat!(
            "t.portal_id = $2 AND (t.developer_id = ",
            $developer,
            " OR t.team_id IN (SELECT m.team_id FROM portal_team_developers m WHERE m.org_id = $1 AND m.developer_id = ",
            $developer,
            "))"
        )
    };
}
pub(super) use own;

static OWN: Listing = Listing {
    collection: &OF_DEVELOPER,
    columns: columns!(),
    table: "applications",
    condition: own!("$3"),
    large: false,
};

static HOLDERS: Listing = Listing {
    collection: &WHO,
    columns: "t.id, t.email, t.full_name",
    table: "developers",
    condition: "t.portal_id = $2 AND t.active = true AND (t.id = $3 OR EXISTS \
                (SELECT 1 FROM portal_team_developers m WHERE m.org_id = t.org_id AND m.developer_id = t.id AND m.team_id = $4))",
    large: false,
};

/// The applications of a portal.
pub(super) async fn application_list(
    db: &OrgScope,
    portal: PortalId,
    query: &ListQuery,
) -> Result<Paged<Application>> {
    db.page(&IN_PORTAL, args![portal], query).await
}

/// Those of them that a developer owns, with the developer.
pub(super) async fn classic_list(db: &OrgScope, portal: PortalId, query: &ListQuery) -> Result<Paged<Owned>> {
    db.page(&OWNED, args![portal], query).await
}

/// The applications of a developer, and of the teams that the developer is in.
pub(super) async fn application_list_own(
    db: &OrgScope,
    portal: PortalId,
    developer: DeveloperId,
    query: &ListQuery,
) -> Result<Paged<Application>> {
    db.page(&OWN, args![portal, developer], query).await
}

/// The developers who have what this owner has, as far as they are approved.
pub(super) async fn developer_list(
    db: &OrgScope,
    portal: PortalId,
    owner: Owner,
    query: &ListQuery,
) -> Result<Paged<ApplicationDeveloper>> {
    db.page(&HOLDERS, args![portal, owner.developer(), owner.team()], query).await
}

/// An application, wherever it is.
pub async fn application_get(db: &OrgScope, id: ApplicationId) -> Result<Option<Application>, DbError> {
    let sql = org_sql!("SELECT ", columns!(), " FROM applications t WHERE t.org_id = $1 AND t.id = $2");
    db.optional(sql, args![id]).await
}

/// The ids of the applications in a portal, of all owners or of one.
pub async fn application_ids(
    db: &OrgScope,
    portal: PortalId,
    owner: Option<Owner>,
) -> Result<Vec<ApplicationId>, DbError> {
    let sql = org_sql!(
        "SELECT id AS value FROM applications WHERE org_id = $1 AND portal_id = $2 ",
        "AND ($3 = true OR developer_id = $4 OR team_id = $5)"
    );
    let (developer, team) = (owner.and_then(Owner::developer), owner.and_then(Owner::team));
    let rows: Vec<(ApplicationId,)> = db.all(sql, args![portal, owner.is_none(), developer, team]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// What can be changed, in the order of both statements.
fn changeable(it: &Application) -> Vec<Arg> {
    let scopes = serde_json::to_value(&it.scopes).unwrap_or_default();
    // The client of one that has a provider stands in its own row.
    let client = it.client_id.as_deref().filter(|_| it.strategy.provider.is_none());
    args![
        &it.name,
        fold(&it.name),
        it.description.as_deref(),
        it.owner.developer(),
        it.owner.team(),
        client,
        it.redirect_uri.as_deref(),
        &scopes,
        &it.labels,
        it.updated_at
    ]
}

pub(super) async fn application_insert(db: &OrgScope, it: &Application) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO applications (org_id, id, portal_id, strategy_id, created_at, name, name_folded, description, developer_id, ",
        "team_id, client_id, redirect_uri, scopes, labels, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
    );
    let mut values = args![it.id, it.portal_id, it.strategy.id, it.created_at];
    values.extend(changeable(it));
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn application_update(db: &OrgScope, it: &Application) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE applications SET name = $3, name_folded = $4, description = $5, developer_id = $6, team_id = $7, ",
        "client_id = $8, redirect_uri = $9, scopes = $10, labels = $11, updated_at = $12 WHERE org_id = $1 AND id = $2"
    );
    let mut values = args![it.id];
    values.extend(changeable(it));
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn application_delete(db: &OrgScope, id: ApplicationId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM applications WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// Which application of a strategy has a client of its own already.
pub(super) async fn client_taken(
    db: &OrgScope,
    strategy: StrategyId,
    client: &str,
    but: Id<()>,
) -> Result<bool, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM applications t LEFT JOIN dcr_clients c ON c.org_id = t.org_id AND c.id = t.id ",
        "WHERE t.org_id = $1 AND t.strategy_id = $2 AND COALESCE(t.client_id, c.client_id) = $3 AND t.id <> $4"
    );
    Ok(db.count(sql, args![strategy, client, but]).await? > 0)
}

/// Whether developers of the portal `$2` can make applications with the strategy `$alias`: it is the portal's default,
/// or what an API or a version of a product is published with there.
macro_rules! offered {
    ($alias:literal) => {
        concat!(
            "(",
            $alias,
            ".id IN (SELECT p.strategy_id FROM api_publications p WHERE p.org_id = $1 AND p.portal_id = $2 UNION ALL ",
            "SELECT w.strategy_id FROM portal_product_versions w ",
            "JOIN product_versions v ON v.org_id = w.org_id AND v.id = w.product_version_id ",
            "JOIN product_portals o ON o.org_id = w.org_id AND o.product_id = v.product_id AND o.portal_id = w.portal_id ",
            "WHERE w.org_id = $1 AND w.portal_id = $2 AND w.publish_status = 'published') OR ",
            $alias,
            ".id = (SELECT d.default_strategy_id FROM portals d WHERE d.org_id = $1 AND d.id = $2))"
        )
    };
}

/// The strategies that developers of a portal can make applications with.
pub(crate) async fn strategies_of_portal(
    db: &OrgScope,
    portal: PortalId,
) -> Result<Vec<StrategyId>, DbError> {
    let sql = org_sql!(
        "SELECT s.id AS value FROM application_auth_strategies s WHERE s.org_id = $1 AND ",
        offered!("s"),
        " ORDER BY s.seq"
    );
    let rows: Vec<(StrategyId,)> = db.all(sql, args![portal]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The strategies that developers of a portal can make applications with, as a list. How applications prove who
/// they are follows from two columns, so its filter is taken out of the query and put into the condition.
pub(super) async fn strategy_list_of_portal(
    db: &OrgScope,
    portal: PortalId,
    mut query: ListQuery,
) -> Result<Paged<AuthStrategy>> {
    let kind = query.take(CREDENTIAL_TYPE);
    db.page(&OFFERED, args![portal, kind.unwrap_or_default()], &query).await
}

static OFFERED: Listing = Listing {
    collection: &STRATEGIES,
    columns: crate::strategies::store::columns!(),
    table: "application_auth_strategies",
    condition: concat!(
        offered!("t"),
        " AND ($3 = '' OR $3 = CASE WHEN t.strategy_type = 'key_auth' THEN 'key_auth' WHEN t.dcr_provider_id IS NULL ",
        "THEN 'self_managed_client_credentials' ELSE 'client_credentials' END)"
    ),
    large: false,
};
