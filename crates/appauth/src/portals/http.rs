//! The operations on portals.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, patch, post, regional};
use kernel::Action;

use super::{
    FORCE, PORTALS,
    classic::{CLASSIC, classic_create, classic_get, classic_list, classic_update},
    portal_create, portal_delete, portal_get, portal_list, portal_update,
};

const TAG: &str = "Portals";
const VIEWER: &str = "Portals Viewer";
const CREATOR: &str = "Portals Creator";
const ADMIN: &str = "Portals Admin";
const FORCES: &str = "`true` to delete it with what is published in it";

/// The operations.
pub fn operations() -> Vec<Operation> {
    newer().into_iter().chain(older()).collect()
}

fn on(action: Action, role: &'static str) -> Rule {
    Rule::Needs(regional(action, "portals/{portalId}", role))
}

/// Those of version 3.
fn newer() -> Vec<Operation> {
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
                "400 while APIs are published in it, or product versions that applications can be registered for, unless \
                 `force` is `true`: then they are not published there any more. Its default strategy stays.",
            )
            .platform_errors()
            .errors(&[400])
            .plain_ids()
            .query(&[(FORCE, FORCES)])
            .handle(portal_delete),
    ]
}

/// Those of version 2, on the same portals. Ids that both versions have end here with the older one's number.
fn older() -> Vec<Operation> {
    vec![
        post("create-portal-v2", "/v2/portals")
            .allow(NO_SERVICES, Rule::Needs(regional(Action::Create, "portals/*", CREATOR)))
            .doc(TAG, "Create a portal", "The same as in version 3, with fewer things to say.")
            .platform_errors()
            .errors(&[409])
            .handle(classic_create),
        get("list-portals-v2", "/v2/portals")
            .allow(NO_SERVICES, Rule::NeedsSome(regional(Action::List, "portals/*", VIEWER)))
            .doc(TAG, "List portals", "The same portals as in version 3.")
            .platform_errors()
            .list(&CLASSIC)
            .handle(classic_list),
        get("get-portal-v2", "/v2/portals/{portalId}")
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get a portal", "")
            .platform_errors()
            .handle(classic_get),
        patch("update-portal-v2", "/v2/portals/{portalId}")
            .allow(NO_SERVICES, on(Action::Edit, ADMIN))
            .doc(TAG, "Change a portal", "What is not sent stays.")
            .platform_errors()
            .errors(&[400, 409])
            .handle(classic_update),
        delete("delete-portal-v2", "/v2/portals/{portalId}")
            .allow(NO_SERVICES, on(Action::Delete, ADMIN))
            .doc(
                TAG,
                "Delete a portal",
                "400 while it has APIs, or product versions that applications can be registered for, unless `force` is \
                 `true`.",
            )
            .platform_errors()
            .errors(&[400])
            .query(&[(FORCE, FORCES)])
            .handle(portal_delete),
    ]
}
