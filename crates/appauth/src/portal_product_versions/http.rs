//! The operations on versions of products in portals.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, patch, post, put, regional};
use kernel::Action;

use super::{
    VERSIONS, version_create, version_delete, version_get, version_list, version_replace, version_update,
};

const TAG: &str = "Portal product versions";
const ALL: &str = "/v2/portals/{portalId}/product-versions";
const ONE: &str = "/v2/portals/{portalId}/product-versions/{productVersionId}";
const VIEWER: &str = "Portals Viewer";
const MAINTAINER: &str = "Portals Maintainer";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let of = |action, role| Rule::Needs(regional(action, "portals/{portalId}/api-versions/*", role));
    let on = |action, role| {
        Rule::Needs(regional(action, "portals/{portalId}/api-versions/{productVersionId}", role))
    };
    vec![
        post("create-portal-product-version", ALL)
            .allow(NO_SERVICES, of(Action::Create, MAINTAINER))
            .doc(
                TAG,
                "Put a product version into a portal",
                "Whoever does has to be allowed to read the product, and the strategy if he names one.",
            )
            .platform_errors()
            .errors(&[400])
            .handle(version_create),
        get("list-portal-product-versions", ALL)
            .allow(NO_SERVICES, of(Action::List, VIEWER))
            .doc(TAG, "List the product versions in a portal", "")
            .platform_errors()
            .errors(&[400])
            .list(&VERSIONS)
            .handle(version_list),
        get("get-portal-product-version", ONE)
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get a product version in a portal", "")
            .platform_errors()
            .errors(&[400])
            .handle(version_get),
        put("replace-portal-product-version", ONE)
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(TAG, "Replace what is said of a product version in a portal", "404 if it is not there.")
            .platform_errors()
            .errors(&[400])
            .handle(version_replace),
        patch("update-portal-product-version", ONE)
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(TAG, "Change what is said of a product version in a portal", "What is not sent stays.")
            .platform_errors()
            .errors(&[400])
            .handle(version_update),
        delete("delete-portal-product-version", ONE)
            .allow(NO_SERVICES, on(Action::Delete, MAINTAINER))
            .doc(TAG, "Take a product version out of a portal", "")
            .platform_errors()
            .handle(version_delete),
    ]
}
