//! The operations on teams and their members.

use frame::operations::{DEFAULT, Operation, Rule, delete, get, need, patch, post};
use kernel::Action;

use super::{
    TEAMS,
    members::{
        team_system_account_add, team_system_account_list, team_system_account_remove, team_user_add,
        team_user_list, team_user_remove,
    },
    team_create, team_delete, team_get, team_list, team_update,
};
use crate::{IDENTITY_ADMIN, system_accounts::TEAM_ACCOUNTS, users::USERS};

const TAG: &str = "Teams";
const MEMBERS: &str = "Team membership";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let create = Rule::Needs(need(Action::Create, "teams/*", IDENTITY_ADMIN));
    let edit = Rule::Needs(need(Action::Edit, "teams/{teamId}", IDENTITY_ADMIN));
    let remove = Rule::Needs(need(Action::Delete, "teams/{teamId}", IDENTITY_ADMIN));
    vec![
        get("list-teams", "/v3/teams")
            .allow(DEFAULT, Rule::Member)
            .doc(TAG, "List teams", "The teams of the organization, those that came with it first.")
            .legacy()
            .errors(&[400, 404])
            .list(&TEAMS)
            .handle(team_list),
        post("create-team", "/v3/teams")
            .allow(DEFAULT, create)
            .doc(TAG, "Create a team", "A new team has no members and no roles. Names need not be unique.")
            .legacy()
            .errors(&[400])
            .handle(team_create),
        get("get-team", "/v3/teams/{teamId}")
            .allow(DEFAULT, Rule::Member)
            .doc(TAG, "Get a team", "")
            .legacy()
            .errors(&[400, 404])
            .handle(team_get),
        patch("update-team", "/v3/teams/{teamId}")
            .allow(DEFAULT, edit)
            .doc(
                TAG,
                "Change a team",
                "Fields that are not sent stay. A label with the value `null` is removed. Teams that came with the \
                 organization cannot be changed.",
            )
            .legacy()
            .errors(&[400, 404])
            .handle(team_update),
        delete("delete-team", "/v3/teams/{teamId}")
            .allow(DEFAULT, remove)
            .doc(TAG, "Delete a team", "Its members lose the roles that they had through it at once.")
            .legacy()
            .errors(&[400, 404])
            .handle(team_delete),
        get("list-team-users", "/v3/teams/{teamId}/users")
            .allow(DEFAULT, Rule::Member)
            .doc(MEMBERS, "List the users of a team", "")
            .legacy()
            .errors(&[400, 404])
            .list(&USERS)
            .handle(team_user_list),
        post("add-user-to-team", "/v3/teams/{teamId}/users")
            .allow(DEFAULT, edit)
            .doc(MEMBERS, "Add a user to a team", "")
            .legacy()
            .errors(&[400, 404, 409])
            .handle(team_user_add),
        delete("remove-user-from-team", "/v3/teams/{teamId}/users/{userId}")
            .allow(DEFAULT, edit)
            .doc(MEMBERS, "Remove a user from a team", "The owner stays in the team of the organization's administrators.")
            .legacy()
            .errors(&[400, 404])
            .handle(team_user_remove),
        get("get-teams-teamId-system-accounts", "/v3/teams/{teamId}/system-accounts")
            .allow(DEFAULT, Rule::Member)
            .doc(MEMBERS, "List the system accounts of a team", "")
            .legacy()
            .plain_ids()
            .errors(&[404])
            .list(&TEAM_ACCOUNTS)
            .handle(team_system_account_list),
        post("post-teams-teamId-system-accounts", "/v3/teams/{teamId}/system-accounts")
            .allow(DEFAULT, edit)
            .doc(MEMBERS, "Add a system account to a team", "")
            .legacy()
            .plain_ids()
            .errors(&[404, 409])
            .handle(team_system_account_add),
        delete("delete-teams-teamId-system-accounts-accountId", "/v3/teams/{teamId}/system-accounts/{accountId}")
            .allow(DEFAULT, edit)
            .doc(MEMBERS, "Remove a system account from a team", "")
            .legacy()
            .plain_ids()
            .errors(&[404])
            .handle(team_system_account_remove),
    ]
}
