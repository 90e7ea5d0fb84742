//! The SQL of links to a gateway's services, of what is due there, and of what gateways ask.

use frame::{
    args,
    db::{DbError, FromRow, Listing, OrgScope, Paged, PlatformScope, Row},
    from_row, org_sql,
};
use kernel::{
    ApiId, ApplicationId, CredentialId, Id, ImplementationId, OrgId, Result, Sealed, StrategyId, Timestamp,
    TokenHash, query::ListQuery,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    implementations::{IMPLEMENTATIONS, Implementation, Service},
    status::Standing,
};
use crate::{application_registrations::targets::Target, product_versions::GatewayService};

impl FromRow for Implementation {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            id: row.get("id")?,
            api_id: row.get("api_id")?,
            service: Service { id: row.get("service_id")?, control_plane_id: row.get("control_plane_id")? },
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// What is read of a link.
macro_rules! columns {
    () => {
        "t.id, t.api_id, t.service_id, t.control_plane_id, t.created_at, t.updated_at"
    };
}

static ALL: Listing = Listing {
    collection: &IMPLEMENTATIONS,
    columns: columns!(),
    table: "api_implementations",
    condition: "",
    large: false,
};

pub(super) async fn implementation_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<Implementation>> {
    db.page(&ALL, args![], query).await
}

/// The link of an API.
pub(super) async fn implementation_of(db: &OrgScope, api: ApiId) -> Result<Option<Implementation>, DbError> {
    let sql =
        org_sql!("SELECT ", columns!(), " FROM api_implementations t WHERE t.org_id = $1 AND t.api_id = $2");
    db.optional(sql, args![api]).await
}

pub(super) async fn implementation_insert(db: &OrgScope, it: &Implementation) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO api_implementations (org_id, id, api_id, service_id, control_plane_id, guarded, created_at, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, false, $6, $7)"
    );
    let Service { id, control_plane_id } = it.service;
    let values = args![it.id, it.api_id, id, control_plane_id, it.created_at, it.updated_at];
    db.execute(sql, values).await.map(|_| ())
}

/// Notes whether an API's service is one that only applications get through to, as its publications say now.
pub(crate) async fn implementation_guard(db: &OrgScope, api: ApiId) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE api_implementations SET guarded = EXISTS (SELECT 1 FROM api_publications p WHERE p.org_id = $1 ",
        "AND p.api_id = $2 AND p.strategy_id IS NOT NULL) WHERE org_id = $1 AND api_id = $2"
    );
    db.execute(sql, args![api]).await.map(|_| ())
}

pub(super) async fn implementation_delete(db: &OrgScope, id: ImplementationId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM api_implementations WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// A service that is an API, or a version of a product.
pub(super) struct Link {
    /// What the service is.
    pub target: Id<()>,
    /// The same as people know it.
    pub name: String,
    /// The service.
    pub service_id: Uuid,
    /// Where that is configured.
    pub control_plane_id: Uuid,
    /// Whether it stays closed when what it is is published nowhere.
    pub guarded: bool,
}

from_row!(Link { target, name, service_id, control_plane_id, guarded });

/// A version of a product that is said to be a service, of whatever ids.
pub(super) struct VersionLink {
    /// The version.
    pub id: Id<()>,
    /// Product and version.
    pub name: String,
    /// The service.
    pub service: GatewayService,
    /// Whether it stays closed when it is published nowhere.
    pub guarded: bool,
}

impl FromRow for VersionLink {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let service: Value = row.get("gateway_service")?;
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            service: serde_json::from_value(service)
                .map_err(|error| frame::sqlx::Error::Decode(Box::new(error)))?,
            guarded: row.get("guarded")?,
        })
    }
}

/// Every service that is an API, in the order in which that was said.
pub(super) async fn link_all(db: &OrgScope) -> Result<Vec<Link>, DbError> {
    let sql = org_sql!(
        "SELECT i.api_id AS target, 'API [' || a.name || ']' AS name, i.service_id, i.control_plane_id, i.guarded ",
        "FROM api_implementations i JOIN apis a ON a.org_id = i.org_id AND a.id = i.api_id WHERE i.org_id = $1 ORDER BY i.seq"
    );
    db.all(sql, args![]).await
}

/// Every service that is a version of a product, the oldest version first.
pub(super) async fn version_link_all(db: &OrgScope) -> Result<Vec<VersionLink>, DbError> {
    let sql = org_sql!(
        "SELECT v.id, 'product version [' || p.name || ' ' || v.name || ']' AS name, v.gateway_service, v.guarded ",
        "FROM product_versions v JOIN products p ON p.org_id = v.org_id AND p.id = v.product_id ",
        "WHERE v.org_id = $1 AND v.gateway_service IS NOT NULL ORDER BY v.seq"
    );
    db.all(sql, args![]).await
}

/// A publication of what is a service.
pub(super) struct Published {
    /// What is published.
    pub target: Id<()>,
    /// What applications for it are made with; nothing if none are needed.
    pub strategy_id: Option<StrategyId>,
}

from_row!(Published { target, strategy_id });

/// The publications of what is a service, of each the oldest first.
pub(super) async fn published_all(db: &OrgScope) -> Result<Vec<Published>, DbError> {
    let sql = org_sql!(
        "SELECT p.api_id AS target, p.strategy_id, p.seq AS seq FROM api_publications p JOIN api_implementations i ",
        "ON i.org_id = p.org_id AND i.api_id = p.api_id WHERE p.org_id = $1 UNION ALL ",
        "SELECT p.product_version_id AS target, p.strategy_id, p.seq AS seq FROM portal_product_versions p JOIN product_versions v ",
        "ON v.org_id = p.org_id AND v.id = p.product_version_id WHERE p.org_id = $1 AND v.gateway_service IS NOT NULL ",
        "AND p.publish_status = 'published' ORDER BY seq"
    );
    db.all(sql, args![]).await
}

/// An approved registration for what may be a service.
pub(super) struct Approved {
    /// Whose.
    pub application_id: ApplicationId,
    /// For what.
    pub target: Id<()>,
    /// What the application proves itself with, which is what that is published with in its portal.
    pub strategy_id: StrategyId,
    /// The client that its tokens name, if it has one and that is known.
    pub client_id: Option<String>,
}

from_row!(Approved { application_id, target, strategy_id, client_id });

/// The registrations that let requests through to services.
pub(super) async fn approved_all(db: &OrgScope) -> Result<Vec<Approved>, DbError> {
    let sql = org_sql!(
        "SELECT r.application_id, COALESCE(r.api_id, r.product_version_id) AS target, a.strategy_id, ",
        "COALESCE(a.client_id, c.client_id) AS client_id FROM application_registrations r ",
        "JOIN applications a ON a.org_id = r.org_id AND a.id = r.application_id ",
        "LEFT JOIN dcr_clients c ON c.org_id = a.org_id AND c.id = a.id ",
        "WHERE r.org_id = $1 AND r.status = 'approved' ",
        "AND (EXISTS (SELECT 1 FROM api_publications p WHERE p.org_id = $1 AND p.portal_id = a.portal_id ",
        "AND p.api_id = r.api_id AND p.strategy_id = a.strategy_id) ",
        "OR EXISTS (SELECT 1 FROM portal_product_versions v WHERE v.org_id = $1 AND v.portal_id = a.portal_id ",
        "AND v.product_version_id = r.product_version_id AND v.strategy_id = a.strategy_id ",
        "AND v.publish_status = 'published')) ",
        "AND (a.developer_id IS NULL OR a.developer_id IN ",
        "(SELECT d.id FROM developers d WHERE d.org_id = $1 AND d.status = 'approved')) ORDER BY r.seq"
    );
    db.all(sql, args![]).await
}

/// A key that is good.
pub(super) struct GoodKey {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub application_id: ApplicationId,
    /// Itself, if it was kept.
    pub sealed: Option<Sealed<String>>,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

from_row!(GoodKey { id, application_id, sealed, expires_at });

/// The keys that are good now, of applications that are registered for anything.
pub(super) async fn key_all(db: &OrgScope, now: Timestamp) -> Result<Vec<GoodKey>, DbError> {
    let sql = org_sql!(
        "SELECT k.id, k.application_id, k.sealed, k.expires_at FROM application_keys k WHERE k.org_id = $1 ",
        "AND (k.expires_at IS NULL OR k.expires_at > $2) AND k.application_id IN (SELECT r.application_id ",
        "FROM application_registrations r WHERE r.org_id = $1 AND r.status = 'approved') ORDER BY k.seq"
    );
    db.all(sql, args![now]).await
}

/// Says that a gateway is to hear of something.
pub(super) async fn change_add(db: &OrgScope) -> Result<(), DbError> {
    db.execute(org_sql!("INSERT INTO gateway_changes (org_id) VALUES ($1)"), args![]).await.map(|_| ())
}

/// The same for every organization that a gateway ever heard of, or is to.
pub(super) async fn change_add_everywhere(platform: &PlatformScope) -> Result<u64, DbError> {
    let sql = "INSERT INTO gateway_changes (org_id) SELECT org_id FROM api_implementations UNION \
               SELECT org_id FROM product_versions WHERE gateway_service IS NOT NULL UNION SELECT org_id FROM gateway_syncs";
    platform.execute(sql, args![]).await
}

/// Whether anything is due.
pub(super) async fn due(platform: &PlatformScope, now: Timestamp) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) AS value FROM (SELECT 1 AS one FROM gateway_changes UNION ALL \
               SELECT 1 AS one FROM gateway_syncs WHERE due_at IS NOT NULL AND due_at <= $1 \
               AND (leased_until IS NULL OR leased_until <= $1) LIMIT 1) AS due";
    Ok(platform.optional::<(i64,)>(sql, args![now]).await?.is_some_and(|(count,)| count > 0))
}

/// How many changes are taken up at a time.
const CHANGES: i64 = 1000;

/// Takes up what has changed: whose gateway is to be looked at. A row that is not committed yet is taken up later.
/// While the gateway is away, changes do not make anybody ask it sooner. How many changes those were.
pub(super) async fn change_take(platform: &PlatformScope, now: Timestamp) -> Result<usize, DbError> {
    let sql = "DELETE FROM gateway_changes WHERE (org_id, seq) IN \
               (SELECT org_id, seq FROM gateway_changes ORDER BY org_id, seq LIMIT $1) RETURNING org_id AS value";
    let taken: Vec<(OrgId,)> = platform.all(sql, args![CHANGES]).await?;
    let mut organizations: Vec<OrgId> = taken.iter().map(|(org,)| *org).collect();
    // In one order, so that no two that do this wait for each other.
    organizations.sort();
    organizations.dedup();
    for org in organizations {
        sync_want(&platform.org(org), now).await?;
    }
    Ok(taken.len())
}

/// Takes up what has changed in one organization, for whoever looks at its gateway now.
pub(super) async fn change_take_of(db: &OrgScope) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM gateway_changes WHERE org_id = $1"), args![]).await
}

/// Makes an organization due.
pub(super) async fn sync_want(db: &OrgScope, now: Timestamp) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO gateway_syncs (org_id, turn, due_at, attempts, away) VALUES ($1, 1, $2, 0, false) ",
        "ON CONFLICT (org_id) DO UPDATE SET turn = gateway_syncs.turn + 1, ",
        "due_at = CASE WHEN gateway_syncs.away THEN COALESCE(gateway_syncs.due_at, $2) ELSE $2 END"
    );
    db.execute(sql, args![now]).await.map(|_| ())
}

/// Somebody's right to bring an organization's part of the gateway up to date.
#[derive(Clone, Copy)]
pub(super) struct Lease {
    /// Whose part.
    pub org_id: OrgId,
    /// What has changed up to here is seen by whoever has it.
    pub turn: i64,
    /// How often that was tried since it worked last.
    pub attempts: i64,
    /// When the right ends.
    pub leased_until: Timestamp,
}

from_row!(Lease { org_id, turn, attempts, leased_until });

/// Takes organizations that are due, so that no other process does.
pub(super) async fn sync_take(
    platform: &PlatformScope,
    now: Timestamp,
    until: Timestamp,
    most: i64,
) -> Result<Vec<Lease>, DbError> {
    let sql = "UPDATE gateway_syncs SET leased_until = $2, attempts = attempts + 1 WHERE due_at IS NOT NULL AND due_at <= $1 \
               AND (leased_until IS NULL OR leased_until <= $1) AND org_id IN (SELECT org_id FROM gateway_syncs \
               WHERE due_at IS NOT NULL AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1) \
               ORDER BY due_at LIMIT $3) RETURNING org_id, turn, attempts, leased_until";
    platform.all(sql, args![now, until, most]).await
}

/// Takes one organization, due or not; nothing if somebody else has it.
pub(super) async fn sync_take_one(
    db: &OrgScope,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Lease>, DbError> {
    let sql = org_sql!(
        "UPDATE gateway_syncs SET leased_until = $3, attempts = attempts + 1 WHERE org_id = $1 ",
        "AND (leased_until IS NULL OR leased_until <= $2) RETURNING org_id, turn, attempts, leased_until"
    );
    db.optional(sql, args![now, until]).await
}

/// Makes it longer, unless somebody else has it.
pub(super) async fn sync_keep(db: &OrgScope, lease: &Lease, until: Timestamp) -> Result<bool, DbError> {
    let sql = org_sql!("UPDATE gateway_syncs SET leased_until = $3 WHERE org_id = $1 AND leased_until = $2");
    Ok(db.execute(sql, args![lease.leased_until, until]).await? > 0)
}

/// What came of it: everything is there.
pub(super) async fn sync_done(
    db: &OrgScope,
    lease: &Lease,
    now: Timestamp,
    expires_at: Option<Timestamp>,
) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE gateway_syncs SET leased_until = NULL, attempts = 0, away = false, problem = NULL, synced_at = $4, expires_at = $5, ",
        "due_at = CASE WHEN turn = $2 THEN NULL ELSE $4 END WHERE org_id = $1 AND leased_until = $3"
    );
    db.execute(sql, args![lease.turn, lease.leased_until, now, expires_at]).await.map(|_| ())
}

/// What came of it: not everything is there, and it is tried again.
pub(super) async fn sync_failed(
    db: &OrgScope,
    lease: &Lease,
    due: Timestamp,
    away: bool,
    why: &str,
) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE gateway_syncs SET leased_until = NULL, problem = $5, away = $4, due_at = CASE WHEN turn = $6 OR $4 THEN $3 ",
        "ELSE due_at END WHERE org_id = $1 AND leased_until = $2"
    );
    db.execute(sql, args![lease.leased_until, due, away, why, lease.turn]).await.map(|_| ())
}

from_row!(Standing { pending, attempts, problem, next_attempt_at, synced_at });

/// How far an organization's part of the gateway is.
pub(super) async fn sync_get(db: &OrgScope) -> Result<Option<Standing>, DbError> {
    let sql = org_sql!(
        "SELECT (due_at IS NOT NULL OR EXISTS (SELECT 1 FROM gateway_changes c WHERE c.org_id = $1)) AS pending, attempts, ",
        "problem, due_at AS next_attempt_at, synced_at FROM gateway_syncs WHERE org_id = $1"
    );
    db.optional(sql, args![]).await
}

/// When a key of a gateway is over next, by organization.
pub(super) struct Expiry {
    /// Whose.
    pub org_id: OrgId,
    /// When, by that organization's time.
    pub expires_at: Timestamp,
}

from_row!(Expiry { org_id, expires_at });

/// The organizations whose gateways have keys that will be over.
pub(super) async fn expiring(platform: &PlatformScope) -> Result<Vec<Expiry>, DbError> {
    platform.all("SELECT org_id, expires_at FROM gateway_syncs WHERE expires_at IS NOT NULL", args![]).await
}

/// A key is over, which is a change like any other.
pub(super) async fn expired(db: &OrgScope) -> Result<(), DbError> {
    db.execute(org_sql!("UPDATE gateway_syncs SET expires_at = NULL WHERE org_id = $1"), args![]).await?;
    change_add(db).await
}

/// What is known of a credential that somebody showed at an API, or at a version of a product.
pub(super) struct Shown {
    /// The API, or the version's product: what the asker has to be allowed to read.
    pub lies_in: Id<()>,
    /// Whose it is.
    pub application_id: Option<ApplicationId>,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// What the application proves itself with.
    pub strategy_id: Option<StrategyId>,
    /// What it was shown at is published with in the application's portal.
    pub published_with: Option<StrategyId>,
    /// Whether that is published there.
    pub published: bool,
    /// What was said to the application's registration for it.
    pub status: Option<String>,
    /// What was said to its developer, if it is one developer's.
    pub developer: Option<String>,
}

from_row!(Shown {
    lies_in,
    application_id,
    expires_at,
    strategy_id,
    published_with,
    published,
    status,
    developer
});

/// What is read of a shown credential: when it is over, how its application `a` is found, and what it was shown at.
macro_rules! shown {
    (api $expires_at:literal $application:expr) => {
        shown!(
            $expires_at, "i.id", "apis", $application,
            "r.api_id = i.id LEFT JOIN api_publications p ON p.org_id = $1 AND p.portal_id = a.portal_id AND p.api_id = i.id "
        )
    };
    (version $expires_at:literal $application:expr) => {
        shown!(
            $expires_at, "i.product_id", "product_versions", $application,
            "r.product_version_id = i.id LEFT JOIN portal_product_versions p ON p.org_id = $1 AND p.portal_id = a.portal_id \
             AND p.product_version_id = i.id AND p.publish_status = 'published' "
        )
    };
    ($expires_at:literal, $lies_in:literal, $table:literal, $application:expr, $published:literal) => {
        org_sql!(
            "SELECT ", $lies_in, " AS lies_in, a.id AS application_id, ", $expires_at, " AS expires_at, a.strategy_id, p.strategy_id AS published_with, ",
            "p.id IS NOT NULL AS published, r.status, d.status AS developer FROM ", $table, " i ", $application,
            "LEFT JOIN application_registrations r ON r.org_id = $1 AND r.application_id = a.id AND ", $published,
            "LEFT JOIN developers d ON d.org_id = $1 AND d.id = a.developer_id WHERE i.org_id = $1 AND i.id = $2"
        )
    };
}

/// The application of the key `$3`.
macro_rules! of_key {
    () => {
        "LEFT JOIN application_keys k ON k.org_id = $1 AND k.hash = $3 \
         LEFT JOIN applications a ON a.org_id = $1 AND a.id = k.application_id "
    };
}

/// The applications of the client `$3`. Several strategies may know it.
macro_rules! of_client {
    () => {
        "LEFT JOIN (SELECT t.id FROM applications t WHERE t.org_id = $1 AND t.client_id = $3 \
         UNION SELECT c.id FROM dcr_clients c WHERE c.org_id = $1 AND c.client_id = $3) known ON true \
         LEFT JOIN applications a ON a.org_id = $1 AND a.id = known.id "
    };
}

/// A key that was shown; nothing if there is nothing that it can have been shown at.
pub(super) async fn shown_key<T: Target>(
    db: &OrgScope,
    target: T::Key,
    hash: TokenHash,
) -> Result<Vec<Shown>, DbError> {
    let sql = if T::IS_API {
        shown!(api "k.expires_at" of_key!())
    } else {
        shown!(version "k.expires_at" of_key!())
    };
    db.all(sql, args![T::bare(target), hash]).await
}

/// A client that was named; nothing if there is nothing that it can have been named at.
pub(super) async fn shown_client<T: Target>(
    db: &OrgScope,
    target: T::Key,
    client: &str,
) -> Result<Vec<Shown>, DbError> {
    let sql = if T::IS_API {
        shown!(api "CAST(NULL AS BIGINT)" of_client!())
    } else {
        shown!(version "CAST(NULL AS BIGINT)" of_client!())
    };
    db.all(sql, args![T::bare(target), client]).await
}
