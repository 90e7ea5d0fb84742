//! The operations on teams of developers: the organization's, and what developers see of their own.

use frame::operations::{DEVELOPERS, NO_SERVICES, Operation, Rule, delete, get, patch, post, regional};
use kernel::Action;

use super::{
    TEAMS, TEAMS_OF_DEVELOPER, developer_team_list,
    members::{
        MEMBERS, OWN, member_add, member_list, member_remove, own_team_get, own_team_list,
        own_team_member_list,
    },
    team_create, team_delete, team_get, team_list, team_update,
};

const TAG: &str = "Portal teams";
const OF_DEVELOPERS: &str = "Developer teams";
const ADMIN: &str = "Portals Admin";

/// The operations.
pub fn operations() -> Vec<Operation> {
    organizations().into_iter().chain(developers()).collect()
}

/// Version 2 has the same.
fn organizations() -> Vec<Operation> {
    let all = |action| Rule::Needs(regional(action, "portals/{portalId}/teams/*", ADMIN));
    let one = |action| Rule::Needs(regional(action, "portals/{portalId}/teams/{teamId}", ADMIN));
    let members =
        |action| Rule::Needs(regional(action, "portals/{portalId}/teams/{teamId}/developers/*", ADMIN));
    let member =
        regional(Action::Remove, "portals/{portalId}/teams/{teamId}/developers/{developerId}", ADMIN);
    vec![
        get("list-portal-teams", "/v3/portals/{portalId}/teams")
            .allow(NO_SERVICES, all(Action::List))
            .doc(TAG, "List a portal's teams", "")
            .platform_errors()
            .list(&TEAMS)
            .legacy()
            .handle(team_list),
        post("create-portal-team", "/v3/portals/{portalId}/teams")
            .allow(NO_SERVICES, all(Action::Create))
            .doc(TAG, "Create a team of developers", "A new team has no members. Names need not be unique.")
            .platform_errors()
            .errors(&[400])
            .legacy()
            .handle(team_create),
        get("get-portal-team", "/v3/portals/{portalId}/teams/{teamId}")
            .allow(NO_SERVICES, one(Action::Read))
            .doc(TAG, "Get a team of developers", "")
            .platform_errors()
            .legacy()
            .handle(team_get),
        patch("update-portal-team", "/v3/portals/{portalId}/teams/{teamId}")
            .allow(NO_SERVICES, one(Action::Edit))
            .doc(TAG, "Change a team of developers", "What is not sent stays.")
            .platform_errors()
            .legacy()
            .handle(team_update),
        delete("delete-portal-team", "/v3/portals/{portalId}/teams/{teamId}")
            .allow(NO_SERVICES, one(Action::Delete))
            .doc(TAG, "Delete a team of developers", "Its members stay developers of the portal.")
            .platform_errors()
            .legacy()
            .handle(team_delete),
        get("list-portal-team-developers", "/v3/portals/{portalId}/teams/{teamId}/developers")
            .allow(NO_SERVICES, members(Action::List))
            .doc(TAG, "List the developers in a team", "")
            .platform_errors()
            .list(&MEMBERS)
            .legacy()
            .handle(member_list),
        post("add-developer-to-portal-team", "/v3/portals/{portalId}/teams/{teamId}/developers")
            .allow(NO_SERVICES, members(Action::Add))
            .doc(TAG, "Add a developer to a team", "It has to be a developer of the same portal.")
            .platform_errors()
            .errors(&[400, 409])
            .legacy()
            .handle(member_add),
        delete(
            "remove-developer-from-portal-team",
            "/v3/portals/{portalId}/teams/{teamId}/developers/{developerId}",
        )
        .allow(NO_SERVICES, Rule::Needs(member))
        .doc(TAG, "Take a developer out of a team", "")
        .platform_errors()
        .legacy()
        .handle(member_remove),
        get("list-portal-developer-teams", "/v3/portals/{portalId}/developers/{developerId}/teams")
            .allow(NO_SERVICES, all(Action::List))
            .doc(TAG, "List the teams that a developer is in", "")
            .platform_errors()
            .list(&TEAMS_OF_DEVELOPER)
            .legacy()
            .handle(developer_team_list),
    ]
}

fn developers() -> Vec<Operation> {
    vec![
        get("get-developer-teams", "/api/v3/developer/teams")
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(OF_DEVELOPERS, "List my teams", "")
            .list(&OWN)
            .handle(own_team_list),
        get("get-developer-team", "/api/v3/developer/teams/{teamId}")
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(OF_DEVELOPERS, "Get a team that I am in", "")
            .handle(own_team_get),
        get("get-developer-team-developers", "/api/v3/developer/teams/{teamId}/developers")
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(OF_DEVELOPERS, "List the developers in a team that I am in", "Those who are approved.")
            .list(&OWN)
            .handle(own_team_member_list),
    ]
}
