//! The operations on registrations: the organization's, and those of developers at their portal.

use frame::operations::{
    DEVELOPERS, Declared, NO_SERVICES, Operation, Rule, Undeclared, delete, get, patch, post, regional,
};
use kernel::Action;

use super::{
    admin::{
        OF_APPLICATION, OF_PORTAL, registration_create, registration_delete, registration_get,
        registration_list, registration_list_all, registration_update,
    },
    classic::{
        CLASSIC_OF_APPLICATION, CLASSIC_OF_PORTAL, classic_delete, classic_get, classic_list,
        classic_list_in_portal, classic_scopes, classic_update,
    },
    classic_own::{
        CLASSIC_OWN, classic_own_create, classic_own_delete, classic_own_get, classic_own_list,
        classic_own_scopes, classic_own_scopes_of_version,
    },
    developer::{own_create, own_delete, own_get, own_list},
};

const TAG: &str = "Portal application registrations";
const OWN: &str = "Developer applications";
const VIEWER: &str = "Portals Viewer";
const MAINTAINER: &str = "Portals Maintainer";
const ALL: &str = "/v3/portals/{portalId}/applications/{applicationId}/registrations";
const ONE: &str = "/v3/portals/{portalId}/applications/{applicationId}/registrations/{registrationId}";
const ALL_OWN: &str = "/api/v3/applications/{applicationId}/registrations";
const ONE_OWN: &str = "/api/v3/applications/{applicationId}/registrations/{registrationId}";
const OLDER: &str = "/v2/portals/{portalId}/applications/{applicationId}/registrations";
const ONE_OLDER: &str = "/v2/portals/{portalId}/applications/{applicationId}/registrations/{registrationId}";
const OWN_OLDER: &str = "/api/v2/applications/{applicationId}/registrations";
const ONE_OWN_OLDER: &str = "/api/v2/applications/{applicationId}/registrations/{registrationId}";

/// The operations.
pub fn operations() -> Vec<Operation> {
    organizations().into_iter().chain(older()).chain(developers()).chain(older_developers()).collect()
}

/// Who may look at those of a portal.
fn all(action: Action) -> Rule {
    Rule::Needs(regional(action, "portals/{portalId}/applications/*", VIEWER))
}

/// Who may look at those of an application.
fn of(action: Action) -> Rule {
    Rule::Needs(regional(action, "portals/{portalId}/applications/{applicationId}", VIEWER))
}

/// Who may say what becomes of them.
fn grant() -> Rule {
    Rule::Needs(regional(Action::GrantApiAccess, "portals/{portalId}", MAINTAINER))
}

fn organizations() -> Vec<Operation> {
    vec![
        get("list-registrations", "/v3/portals/{portalId}/application-registrations")
            .allow(NO_SERVICES, all(Action::List))
            .doc(TAG, "List a portal's registrations", "")
            .platform_errors()
            .list(&OF_PORTAL)
            .errors(&[400])
            .handle(registration_list_all),
        get("list-registrations-by-application", ALL)
            .allow(NO_SERVICES, of(Action::Read))
            .doc(TAG, "List an application's registrations", "")
            .platform_errors()
            .list(&OF_APPLICATION)
            .errors(&[400])
            .handle(registration_list),
        post("create-application-registration", ALL)
            .allow(NO_SERVICES, grant())
            .doc(
                TAG,
                "Register an application for an API",
                "The API has to be published in the application's portal, with the application's auth strategy. Without \
                 `status` the publication and the portal say whether it is approved at once.",
            )
            .platform_errors()
            .errors(&[400, 409])
            .handle(registration_create),
        get("get-application-registration", ONE)
            .allow(NO_SERVICES, of(Action::Read))
            .doc(TAG, "Get a registration", "")
            .platform_errors()
            .handle(registration_get),
        patch("update-application-registration", ONE)
            .allow(NO_SERVICES, grant())
            .doc(TAG, "Approve, reject or revoke a registration", "Only an approved one lets requests through.")
            .platform_errors()
            .errors(&[400])
            .handle(registration_update),
        delete("delete-application-registration", ONE)
            .allow(NO_SERVICES, grant())
            .doc(TAG, "Delete a registration", "Its requests are let through no longer.")
            .platform_errors()
            .handle(registration_delete),
    ]
}

/// Those of version 2, for versions of products. Ids that both versions have end here with the older one's number.
fn older() -> Vec<Operation> {
    vec![
        get("list-registrations-v2", "/v2/portals/{portalId}/application-registrations")
            .allow(NO_SERVICES, all(Action::List))
            .doc(TAG, "List a portal's registrations for versions of products", "")
            .platform_errors()
            .list(&CLASSIC_OF_PORTAL)
            .errors(&[400])
            .handle(classic_list_in_portal),
        get("list-registrations-by-application-v2", OLDER)
            .allow(NO_SERVICES, of(Action::Read))
            .doc(
                TAG,
                "List an application's registrations for versions of products",
                "404 for one of a team.",
            )
            .platform_errors()
            .list(&CLASSIC_OF_APPLICATION)
            .errors(&[400])
            .handle(classic_list),
        get("get-application-registration-v2", ONE_OLDER)
            .allow(NO_SERVICES, of(Action::Read))
            .doc(TAG, "Get a registration for a version of a product", "")
            .platform_errors()
            .handle(classic_get),
        patch("update-application-registration-v2", ONE_OLDER)
            .allow(NO_SERVICES, grant())
            .doc(
                TAG,
                "Approve, reject or revoke a registration for a version of a product",
                "Only an approved one lets requests through.",
            )
            .platform_errors()
            .errors(&[400])
            .handle(classic_update),
        delete("delete-application-registration-v2", ONE_OLDER)
            .allow(NO_SERVICES, grant())
            .doc(
                TAG,
                "Delete a registration for a version of a product",
                "Its requests are let through no longer.",
            )
            .platform_errors()
            .handle(classic_delete),
        get(
            "list-granted-scopes",
            "/v2/portals/{portalId}/applications/{applicationId}/registrations/{registrationId}/granted-scopes",
        )
        .allow(NO_SERVICES, of(Action::Read))
        .doc(
            TAG,
            "List the scopes that a registration's application was granted",
            "If its identity provider does not tell, those that its developer chose.",
        )
        .platform_errors()
        .errors(&[409, 502, 503])
        .handle(classic_scopes),
    ]
}

fn own(operation: Undeclared, summary: &'static str, more: &'static str) -> Declared {
    operation.allow(DEVELOPERS, Rule::Developer).at_portal().doc(OWN, summary, more)
}

fn developers() -> Vec<Operation> {
    vec![
        own(get("developer-list-application-registrations", ALL_OWN), "List my application's registrations", "")
            .list(&OF_APPLICATION)
            .errors(&[400])
            .handle(own_list),
        own(
            post("developer-create-application-registration", ALL_OWN),
            "Register my application for an API",
            "It is approved at once if the API's publication or the portal says so; else it waits for the organization.",
        )
        .errors(&[400, 409])
        .handle(own_create),
        own(get("developer-get-application-registration", ONE_OWN), "Get my application's registration", "")
            .handle(own_get),
        own(
            delete("developer-delete-application-registration", ONE_OWN),
            "Delete my application's registration",
            "409 for one that was revoked or rejected: only the organization deletes that.",
        )
        .errors(&[409])
        .handle(own_delete),
    ]
}

fn older_developers() -> Vec<Operation> {
    vec![
        own(
            get("developer-list-application-registrations-v2", OWN_OLDER),
            "List my application's registrations for versions of products",
            "",
        )
        .list(&CLASSIC_OWN)
        .errors(&[400])
        .handle(classic_own_list),
        own(
            post("developer-create-application-registration-v2", OWN_OLDER),
            "Register my application for a version of a product",
            "It is approved at once if the version or the portal says so; else it waits for the organization. `scopes` \
             are added to those of the application, where developers choose them.",
        )
        .errors(&[400, 409, 502, 503])
        .handle(classic_own_create),
        own(
            get("developer-get-application-registration-v2", ONE_OWN_OLDER),
            "Get my application's registration for a version of a product",
            "",
        )
        .handle(classic_own_get),
        own(
            delete("developer-delete-application-registration-v2", ONE_OWN_OLDER),
            "Delete my application's registration for a version of a product",
            "409 for one that was revoked or rejected: only the organization deletes that.",
        )
        .errors(&[409])
        .handle(classic_own_delete),
        own(
            get(
                "get-application-registration-granted-scopes",
                "/api/v2/applications/{applicationId}/registrations/{registrationId}/granted-scopes",
            ),
            "Get the scopes that a registration's application was granted",
            "422 if its identity provider does not tell.",
        )
        .errors(&[409, 422, 502, 503])
        .handle(classic_own_scopes),
        own(
            get(
                "get-application-product-version-granted-scopes",
                "/api/v2/applications/{applicationId}/product-versions/{productVersionId}/granted-scopes",
            ),
            "Get the scopes that my application was granted, by a version that it is registered for",
            "422 if its identity provider does not tell.",
        )
        .errors(&[409, 422, 502, 503])
        .handle(classic_own_scopes_of_version),
    ]
}
