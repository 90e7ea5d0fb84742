//! The SQL of an organization's settings; they stand in its own row.

use frame::{
    args,
    brand::OwnBrand,
    db::{DbError, FromRow, OrgScope, OrgSql},
    org_sql,
};
use kernel::{Problem, Result, Timestamp};

use super::{
    AuthenticationSettings, ImpersonationSettings, TokenSettings,
    allow_list::{AllowList, AllowListRow},
};

async fn settings<T: FromRow>(db: &OrgScope, sql: OrgSql) -> Result<T> {
    db.optional(sql, args![]).await?.ok_or(Problem::NotFound("organization"))
}

/// The authentication settings.
pub async fn authentication_get(db: &OrgScope) -> Result<AuthenticationSettings> {
    let sql = org_sql!(
        "SELECT basic_auth_enabled, oidc_auth_enabled, saml_auth_enabled, idp_mapping_enabled, konnect_mapping_enabled ",
        "FROM organizations WHERE org_id = $1"
    );
    settings(db, sql).await
}

/// Writes the authentication settings.
pub async fn authentication_update(
    db: &OrgScope,
    s: AuthenticationSettings,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE organizations SET basic_auth_enabled = $2, oidc_auth_enabled = $3, saml_auth_enabled = $4, ",
        "idp_mapping_enabled = $5, konnect_mapping_enabled = $6, updated_at = $7 WHERE org_id = $1"
    );
    let values = args![
        s.basic_auth_enabled,
        s.oidc_auth_enabled,
        s.saml_auth_enabled,
        s.idp_mapping_enabled,
        s.konnect_mapping_enabled,
        now
    ];
    db.execute(sql, values).await
}

pub(super) async fn impersonation_get(db: &OrgScope) -> Result<ImpersonationSettings> {
    settings(db, org_sql!("SELECT impersonation_enabled AS enabled FROM organizations WHERE org_id = $1"))
        .await
}

pub(super) async fn impersonation_update(
    db: &OrgScope,
    s: ImpersonationSettings,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql =
        org_sql!("UPDATE organizations SET impersonation_enabled = $2, updated_at = $3 WHERE org_id = $1");
    db.execute(sql, args![s.enabled, now]).await
}

/// The rules for personal access tokens.
pub async fn token_settings_get(db: &OrgScope) -> Result<TokenSettings> {
    let sql =
        org_sql!("SELECT pats_enabled, max_expiration_period_days FROM organizations WHERE org_id = $1");
    settings(db, sql).await
}

pub(super) async fn token_settings_update(
    db: &OrgScope,
    s: TokenSettings,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE organizations SET pats_enabled = $2, max_expiration_period_days = $3, updated_at = $4 WHERE org_id = $1"
    );
    db.execute(sql, args![s.pats_enabled, s.max_expiration_period_days, now]).await
}

pub(super) async fn allow_list_get(db: &OrgScope) -> Result<Option<AllowList>> {
    let sql = org_sql!("SELECT ip_allow_list_enabled, ip_allow_list FROM organizations WHERE org_id = $1");
    settings::<AllowListRow>(db, sql).await.map(AllowListRow::list)
}

pub(super) async fn allow_list_update(
    db: &OrgScope,
    list: &AllowList,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE organizations SET ip_allow_list_enabled = $2, ip_allow_list = $3, updated_at = $4 WHERE org_id = $1"
    );
    let ips = serde_json::Value::from(list.allowed_ips.clone());
    db.execute(sql, args![list.enabled, &ips, now]).await
}

pub(super) async fn brand_update(db: &OrgScope, brand: &OwnBrand, now: Timestamp) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE organizations SET brand_name = $2, brand_color = $3, updated_at = $4 WHERE org_id = $1"
    );
    db.execute(sql, args![brand.name.as_deref(), brand.color.as_deref(), now]).await
}

/// Turns off what could keep an owner out.
pub async fn unlock(db: &OrgScope) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE organizations SET pats_enabled = true, ip_allow_list_enabled = CASE WHEN ip_allow_list IS NULL ",
        "THEN NULL ELSE false END WHERE org_id = $1"
    );
    db.execute(sql, args![]).await
}

/// The networks of a stored allow list.
pub fn networks(list: &serde_json::Value) -> Vec<ipnet::IpNet> {
    let allowed_ips = serde_json::from_value(list.clone()).unwrap_or_default();
    AllowList { enabled: true, allowed_ips }.networks()
}
