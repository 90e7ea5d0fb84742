//! Signing in, choosing an organization, keeping a session going, signing out.

use frame::{
    Cx,
    db::PlatformScope,
    input::{Headers, Query},
    pages::{Page, Visit, return_to},
};
use kernel::{
    Body, Draft, Fields, OrgId, PersonId, Problem, Result, Secret, TokenHash, WallClock,
    rules::{id, text},
};
use minijinja::context;

use super::visitor;
use crate::{
    passwords::{Candidate, Proven, candidates, password_check, sign_in, store},
    sessions::{self, Cookies, PAGE_REFRESH},
    sso,
};

/// How long the choice of an organization may take.
const TICKET_SECONDS: i64 = 600;

pub(super) async fn login_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    if let Some(page) = sso::callback(&cx, &visit, &query).await {
        return page;
    }
    let back = return_to(query.get("return_to"));
    if visitor(&cx).is_some() {
        return Page::see_other(back, Vec::new());
    }
    let notice = match query.get("notice") {
        Some("password") => "Your new password is set. Sign in with it.",
        _ => "",
    };
    login(&visit, back, "", notice, "")
}

fn login(visit: &Visit, return_to: &str, username: &str, notice: &str, error: &str) -> Result<Page> {
    visit.page("login.html", "Sign in", context! { return_to, username, notice, error })
}

/// Name and password, as the form has them.
pub struct SignInForm {
    username: String,
    password: Secret<String>,
    return_to: String,
}

impl Body for SignInForm {
    const NAME: &'static str = "SignInForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let username = fields.optional("username", text(0, 1000));
        let password = fields.optional("password", text(0, 1000));
        let return_to = fields.optional("return_to", text(0, 2000));
        Some(Self {
            username: username?.unwrap_or_default(),
            password: Secret::new(password?.unwrap_or_default()),
            return_to: return_to?.unwrap_or_default(),
        })
    }
}

pub(super) async fn login_submit(cx: Cx, visit: Visit, draft: Draft<SignInForm>) -> Result<Page> {
    let SignInForm { username, password, return_to: back } = draft.parse()?;
    let back = return_to(Some(&back));
    let proven = match password_check(&cx, username.trim(), password).await {
        Ok(proven) => proven,
        Err(problem) => {
            let (status, says) = explained(problem)?;
            return Ok(login(&visit, back, &username, "", &says)?.status(status));
        }
    };
    let candidates = candidates(&cx, &proven).await?;
    match candidates.as_slice() {
        [] => {
            let says =
                "No organization of yours takes a password. Sign in through your company's sign-in page.";
            Ok(login(&visit, back, &username, "", says)?.status(403))
        }
        [only] => enter(&cx, only, back).await,
        several => choice(&cx, &visit, &proven, several, back).await,
    }
}

/// What somebody is told who could not sign in; what was written about it stays.
pub(super) fn explained(problem: Problem) -> Result<(u16, String)> {
    match problem {
        Problem::Kept(inner) if matches!(*inner, Problem::Unauthenticated) => {
            Ok((401, "The address or the password is not right.".to_owned()))
        }
        Problem::TooManyRequests(wait) => {
            let seconds = wait.as_secs().max(1);
            let unit = if seconds == 1 { "second" } else { "seconds" };
            Ok((429, format!("Too many attempts. Wait {seconds} {unit}, then try again.")))
        }
        other => Err(other),
    }
}

async fn enter(cx: &Cx, candidate: &Candidate, back: &str) -> Result<Page> {
    let cookies = sign_in(cx, &cx.platform().org(candidate.org), candidate.user).await?;
    Page::see_other(back, cookies.into_headers())
}

async fn choice(cx: &Cx, visit: &Visit, proven: &Proven, several: &[Candidate], back: &str) -> Result<Page> {
    let mut organizations = Vec::new();
    for candidate in several {
        let organization =
            identity::organizations::store::organization_get(&cx.platform().org(candidate.org)).await?;
        organizations.push(context! { id => candidate.org.to_string(), name => organization.name });
    }
    let until = WallClock::now(&*cx.app().wall).micros() / 1_000_000 + TICKET_SECONDS;
    let ticket = format!("{}.{until}.{}", proven.person, ticket_mark(cx, visit, proven, until));
    let more = context! { organizations, ticket, return_to => back };
    visit.page("organization.html", "Choose an organization", more)
}

/// Ties a proven password to this browser, for some minutes, until the password changes.
fn ticket_mark(cx: &Cx, visit: &Visit, proven: &Proven, until: i64) -> String {
    let text = format!("ticket {} {until} {} {}", proven.person, visit.secret(), proven.hash());
    TokenHash::of(&text, cx.app().vault.token_key()).to_text()
}

/// The organization that was chosen.
pub struct ChoiceForm {
    ticket: String,
    organization: OrgId,
    return_to: String,
}

impl Body for ChoiceForm {
    const NAME: &'static str = "ChoiceForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let ticket = fields.required("ticket", text(1, 200));
        let organization = fields.required("organization", id());
        let return_to = fields.optional("return_to", text(0, 2000));
        Some(Self { ticket: ticket?, organization: organization?, return_to: return_to?.unwrap_or_default() })
    }
}

pub(super) async fn choice_submit(cx: Cx, visit: Visit, draft: Draft<ChoiceForm>) -> Result<Page> {
    let form = draft.parse()?;
    let back = return_to(Some(&form.return_to));
    let again =
        || login(&visit, back, "", "", "That took too long. Sign in once more.").map(|page| page.status(401));
    let Some(proven) = redeemed(&cx, &visit, &form.ticket).await? else { return again() };
    let candidates = candidates(&cx, &proven).await?;
    match candidates.iter().find(|candidate| candidate.org == form.organization) {
        Some(candidate) => enter(&cx, candidate, back).await,
        None => again(),
    }
}

async fn redeemed(cx: &Cx, visit: &Visit, ticket: &str) -> Result<Option<Proven>> {
    let mut parts = ticket.splitn(3, '.');
    let person = parts.next().and_then(|text| text.parse::<PersonId>().ok());
    let until = parts.next().and_then(|text| text.parse::<i64>().ok());
    let (Some(person), Some(until), Some(mark)) = (person, until, parts.next()) else { return Ok(None) };
    let hash = store::password_of(&PlatformScope::new(cx.app().db.read()), person).await?;
    let Some(hash) = hash else { return Ok(None) };
    let proven = Proven::again(person, hash);
    let now = WallClock::now(&*cx.app().wall).micros() / 1_000_000;
    let good = aws_lc_rs::constant_time::verify_slices_are_equal(
        ticket_mark(cx, visit, &proven, until).as_bytes(),
        mark.as_bytes(),
    );
    Ok((good.is_ok() && now < until).then_some(proven))
}

/// Where a page leads whose visitor's access token has expired: the refresh token is sent to this path only.
pub(super) async fn session_refresh_page(cx: Cx, headers: Headers, query: Query) -> Result<Page> {
    let back = return_to(query.get("return_to"));
    let to_login = || format!("/login?return_to={}", frame::pages::encode(back));
    match sessions::refreshed(&cx, &headers, PAGE_REFRESH).await {
        Ok(cookies) => Page::see_other(back, cookies.into_headers()),
        Err(Problem::Unauthenticated) => Page::see_other(&to_login(), Vec::new()),
        // A token that was used twice: its session is over, and that stays written.
        Err(Problem::Kept(_)) => Page::see_other(&to_login(), Cookies::cleared(cx.app())?.into_headers()),
        Err(other) => Err(other),
    }
}

pub(super) async fn sign_out_submit(cx: Cx, _: Visit) -> Result<Page> {
    if let Some(visitor) = visitor(&cx) {
        sessions::session_end(&cx, cx.db(), visitor.session, visitor.user.id, serde_json::Value::Null)
            .await?;
    }
    Page::see_other("/signed-out", Cookies::cleared(cx.app())?.into_headers())
}

pub(super) async fn signed_out_page(_: Cx, visit: Visit) -> Result<Page> {
    visit.page("signed_out.html", "Signed out", context! {})
}
