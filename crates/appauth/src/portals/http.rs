//! The operations on portals.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, patch, post, regional};
use kernel::Action;

use super::{FORCE, PORTALS, portal_create, portal_delete, portal_get, portal_list, portal_update};

const TAG: &str = "Portals";
const VIEWER: &str = "Portals Viewer";
const CREATOR: &str = "Portals Creator";
const ADMIN: &str = "Portals Admin";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let on = |action, role| Rule::Needs(regional(action, "portals/{portalId}", role));
    vec![
        post("create-portal", "/v3/portals")
            .allow(NO_SERVICES, Rule::Needs(regional(Action::Create, "portals/*", CREATOR)))
            .doc(
                TAG,
                "Create a portal",
                "It gets a domain of its own and, unless the request says which strategy is its default or that it has none, \
                 a new strategy of keys. Whoever names a strategy has to be allowed to read it. 409 if the name is taken.",
            )
            .platform_errors()
            .errors(&[409])
            .handle(portal_create),
        get("list-portals", "/v3/portals")
            .allow(NO_SERVICES, Rule::NeedsSome(regional(Action::List, "portals/*", VIEWER)))
            .doc(TAG, "List portals", "")
            .platform_errors()
            .list(&PORTALS)
            .handle(portal_list),
        get("get-portal", "/v3/portals/{portalId}")
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get a portal", "")
            .platform_errors()
            .handle(portal_get),
        patch("update-portal", "/v3/portals/{portalId}")
            .allow(NO_SERVICES, on(Action::Edit, ADMIN))
            .doc(
                TAG,
                "Change a portal",
                "What is not sent stays. `null` takes away the description, the default strategy, and labels. What is \
                 published already keeps its strategy.",
            )
            .platform_errors()
            .errors(&[400, 409])
            .handle(portal_update),
        delete("delete-portal", "/v3/portals/{portalId}")
            .allow(NO_SERVICES, on(Action::Delete, ADMIN))
            .doc(
                TAG,
                "Delete a portal",
                "400 while APIs are published in it, unless `force` is `true`: then they are not published there any \
                 more. Its default strategy stays.",
            )
            .platform_errors()
            .errors(&[400])
            .plain_ids()
            .query(&[(FORCE, "`true` to delete it with what is published in it")])
            .handle(portal_delete),
    ]
}
