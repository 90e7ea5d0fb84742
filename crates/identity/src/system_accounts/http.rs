//! The operations on system accounts and their tokens.

use frame::operations::{DEFAULT, Operation, Rule, delete, get, need, patch, post};
use kernel::Action;

use super::{
    SYSTEM_ACCOUNTS, account_create, account_delete, account_get, account_list, account_team_list,
    account_update,
    tokens::{TOKENS, token_create, token_delete, token_get, token_list, token_update},
};
use crate::{IDENTITY_ADMIN, teams::TEAMS};

const TAG: &str = "System accounts";
const TOKEN_TAG: &str = "System account access tokens";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let account = |action| Rule::Needs(need(action, "system-accounts/{accountId}", IDENTITY_ADMIN));
    let token = |action| {
        Rule::Needs(need(action, "system-accounts/{accountId}/access-tokens/{tokenId}", IDENTITY_ADMIN))
    };
    let tokens = |action| need(action, "system-accounts/{accountId}/access-tokens/*", IDENTITY_ADMIN);
    vec![
        get("get-system-accounts", "/v3/system-accounts")
            .allow(DEFAULT, Rule::Member)
            .doc(TAG, "List system accounts", "")
            .legacy()
            .errors(&[400])
            .list(&SYSTEM_ACCOUNTS)
            .handle(account_list),
        post("post-system-accounts", "/v3/system-accounts")
            .allow(DEFAULT, Rule::Needs(need(Action::Create, "system-accounts/*", IDENTITY_ADMIN)))
            .doc(TAG, "Create a system account", "Names are unique in the organization.")
            .legacy()
            .errors(&[409])
            .handle(account_create),
        get("get-system-accounts-id", "/v3/system-accounts/{accountId}")
            .allow(DEFAULT, Rule::Member)
            .doc(TAG, "Get a system account", "")
            .legacy()
            .plain_ids()
            .errors(&[404])
            .handle(account_get),
        patch("patch-system-accounts-id", "/v3/system-accounts/{accountId}")
            .allow(DEFAULT, account(Action::Edit))
            .doc(TAG, "Change a system account", "Managed accounts refuse it with 403.")
            .legacy()
            .plain_ids()
            .errors(&[404, 409])
            .handle(account_update),
        delete("delete-system-accounts-id", "/v3/system-accounts/{accountId}")
            .allow(DEFAULT, account(Action::Delete))
            .doc(
                TAG,
                "Delete a system account",
                "Its tokens stop working at once. Managed accounts refuse it with 403.",
            )
            .legacy()
            .plain_ids()
            .errors(&[404])
            .handle(account_delete),
        get("get-system-accounts-accountId-teams", "/v3/system-accounts/{accountId}/teams")
            .allow(DEFAULT, Rule::Member)
            .doc(TAG, "List the teams of a system account", "")
            .legacy()
            .plain_ids()
            .errors(&[404])
            .list(&TEAMS)
            .handle(account_team_list),
        get("get-system-account-id-access-tokens", "/v3/system-accounts/{accountId}/access-tokens")
            .allow(DEFAULT, Rule::AccountOr(tokens(Action::List)))
            .doc(TOKEN_TAG, "List the tokens of a system account", "Without their secrets.")
            .legacy()
            .plain_ids()
            .errors(&[400, 404])
            .list(&TOKENS)
            .handle(token_list),
        post("post-system-accounts-id-access-tokens", "/v3/system-accounts/{accountId}/access-tokens")
            .allow(DEFAULT, Rule::Needs(tokens(Action::Create)))
            .doc(TOKEN_TAG, "Create a token", "For 12 months at most. The reply alone shows the secret.")
            .legacy()
            .plain_ids()
            .errors(&[404, 409])
            .handle(token_create),
        get(
            "get-system-accounts-id-access-tokens-id",
            "/v3/system-accounts/{accountId}/access-tokens/{tokenId}",
        )
        .allow(DEFAULT, Rule::AccountOr(tokens(Action::Read)))
        .doc(TOKEN_TAG, "Get a token", "Without its secret.")
        .legacy()
        .plain_ids()
        .errors(&[404])
        .handle(token_get),
        patch(
            "patch-system-accounts-id-access-tokens-id",
            "/v3/system-accounts/{accountId}/access-tokens/{tokenId}",
        )
        .allow(DEFAULT, token(Action::Edit))
        .doc(TOKEN_TAG, "Rename a token", "")
        .legacy()
        .plain_ids()
        .errors(&[404, 409])
        .handle(token_update),
        delete(
            "delete-system-accounts-id-access-tokens-id",
            "/v3/system-accounts/{accountId}/access-tokens/{tokenId}",
        )
        .allow(DEFAULT, token(Action::Delete))
        .doc(TOKEN_TAG, "Delete a token", "It stops working at once.")
        .legacy()
        .plain_ids()
        .errors(&[404])
        .handle(token_delete),
    ]
}
