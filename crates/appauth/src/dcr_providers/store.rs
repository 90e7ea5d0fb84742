//! The SQL of DCR providers.

use frame::{
    args,
    db::{DbError, FromRow, Listing, OrgScope, Paged, Row, fold},
    org_sql,
};
use kernel::{DcrProviderId, Result, query::ListQuery};
use serde_json::Value;

use super::{DcrProvider, PROVIDERS, Provider, config::View};

impl FromRow for DcrProvider {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let config: Value = row.get("config")?;
        let config: View =
            serde_json::from_value(config).map_err(|error| frame::sqlx::Error::Decode(Box::new(error)))?;
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            display_name: row.get("display_name")?,
            issuer: row.get("issuer")?,
            config,
            active: row.get("active")?,
            labels: row.get("labels")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

impl FromRow for Provider {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self { shown: DcrProvider::from_row(row)?, secret: row.get("secret")? })
    }
}

/// What is read of a provider. It is active if one of its strategies is, which `strategy_uses` tells.
macro_rules! columns {
    () => {
        "t.id, t.name, t.display_name, t.issuer, t.config, t.labels, t.created_at, t.updated_at, \
         EXISTS (SELECT 1 FROM application_auth_strategies s WHERE s.org_id = t.org_id AND s.dcr_provider_id = t.id \
         AND EXISTS (SELECT 1 FROM strategy_uses u \
         WHERE u.org_id = s.org_id AND u.strategy_id = s.id AND u.published = true)) AS active"
    };
}

static ALL: Listing = Listing {
    collection: &PROVIDERS,
    columns: columns!(),
    table: "dcr_providers",
    condition: "",
    large: false,
};

pub(super) async fn provider_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<DcrProvider>> {
    db.page(&ALL, args![], query).await
}

/// A provider.
pub async fn provider_get(db: &OrgScope, id: DcrProviderId) -> Result<Option<Provider>, DbError> {
    let sql =
        org_sql!("SELECT ", columns!(), ", t.secret FROM dcr_providers t WHERE t.org_id = $1 AND t.id = $2");
    db.optional(sql, args![id]).await
}

fn config_json(config: &View) -> Value {
    serde_json::to_value(config).unwrap_or_default()
}

pub(super) async fn provider_insert(db: &OrgScope, provider: &Provider) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO dcr_providers (org_id, id, id_folded, provider_type, created_at, name, name_folded, display_name, ",
        "issuer, issuer_folded, initial_client_id, initial_client_id_folded, initial_client_audience, ",
        "initial_client_audience_folded, config, secret, labels, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
    );
    let DcrProvider { id, config, created_at, .. } = &provider.shown;
    let mut values = args![*id, id.to_string(), config.provider_type(), *created_at];
    values.extend(changeable(provider));
    db.execute(sql, values).await.map(|_| ())
}

/// The values of what can be changed, in the order of both statements.
fn changeable(provider: &Provider) -> Vec<frame::db::Arg> {
    let Provider { shown, secret } = provider;
    let DcrProvider { name, display_name, issuer, config, labels, updated_at, .. } = shown;
    let (client, audience) = (config.initial_client_id(), config.initial_client_audience());
    args![
        name,
        fold(name),
        display_name.as_deref(),
        issuer,
        fold(issuer),
        client,
        client.map(fold),
        audience,
        audience.map(fold),
        &config_json(config),
        secret.as_ref(),
        labels,
        *updated_at
    ]
}

pub(super) async fn provider_update(db: &OrgScope, provider: &Provider) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE dcr_providers SET name = $3, name_folded = $4, display_name = $5, issuer = $6, issuer_folded = $7, ",
        "initial_client_id = $8, initial_client_id_folded = $9, initial_client_audience = $10, ",
        "initial_client_audience_folded = $11, config = $12, secret = $13, labels = $14, updated_at = $15 ",
        "WHERE org_id = $1 AND id = $2"
    );
    let mut values = args![provider.shown.id];
    values.extend(changeable(provider));
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn provider_delete(db: &OrgScope, id: DcrProviderId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM dcr_providers WHERE org_id = $1 AND id = $2"), args![id]).await
}
