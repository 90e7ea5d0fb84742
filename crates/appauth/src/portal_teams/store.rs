//! The SQL of teams of developers.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged, fold},
    org_sql,
};
use kernel::{DeveloperId, PortalId, PortalTeamId, Result, Timestamp, query::ListQuery};

use super::{
    PortalTeam, TEAMS, TEAMS_OF_DEVELOPER,
    members::{BasicDeveloper, DeveloperTeam, MEMBERS, OWN},
};
use crate::developers::context::Developer;

/// What is read of a team.
macro_rules! columns {
    () => {
        "t.id, t.name, COALESCE(t.description, '') AS description, t.can_own_applications, t.created_at, t.updated_at"
    };
}

/// That a developer, `$2`, is in the team.
macro_rules! holds_developer {
    () => {
        "EXISTS (SELECT 1 FROM portal_team_developers m \
         WHERE m.org_id = t.org_id AND m.team_id = t.id AND m.developer_id = $2)"
    };
}

/// That the developer is in a team, `$2`.
macro_rules! in_team {
    () => {
        "EXISTS (SELECT 1 FROM portal_team_developers m \
         WHERE m.org_id = t.org_id AND m.developer_id = t.id AND m.team_id = $2)"
    };
}

static OF_PORTAL: Listing = Listing {
    collection: &TEAMS,
    columns: columns!(),
    table: "portal_teams",
    condition: "t.portal_id = $2",
    large: false,
};

static OF_DEVELOPER: Listing = Listing {
    collection: &TEAMS_OF_DEVELOPER,
    columns: columns!(),
    table: "portal_teams",
    condition: holds_developer!(),
    large: false,
};

static OWN_TEAMS: Listing = Listing {
    collection: &OWN,
    columns: "t.id, t.name, t.description, t.created_at, t.updated_at",
    table: "portal_teams",
    condition: holds_developer!(),
    large: false,
};

static ALL_MEMBERS: Listing = Listing {
    collection: &MEMBERS,
    columns: "t.id, t.email, t.full_name, t.active, t.created_at, t.updated_at",
    table: "developers",
    condition: in_team!(),
    large: false,
};

static COLLEAGUES: Listing = Listing {
    collection: &OWN,
    columns: "t.id, t.email, t.full_name, t.created_at, t.updated_at",
    table: "developers",
    condition: concat!("t.active = true AND ", in_team!()),
    large: false,
};

pub(super) async fn team_list(
    db: &OrgScope,
    portal: PortalId,
    query: &ListQuery,
) -> Result<Paged<PortalTeam>> {
    db.page(&OF_PORTAL, args![portal], query).await
}

pub(super) async fn team_list_of_developer(
    db: &OrgScope,
    developer: DeveloperId,
    query: &ListQuery,
) -> Result<Paged<PortalTeam>> {
    db.page(&OF_DEVELOPER, args![developer], query).await
}

/// A team of a portal.
pub async fn team_get(
    db: &OrgScope,
    portal: PortalId,
    id: PortalTeamId,
) -> Result<Option<PortalTeam>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM portal_teams t WHERE t.org_id = $1 AND t.portal_id = $2 AND t.id = $3"
    );
    db.optional(sql, args![portal, id]).await
}

/// What is kept of a description: nothing if nobody said.
fn said(team: &PortalTeam) -> Option<&str> {
    Some(team.description.as_str()).filter(|text| !text.is_empty())
}

pub(super) async fn team_insert(db: &OrgScope, portal: PortalId, team: &PortalTeam) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO portal_teams (org_id, portal_id, id, name, name_folded, description, can_own_applications, ",
        "created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let PortalTeam { id, name, can_own_applications, created_at, updated_at, .. } = team;
    let values =
        args![portal, *id, name, fold(name), said(team), *can_own_applications, *created_at, *updated_at];
    db.execute(sql, values).await
}

pub(super) async fn team_update(db: &OrgScope, team: &PortalTeam) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE portal_teams SET name = $3, name_folded = $4, description = $5, can_own_applications = $6, ",
        "updated_at = $7 WHERE org_id = $1 AND id = $2"
    );
    let PortalTeam { id, name, can_own_applications, updated_at, .. } = team;
    let values = args![*id, name, fold(name), said(team), *can_own_applications, *updated_at];
    db.execute(sql, values).await
}

pub(super) async fn team_delete(db: &OrgScope, id: PortalTeamId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM portal_teams WHERE org_id = $1 AND id = $2"), args![id]).await
}

pub(super) async fn member_list(
    db: &OrgScope,
    team: PortalTeamId,
    query: &ListQuery,
) -> Result<Paged<BasicDeveloper>> {
    db.page(&ALL_MEMBERS, args![team], query).await
}

pub(super) async fn member_insert(
    db: &OrgScope,
    team: PortalTeamId,
    developer: DeveloperId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO portal_team_developers (org_id, team_id, developer_id, created_at) VALUES ($1, $2, $3, $4)"
    );
    db.execute(sql, args![team, developer, now]).await
}

pub(super) async fn member_delete(
    db: &OrgScope,
    team: PortalTeamId,
    developer: DeveloperId,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "DELETE FROM portal_team_developers WHERE org_id = $1 AND team_id = $2 AND developer_id = $3"
    );
    db.execute(sql, args![team, developer]).await
}

/// Whether a developer is in a team.
pub async fn member_has(db: &OrgScope, team: PortalTeamId, developer: DeveloperId) -> Result<bool, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM portal_team_developers ",
        "WHERE org_id = $1 AND team_id = $2 AND developer_id = $3"
    );
    Ok(db.count(sql, args![team, developer]).await? > 0)
}

pub(super) async fn own_team_list(
    db: &OrgScope,
    me: DeveloperId,
    query: &ListQuery,
) -> Result<Paged<DeveloperTeam>> {
    db.page(&OWN_TEAMS, args![me], query).await
}

pub(super) async fn own_team_get(
    db: &OrgScope,
    me: DeveloperId,
    id: PortalTeamId,
) -> Result<Option<DeveloperTeam>, DbError> {
    let sql = org_sql!(
        "SELECT t.id, t.name, t.description, t.created_at, t.updated_at FROM portal_teams t ",
        "WHERE t.org_id = $1 AND t.id = $3 AND ",
        holds_developer!()
    );
    db.optional(sql, args![me, id]).await
}

pub(super) async fn colleague_list(
    db: &OrgScope,
    team: PortalTeamId,
    query: &ListQuery,
) -> Result<Paged<Developer>> {
    db.page(&COLLEAGUES, args![team], query).await
}
