//! The SQL of products.

use std::collections::BTreeMap;

use frame::{
    args,
    db::{Arg, DbError, FromRow, Listing, OrgScope, Paged, Row, fold},
    org_sql,
};
use kernel::{
    PortalId, ProductId, Result,
    query::{Field, Kind, ListQuery, Ops},
};

use super::{PRODUCTS, PortalOfProduct, Product};

impl FromRow for Product {
    /// Where it is published is read beside it.
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            description: row.get("description")?,
            portal_ids: Vec::new(),
            portals: Vec::new(),
            version_count: row.get("version_count")?,
            labels: row.get("labels")?,
            public_labels: row.get("public_labels")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// What is read of a product.
macro_rules! columns {
    () => {
        "t.id, t.name, t.description, t.labels, t.public_labels, t.created_at, t.updated_at, \
         (SELECT COUNT(*) FROM product_versions v WHERE v.org_id = t.org_id AND v.product_id = t.id) AS version_count"
    };
}

static ALL: Listing =
    Listing { collection: &PRODUCTS, columns: columns!(), table: "products", condition: "", large: false };

/// The product of a place.
static PRODUCT: Field = Field::new("product_id", Kind::Id, Ops::UUID);

/// Where products are published.
static PLACES: Listing = Listing {
    columns: "t.product_id, t.portal_id, \
              (SELECT p.name FROM portals p WHERE p.org_id = t.org_id AND p.id = t.portal_id) AS portal_name",
    table: "product_portals",
    ..ALL
};

/// A product and a portal that it is published in.
struct Place(ProductId, PortalOfProduct);

impl FromRow for Place {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let portal =
            PortalOfProduct { portal_id: row.get("portal_id")?, portal_name: row.get("portal_name")? };
        Ok(Self(row.get("product_id")?, portal))
    }
}

/// Reads where these products are published.
pub(crate) async fn placed(db: &OrgScope, products: &mut [Product]) -> Result<()> {
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let found: Vec<Place> = db.whole(&PLACES, args![], &ListQuery::of(&PRODUCT, ids)).await?;
    let mut places: BTreeMap<ProductId, Vec<PortalOfProduct>> = BTreeMap::new();
    for Place(product, portal) in found {
        places.entry(product).or_default().push(portal);
    }
    for product in products {
        product.portals = places.remove(&product.id).unwrap_or_default();
        product.portal_ids = product.portals.iter().map(|portal| portal.portal_id).collect();
    }
    Ok(())
}

pub(super) async fn product_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<Product>> {
    let mut page = db.page(&ALL, args![], query).await?;
    placed(db, page.items_mut()).await?;
    Ok(page)
}

/// A product.
pub async fn product_get(db: &OrgScope, id: ProductId) -> Result<Option<Product>> {
    let sql = org_sql!("SELECT ", columns!(), " FROM products t WHERE t.org_id = $1 AND t.id = $2");
    let Some(mut product) = db.optional::<Product>(sql, args![id]).await? else { return Ok(None) };
    placed(db, std::slice::from_mut(&mut product)).await?;
    Ok(Some(product))
}

/// The values of what can be changed, in the order of both statements.
fn changeable(product: &Product) -> Vec<Arg> {
    let Product { name, description, labels, public_labels, updated_at, .. } = product;
    args![
        name,
        fold(name),
        description.as_deref(),
        description.as_deref().map(fold),
        labels,
        public_labels,
        *updated_at
    ]
}

async fn portals_insert(db: &OrgScope, product: ProductId, portals: &[PortalId]) -> Result<(), DbError> {
    let sql = org_sql!("INSERT INTO product_portals (org_id, product_id, portal_id) VALUES ($1, $2, $3)");
    for portal in portals {
        db.execute(sql, args![product, *portal]).await?;
    }
    Ok(())
}

pub(super) async fn product_insert(db: &OrgScope, product: &Product) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO products (org_id, id, created_at, name, name_folded, description, description_folded, labels, ",
        "public_labels, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    );
    let mut values = args![product.id, product.created_at];
    values.extend(changeable(product));
    db.execute(sql, values).await?;
    portals_insert(db, product.id, &product.portal_ids).await
}

/// `moved` is whether the portals are others, or in another order.
pub(super) async fn product_update(db: &OrgScope, product: &Product, moved: bool) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE products SET name = $3, name_folded = $4, description = $5, description_folded = $6, labels = $7, ",
        "public_labels = $8, updated_at = $9 WHERE org_id = $1 AND id = $2"
    );
    let mut values = args![product.id];
    values.extend(changeable(product));
    db.execute(sql, values).await?;
    if moved {
        let sql = org_sql!("DELETE FROM product_portals WHERE org_id = $1 AND product_id = $2");
        db.execute(sql, args![product.id]).await?;
        portals_insert(db, product.id, &product.portal_ids).await?;
    }
    Ok(())
}

/// Where it is published goes with it.
pub(super) async fn product_delete(db: &OrgScope, id: ProductId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM products WHERE org_id = $1 AND id = $2"), args![id]).await
}
