//! Signing in with a passkey: alone, beside a password, and adding one where an organization wants a second factor.

use frame::{
    Cx,
    pages::{Page, Visit, return_to},
};
use kernel::{
    Body, Draft, Fields, OrgId, Result,
    rules::{id, text},
};

use super::{
    passkeys::{ANSWER, STALE, UNFIT, UNKNOWN, name_of},
    second_factor::{First, ask},
    sign_in::{again, explained, go_on, refused},
    ticket::{self, Stage},
};
use crate::{
    factors,
    passkeys::{Checked, passkey_add, passkey_factor, passkey_sign_in},
};

/// What a browser says of a passkey; nothing, if its page was open for too long.
pub struct SignInForm {
    credential: String,
    return_to: String,
}

impl Body for SignInForm {
    const NAME: &'static str = "PasskeySignInForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let credential = fields.optional("credential", text(0, ANSWER));
        let return_to = fields.optional("return_to", text(0, 2000));
        Some(Self { credential: credential?.unwrap_or_default(), return_to: return_to?.unwrap_or_default() })
    }
}

pub(super) async fn passkey_submit(cx: Cx, visit: Visit, draft: Draft<SignInForm>) -> Result<Page> {
    let form = draft.parse()?;
    let back = return_to(Some(&form.return_to));
    match passkey_sign_in(&cx, &visit, &form.credential).await {
        Ok(Checked::Good(proven)) => go_on(&cx, &visit, &proven, back).await,
        Ok(Checked::Stale) => refused(&cx, &visit, back, 401, STALE),
        Ok(Checked::Refused) => refused(&cx, &visit, back, 401, UNKNOWN),
        Err(problem) => {
            let (status, says) = explained(problem)?;
            refused(&cx, &visit, back, status, &says)
        }
    }
}

/// The same, beside a password.
pub struct FactorForm {
    ticket: String,
    passkey: SignInForm,
}

impl Body for FactorForm {
    const NAME: &'static str = "PasskeyFactorForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let ticket = fields.required("ticket", text(1, 200));
        let passkey = SignInForm::read(fields);
        Some(Self { ticket: ticket?, passkey: passkey? })
    }
}

pub(super) async fn factor_passkey_submit(cx: Cx, visit: Visit, draft: Draft<FactorForm>) -> Result<Page> {
    let FactorForm { ticket, passkey: form } = draft.parse()?;
    let back = return_to(Some(&form.return_to));
    let Some(proven) = ticket::redeem(&cx, &visit, Stage::Factor, &ticket).await? else {
        return again(&cx, &visit, back);
    };
    let attempt = match factors::attempt(&cx, proven.person).await {
        Ok(attempt) => attempt,
        Err(problem) => {
            let (status, says) = explained(problem)?;
            return Ok(ask(&cx, &visit, &proven, back, &says).await?.status(status));
        }
    };
    let says = match passkey_factor(&cx, &visit, proven.person, &attempt, &form.credential).await? {
        Checked::Good(()) => return go_on(&cx, &visit, &proven, back).await,
        Checked::Stale => STALE,
        Checked::Refused => "This passkey is not believed. Try another one, or a code.",
    };
    Ok(ask(&cx, &visit, &proven, back, says).await?.status(401))
}

/// A new passkey, while signing in.
pub struct AddFirstForm {
    organization: OrgId,
    return_to: String,
    add: super::passkeys::AddForm,
}

impl Body for AddFirstForm {
    const NAME: &'static str = "PasskeyAddFirstForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let organization = fields.required("organization", id());
        let return_to = fields.optional("return_to", text(0, 2000));
        let add = super::passkeys::AddForm::read(fields);
        Some(Self { organization: organization?, return_to: return_to?.unwrap_or_default(), add: add? })
    }
}

pub(super) async fn add_first_passkey_submit(
    cx: Cx,
    visit: Visit,
    draft: Draft<AddFirstForm>,
) -> Result<Page> {
    let AddFirstForm { organization, return_to: back, add } = draft.parse()?;
    let back = return_to(Some(&back));
    let redeemed = ticket::redeem(&cx, &visit, Stage::Adding(organization), &add.ticket).await?;
    let Some(proven) = redeemed else { return again(&cx, &visit, back) };
    let Some((first, adding)) = First::again(&cx, &visit, &proven, organization, back).await? else {
        return again(&cx, &visit, back);
    };
    let says = match name_of(&add.name) {
        Err(wrong) => wrong,
        Ok(name) => {
            match passkey_add(&cx, &visit, first.purpose(), proven.person, name, &add.credential).await? {
                Checked::Good(codes) => return first.enter(&cx, &visit, &codes).await,
                Checked::Stale => STALE,
                Checked::Refused => UNFIT,
            }
        }
    };
    Ok(first.page(&cx, &visit, &adding, ("", says))?.status(400))
}
