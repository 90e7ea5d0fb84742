//! The SQL of organizations.

use frame::{
    args,
    db::{DbError, OrgScope, PlatformScope},
    org_sql,
};
use kernel::{OrgId, Problem, Result};

use super::Organization;

/// The organization of the scope, or 404.
pub async fn organization_get(db: &OrgScope) -> Result<Organization> {
    let sql = org_sql!(
        "SELECT org_id AS id, name, owner_id, login_path, created_at, updated_at, state, retention_period_days, ",
        "pats_enabled, mfa_enabled FROM organizations WHERE org_id = $1"
    );
    db.optional(sql, args![]).await?.ok_or(Problem::NotFound("organization"))
}

/// Writes what can be changed of an organization.
pub async fn organization_update(db: &OrgScope, organization: &Organization) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE organizations SET owner_id = $2, name = $3, mfa_enabled = $4, login_path = $5, updated_at = $6 ",
        "WHERE org_id = $1"
    );
    let Organization { owner_id, name, mfa_enabled, login_path, updated_at, .. } = organization;
    db.execute(sql, args![*owner_id, name, *mfa_enabled, login_path, *updated_at]).await
}

/// Inserts an organization with the settings that a new one has.
pub async fn organization_insert(db: &OrgScope, organization: &Organization) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO organizations (org_id, name, owner_id, state, retention_period_days, login_path, pats_enabled, ",
        "max_expiration_period_days, mfa_enabled, impersonation_enabled, basic_auth_enabled, oidc_auth_enabled, ",
        "saml_auth_enabled, idp_mapping_enabled, konnect_mapping_enabled, created_at, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, '', true, 365, $6, false, true, false, false, false, true, $7, $7)"
    );
    let Organization { name, owner_id, state, retention_period_days, mfa_enabled, created_at, .. } =
        organization;
    db.execute(sql, args![name, *owner_id, state, *retention_period_days, *mfa_enabled, *created_at]).await
}

/// Changes the state of an organization.
pub async fn organization_set_state(
    db: &OrgScope,
    state: &str,
    now: kernel::Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!("UPDATE organizations SET state = $2, updated_at = $3 WHERE org_id = $1");
    db.execute(sql, args![state, now]).await
}

/// The ids of all organizations, oldest first.
pub async fn organization_ids(db: &PlatformScope) -> Result<Vec<OrgId>, DbError> {
    let sql = "SELECT org_id AS value FROM organizations ORDER BY created_at, org_id";
    Ok(db.all::<(OrgId,)>(sql, args![]).await?.into_iter().map(|(id,)| id).collect())
}
