//! The SQL of system accounts.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged, PlatformScope, fold},
    org_sql,
};
use kernel::{OrgId, Result, SystemAccountId, TeamId, query::ListQuery};

use super::{SYSTEM_ACCOUNTS, SystemAccount, TEAM_ACCOUNTS};

const COLUMNS: &str = "t.id, t.name, t.description, t.created_at, t.updated_at, t.konnect_managed";

static ALL: Listing = Listing {
    collection: &SYSTEM_ACCOUNTS,
    columns: COLUMNS,
    table: "system_accounts",
    condition: "",
    large: false,
};
static OF_TEAM: Listing = Listing {
    collection: &TEAM_ACCOUNTS,
    columns: COLUMNS,
    table: "system_accounts",
    condition: "t.id IN (SELECT m.system_account_id FROM team_system_accounts m WHERE m.org_id = $1 AND m.team_id = $2)",
    large: false,
};

pub(super) async fn account_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<SystemAccount>> {
    db.page(&ALL, args![], query).await
}

/// The system accounts of a team.
pub async fn account_list_of_team(
    db: &OrgScope,
    team: TeamId,
    query: &ListQuery,
) -> Result<Paged<SystemAccount>> {
    db.page(&OF_TEAM, args![team], query).await
}

/// A system account.
pub async fn account_get(db: &OrgScope, id: SystemAccountId) -> Result<Option<SystemAccount>, DbError> {
    let sql = org_sql!(
        "SELECT id, name, description, created_at, updated_at, konnect_managed FROM system_accounts ",
        "WHERE org_id = $1 AND id = $2"
    );
    db.optional(sql, args![id]).await
}

pub(super) async fn account_insert(db: &OrgScope, account: &SystemAccount) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO system_accounts (org_id, id, name, name_folded, description, description_folded, konnect_managed, ",
        "created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let SystemAccount { id, name, description, created_at, updated_at, konnect_managed } = account;
    let values = args![
        *id,
        name,
        fold(name),
        description,
        fold(description),
        *konnect_managed,
        *created_at,
        *updated_at
    ];
    db.execute(sql, values).await?;
    if *konnect_managed {
        let sql = "INSERT INTO managed_accounts (system_account_id, org_id) VALUES ($1, $2)";
        db.platform().execute(sql, args![*id, db.org()]).await?;
    }
    Ok(())
}

pub(super) async fn account_update(db: &OrgScope, account: &SystemAccount) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE system_accounts SET name = $3, name_folded = $4, description = $5, description_folded = $6, ",
        "updated_at = $7 WHERE org_id = $1 AND id = $2"
    );
    let SystemAccount { id, name, description, updated_at, .. } = account;
    db.execute(sql, args![*id, name, fold(name), description, fold(description), *updated_at]).await
}

pub(super) async fn account_delete(db: &OrgScope, id: SystemAccountId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM system_accounts WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// The organization of a managed system account.
pub(super) async fn managed_account_org(
    db: &PlatformScope,
    id: SystemAccountId,
) -> Result<Option<OrgId>, DbError> {
    let sql = "SELECT org_id AS value FROM managed_accounts WHERE system_account_id = $1";
    Ok(db.optional::<(OrgId,)>(sql, args![id]).await?.map(|(org,)| org))
}
