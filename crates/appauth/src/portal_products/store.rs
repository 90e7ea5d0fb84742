//! The SQL of products in portals.

use frame::{
    args,
    db::{Listing, OrgScope, Paged},
};
use kernel::{PortalId, Result, query::ListQuery};

use super::IN_PORTAL;
use crate::products::{Product, store::placed};

static PUBLISHED: Listing = Listing {
    collection: &IN_PORTAL,
    columns: "t.id, t.name, t.description, t.labels, t.public_labels, t.created_at, t.updated_at, \
              (SELECT COUNT(*) FROM portal_product_versions p WHERE p.org_id = t.org_id AND p.portal_id = $2 \
              AND p.publish_status = 'published' AND p.product_version_id IN \
              (SELECT v.id FROM product_versions v WHERE v.org_id = t.org_id AND v.product_id = t.id)) AS version_count",
    table: "products",
    condition: "EXISTS (SELECT 1 FROM product_portals i WHERE i.org_id = t.org_id AND i.product_id = t.id \
                AND i.portal_id = $2)",
    large: false,
};

/// The products that are published in a portal.
pub(super) async fn product_list(
    db: &OrgScope,
    portal: PortalId,
    query: &ListQuery,
) -> Result<Paged<Product>> {
    let mut page = db.page(&PUBLISHED, args![portal], query).await?;
    placed(db, page.items_mut()).await?;
    Ok(page)
}
