//! The operations on registrations: the organization's, and those of developers at their portal.

use frame::operations::{DEVELOPERS, NO_SERVICES, Operation, Rule, delete, get, patch, post, regional};
use kernel::Action;

use super::{
    OF_APPLICATION, OF_PORTAL, own_create, own_delete, own_get, own_list, registration_create,
    registration_delete, registration_get, registration_list, registration_list_all, registration_update,
};

const TAG: &str = "Portal application registrations";
const OWN: &str = "Developer applications";
const VIEWER: &str = "Portals Viewer";
const MAINTAINER: &str = "Portals Maintainer";
const ALL: &str = "/v3/portals/{portalId}/applications/{applicationId}/registrations";
const ONE: &str = "/v3/portals/{portalId}/applications/{applicationId}/registrations/{registrationId}";
const ALL_OWN: &str = "/api/v3/applications/{applicationId}/registrations";
const ONE_OWN: &str = "/api/v3/applications/{applicationId}/registrations/{registrationId}";

/// The operations.
pub fn operations() -> Vec<Operation> {
    organizations().into_iter().chain(developers()).collect()
}

fn organizations() -> Vec<Operation> {
    let of =
        |action, role| Rule::Needs(regional(action, "portals/{portalId}/applications/{applicationId}", role));
    let grant = || Rule::Needs(regional(Action::GrantApiAccess, "portals/{portalId}", MAINTAINER));
    vec![
        get("list-registrations", "/v3/portals/{portalId}/application-registrations")
            .allow(NO_SERVICES, Rule::Needs(regional(Action::List, "portals/{portalId}/applications/*", VIEWER)))
            .doc(TAG, "List a portal's registrations", "")
            .platform_errors()
            .list(&OF_PORTAL)
            .errors(&[400])
            .handle(registration_list_all),
        get("list-registrations-by-application", ALL)
            .allow(NO_SERVICES, of(Action::Read, VIEWER))
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
            .allow(NO_SERVICES, of(Action::Read, VIEWER))
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

fn developers() -> Vec<Operation> {
    vec![
        get("developer-list-application-registrations", ALL_OWN)
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(OWN, "List my application's registrations", "")
            .list(&OF_APPLICATION)
            .errors(&[400]).handle(own_list),
        post("developer-create-application-registration", ALL_OWN)
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(
                OWN,
                "Register my application for an API",
                "It is approved at once if the API's publication or the portal says so; else it waits for the \
                 organization.",
            )
            .errors(&[400, 409])
            .handle(own_create),
        get("developer-get-application-registration", ONE_OWN)
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(OWN, "Get my application's registration", "")
            .handle(own_get),
        delete("developer-delete-application-registration", ONE_OWN)
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(OWN, "Delete my application's registration", "")
            .handle(own_delete),
    ]
}
