//! Identity providers: where an organization's people sign in from, by OpenID Connect or SAML.
//!
//! Creating one does not reach out to it: an issuer may be set up later than its entry here.

pub mod config;
pub mod http;
mod legacy;
mod mappings;
pub mod store;

pub use mappings::Mapping;

use frame::{
    Cx,
    db::{OnConflict, RowKey, SealedColumn},
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Fault, Fields, IdentityProviderId, Patch, Problem, Result, Sealed, Secret,
    Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{AnyObject, Boolean, OneOf, Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use config::{Config, OidcConfig, OidcPatch, SamlConfig, SamlPatch, View};

/// An identity provider (contract: `IdentityProvider`).
#[derive(Serialize, JsonSchema)]
pub struct IdentityProvider {
    /// Its id.
    pub id: IdentityProviderId,
    /// `oidc` or `saml`.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["oidc", "saml"]))]
    pub kind: String,
    /// Whether people sign in through it; one at a time.
    pub enabled: bool,
    /// Where people sign in, unique in the whole installation.
    pub login_path: String,
    /// How to reach it; its secret is never shown.
    pub config: View,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An identity provider as it is stored.
pub struct Provider {
    /// Its id.
    pub id: IdentityProviderId,
    /// `oidc` or `saml`.
    pub kind: String,
    /// Whether people sign in through it.
    pub enabled: bool,
    /// Where people sign in.
    pub login_path: String,
    /// How to reach it.
    pub config: Config,
    /// The client secret.
    pub client_secret: Option<Sealed<String>>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Provider {
    fn view(&self, cx: &Cx) -> IdentityProvider {
        IdentityProvider {
            id: self.id,
            kind: self.kind.clone(),
            enabled: self.enabled,
            login_path: self.login_path.clone(),
            config: self.config.view(&cx.app().settings.public_url, self.id, &self.login_path),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// Where client secrets are.
pub static CLIENT_SECRETS: SealedColumn = SealedColumn {
    table: "identity_providers",
    column: "client_secret",
    key: RowKey::InOrganization("id"),
    prefix: "identity_providers/client_secret",
};

/// What identity providers can be filtered by.
pub static PROVIDERS: Collection =
    Collection::whole("identity-providers", &[Field::new("type", Kind::Word(&["oidc", "saml"]), Ops::EQ)]);

fn login_path_fits(path: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = path.as_bytes();
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
}

const LOGIN_PATH: Text = text(1, 250).matching("^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$", login_path_fits);

/// An identity provider to be created.
pub struct NewProvider {
    kind: &'static str,
    enabled: Option<bool>,
    login_path: Option<String>,
    config: NewConfig,
}

enum NewConfig {
    Oidc(OidcConfig),
    Saml(SamlConfig),
}

impl Body for NewProvider {
    const NAME: &'static str = "CreateIdentityProvider";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let kind = fields.needed("type", OneOf(&["oidc", "saml"]));
        let enabled = fields.optional("enabled", Boolean);
        let login_path = fields.optional("login_path", LOGIN_PATH);
        fields.described("config", || {
            json!({ "oneOf": [kernel::body::schema::<OidcConfig>(), kernel::body::schema::<SamlConfig>()] })
        });
        let config = match kind? {
            "oidc" => fields.object::<OidcConfig>("config").map(|config| config.map(NewConfig::Oidc)),
            _ => fields.object::<SamlConfig>("config").map(|config| config.map(NewConfig::Saml)),
        };
        if matches!(config, Some(None)) {
            fields.fault("config", Fault::Required);
        }
        Some(Self { kind: kind?, enabled: enabled?, login_path: login_path?, config: config?? })
    }
}

/// A change of an identity provider; what its configuration may hold depends on its type.
pub struct ProviderPatch {
    enabled: Patch<bool>,
    login_path: Patch<String>,
    config: Patch<Map<String, Value>>,
}

impl Body for ProviderPatch {
    const NAME: &'static str = "UpdateIdentityProvider";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let enabled = fields.patch("enabled", Boolean);
        let login_path = fields.patch("login_path", LOGIN_PATH);
        fields.described(
            "config",
            || json!({ "oneOf": [kernel::body::schema::<OidcPatch>(), kernel::body::schema::<SamlPatch>()] }),
        );
        let config = fields.undescribed("config", AnyObject);
        Some(Self { enabled: enabled?, login_path: login_path?, config: config? })
    }
}

/// The provider, or 404.
pub async fn provider_require(cx: &Cx, id: IdentityProviderId) -> Result<Provider> {
    store::provider_get(cx.db(), id).await?.ok_or(Problem::NotFound("identity provider"))
}

/// One writer of sign-in settings at a time: what holds for all providers together is checked.
async fn serialize(cx: &Cx) -> Result<()> {
    Ok(cx.db().serialize("sign-in").await?)
}

fn seal(cx: &Cx, id: IdentityProviderId, secret: &Secret<String>) -> Result<Sealed<String>> {
    let app = cx.app();
    app.vault.ring().seal(&*app.entropy, &CLIENT_SECRETS.place(id), secret.reveal().as_bytes())
}

async fn provider_list(cx: Cx, query: ListQuery) -> Result<Found<Vec<IdentityProvider>>> {
    let providers = store::provider_list(cx.db(), &query).await?;
    Ok(Found(providers.iter().map(|provider| provider.view(&cx)).collect()))
}

async fn provider_get(cx: Cx, At(id): At<IdentityProviderId>) -> Result<Found<IdentityProvider>> {
    Ok(Found(provider_require(&cx, id).await?.view(&cx)))
}

async fn provider_create(cx: Cx, draft: Draft<NewProvider>) -> Result<Created<IdentityProvider>> {
    let NewProvider { kind, enabled, login_path, config } = draft.parse()?;
    serialize(&cx).await?;
    let (config, secret) = match config {
        NewConfig::Oidc(OidcConfig { oidc, client_secret }) => (Config::Oidc(oidc), client_secret),
        NewConfig::Saml(SamlConfig(saml)) => (Config::Saml(saml), None),
    };
    let now = cx.now();
    let id = cx.new_id();
    let provider = Provider {
        id,
        kind: kind.to_owned(),
        enabled: enabled.unwrap_or(false),
        login_path: login_path.unwrap_or_default(),
        config,
        client_secret: secret.as_ref().map(|secret| seal(&cx, id, secret)).transpose()?,
        created_at: now,
        updated_at: now,
    };
    provider_keep(&cx, None, provider).await.map(Created)
}

async fn provider_update(
    cx: Cx,
    At(id): At<IdentityProviderId>,
    draft: Draft<ProviderPatch>,
) -> Result<Found<IdentityProvider>> {
    serialize(&cx).await?;
    let before = provider_require(&cx, id).await?;
    let patch = draft.parse()?;
    let (config, secret) = match (patch.config, before.config.clone()) {
        (Patch::Value(object), Config::Oidc(oidc)) => {
            let OidcPatch { change, client_secret } =
                Draft::<OidcPatch>::nested(object).parse_in("config")?;
            (Config::Oidc(change.over(oidc)), client_secret)
        }
        (Patch::Value(object), Config::Saml(saml)) => {
            let change = Draft::<SamlPatch>::nested(object).parse_in("config")?;
            (Config::Saml(change.over(saml)?), None)
        }
        (Patch::Absent | Patch::Null, config) => (config, None),
    };
    let provider = Provider {
        enabled: patch.enabled.or(before.enabled),
        login_path: patch.login_path.or(before.login_path.clone()),
        config,
        client_secret: match secret {
            Some(secret) => Some(seal(&cx, id, &secret)?),
            None => before.client_secret.clone(),
        },
        updated_at: cx.now(),
        id,
        kind: before.kind.clone(),
        created_at: before.created_at,
    };
    provider_keep(&cx, Some(before), provider).await.map(Found)
}

/// Writes a provider that is new or changed, and all that follows from it.
async fn provider_keep(cx: &Cx, before: Option<Provider>, provider: Provider) -> Result<IdentityProvider> {
    if provider.enabled && store::provider_other_enabled(cx.db(), provider.id).await? {
        return Err(Problem::Conflict(
            "Another identity provider is enabled, and only one may be at a time".to_owned(),
        ));
    }
    let taken = || format!("The login path [{}] is taken", provider.login_path);
    match &before {
        None => store::provider_insert(cx.db(), &provider).await?,
        Some(_) => store::provider_update(cx.db(), &provider).await?,
    }
    store::login_path_set(cx.db(), provider.id, &provider.login_path).await.on_conflict(taken)?;
    follow_up(cx).await?;
    let after = provider.view(cx);
    let (action, change) = match before {
        None => (Action::Create, json!({ "after": after })),
        Some(before) => (Action::Edit, json!({ "before": before.view(cx), "after": after })),
    };
    cx.audit(action, format!("identity-providers/{}", provider.id), change).await?;
    Ok(after)
}

/// The organization's login path is that of its enabled provider; and nobody is locked out because the
/// last provider of a kind went away.
async fn follow_up(cx: &Cx) -> Result<()> {
    let db = cx.db();
    let login_path = store::login_path_enabled(db).await?.unwrap_or_default();
    let organization = crate::organizations::store::organization_get(db).await?;
    if organization.login_path != login_path {
        let changed = crate::organizations::Organization { login_path, updated_at: cx.now(), ..organization };
        crate::organizations::store::organization_update(db, &changed).await?;
    }
    let before = crate::settings::store::authentication_get(db).await?;
    let mut after = before;
    after.oidc_auth_enabled &= store::provider_count(db, "oidc").await? > 0;
    after.saml_auth_enabled &= store::provider_count(db, "saml").await? > 0;
    after.basic_auth_enabled |= !after.oidc_auth_enabled && !after.saml_auth_enabled;
    if json!(before) != json!(after) {
        crate::settings::store::authentication_update(db, after, cx.now()).await?;
        cx.audit(Action::Edit, "authentication-settings", json!({ "before": before, "after": after }))
            .await?;
    }
    Ok(())
}

async fn provider_delete(cx: Cx, At(id): At<IdentityProviderId>) -> Result<Done> {
    serialize(&cx).await?;
    let provider = provider_require(&cx, id).await?;
    store::login_path_set(cx.db(), id, "").await?;
    store::provider_delete(cx.db(), id).await?;
    follow_up(&cx).await?;
    let before = provider.view(&cx);
    cx.audit(Action::Delete, format!("identity-providers/{id}"), json!({ "before": before })).await?;
    Ok(Done)
}
