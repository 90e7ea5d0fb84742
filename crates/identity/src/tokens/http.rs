//! The operations on personal access tokens.

use frame::operations::{
    Operation, PEOPLE, PEOPLE_AND_SERVICES, Rule, administrators, delete, get, need, patch, post,
};
use kernel::Action;

use super::{
    ORGANIZATION_TOKENS, token_create, token_delete, token_get, token_list, token_list_of_organization,
    token_revoke, token_update,
};
use crate::IDENTITY_ADMIN;

const TAG: &str = "Personal access tokens";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let tokens = |action| Rule::SelfOr(need(action, "users/{userId}/access-tokens/*", IDENTITY_ADMIN));
    let token = |action| Rule::SelfOr(need(action, "users/{userId}/access-tokens/{tokenId}", IDENTITY_ADMIN));
    vec![
        get("list-users-personal-access-tokens", "/v3/users/{userId}/access-tokens")
            .allow(PEOPLE_AND_SERVICES, tokens(Action::List))
            .doc(TAG, "List a user's tokens", "All of them, without their secrets; no paging.")
            .platform_errors()
            .errors(&[400])
            .handle(token_list),
        post("create-personal-access-token", "/v3/users/{userId}/access-tokens")
            .allow(PEOPLE, Rule::SelfOnly)
            .doc(
                TAG,
                "Create a token",
                "For 1 to 365 days, or fewer if the organization says so; 10 live tokens at most. The reply alone shows \
                 the secret.",
            )
            .platform_errors()
            .errors(&[400, 409])
            .handle(token_create),
        get("get-personal-access-token-details", "/v3/users/{userId}/access-tokens/{tokenId}")
            .allow(PEOPLE_AND_SERVICES, token(Action::Read))
            .doc(TAG, "Get a token", "Without its secret.")
            .platform_errors()
            .errors(&[400])
            .handle(token_get),
        patch("update-personal-access-token-details", "/v3/users/{userId}/access-tokens/{tokenId}")
            .allow(PEOPLE, Rule::SelfOnly)
            .doc(TAG, "Rename a token", "")
            .platform_errors()
            .errors(&[400])
            .handle(token_update),
        delete("delete-personal-access-token", "/v3/users/{userId}/access-tokens/{tokenId}")
            .allow(PEOPLE, Rule::SelfOr(administrators(Action::Delete, "users/{userId}/access-tokens/{tokenId}")))
            .doc(TAG, "Delete a token", "It stops working at once, and is gone from lists.")
            .platform_errors()
            .errors(&[400])
            .handle(token_delete),
        patch("revoke-personal-access-token", "/v3/users/{userId}/access-tokens/{tokenId}/revoke")
            .allow(PEOPLE_AND_SERVICES, token(Action::Revoke))
            .doc(TAG, "Revoke a token", "It stops working at once, and stays in lists. Revoking it again changes nothing.")
            .platform_errors()
            .errors(&[400])
            .handle(token_revoke),
        get("list-organizations-personal-access-tokens", "/v3/organizations/{organizationId}/personal-access-tokens")
            .allow(PEOPLE_AND_SERVICES, Rule::Needs(administrators(Action::List, "access-policy")))
            .doc(TAG, "List the organization's tokens", "Paged by cursor.")
            .platform_errors()
            .errors(&[400])
            .list(&ORGANIZATION_TOKENS)
            .handle(token_list_of_organization),
    ]
}
