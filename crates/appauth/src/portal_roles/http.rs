//! The operations on roles of teams of developers.

use frame::operations::{NO_SERVICES, Operation, Rule, delete, get, post, regional};
use kernel::Action;

use super::{ROLES, catalogue_get, role_assign, role_list, role_remove};

const TAG: &str = "Portal team roles";
const ADMIN: &str = "Portals Admin";
const ALL: &str = "/v3/portals/{portalId}/teams/{teamId}/assigned-roles";

/// The operations. Version 2 has the same.
pub fn operations() -> Vec<Operation> {
    let of = |action| Rule::Needs(regional(action, "portals/{portalId}/teams/{teamId}", ADMIN));
    vec![
        get("list-portal-roles", "/v3/portal-roles")
            .allow(NO_SERVICES, Rule::Member)
            .doc(TAG, "List the roles that teams of developers can have", "")
            .platform_errors()
            .legacy()
            .handle(catalogue_get),
        get("list-portal-team-roles", ALL)
            .allow(NO_SERVICES, of(Action::Read))
            .doc(TAG, "List the roles of a team of developers", "")
            .platform_errors()
            .list(&ROLES)
            .legacy()
            .handle(role_list),
        post("assign-role-to-portal-teams", ALL)
            .allow(NO_SERVICES, of(Action::Edit))
            .doc(
                TAG,
                "Assign a role to a team of developers",
                "On an API or a product that the caller may read. It counts in portals with `rbac_enabled`: there \
                 developers find what a team of theirs has a role on, and register applications for what it has API \
                 Consumer on.",
            )
            .platform_errors()
            .errors(&[400, 409])
            .legacy()
            .handle(role_assign),
        delete("remove-role-from-portal-team", "/v3/portals/{portalId}/teams/{teamId}/assigned-roles/{roleId}")
            .allow(NO_SERVICES, of(Action::Edit))
            .doc(
                TAG,
                "Take a role from a team of developers",
                "Registrations that were made with it stay, until the organization revokes them.",
            )
            .platform_errors()
            .legacy()
            .handle(role_remove),
    ]
}
