//! The operations whose credential is an Auth0 tenant's token.

use frame::{
    operations::{Operation, Rule, get, post},
    principal::Callers,
};

use super::{organizations, register};

const TAG: &str = "Auth0";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("post-auth0-register-internal", "/v3/internal/auth0/register")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Found an organization",
                "The bearer token is an access token of the configured Auth0 tenant. Its subject becomes the owner; the \
                 tenant must have verified the address of a subject that is new here.",
            )
            .errors(&[400, 401, 403, 404])
            .handle(register),
        get("get-auth0-organizations-internal", "/v3/internal/auth0/organizations")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "List one's organizations",
                "Of the subject of the configured Auth0 tenant's access token; 404 for one that is not known here.",
            )
            .errors(&[401, 404])
            .handle(organizations),
    ]
}
