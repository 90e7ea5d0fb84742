//! Looking after one's passkeys: adding one, naming it, removing it. What changes who gets in takes the password, as
//! with the other second factors.

use frame::{
    Cx,
    input::Query,
    pages::{Page, Visit},
    principal::User,
};
use kernel::{
    Body, Draft, Fields, Problem, Result, Secret,
    rules::{id, text},
};
use minijinja::context;

use super::{
    Visitor,
    account::{Said, passkey_shown, show},
    second_factor::{codes_page, may_require, step_up},
    sign_in_first,
    ticket::{self, Stage},
    visitor,
};
use crate::passkeys::{
    self, Checked, Owner, Passkey, PasskeyId, challenge::Purpose, passkey_add, passkey_remove,
    passkey_rename, store::passkey_list,
};

/// Longest name.
const LONGEST: usize = 100;
/// What a browser may send.
pub(super) const ANSWER: usize = 8_000;

pub(super) const STALE: &str = "That took too long, or was sent twice. Try it once more.";
pub(super) const UNKNOWN: &str =
    "This passkey does not let you in. Try another one, or sign in with your password.";
pub(super) const UNFIT: &str = "This passkey could not be added. Try it once more, or with another device.";

/// A name that can be told from others, as it is kept.
pub(super) fn name_of(given: &str) -> Result<&str, &'static str> {
    let name = given.trim();
    match name.chars().count() {
        0 => Err("Give it a name."),
        1..=LONGEST if name.chars().any(char::is_control) => {
            Err("The name has characters that cannot be shown.")
        }
        1..=LONGEST => Ok(name),
        _ => Err("The name is too long: 100 characters at most."),
    }
}

/// Whoever begins to add a passkey, with its password.
pub struct BeginForm {
    password: Secret<String>,
}

impl Body for BeginForm {
    const NAME: &'static str = "PasskeyBeginForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let password = fields.optional("password", text(0, 1000));
        Some(Self { password: Secret::new(password?.unwrap_or_default()) })
    }
}

pub(super) async fn passkey_begin(cx: Cx, visit: Visit, draft: Draft<BeginForm>) -> Result<Page> {
    let BeginForm { password } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let proven = match step_up(&cx, &visitor, password).await? {
        Ok(proven) => proven,
        Err((status, passkey)) => {
            let said = Said { passkey, ..Said::default() };
            return Ok(show(&cx, &visit, &visitor, &said).await?.status(status));
        }
    };
    passkeys::room(&cx.platform(), visitor.person).await?;
    let ticket = ticket::issue(&cx, &visit, &proven, Stage::AddingPasskey(visitor.session));
    add_page(&cx, &visit, &visitor, &Adds { ticket: &ticket, ..Adds::default() }).await
}

/// What the page of adding carries and says.
#[derive(Default)]
struct Adds<'a> {
    /// That the password was right.
    ticket: &'a str,
    name: &'a str,
    error: &'a str,
    name_error: &'a str,
}

fn purpose(visitor: &Visitor) -> Purpose {
    Purpose::Adding(visitor.person, visitor.session)
}

async fn add_page(cx: &Cx, visit: &Visit, visitor: &Visitor, adds: &Adds<'_>) -> Result<Page> {
    let have = passkey_list(&cx.platform(), visitor.person).await?;
    let User { email, full_name, .. } = &visitor.user;
    let owner = Owner { person: visitor.person, email, full_name };
    let passkey = passkeys::making(cx, visit, purpose(visitor), &owner, &have)?;
    let passkey = passkey.ok_or(Problem::NotFound("passkey"))?;
    let Adds { ticket, name, error, name_error } = *adds;
    let more = context! { passkey, ticket, name, error, name_error };
    Ok(visit.page("passkey_add.html", "Add a passkey", more)?.with_script(true))
}

/// A passkey that a browser has made, and what its person calls it.
pub struct AddForm {
    pub(super) ticket: String,
    pub(super) name: String,
    pub(super) credential: String,
}

impl Body for AddForm {
    const NAME: &'static str = "PasskeyAddForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let ticket = fields.required("ticket", text(1, 200));
        let name = fields.optional("name", text(0, 1000));
        let credential = fields.optional("credential", text(0, ANSWER));
        Some(Self {
            ticket: ticket?,
            name: name?.unwrap_or_default(),
            credential: credential?.unwrap_or_default(),
        })
    }
}

pub(super) async fn passkey_add_submit(cx: Cx, visit: Visit, draft: Draft<AddForm>) -> Result<Page> {
    let AddForm { ticket, name, credential } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let stage = Stage::AddingPasskey(visitor.session);
    let proven = ticket::redeem(&cx, &visit, stage, &ticket).await?;
    if proven.is_none_or(|proven| proven.person != visitor.person) {
        let passkey = "That took too long. Enter your password once more.".to_owned();
        let said = Said { passkey, ..Said::default() };
        return Ok(show(&cx, &visit, &visitor, &said).await?.status(401));
    }
    may_require(&cx, &visitor).await?;
    let adds = Adds { ticket: &ticket, name: &name, ..Adds::default() };
    let kept = match name_of(&name) {
        Ok(kept) => kept,
        Err(name_error) => {
            let adds = Adds { name_error, ..adds };
            return Ok(add_page(&cx, &visit, &visitor, &adds).await?.status(400));
        }
    };
    let error = match passkey_add(&cx, &visit, purpose(&visitor), visitor.person, kept, &credential).await? {
        Checked::Good(codes) => return codes_page(&visit, &codes, "/account?notice=passkey"),
        Checked::Stale => STALE,
        Checked::Refused => UNFIT,
    };
    Ok(add_page(&cx, &visit, &visitor, &Adds { error, ..adds }).await?.status(400))
}

/// The passkey of a visitor that a request names.
async fn own(cx: &Cx, visitor: &Visitor, id: Option<PasskeyId>) -> Result<Passkey> {
    may_require(cx, visitor).await?;
    let known = passkey_list(&cx.platform(), visitor.person).await?;
    known.into_iter().find(|passkey| Some(passkey.id) == id).ok_or(Problem::NotFound("passkey"))
}

pub(super) async fn passkey_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let Some(visitor) = visitor(&cx) else { return sign_in_first(&cx.origin().uri) };
    let id = query.get("passkey").and_then(|id| id.parse().ok());
    let passkey = own(&cx, &visitor, id).await?;
    one(&visit, &visitor, &passkey, ("", ""))
}

/// The page of one passkey, saying what is wrong with a new name, or with the password.
fn one(visit: &Visit, visitor: &Visitor, passkey: &Passkey, wrong: (&str, &str)) -> Result<Page> {
    let (name_error, password_error) = wrong;
    let (passkey, email) = (passkey_shown(passkey), visitor.user.email.as_str());
    visit.page("passkey.html", "Passkey", context! { passkey, email, name_error, password_error })
}

/// Another name.
pub struct RenameForm {
    passkey: PasskeyId,
    name: String,
}

impl Body for RenameForm {
    const NAME: &'static str = "PasskeyRenameForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let passkey = fields.required("passkey", id());
        let name = fields.optional("name", text(0, 1000));
        Some(Self { passkey: passkey?, name: name?.unwrap_or_default() })
    }
}

pub(super) async fn passkey_rename_submit(cx: Cx, visit: Visit, draft: Draft<RenameForm>) -> Result<Page> {
    let RenameForm { passkey, name } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let passkey = own(&cx, &visitor, Some(passkey)).await?;
    match name_of(&name) {
        Ok(name) => passkey_rename(&cx, visitor.person, passkey.id, name).await?,
        Err(wrong) => return Ok(one(&visit, &visitor, &passkey, (wrong, ""))?.status(400)),
    };
    Page::see_other("/account?notice=passkey-renamed", Vec::new())
}

/// A passkey to be removed, by who knows the password.
pub struct RemoveForm {
    passkey: PasskeyId,
    password: Secret<String>,
}

impl Body for RemoveForm {
    const NAME: &'static str = "PasskeyRemoveForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let passkey = fields.required("passkey", id());
        let password = fields.optional("password", text(0, 1000));
        Some(Self { passkey: passkey?, password: Secret::new(password?.unwrap_or_default()) })
    }
}

pub(super) async fn passkey_remove_submit(cx: Cx, visit: Visit, draft: Draft<RemoveForm>) -> Result<Page> {
    let RemoveForm { passkey, password } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let wrong = step_up(&cx, &visitor, password).await?.err();
    let passkey = own(&cx, &visitor, Some(passkey)).await?;
    if let Some((status, says)) = wrong {
        return Ok(one(&visit, &visitor, &passkey, ("", &says))?.status(status));
    }
    passkey_remove(&cx, visitor.person, passkey.id).await?;
    Page::see_other("/account?notice=passkey-removed", Vec::new())
}
