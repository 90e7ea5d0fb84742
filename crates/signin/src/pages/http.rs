//! Where the pages are. None of them is part of the API's document.

use frame::operations::{Declared, Operation, Rule, SESSIONS, Undeclared, get, post};

use super::{
    account::{
        account_page, organization_submit, password_submit, rehearsal_submit, session_submit, token_submit,
    },
    device::{device_decide, device_page, device_submit},
    invite::{invite_page, invite_submit},
    passkey_sign_in::{add_first_passkey_submit, factor_passkey_submit, passkey_submit},
    passkeys::{
        passkey_add_submit, passkey_begin, passkey_page, passkey_remove_submit, passkey_rename_submit,
    },
    password::{forgot_page, forgot_submit, reset_page, reset_submit},
    second_factor::{add_first_submit, factor_manage, factor_submit, own_add_submit},
    sign_in::{
        choice_submit, login_page, login_submit, session_refresh_page, sign_out_submit, signed_out_page,
    },
    verify::{verify_page, verify_submit},
};

/// A page looks itself whether somebody is signed in: who is not is shown where to.
fn page(operation: Undeclared) -> Declared {
    operation.allow(SESSIONS, Rule::Public).page()
}

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        page(get("login-page", "/login"))
            .writes()
            .query(&[
                ("return_to", "Where to go then."),
                ("notice", "What was done."),
                ("state", "Which sign-in an identity provider answers."),
                ("code", "Its code."),
                ("iss", "Its name."),
                ("error", "Why it refuses."),
            ])
            .handle(login_page),
        page(post("login-submit", "/login")).handle(login_submit),
        page(post("login-passkey", "/login/passkey")).handle(passkey_submit),
        page(post("login-choice", "/choose-organization")).handle(choice_submit),
        page(post("login-second-factor", "/login/second-factor")).handle(factor_submit),
        page(post("login-second-factor-passkey", "/login/second-factor/passkey"))
            .handle(factor_passkey_submit),
        page(post("login-second-factor-add", "/login/second-factor/add")).handle(add_first_submit),
        page(post("login-second-factor-add-passkey", "/login/second-factor/add-passkey"))
            .handle(add_first_passkey_submit),
        page(get("session-refresh-page", "/session/refresh"))
            .writes()
            .query(&[("return_to", "Where to go then.")])
            .handle(session_refresh_page),
        page(get("signed-out-page", "/signed-out"))
            .query(&[("path", "The login path of the organization that was left.")])
            .handle(signed_out_page),
        page(get("invite-page", "/invites/accept"))
            .query(&[("token", "The one-time token of the link.")])
            .handle(invite_page),
        page(post("invite-submit", "/invites/accept")).handle(invite_submit),
        page(get("forgot-page", "/password/forgot")).handle(forgot_page),
        page(post("forgot-submit", "/password/forgot")).handle(forgot_submit),
        page(get("reset-page", "/password/reset"))
            .query(&[("token", "The one-time token of the link.")])
            .handle(reset_page),
        page(post("reset-submit", "/password/reset")).handle(reset_submit),
        page(get("verify-page", "/email-verifications"))
            .query(&[("token", "The one-time token of the link.")])
            .handle(verify_page),
        page(post("verify-submit", "/email-verifications")).handle(verify_submit),
        page(get("device-page", "/device-activate"))
            .query(&[("user_code", "The code."), ("code", "The same, as older links have it.")])
            .handle(device_page),
        page(post("device-submit", "/device-activate")).handle(device_submit),
        page(post("device-decide", "/device-activate/decide")).handle(device_decide),
        page(get("account-page", "/account")).query(&[("notice", "What was done.")]).handle(account_page),
        page(post("account-sign-out", "/account/sign-out")).handle(sign_out_submit),
        page(post("account-password", "/account/password")).handle(password_submit),
        page(post("account-second-factor", "/account/second-factor")).handle(factor_manage),
        page(post("account-second-factor-add", "/account/second-factor/add")).handle(own_add_submit),
        page(post("account-passkey-begin", "/account/passkeys")).handle(passkey_begin),
        page(post("account-passkey-add", "/account/passkeys/add")).handle(passkey_add_submit),
        page(get("account-passkey-page", "/account/passkey"))
            .query(&[("passkey", "Which one.")])
            .handle(passkey_page),
        page(post("account-passkey-rename", "/account/passkey/rename")).handle(passkey_rename_submit),
        page(post("account-passkey-remove", "/account/passkey/remove")).handle(passkey_remove_submit),
        page(post("account-session-end", "/account/sessions/end")).handle(session_submit),
        page(post("account-token-revoke", "/account/tokens/revoke")).handle(token_submit),
        page(post("account-rehearsal", "/account/rehearsal")).handle(rehearsal_submit),
        page(post("account-organization", "/account/organization")).handle(organization_submit),
    ]
}
