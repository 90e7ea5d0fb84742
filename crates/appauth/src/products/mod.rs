//! Products: the older kind of what is published in portals. A product has versions.

pub mod at_portal;
pub mod http;
pub mod store;

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Fault, Fields, Id, Invalid, Labels, LabelsPatch, Patch, PortalId, Problem,
    ProductId, Reach, Result, Timestamp,
    problem::Denied,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{IdOf, LabelChanges, List, NewLabels, Text, id, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    application_registrations::{remove_all, targets::OfVersion},
    gateway,
    portal_roles::store::role_delete_on,
    portals::portal_seen,
    product_versions::store::version_ids,
    strategies::uses::{Uses, use_drop_all, use_rename_all},
};

/// A product (contract: `ApiProduct`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name; two may have the same.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The portals that it is published in, in the order in which they were named.
    pub portal_ids: Vec<PortalId>,
    /// The same, with their names.
    pub portals: Vec<PortalOfProduct>,
    /// How many versions it has.
    pub version_count: i64,
    /// Its labels.
    pub labels: Labels,
    /// Its labels for developers.
    pub public_labels: Labels,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a product shows of a portal.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PortalOfProduct {
    /// Its id.
    pub portal_id: PortalId,
    /// Its name.
    pub portal_name: String,
}

/// The type, as assignments of roles name it.
const TYPE: &str = "API Products";
/// The kind, as permissions name it.
pub(crate) const KIND: &str = "api-products";

/// What products can be filtered and sorted by.
pub static PRODUCTS: Collection = Collection::numbered(
    KIND,
    &[
        Field::new("id", Kind::Id, Ops::UUID),
        Field::text("name", Ops::STRING).sortable(),
        Field::text("description", Ops::STRING),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

const NAME: Text = text(1, 100);
const DESCRIPTION: Text = text(0, 10_000);
const PORTALS: &str = "portal_ids";
/// Most portals that a product is published in.
pub(crate) const MOST_PORTALS: usize = 100;

const fn portal_ids() -> List<IdOf<kernel::id::kinds::Portal>> {
    List { item: id(), least: 0, most: MOST_PORTALS, distinct: true }
}

/// A product to be created.
pub struct NewProduct {
    name: String,
    description: Option<String>,
    labels: Labels,
    public_labels: Labels,
    portals: Vec<PortalId>,
}

impl Body for NewProduct {
    const NAME: &'static str = "CreateApiProductRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let description = fields.optional("description", DESCRIPTION);
        let labels = fields.optional("labels", NewLabels);
        let public_labels = fields.optional("public_labels", NewLabels);
        let portals = fields.optional(PORTALS, portal_ids());
        Some(Self {
            name: name?,
            description: description?,
            labels: labels?.unwrap_or_default(),
            public_labels: public_labels?.unwrap_or_default(),
            portals: portals?.unwrap_or_default(),
        })
    }
}

/// A change of a product.
pub struct ProductPatch {
    name: Patch<String>,
    description: Patch<String>,
    labels: Patch<LabelsPatch>,
    public_labels: Patch<LabelsPatch>,
    portals: Option<Vec<PortalId>>,
}

impl Body for ProductPatch {
    const NAME: &'static str = "UpdateApiProductRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.patch("name", NAME);
        let description = fields.patch("description", DESCRIPTION);
        let labels = fields.patch("labels", LabelChanges);
        let public_labels = fields.patch("public_labels", LabelChanges);
        let portals = fields.optional(PORTALS, portal_ids());
        Some(Self {
            name: name?,
            description: description?,
            labels: labels?,
            public_labels: public_labels?,
            portals: portals?,
        })
    }
}

/// The product, or 404.
pub async fn product_require(cx: &Cx, id: ProductId) -> Result<Product> {
    store::product_get(cx.db(), id).await?.ok_or(Problem::NotFound("API product"))
}

/// The portals that a request names, in order, and a fault for each that is not there, or that the caller may
/// not see and the product is not in already.
async fn portals_named<T: Body>(
    cx: &Cx,
    draft: &Draft<T>,
    known: &[PortalOfProduct],
    faults: &mut Vec<Invalid>,
) -> Result<Vec<PortalOfProduct>> {
    let mut named = Vec::new();
    for (n, sent) in draft.at(PORTALS).and_then(Value::as_array).into_iter().flatten().enumerate() {
        // What is no id the body's own rule complains of.
        let Some(id) = sent.as_str().and_then(|text| text.parse::<PortalId>().ok()) else { continue };
        if let Some(portal) = known.iter().find(|portal| portal.portal_id == id) {
            named.push(portal.clone());
            continue;
        }
        match portal_seen(cx, id).await {
            Ok(portal) => named.push(PortalOfProduct { portal_id: id, portal_name: portal.name }),
            Err(Problem::NotFound(_)) => {
                faults.push(Invalid::body(format!("{PORTALS}.{n}"), Fault::MissingReference("Portal")));
            }
            Err(other) => return Err(other),
        }
        // More are refused anyway.
        if n > MOST_PORTALS {
            break;
        }
    }
    Ok(named)
}

/// Publishing takes a role of its own.
pub(crate) fn check_publisher(cx: &Cx, id: &str) -> Result<()> {
    if cx.may_here(Action::Publish, &format!("{KIND}/{id}")) {
        Ok(())
    } else {
        Err(Problem::Forbidden(Denied::MissingRole("API Products Publisher".to_owned())))
    }
}

async fn product_list(cx: Cx, mut query: ListQuery) -> Result<Found<Paged<Product>>> {
    if let Reach::Only(ids) = cx.reach(Action::List, KIND) {
        query.only(ids.iter().filter_map(|id| id.parse::<ProductId>().ok()));
    }
    store::product_list(cx.db(), &query).await.map(Found)
}

async fn product_get(cx: Cx, At(id): At<ProductId>) -> Result<Found<Product>> {
    product_require(&cx, id).await.map(Found)
}

async fn product_create(cx: Cx, draft: Draft<NewProduct>) -> Result<Created<Product>> {
    crate::serialize(&cx).await?;
    let mut faults = Vec::new();
    let portals = portals_named(&cx, &draft, &[], &mut faults).await?;
    let new = draft.parse_with(faults)?;
    if !new.portals.is_empty() {
        check_publisher(&cx, "*")?;
    }
    let now = cx.now();
    let product = Product {
        id: cx.new_id(),
        name: new.name,
        description: new.description,
        portal_ids: new.portals,
        portals,
        version_count: 0,
        labels: new.labels,
        public_labels: new.public_labels,
        created_at: now,
        updated_at: now,
    };
    store::product_insert(cx.db(), &product).await?;
    cx.created(TYPE, product.id).await?;
    cx.audit(Action::Create, format!("{KIND}/{}", product.id), json!({ "after": product })).await?;
    Ok(Created(product))
}

async fn product_update(cx: Cx, At(id): At<ProductId>, draft: Draft<ProductPatch>) -> Result<Found<Product>> {
    crate::serialize(&cx).await?;
    let before = product_require(&cx, id).await?;
    let mut faults = Vec::new();
    let named = portals_named(&cx, &draft, &before.portals, &mut faults).await?;
    let patch = draft.parse_with(faults)?;
    let (portal_ids, portals) = match patch.portals {
        Some(ids) => (ids, named),
        None => (before.portal_ids.clone(), before.portals.clone()),
    };
    if portal_ids != before.portal_ids {
        check_publisher(&cx, &id.to_string())?;
    }
    let product = Product {
        name: patch.name.or(before.name.clone()),
        description: patch.description.over(before.description.clone()),
        portal_ids,
        portals,
        labels: before.labels.updated(&patch.labels)?,
        public_labels: updated_public(&before.public_labels, &patch.public_labels)?,
        updated_at: cx.now(),
        ..before.clone()
    };
    product_keep(&cx, &before, &product).await?;
    Ok(Found(product))
}

/// Writes a changed product, and what follows from the change.
pub(crate) async fn product_keep(cx: &Cx, before: &Product, product: &Product) -> Result<()> {
    let id = product.id;
    store::product_update(cx.db(), product, product.portal_ids != before.portal_ids).await?;
    if product.name != before.name {
        use_rename_all(cx.db(), Uses::OfProduct(id)).await?;
    }
    cx.audit(Action::Edit, format!("{KIND}/{id}"), json!({ "before": before, "after": product })).await
}

/// Too many are too many of these labels, not of the others.
fn updated_public(labels: &Labels, change: &Patch<LabelsPatch>) -> Result<Labels> {
    match change {
        Patch::Absent => Ok(labels.clone()),
        Patch::Null => Ok(Labels::default()),
        Patch::Value(change) => {
            labels.patched(change).map_err(|fault| Problem::invalid("public_labels", fault))
        }
    }
}

/// Its versions go with it, in every portal.
async fn product_delete(cx: Cx, At(id): At<ProductId>) -> Result<Done> {
    crate::serialize(&cx).await?;
    let before = product_require(&cx, id).await?;
    role_delete_on(cx.db(), Id::from_uuid(id.uuid())).await?;
    for version in version_ids(cx.db(), id).await? {
        remove_all::<OfVersion>(&cx, version, None).await?;
    }
    use_drop_all(cx.db(), Uses::OfProduct(id)).await?;
    crate::portal_product_versions::store::version_delete_of_product(cx.db(), id).await?;
    crate::product_versions::store::version_delete_of(cx.db(), id).await?;
    store::product_delete(cx.db(), id).await?;
    gateway::changed(cx.app(), cx.db()).await?;
    cx.audit(Action::Delete, format!("{KIND}/{id}"), json!({ "before": before })).await?;
    Ok(Done)
}
