//! Versions of products in portals, and what applications for them are made with.

pub mod http;
pub mod store;

use std::collections::BTreeMap;

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Fault, Fields, Id, Invalid, PortalId, PortalProductVersionId, Problem,
    ProductVersionId, Result, StrategyId, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{Boolean, IdOf, List, OneOf, id},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    application_registrations::{remove_all, targets::OfVersion},
    gateway,
    portals::{Portal, portal_require},
    product_versions::{
        STATUSES,
        store::{version_guard, version_title},
    },
    products,
    strategies::{
        in_portals::{PortalStrategy, portal_strategies},
        strategy_named,
        uses::{Use, UseKind, use_drop, use_put},
    },
};

/// A version of a product in a portal (contract: `PortalProductVersion`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PortalProductVersion {
    /// Its id.
    pub id: PortalProductVersionId,
    /// Whether developers see it.
    #[schemars(extend("enum" = STATUSES))]
    pub publish_status: String,
    /// The version.
    pub product_version_id: ProductVersionId,
    /// The strategy that applications are made with, if there is one.
    #[schemars(length(max = 1))]
    pub auth_strategies: Vec<PortalStrategy>,
    /// Whether applications can be registered for it.
    pub application_registration_enabled: bool,
    /// Whether registrations are approved by themselves.
    pub auto_approve_registration: bool,
    /// Whether it is going away.
    pub deprecated: bool,
    /// When it was put there.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The same as it is stored.
#[derive(Clone)]
pub struct StoredVersion {
    /// Its id.
    pub id: PortalProductVersionId,
    /// Where it is.
    pub portal_id: PortalId,
    /// The version.
    pub product_version_id: ProductVersionId,
    /// Whether developers see it.
    pub publish_status: String,
    /// The strategy that applications are made with.
    pub strategy_id: Option<StrategyId>,
    /// Whether applications can be registered for it.
    pub application_registration_enabled: bool,
    /// Whether registrations are approved by themselves.
    pub auto_approve_registration: bool,
    /// Whether it is going away.
    pub deprecated: bool,
    /// When it was put there.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl StoredVersion {
    /// As one sees it who asks for it.
    fn shown(&self, strategies: &BTreeMap<StrategyId, PortalStrategy>) -> PortalProductVersion {
        let strategy = self.strategy_id.and_then(|id| strategies.get(&id));
        PortalProductVersion {
            id: self.id,
            publish_status: self.publish_status.clone(),
            product_version_id: self.product_version_id,
            auth_strategies: strategy.cloned().into_iter().collect(),
            application_registration_enabled: self.application_registration_enabled,
            auto_approve_registration: self.auto_approve_registration,
            deprecated: self.deprecated,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn published(&self) -> bool {
        self.publish_status == PUBLISHED
    }
}

const PUBLISHED: &str = "published";
const STRATEGIES: &str = "auth_strategy_ids";
const VERSION: &str = "product_version_id";

/// What they can be filtered and sorted by.
pub static VERSIONS: Collection = Collection::numbered(
    "portal-product-versions",
    &[
        Field::new("id", Kind::Id, Ops::UUID),
        Field::new("publish_status", Kind::Word(STATUSES), Ops::UUID).sortable(),
        Field::new(VERSION, Kind::Id, Ops::UUID).sortable(),
        Field::new(STRATEGIES, Kind::Id, Ops::UUID).column("strategy_id").sortable(),
        Field::boolean("application_registration_enabled").sortable(),
        Field::boolean("auto_approve_registration").sortable(),
        Field::boolean("deprecated").sortable(),
        Field::new("created_at", Kind::Time, Ops::ORDER).sortable(),
        Field::new("updated_at", Kind::Time, Ops::ORDER).sortable(),
    ],
);

const STATUS: OneOf = OneOf(STATUSES);

const fn strategy_ids() -> List<IdOf<kernel::id::kinds::Strategy>> {
    List { item: id(), least: 0, most: 1, distinct: false }
}

/// What is said of a version in a portal.
struct Said {
    publish_status: &'static str,
    strategy: Option<StrategyId>,
    registration: bool,
    auto_approve: bool,
    deprecated: bool,
}

fn read_said(fields: &mut Fields<'_>) -> Option<Said> {
    let publish_status = fields.required("publish_status", STATUS);
    let strategies = fields.required(STRATEGIES, strategy_ids());
    let registration = fields.required("application_registration_enabled", Boolean);
    let auto_approve = fields.required("auto_approve_registration", Boolean);
    let deprecated = fields.required("deprecated", Boolean);
    Some(Said {
        publish_status: publish_status?,
        strategy: strategies?.first().copied(),
        registration: registration?,
        auto_approve: auto_approve?,
        deprecated: deprecated?,
    })
}

/// Developers are told of nothing here, so nobody may think that they are.
fn notify(fields: &mut Fields<'_>) -> Option<()> {
    let said = fields.optional("notify_developers", Boolean)?;
    if said == Some(true) {
        fields.fault(
            "notify_developers",
            Fault::Rule("must be false: developers are not told of changes".to_owned()),
        );
    }
    Some(())
}

/// A version to be put into a portal.
pub struct NewVersion {
    version: ProductVersionId,
    said: Said,
}

impl Body for NewVersion {
    const NAME: &'static str = "CreatePortalProductVersionPayload";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let version = fields.required(VERSION, id());
        let said = read_said(fields);
        Some(Self { version: version?, said: said? })
    }
}

/// What takes the place of what was said of a version.
pub struct Replacement(Said);

impl Body for Replacement {
    const NAME: &'static str = "ReplacePortalProductVersionPayload";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let said = read_said(fields);
        notify(fields).and(said).map(Self)
    }
}

/// A change of what was said of a version.
pub struct VersionPatch {
    publish_status: Option<&'static str>,
    strategies: Option<Vec<StrategyId>>,
    registration: Option<bool>,
    auto_approve: Option<bool>,
    deprecated: Option<bool>,
}

impl Body for VersionPatch {
    const NAME: &'static str = "UpdatePortalProductVersionPayload";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let publish_status = fields.optional("publish_status", STATUS);
        let strategies = fields.optional(STRATEGIES, strategy_ids());
        let registration = fields.optional("application_registration_enabled", Boolean);
        let auto_approve = fields.optional("auto_approve_registration", Boolean);
        let deprecated = fields.optional("deprecated", Boolean);
        notify(fields).and(Some(Self {
            publish_status: publish_status?,
            strategies: strategies?,
            registration: registration?,
            auto_approve: auto_approve?,
            deprecated: deprecated?,
        }))
    }
}

/// What is said of the version in the portal, or 404.
async fn version_require(cx: &Cx, portal: PortalId, version: ProductVersionId) -> Result<StoredVersion> {
    let found = store::version_get(cx.db(), portal, version).await?;
    found.ok_or(Problem::NotFound("product version"))
}

fn place(portal: PortalId, version: ProductVersionId) -> String {
    format!("portals/{portal}/api-versions/{version}")
}

/// Adds a fault if the strategy that a request names is not there.
async fn check_strategy<T: Body>(
    cx: &Cx,
    draft: &Draft<T>,
    known: Option<StrategyId>,
    faults: &mut Vec<Invalid>,
) -> Result<()> {
    let named = draft.at(STRATEGIES).and_then(|list| list.get(0)).and_then(Value::as_str);
    strategy_named(cx, &format!("{STRATEGIES}.0"), named, known, faults).await
}

/// As replies have it.
async fn shown(cx: &Cx, version: &StoredVersion) -> Result<PortalProductVersion> {
    Ok(version.shown(&portal_strategies(cx.db(), version.strategy_id).await?))
}

/// Notes what follows from what is said of the version now: that it uses its strategy, and no other, and what its
/// service asks for. One that was guarded stays so when the version is not published any more: that nobody finds it
/// opens it to nobody.
async fn followed(cx: &Cx, version: &StoredVersion, portal: &Portal) -> Result<()> {
    let used_by = Id::from_uuid(version.id.uuid());
    use_drop(cx.db(), UseKind::ProductVersion, used_by).await?;
    if let Some(strategy) = version.strategy_id {
        let title = version_title(cx.db(), version.product_version_id).await?.map(|it| it.title);
        let label = format!("{} in {}", title.unwrap_or_default(), portal.name);
        let it = Use { kind: UseKind::ProductVersion, used_by, published: version.published(), label };
        use_put(cx.db(), strategy, &it).await?;
    }
    if version.published() {
        version_guard(cx.db(), version.product_version_id).await?;
    }
    gateway::changed(cx.app(), cx.db()).await
}

async fn version_list(
    cx: Cx,
    At(portal): At<PortalId>,
    query: ListQuery,
) -> Result<Found<Paged<PortalProductVersion>>> {
    portal_require(&cx, portal).await?;
    let page = store::version_list(cx.db(), portal, &query).await?;
    let strategies = portal_strategies(cx.db(), page.items().iter().filter_map(|it| it.strategy_id)).await?;
    Ok(Found(page.map(|version| version.shown(&strategies))))
}

async fn version_get(
    cx: Cx,
    At((portal, version)): At<(PortalId, ProductVersionId)>,
) -> Result<Found<PortalProductVersion>> {
    let found = version_require(&cx, portal, version).await?;
    shown(&cx, &found).await.map(Found)
}

async fn version_create(
    cx: Cx,
    At(portal): At<PortalId>,
    draft: Draft<NewVersion>,
) -> Result<Created<PortalProductVersion>> {
    crate::serialize(&cx).await?;
    let portal = portal_require(&cx, portal).await?;
    let mut faults = Vec::new();
    if let Some(id) = draft.text(VERSION).and_then(|text| text.parse::<ProductVersionId>().ok()) {
        let seen = version_title(cx.db(), id)
            .await?
            .is_some_and(|it| cx.may_here(Action::Read, &format!("{}/{}", products::KIND, it.product)));
        if !seen {
            faults.push(Invalid::body(VERSION, Fault::MissingReference("Product version")));
        } else if store::version_get(cx.db(), portal.id, id).await?.is_some() {
            faults.push(Invalid::body(VERSION, Fault::Rule("is in this portal already".to_owned())));
        }
    }
    check_strategy(&cx, &draft, None, &mut faults).await?;
    let NewVersion { version, said } = draft.parse_with(faults)?;
    let now = cx.now();
    let version = StoredVersion {
        id: cx.new_id(),
        portal_id: portal.id,
        product_version_id: version,
        publish_status: said.publish_status.to_owned(),
        strategy_id: said.strategy,
        application_registration_enabled: said.registration,
        auto_approve_registration: said.auto_approve,
        deprecated: said.deprecated,
        created_at: now,
        updated_at: now,
    };
    store::version_insert(cx.db(), &version).await?;
    followed(&cx, &version, &portal).await?;
    let shown = shown(&cx, &version).await?;
    let path = place(portal.id, version.product_version_id);
    cx.audit(Action::Create, path, json!({ "after": shown })).await?;
    Ok(Created(shown))
}

async fn version_replace(
    cx: Cx,
    At((portal, version)): At<(PortalId, ProductVersionId)>,
    draft: Draft<Replacement>,
) -> Result<Found<PortalProductVersion>> {
    crate::serialize(&cx).await?;
    let before = version_require(&cx, portal, version).await?;
    let mut faults = Vec::new();
    check_strategy(&cx, &draft, before.strategy_id, &mut faults).await?;
    let Replacement(said) = draft.parse_with(faults)?;
    version_keep(&cx, before, said).await
}

async fn version_update(
    cx: Cx,
    At((portal, version)): At<(PortalId, ProductVersionId)>,
    draft: Draft<VersionPatch>,
) -> Result<Found<PortalProductVersion>> {
    crate::serialize(&cx).await?;
    let before = version_require(&cx, portal, version).await?;
    let mut faults = Vec::new();
    check_strategy(&cx, &draft, before.strategy_id, &mut faults).await?;
    let patch = draft.parse_with(faults)?;
    let so_far = if before.published() { PUBLISHED } else { "unpublished" };
    let said = Said {
        publish_status: patch.publish_status.unwrap_or(so_far),
        strategy: patch.strategies.map_or(before.strategy_id, |ids| ids.first().copied()),
        registration: patch.registration.unwrap_or(before.application_registration_enabled),
        auto_approve: patch.auto_approve.unwrap_or(before.auto_approve_registration),
        deprecated: patch.deprecated.unwrap_or(before.deprecated),
    };
    version_keep(&cx, before, said).await
}

async fn version_keep(cx: &Cx, before: StoredVersion, said: Said) -> Result<Found<PortalProductVersion>> {
    let portal = portal_require(cx, before.portal_id).await?;
    let version = StoredVersion {
        publish_status: said.publish_status.to_owned(),
        strategy_id: said.strategy,
        application_registration_enabled: said.registration,
        auto_approve_registration: said.auto_approve,
        deprecated: said.deprecated,
        updated_at: cx.now(),
        ..before.clone()
    };
    store::version_update(cx.db(), &version).await?;
    followed(cx, &version, &portal).await?;
    let (was, is) = (shown(cx, &before).await?, shown(cx, &version).await?);
    let path = place(portal.id, version.product_version_id);
    cx.audit(Action::Edit, path, json!({ "before": was, "after": is })).await?;
    Ok(Found(is))
}

async fn version_delete(cx: Cx, At((portal, version)): At<(PortalId, ProductVersionId)>) -> Result<Done> {
    crate::serialize(&cx).await?;
    let before = version_require(&cx, portal, version).await?;
    let was = shown(&cx, &before).await?;
    remove_all::<OfVersion>(&cx, version, Some(portal)).await?;
    use_drop(cx.db(), UseKind::ProductVersion, Id::from_uuid(before.id.uuid())).await?;
    store::version_delete(cx.db(), before.id).await?;
    gateway::changed(cx.app(), cx.db()).await?;
    cx.audit(Action::Delete, place(portal, version), json!({ "before": was })).await?;
    Ok(Done)
}
