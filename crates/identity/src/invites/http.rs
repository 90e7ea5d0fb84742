//! The operation on invites.

use frame::operations::{DEFAULT, Operation, Rule, need, post};
use kernel::Action;

use super::invite_create;
use crate::IDENTITY_ADMIN;

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("invite-user", "/v3/invites")
            .allow(DEFAULT, Rule::Needs(need(Action::Create, "users/*", IDENTITY_ADMIN)))
            .doc(
                "Invites",
                "Invite a user",
                "The address becomes a user that is not active, and gets a one-time link by mail. Inviting it again \
                 replaces the link. If the operator turned it on, the reply carries the link as `link`.",
            )
            .legacy()
            .errors(&[400, 409, 429])
            .handle(invite_create),
    ]
}
