//! The operations on versions of products.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, patch, post, regional};
use kernel::Action;

use super::{VERSIONS, version_create, version_delete, version_get, version_list, version_update};

const TAG: &str = "API product versions";
const ALL: &str = "/v2/api-products/{apiProductId}/product-versions";
const ONE: &str = "/v2/api-products/{apiProductId}/product-versions/{apiProductVersionId}";
const VIEWER: &str = "API Products Viewer";
const MAINTAINER: &str = "API Products Maintainer";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let of = |action, role| Rule::Needs(regional(action, "api-products/{apiProductId}/versions/*", role));
    let on = |action, role| {
        let path = "api-products/{apiProductId}/versions/{apiProductVersionId}";
        Rule::Needs(regional(action, path, role))
    };
    vec![
        post("create-api-product-version", ALL)
            .allow(NO_SERVICES, of(Action::Create, MAINTAINER))
            .doc(
                TAG,
                "Create a version of a product",
                "It is in no portal yet. `publish_status` and `deprecated` are kept and returned; what counts is said \
                 portal by portal. Names need not be unique.",
            )
            .platform_errors()
            .plain_ids()
            .handle(version_create),
        get("list-api-product-versions", ALL)
            .allow(NO_SERVICES, of(Action::List, VIEWER))
            .doc(TAG, "List the versions of a product", "")
            .platform_errors()
            .plain_ids()
            .list(&VERSIONS)
            .handle(version_list),
        get("get-api-product-version", ONE)
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get a version of a product", "")
            .platform_errors()
            .handle(version_get),
        patch("update-api-product-version", ONE)
            .allow(NO_SERVICES, on(Action::Edit, MAINTAINER))
            .doc(TAG, "Change a version of a product", "What is not sent stays. `null` takes away the gateway service.")
            .platform_errors()
            .errors(&[400])
            .plain_ids()
            .handle(version_update),
        delete("delete-api-product-version", ONE)
            .allow(NO_SERVICES, on(Action::Delete, MAINTAINER))
            .doc(TAG, "Delete a version of a product", "From every portal, too.")
            .platform_errors()
            .handle(version_delete),
    ]
}
