//! A strategy as an application has it: how developers come by credentials, and nothing about the gateway.

use frame::db::Row;
use kernel::{DcrProviderId, DeveloperId, OrgId, PortalTeamId, StrategyId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{Application, Owner};
use crate::{
    registration::{Context, Wanted},
    strategies::{
        AuthStrategy,
        config::{Configs, OpenIdConnect, Ttl},
        store::developers_choose,
    },
};

/// What is read of a strategy.
#[derive(Clone)]
pub struct StrategyOf {
    /// Its id.
    pub id: StrategyId,
    /// Its name for developers.
    pub display_name: String,
    /// What it asks of applications.
    pub configs: Configs,
    /// What makes clients.
    pub provider: Option<DcrProviderId>,
    /// Whether an application can have several credentials.
    pub several: bool,
    /// How many at least and at most, where the provider says.
    pub limits: Option<(i64, i64)>,
    /// Whether developers choose scopes.
    pub choice: bool,
}

/// How an application proves who it is (contract: `credential_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialType {
    /// By a key that is made here.
    KeyAuth,
    /// By a token of a client that a DCR provider makes.
    ClientCredentials,
    /// By a token of a client that its developer brings.
    SelfManagedClientCredentials,
}

impl From<&AuthStrategy> for StrategyOf {
    fn from(strategy: &AuthStrategy) -> Self {
        Self {
            id: strategy.id,
            display_name: strategy.display_name.clone(),
            configs: strategy.configs.clone(),
            provider: strategy.dcr_provider.as_ref().map(|provider| provider.id),
            several: strategy.supports_multiple_credentials,
            limits: limits(strategy.dcr_provider.as_ref().map(|provider| &*provider.provider_type)),
            choice: strategy.dcr_provider.as_ref().is_some_and(|provider| provider.developers_choose),
        }
    }
}

impl StrategyOf {
    /// Reads it beside an application; see [`columns`].
    pub(super) fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let configs: Value = row.get("strategy_configs")?;
        Ok(Self {
            id: row.get("strategy_id")?,
            display_name: row.get("strategy_display_name")?,
            configs: serde_json::from_value(configs)
                .map_err(|error| frame::sqlx::Error::Decode(Box::new(error)))?,
            provider: row.get("strategy_provider_id")?,
            several: row.get("strategy_several")?,
            limits: limits(row.get::<Option<String>>("strategy_provider_type")?.as_deref()),
            choice: match row.get::<Option<Value>>("strategy_provider_config")? {
                Some(config) => developers_choose(config)?,
                None => false,
            },
        })
    }

    /// How its applications prove who they are.
    pub const fn credential_type(&self) -> CredentialType {
        match (&self.configs, self.provider) {
            (Configs::KeyAuth { .. }, _) => CredentialType::KeyAuth,
            (Configs::OpenIdConnect { .. }, Some(_)) => CredentialType::ClientCredentials,
            (Configs::OpenIdConnect { .. }, None) => CredentialType::SelfManagedClientCredentials,
        }
    }

    /// What it asks of tokens, if its applications have any.
    pub const fn openid_connect(&self) -> Option<&OpenIdConnect> {
        match &self.configs {
            Configs::OpenIdConnect { openid_connect } => Some(openid_connect),
            Configs::KeyAuth { .. } => None,
        }
    }

    /// The client that an application of it needs at the provider.
    pub fn wanted(&self, org: OrgId, application: &Application) -> Wanted {
        let openid = self.openid_connect();
        Wanted {
            application: application.id.uuid(),
            name: application.name.clone(),
            description: application.description.clone().unwrap_or_default(),
            redirect_uris: application.redirect_uri.iter().cloned().collect(),
            auth_methods: openid.map(|it| it.auth_methods.clone()).unwrap_or_default(),
            scopes: openid.map(|it| it.scopes.clone()).unwrap_or_default(),
            chosen_scopes: application.scopes.clone(),
            audience: openid.and_then(audience),
            secret_in_form: false,
            context: Context {
                organization: org.uuid(),
                portal: application.portal_id.uuid(),
                owner: application.owner.id.uuid(),
                strategy: self.id.uuid(),
            },
        }
    }
}

/// How many secrets a client may have. Okta alone says.
fn limits(provider_type: Option<&str>) -> Option<(i64, i64)> {
    (provider_type == Some("okta")).then_some((1, 2))
}

/// The audience of an application's tokens: the argument of this name that the gateway's plugin sends when it asks
/// for one, which is how strategies say it.
fn audience(openid: &OpenIdConnect) -> Option<String> {
    let list = |name: &str| openid.more.get(name).and_then(Value::as_array);
    let place = list("token_post_args_names")?.iter().position(|name| name == "audience")?;
    list("token_post_args_values")?.get(place)?.as_str().map(str::to_owned)
}

/// What is read of the strategy of an application `t`.
macro_rules! columns {
    () => {
        "t.strategy_id, \
         (SELECT s.display_name FROM application_auth_strategies s WHERE s.org_id = t.org_id AND s.id = t.strategy_id) \
         AS strategy_display_name, \
         (SELECT s.configs FROM application_auth_strategies s WHERE s.org_id = t.org_id AND s.id = t.strategy_id) \
         AS strategy_configs, \
         (SELECT s.dcr_provider_id FROM application_auth_strategies s WHERE s.org_id = t.org_id AND s.id = t.strategy_id) \
         AS strategy_provider_id, \
         (SELECT s.multiple_credentials FROM application_auth_strategies s WHERE s.org_id = t.org_id AND s.id = t.strategy_id) \
         AS strategy_several, \
         (SELECT s.dcr_provider_type FROM application_auth_strategies s WHERE s.org_id = t.org_id AND s.id = t.strategy_id) \
         AS strategy_provider_type, \
         (SELECT c.config FROM application_auth_strategies s JOIN dcr_providers c ON c.org_id = s.org_id \
         AND c.id = s.dcr_provider_id WHERE s.org_id = t.org_id AND s.id = t.strategy_id) AS strategy_provider_config"
    };
}
pub(super) use columns;

/// The header that a key is in if its strategy does not say.
pub const KEY_NAME: &str = "apikey";

/// Declares how a strategy is shown beside an application: by what its applications have, and with what else.
macro_rules! shown {
    (
        $(#[$doc:meta])* $name:ident { $keys:ident, $client:ident }
        shaped $(#[$shape:meta])* $({ $(#[$more:meta])* $field:ident = $read:expr; limits })?
    ) => {
        /// A strategy whose applications have keys.
        #[derive(Clone, Serialize, JsonSchema)]
        $(#[$shape])*
        pub struct $keys {
            id: StrategyId,
            name: String,
            #[schemars(extend("enum" = ["key_auth"]))]
            credential_type: CredentialType,
            key_names: Vec<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schemars(with = "Ttl")]
            ttl: Option<Ttl>,
            $($(#[$more])* $field: bool,)?
        }

        /// A strategy whose applications have clients.
        #[derive(Clone, Serialize, JsonSchema)]
        $(#[$shape])*
        pub struct $client {
            id: StrategyId,
            name: String,
            #[schemars(extend("enum" = ["client_credentials", "self_managed_client_credentials"]))]
            credential_type: CredentialType,
            auth_methods: Vec<String>,
            /// Those that developers may choose among, where the provider lets them.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schemars(with = "Vec<String>")]
            available_scopes: Option<Vec<String>>,
            $(
                $(#[$more])*
                $field: bool,
                /// Fewest of them, where the provider says.
                #[serde(skip_serializing_if = "Option::is_none")]
                #[schemars(with = "i64", range(min = 1))]
                min_allowed_credentials: Option<i64>,
                /// Most of them, where the provider says.
                #[serde(skip_serializing_if = "Option::is_none")]
                #[schemars(with = "i64", range(min = 1))]
                max_allowed_credentials: Option<i64>,
            )?
        }

        $(#[$doc])*
        #[derive(Clone, Serialize, JsonSchema)]
        #[serde(untagged)]
        #[schemars(inline)]
        pub enum $name {
            /// Of applications that have keys.
            Keys($keys),
            /// Of applications that have clients.
            Client($client),
        }

        impl From<&StrategyOf> for $name {
            fn from(strategy: &StrategyOf) -> Self {
                let (id, name) = (strategy.id, strategy.display_name.clone());
                let credential_type = strategy.credential_type();
                $(let $field = $read(strategy);)?
                match &strategy.configs {
                    Configs::KeyAuth { key_auth } => Self::Keys($keys {
                        id,
                        name,
                        credential_type,
                        key_names: key_auth.key_names.clone().unwrap_or_else(|| vec![KEY_NAME.to_owned()]),
                        ttl: key_auth.ttl.clone(),
                        $($field,)?
                    }),
                    Configs::OpenIdConnect { openid_connect } => Self::Client($client {
                        id,
                        name,
                        credential_type,
                        auth_methods: openid_connect.auth_methods.clone(),
                        available_scopes: strategy.choice.then(|| openid_connect.scopes.clone()),
                        $(
                            $field,
                            min_allowed_credentials: strategy.limits.map(|(least, _)| least),
                            max_allowed_credentials: strategy.limits.map(|(_, most)| most),
                        )?
                    }),
                }
            }
        }
    };
}

shown! {
    /// A strategy as an organization's application shows it (contract: `AuthStrategy`).
    ShownStrategy { KeyStrategy, ClientStrategy }
    shaped #[schemars(deny_unknown_fields)]
}
shown! {
    /// A strategy as developers see it (contract: `PortalAuthStrategy`).
    PortalStrategy { PortalKeyStrategy, PortalClientStrategy }
    shaped
    {
        /// Whether an application can have several credentials.
        supports_multiple_credentials = |strategy: &StrategyOf| strategy.several;
        limits
    }
}

/// An owner as it is stored.
pub(super) fn owner_from(row: Row<'_>) -> Result<Owner, frame::sqlx::Error> {
    let developer = row.get::<Option<DeveloperId>>("developer_id")?.map(Owner::of_developer);
    let team = row.get::<Option<PortalTeamId>>("team_id")?.map(Owner::of_team);
    developer.or(team).ok_or_else(|| frame::sqlx::Error::Decode("an application of nobody".into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_audience_stands_where_the_argument_of_this_name_does() {
        let openid = |more: Value| OpenIdConnect {
            issuer: String::new(),
            credential_claim: Vec::new(),
            scopes: Vec::new(),
            auth_methods: Vec::new(),
            more: more.as_object().cloned().unwrap_or_default(),
        };
        for (more, expected) in [
            (json!({}), None),
            (json!({ "token_post_args_names": ["audience"] }), None),
            (
                json!({ "token_post_args_names": ["resource", "audience"], "token_post_args_values": ["r", "urn:api"] }),
                Some("urn:api"),
            ),
            (json!({ "token_post_args_names": ["resource"], "token_post_args_values": ["r"] }), None),
        ] {
            assert_eq!(audience(&openid(more.clone())).as_deref(), expected, "{more}");
        }
    }
}
