//! What developers are shown of a strategy.

use std::collections::BTreeMap;

use frame::db::OrgScope;
use kernel::{Result, StrategyId};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AuthStrategy,
    config::{Configs, Ttl},
    store::strategy_map,
};

/// A strategy as portals show it (contract: `AuthStrategy` of portals).
#[derive(Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PortalStrategy {
    /// Of keys.
    Keys(KeyStrategy),
    /// Of clients.
    Clients(ClientStrategy),
}

/// A strategy by which applications get keys.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeyStrategy {
    /// The strategy.
    pub id: StrategyId,
    /// Its name for developers.
    pub name: String,
    /// What applications get.
    #[schemars(extend("enum" = KEYS))]
    pub credential_type: &'static str,
    /// The names of the headers that a key may be in.
    pub key_names: Vec<String>,
    /// How long a new key is good; for ever if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Ttl")]
    pub ttl: Option<Ttl>,
}

/// A strategy by which applications have clients at an identity provider.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClientStrategy {
    /// The strategy.
    pub id: StrategyId,
    /// Its name for developers.
    pub name: String,
    /// Whether clients are registered for them, or brought by them.
    #[schemars(extend("enum" = CLIENTS))]
    pub credential_type: &'static str,
    /// The ways to come by a token.
    pub auth_methods: Vec<String>,
    /// The scopes that developers may choose among, where the provider lets them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    pub available_scopes: Option<Vec<String>>,
}

const KEYS: [&str; 1] = ["key_auth"];
const CLIENTS: [&str; 2] = ["client_credentials", "self_managed_client_credentials"];

impl From<AuthStrategy> for PortalStrategy {
    fn from(strategy: AuthStrategy) -> Self {
        let choice = strategy.dcr_provider.as_ref().is_some_and(|provider| provider.developers_choose);
        let (id, name) = (strategy.id, strategy.display_name);
        match strategy.configs {
            Configs::KeyAuth { key_auth } => Self::Keys(KeyStrategy {
                id,
                name,
                credential_type: KEYS[0],
                // The gateway's own, where none is said.
                key_names: key_auth.key_names.unwrap_or_else(|| vec!["apikey".to_owned()]),
                ttl: key_auth.ttl,
            }),
            Configs::OpenIdConnect { openid_connect } => Self::Clients(ClientStrategy {
                id,
                name,
                credential_type: if strategy.dcr_provider.is_some() { CLIENTS[0] } else { CLIENTS[1] },
                auth_methods: openid_connect.auth_methods,
                available_scopes: choice.then_some(openid_connect.scopes),
            }),
        }
    }
}

/// These strategies as portals show them, by their ids.
pub(crate) async fn portal_strategies(
    db: &OrgScope,
    ids: impl IntoIterator<Item = StrategyId>,
) -> Result<BTreeMap<StrategyId, PortalStrategy>> {
    let strategies = strategy_map(db, ids).await?;
    Ok(strategies.into_iter().map(|(id, strategy)| (id, PortalStrategy::from(strategy))).collect())
}
