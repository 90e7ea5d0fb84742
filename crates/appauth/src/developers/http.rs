//! The operations on developers: the organization's, and those of developers at their portal.

use frame::{
    operations::{DEVELOPERS, NO_SERVICES, Operation, Rule, Undeclared, delete, get, patch, post, regional},
    principal::Callers,
};
use kernel::Action;

use super::{
    LISTED,
    account::{developer_register, email_verify, password_forgot, password_reset},
    classic::{classic_get, classic_list, classic_update},
    context::{account_get, classic_context_get, context_get},
    developer_create, developer_delete, developer_get, developer_list, developer_update,
    pages::{password_page, password_submit},
    sessions::{developer_authenticate, session_logout, session_refresh},
};

const TAG: &str = "Portal developers";
const OWN: &str = "Developer";
const VIEWER: &str = "Portals Viewer";
const ADMIN: &str = "Portals Admin";

/// The operations.
pub fn operations() -> Vec<Operation> {
    organizations().into_iter().chain(older()).chain(developers()).collect()
}

/// What the organization does with a portal's developers.
fn organizations() -> Vec<Operation> {
    let all = |action, role| Rule::Needs(regional(action, "portals/{portalId}/developers/*", role));
    let one =
        |action, role| Rule::Needs(regional(action, "portals/{portalId}/developers/{developerId}", role));
    vec![
        post("create-developer", "/v3/portals/{portalId}/developers")
            .allow(NO_SERVICES, all(Action::Create, ADMIN))
            .doc(
                TAG,
                "Create a developer",
                "Without `status` the portal decides by `auto_approve_developers`. A mail is sent if \
                 `send_invitation_email` asks for it: its link lets the developer set a password.",
            )
            .platform_errors()
            .errors(&[400, 409])
            .handle(developer_create),
        get("list-portal-developers", "/v3/portals/{portalId}/developers")
            .allow(NO_SERVICES, all(Action::List, VIEWER))
            .doc(TAG, "List a portal's developers", "")
            .platform_errors()
            .errors(&[400])
            .list(&LISTED)
            .handle(developer_list),
        get("get-developer", "/v3/portals/{portalId}/developers/{developerId}")
            .allow(NO_SERVICES, one(Action::Read, VIEWER))
            .doc(TAG, "Get a developer", "")
            .platform_errors()
            .handle(developer_get),
        patch("update-developer", "/v3/portals/{portalId}/developers/{developerId}")
            .allow(NO_SERVICES, one(Action::Edit, ADMIN))
            .doc(
                TAG,
                "Approve, reject or revoke a developer",
                "Whoever is not approved any more is signed out at once. Whoever becomes approved hears of it by mail.",
            )
            .platform_errors()
            .errors(&[400])
            .handle(developer_update),
        delete("delete-developer", "/v3/portals/{portalId}/developers/{developerId}")
            .allow(NO_SERVICES, one(Action::Delete, ADMIN))
            .doc(TAG, "Delete a developer", "Its sessions end at once, and its applications go with it. The address can be registered again.")
            .platform_errors()
            .handle(developer_delete),
    ]
}

/// What version 2 says more of them in.
fn older() -> Vec<Operation> {
    const ONE: &str = "/v2/portals/{portalId}/developers/{developerId}";
    let one =
        |action, role| Rule::Needs(regional(action, "portals/{portalId}/developers/{developerId}", role));
    vec![
        get("list-portal-developers-v2", "/v2/portals/{portalId}/developers")
            .allow(
                NO_SERVICES,
                Rule::Needs(regional(Action::List, "portals/{portalId}/developers/*", VIEWER)),
            )
            .doc(TAG, "List a portal's developers", "With how many applications they own.")
            .platform_errors()
            .errors(&[400])
            .list(&LISTED)
            .handle(classic_list),
        get("get-developer-v2", ONE)
            .allow(NO_SERVICES, one(Action::Read, VIEWER))
            .doc(TAG, "Get a developer", "With how many applications it owns.")
            .platform_errors()
            .handle(classic_get),
        patch("update-developer-v2", ONE)
            .allow(NO_SERVICES, one(Action::Edit, ADMIN))
            .doc(TAG, "Approve, reject or revoke a developer", "The same as in version 3.")
            .platform_errors()
            .errors(&[400])
            .handle(classic_update),
        delete("delete-developer-v2", ONE)
            .allow(NO_SERVICES, one(Action::Delete, ADMIN))
            .doc(TAG, "Delete a developer", "The same as in version 3.")
            .platform_errors()
            .handle(developer_delete),
    ]
}

/// What developers do at their portal.
fn developers() -> Vec<Operation> {
    let open = |operation: Undeclared| operation.allow(Callers::NONE, Rule::Public).at_portal();
    // What version 2 of the portal's API has in the same form.
    let account = |operation: Undeclared| open(operation).legacy();
    vec![
        account(post("register", "/api/v3/developer"))
            .doc(
                OWN,
                "Register",
                "Sends a mail whose link verifies the address and lets the developer set a password. The answer is the \
                 same for an address that has registered already; the mail tells.",
            )
            .errors(&[429])
            .handle(developer_register),
        account(post("verify-email", "/api/v3/developer/verify-email"))
            .doc(
                OWN,
                "Verify an address",
                "Takes the token of the mail, and gives one that sets the password. 410 for a token that was used, \
                 replaced by a newer one, or has expired.",
            )
            .errors(&[410])
            .handle(email_verify),
        account(post("forgot-password", "/api/v3/developer/forgot-password"))
            .doc(
                OWN,
                "Ask for a new password",
                "Sends a mail with a link that sets one. The answer is the same whether anybody has the address.",
            )
            .handle(password_forgot),
        account(post("reset-password", "/api/v3/developer/reset-password"))
            .doc(
                OWN,
                "Set a password",
                "Takes the token of a link, or of `verify-email`. All sessions of the developer end. 410 for a token \
                 that was used, replaced by a newer one, or has expired.",
            )
            .errors(&[410])
            .handle(password_reset),
        account(post("authenticate", "/api/v3/developer/authenticate"))
            .doc(
                OWN,
                "Sign in",
                "Sets the cookies `portalaccesstoken` and `portalrefreshtoken`. An address that nobody has, a wrong \
                 password, and a developer who is not approved get the same 401. After some failures there is 429 with \
                 `Retry-After`.",
            )
            .errors(&[401, 429])
            .handle(developer_authenticate),
        account(post("refresh", "/api/v3/developer/refresh"))
            .doc(
                OWN,
                "Keep a developer's session going",
                "Takes the cookie `portalrefreshtoken`, and sets new cookies. A refresh token is good for one use; a \
                 second one, some seconds later, ends the session.",
            )
            .errors(&[401])
            .handle(session_refresh),
        get("get-developer-me", "/api/v3/developer/me")
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .legacy()
            .doc(OWN, "Get my account", "")
            .handle(account_get),
        open(get("get-portal-context", "/api/v3/portal"))
            .doc(OWN, "Get what the portal is", "Developers sign in here by e-mail and password alone.")
            .handle(context_get),
        open(get("get-portal-context-v2", "/api/v2/portal"))
            .doc(OWN, "Get what the portal is", "Developers sign in here by e-mail and password alone.")
            .handle(classic_context_get),
        account(post("developer-logout", "/api/v3/developer/logout"))
            .doc(
                OWN,
                "Sign out",
                "Ends the session with all of its tokens, and clears its cookies. Without a session it does the same to \
                 nothing.",
            )
            .handle(session_logout),
        open(get("developer-password-page", "/developer/password"))
            .page()
            .doc("Pages", "Choose a password", "")
            .query(&[("token", "The one-time token of the link.")])
            .handle(password_page),
        open(post("developer-password-submit", "/developer/password"))
            .page()
            .doc("Pages", "Set the password", "")
            .handle(password_submit),
    ]
}
