//! The operations on users.

use frame::operations::{CLIENTS, DEFAULT, Operation, PEOPLE, Rule, SESSIONS, delete, get, need, patch};
use kernel::Action;

use super::{
    USERS,
    me::{user_delete_me, user_get_me, user_update_me},
    user_delete, user_get, user_list, user_list_internal, user_team_list, user_update,
};
use crate::{IDENTITY_ADMIN, teams::TEAMS};

const TAG: &str = "Users";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("list-users", "/v3/users")
            .allow(DEFAULT, Rule::Member)
            .doc(TAG, "List users", "The users of the organization; invited ones that have not accepted are not active.")
            .legacy()
            .errors(&[400])
            .list(&USERS)
            .handle(user_list),
        get("get-users-me", "/v3/users/me")
            .allow(PEOPLE, Rule::Member)
            .doc("Me", "Get the calling user", "System accounts are no users and get 401.")
            .legacy()
            .handle(user_get_me),
        patch("patch-users-me", "/v3/users/me")
            .allow(SESSIONS, Rule::Member)
            .wrong_kind_is_403()
            .doc("Me", "Change the calling user's names", "")
            .handle(user_update_me),
        delete("delete-users-me", "/v3/users/me")
            .allow(SESSIONS, Rule::Member)
            .wrong_kind_is_403()
            .doc(
                "Me",
                "Delete the calling user",
                "Only who is the last user of an organization can; the organization is being deleted then.",
            )
            .handle(user_delete_me),
        get("get-user", "/v3/users/{userId}")
            .allow(DEFAULT, Rule::Member)
            .doc(TAG, "Get a user", "")
            .legacy()
            .errors(&[400, 404])
            .handle(user_get),
        patch("update-user", "/v3/users/{userId}")
            .allow(DEFAULT, Rule::Needs(need(Action::Edit, "users/{userId}", IDENTITY_ADMIN)))
            .doc(TAG, "Change a user's names", "")
            .legacy()
            .errors(&[404])
            .handle(user_update),
        delete("delete-user", "/v3/users/{userId}")
            .allow(DEFAULT, Rule::Needs(need(Action::Delete, "users/{userId}", IDENTITY_ADMIN)))
            .doc(
                TAG,
                "Delete a user",
                "The user's tokens stop working at once. Users of the same person in other organizations stay. The owner \
                 cannot be deleted.",
            )
            .legacy()
            .errors(&[404, 409])
            .handle(user_delete),
        get("list-user-teams", "/v3/users/{userId}/teams")
            .allow(DEFAULT, Rule::Member)
            .doc(TAG, "List the teams of a user", "")
            .legacy()
            .errors(&[404])
            .list(&TEAMS)
            .handle(user_team_list),
        get("get-users-internal", "/v3/internal/users")
            .allow(CLIENTS, Rule::Platform)
            .wrong_kind_is_403()
            .doc(
                "Platform services",
                "List the users of an external subject",
                "One row per organization in which the person has a user, without those that are deleted or being deleted.",
            )
            .query(&[("aid", "The subject at the external identity provider, e.g. `auth0|1234567890`. Must be given.")])
            .errors(&[400])
            .handle(user_list_internal),
    ]
}
