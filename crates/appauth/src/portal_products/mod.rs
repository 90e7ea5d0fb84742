//! Products as a portal has them: those that are published in it, and publishing several at once. Where a product is
//! published is the product's, whoever says so.

pub mod http;
mod store;

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Done, Found},
};
use kernel::{
    Action, Body, Draft, Fault, Fields, Invalid, Labels, PortalId, Problem, ProductId, Result, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{Faults, OneOf, Rule},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    portals::portal_require,
    product_versions::STATUSES,
    products::{self, MOST_PORTALS, PortalOfProduct, Product, check_publisher, product_keep},
};

/// A product in a portal (contract: `PublishedApiProduct`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PortalProduct {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The portals that it is published in.
    pub portal_ids: Vec<PortalId>,
    /// How many of its versions are published in this portal.
    pub version_count: i64,
    /// Its labels.
    pub labels: Labels,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl From<Product> for PortalProduct {
    fn from(it: Product) -> Self {
        let Product {
            id, name, description, portal_ids, version_count, labels, created_at, updated_at, ..
        } = it;
        Self { id, name, description, portal_ids, version_count, labels, created_at, updated_at }
    }
}

/// What they can be filtered and sorted by.
pub static IN_PORTAL: Collection = Collection::numbered(
    "portal-products",
    &[
        Field::new("id", Kind::Id, Ops::UUID),
        Field::text("name", Ops::STRING).sortable(),
        Field::text("description", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
    ],
);

const API_PRODUCTS: &str = "api_products";
/// Most products that are published at once.
const MOST: usize = 100;

/// What a request says of products, by their ids: whether they are published here; nothing of one that is `null`.
struct ByProduct;

impl Rule for ByProduct {
    type Out = Vec<(ProductId, bool)>;
    fn read(&self, value: &Value) -> Result<Self::Out, Faults> {
        let Some(map) = value.as_object() else { return Err(vec![(None, Fault::NotAnObject)]) };
        if map.len() > MOST {
            return Err(vec![(None, Fault::Rule(format!("must name {MOST} products at most")))]);
        }
        let (mut said, mut faults) = (Vec::new(), Vec::new());
        for (key, value) in map {
            let id = key.parse::<ProductId>().ok();
            match id {
                None => faults.push((Some(key.clone()), Fault::NotAUuid)),
                // An id can be written in several ways.
                Some(id) if said.iter().any(|(known, _)| *known == id) => {
                    faults.push((Some(key.clone()), Fault::Repeated));
                }
                Some(_) => {}
            }
            match value {
                Value::Null => {}
                Value::Object(object) => {
                    match object
                        .get(STATUS)
                        .filter(|it| !it.is_null())
                        .map(|status| OneOf(STATUSES).read(status))
                    {
                        None => faults.push((Some(format!("{key}.{STATUS}")), Fault::Required)),
                        Some(Ok(status)) => said.extend(id.map(|id| (id, status == PUBLISHED))),
                        Some(Err(wrong)) => {
                            faults.extend(
                                wrong.into_iter().map(|(_, fault)| (Some(format!("{key}.{STATUS}")), fault)),
                            );
                        }
                    }
                }
                _ => faults.push((Some(key.clone()), Fault::NotAnObject)),
            }
        }
        if faults.is_empty() { Ok(said) } else { Err(faults) }
    }
    fn schema(&self) -> Value {
        let one = json!({
            "type": ["object", "null"], "required": [STATUS],
            "properties": { STATUS: OneOf(STATUSES).schema() },
        });
        json!({ "type": "object", "additionalProperties": one, "maxProperties": MOST })
    }
}

const STATUS: &str = "publish_status";
const PUBLISHED: &str = "published";

/// Which products are published, and which not.
pub struct Publishing(Vec<(ProductId, bool)>);

impl Body for Publishing {
    const NAME: &'static str = "PublishAPIProductPayload";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required(API_PRODUCTS, ByProduct).map(Self)
    }
}

async fn product_list(
    cx: Cx,
    At(portal): At<PortalId>,
    query: ListQuery,
) -> Result<Found<Paged<PortalProduct>>> {
    portal_require(&cx, portal).await?;
    let page = store::product_list(cx.db(), portal, &query).await?;
    Ok(Found(page.map(PortalProduct::from)))
}

/// The products that a request names, as far as the caller sees them; a fault for each other.
async fn products_named(
    cx: &Cx,
    draft: &Draft<Publishing>,
    faults: &mut Vec<Invalid>,
) -> Result<Vec<Product>> {
    let mut named = Vec::new();
    for key in
        draft.at(API_PRODUCTS).and_then(Value::as_object).into_iter().flat_map(|map| map.keys()).take(MOST)
    {
        // What is no id the body's own rule complains of.
        let Ok(id) = key.parse::<ProductId>() else { continue };
        let seen = cx.may_here(Action::Read, &format!("{}/{id}", products::KIND));
        match products::store::product_get(cx.db(), id).await?.filter(|_| seen) {
            Some(product) => named.push(product),
            None => {
                let fault = Fault::MissingReference("API product");
                faults.push(Invalid::body(format!("{API_PRODUCTS}.{key}"), fault));
            }
        }
    }
    Ok(named)
}

async fn product_publish(cx: Cx, At(portal): At<PortalId>, draft: Draft<Publishing>) -> Result<Done> {
    crate::serialize(&cx).await?;
    let portal = portal_require(&cx, portal).await?;
    let mut faults = Vec::new();
    let named = products_named(&cx, &draft, &mut faults).await?;
    let Publishing(said) = draft.parse_with(faults)?;
    for (id, published) in said {
        check_publisher(&cx, &id.to_string())?;
        let before = named.iter().find(|product| product.id == id);
        let Some(before) = before.filter(|it| it.portal_ids.contains(&portal.id) != published) else {
            continue;
        };
        let mut after = Product { updated_at: cx.now(), ..before.clone() };
        if published && after.portal_ids.len() >= MOST_PORTALS {
            let why = format!("is published in {MOST_PORTALS} portals already");
            return Err(Problem::invalid(&format!("{API_PRODUCTS}.{id}"), Fault::Rule(why)));
        }
        if published {
            after.portal_ids.push(portal.id);
            after.portals.push(PortalOfProduct { portal_id: portal.id, portal_name: portal.name.clone() });
        } else {
            after.portal_ids.retain(|it| *it != portal.id);
            after.portals.retain(|it| it.portal_id != portal.id);
        }
        product_keep(&cx, before, &after).await?;
    }
    Ok(Done)
}
