//! The operations on APIs.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, patch, post, regional};
use kernel::Action;

use super::{APIS, api_create, api_delete, api_get, api_list, api_update};

const TAG: &str = "APIs";
const VIEWER: &str = "APIs Viewer";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let on = |action, role| Rule::Needs(regional(action, "apis/{apiId}", role));
    vec![
        post("create-api", "/v3/apis")
            .allow(NO_SERVICES, Rule::Needs(regional(Action::Create, "apis/*", "APIs Creator")))
            .doc(
                TAG,
                "Create an API",
                "Without a `slug` it gets one of its name and version. 409 if there is one with this name and version.",
            )
            .platform_errors()
            .errors(&[409])
            .handle(api_create),
        get("list-apis", "/v3/apis")
            .allow(NO_SERVICES, Rule::NeedsSome(regional(Action::List, "apis/*", VIEWER)))
            .doc(TAG, "List APIs", "")
            .platform_errors()
            .list(&APIS)
            .handle(api_list),
        get("fetch-api", "/v3/apis/{apiId}")
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get an API", "")
            .platform_errors()
            .handle(api_get),
        patch("update-api", "/v3/apis/{apiId}")
            .allow(NO_SERVICES, on(Action::Edit, "APIs Maintainer"))
            .doc(
                TAG,
                "Change an API",
                "What is not sent stays. `null` takes away description, version, slug, attributes and labels.",
            )
            .platform_errors()
            .errors(&[400, 409])
            .plain_ids()
            .handle(api_update),
        delete("delete-api", "/v3/apis/{apiId}")
            .allow(NO_SERVICES, on(Action::Delete, "APIs Admin"))
            .doc(TAG, "Delete an API", "It is not published any more, wherever it was.")
            .platform_errors()
            .handle(api_delete),
    ]
}
