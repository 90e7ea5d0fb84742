//! The operations on the caller's organization.

use frame::{
    operations::{DEFAULT, Operation, Rule, get, need, patch},
    principal::Callers,
};
use kernel::Action;

use super::{organization_get_me, organization_update_me, region_list};
use crate::IDENTITY_ADMIN;

const TAG: &str = "Organization";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("get-organizations-me", "/v3/organizations/me")
            .allow(DEFAULT, Rule::Member)
            .doc("Me", "Get the calling organization", "")
            .legacy()
            .handle(organization_get_me),
        patch("update-organizations-me", "/v3/organizations/me")
            .allow(DEFAULT, Rule::Needs(need(Action::Edit, "organization", IDENTITY_ADMIN)))
            .doc(
                TAG,
                "Change the organization",
                "Its name, whether people need a second factor, and its owner: only the owner passes ownership on, to an \
                 active member of the administrators' team.",
            )
            .legacy()
            .errors(&[400, 404])
            .handle(organization_update_me),
        get("get-available-regions", "/v3/available-regions")
            .allow(Callers::NONE, Rule::Public)
            .doc("Regions", "List the regions", "What role assignments may name as `entity_region`, beside `*`.")
            .handle(region_list),
    ]
}
