//! The operations on applications: the organization's, and those of developers at their portal.

use frame::operations::{
    DEVELOPERS, Declared, NO_SERVICES, Operation, Rule, Undeclared, delete, get, patch, post, put, regional,
};
use kernel::Action;

use super::{
    OF_DEVELOPER, OF_PORTAL, WHO,
    admin::{
        application_create, application_delete_in, application_get_anywhere, application_get_in,
        application_list_of, application_update_owner, credential_list_of, developer_list_of,
    },
    classic::{CLASSIC, classic_delete_in, classic_get_anywhere, classic_get_in, classic_list_of},
    classic_own::{
        classic_key_create, classic_key_list, classic_own_create, classic_own_get, classic_own_list,
        classic_own_update, classic_secret_refresh,
    },
    credentials::CREDENTIALS,
    developer::{
        STRATEGIES, own_create, own_credential_create, own_credential_delete, own_credential_update,
        own_credentials, own_delete, own_get, own_list, own_strategies, own_update, scopes_granted,
        secret_regenerate,
    },
    registered::{QUERY, REGISTERED, application_list_of_api, application_list_of_version},
};

const TAG: &str = "Portal applications";
const OWN: &str = "Developer applications";
const VIEWER: &str = "Portals Viewer";
const MAINTAINER: &str = "Portals Maintainer";
const ADMIN: &str = "Portals Admin";
const ALL: &str = "/v3/portals/{portalId}/applications";
const ONE: &str = "/v3/portals/{portalId}/applications/{applicationId}";
const ONE_OWN: &str = "/api/v3/applications/{applicationId}";
const ONE_OWN_OLDER: &str = "/api/v2/applications/{applicationId}";

/// The operations.
pub fn operations() -> Vec<Operation> {
    organizations().into_iter().chain(older()).chain(developers()).chain(older_developers()).collect()
}

fn organizations() -> Vec<Operation> {
    let all = |action, role| Rule::Needs(regional(action, "portals/{portalId}/applications/*", role));
    let one =
        |action, role| Rule::Needs(regional(action, "portals/{portalId}/applications/{applicationId}", role));
    vec![
        post("create-application", ALL)
            .allow(NO_SERVICES, all(Action::Create, ADMIN))
            .doc(
                TAG,
                "Create an application for a developer",
                "Without `auth_strategy_id` it has the portal's default strategy; whoever names one has to be allowed to \
                 read it. If the strategy has a DCR provider a client is made there, or the one that `dcr_client_id` \
                 names is taken over. Its secret is for the developer, who regenerates it.",
            )
            .platform_errors()
            .errors(&[400, 409, 502, 503])
            .handle(application_create),
        get("list-applications", ALL)
            .allow(NO_SERVICES, all(Action::List, VIEWER))
            .doc(TAG, "List a portal's applications", "")
            .platform_errors()
            .list(&OF_PORTAL)
            .errors(&[400])
            .handle(application_list_of),
        get("get-application", ONE)
            .allow(NO_SERVICES, one(Action::Read, VIEWER))
            .doc(TAG, "Get an application", "")
            .platform_errors()
            .handle(application_get_in),
        get("get-application-unscoped", "/v3/applications/{applicationId}")
            .allow(NO_SERVICES, Rule::Member)
            .doc(TAG, "Get an application, whichever portal it is in", "404 for whoever may not read it there.")
            .platform_errors()
            .plain_ids()
            .handle(application_get_anywhere),
        patch("update-application", ONE)
            .allow(NO_SERVICES, one(Action::Edit, MAINTAINER))
            .doc(TAG, "Give an application to another developer", "")
            .platform_errors()
            .errors(&[400])
            .handle(application_update_owner),
        delete("delete-application", ONE)
            .allow(NO_SERVICES, one(Action::Delete, MAINTAINER))
            .doc(
                TAG,
                "Delete an application",
                "Its credentials and registrations end at once. Its client is removed from the identity provider now, or \
                 as soon as that can be reached.",
            )
            .platform_errors()
            .handle(application_delete_in),
        get("list-credentials-by-application", "/v3/portals/{portalId}/applications/{applicationId}/credentials")
            .allow(NO_SERVICES, one(Action::Read, VIEWER))
            .doc(TAG, "List an application's credentials", "Without the secrets, which nobody is shown twice.")
            .platform_errors()
            .errors(&[400, 409, 502, 503])
            .list(&CREDENTIALS)
            .handle(credential_list_of),
        get("list-developers-by-application", "/v3/portals/{portalId}/applications/{applicationId}/developers")
            .allow(NO_SERVICES, one(Action::Read, VIEWER))
            .doc(
                TAG,
                "List the developers who have an application",
                "Its owner, or those in the team that owns it: as far as they are approved.",
            )
            .platform_errors()
            .errors(&[400])
            .list(&WHO)
            .handle(developer_list_of),
    ]
}

/// Those of version 2, on the same applications. Ids that both versions have end here with the older one's number.
fn older() -> Vec<Operation> {
    let all = |action, role| Rule::Needs(regional(action, "portals/{portalId}/applications/*", role));
    let one =
        |action, role| Rule::Needs(regional(action, "portals/{portalId}/applications/{applicationId}", role));
    vec![
        get("list-applications-v2", "/v2/portals/{portalId}/applications")
            .allow(NO_SERVICES, all(Action::List, VIEWER))
            .doc(TAG, "List a portal's applications", "Those of teams are not among them.")
            .platform_errors()
            .list(&CLASSIC)
            .errors(&[400])
            .handle(classic_list_of),
        get("get-application-v2", "/v2/portals/{portalId}/applications/{applicationId}")
            .allow(NO_SERVICES, one(Action::Read, VIEWER))
            .doc(TAG, "Get an application", "404 for one of a team.")
            .platform_errors()
            .handle(classic_get_in),
        get("get-application-unscoped-v2", "/v2/applications/{applicationId}")
            .allow(NO_SERVICES, Rule::Member)
            .doc(
                TAG,
                "Get an application, whichever portal it is in",
                "404 for whoever may not read it there.",
            )
            .platform_errors()
            .plain_ids()
            .handle(classic_get_anywhere),
        delete("delete-application-v2", "/v2/portals/{portalId}/applications/{applicationId}")
            .allow(NO_SERVICES, one(Action::Delete, MAINTAINER))
            .doc(TAG, "Delete an application", "The same as in version 3. 404 for one of a team.")
            .platform_errors()
            .handle(classic_delete_in),
    ]
}

fn own(operation: Undeclared, summary: &'static str, more: &'static str) -> Declared {
    operation.allow(DEVELOPERS, Rule::Developer).at_portal().doc(OWN, summary, more)
}

fn developers() -> Vec<Operation> {
    vec![
        own(
            get("list-application-auth-strategies", "/api/v3/application-auth-strategies"),
            "List the strategies that I can make applications with",
            "The portal's default, and those of the APIs that are published in it.",
        )
        .list(&STRATEGIES)
        .handle(own_strategies),
        own(get("developer-list-applications", "/api/v3/applications"), "List my applications", "")
            .list(&OF_DEVELOPER)
            .handle(own_list),
        own(
            post("developer-create-application", "/api/v3/applications"),
            "Create an application",
            "Without `auth_strategy_id` it has the portal's default strategy. If that has a DCR provider a client is \
             made there, and its secret is shown this once.",
        )
        .errors(&[404, 409, 502, 503])
        .handle(own_create),
        own(get("developer-get-application", ONE_OWN), "Get my application", "").errors(&[400]).handle(own_get),
        own(
            patch("developer-update-application", ONE_OWN),
            "Change my application",
            "Its client at the identity provider follows.",
        )
        .errors(&[400, 409, 502, 503])
        .handle(own_update),
        own(
            delete("developer-delete-application", ONE_OWN),
            "Delete my application",
            "Its credentials and registrations end at once.",
        )
        .errors(&[400])
        .handle(own_delete),
        own(
            get("list-credentials", "/api/v3/applications/{applicationId}/credentials"),
            "List my application's credentials",
            "",
        )
        .errors(&[400, 409, 502, 503])
        .list(&CREDENTIALS)
        .handle(own_credentials),
        own(
            post("create-credential", "/api/v3/applications/{applicationId}/credentials"),
            "Make a further credential",
            "A key, or a secret of the application's client where it can have several. It is shown this once.",
        )
        .errors(&[400, 409, 502, 503])
        .handle(own_credential_create),
        own(
            put("update-credential", "/api/v3/applications/{applicationId}/credentials/{credentialId}"),
            "Give a key another name",
            "",
        )
        .errors(&[400])
        .legacy()
        .handle(own_credential_update),
        own(
            delete("delete-credential", "/api/v3/applications/{applicationId}/credentials/{credentialId}"),
            "End a credential",
            "The last secret of a client stays.",
        )
        .errors(&[400, 409, 502, 503])
        .legacy()
        .handle(own_credential_delete),
        own(
            get("get-api-applications", "/api/v3/apis/{apiIdOrSlug}/applications"),
            "List my applications that are registered for an API",
            "Whatever was said to that; or those that are not.",
        )
        .list(&REGISTERED)
        .query(QUERY)
        .errors(&[400])
        .handle(application_list_of_api),
        own(
            get("get-application-granted-scopes", "/api/v3/applications/{applicationId}/granted-scopes"),
            "Get the scopes that my application was granted",
            "422 if its identity provider does not tell.",
        )
        .errors(&[409, 422, 502, 503])
        .handle(scopes_granted),
        own(
            post("regenerate-application-secret", "/api/v3/applications/{applicationId}/regenerate-secret"),
            "Replace my application's secret",
            "The old one ends. 409 if there are several: one is added then, and one deleted. The new one is shown this \
             once.",
        )
        .errors(&[400, 409, 502, 503])
        .handle(secret_regenerate),
    ]
}

/// What version 2 has in another form or at another place.
fn older_developers() -> Vec<Operation> {
    vec![
        own(
            get("developer-list-application-auth-strategies-v2", "/api/v2/applications/auth-strategies"),
            "List the strategies that I can make applications with",
            "The same as in version 3.",
        )
        .list(&STRATEGIES)
        .handle(own_strategies),
        own(get("developer-list-applications-v2", "/api/v2/applications"), "List my applications", "")
            .list(&OF_DEVELOPER)
            .handle(classic_own_list),
        own(
            post("developer-create-application-v2", "/api/v2/applications"),
            "Create an application",
            "The same as in version 3, but for a team.",
        )
        .errors(&[404, 409, 502, 503])
        .handle(classic_own_create),
        own(get("developer-get-application-v2", ONE_OWN_OLDER), "Get my application", "")
            .errors(&[400])
            .handle(classic_own_get),
        own(patch("developer-update-application-v2", ONE_OWN_OLDER), "Change my application", "")
            .errors(&[400, 409, 502, 503])
            .handle(classic_own_update),
        own(
            delete("developer-delete-application-v2", ONE_OWN_OLDER),
            "Delete my application",
            "The same as in version 3.",
        )
        .errors(&[400])
        .handle(own_delete),
        own(
            get(
                "get-applications-by-product-version",
                "/api/v2/products/{productId}/versions/{productVersionId}/applications",
            ),
            "List my applications that are registered for a version of a product",
            "Whatever was said to that; or those that are not.",
        )
        .list(&REGISTERED)
        .query(QUERY)
        .handle(application_list_of_version),
        own(
            get("developer-list-credentials-v2", "/api/v2/applications/{applicationId}/credentials"),
            "List my application's keys",
            "Who has a client has none.",
        )
        .errors(&[400])
        .list(&CREDENTIALS)
        .handle(classic_key_list),
        own(
            post("developer-create-credential-v2", "/api/v2/applications/{applicationId}/credentials"),
            "Make a further key",
            "It is shown this once.",
        )
        .errors(&[400])
        .handle(classic_key_create),
        own(
            post("refresh-application-token", "/api/v2/applications/{applicationId}/refresh-token"),
            "Replace my application's secret",
            "The same as `regenerate-application-secret`, but 400 where there is none, or more than one.",
        )
        .errors(&[400, 502, 503])
        .handle(classic_secret_refresh),
    ]
}
