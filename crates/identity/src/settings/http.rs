//! The operations on an organization's settings.

use frame::operations::{DEFAULT, NO_SERVICES, Operation, Rule, administrators, get, need, patch, put};
use kernel::Action;

use super::{
    allow_list::{allow_list_get, allow_list_patch, allow_list_put},
    authentication::{authentication_get, authentication_update},
    brand::{brand_get, brand_update},
    impersonation_get, impersonation_update, token_settings_get, token_settings_update,
};
use crate::IDENTITY_ADMIN;

const SETTINGS: &str = "Settings";
const TOKENS: &str = "Personal access tokens";
const ORGANIZATION: &str = "Organization";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let edit = Rule::Needs(need(Action::Edit, "organization", IDENTITY_ADMIN));
    let see_policy = Rule::Needs(administrators(Action::Read, "access-policy"));
    let set_policy = Rule::Needs(administrators(Action::Edit, "access-policy"));
    vec![
        get("get-authentication-settings", "/v3/authentication-settings")
            .allow(DEFAULT, Rule::Member)
            .doc(SETTINGS, "Get how members sign in", "")
            .legacy()
            .handle(authentication_get),
        patch("update-authentication-settings", "/v3/authentication-settings")
            .allow(DEFAULT, edit)
            .doc(
                SETTINGS,
                "Change how members sign in",
                "Settings that are not sent stay. One way to sign in must remain, OIDC and SAML exclude each other, and \
                 each needs an identity provider of its kind.",
            )
            .legacy()
            .errors(&[400])
            .handle(authentication_update),
        get("get-impersonation-settings", "/v3/organizations/impersonation")
            .allow(DEFAULT, Rule::Member)
            .doc(SETTINGS, "Get whether support may act in the organization", "")
            .errors(&[404])
            .handle(impersonation_get),
        patch("update-impersonation-settings", "/v3/organizations/impersonation")
            .allow(DEFAULT, edit)
            .doc(SETTINGS, "Change whether support may act in the organization", "")
            .errors(&[400, 404])
            .handle(impersonation_update),
        get("get-organizations-me-brand", "/v3/organizations/me/brand")
            .allow(DEFAULT, Rule::Member)
            .doc(
                SETTINGS,
                "Get the name and the colour of the organization's pages",
                "An extension of the contract. What is `null` is the installation's.",
            )
            .handle(brand_get),
        patch("update-organizations-me-brand", "/v3/organizations/me/brand")
            .allow(DEFAULT, edit)
            .doc(
                SETTINGS,
                "Change the name and the colour of the organization's pages",
                "An extension of the contract. Pages in the context of the organization show them from now on; `null` goes \
                 back to the installation's.",
            )
            .errors(&[400])
            .handle(brand_update),
        get("get-organizations-personal-access-token-settings", "/v3/organizations/{organizationId}/personal-access-token-settings")
            .allow(DEFAULT, see_policy)
            .doc(TOKENS, "Get the rules for personal access tokens", "")
            .platform_errors()
            .handle(token_settings_get),
        patch("update-personal-access-token-settings", "/v3/organizations/{organizationId}/personal-access-token-settings")
            .allow(NO_SERVICES, set_policy)
            .doc(
                TOKENS,
                "Change the rules for personal access tokens",
                "Turned off, no personal access token of the organization works any more, the caller's own included. A \
                 shorter longest life holds for tokens that exist as well.",
            )
            .platform_errors()
            .errors(&[400])
            .handle(token_settings_update),
        put("put-ip-allow-list", "/v3/organizations/{organizationId}/ip-allow-list")
            .allow(DEFAULT, set_policy)
            .doc(
                ORGANIZATION,
                "Set the IP allow list",
                "In force at once. A list that would keep out the caller is refused with 409.",
            )
            .platform_errors()
            .errors(&[400, 409])
            .handle(allow_list_put),
        patch("patch-ip-allow-list", "/v3/organizations/{organizationId}/ip-allow-list")
            .allow(DEFAULT, set_policy)
            .doc(ORGANIZATION, "Change the IP allow list", "In force at once. A list that would keep out the caller is refused with 409.")
            .platform_errors()
            .errors(&[400, 409])
            .handle(allow_list_patch),
        get("get-ip-allow-list", "/v3/organizations/{organizationId}/ip-allow-list")
            .allow(DEFAULT, see_policy)
            .doc(ORGANIZATION, "Get the IP allow list", "404 until one is set.")
            .platform_errors()
            .errors(&[404])
            .handle(allow_list_get),
    ]
}
