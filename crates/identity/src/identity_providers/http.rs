//! The operations on identity providers and their mappings, those of the older API included.

use frame::operations::{DEFAULT, Operation, Rule, delete, get, need, patch, post, put};
use kernel::Action;

use super::{
    PROVIDERS,
    legacy::{
        MAPS, legacy_get, legacy_update, team_group_mappings_get, team_group_mappings_patch,
        team_mappings_get, team_mappings_put,
    },
    mappings::{MAPPINGS, mapping_create, mapping_delete, mapping_get, mapping_list},
    provider_create, provider_delete, provider_get, provider_list, provider_update,
};
use crate::IDENTITY_ADMIN;

const TAG: &str = "Identity providers";
const MAPPING_TAG: &str = "Team group mappings";
const LEGACY_TAG: &str = "Identity provider (older API)";

/// The operations.
pub fn operations() -> Vec<Operation> {
    // The role's table has one action for every change of a provider.
    let edit = Rule::Needs(need(Action::Edit, "identity-providers/*", IDENTITY_ADMIN));
    let list = Rule::Needs(need(Action::List, "identity-providers/*", IDENTITY_ADMIN));
    let read = Rule::Needs(need(Action::Read, "identity-providers/*", IDENTITY_ADMIN));
    vec![
        get("get-identity-providers", "/v3/identity-providers")
            .allow(DEFAULT, list)
            .doc(TAG, "List identity providers", "A bare array.")
            .list(&PROVIDERS)
            .handle(provider_list),
        post("create-identity-provider", "/v3/identity-providers")
            .allow(DEFAULT, edit)
            .doc(
                TAG,
                "Create an identity provider",
                "Nothing is fetched from it. Its login path is unique in the installation, and one provider at most is \
                 enabled. The client secret is encrypted and never shown.",
            )
            .errors(&[409])
            .handle(provider_create),
        get("get-identity-provider", "/v3/identity-providers/{id}")
            .allow(DEFAULT, read)
            .doc(TAG, "Get an identity provider", "")
            .errors(&[400])
            .handle(provider_get),
        patch("update-identity-provider", "/v3/identity-providers/{id}")
            .allow(DEFAULT, edit)
            .doc(TAG, "Change an identity provider", "What is not sent stays, the client secret included.")
            .errors(&[400, 409])
            .handle(provider_update),
        delete("delete-identity-provider", "/v3/identity-providers/{id}")
            .allow(DEFAULT, edit)
            .doc(
                TAG,
                "Delete an identity provider",
                "With the last provider of a kind, signing in that way is turned off; if no way is left, passwords are \
                 turned on.",
            )
            .errors(&[400])
            .handle(provider_delete),
        get("list-idp-team-group-mappings", "/v3/identity-providers/{idpId}/team-group-mappings")
            .allow(DEFAULT, list)
            .doc(MAPPING_TAG, "List mappings", "Paged by cursor.")
            .errors(&[400])
            .list(&MAPPINGS)
            .handle(mapping_list),
        post("create-idp-team-group-mapping", "/v3/identity-providers/{idpId}/team-group-mappings")
            .allow(DEFAULT, edit)
            .doc(MAPPING_TAG, "Create a mapping", "Groups are case-sensitive.")
            .errors(&[400, 409])
            .handle(mapping_create),
        get("get-idp-team-group-mapping", "/v3/identity-providers/{idpId}/team-group-mappings/{id}")
            .allow(DEFAULT, read)
            .doc(MAPPING_TAG, "Get a mapping", "")
            .errors(&[400])
            .handle(mapping_get),
        delete("delete-idp-team-group-mapping", "/v3/identity-providers/{idpId}/team-group-mappings/{id}")
            .allow(DEFAULT, edit)
            .doc(MAPPING_TAG, "Delete a mapping", "")
            .errors(&[400])
            .handle(mapping_delete),
        get("get-idp-configuration", "/v3/identity-provider")
            .allow(DEFAULT, read)
            .doc(LEGACY_TAG, "Get the OpenID Connect provider", "404 until one is configured.")
            .legacy()
            .errors(&[400, 404])
            .handle(legacy_get),
        patch("update-idp-configuration", "/v3/identity-provider")
            .allow(DEFAULT, edit)
            .doc(LEGACY_TAG, "Change the OpenID Connect provider", "Made if there is none.")
            .legacy()
            .errors(&[409])
            .handle(legacy_update),
        get("get-idp-team-mappings", "/v3/identity-provider/team-mappings")
            .allow(DEFAULT, list)
            .doc(LEGACY_TAG, "Get the mappings by group", "412 until a provider is configured.")
            .legacy()
            .errors(&[404, 412])
            .list(&MAPS)
            .handle(team_mappings_get),
        put("update-idp-team-mappings", "/v3/identity-provider/team-mappings")
            .allow(DEFAULT, edit)
            .doc(LEGACY_TAG, "Replace the mappings", "All of them. 412 until a provider is configured.")
            .legacy()
            .errors(&[404, 412])
            .handle(team_mappings_put),
        get("get-team-group-mappings", "/v3/identity-provider/team-group-mappings")
            .allow(DEFAULT, list)
            .doc(LEGACY_TAG, "Get the mappings by team", "")
            .legacy()
            .errors(&[400])
            .list(&MAPS)
            .handle(team_group_mappings_get),
        patch("patch-team-group-mappings", "/v3/identity-provider/team-group-mappings")
            .allow(DEFAULT, edit)
            .doc(
                LEGACY_TAG,
                "Replace the mappings of some teams",
                "The groups of each named team are replaced; an empty list clears them; other teams stay.",
            )
            .legacy()
            .handle(team_group_mappings_patch),
    ]
}
