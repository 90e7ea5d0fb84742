//! A provider as it is configured.

use kernel::Secret;
use uuid::Uuid;

use super::{auth0, azure_ad, bridge, curity, okta, rfc7591};

/// A provider that registers clients.
#[derive(Clone)]
pub struct Provider {
    /// Its id here.
    pub id: Uuid,
    /// Its issuer.
    pub issuer: String,
    /// How it is reached.
    pub config: DcrConfig,
}

/// How a kind of provider is reached.
#[derive(Clone)]
pub enum DcrConfig {
    /// Auth0's Management API.
    Auth0(auth0::Config),
    /// Microsoft Graph.
    AzureAd(azure_ad::Config),
    /// Curity's dynamic client registration.
    Curity(curity::Config),
    /// Okta's dynamic client registration.
    Okta(okta::Config),
    /// A bridge that somebody wrote.
    Http(bridge::Config),
    /// Any server that keeps to RFC 7591 and RFC 7592.
    Rfc7591(rfc7591::Config),
}

impl DcrConfig {
    /// What it is called in metrics and logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Auth0(_) => "auth0",
            Self::AzureAd(_) => "azureAd",
            Self::Curity(_) => "curity",
            Self::Okta(_) => "okta",
            Self::Http(_) => "http",
            Self::Rfc7591(_) => "rfc7591",
        }
    }

    /// What must never be shown, whoever says it.
    pub(super) fn secrets(&self) -> Vec<Secret<String>> {
        match self {
            Self::Auth0(config) => vec![config.initial_client_secret.clone()],
            Self::AzureAd(config) => vec![config.initial_client_secret.clone()],
            Self::Curity(config) => vec![config.initial_client_secret.clone()],
            Self::Okta(config) => vec![config.dcr_token.clone()],
            Self::Http(config) => vec![config.api_key.clone()],
            Self::Rfc7591(config) => vec![config.proof.secret().clone()],
        }
    }
}
