//! What requests say of a DCR provider's configuration, by its type: of a new one, and of a change.

use kernel::{
    Body, Fault, Fields, Patch, Secret,
    body::schema,
    rules::{Boolean, SecretText, Text, Url, secret, text},
};
use serde_json::{Value, json};

use super::config::View;

/// A change of a configuration.
pub(super) enum Change {
    None,
    Auth0(Auth0Change),
    Client(ClientChange),
    Okta(OktaChange),
    Http(HttpChange),
    Rfc7591(Rfc7591Change),
}

const MOST: usize = 256;
const CLIENT_ID: Text = text(1, MOST);
const CLIENT_SECRET: SecretText = secret(1, MOST);
const AUDIENCE: Text = text(0, MOST);
const SCOPE: Text = text(1, MOST);

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

new_config!(NewRfc7591, "CreateDcrConfigRfc7591InRequest", |fields| {
    fields.exactly_one_of(&["initial_access_token", "initial_client_id"]);
    let token = fields.optional("initial_access_token", TOKEN);
    let id = fields.optional("initial_client_id", CLIENT_ID);
    let secret = fields.optional("initial_client_secret", CLIENT_SECRET);
    let scope = fields.optional("initial_client_scope", SCOPE);
    let rotates = fields.optional("update_rotates_secret", Boolean);
    let (token, id, secret, scope) = (token?, id?, secret?, scope?);
    if id.is_some() != secret.is_some() {
        let why = "goes with initial_client_id, and not without it";
        fields.fault("initial_client_secret", Fault::Rule(why.to_owned()));
    }
    if id.is_none() && scope.is_some() {
        fields.fault("initial_client_scope", Fault::Rule("goes with initial_client_id".to_owned()));
    }
    let view = View::Rfc7591 {
        initial_client_id: id,
        initial_client_scope: scope,
        update_rotates_secret: rotates?.unwrap_or(false),
    };
    token.or(secret).map(|secret| Self(view, Some(secret)))
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
    pub id: Option<String>,
    pub secret: Option<Secret<String>>,
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
    pub client: ClientChange,
    pub audience: Patch<String>,
    pub scopes: Option<bool>,
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

pub(super) struct OktaChange(pub Option<Secret<String>>);

impl Body for OktaChange {
    const NAME: &'static str = "UpdateDcrConfigOktaInRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.optional("dcr_token", TOKEN).map(Self)
    }
}

pub(super) struct HttpChange {
    pub base_url: Option<String>,
    pub api_key: Option<Secret<String>>,
    pub flags: [Option<bool>; 3],
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

/// A change of a server that keeps to RFC 7591: what lets one register there stays of the kind that it is.
pub(super) struct Rfc7591Change {
    pub token: Option<Secret<String>>,
    pub client: ClientChange,
    pub scope: Patch<String>,
    pub rotates: Option<bool>,
}

impl Body for Rfc7591Change {
    const NAME: &'static str = "UpdateDcrConfigRfc7591InRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let token = fields.optional("initial_access_token", TOKEN);
        let client = ClientChange::read(fields);
        let scope = fields.patch("initial_client_scope", SCOPE);
        let rotates = fields.optional("update_rotates_secret", Boolean);
        Some(Self { token: token?, client: client?, scope: scope?, rotates: rotates? })
    }
}

/// The schema of a change, whatever the type.
pub(super) fn change_schema() -> Value {
    json!({ "anyOf": [
        schema::<Auth0Change>(), schema::<ClientChange>(), schema::<OktaChange>(), schema::<HttpChange>(),
        schema::<Rfc7591Change>(),
    ] })
}
