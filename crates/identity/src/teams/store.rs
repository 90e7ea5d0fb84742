//! The SQL of teams and memberships.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged, fold},
    org_sql,
};
use kernel::{Result, SystemAccountId, TeamId, Timestamp, UserId, query::ListQuery};

use super::{TEAMS, Team};

const COLUMNS: &str = "t.id, t.name, t.description, t.system_team, t.labels, t.created_at, t.updated_at";

static ALL: Listing =
    Listing { collection: &TEAMS, columns: COLUMNS, table: "teams", condition: "", large: false };
static OF_USER: Listing = Listing {
    collection: &TEAMS,
    columns: COLUMNS,
    table: "teams",
    condition: "t.id IN (SELECT m.team_id FROM team_users m WHERE m.org_id = $1 AND m.user_id = $2)",
    large: false,
};
static OF_ACCOUNT: Listing = Listing {
    collection: &TEAMS,
    columns: COLUMNS,
    table: "teams",
    condition: "t.id IN (SELECT m.team_id FROM team_system_accounts m WHERE m.org_id = $1 AND m.system_account_id = $2)",
    large: false,
};

pub(super) async fn team_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<Team>> {
    db.page(&ALL, args![], query).await
}

/// The teams of a user.
pub async fn team_list_of_user(db: &OrgScope, user: UserId, query: &ListQuery) -> Result<Paged<Team>> {
    db.page(&OF_USER, args![user], query).await
}

/// The teams of a system account.
pub async fn team_list_of_account(
    db: &OrgScope,
    account: SystemAccountId,
    query: &ListQuery,
) -> Result<Paged<Team>> {
    db.page(&OF_ACCOUNT, args![account], query).await
}

/// A team.
pub async fn team_get(db: &OrgScope, id: TeamId) -> Result<Option<Team>, DbError> {
    let sql = org_sql!(
        "SELECT id, name, description, system_team, labels, created_at, updated_at FROM teams WHERE org_id = $1 AND id = $2"
    );
    db.optional(sql, args![id]).await
}

/// Inserts a team.
pub async fn team_insert(db: &OrgScope, team: &Team) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO teams (org_id, id, name, name_folded, description, system_team, labels, created_at, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let Team { id, name, description, system_team, labels, created_at, updated_at } = team;
    let values =
        args![*id, name, fold(name), description.as_deref(), *system_team, labels, *created_at, *updated_at];
    db.execute(sql, values).await?;
    if !labels.0.is_empty() {
        db.labels_set("teams", *id, labels).await?;
    }
    Ok(())
}

pub(super) async fn team_update(db: &OrgScope, team: &Team) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE teams SET name = $3, name_folded = $4, description = $5, labels = $6, updated_at = $7 ",
        "WHERE org_id = $1 AND id = $2"
    );
    let values = args![
        team.id,
        &team.name,
        fold(&team.name),
        team.description.as_deref(),
        &team.labels,
        team.updated_at
    ];
    db.execute(sql, values).await?;
    db.labels_set("teams", team.id, &team.labels).await
}

pub(super) async fn team_delete(db: &OrgScope, id: TeamId) -> Result<u64, DbError> {
    db.labels_set("teams", id, &kernel::Labels::default()).await?;
    db.execute(org_sql!("DELETE FROM teams WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// The id of a team that came with the organization.
pub async fn system_team_id(db: &OrgScope, name: &str) -> Result<Option<TeamId>, DbError> {
    let sql =
        org_sql!("SELECT id AS value FROM teams WHERE org_id = $1 AND system_team = true AND name = $2");
    Ok(db.optional::<(TeamId,)>(sql, args![name]).await?.map(|(id,)| id))
}

/// Adds a user to a team by hand.
pub async fn team_user_insert(
    db: &OrgScope,
    team: TeamId,
    user: UserId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO team_users (org_id, team_id, user_id, mapped, created_at) VALUES ($1, $2, $3, false, $4)"
    );
    db.execute(sql, args![team, user, now]).await
}

/// A membership of a user, and what it comes from.
pub struct Membership {
    /// The team.
    pub id: TeamId,
    /// The team's name.
    pub name: String,
    /// Whether the organization made the team.
    pub system_team: bool,
    /// Whether it comes from the identity provider's groups.
    pub mapped: bool,
}

frame::from_row!(Membership { id, name, system_team, mapped });

/// The memberships of a user.
pub async fn membership_list(db: &OrgScope, user: UserId) -> Result<Vec<Membership>, DbError> {
    let sql = org_sql!(
        "SELECT t.id, t.name, t.system_team, m.mapped FROM team_users m ",
        "JOIN teams t ON t.org_id = m.org_id AND t.id = m.team_id ",
        "WHERE m.org_id = $1 AND m.user_id = $2 ORDER BY t.name_folded"
    );
    db.all(sql, args![user]).await
}

/// Puts a user into a team because the identity provider's groups say so, also where it was put by hand.
pub async fn membership_map(
    db: &OrgScope,
    team: TeamId,
    user: UserId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO team_users (org_id, team_id, user_id, mapped, created_at) VALUES ($1, $2, $3, true, $4) ",
        "ON CONFLICT (org_id, team_id, user_id) DO UPDATE SET mapped = true"
    );
    db.execute(sql, args![team, user, now]).await
}

/// Whether a user is in a team.
pub async fn team_user_has(db: &OrgScope, team: TeamId, user: UserId) -> Result<bool, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM team_users WHERE org_id = $1 AND team_id = $2 AND user_id = $3"
    );
    Ok(db.count(sql, args![team, user]).await? > 0)
}

/// Takes a user out of a team.
pub async fn team_user_delete(db: &OrgScope, team: TeamId, user: UserId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM team_users WHERE org_id = $1 AND team_id = $2 AND user_id = $3");
    db.execute(sql, args![team, user]).await
}

pub(super) async fn team_system_account_insert(
    db: &OrgScope,
    team: TeamId,
    account: SystemAccountId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO team_system_accounts (org_id, team_id, system_account_id, created_at) VALUES ($1, $2, $3, $4)"
    );
    db.execute(sql, args![team, account, now]).await
}

pub(super) async fn team_system_account_delete(
    db: &OrgScope,
    team: TeamId,
    account: SystemAccountId,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "DELETE FROM team_system_accounts WHERE org_id = $1 AND team_id = $2 AND system_account_id = $3"
    );
    db.execute(sql, args![team, account]).await
}
