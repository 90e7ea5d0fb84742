//! The operations on second factors; people manage theirs on pages.

use frame::operations::{CLIENTS, Operation, PEOPLE, Rule, delete, need, post};
use identity::IDENTITY_ADMIN;
use kernel::Action;

use super::{mfa_settings, user_mfa_delete};

const TAG: &str = "Second factors";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let remove = Rule::Needs(need(Action::Delete, "users/{userId}", IDENTITY_ADMIN));
    vec![
        delete("delete-user-mfas", "/v3/users/{userId}/mfa")
            .allow(PEOPLE, remove)
            .doc(
                TAG,
                "Remove a user's second factors",
                "For who lost them. All sessions of the user end. 409 for a user who belongs to other organizations, too, or \
                 signs in without a password.",
            )
            .platform_errors()
            .errors(&[400, 404, 409])
            .handle(user_mfa_delete),
        post("post-auth0-user-mfa-settings-internal", "/v3/internal/auth0/users/mfa-settings")
            .allow(CLIENTS, Rule::Platform)
            .doc(
                TAG,
                "Whether somebody has to show a second factor",
                "For whoever signs people in elsewhere: true if an active organization of that person asks for one.",
            )
            .platform_errors()
            .errors(&[404])
            .handle(mfa_settings),
    ]
}
