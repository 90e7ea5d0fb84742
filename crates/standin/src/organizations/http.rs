//! The operations on the stand-in's organizations.

use frame::{
    operations::{Operation, Rule, delete, get, post},
    principal::Callers,
};

use super::{organization_list, organization_make, organization_remove};

const TAG: &str = "Stand-in: organizations";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("list-stand-in-organizations", "/stand-in/organizations")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "List the organizations", "")
            .handle(organization_list),
        post("create-stand-in-organization", "/stand-in/organizations")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Make an organization",
                "It has its predefined teams, its owner and the owner's token, and nothing else. With `random`, its ids \
                 and secrets follow from that number in the order of its requests; ids carry the time, so a `clock` \
                 that stands still makes them repeatable to the last digit.",
            )
            .errors(&[400, 403, 409])
            .handle(organization_make),
        delete("remove-stand-in-organization", "/stand-in/organizations/{organizationId}")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Remove an organization without a trace", "")
            .errors(&[400, 403, 404])
            .handle(organization_remove),
    ]
}
