//! What developers are shown of a strategy.

use kernel::StrategyId;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AuthStrategy,
    config::{Configs, Ttl},
};

/// A strategy as portals show it, by what applications get of it (contract: `AuthStrategy`).
#[derive(Clone, Serialize, JsonSchema)]
#[serde(tag = "credential_type", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum PortalStrategy {
    /// Keys.
    KeyAuth {
        /// The strategy.
        id: StrategyId,
        /// Its name for developers.
        name: String,
        /// The names of the headers that a key may be in.
        key_names: Vec<String>,
        /// How long a new key is good; for ever if nothing is said.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Ttl")]
        ttl: Option<Ttl>,
    },
    /// Clients that are registered at an identity provider.
    ClientCredentials {
        /// The strategy.
        id: StrategyId,
        /// Its name for developers.
        name: String,
        /// The ways to come by a token.
        auth_methods: Vec<String>,
    },
    /// Clients that developers bring.
    SelfManagedClientCredentials {
        /// The strategy.
        id: StrategyId,
        /// Its name for developers.
        name: String,
        /// The ways to come by a token.
        auth_methods: Vec<String>,
    },
}

impl From<&AuthStrategy> for PortalStrategy {
    fn from(strategy: &AuthStrategy) -> Self {
        let (id, name) = (strategy.id, strategy.display_name.clone());
        match &strategy.configs {
            Configs::KeyAuth { key_auth } => Self::KeyAuth {
                id,
                name,
                // The gateway's own, where none is said.
                key_names: key_auth.key_names.clone().unwrap_or_else(|| vec!["apikey".to_owned()]),
                ttl: key_auth.ttl.clone(),
            },
            Configs::OpenIdConnect { openid_connect } => {
                let auth_methods = openid_connect.auth_methods.clone();
                match strategy.dcr_provider {
                    Some(_) => Self::ClientCredentials { id, name, auth_methods },
                    None => Self::SelfManagedClientCredentials { id, name, auth_methods },
                }
            }
        }
    }
}
