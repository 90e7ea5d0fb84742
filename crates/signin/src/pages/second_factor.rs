//! The second factor: showing it, adding it, looking after it.

use frame::{
    Cx,
    pages::{Page, Visit, return_to},
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
    sign_in::{again, explained, go_on},
    sign_in_first,
    ticket::{self, Stage},
    visitor,
};
use crate::{
    factors::{self, Adding},
    passwords::{Candidate, Proven, candidates, password_check, sign_in},
    sessions,
};

const WRONG: &str = "This code is not right. Wait for the next one, or check the clock of your device.";

/// Asks for the second factor.
pub(super) fn ask(cx: &Cx, visit: &Visit, proven: &Proven, back: &str, error: &str) -> Result<Page> {
    let ticket = ticket::issue(cx, visit, proven, Stage::Factor);
    visit.page("factor.html", "Second factor", context! { ticket, return_to => back, error })
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
        return again(&visit, back);
    };
    let attempt = match factors::attempt(&cx, proven.person).await {
        Ok(attempt) => attempt,
        Err(problem) => {
            let (status, says) = explained(problem)?;
            return Ok(ask(&cx, &visit, &proven, back, &says)?.status(status));
        }
    };
    match factors::factor_check(&cx, proven.person, &attempt, &form.code).await? {
        true => go_on(&cx, &visit, &proven, back).await,
        false => Ok(ask(&cx, &visit, &proven, back, WRONG)?.status(401)),
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
struct Adds<'a> {
    ticket: String,
    organization: String,
    back: &'a str,
    lead: &'a str,
}

fn add_page(visit: &Visit, adding: &Adding, adds: &Adds<'_>, error: &str) -> Result<Page> {
    let uri = adding.uri.reveal();
    let size = QrCode::encode_text(uri, QrCodeEcc::Medium).map_or(0, |code| code.size()) + 8;
    let written = adding.written.reveal().as_bytes().chunks(4);
    let written: Vec<String> = written.map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let more = context! {
        drawing => drawing(uri)?, size, written => written.join(" "), uri => uri.as_str(), error,
        ticket => adds.ticket.as_str(), organization => adds.organization.as_str(),
        return_to => adds.back, lead => adds.lead,
    };
    visit.page("factor_add.html", "Add an authenticator app", more)
}

const WANTED: &str = "Your organization asks for a second factor. Add an authenticator app to go on.";

/// Lets somebody add a second factor without which an organization lets nobody in.
pub(super) async fn add_first(
    cx: &Cx,
    visit: &Visit,
    proven: &Proven,
    candidate: &Candidate,
    back: &str,
) -> Result<Page> {
    let adding = factors::totp_begin(cx, proven.person, &account(cx, candidate).await?).await?;
    add_first_page(cx, visit, proven, candidate.org, &adding, back, "")
}

async fn account(cx: &Cx, candidate: &Candidate) -> Result<String> {
    let user = identity::users::store::user_get(&cx.platform().org(candidate.org), candidate.user).await?;
    user.map(|user| user.email).ok_or(Problem::NotFound("user"))
}

fn add_first_page(
    cx: &Cx,
    visit: &Visit,
    proven: &Proven,
    org: OrgId,
    adding: &Adding,
    back: &str,
    error: &str,
) -> Result<Page> {
    let ticket = ticket::issue(cx, visit, proven, Stage::Adding(org));
    let organization = org.to_string();
    let adds = Adds { ticket, organization, back, lead: WANTED };
    add_page(visit, adding, &adds, error)
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
    let Some(proven) = redeemed else { return again(&visit, back) };
    let attempt = factors::attempt(&cx, proven.person).await?;
    let candidates = candidates(&cx, &proven).await?;
    let Some(candidate) = candidates.iter().find(|candidate| candidate.org == organization) else {
        return again(&visit, back);
    };
    let account = account(&cx, candidate).await?;
    let Some(adding) = factors::totp_begun(&cx, proven.person, &account).await? else {
        return again(&visit, back);
    };
    let Some(codes) = factors::totp_confirm(&cx, proven.person, &attempt, &form.code).await? else {
        return Ok(add_first_page(&cx, &visit, &proven, organization, &adding, back, WRONG)?.status(400));
    };
    let cookies = sign_in(&cx, &cx.platform().org(candidate.org), candidate.user).await?;
    Ok(codes_page(&visit, &codes, back)?.with(cookies.into_headers()))
}

/// The recovery codes, shown once.
fn codes_page(visit: &Visit, codes: &[String], back: &str) -> Result<Page> {
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

/// Whether a visitor may look after second factors, which are the person's.
pub(super) async fn may(cx: &Cx, visitor: &Visitor) -> Result<bool> {
    let session = sessions::store::session_get(cx.db(), visitor.session).await?;
    Ok(session.is_some_and(|session| session.is_the_persons()))
}

pub(super) async fn factor_manage(cx: Cx, visit: Visit, draft: Draft<FactorForm>) -> Result<Page> {
    let FactorForm { password, what } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    if let Err(problem) = password_check(&cx, &visitor.user.email, password).await {
        let (status, says) = explained(problem)?;
        let says = if status == 401 { "This is not your present password.".to_owned() } else { says };
        return super::account::show_factor_error(&cx, &visit, &visitor, says)
            .await
            .map(|page| page.status(status));
    }
    if !may(&cx, &visitor).await? {
        let why = "You signed in for this organization only. Sign in with your password to change your second factor.";
        return Err(Problem::Forbidden(Denied::Because(why.to_owned())));
    }
    match what {
        "add" => {
            let adding = factors::totp_begin(&cx, visitor.person, &visitor.user.email).await?;
            add_page(&visit, &adding, &own_adds(), "")
        }
        "remove" => {
            factors::factor_remove(&cx, visitor.person).await?;
            Page::see_other("/account?notice=factor-removed", Vec::new())
        }
        _ if factors::factor_has(&cx.platform(), visitor.person).await? => {
            codes_page(&visit, &factors::recovery_renew(&cx, visitor.person).await?, "/account")
        }
        _ => Page::see_other("/account", Vec::new()),
    }
}

const OWN: &str = "It will show a code that you need beside your password.";

fn own_adds() -> Adds<'static> {
    let (ticket, organization) = ("-".to_owned(), String::new());
    Adds { ticket, organization, back: "/account", lead: OWN }
}

pub(super) async fn own_add_submit(cx: Cx, visit: Visit, draft: Draft<CodeForm>) -> Result<Page> {
    let form = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let attempt = factors::attempt(&cx, visitor.person).await?;
    let adding = match may(&cx, &visitor).await? {
        true => factors::totp_begun(&cx, visitor.person, &visitor.user.email).await?,
        false => None,
    };
    let Some(adding) = adding else { return Page::see_other("/account", Vec::new()) };
    match factors::totp_confirm(&cx, visitor.person, &attempt, &form.code).await? {
        Some(codes) => codes_page(&visit, &codes, "/account"),
        None => Ok(add_page(&visit, &adding, &own_adds(), WRONG)?.status(400)),
    }
}
