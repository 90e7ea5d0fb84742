//! Application auth strategies: how applications prove who they are towards an API, by a key or by a token
//! of an identity provider.

pub mod config;
pub mod http;
pub mod in_portals;
mod plugin_fields;
pub mod store;
pub mod uses;

use frame::{
    Cx,
    db::{DbError, Paged},
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, DcrProviderId, Draft, Fault, Fields, Invalid, Labels, LabelsPatch, Patch, Problem, Reach,
    Result, StrategyId, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{AnyObject, Boolean, LabelChanges, NewLabels, Text, id, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    dcr_providers::{self, DcrProvider, PROVIDER_TYPES},
    gateway,
};
use config::{Configs, ISSUER, KeyAuth, NewKeyAuth, NewOpenIdConnect, change_schema, check_plugin};
use uses::UseKind;

/// A strategy (contract: `AppAuthStrategy`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AuthStrategy {
    /// Its id.
    pub id: StrategyId,
    /// Its name; two may have the same.
    pub name: String,
    /// Its name for developers.
    pub display_name: String,
    /// Its type, and what it asks of applications.
    #[serde(flatten)]
    pub configs: Configs,
    /// Whether something published uses it.
    pub active: bool,
    /// What registers a client for each application, if anything does.
    pub dcr_provider: Option<ProviderOfStrategy>,
    /// Its labels.
    pub labels: Labels,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Whether an application can have several credentials.
    pub supports_multiple_credentials: bool,
    /// Whether applications become principals of the gateway.
    pub principals: Principals,
}

/// What a strategy shows of its provider.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProviderOfStrategy {
    /// Its id.
    pub id: DcrProviderId,
    /// Its name.
    pub name: String,
    /// Its name for developers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub display_name: Option<String>,
    /// Its type.
    #[schemars(extend("enum" = PROVIDER_TYPES))]
    pub provider_type: String,
    /// Whether developers choose the scopes of their applications.
    #[serde(skip)]
    pub developers_choose: bool,
}

impl From<&DcrProvider> for ProviderOfStrategy {
    fn from(provider: &DcrProvider) -> Self {
        Self {
            id: provider.id,
            name: provider.name.clone(),
            display_name: provider.display_name.clone(),
            provider_type: provider.config.provider_type().to_owned(),
            developers_choose: provider.config.developers_choose(),
        }
    }
}

/// Whether applications become principals of the gateway.
#[derive(Clone, Copy, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Principals {
    /// Whether they do.
    pub enabled: bool,
}

impl Body for Principals {
    const NAME: &'static str = "AuthStrategyPrincipals";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("enabled", Boolean).map(|enabled| Self { enabled })
    }
}

/// The type, as assignments of roles name it.
const TYPE: &str = "Application Auth Strategies";
/// The kind, as permissions name it.
pub(crate) const KIND: &str = "application-auth-strategies";

/// What strategies can be filtered and sorted by.
pub static STRATEGIES: Collection = Collection::numbered(
    KIND,
    &[
        Field::text("strategy_type", Ops::STRING).sortable(),
        Field::text("name", Ops::STRING).sortable(),
        Field::text("display_name", Ops::STRING).sortable(),
        Field::new("dcr_provider_id", Kind::Id, Ops::UUID).sortable(),
        Field::text("dcr_provider_name", Ops::STRING).sortable(),
        Field::text("dcr_provider_type", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

const NAME: Text = text(1, 256);
const DISPLAY_NAME: Text = text(0, 256);

/// A strategy to be created, or to take the place of one.
pub struct NewStrategy {
    name: String,
    display_name: String,
    labels: Labels,
    principals: Principals,
    configs: Configs,
}

impl Body for NewStrategy {
    const NAME: &'static str = "CreateAppAuthStrategyRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let display_name = fields.required("display_name", DISPLAY_NAME);
        let labels = fields.optional("labels", NewLabels);
        let principals = fields.object::<Principals>("principals");
        let configs = fields.forms(
            "strategy_type",
            &[
                ("key_auth", |fields| {
                    let NewKeyAuth(key_auth) = fields.object_required("configs")?;
                    Some(Configs::KeyAuth { key_auth })
                }),
                ("openid_connect", |fields| {
                    // Which provider it is, the rule finds out.
                    let provider = fields.optional("dcr_provider_id", id::<kernel::id::kinds::DcrProvider>());
                    let configs = fields.object_required("configs");
                    provider?;
                    configs.map(|NewOpenIdConnect(openid_connect)| Configs::OpenIdConnect { openid_connect })
                }),
            ],
        );
        Some(Self {
            name: name?,
            display_name: display_name?,
            labels: labels?.unwrap_or_default(),
            principals: principals?.unwrap_or_default(),
            configs: configs?,
        })
    }
}

/// A change of a strategy; what its configuration may hold depends on its type.
pub struct StrategyPatch {
    name: Patch<String>,
    display_name: Patch<String>,
    labels: Patch<LabelsPatch>,
    principals: Option<Principals>,
    dcr_provider: Patch<DcrProviderId>,
}

impl Body for StrategyPatch {
    const NAME: &'static str = "UpdateAppAuthStrategyRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.patch("name", NAME);
        let display_name = fields.patch("display_name", DISPLAY_NAME);
        let labels = fields.patch("labels", LabelChanges);
        let principals = fields.object::<Principals>("principals");
        let dcr_provider = fields.patch("dcr_provider_id", id());
        fields.described("configs", change_schema);
        // Its members are read beside the stored type; here it only has to be an object.
        let configs = fields.undescribed("configs", AnyObject).map(|_: Patch<Map<String, Value>>| ());
        configs.and(Some(Self {
            name: name?,
            display_name: display_name?,
            labels: labels?,
            principals: principals?,
            dcr_provider: dcr_provider?,
        }))
    }
}

/// The strategy, or 404.
pub async fn strategy_require(cx: &Cx, id: StrategyId) -> Result<AuthStrategy> {
    store::strategy_get(cx.db(), id).await?.ok_or(Problem::NotFound("application auth strategy"))
}

/// The provider that a request names. Whoever names one has to be able to see it, or could use what he was
/// not given; to others there is none.
async fn provider_named<T: Body>(
    cx: &Cx,
    draft: &Draft<T>,
    known: Option<DcrProviderId>,
    faults: &mut Vec<Invalid>,
) -> Result<Option<DcrProvider>> {
    const FIELD: &str = "dcr_provider_id";
    // What is no id the body's own rule complains of.
    let Some(id) = draft.text(FIELD).and_then(|text| text.parse::<DcrProviderId>().ok()) else {
        return Ok(None);
    };
    crate::serialize(cx).await?;
    let seen = known == Some(id) || cx.may_here(Action::Read, &format!("{}/{id}", dcr_providers::KIND));
    let found = if seen { dcr_providers::store::provider_get(cx.db(), id).await? } else { None };
    if found.is_none() {
        faults.push(Invalid::body(FIELD, Fault::MissingReference("DCR provider")));
    }
    Ok(found.map(|provider| provider.shown))
}

/// Adds a fault if a request names a strategy for something else to use, and there is none. Whoever names one
/// has to be able to see it, or could use what he was not given; to others there is none. What is used already
/// (`known`) stays.
pub(crate) async fn strategy_named(
    cx: &Cx,
    field: &str,
    named: Option<&str>,
    known: Option<StrategyId>,
    faults: &mut Vec<Invalid>,
) -> Result<()> {
    // What is no id the body's own rule complains of.
    let Some(id) = named.and_then(|text| text.parse::<StrategyId>().ok()) else { return Ok(()) };
    let seen = known == Some(id) || cx.may_here(Action::Read, &format!("{KIND}/{id}"));
    if !seen || store::strategy_get(cx.db(), id).await?.is_none() {
        faults.push(Invalid::body(field, Fault::MissingReference("Application auth strategy")));
    }
    Ok(())
}

/// Whether an application can have several credentials: keys always, clients if their provider can, and one
/// that the developer brings is one.
fn several_credentials(configs: &Configs, provider: Option<&DcrProvider>) -> bool {
    match configs {
        Configs::KeyAuth { .. } => true,
        Configs::OpenIdConnect { .. } => provider.is_some_and(|it| it.config.multiple_credentials()),
    }
}

async fn strategy_list(cx: Cx, mut query: ListQuery) -> Result<Found<Paged<AuthStrategy>>> {
    if let Reach::Only(ids) = cx.reach(Action::List, KIND) {
        query.only(ids.iter().filter_map(|id| id.parse::<StrategyId>().ok()));
    }
    store::strategy_list(cx.db(), &query).await.map(Found)
}

async fn strategy_get(cx: Cx, At(id): At<StrategyId>) -> Result<Found<AuthStrategy>> {
    strategy_require(&cx, id).await.map(Found)
}

/// Reads a whole strategy and all that it names.
async fn strategy_read(
    cx: &Cx,
    draft: &Draft<NewStrategy>,
    before: Option<&AuthStrategy>,
) -> Result<(NewStrategy, Option<DcrProvider>)> {
    let mut faults = Vec::new();
    if let (Some(before), Some(sent)) = (before, draft.text("strategy_type"))
        && ["key_auth", "openid_connect"].contains(&sent)
        && sent != before.configs.strategy_type()
    {
        let why = format!("cannot be changed, it is {}", before.configs.strategy_type());
        faults.push(Invalid::body("strategy_type", Fault::Rule(why)));
    }
    let known = before.and_then(|before| before.dcr_provider.as_ref()).map(|provider| provider.id);
    let provider = match draft.text("strategy_type") {
        Some("openid_connect") => {
            check_plugin(cx, draft, &mut faults)?;
            crate::check_addresses(cx, draft, &[ISSUER], &mut faults)?;
            provider_named(cx, draft, known, &mut faults).await?
        }
        _ => None,
    };
    let new = draft.parse_with(faults)?;
    new.configs.check_length()?;
    Ok((new, provider))
}

async fn strategy_create(cx: Cx, draft: Draft<NewStrategy>) -> Result<Created<AuthStrategy>> {
    let (new, provider) = strategy_read(&cx, &draft, None).await?;
    strategy_add(&cx, new, provider.as_ref()).await.map(Created)
}

/// A strategy of keys that comes with something else, and is one like any other from then on.
pub(crate) async fn strategy_of_keys(cx: &Cx, name: String, display_name: String) -> Result<AuthStrategy> {
    let key_auth = KeyAuth { key_names: Some(vec!["apikey".to_owned()]), ttl: None };
    let new = NewStrategy {
        name,
        display_name,
        labels: Labels::default(),
        principals: Principals::default(),
        configs: Configs::KeyAuth { key_auth },
    };
    strategy_add(cx, new, None).await
}

async fn strategy_add(cx: &Cx, new: NewStrategy, provider: Option<&DcrProvider>) -> Result<AuthStrategy> {
    let NewStrategy { name, display_name, labels, principals, configs } = new;
    let now = cx.now();
    let strategy = AuthStrategy {
        id: cx.new_id(),
        name,
        display_name,
        active: false,
        supports_multiple_credentials: several_credentials(&configs, provider),
        dcr_provider: provider.map(ProviderOfStrategy::from),
        configs,
        labels,
        principals,
        created_at: now,
        updated_at: now,
    };
    store::strategy_insert(cx.db(), &strategy).await?;
    cx.created(TYPE, strategy.id).await?;
    cx.audit(Action::Create, format!("{KIND}/{}", strategy.id), json!({ "after": strategy })).await?;
    Ok(strategy)
}

/// Replacing answers 201, as the contract has it.
async fn strategy_replace(
    cx: Cx,
    At(id): At<StrategyId>,
    draft: Draft<NewStrategy>,
) -> Result<Created<AuthStrategy>> {
    crate::serialize(&cx).await?;
    let before = strategy_require(&cx, id).await?;
    let (new, provider) = strategy_read(&cx, &draft, Some(&before)).await?;
    let NewStrategy { name, display_name, labels, principals, configs } = new;
    let strategy = AuthStrategy {
        id,
        name,
        display_name,
        active: before.active,
        supports_multiple_credentials: several_credentials(&configs, provider.as_ref()),
        dcr_provider: provider.as_ref().map(ProviderOfStrategy::from),
        configs,
        labels,
        principals,
        created_at: before.created_at,
        updated_at: cx.now(),
    };
    strategy_keep(&cx, before, strategy).await.map(Created)
}

async fn strategy_update(
    cx: Cx,
    At(id): At<StrategyId>,
    draft: Draft<StrategyPatch>,
) -> Result<Found<AuthStrategy>> {
    crate::serialize(&cx).await?;
    let before = strategy_require(&cx, id).await?;
    let mut faults = Vec::new();
    let change = before.configs.change(&draft, &mut faults);
    let openid_connect = matches!(before.configs, Configs::OpenIdConnect { .. });
    let mut named = None;
    if openid_connect {
        check_plugin(&cx, &draft, &mut faults)?;
        crate::check_addresses(&cx, &draft, &[ISSUER], &mut faults)?;
        let known = before.dcr_provider.as_ref().map(|provider| provider.id);
        named = provider_named(&cx, &draft, known, &mut faults).await?;
    } else if draft.at("dcr_provider_id").is_some_and(|value| !value.is_null()) {
        let why = "is only for strategies of the type openid_connect";
        faults.push(Invalid::body("dcr_provider_id", Fault::Rule(why.to_owned())));
    }
    let patch = draft.parse_with(faults)?;
    let configs = before.configs.clone().changed(change);
    configs.check_length()?;
    let (dcr_provider, several) = match patch.dcr_provider {
        Patch::Null if openid_connect => (None, false),
        Patch::Value(_) => {
            (named.as_ref().map(ProviderOfStrategy::from), several_credentials(&configs, named.as_ref()))
        }
        Patch::Absent | Patch::Null => (before.dcr_provider.clone(), before.supports_multiple_credentials),
    };
    let strategy = AuthStrategy {
        id,
        name: patch.name.or(before.name.clone()),
        display_name: patch.display_name.or(before.display_name.clone()),
        configs,
        active: before.active,
        dcr_provider,
        labels: before.labels.updated(&patch.labels)?,
        created_at: before.created_at,
        updated_at: cx.now(),
        supports_multiple_credentials: several,
        principals: patch.principals.unwrap_or(before.principals),
    };
    strategy_keep(&cx, before, strategy).await.map(Found)
}

/// The clients of its applications are at the provider that it has, so it keeps that while it has applications.
async fn strategy_keep(cx: &Cx, before: AuthStrategy, strategy: AuthStrategy) -> Result<AuthStrategy> {
    let provider = |it: &AuthStrategy| it.dcr_provider.as_ref().map(|provider| provider.id);
    if provider(&before) != provider(&strategy) {
        let count = uses::use_count_of(cx.db(), before.id, UseKind::Application).await?;
        if count > 0 {
            let why = format!("The strategy has {count} applications, whose clients are where they are");
            return Err(Problem::Conflict(why));
        }
    }
    store::strategy_update(cx.db(), &strategy).await?;
    gateway::changed(cx.app(), cx.db()).await?;
    let change = json!({ "before": before, "after": strategy });
    cx.audit(Action::Edit, format!("{KIND}/{}", strategy.id), change).await?;
    Ok(strategy)
}

async fn strategy_delete(cx: Cx, At(id): At<StrategyId>) -> Result<Done> {
    let before = strategy_require(&cx, id).await?;
    if let Some(why) = uses::use_refusal(cx.db(), id).await? {
        return Err(Problem::Conflict(why));
    }
    match store::strategy_delete(cx.db(), id).await {
        // Somebody began to use it just now.
        Err(DbError::Reference) => return Err(Problem::Conflict("The strategy is used".to_owned())),
        result => result?,
    };
    cx.audit(Action::Delete, format!("{KIND}/{id}"), json!({ "before": before })).await?;
    Ok(Done)
}
