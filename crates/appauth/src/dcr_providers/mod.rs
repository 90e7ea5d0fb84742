//! DCR providers: identity providers that register a client for each application (dynamic client
//! registration).
//!
//! Creating one does not reach out to it. Its secret is sealed, and no reply shows it.

mod bodies;
pub mod config;
pub mod http;
pub mod store;

use frame::{
    App, Cx,
    db::{OrgScope, Paged, RowKey, SealedColumn},
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, DcrProviderId, Draft, Fault, Fields, Labels, LabelsPatch, Patch, Problem, Reach, Result,
    Sealed, Secret, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{AnyObject, LabelChanges, NewLabels, Text, Url, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clients::store::client_count;
use bodies::{NewAuth0, NewAzureAd, NewCurity, NewHttp, NewOkta, NewRfc7591, Nothing, change_schema};
use config::{DcrConfig, View};

/// A DCR provider (contract: `DcrProviderResponse`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DcrProvider {
    /// Its id.
    pub id: DcrProviderId,
    /// Its name; two may have the same.
    pub name: String,
    /// Its name for developers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub display_name: Option<String>,
    /// The issuer of its tokens.
    #[schemars(extend("format" = "uri"))]
    pub issuer: String,
    /// Its type, and how it is reached; its secret is never shown.
    #[serde(flatten)]
    pub config: View,
    /// Whether an active strategy uses it.
    pub active: bool,
    /// Its labels.
    pub labels: Labels,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A provider as it is stored.
#[derive(Clone)]
pub struct Provider {
    /// What replies show.
    pub shown: DcrProvider,
    /// Its secret; only the built-in server has none.
    pub secret: Option<Sealed<String>>,
}

/// A provider for whoever speaks to it.
pub struct OpenProvider {
    /// Its id.
    pub id: DcrProviderId,
    /// The issuer of its tokens.
    pub issuer: String,
    /// How it is reached, with its secret.
    pub config: DcrConfig,
}

/// Where secrets are.
pub static SECRETS: SealedColumn = SealedColumn {
    table: "dcr_providers",
    column: "secret",
    key: RowKey::InOrganization("id"),
    prefix: "dcr_providers/secret",
};

/// The type, as assignments of roles name it.
const TYPE: &str = "DCR Providers";
/// The kind, as permissions name it.
pub(crate) const KIND: &str = "dcr-providers";

/// Every type of provider.
/// `rfc7591` is ours; the contract has the others.
pub const PROVIDER_TYPES: [&str; 7] =
    ["auth0", "azureAd", "curity", "okta", "http", "rfc7591", "kongIdentity"];

/// What providers can be filtered and sorted by.
pub static PROVIDERS: Collection = Collection::numbered(
    KIND,
    &[
        Field::new("id", Kind::Id, Ops::EQ_CONTAINS),
        Field::text("issuer", Ops::EQ_CONTAINS).sortable(),
        Field::text("name", Ops::EQ_CONTAINS).sortable(),
        Field::new("provider_type", Kind::Word(&PROVIDER_TYPES), Ops::EQ).sortable(),
        Field::text("initial_client_id", Ops::EQ_CONTAINS),
        Field::text("initial_client_audience", Ops::EQ_CONTAINS),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

const NAME: Text = text(1, 256);
const ISSUER: Url = Url(256);

/// A provider to be created.
pub struct NewProvider {
    name: String,
    display_name: Option<String>,
    issuer: String,
    labels: Labels,
    config: View,
    secret: Option<Secret<String>>,
}

impl Body for NewProvider {
    const NAME: &'static str = "CreateDcrProviderRequest";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let display_name = fields.optional("display_name", NAME);
        let issuer = fields.required("issuer", ISSUER);
        let labels = fields.optional("labels", NewLabels);
        let (config, secret) = fields.forms(
            "provider_type",
            &[
                ("auth0", |f| f.object_required::<NewAuth0>("dcr_config").map(|new| (new.0, new.1))),
                ("azureAd", |f| f.object_required::<NewAzureAd>("dcr_config").map(|new| (new.0, new.1))),
                ("curity", |f| f.object_required::<NewCurity>("dcr_config").map(|new| (new.0, new.1))),
                ("okta", |f| f.object_required::<NewOkta>("dcr_config").map(|new| (new.0, new.1))),
                ("http", |f| f.object_required::<NewHttp>("dcr_config").map(|new| (new.0, new.1))),
                ("rfc7591", |f| f.object_required::<NewRfc7591>("dcr_config").map(|new| (new.0, new.1))),
                ("kongIdentity", built_in),
            ],
        )?;
        let labels = labels?.unwrap_or_default();
        Some(Self { name: name?, display_name: display_name?, issuer: issuer?, labels, config, secret })
    }
}

/// Of the type that the contract has for a server which does not exist here.
fn built_in(fields: &mut Fields<'_>) -> Option<(View, Option<Secret<String>>)> {
    fields.object::<Nothing>("dcr_config");
    let why = "this server issues no tokens to applications itself yet, so it cannot be their provider";
    fields.fault("provider_type", Fault::Rule(why.to_owned()));
    None
}

/// A change of a provider; what its configuration may hold depends on its type.
pub struct ProviderPatch {
    name: Patch<String>,
    display_name: Patch<String>,
    issuer: Patch<String>,
    labels: Patch<LabelsPatch>,
}

impl Body for ProviderPatch {
    const NAME: &'static str = "UpdateDcrProviderRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.patch("name", NAME);
        let display_name = fields.patch("display_name", NAME);
        let issuer = fields.patch("issuer", ISSUER);
        let labels = fields.patch("labels", LabelChanges);
        fields.described("dcr_config", change_schema);
        // Its members are read beside the stored type; here it only has to be an object.
        let config = fields.undescribed("dcr_config", AnyObject).map(|_: Patch<Map<String, Value>>| ());
        config.and(Some(Self { name: name?, display_name: display_name?, issuer: issuer?, labels: labels? }))
    }
}

/// The provider, or 404.
pub async fn provider_require(cx: &Cx, id: DcrProviderId) -> Result<Provider> {
    store::provider_get(cx.db(), id).await?.ok_or(Problem::NotFound("DCR provider"))
}

/// A provider with its secret, for whoever speaks to it; nobody else has a use for that.
pub async fn provider_open(app: &App, db: &OrgScope, id: DcrProviderId) -> Result<Option<OpenProvider>> {
    let Some(Provider { shown, secret }) = store::provider_get(db, id).await? else { return Ok(None) };
    let open = |sealed| -> Result<Secret<String>> {
        let bytes = app.vault.ring().open(&SECRETS.place(id), &sealed)?;
        Ok(Secret::new(String::from_utf8_lossy(bytes.reveal()).into_owned()))
    };
    let config = shown.config.open(secret.map(open).transpose()?)?;
    Ok(Some(OpenProvider { id, issuer: shown.issuer, config }))
}

fn seal(cx: &Cx, id: DcrProviderId, secret: &Secret<String>) -> Result<Sealed<String>> {
    let app = cx.app();
    app.vault.ring().seal(&*app.entropy, &SECRETS.place(id), secret.reveal().as_bytes())
}

async fn provider_list(cx: Cx, mut query: ListQuery) -> Result<Found<Paged<DcrProvider>>> {
    if let Reach::Only(ids) = cx.reach(Action::List, KIND) {
        query.only(ids.iter().filter_map(|id| id.parse::<DcrProviderId>().ok()));
    }
    store::provider_list(cx.db(), &query).await.map(Found)
}

async fn provider_get(cx: Cx, At(id): At<DcrProviderId>) -> Result<Found<DcrProvider>> {
    Ok(Found(provider_require(&cx, id).await?.shown))
}

async fn provider_create(cx: Cx, draft: Draft<NewProvider>) -> Result<Created<DcrProvider>> {
    let mut faults = Vec::new();
    crate::check_addresses(&cx, &draft, &["issuer", "dcr_config.dcr_base_url"], &mut faults)?;
    let NewProvider { name, display_name, issuer, labels, config, secret } = draft.parse_with(faults)?;
    let now = cx.now();
    let id = cx.new_id();
    let shown = DcrProvider {
        id,
        name,
        display_name,
        issuer,
        config,
        active: false,
        labels,
        created_at: now,
        updated_at: now,
    };
    let secret = secret.as_ref().map(|secret| seal(&cx, id, secret)).transpose()?;
    store::provider_insert(cx.db(), &Provider { shown: shown.clone(), secret }).await?;
    cx.created(TYPE, id).await?;
    cx.audit(Action::Create, format!("{KIND}/{id}"), json!({ "after": shown })).await?;
    Ok(Created(shown))
}

async fn provider_update(
    cx: Cx,
    At(id): At<DcrProviderId>,
    draft: Draft<ProviderPatch>,
) -> Result<Found<DcrProvider>> {
    crate::serialize(&cx).await?;
    let Provider { shown: before, secret: old_secret } = provider_require(&cx, id).await?;
    let mut faults = Vec::new();
    let change = before.config.change(&draft, &mut faults);
    crate::check_addresses(&cx, &draft, &["issuer", "dcr_config.dcr_base_url"], &mut faults)?;
    let patch = draft.parse_with(faults)?;
    let (config, secret) = before.config.clone().changed(change);
    let shown = DcrProvider {
        id,
        name: patch.name.or(before.name.clone()),
        display_name: patch.display_name.over(before.display_name.clone()),
        issuer: patch.issuer.or(before.issuer.clone()),
        config,
        active: before.active,
        labels: before.labels.updated(&patch.labels)?,
        created_at: before.created_at,
        updated_at: cx.now(),
    };
    let replaced = secret.is_some();
    let secret = match secret {
        Some(secret) => Some(seal(&cx, id, &secret)?),
        None => {
            shown.config.same_places(&shown.issuer, &before.config, &before.issuer)?;
            old_secret
        }
    };
    store::provider_update(cx.db(), &Provider { shown: shown.clone(), secret }).await?;
    crate::strategies::store::provider_changed(cx.db(), &before, &shown).await?;
    let change = json!({ "before": before, "after": shown, "secret_replaced": replaced });
    cx.audit(Action::Edit, format!("{KIND}/{id}"), change).await?;
    Ok(Found(shown))
}

/// Strategies that used the provider go on without one. While it has clients, or may have, it stays: nobody could
/// remove them otherwise.
async fn provider_delete(cx: Cx, At(id): At<DcrProviderId>) -> Result<Done> {
    crate::serialize(&cx).await?;
    let before = provider_require(&cx, id).await?.shown;
    let (wanted, leaving) = client_count(cx.db(), id).await?;
    if wanted + leaving > 0 {
        let rest = match leaving {
            0 => String::new(),
            _ => format!(", and {leaving} that are not gone for sure (see its list of clients)"),
        };
        let why = format!("The provider has {wanted} clients of applications{rest}");
        return Err(Problem::Conflict(why));
    }
    let detached = crate::strategies::store::provider_detach(cx.db(), id, cx.now()).await?;
    store::provider_delete(cx.db(), id).await?;
    let change = json!({ "before": before, "detached_strategies": detached });
    cx.audit(Action::Delete, format!("{KIND}/{id}"), change).await?;
    Ok(Done)
}
