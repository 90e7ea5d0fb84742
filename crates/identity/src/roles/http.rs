//! The operations on roles: the catalogue, and the same four for each kind of holder.

use frame::operations::{CLIENTS, DEFAULT, Declared, Operation, Rule, SESSIONS, delete, get, need, post};
use kernel::{Action, id::kinds};

use super::{
    ASSIGNED_ROLES, Holder, catalogue_get, managed_role_assign, managed_role_list,
    mine::{PERMISSIONS, permission_list},
    role_assign, role_get, role_list, role_remove,
};
use crate::IDENTITY_ADMIN;

const TAG: &str = "Roles";

/// The ids and paths of the operations on one kind of holder.
struct Names {
    list: &'static str,
    assign: &'static str,
    get: &'static str,
    remove: &'static str,
    roles: &'static str,
    role: &'static str,
}

const USERS: Names = Names {
    list: "list-user-roles",
    assign: "users-assign-role",
    get: "get-user-role",
    remove: "users-remove-role",
    roles: "/v3/users/{userId}/assigned-roles",
    role: "/v3/users/{userId}/assigned-roles/{roleId}",
};
const TEAMS: Names = Names {
    list: "list-team-roles",
    assign: "teams-assign-role",
    get: "get-team-role",
    remove: "teams-remove-role",
    roles: "/v3/teams/{teamId}/assigned-roles",
    role: "/v3/teams/{teamId}/assigned-roles/{roleId}",
};
const ACCOUNTS: Names = Names {
    list: "get-system-accounts-accountId-assigned-roles",
    assign: "post-system-accounts-accountId-assigned-roles",
    get: "get-system-account-role",
    remove: "delete-system-accounts-accountId-assigned-roles-roleId",
    roles: "/v3/system-accounts/{accountId}/assigned-roles",
    role: "/v3/system-accounts/{accountId}/assigned-roles/{roleId}",
};

/// The operations.
pub fn operations() -> Vec<Operation> {
    let list = need(Action::List, "assigned-roles/*", IDENTITY_ADMIN);
    let mut operations = vec![
        get("get-predefined-roles", "/v3/roles")
            .allow(DEFAULT, Rule::Member)
            .doc(
                TAG,
                "Get the role catalogue",
                "What can be assigned, by type of entity. No envelope, no paging.",
            )
            .legacy()
            .errors(&[400])
            .handle(catalogue_get),
        get("get-users-me-permissions", "/v3/users/me/permissions")
            .allow(SESSIONS, Rule::Member)
            .doc(
                "Me",
                "List the calling user's permissions",
                "One entry per resource, from the same grants that decide what the user may do.",
            )
            .errors(&[400])
            .list(&PERMISSIONS)
            .handle(permission_list),
        get(
            "get-system-accounts-assigned-roles-internal",
            "/v3/internal/system-accounts/{accountId}/assigned-roles",
        )
        .allow(CLIENTS, Rule::Platform)
        .wrong_kind_is_403()
        .doc("Platform services", "List the roles of a managed system account", "")
        .plain_ids()
        .errors(&[400, 404])
        .list(&ASSIGNED_ROLES)
        .handle(managed_role_list),
        post(
            "create-system-accounts-assigned-roles-internal",
            "/v3/internal/system-accounts/{accountId}/assigned-roles",
        )
        .allow(CLIENTS, Rule::Platform)
        .wrong_kind_is_403()
        .doc(
            "Platform services",
            "Assign a role to a managed system account",
            "Role and type are not looked at.",
        )
        .plain_ids()
        .errors(&[404, 409])
        .handle(managed_role_assign),
    ];
    operations.extend(of_holder::<kinds::User>(&USERS, Rule::SelfOr(list), |operation| {
        operation.errors(&[400, 404])
    }));
    operations.extend(of_holder::<kinds::Team>(&TEAMS, Rule::Needs(list), |operation| {
        operation.errors(&[400, 404])
    }));
    operations.extend(of_holder::<kinds::SystemAccount>(&ACCOUNTS, Rule::AccountOr(list), |operation| {
        operation.plain_ids().errors(&[400, 404])
    }));
    operations
}

/// The four operations on the roles of one kind of holder; `finish` says what is particular to it.
fn of_holder<H: Holder>(names: &Names, see: Rule, finish: fn(Declared) -> Declared) -> Vec<Operation> {
    let edit = Rule::Needs(need(Action::Edit, "assigned-roles/*", IDENTITY_ADMIN));
    let assign = post(names.assign, names.roles).allow(DEFAULT, edit).doc(
        TAG,
        "Assign a role",
        "On one entity or, with `*`, on every one of the type; in one region or, with `*`, in all.",
    );
    vec![
        finish(get(names.list, names.roles).allow(DEFAULT, see).doc(
            TAG,
            "List assigned roles",
            "All of them; no paging.",
        ))
        .legacy()
        .list(&ASSIGNED_ROLES)
        .handle(role_list::<H>),
        finish(assign).legacy().errors(&[400, 404, 409]).handle(role_assign::<H>),
        finish(get(names.get, names.role).allow(DEFAULT, see).doc(TAG, "Get an assigned role", ""))
            .legacy()
            .handle(role_get::<H>),
        finish(delete(names.remove, names.role).allow(DEFAULT, edit).doc(TAG, "Remove an assigned role", ""))
            .legacy()
            .handle(role_remove::<H>),
    ]
}
