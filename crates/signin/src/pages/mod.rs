//! The pages on which people sign in and look after their accounts. A page calls the same rules as the
//! API does; what is its own is what it shows and where it leads.

mod account;
mod device;
pub mod http;
mod invite;
mod passkey_sign_in;
mod passkeys;
mod password;
mod second_factor;
mod sign_in;
mod ticket;
mod verify;

use frame::{
    Cx,
    pages::{Page, Script, Template},
    principal::{CredentialKind, User, Who},
};
use kernel::{Invalid, PersonId, Problem, Result};

use crate::{
    passwords, registration,
    sessions::{self, SessionId},
};

/// Every template of this crate.
pub const TEMPLATES: [Template; 21] = [
    ("login.html", include_str!("../../templates/login.html")),
    ("organization.html", include_str!("../../templates/organization.html")),
    ("signed_out.html", include_str!("../../templates/signed_out.html")),
    ("invite.html", include_str!("../../templates/invite.html")),
    ("forgot.html", include_str!("../../templates/forgot.html")),
    ("reset.html", include_str!("../../templates/reset.html")),
    ("verify.html", include_str!("../../templates/verify.html")),
    ("device.html", include_str!("../../templates/device.html")),
    ("device_confirm.html", include_str!("../../templates/device_confirm.html")),
    ("device_done.html", include_str!("../../templates/device_done.html")),
    ("factor.html", include_str!("../../templates/factor.html")),
    ("factor_add.html", include_str!("../../templates/factor_add.html")),
    ("factor_codes.html", include_str!("../../templates/factor_codes.html")),
    ("passkey.html", include_str!("../../templates/passkey.html")),
    ("passkey_add.html", include_str!("../../templates/passkey_add.html")),
    ("sso.html", include_str!("../../templates/sso.html")),
    ("sso_form.html", include_str!("../../templates/sso_form.html")),
    ("sso_refused.html", include_str!("../../templates/sso_refused.html")),
    ("rehearse.html", include_str!("../../templates/rehearse.html")),
    ("rehearsal.html", include_str!("../../templates/rehearsal.html")),
    ("account.html", include_str!("../../templates/account.html")),
];

/// What runs on pages with passkeys, the only ones that cannot do without.
pub const SCRIPTS: [Script; 1] = [("passkeys.js", include_str!("../../templates/passkeys.js"))];

/// Every letter of this crate.
pub const LETTERS: [Template; 3] =
    [passwords::resets::LETTER, registration::LETTER, sessions::notice::LETTER];

/// What a password has to be, in words.
const PASSWORD_RULES: &str = "At least 12 characters, with upper and lower case letters, a digit and a special character; no character three times in a row.";

/// Who is signed in in this browser.
pub(crate) struct Visitor {
    pub(crate) user: User,
    pub(crate) person: PersonId,
    pub(crate) session: SessionId,
}

/// Whoever is signed in; `None` for nobody.
pub(crate) fn visitor(cx: &Cx) -> Option<Visitor> {
    let caller = cx.caller();
    let credential = caller.credential.as_ref().filter(|it| it.kind == CredentialKind::Session)?;
    match &caller.who {
        Who::User(user, person) => Some(Visitor {
            user: (**user).clone(),
            person: *person,
            session: SessionId::from_uuid(credential.id.uuid()),
        }),
        _ => None,
    }
}

/// Leads to where a session is kept going, or to signing in, and then back.
fn sign_in_first(back: &str) -> Result<Page> {
    let back = frame::pages::encode(back);
    Page::see_other(&format!("/session/refresh?return_to={back}"), Vec::new())
}

/// What is wrong with a field, as a sentence or several.
fn said_of(problem: &Problem, field: &str) -> Option<String> {
    let (Problem::Invalid(entries) | Problem::InvalidBecause(_, entries)) = problem else { return None };
    let of_field = |entry: &&Invalid| entry.field == field;
    let reasons: Vec<String> = entries.iter().filter(of_field).map(Invalid::reason).collect();
    (!reasons.is_empty()).then(|| format!("It {}.", reasons.join("; it ")))
}
