//! The operations on products in portals.

use frame::operations::{NO_SERVICES, Operation, Rule, get, post, regional};
use kernel::Action;

use super::{IN_PORTAL, product_list, product_publish};

const TAG: &str = "Portal products";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let on = |action, role| Rule::Needs(regional(action, "portals/{portalId}", role));
    vec![
        get("list-portal-products", "/v2/portals/{portalId}/products")
            .allow(NO_SERVICES, on(Action::Read, "Portals Viewer"))
            .doc(TAG, "List the products that are published in a portal", "")
            .platform_errors()
            .errors(&[400])
            .list(&IN_PORTAL)
            .handle(product_list),
        post("publish-api-products", "/v2/portals/{portalId}/publish")
            .allow(NO_SERVICES, on(Action::Publish, "Portals Product Publisher"))
            .doc(
                TAG,
                "Publish products in a portal, or take them out of it",
                "Those that are `null` stay as they are. Whoever does has to be allowed to publish each of the others, \
                 too. All of them are, or none.",
            )
            .platform_errors()
            .errors(&[400])
            .handle(product_publish),
    ]
}
