//! The operations on sessions.

use frame::{
    operations::{Operation, Rule, post},
    principal::Callers,
};

use super::{session_logout, session_refresh, session_refresh_older};

const TAG: &str = "Sessions";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("refresh-token", "/v3/refresh")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Keep a session going",
                "Takes the cookie `konnectrefreshtoken`, or the refresh token as bearer token, and sets new cookies. A \
                 refresh token is good for one use; a second one, some seconds later, ends the session.",
            )
            .errors(&[401])
            .handle(session_refresh),
        post("refresh-token-kauth", "/kauth/api/v1/refresh")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Keep a session going, as older clients do it", "As `refresh-token`, with 200 and a body.")
            .errors(&[401])
            .handle(session_refresh_older),
        post("logout", "/v3/logout")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Sign out",
                "Ends the session and clears its cookies. Without a session it does the same to nothing.",
            )
            .handle(session_logout),
    ]
}
