//! The SQL of assigned roles.

use std::collections::BTreeMap;

use frame::{
    args,
    db::{DbError, FromRow, Listing, OrgScope, Paged, PlatformScope, Row as DbRow},
    from_row, org_sql,
};
use kernel::{AssignmentId, Result, TeamId, Timestamp, query::ListQuery};
use serde_json::Value;
use uuid::Uuid;

use super::{ASSIGNED_ROLES, AssignedRole, Assignment, Row};

static OF_HOLDER: Listing = Listing {
    collection: &ASSIGNED_ROLES,
    columns: "t.id, t.role_name, t.entity_id, t.entity_type_name, t.entity_region, t.parameters",
    table: "assigned_roles",
    condition: "t.holder_id = $2",
    large: false,
};

pub(super) async fn role_list(db: &OrgScope, holder: Uuid, query: &ListQuery) -> Result<Paged<Assignment>> {
    Ok(Paged::whole(db.whole::<Row>(&OF_HOLDER, args![holder], query).await?).map(Assignment::from))
}

pub(super) async fn role_get(
    db: &OrgScope,
    holder: Uuid,
    id: AssignmentId,
) -> Result<Option<Assignment>, DbError> {
    let sql = org_sql!(
        "SELECT id, role_name, entity_id, entity_type_name, entity_region, parameters FROM assigned_roles ",
        "WHERE org_id = $1 AND holder_id = $2 AND id = $3"
    );
    Ok(db.optional::<Row>(sql, args![holder, id]).await?.map(Assignment::from))
}

/// Assigns a role.
pub async fn role_insert(
    db: &OrgScope,
    holder: Uuid,
    assignment: &Assignment,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO assigned_roles (org_id, id, holder_id, role_name, entity_id, entity_type_name, entity_region, ",
        "parameters, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let AssignedRole { id, role_name, entity_id, entity_type_name, entity_region } = &assignment.role;
    let parameters = Value::Object(assignment.parameters.clone());
    db.execute(
        sql,
        args![*id, holder, role_name, entity_id, entity_type_name, entity_region, &parameters, now],
    )
    .await
}

pub(super) async fn role_delete(db: &OrgScope, holder: Uuid, id: AssignmentId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM assigned_roles WHERE org_id = $1 AND holder_id = $2 AND id = $3");
    db.execute(sql, args![holder, id]).await
}

/// Takes every role of a holder that goes away.
pub async fn role_drop_all(db: &OrgScope, holder: Uuid) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM assigned_roles WHERE org_id = $1 AND holder_id = $2"), args![holder])
        .await
}

pub(super) struct HeldTeam {
    pub id: TeamId,
    pub name: String,
    pub system_team: bool,
}

from_row!(HeldTeam { id, name, system_team });

/// The teams that a user or system account has joined until a moment.
pub(super) async fn team_list_of_holder(
    db: &OrgScope,
    holder: Uuid,
    until: Timestamp,
) -> Result<Vec<HeldTeam>, DbError> {
    let sql = org_sql!(
        "SELECT t.id, t.name, t.system_team FROM teams t WHERE t.org_id = $1 AND (t.id IN (",
        "SELECT team_id FROM team_users WHERE org_id = $1 AND user_id = $2 AND created_at <= $3) OR t.id IN (",
        "SELECT team_id FROM team_system_accounts WHERE org_id = $1 AND system_account_id = $2 AND created_at <= $3))"
    );
    db.all(sql, args![holder, until]).await
}

pub(super) struct HeldRole {
    pub holder_id: Uuid,
    pub role: AssignedRole,
}

impl FromRow for HeldRole {
    fn from_row(row: DbRow<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self { holder_id: row.get("holder_id")?, role: AssignedRole::from_row(row)? })
    }
}

from_row!(AssignedRole { id, role_name, entity_id, entity_type_name, entity_region });

/// The roles of a user or system account until a moment, its own and those of its teams.
pub(super) async fn role_list_of_holder(
    db: &OrgScope,
    holder: Uuid,
    until: Timestamp,
) -> Result<Vec<HeldRole>, DbError> {
    let sql = org_sql!(
        "SELECT holder_id, id, role_name, entity_id, entity_type_name, entity_region FROM assigned_roles ",
        "WHERE org_id = $1 AND created_at <= $3 AND (holder_id = $2 OR holder_id IN (",
        "SELECT team_id FROM team_users WHERE org_id = $1 AND user_id = $2 AND created_at <= $3) OR holder_id IN (",
        "SELECT team_id FROM team_system_accounts WHERE org_id = $1 AND system_account_id = $2 AND created_at <= $3))"
    );
    db.all(sql, args![holder, until]).await
}

struct Description {
    type_key: String,
    role_key: String,
    description: String,
}

from_row!(Description { type_key, role_key, description });

/// The literal descriptions that were imported, by type key and role key.
pub async fn descriptions_get(db: &PlatformScope) -> Result<BTreeMap<(String, String), String>, DbError> {
    let rows: Vec<Description> =
        db.all("SELECT type_key, role_key, description FROM role_descriptions", args![]).await?;
    Ok(rows.into_iter().map(|row| ((row.type_key, row.role_key), row.description)).collect())
}

/// Replaces the literal descriptions.
pub async fn descriptions_set(
    db: &PlatformScope,
    texts: &BTreeMap<(String, String), String>,
) -> Result<(), DbError> {
    db.execute("DELETE FROM role_descriptions", args![]).await?;
    for ((kind, role), text) in texts {
        let sql = "INSERT INTO role_descriptions (type_key, role_key, description) VALUES ($1, $2, $3)";
        db.execute(sql, args![kind, role, text]).await?;
    }
    Ok(())
}
