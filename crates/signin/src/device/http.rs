//! The operations of the device grant.

use frame::{
    operations::{Operation, Rule, SESSIONS, patch, post},
    principal::Callers,
};

use super::{device_authorize, device_authorize_user, device_confirm, device_token};

const TAG: &str = "Device grant";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("post-oauth-device-authorize", "/v3/internal/oauth/device/authorize")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Ask for a code", "For a command line: what it shows, and what it polls with (RFC 8628 section 3.1).")
            .oauth()
            .errors(&[429])
            .handle(device_authorize),
        post("post-oauth-device-token", "/v3/internal/oauth/device/token")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Poll for the session",
                "Until its person has confirmed, a device gets `authorization_pending`; `slow_down` if it asks too often \
                 twice in a row (RFC 8628 section 3.4).",
            )
            .oauth()
            .handle(device_token),
        post("post-oauth-device-authorize-user", "/v3/internal/oauth/device/authorize/user")
            .allow(SESSIONS, Rule::Member)
            .wrong_kind_is_403()
            .doc(TAG, "Enter a code", "Binds the device to the calling user, and tells who asks.")
            .errors(&[429])
            .handle(device_authorize_user),
        patch("patch-oauth-device-confirm", "/v3/internal/oauth/device/confirm")
            .allow(SESSIONS, Rule::Member)
            .wrong_kind_is_403()
            .doc(TAG, "Let the device in", "Only the user who entered the code can.")
            .errors(&[429])
            .handle(device_confirm),
    ]
}
