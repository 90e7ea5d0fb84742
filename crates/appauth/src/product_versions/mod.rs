//! Versions of products. What counts of one is said portal by portal.

pub mod http;
pub mod store;

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Fields, Labels, LabelsPatch, Patch, PortalId, PortalProductVersionId, Problem,
    ProductId, ProductVersionId, Result, StrategyId, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{Boolean, LabelChanges, NewLabels, OneOf, Text, text},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    application_registrations::{remove_all, targets::OfVersion},
    gateway,
    products::{self, product_require},
    strategies::uses::{Uses, use_drop_all, use_rename_all},
};

/// A version of a product (contract: `ApiProductVersion`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProductVersion {
    /// Its id.
    pub id: ProductVersionId,
    /// Its name; two may have the same.
    pub name: String,
    /// The service of a gateway that it stands for.
    pub gateway_service: Option<GatewayService>,
    /// What was said of it before that was said portal by portal.
    #[schemars(extend("enum" = STATUSES))]
    pub publish_status: String,
    /// What was said of it before that was said portal by portal.
    pub deprecated: bool,
    /// Its labels.
    pub labels: Labels,
    /// The portals that it is in.
    pub portals: Vec<PortalOfVersion>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A service of a gateway.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GatewayService {
    /// Its id there.
    pub id: String,
    /// The control plane that it is configured in.
    pub control_plane_id: String,
}

/// What a version shows of itself in a portal.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PortalOfVersion {
    /// The portal's id.
    pub portal_id: PortalId,
    /// The portal's name.
    pub portal_name: String,
    /// The id of what it is there.
    pub portal_product_version_id: PortalProductVersionId,
    /// Whether developers see it there.
    #[schemars(extend("enum" = STATUSES))]
    pub publish_status: String,
    /// Whether it is going away there.
    pub deprecated: bool,
    /// Whether applications can be registered for it.
    pub application_registration_enabled: bool,
    /// Whether registrations are approved by themselves.
    pub auto_approve_registration: bool,
    /// The strategy that applications are made with, if there is one.
    pub auth_strategies: Vec<StrategyOfVersion>,
}

/// What a version shows of a strategy.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StrategyOfVersion {
    /// Its id.
    pub id: StrategyId,
    /// Its name.
    pub name: String,
}

/// Whether developers see something.
pub const STATUSES: &[&str] = &["published", "unpublished"];

/// What versions can be filtered and sorted by.
pub static VERSIONS: Collection = Collection::numbered(
    "product-versions",
    &[
        Field::new("id", Kind::Id, Ops::UUID),
        Field::text("name", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

const NAME: Text = text(1, 255);
/// Gateways have ids of their own making.
const FOREIGN: Text = text(1, 255);
const GATEWAY: &str = "gateway_service";

impl Body for GatewayService {
    const NAME: &'static str = "GatewayService";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.required("id", FOREIGN);
        let control_plane_id = fields.required("control_plane_id", FOREIGN);
        Some(Self { id: id?, control_plane_id: control_plane_id? })
    }
}

/// A version to be created.
pub struct NewVersion {
    name: String,
    gateway_service: Option<GatewayService>,
    publish_status: Option<&'static str>,
    deprecated: bool,
    labels: Labels,
}

impl Body for NewVersion {
    const NAME: &'static str = "CreateApiProductVersionRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let gateway_service = fields.object(GATEWAY);
        let publish_status = fields.optional("publish_status", OneOf(STATUSES));
        let deprecated = fields.optional("deprecated", Boolean);
        let labels = fields.optional("labels", NewLabels);
        Some(Self {
            name: name?,
            gateway_service: gateway_service?,
            publish_status: publish_status?,
            deprecated: deprecated?.unwrap_or(false),
            labels: labels?.unwrap_or_default(),
        })
    }
}

/// A change of a version.
pub struct VersionPatch {
    name: Patch<String>,
    gateway_service: Patch<GatewayService>,
    publish_status: Option<&'static str>,
    deprecated: Option<bool>,
    labels: Patch<LabelsPatch>,
}

impl Body for VersionPatch {
    const NAME: &'static str = "UpdateApiProductVersionRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.patch("name", NAME);
        let gateway_service = fields.object_patch(GATEWAY);
        let publish_status = fields.optional("publish_status", OneOf(STATUSES));
        let deprecated = fields.optional("deprecated", Boolean);
        let labels = fields.patch("labels", LabelChanges);
        Some(Self {
            name: name?,
            gateway_service: gateway_service?,
            publish_status: publish_status?,
            deprecated: deprecated?,
            labels: labels?,
        })
    }
}

/// The version of the product, or 404.
async fn version_require(cx: &Cx, product: ProductId, id: ProductVersionId) -> Result<ProductVersion> {
    let found = store::version_get(cx.db(), product, id).await?;
    found.ok_or(Problem::NotFound("product version"))
}

fn place(product: ProductId, id: ProductVersionId) -> String {
    format!("{}/{product}/versions/{id}", products::KIND)
}

async fn version_list(
    cx: Cx,
    At(product): At<ProductId>,
    query: ListQuery,
) -> Result<Found<Paged<ProductVersion>>> {
    product_require(&cx, product).await?;
    store::version_list(cx.db(), product, &query).await.map(Found)
}

async fn version_get(
    cx: Cx,
    At((product, id)): At<(ProductId, ProductVersionId)>,
) -> Result<Found<ProductVersion>> {
    version_require(&cx, product, id).await.map(Found)
}

async fn version_create(
    cx: Cx,
    At(product): At<ProductId>,
    draft: Draft<NewVersion>,
) -> Result<Created<ProductVersion>> {
    crate::serialize(&cx).await?;
    product_require(&cx, product).await?;
    let new = draft.parse()?;
    let now = cx.now();
    let version = ProductVersion {
        id: cx.new_id(),
        name: new.name,
        gateway_service: new.gateway_service,
        publish_status: new.publish_status.unwrap_or("unpublished").to_owned(),
        deprecated: new.deprecated,
        labels: new.labels,
        portals: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    store::version_insert(cx.db(), product, &version).await?;
    cx.audit(Action::Create, place(product, version.id), json!({ "after": version })).await?;
    Ok(Created(version))
}

async fn version_update(
    cx: Cx,
    At((product, id)): At<(ProductId, ProductVersionId)>,
    draft: Draft<VersionPatch>,
) -> Result<Found<ProductVersion>> {
    crate::serialize(&cx).await?;
    let before = version_require(&cx, product, id).await?;
    let patch = draft.parse()?;
    let version = ProductVersion {
        name: patch.name.or(before.name.clone()),
        gateway_service: patch.gateway_service.over(before.gateway_service.clone()),
        publish_status: patch.publish_status.unwrap_or(&before.publish_status).to_owned(),
        deprecated: patch.deprecated.unwrap_or(before.deprecated),
        labels: before.labels.updated(&patch.labels)?,
        updated_at: cx.now(),
        ..before.clone()
    };
    store::version_update(cx.db(), &version).await?;
    if version.name != before.name {
        use_rename_all(cx.db(), Uses::OfVersion(id)).await?;
    }
    if version.gateway_service != before.gateway_service {
        store::version_guard(cx.db(), id).await?;
        gateway::changed(cx.app(), cx.db()).await?;
    }
    cx.audit(Action::Edit, place(product, id), json!({ "before": before, "after": version })).await?;
    Ok(Found(version))
}

async fn version_delete(cx: Cx, At((product, id)): At<(ProductId, ProductVersionId)>) -> Result<Done> {
    crate::serialize(&cx).await?;
    let before = version_require(&cx, product, id).await?;
    remove_all::<OfVersion>(&cx, id, None).await?;
    use_drop_all(cx.db(), Uses::OfVersion(id)).await?;
    crate::portal_product_versions::store::version_delete_of(cx.db(), id).await?;
    store::version_delete(cx.db(), id).await?;
    gateway::changed(cx.app(), cx.db()).await?;
    cx.audit(Action::Delete, place(product, id), json!({ "before": before })).await?;
    Ok(Done)
}
