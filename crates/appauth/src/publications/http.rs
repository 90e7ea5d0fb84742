//! The operations on publications.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, put, regional};
use kernel::Action;

use super::{PUBLICATIONS, publication_delete, publication_get, publication_list, publication_put};

const TAG: &str = "API publications";
const PATH: &str = "/v3/apis/{apiId}/publications/{portalId}";
const VIEWER: &str = "APIs Viewer";
const PUBLISHER: &str = "APIs Publisher";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let on = |action, role| Rule::Needs(regional(action, "apis/{apiId}", role));
    vec![
        put("publish-api-to-portal", PATH)
            .allow(NO_SERVICES, on(Action::Publish, PUBLISHER))
            .doc(
                TAG,
                "Publish an API in a portal",
                "Whoever does has to be allowed to read the portal, and the strategy if he names one. Publishing again \
                 replaces what was said before. Without `auth_strategy_ids` the portal's default strategy is used, with \
                 `null` none. Answers 200.",
            )
            .platform_errors()
            .errors(&[400])
            .plain_ids()
            .handle(publication_put),
        get("fetch-publication", PATH)
            .allow(NO_SERVICES, on(Action::Read, VIEWER))
            .doc(TAG, "Get a publication", "404 if the API is not published in the portal.")
            .platform_errors()
            .handle(publication_get),
        delete("delete-publication", PATH)
            .allow(NO_SERVICES, on(Action::Publish, PUBLISHER))
            .doc(TAG, "End a publication", "Whoever does has to be allowed to read the portal.")
            .platform_errors()
            .handle(publication_delete),
        get("list-api-publications", "/v3/api-publications")
            .allow(NO_SERVICES, Rule::NeedsSome(regional(Action::List, "apis/*", VIEWER)))
            .doc(TAG, "List publications", "Of the APIs that the caller may list.")
            .platform_errors()
            .list(&PUBLICATIONS)
            .handle(publication_list),
    ]
}
