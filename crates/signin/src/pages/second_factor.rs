//! The second factor: showing it, adding it, looking after it.

use frame::{
    Cx,
    pages::{Page, Visit, return_to},
    principal::User,
};
use kernel::{
    Body, Draft, Fields, OrgId, Problem, Result, Secret,
    problem::Denied,
    rules::{id, text},
};
use minijinja::context;
use qrcodegen::{QrCode, QrCodeEcc};

use super::{
    Visitor,
    account::{Said, show},
    sign_in::{again, explained, go_on},
    sign_in_first,
    ticket::{self, Stage},
    visitor,
};
use crate::{
    factors::{self, Adding},
    passkeys::{self, Owner, challenge::Purpose, store::passkey_list},
    passwords::{Candidate, Proven, candidates, password_check, sign_in},
    sessions,
};

const WRONG: &str = "This code is not right. Wait for the next one, or check the clock of your device.";

/// Asks for the second factor.
pub(super) async fn ask(cx: &Cx, visit: &Visit, proven: &Proven, back: &str, error: &str) -> Result<Page> {
    let (db, person) = (cx.platform(), proven.person);
    let ticket = ticket::issue(cx, visit, proven, Stage::Factor);
    let app = factors::totp_has(&db, person).await?;
    let known = passkey_list(&db, person).await?;
    let passkey = match known.as_slice() {
        [] => None,
        known => passkeys::asking(cx, visit, Purpose::Factor(person), known)?,
    };
    let scripted = passkey.is_some();
    let more = context! { ticket, return_to => back, error, app, passkey };
    Ok(visit.page("factor.html", "Second factor", more)?.with_script(scripted))
}

/// A code, and what was proven before.
pub struct CodeForm {
    ticket: String,
    code: String,
    return_to: String,
}

impl Body for CodeForm {
    const NAME: &'static str = "CodeForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let ticket = fields.required("ticket", text(1, 200));
        let code = fields.optional("code", text(0, 100));
        let return_to = fields.optional("return_to", text(0, 2000));
        Some(Self {
            ticket: ticket?,
            code: code?.unwrap_or_default(),
            return_to: return_to?.unwrap_or_default(),
        })
    }
}

pub(super) async fn factor_submit(cx: Cx, visit: Visit, draft: Draft<CodeForm>) -> Result<Page> {
    let form = draft.parse()?;
    let back = return_to(Some(&form.return_to));
    let Some(proven) = ticket::redeem(&cx, &visit, Stage::Factor, &form.ticket).await? else {
        return again(&cx, &visit, back);
    };
    let attempt = match factors::attempt(&cx, proven.person).await {
        Ok(attempt) => attempt,
        Err(problem) => {
            let (status, says) = explained(problem)?;
            return Ok(ask(&cx, &visit, &proven, back, &says).await?.status(status));
        }
    };
    match factors::factor_check(&cx, proven.person, &attempt, &form.code).await? {
        true => go_on(&cx, &visit, &proven, back).await,
        false => Ok(ask(&cx, &visit, &proven, back, WRONG).await?.status(401)),
    }
}

/// What an app's camera reads, as a drawing.
fn drawing(uri: &str) -> Result<String> {
    let code = QrCode::encode_text(uri, QrCodeEcc::Medium)
        .map_err(|_| Problem::internal("a QR code is too long"))?;
    let dots = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
    let dots = dots.filter(|(x, y)| code.get_module(*x, *y));
    Ok(dots.map(|(x, y)| format!("M{} {}h1v1h-1z", x + 4, y + 4)).collect())
}

/// What the form carries; with an organization it is part of signing in.
#[derive(Default)]
struct Adds<'a> {
    ticket: String,
    organization: String,
    back: &'a str,
    lead: &'a str,
    /// What a passkey is made with instead, if one may be.
    passkey: Option<String>,
    /// What is wrong with the code.
    error: &'a str,
    /// What is wrong with the passkey.
    passkey_error: &'a str,
}

fn add_page(visit: &Visit, adding: &Adding, adds: &Adds<'_>) -> Result<Page> {
    let uri = adding.uri.reveal();
    let size = QrCode::encode_text(uri, QrCodeEcc::Medium).map_or(0, |code| code.size()) + 8;
    let written = adding.written.reveal().as_bytes().chunks(4);
    let written: Vec<String> = written.map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let more = context! {
        drawing => drawing(uri)?, size, written => written.join(" "), uri => uri.as_str(), error => adds.error,
        ticket => adds.ticket.as_str(), organization => adds.organization.as_str(),
        return_to => adds.back, lead => adds.lead, passkey => adds.passkey.as_deref(),
        passkey_error => adds.passkey_error,
    };
    let page = visit.page("factor_add.html", "Add an authenticator app", more)?;
    Ok(page.with_script(adds.passkey.is_some()))
}

const WANTED: &str = "Your organization asks for a second factor. Add an authenticator app to go on.";

/// Somebody who has to add a second factor, without which an organization lets nobody in.
pub(super) struct First<'a> {
    pub proven: &'a Proven,
    pub org: OrgId,
    pub user: User,
    pub back: &'a str,
}

impl<'a> First<'a> {
    /// Pages are the organization's from here on.
    pub async fn of(
        cx: &Cx,
        visit: &Visit,
        proven: &'a Proven,
        candidate: &Candidate,
        back: &'a str,
    ) -> Result<Self> {
        let org = candidate.org;
        let db = cx.platform().org(org);
        visit.within(&db).await?;
        let user = identity::users::store::user_get(&db, candidate.user).await?;
        Ok(Self { proven, org, user: user.ok_or(Problem::NotFound("user"))?, back })
    }

    /// The same from the form that the page sent; `None` if its time is over.
    pub async fn again(
        cx: &Cx,
        visit: &Visit,
        proven: &'a Proven,
        org: OrgId,
        back: &'a str,
    ) -> Result<Option<(Self, Adding)>> {
        let candidates = candidates(cx, proven).await?;
        let Some(candidate) = candidates.iter().find(|candidate| candidate.org == org) else {
            return Ok(None);
        };
        let first = Self::of(cx, visit, proven, candidate, back).await?;
        let adding = factors::totp_begun(cx, proven.person, &first.user.email).await?;
        Ok(adding.map(|adding| (first, adding)))
    }

    /// What a passkey is made for.
    pub const fn purpose(&self) -> Purpose {
        Purpose::AddingFirst(self.proven.person, self.org)
    }

    /// The page, with what is wrong with a code, and with a passkey.
    pub fn page(&self, cx: &Cx, visit: &Visit, adding: &Adding, wrong: (&str, &str)) -> Result<Page> {
        let User { email, full_name, .. } = &self.user;
        let owner = Owner { person: self.proven.person, email, full_name };
        let passkey = passkeys::making(cx, visit, self.purpose(), &owner, &[])?;
        let ticket = ticket::issue(cx, visit, self.proven, Stage::Adding(self.org));
        let organization = self.org.to_string();
        let (error, passkey_error) = wrong;
        let adds =
            Adds { ticket, organization, back: self.back, lead: WANTED, passkey, error, passkey_error };
        add_page(visit, adding, &adds)
    }

    /// Lets in whoever has added one.
    pub async fn enter(&self, cx: &Cx, visit: &Visit, codes: &[String]) -> Result<Page> {
        let db = cx.platform().org(self.org);
        let cookies = sign_in(cx, &db, self.user.id, self.proven.method()).await?;
        Ok(codes_page(visit, codes, self.back)?.with(cookies.into_headers()))
    }
}

/// Lets somebody add a second factor without which an organization lets nobody in.
pub(super) async fn add_first(
    cx: &Cx,
    visit: &Visit,
    proven: &Proven,
    candidate: &Candidate,
    back: &str,
) -> Result<Page> {
    let first = First::of(cx, visit, proven, candidate, back).await?;
    let adding = factors::totp_begin(cx, proven.person, &first.user.email).await?;
    first.page(cx, visit, &adding, ("", ""))
}

/// The first code of a new app, while signing in.
pub struct AddForm {
    code: CodeForm,
    organization: OrgId,
}

impl Body for AddForm {
    const NAME: &'static str = "AddForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let organization = fields.required("organization", id());
        let code = CodeForm::read(fields);
        Some(Self { code: code?, organization: organization? })
    }
}

pub(super) async fn add_first_submit(cx: Cx, visit: Visit, draft: Draft<AddForm>) -> Result<Page> {
    let AddForm { code: form, organization } = draft.parse()?;
    let back = return_to(Some(&form.return_to));
    let redeemed = ticket::redeem(&cx, &visit, Stage::Adding(organization), &form.ticket).await?;
    let Some(proven) = redeemed else { return again(&cx, &visit, back) };
    let attempt = factors::attempt(&cx, proven.person).await?;
    let Some((first, adding)) = First::again(&cx, &visit, &proven, organization, back).await? else {
        return again(&cx, &visit, back);
    };
    match factors::totp_confirm(&cx, proven.person, &attempt, &form.code).await? {
        Some(codes) => first.enter(&cx, &visit, &codes).await,
        None => Ok(first.page(&cx, &visit, &adding, (WRONG, ""))?.status(400)),
    }
}

/// The recovery codes, shown once; whoever has some already goes on without.
pub(super) fn codes_page(visit: &Visit, codes: &[String], back: &str) -> Result<Page> {
    if codes.is_empty() {
        return Page::see_other(back, Vec::new());
    }
    visit.page("factor_codes.html", "Recovery codes", context! { codes => codes.to_vec(), return_to => back })
}

/// Whoever looks after its second factors, with its password: a session alone, or one that an organization's
/// provider opened, is not enough.
pub struct FactorForm {
    password: Secret<String>,
    what: &'static str,
}

impl Body for FactorForm {
    const NAME: &'static str = "FactorForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let password = fields.optional("password", text(0, 1000));
        let what = fields.required("what", kernel::rules::OneOf(&["add", "remove", "codes"]));
        Some(Self { password: Secret::new(password?.unwrap_or_default()), what: what? })
    }
}

/// Refuses a visitor who may not look after what is the person's.
pub(super) async fn may_require(cx: &Cx, visitor: &Visitor) -> Result<()> {
    let session = sessions::store::session_get(cx.db(), visitor.session).await?;
    if session.is_some_and(|session| session.persons_method().is_some()) {
        return Ok(());
    }
    let why =
        "You signed in for this organization only. Sign in with your password to change your second factor.";
    Err(Problem::Forbidden(Denied::Because(why.to_owned())))
}

/// Looks whether a visitor knows its password, and may do what takes it; status and words for who does not know it.
pub(super) async fn step_up(
    cx: &Cx,
    visitor: &Visitor,
    password: Secret<String>,
) -> Result<Result<Proven, (u16, String)>> {
    match password_check(cx, &visitor.user.email, password).await {
        Ok(proven) => may_require(cx, visitor).await.map(|()| Ok(proven)),
        Err(problem) => {
            let (status, says) = explained(problem)?;
            let says = if status == 401 { "This is not your present password.".to_owned() } else { says };
            Ok(Err((status, says)))
        }
    }
}

pub(super) async fn factor_manage(cx: Cx, visit: Visit, draft: Draft<FactorForm>) -> Result<Page> {
    let FactorForm { password, what } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    if let Err((status, factor)) = step_up(&cx, &visitor, password).await? {
        let said = Said { factor, ..Said::default() };
        return Ok(show(&cx, &visit, &visitor, &said).await?.status(status));
    }
    match what {
        "add" => {
            let adding = factors::totp_begin(&cx, visitor.person, &visitor.user.email).await?;
            add_page(&visit, &adding, &own_adds(""))
        }
        "remove" => {
            factors::totp_remove(&cx, visitor.person).await?;
            Page::see_other("/account?notice=factor-removed", Vec::new())
        }
        _ if factors::factor_has(&cx.platform(), visitor.person).await? => {
            codes_page(&visit, &factors::recovery_renew(&cx, visitor.person).await?, "/account")
        }
        _ => Page::see_other("/account", Vec::new()),
    }
}

const OWN: &str = "It will show a code that you need beside your password.";

fn own_adds(error: &str) -> Adds<'_> {
    Adds { ticket: "-".to_owned(), back: "/account", lead: OWN, error, ..Adds::default() }
}

pub(super) async fn own_add_submit(cx: Cx, visit: Visit, draft: Draft<CodeForm>) -> Result<Page> {
    let form = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let attempt = factors::attempt(&cx, visitor.person).await?;
    may_require(&cx, &visitor).await?;
    let adding = factors::totp_begun(&cx, visitor.person, &visitor.user.email).await?;
    let Some(adding) = adding else { return Page::see_other("/account", Vec::new()) };
    match factors::totp_confirm(&cx, visitor.person, &attempt, &form.code).await? {
        Some(codes) => codes_page(&visit, &codes, "/account"),
        None => Ok(add_page(&visit, &adding, &own_adds(WRONG))?.status(400)),
    }
}
