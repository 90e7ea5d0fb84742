//! A provider as it is configured.

use kernel::{DcrProviderId, Secret};

use super::Proof;

/// A provider for whoever speaks to it.
pub struct OpenProvider {
    /// Its id.
    pub id: DcrProviderId,
    /// The issuer of its tokens.
    pub issuer: String,
    /// How it is reached, with its secret.
    pub config: DcrConfig,
}

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
    /// Any server that keeps to RFC 7591 and RFC 7592 (ours).
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
