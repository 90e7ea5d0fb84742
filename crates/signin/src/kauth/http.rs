//! Where they are.

use frame::{
    operations::{Operation, Rule, SESSIONS, Undeclared, patch, post},
    principal::Callers,
};

use super::{
    invite_join, organization_register, password_change, password_forgot, password_reset, registration_verify,
};

const TAG: &str = "Sign-in elements";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let open = |operation: Undeclared| operation.allow(Callers::NONE, Rule::Public);
    vec![
        open(post("create-password-reset-kauth", "/kauth/api/v1/password-resets"))
            .doc(
                TAG,
                "Ask for a new password",
                "Sends a mail with a link that sets one. The answer is the same whether anybody has the address.",
            )
            .errors(&[400])
            .handle(password_forgot),
        open(patch("patch-password-reset-kauth", "/kauth/api/v1/password-resets"))
            .doc(TAG, "Set a password", "Takes the token of the mail's link. All sessions of the person end.")
            .errors(&[400])
            .handle(password_reset),
        open(post("register-kauth", "/kauth/api/v1/register"))
            .doc(
                TAG,
                "Register an organization",
                "Makes an organization and its owner, and sends a mail; until its link was opened, nobody gets in. 403 \
                 where the operator has not switched it on (`registration`). The answer is the same for an address that \
                 has an account already; its person signs in as ever.",
            )
            .errors(&[400, 403, 429])
            .handle(organization_register),
        open(patch("verify-email-kauth", "/kauth/api/v1/email-verifications"))
            .doc(
                TAG,
                "Verify the address of who registered",
                "Takes the token of the mail's link. The organization is active from then on.",
            )
            .errors(&[400])
            .handle(registration_verify),
        open(post("accept-invite", "/v2/accept-invite"))
            .doc(
                TAG,
                "Accept an invite",
                "Takes the token of the invite's link. Who is new chooses a password; who has one already proves it, and \
                 gets 401 for a wrong one. It begins no session.",
            )
            .errors(&[400, 401, 429])
            .handle(invite_join),
        patch("patch-users-me-password", "/v2/users/me/password")
            .allow(SESSIONS, Rule::Member)
            .wrong_kind_is_403()
            .doc(
                TAG,
                "Change one's own password",
                "All other sessions of the person end. After some wrong old ones there is 429 with `Retry-After`.",
            )
            .errors(&[400, 429])
            .handle(password_change),
    ]
}
