//! Signing in, choosing an organization, keeping a session going, signing out.

use frame::{
    Cx,
    input::{Headers, Query},
    pages::{Page, Visit, encode, return_to},
};
use identity::identity_providers::store::{Door, door_find};
use kernel::{
    Body, Draft, Fields, OrgId, Problem, Result, Secret,
    rules::{id, text},
};
use minijinja::context;

use super::{
    second_factor,
    ticket::{self, Stage},
    visitor,
};
use crate::{
    factors,
    passkeys::{self, challenge::Purpose},
    passwords::{Candidate, Proven, candidates, password_check, sign_in},
    sessions::{self, Cookies, PAGE_REFRESH},
    sso,
};

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
        Some("verified") => "Your address is confirmed, and your organization is there. Sign in to it.",
        Some("joined") => "You have joined. Sign in to go on.",
        _ => "",
    };
    login(&cx, &visit, back, "", notice, "")
}

fn login(cx: &Cx, visit: &Visit, return_to: &str, username: &str, notice: &str, error: &str) -> Result<Page> {
    let passkey = passkeys::asking(cx, visit, Purpose::SignIn, &[])?;
    let scripted = passkey.is_some();
    let page =
        visit.page("login.html", "Sign in", context! { return_to, username, notice, error, passkey })?;
    Ok(page.with_script(scripted))
}

/// The page of signing in, saying why it did not work.
pub(super) fn refused(cx: &Cx, visit: &Visit, back: &str, status: u16, says: &str) -> Result<Page> {
    Ok(login(cx, visit, back, "", "", says)?.status(status))
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
            return Ok(login(&cx, &visit, back, &username, "", &says)?.status(status));
        }
    };
    if factors::factor_has(&cx.platform(), proven.person).await? {
        return second_factor::ask(&cx, &visit, &proven, back, "").await;
    }
    go_on(&cx, &visit, &proven, back).await
}

/// Lets somebody in who has proven enough: into the only organization, or the one that is chosen.
pub(super) async fn go_on(cx: &Cx, visit: &Visit, proven: &Proven, back: &str) -> Result<Page> {
    let candidates = candidates(cx, proven).await?;
    match candidates.as_slice() {
        [] => {
            let says =
                "No organization of yours takes a password. Sign in through your company's sign-in page.";
            refused(cx, visit, back, 403, says)
        }
        [only] => enter(cx, visit, proven, only, back).await,
        several => choice(cx, visit, proven, several, back).await,
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

/// Begins the session; but an organization may want a second factor, which then has to be added first.
async fn enter(cx: &Cx, visit: &Visit, proven: &Proven, candidate: &Candidate, back: &str) -> Result<Page> {
    let db = cx.platform().org(candidate.org);
    let wants = identity::organizations::store::organization_get(&db).await?.mfa_enabled;
    if wants && !factors::factor_has(&cx.platform(), proven.person).await? {
        return second_factor::add_first(cx, visit, proven, candidate, back).await;
    }
    let cookies = sign_in(cx, &db, candidate.user, proven.method()).await?;
    Page::see_other(back, cookies.into_headers())
}

/// Says that it took too long.
pub(super) fn again(cx: &Cx, visit: &Visit, back: &str) -> Result<Page> {
    refused(cx, visit, back, 401, "That took too long. Sign in once more.")
}

async fn choice(cx: &Cx, visit: &Visit, proven: &Proven, several: &[Candidate], back: &str) -> Result<Page> {
    let mut organizations = Vec::new();
    for candidate in several {
        let organization =
            identity::organizations::store::organization_get(&cx.platform().org(candidate.org)).await?;
        organizations.push(context! { id => candidate.org.to_string(), name => organization.name });
    }
    let ticket = ticket::issue(cx, visit, proven, Stage::Choice);
    let more = context! { organizations, ticket, return_to => back };
    visit.page("organization.html", "Choose an organization", more)
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
    let Some(proven) = ticket::redeem(&cx, &visit, Stage::Choice, &form.ticket).await? else {
        return again(&cx, &visit, back);
    };
    let candidates = candidates(&cx, &proven).await?;
    match candidates.iter().find(|candidate| candidate.org == form.organization) {
        Some(candidate) => enter(&cx, &visit, &proven, candidate, back).await,
        None => again(&cx, &visit, back),
    }
}

/// Where a page leads whose visitor's access token has expired: the refresh token is sent to this path only.
pub(super) async fn session_refresh_page(cx: Cx, headers: Headers, query: Query) -> Result<Page> {
    let back = return_to(query.get("return_to"));
    let to_login = || format!("/login?return_to={}", encode(back));
    match sessions::refreshed(&cx, &headers, PAGE_REFRESH).await {
        Ok(cookies) => Page::see_other(back, cookies.into_headers()),
        Err(Problem::Unauthenticated) => Page::see_other(&to_login(), Vec::new()),
        // A token that was used twice: its session is over, and that stays written.
        Err(Problem::Kept(_)) => Page::see_other(&to_login(), Cookies::cleared(cx.app())?.into_headers()),
        Err(other) => Err(other),
    }
}

pub(super) async fn sign_out_submit(cx: Cx, _: Visit) -> Result<Page> {
    let mut to = "/signed-out".to_owned();
    if let Some(visitor) = visitor(&cx) {
        // Nobody is signed in there any more, whose organization would be known.
        let path = identity::organizations::store::organization_get(cx.db()).await?.login_path;
        if !path.is_empty() {
            to = format!("{to}?path={}", encode(&path));
        }
        sessions::session_end(&cx, cx.db(), visitor.session, visitor.user.id, serde_json::Value::Null)
            .await?;
    }
    Page::see_other(&to, Cookies::cleared(cx.app())?.into_headers())
}

pub(super) async fn signed_out_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let path = query.get("path").unwrap_or_default();
    if let Some(Door { org_id, .. }) = door_find(&cx.platform(), path).await? {
        visit.within(&cx.platform().org(org_id)).await?;
    }
    visit.page("signed_out.html", "Signed out", context! {})
}
