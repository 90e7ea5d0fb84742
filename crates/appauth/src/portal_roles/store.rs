//! The SQL of roles of teams of developers.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged},
    from_row, org_sql,
};
use kernel::{AssignmentId, DeveloperId, Id, PortalId, PortalTeamId, Result, Timestamp, query::ListQuery};

use super::{AssignedRole, ROLES};

from_row!(AssignedRole { id, role_name, entity_id, entity_region, entity_type_name });

/// What is read of a role.
macro_rules! columns {
    () => {
        "t.id, t.role_name, t.entity_id, t.entity_region, 'Services' AS entity_type_name"
    };
}

static OF_TEAM: Listing = Listing {
    collection: &ROLES,
    columns: columns!(),
    table: "portal_team_roles",
    condition: "t.team_id = $2",
    large: false,
};

pub(super) async fn role_list(
    db: &OrgScope,
    team: PortalTeamId,
    query: &ListQuery,
) -> Result<Paged<AssignedRole>> {
    db.page(&OF_TEAM, args![team], query).await
}

pub(super) async fn role_get(
    db: &OrgScope,
    team: PortalTeamId,
    id: AssignmentId,
) -> Result<Option<AssignedRole>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM portal_team_roles t WHERE t.org_id = $1 AND t.team_id = $2 AND t.id = $3"
    );
    db.optional(sql, args![team, id]).await
}

pub(super) async fn role_insert(
    db: &OrgScope,
    team: PortalTeamId,
    it: &AssignedRole,
    now: Timestamp,
) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO portal_team_roles (org_id, id, team_id, role_name, entity_id, entity_region, created_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7)"
    );
    let AssignedRole { id, role_name, entity_id, entity_region, .. } = it;
    db.execute(sql, args![*id, team, role_name, *entity_id, entity_region, now]).await.map(|_| ())
}

pub(super) async fn role_delete(db: &OrgScope, id: AssignmentId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM portal_team_roles WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// All on an API or a product, which is deleted after that.
pub(crate) async fn role_delete_on(db: &OrgScope, entity: Id<()>) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM portal_team_roles WHERE org_id = $1 AND entity_id = $2"), args![entity])
        .await
}

/// The roles of the teams of the developer `$developer`, as far as they count in the region `$region`.
macro_rules! held {
    ($what:literal, $developer:literal, $region:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM portal_team_developers m JOIN portal_team_roles g ON g.org_id = m.org_id AND g.team_id = m.team_id ",
            "WHERE m.org_id = $1 AND m.developer_id = ",
            $developer,
            " AND (g.entity_region = '*' OR g.entity_region = ",
            $region,
            ")"
        )
    };
}
pub(crate) use held;

/// Whether the developer `$developer` of the portal `$2` finds the API or product `$entity`: the portal asks for no
/// roles, or a team of the developer has one on it, in the region `$region`.
macro_rules! finds {
    ($entity:literal, $developer:literal, $region:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM portals o WHERE o.org_id = $1 AND o.id = $2 AND o.rbac_enabled = false) OR ",
            $entity,
            " IN (",
            $crate::portal_roles::store::held!("g.entity_id", $developer, $region),
            "))"
        )
    };
}
pub(crate) use finds;

/// What a developer of a portal may do with an API or product.
pub(crate) struct May {
    /// Whether the portal asks for no roles, or a team of the developer has one on it.
    pub find: bool,
    /// Whether applications can be registered for it.
    pub register: bool,
}

from_row!(May { find, register });

/// What the developer of the portal may do with the API or product; nothing if there is no such portal.
pub(super) async fn may(
    db: &OrgScope,
    portal: PortalId,
    developer: DeveloperId,
    region: &str,
    entity: Id<()>,
) -> Result<Option<May>, DbError> {
    let sql = org_sql!(
        "SELECT (o.rbac_enabled = false OR EXISTS (",
        held!("1", "$3", "$4"),
        " AND g.entity_id = $5)) AS find, (o.rbac_enabled = false OR EXISTS (",
        held!("1", "$3", "$4"),
        " AND g.entity_id = $5 AND g.role_name = 'API Consumer')) AS register FROM portals o WHERE o.org_id = $1 AND o.id = $2"
    );
    db.optional(sql, args![portal, developer, region, entity]).await
}
