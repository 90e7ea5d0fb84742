//! What a DCR provider is configured with, by its type.

use kernel::{Draft, Fault, Invalid, Patch, Problem, Result, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Origin;

use super::{
    ProviderPatch,
    bodies::{Auth0Change, Change, ClientChange, HttpChange, Nothing, OktaChange, Rfc7591Change},
};
use crate::registration::{InitialClient, Proof};

/// How a provider is reached, with its secret: for whoever speaks to it.
pub enum DcrConfig {
    /// Auth0, by its management API.
    Auth0 {
        /// The client that registers clients.
        initial_client_id: String,
        /// Its secret.
        initial_client_secret: Secret<String>,
        /// The management API's audience; the issuer if there is none, or it is blank.
        initial_client_audience: Option<String>,
        /// Whether developers choose scopes.
        use_developer_managed_scopes: bool,
    },
    /// Entra ID, by Microsoft Graph.
    AzureAd {
        /// The client that registers clients.
        initial_client_id: String,
        /// Its secret.
        initial_client_secret: Secret<String>,
    },
    /// Curity, by RFC 7591 with an initial token.
    Curity {
        /// The client that gets the initial token.
        initial_client_id: String,
        /// Its secret.
        initial_client_secret: Secret<String>,
    },
    /// Okta.
    Okta {
        /// An API token.
        dcr_token: Secret<String>,
    },
    /// A bridge of the operator's own.
    Http {
        /// Where it is.
        dcr_base_url: String,
        /// The key that it knows us by.
        api_key: Secret<String>,
        /// Whether it is spared events.
        disable_event_hooks: bool,
        /// Whether it cannot make new secrets.
        disable_refresh_secret: bool,
        /// Whether an application may have several credentials.
        allow_multiple_credentials: bool,
    },
    /// Any server that keeps to RFC 7591 and RFC 7592; a type of ours.
    Rfc7591 {
        /// What lets one register.
        proof: Proof,
        /// Whether it replaces a client's secret each time that the client is changed. The standards leave it
        /// open, and have no other way to replace one.
        update_rotates_secret: bool,
    },
    /// The built-in server.
    KongIdentity,
}

impl Rfc7591Change {
    /// What lets one register stays a token, or a client, as it is.
    fn check(&self, by_client: bool, faults: &mut Vec<Invalid>) {
        let of_client = [
            ("initial_client_id", self.client.id.is_some()),
            ("initial_client_secret", self.client.secret.is_some()),
            ("initial_client_scope", matches!(self.scope, Patch::Value(_))),
        ];
        let of_token = [("initial_access_token", self.token.is_some())];
        let strange: &[(&str, bool)] = if by_client { &of_token } else { &of_client };
        for (field, _) in strange.iter().filter(|(_, sent)| *sent) {
            let kind = if by_client { "an initial client" } else { "an initial access token" };
            let why = format!("does not fit a provider that has {kind}");
            faults.push(Invalid::body(format!("dcr_config.{field}"), Fault::Rule(why)));
        }
    }
}

/// The same without the secret: as replies show it, and as it is stored.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "provider_type", content = "dcr_config", rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub enum View {
    /// Auth0.
    Auth0 {
        /// The client that registers clients.
        initial_client_id: String,
        /// The audience of its tokens.
        initial_client_audience: Option<String>,
        /// Whether developers choose scopes.
        use_developer_managed_scopes: bool,
    },
    /// Entra ID.
    AzureAd {
        /// The client that registers clients.
        initial_client_id: String,
    },
    /// Curity.
    Curity {
        /// The client that registers clients.
        initial_client_id: String,
    },
    /// Okta.
    Okta {},
    /// A bridge.
    Http {
        /// Where it is.
        #[schemars(extend("format" = "uri"))]
        dcr_base_url: String,
        /// Whether it is spared events.
        disable_event_hooks: bool,
        /// Whether it cannot make new secrets.
        disable_refresh_secret: bool,
        /// Whether an application may have several credentials.
        allow_multiple_credentials: bool,
    },
    /// A server that keeps to RFC 7591 and RFC 7592, which the contract has no type for.
    Rfc7591 {
        /// The client that gets the initial access tokens; there is one such token if there is no client.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String")]
        initial_client_id: Option<String>,
        /// The scope that lets that client register others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String")]
        initial_client_scope: Option<String>,
        /// Whether the server replaces a client's secret each time that the client is changed.
        update_rotates_secret: bool,
    },
    /// The built-in server.
    KongIdentity {},
}

impl View {
    /// Whether developers choose the scopes of their applications.
    pub const fn developers_choose(&self) -> bool {
        matches!(self, Self::Auth0 { use_developer_managed_scopes: true, .. })
    }

    /// The provider's type.
    pub const fn provider_type(&self) -> &'static str {
        match self {
            Self::Auth0 { .. } => "auth0",
            Self::AzureAd { .. } => "azureAd",
            Self::Curity { .. } => "curity",
            Self::Okta {} => "okta",
            Self::Http { .. } => "http",
            Self::Rfc7591 { .. } => "rfc7591",
            Self::KongIdentity {} => "kongIdentity",
        }
    }

    /// The client that registers clients.
    pub fn initial_client_id(&self) -> Option<&str> {
        match self {
            Self::Auth0 { initial_client_id, .. }
            | Self::AzureAd { initial_client_id }
            | Self::Curity { initial_client_id } => Some(initial_client_id),
            Self::Rfc7591 { initial_client_id, .. } => initial_client_id.as_deref(),
            Self::Okta {} | Self::Http { .. } | Self::KongIdentity {} => None,
        }
    }

    /// The audience of that client's tokens.
    pub fn initial_client_audience(&self) -> Option<&str> {
        match self {
            Self::Auth0 { initial_client_audience, .. } => initial_client_audience.as_deref(),
            _ => None,
        }
    }

    /// Whether an application can have several credentials at this provider.
    pub const fn multiple_credentials(&self) -> bool {
        match self {
            Self::AzureAd { .. } | Self::Okta {} => true,
            Self::Http { allow_multiple_credentials, .. } => *allow_multiple_credentials,
            Self::Auth0 { .. } | Self::Curity { .. } | Self::Rfc7591 { .. } | Self::KongIdentity {} => false,
        }
    }

    /// The field that the secret is sent in.
    const fn secret_field(&self) -> &'static str {
        match self {
            Self::Rfc7591 { initial_client_id: None, .. } => "dcr_config.initial_access_token",
            Self::Auth0 { .. } | Self::AzureAd { .. } | Self::Curity { .. } | Self::Rfc7591 { .. } => {
                "dcr_config.initial_client_secret"
            }
            Self::Okta {} => "dcr_config.dcr_token",
            Self::Http { .. } | Self::KongIdentity {} => "dcr_config.api_key",
        }
    }

    /// Puts the secret back in.
    pub fn open(self, secret: Option<Secret<String>>) -> Result<DcrConfig> {
        let secret = || secret.ok_or_else(|| Problem::internal("a DCR provider has lost its secret"));
        Ok(match self {
            Self::Auth0 { initial_client_id, initial_client_audience, use_developer_managed_scopes } => {
                DcrConfig::Auth0 {
                    initial_client_id,
                    initial_client_secret: secret()?,
                    initial_client_audience,
                    use_developer_managed_scopes,
                }
            }
            Self::AzureAd { initial_client_id } => {
                DcrConfig::AzureAd { initial_client_id, initial_client_secret: secret()? }
            }
            Self::Curity { initial_client_id } => {
                DcrConfig::Curity { initial_client_id, initial_client_secret: secret()? }
            }
            Self::Okta {} => DcrConfig::Okta { dcr_token: secret()? },
            Self::Http {
                dcr_base_url,
                disable_event_hooks,
                disable_refresh_secret,
                allow_multiple_credentials,
            } => DcrConfig::Http {
                dcr_base_url,
                api_key: secret()?,
                disable_event_hooks,
                disable_refresh_secret,
                allow_multiple_credentials,
            },
            Self::Rfc7591 { initial_client_id, initial_client_scope, update_rotates_secret } => {
                DcrConfig::Rfc7591 {
                    proof: match initial_client_id {
                        None => Proof::InitialToken(secret()?),
                        Some(id) => Proof::InitialClient {
                            client: InitialClient { id, secret: secret()? },
                            scope: initial_client_scope.unwrap_or_default(),
                        },
                    },
                    update_rotates_secret,
                }
            }
            Self::KongIdentity {} => DcrConfig::KongIdentity,
        })
    }

    /// The change that a request makes to this configuration. What it may hold depends on the type.
    pub(super) fn change(&self, draft: &Draft<ProviderPatch>, faults: &mut Vec<Invalid>) -> Change {
        const FIELD: &str = "dcr_config";
        let change = match self {
            Self::Auth0 { .. } => draft.inner::<Auth0Change>(FIELD, faults).map(Change::Auth0),
            Self::AzureAd { .. } | Self::Curity { .. } => {
                draft.inner::<ClientChange>(FIELD, faults).map(Change::Client)
            }
            Self::Okta {} => draft.inner::<OktaChange>(FIELD, faults).map(Change::Okta),
            Self::Http { .. } => draft.inner::<HttpChange>(FIELD, faults).map(Change::Http),
            Self::Rfc7591 { initial_client_id, .. } => {
                let change = draft.inner::<Rfc7591Change>(FIELD, faults);
                change
                    .inspect(|change| change.check(initial_client_id.is_some(), faults))
                    .map(Change::Rfc7591)
            }
            Self::KongIdentity {} => draft.inner::<Nothing>(FIELD, faults).map(|_| Change::None),
        };
        change.unwrap_or(Change::None)
    }

    /// This configuration after a change, and the new secret if one was sent.
    pub(super) fn changed(mut self, change: Change) -> (Self, Option<Secret<String>>) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        let secret = match (&mut self, change) {
            (
                Self::Auth0 { initial_client_id, initial_client_audience, use_developer_managed_scopes },
                Change::Auth0(change),
            ) => {
                set(initial_client_id, change.client.id);
                *initial_client_audience = change.audience.over(initial_client_audience.take());
                set(use_developer_managed_scopes, change.scopes);
                change.client.secret
            }
            (
                Self::AzureAd { initial_client_id } | Self::Curity { initial_client_id },
                Change::Client(change),
            ) => {
                set(initial_client_id, change.id);
                change.secret
            }
            (Self::Okta {}, Change::Okta(change)) => change.0,
            (
                Self::Http {
                    dcr_base_url,
                    disable_event_hooks,
                    disable_refresh_secret,
                    allow_multiple_credentials,
                },
                Change::Http(change),
            ) => {
                set(dcr_base_url, change.base_url);
                set(disable_event_hooks, change.flags[0]);
                set(disable_refresh_secret, change.flags[1]);
                set(allow_multiple_credentials, change.flags[2]);
                change.api_key
            }
            (
                Self::Rfc7591 { initial_client_id, initial_client_scope, update_rotates_secret },
                Change::Rfc7591(change),
            ) => {
                *initial_client_id = change.client.id.or(initial_client_id.take());
                *initial_client_scope = change.scope.over(initial_client_scope.take());
                set(update_rotates_secret, change.rotates);
                change.token.or(change.client.secret)
            }
            _ => None,
        };
        (self, secret)
    }

    /// The places that are trusted with the secret, or lead to those that are.
    fn trusted(&self, issuer: &str) -> [Option<Origin>; 2] {
        let origin = |text: &str| url::Url::parse(text).ok().map(|url| url.origin());
        let base = match self {
            Self::Http { dcr_base_url, .. } => origin(dcr_base_url),
            _ => None,
        };
        [origin(issuer), base]
    }

    /// Refuses to send a secret to another place than it was given for: who may edit a provider may not
    /// read its secret, and would if he could point it at a server of his own.
    pub(super) fn same_places(&self, issuer: &str, before: &Self, issuer_before: &str) -> Result<()> {
        let (now, then) = (self.trusted(issuer), before.trusted(issuer_before));
        let moved = ["issuer", "dcr_config.dcr_base_url"].into_iter().zip(now.iter().zip(&then));
        let moved: Vec<&'static str> =
            moved.filter(|(_, (now, then))| now != then).map(|(field, _)| field).collect();
        if moved.is_empty() || matches!(self, Self::KongIdentity {}) {
            return Ok(());
        }
        let fault = Fault::Dependent("must be sent again when the place that it is sent to changes", moved);
        Err(Problem::invalid(self.secret_field(), fault))
    }
}
