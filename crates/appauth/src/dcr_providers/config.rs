//! What a DCR provider is configured with, by its type.

use kernel::{
    Body, Draft, Fault, Fields, Invalid, Patch, Problem, Result, Secret,
    rules::{Boolean, SecretText, Text, Url, secret, text},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Origin;

use super::ProviderPatch;
use crate::registration::Proof;

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
    /// Any server that keeps to RFC 7591 and RFC 7592. No provider can be configured so yet.
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
    /// The built-in server.
    KongIdentity {},
}

impl View {
    /// The provider's type.
    pub const fn provider_type(&self) -> &'static str {
        match self {
            Self::Auth0 { .. } => "auth0",
            Self::AzureAd { .. } => "azureAd",
            Self::Curity { .. } => "curity",
            Self::Okta {} => "okta",
            Self::Http { .. } => "http",
            Self::KongIdentity {} => "kongIdentity",
        }
    }

    /// The client that registers clients.
    pub fn initial_client_id(&self) -> Option<&str> {
        match self {
            Self::Auth0 { initial_client_id, .. }
            | Self::AzureAd { initial_client_id }
            | Self::Curity { initial_client_id } => Some(initial_client_id),
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
            Self::Auth0 { .. } | Self::Curity { .. } | Self::KongIdentity {} => false,
        }
    }

    /// The field that the secret is sent in.
    const fn secret_field(&self) -> &'static str {
        match self {
            Self::Auth0 { .. } | Self::AzureAd { .. } | Self::Curity { .. } => {
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

/// A change of a configuration.
pub(super) enum Change {
    None,
    Auth0(Auth0Change),
    Client(ClientChange),
    Okta(OktaChange),
    Http(HttpChange),
}

const MOST: usize = 256;
const CLIENT_ID: Text = text(1, MOST);
const CLIENT_SECRET: SecretText = secret(1, MOST);
const AUDIENCE: Text = text(0, MOST);

fn visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A token travels in a header, so it must be fit for one.
const TOKEN: SecretText = secret(1, MOST).matching("^[!-~]+$", visible);

fn key_fits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

const API_KEY: SecretText = secret(12, MOST).matching("^[a-zA-Z0-9_]+$", key_fits);

/// Declares the body of a configuration that is new.
macro_rules! new_config {
    ($name:ident, $title:literal, |$fields:ident| $read:block) => {
        pub(super) struct $name(pub View, pub Option<Secret<String>>);
        impl Body for $name {
            const NAME: &'static str = $title;
            const CLOSED: bool = true;
            fn read($fields: &mut Fields<'_>) -> Option<Self> $read
        }
    };
}

new_config!(NewAuth0, "CreateDcrConfigAuth0InRequest", |fields| {
    let initial_client_id = fields.required("initial_client_id", CLIENT_ID);
    let secret = fields.required("initial_client_secret", CLIENT_SECRET);
    let initial_client_audience = fields.optional("initial_client_audience", AUDIENCE);
    let scopes = fields.optional("use_developer_managed_scopes", Boolean);
    let view = View::Auth0 {
        initial_client_id: initial_client_id?,
        initial_client_audience: initial_client_audience?,
        use_developer_managed_scopes: scopes?.unwrap_or(false),
    };
    Some(Self(view, Some(secret?)))
});

new_config!(NewAzureAd, "CreateDcrConfigAzureAdInRequest", |fields| {
    let ClientNew(initial_client_id, secret) = client(fields)?;
    Some(Self(View::AzureAd { initial_client_id }, Some(secret)))
});

new_config!(NewCurity, "CreateDcrConfigCurityInRequest", |fields| {
    let ClientNew(initial_client_id, secret) = client(fields)?;
    Some(Self(View::Curity { initial_client_id }, Some(secret)))
});

new_config!(NewOkta, "CreateDcrConfigOktaInRequest", |fields| {
    let secret = fields.required("dcr_token", TOKEN)?;
    Some(Self(View::Okta {}, Some(secret)))
});

new_config!(NewHttp, "CreateDcrConfigHttpInRequest", |fields| {
    let dcr_base_url = fields.required("dcr_base_url", Url(MOST));
    let secret = fields.required("api_key", API_KEY);
    let [hooks, refresh, multiple] = flags(fields)?;
    let view = View::Http {
        dcr_base_url: dcr_base_url?,
        disable_event_hooks: hooks.unwrap_or(false),
        disable_refresh_secret: refresh.unwrap_or(false),
        allow_multiple_credentials: multiple.unwrap_or(false),
    };
    Some(Self(view, Some(secret?)))
});

/// A configuration with nothing in it.
pub(super) struct Nothing;

impl Body for Nothing {
    const NAME: &'static str = "CreateDcrConfigKongIdentityInRequest";
    const CLOSED: bool = true;
    fn read(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

struct ClientNew(String, Secret<String>);

fn client(fields: &mut Fields<'_>) -> Option<ClientNew> {
    let id = fields.required("initial_client_id", CLIENT_ID);
    let secret = fields.required("initial_client_secret", CLIENT_SECRET);
    Some(ClientNew(id?, secret?))
}

/// The switches of a bridge.
fn flags(fields: &mut Fields<'_>) -> Option<[Option<bool>; 3]> {
    let hooks = fields.optional("disable_event_hooks", Boolean);
    let refresh = fields.optional("disable_refresh_secret", Boolean);
    let multiple = fields.optional("allow_multiple_credentials", Boolean);
    Some([hooks?, refresh?, multiple?])
}

pub(super) struct ClientChange {
    id: Option<String>,
    secret: Option<Secret<String>>,
}

impl Body for ClientChange {
    const NAME: &'static str = "UpdateDcrConfigClientInRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.optional("initial_client_id", CLIENT_ID);
        let secret = fields.optional("initial_client_secret", CLIENT_SECRET);
        Some(Self { id: id?, secret: secret? })
    }
}

pub(super) struct Auth0Change {
    client: ClientChange,
    audience: Patch<String>,
    scopes: Option<bool>,
}

impl Body for Auth0Change {
    const NAME: &'static str = "UpdateDcrConfigAuth0InRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let client = ClientChange::read(fields);
        let audience = fields.patch("initial_client_audience", AUDIENCE);
        let scopes = fields.optional("use_developer_managed_scopes", Boolean);
        Some(Self { client: client?, audience: audience?, scopes: scopes? })
    }
}

pub(super) struct OktaChange(Option<Secret<String>>);

impl Body for OktaChange {
    const NAME: &'static str = "UpdateDcrConfigOktaInRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.optional("dcr_token", TOKEN).map(Self)
    }
}

pub(super) struct HttpChange {
    base_url: Option<String>,
    api_key: Option<Secret<String>>,
    flags: [Option<bool>; 3],
}

impl Body for HttpChange {
    const NAME: &'static str = "UpdateDcrConfigHttpInRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let base_url = fields.optional("dcr_base_url", Url(MOST));
        let api_key = fields.optional("api_key", API_KEY);
        let flags = flags(fields);
        Some(Self { base_url: base_url?, api_key: api_key?, flags: flags? })
    }
}

/// The schema of a change, whatever the type.
pub(super) fn change_schema() -> Value {
    use kernel::body::schema;
    json!({ "anyOf": [
        schema::<Auth0Change>(), schema::<ClientChange>(), schema::<OktaChange>(), schema::<HttpChange>(),
    ] })
}
