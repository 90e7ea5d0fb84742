//! The operations about credentials.

use frame::{
    operations::{CLIENTS, Operation, Rule, post},
    principal::Callers,
};

use super::{token_introspect, token_revoke};

const TAG: &str = "Credentials";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("introspect-token", "/oauth/introspect")
            .allow(CLIENTS, Rule::Platform)
            .doc(
                TAG,
                "Tell whether a credential is good",
                "For gateways: takes any token that this server issues (RFC 7662).",
            )
            .oauth()
            .wrong_kind_is_403()
            .handle(token_introspect),
        post("revoke-token", "/oauth/revoke")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Revoke a credential",
                "Whoever has a token may end it; no other credential is needed. A session's token ends the session. \
                 The answer is the same for a token that is not good (RFC 7009).",
            )
            .oauth()
            .handle(token_revoke),
    ]
}
