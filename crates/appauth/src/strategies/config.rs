//! What a strategy asks of applications, by its type.

use frame::Cx;
use kernel::{
    Body, Draft, Fault, Fields, Invalid, Patch, Problem, Result,
    body::schema,
    rules::{Integer, List, OneOf, Text, Url, text},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::plugin_fields;

/// The type of a strategy and its configuration (contract: `strategy_type` and `configs`).
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "strategy_type", content = "configs", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum Configs {
    /// Applications show a key.
    KeyAuth {
        /// How.
        #[serde(rename = "key-auth")]
        key_auth: KeyAuth,
    },
    /// Applications show a token of an identity provider.
    #[serde(rename = "openid_connect")]
    OpenIdConnect {
        /// Which.
        #[serde(rename = "openid-connect")]
        openid_connect: OpenIdConnect,
    },
}

/// How applications show a key.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeyAuth {
    /// The names of the headers that it may be in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 10))]
    pub key_names: Option<Vec<String>>,
    /// How long a new key is good; for ever if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Ttl")]
    pub ttl: Option<Ttl>,
}

/// How long a key is good.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Ttl {
    /// So many.
    pub value: i64,
    /// Of what.
    #[schemars(extend("enum" = UNITS))]
    pub unit: String,
}

/// Which tokens applications show.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct OpenIdConnect {
    /// Who issues them.
    #[schemars(extend("format" = "uri"))]
    pub issuer: String,
    /// Where in a token the client stands.
    pub credential_claim: Vec<String>,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// The ways to come by a token.
    pub auth_methods: Vec<String>,
    /// What else the gateway's plugin is told.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

const UNITS: &[&str] = &["days", "weeks", "years"];
const OPENID_CONNECT: &str = "configs.openid-connect";
/// The address in a configuration.
pub(super) const ISSUER: &str = "configs.openid-connect.issuer";

/// Longest configuration, written as JSON: no single row grows without bound.
const LONGEST: usize = 64 * 1024;

/// A hundred years of days: as good as for ever, and no moment that is further away than dates reach.
const LONGEST_TTL: i64 = 36_500;

const KEY_NAMES: List<Text> = List { item: text(1, 256), least: 1, most: 10, distinct: false };
const CLAIMS: List<Text> = List { item: text(1, 128), least: 0, most: 10, distinct: false };
const SCOPES: List<Text> = List { item: text(1, 128), least: 0, most: 50, distinct: false };
const METHODS: List<Text> = List { item: text(1, 64), least: 0, most: 10, distinct: false };
const ADDRESS: Url = Url(256);

impl Configs {
    /// The strategy's type.
    pub const fn strategy_type(&self) -> &'static str {
        match self {
            Self::KeyAuth { .. } => "key_auth",
            Self::OpenIdConnect { .. } => "openid_connect",
        }
    }

    /// The change that a request makes. It names the stored type and no other.
    pub(super) fn change<T: Body>(&self, draft: &Draft<T>, faults: &mut Vec<Invalid>) -> Change {
        let Some(sent) = draft.at("configs").and_then(Value::as_object) else { return Change::None };
        let own = match self {
            Self::KeyAuth { .. } => "key-auth",
            Self::OpenIdConnect { .. } => "openid-connect",
        };
        let why = format!("does not fit a strategy of the type {}", self.strategy_type());
        let mut strange = false;
        for name in sent.keys().map(String::as_str).filter(|name| *name != own) {
            let fault = match name {
                "key-auth" | "openid-connect" => Fault::Rule(why.clone()),
                _ => Fault::UnknownProperty,
            };
            let shown: String = name.chars().take(80).collect();
            faults.push(Invalid::body(format!("configs.{shown}"), fault));
            strange = true;
        }
        let path = format!("configs.{own}");
        match sent.get(own) {
            Some(Value::Object(_)) => {}
            None | Some(Value::Null) if strange => {}
            None | Some(Value::Null) => faults.push(Invalid::body(&*path, Fault::Required)),
            Some(_) => faults.push(Invalid::body(&*path, Fault::NotAnObject)),
        }
        let change = match self {
            Self::KeyAuth { .. } => draft.inner(&path, faults).map(Change::KeyAuth),
            Self::OpenIdConnect { .. } => draft.inner(&path, faults).map(Change::OpenIdConnect),
        };
        change.unwrap_or(Change::None)
    }

    /// This configuration after a change.
    pub(super) fn changed(self, change: Change) -> Self {
        match (self, change) {
            (Self::KeyAuth { key_auth }, Change::KeyAuth(change)) => Self::KeyAuth {
                key_auth: KeyAuth {
                    key_names: change.key_names.or(key_auth.key_names),
                    ttl: change.ttl.over(key_auth.ttl),
                },
            },
            (Self::OpenIdConnect { openid_connect: mut now }, Change::OpenIdConnect(change)) => {
                for (name, value) in change.more {
                    // In a partial update nothing takes a setting away but null.
                    if value.is_null() {
                        now.more.remove(&name)
                    } else {
                        now.more.insert(name, value)
                    };
                }
                let openid_connect = OpenIdConnect {
                    issuer: change.issuer.unwrap_or(now.issuer),
                    credential_claim: change.credential_claim.unwrap_or(now.credential_claim),
                    scopes: change.scopes.unwrap_or(now.scopes),
                    auth_methods: change.auth_methods.unwrap_or(now.auth_methods),
                    more: now.more,
                };
                Self::OpenIdConnect { openid_connect }
            }
            (unchanged, _) => unchanged,
        }
    }

    /// Refuses a configuration that is too long to be kept.
    pub(super) fn check_length(&self) -> Result<()> {
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.chars().count() > LONGEST {
            return Err(Problem::invalid(OPENID_CONNECT, Fault::TooLong(LONGEST)));
        }
        Ok(())
    }
}

/// Adds the faults of the settings that a request has for the gateway's plugin.
pub(super) fn check_plugin<T: Body>(cx: &Cx, draft: &Draft<T>, faults: &mut Vec<Invalid>) -> Result<()> {
    if let Some(config) = draft.at(OPENID_CONNECT).and_then(Value::as_object) {
        plugin_fields::check(&crate::part(cx.app())?.settings, OPENID_CONNECT, config, faults);
    }
    Ok(())
}

/// A change of a configuration.
pub(super) enum Change {
    None,
    KeyAuth(KeyAuthChange),
    OpenIdConnect(OpenIdConnectChange),
}

impl Body for Ttl {
    const NAME: &'static str = "AuthStrategyTtl";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let value = fields.required("value", Integer { least: 1, most: LONGEST_TTL });
        let unit = fields.required("unit", OneOf(UNITS));
        Some(Self { value: value?, unit: unit?.to_owned() })
    }
}

impl Body for KeyAuth {
    const NAME: &'static str = "AppAuthStrategyConfigKeyAuth";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let key_names = fields.optional("key_names", KEY_NAMES);
        let ttl = fields.object("ttl");
        Some(Self { key_names: key_names?, ttl: ttl? })
    }
}

impl Body for OpenIdConnect {
    const NAME: &'static str = "AppAuthStrategyConfigOpenIDConnect";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let issuer = fields.required("issuer", ADDRESS);
        let credential_claim = fields.required("credential_claim", CLAIMS);
        let scopes = fields.required("scopes", SCOPES);
        let auth_methods = fields.required("auth_methods", METHODS);
        let more = fields.rest();
        Some(Self {
            issuer: issuer?,
            credential_claim: credential_claim?,
            scopes: scopes?,
            auth_methods: auth_methods?,
            more,
        })
    }
}

/// The configuration of a new strategy, under the name of its kind.
pub(super) struct NewKeyAuth(pub KeyAuth);

impl Body for NewKeyAuth {
    const NAME: &'static str = "KeyAuthConfigs";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.object_required("key-auth").map(Self)
    }
}

/// The same of the other type.
pub(super) struct NewOpenIdConnect(pub OpenIdConnect);

impl Body for NewOpenIdConnect {
    const NAME: &'static str = "OpenIDConnectConfigs";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.object_required("openid-connect").map(Self)
    }
}

pub(super) struct KeyAuthChange {
    key_names: Option<Vec<String>>,
    ttl: Patch<Ttl>,
}

impl Body for KeyAuthChange {
    const NAME: &'static str = "PartialAppAuthStrategyConfigKeyAuth";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let key_names = fields.optional("key_names", KEY_NAMES);
        let ttl = fields.object_patch("ttl");
        Some(Self { key_names: key_names?, ttl: ttl? })
    }
}

pub(super) struct OpenIdConnectChange {
    issuer: Option<String>,
    credential_claim: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    auth_methods: Option<Vec<String>>,
    more: Map<String, Value>,
}

impl Body for OpenIdConnectChange {
    const NAME: &'static str = "PartialAppAuthStrategyConfigOpenIDConnect";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let issuer = fields.optional("issuer", ADDRESS);
        let credential_claim = fields.optional("credential_claim", CLAIMS);
        let scopes = fields.optional("scopes", SCOPES);
        let auth_methods = fields.optional("auth_methods", METHODS);
        let more = fields.rest();
        Some(Self {
            issuer: issuer?,
            credential_claim: credential_claim?,
            scopes: scopes?,
            auth_methods: auth_methods?,
            more,
        })
    }
}

/// The schema of a change, whatever the type.
pub(super) fn change_schema() -> Value {
    let under = |name: &str, schema: Value| json!({ "type": "object", "properties": { name: schema }, "required": [name], "additionalProperties": false });
    json!({ "oneOf": [
        under("openid-connect", schema::<OpenIdConnectChange>()), under("key-auth", schema::<KeyAuthChange>()),
    ] })
}
