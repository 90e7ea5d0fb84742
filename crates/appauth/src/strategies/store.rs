//! The SQL of application auth strategies.
//!
//! A row repeats what its strategy shows of the DCR provider, so that lists are filtered and sorted by it
//! through an index; a change of the provider changes it in the same transaction.

use std::collections::{BTreeMap, BTreeSet};

use frame::{
    args,
    db::{Arg, DbError, FromRow, Listing, OrgScope, Paged, Row, fold, search_text},
    org_sql,
};
use kernel::{
    DcrProviderId, OrgId, Result, StrategyId, Timestamp,
    query::{Field, Kind, ListQuery, Ops},
};
use serde_json::Value;

use super::{AuthStrategy, Principals, ProviderOfStrategy, STRATEGIES};
use crate::dcr_providers::{DcrProvider, config::View};

/// Whether developers choose scopes, as a provider's settings say.
pub(crate) fn developers_choose(config: Value) -> Result<bool, frame::sqlx::Error> {
    let config: View =
        serde_json::from_value(config).map_err(|error| frame::sqlx::Error::Decode(Box::new(error)))?;
    Ok(config.developers_choose())
}

impl FromRow for AuthStrategy {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let decode = |error| frame::sqlx::Error::Decode(Box::new(error));
        let configs: Value = row.get("configs")?;
        let dcr_provider = match row.get::<Option<DcrProviderId>>("dcr_provider_id")? {
            None => None,
            Some(id) => Some(ProviderOfStrategy {
                id,
                name: row.get("dcr_provider_name")?,
                display_name: row.get("dcr_provider_display_name")?,
                provider_type: row.get("dcr_provider_type")?,
                developers_choose: developers_choose(row.get("dcr_provider_config")?)?,
            }),
        };
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            display_name: row.get("display_name")?,
            configs: serde_json::from_value(configs).map_err(decode)?,
            active: row.get("active")?,
            dcr_provider,
            labels: row.get("labels")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            supports_multiple_credentials: row.get("multiple_credentials")?,
            principals: Principals { enabled: row.get("principals_enabled")? },
        })
    }
}

/// What is read of a strategy.
macro_rules! columns {
    () => {
        concat!(
            "t.id, t.name, t.display_name, t.dcr_provider_id, t.dcr_provider_name, t.dcr_provider_display_name, ",
            "t.dcr_provider_type, t.multiple_credentials, t.principals_enabled, t.labels, t.configs, t.created_at, ",
            "t.updated_at, (SELECT c.config FROM dcr_providers c WHERE c.org_id = t.org_id AND c.id = t.dcr_provider_id) ",
            "AS dcr_provider_config, ",
            $crate::strategies::uses::active!(),
            " AS active"
        )
    };
}
pub(crate) use columns;

static ALL: Listing = Listing {
    collection: &STRATEGIES,
    columns: columns!(),
    table: "application_auth_strategies",
    condition: "",
    large: true,
};

pub(super) async fn strategy_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<AuthStrategy>> {
    db.page(&ALL, args![], query).await
}

/// A strategy.
pub async fn strategy_get(db: &OrgScope, id: StrategyId) -> Result<Option<AuthStrategy>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM application_auth_strategies t WHERE t.org_id = $1 AND t.id = $2"
    );
    db.optional(sql, args![id]).await
}

/// The id of a strategy.
static ID: Field = Field::new("id", Kind::Id, Ops::UUID);

/// These strategies, by their ids.
pub(crate) async fn strategy_map(
    db: &OrgScope,
    ids: impl IntoIterator<Item = StrategyId>,
) -> Result<BTreeMap<StrategyId, AuthStrategy>> {
    let ids: BTreeSet<StrategyId> = ids.into_iter().collect();
    let strategies: Vec<AuthStrategy> = db.whole(&ALL, args![], &ListQuery::of(&ID, ids)).await?;
    Ok(strategies.into_iter().map(|strategy| (strategy.id, strategy)).collect())
}

/// The values of what can be changed, in the order of both statements.
fn changeable(org: OrgId, strategy: &AuthStrategy) -> Vec<Arg> {
    let AuthStrategy { name, display_name, labels, dcr_provider, configs, .. } = strategy;
    let provider = dcr_provider.as_ref();
    let provider_name = provider.map(|it| &*it.name);
    let provider_type = provider.map(|it| &*it.provider_type);
    let kind = configs.strategy_type();
    let searched = [name, display_name, kind, provider_name.unwrap_or(""), provider_type.unwrap_or("")];
    args![
        name,
        fold(name),
        display_name,
        fold(display_name),
        provider.map(|it| it.id),
        provider_name,
        provider_name.map(fold),
        provider.and_then(|it| it.display_name.as_deref()),
        provider_type,
        provider_type.map(fold),
        strategy.supports_multiple_credentials,
        strategy.principals.enabled,
        search_text(org, &searched),
        labels,
        &serde_json::to_value(configs).unwrap_or_default(),
        strategy.updated_at
    ]
}

/// Keeps a new strategy.
pub async fn strategy_insert(db: &OrgScope, strategy: &AuthStrategy) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO application_auth_strategies (org_id, id, strategy_type, strategy_type_folded, created_at, ",
        "name, name_folded, display_name, display_name_folded, dcr_provider_id, dcr_provider_name, ",
        "dcr_provider_name_folded, dcr_provider_display_name, dcr_provider_type, dcr_provider_type_folded, ",
        "multiple_credentials, principals_enabled, search, labels, configs, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)"
    );
    let kind = strategy.configs.strategy_type();
    let mut values = args![strategy.id, kind, fold(kind), strategy.created_at];
    values.extend(changeable(db.org(), strategy));
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn strategy_update(db: &OrgScope, strategy: &AuthStrategy) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE application_auth_strategies SET name = $3, name_folded = $4, display_name = $5, ",
        "display_name_folded = $6, dcr_provider_id = $7, dcr_provider_name = $8, dcr_provider_name_folded = $9, ",
        "dcr_provider_display_name = $10, dcr_provider_type = $11, dcr_provider_type_folded = $12, ",
        "multiple_credentials = $13, principals_enabled = $14, search = $15, labels = $16, configs = $17, updated_at = $18 ",
        "WHERE org_id = $1 AND id = $2"
    );
    let mut values = args![strategy.id];
    values.extend(changeable(db.org(), strategy));
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn strategy_delete(db: &OrgScope, id: StrategyId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM application_auth_strategies WHERE org_id = $1 AND id = $2");
    db.execute(sql, args![id]).await
}

/// Repeats what strategies show of a provider after it has changed.
pub(crate) async fn provider_changed(
    db: &OrgScope,
    before: &DcrProvider,
    after: &DcrProvider,
) -> Result<(), DbError> {
    let several = after.config.multiple_credentials();
    if before.name == after.name
        && before.display_name == after.display_name
        && before.config.multiple_credentials() == several
    {
        return Ok(());
    }
    let sql = org_sql!(
        "UPDATE application_auth_strategies SET dcr_provider_name = $3, dcr_provider_name_folded = $4, ",
        "dcr_provider_display_name = $5, multiple_credentials = $6, ",
        "search = $7 || '\n' || name_folded || '\n' || display_name_folded || '\n' || strategy_type_folded || '\n' || $4 ",
        "|| '\n' || dcr_provider_type_folded WHERE org_id = $1 AND dcr_provider_id = $2"
    );
    let tag = search_text(db.org(), &[]);
    let values = args![after.id, &after.name, fold(&after.name), after.display_name.as_deref(), several, tag];
    db.execute(sql, values).await.map(|_| ())
}

/// Takes a provider away from all strategies; how many those were.
pub(crate) async fn provider_detach(
    db: &OrgScope,
    id: DcrProviderId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE application_auth_strategies SET dcr_provider_id = NULL, dcr_provider_name = NULL, ",
        "dcr_provider_name_folded = NULL, dcr_provider_display_name = NULL, dcr_provider_type = NULL, ",
        "dcr_provider_type_folded = NULL, multiple_credentials = false, updated_at = $3, ",
        "search = $4 || '\n' || name_folded || '\n' || display_name_folded || '\n' || strategy_type_folded || '\n\n' ",
        "WHERE org_id = $1 AND dcr_provider_id = $2"
    );
    db.execute(sql, args![id, now, search_text(db.org(), &[])]).await
}
