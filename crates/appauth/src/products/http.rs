//! The operations on products.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, patch, post, regional};
use kernel::Action;

use super::{PRODUCTS, product_create, product_delete, product_get, product_list, product_update};

const TAG: &str = "API products";
const VIEWER: &str = "API Products Viewer";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let on = |action, role| Rule::Needs(regional(action, "api-products/{apiProductId}", role));
    vec![
        post("create-api-product", "/v2/api-products")
            .allow(NO_SERVICES, Rule::Needs(regional(Action::Create, "api-products/*", "API Products Creator")))
            .doc(
                TAG,
                "Create a product",
                "Who names portals has to be allowed to publish products, and to read the portals. Names need not be \
                 unique.",
            )
            .platform_errors()
            .handle(product_create),
        get("list-api-products", "/v2/api-products")
            .allow(NO_SERVICES, Rule::NeedsSome(regional(Action::List, "api-products/*", VIEWER)))
            .doc(TAG, "List products", "")
            .platform_errors()
            .list(&PRODUCTS)
            .handle(product_list),
        get("get-api-product", "/v2/api-products/{apiProductId}")
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get a product", "")
            .platform_errors()
            .handle(product_get),
        patch("update-api-product", "/v2/api-products/{apiProductId}")
            .allow(NO_SERVICES, on(Action::Edit, "API Products Maintainer"))
            .doc(
                TAG,
                "Change a product",
                "What is not sent stays. Who changes the portals has to be allowed to publish the product, and to read \
                 those that are new.",
            )
            .platform_errors()
            .errors(&[400])
            .plain_ids()
            .handle(product_update),
        delete("delete-api-product", "/v2/api-products/{apiProductId}")
            .allow(NO_SERVICES, on(Action::Delete, "API Products Admin"))
            .doc(TAG, "Delete a product", "With its versions, in every portal.")
            .platform_errors()
            .handle(product_delete),
    ]
}
