//! Accepting an invite: who is new says who it is and chooses a password; who has one proves it.

use frame::{
    Cx,
    db::PlatformScope,
    input::Query,
    pages::{Page, Visit},
};
use identity::invites::{Pending, invite_accept, invite_find};
use kernel::{
    Body, Draft, Fields, Problem, Result, Secret, Token, TokenHash, TokenKind, problem::Denied, rules::text,
};
use minijinja::context;

use super::{PASSWORD_RULES, said_of, sign_in::explained};
use crate::{
    factors,
    passwords::{self, password_check, password_prepare, password_put, sign_in},
    sessions::Method,
};

const GONE: &str =
    "This invite was used, replaced by a newer one, or has expired. Ask whoever invited you for a new one.";

fn hash(cx: &Cx, token: &str) -> Result<TokenHash> {
    let token = Token::parse(token).filter(|token| token.kind() == TokenKind::Invite);
    token.map(|token| token.hash(cx.app().vault.token_key())).ok_or_else(gone)
}

fn gone() -> Problem {
    Problem::Forbidden(Denied::Because(GONE.to_owned()))
}

/// The invite, and whether its person has a password; pages are its organization's from here on.
async fn pending(cx: &Cx, visit: &Visit, token: &str) -> Result<(TokenHash, Pending, bool)> {
    let hash = hash(cx, token)?;
    let db = PlatformScope::new(cx.app().db.read());
    let pending = invite_find(&db, hash, |org| cx.app().clock.now(org)).await?.ok_or_else(gone)?;
    visit.within(&db.org(pending.org)).await?;
    let known = passwords::store::password_of(&db, pending.person).await?.is_some();
    Ok((hash, pending, known))
}

/// What the page shows beside the invite.
#[derive(Default)]
struct Said {
    full_name: String,
    error: String,
    name_error: String,
    password_error: String,
}

fn show(visit: &Visit, pending: &Pending, known: bool, token: &str, said: &Said) -> Result<Page> {
    let more = context! {
        organization => pending.organization.as_str(), email => pending.email.as_str(), known, token,
        full_name => said.full_name.as_str(), error => said.error.as_str(), name_error => said.name_error.as_str(),
        password_error => said.password_error.as_str(), rules => PASSWORD_RULES,
    };
    visit.page("invite.html", "Join", more)
}

pub(super) async fn invite_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let token = query.get("token").unwrap_or_default();
    let (_, pending, known) = pending(&cx, &visit, token).await?;
    show(&visit, &pending, known, token, &Said::default())
}

/// Who joins.
pub struct InviteForm {
    token: String,
    full_name: String,
    password: String,
}

impl Body for InviteForm {
    const NAME: &'static str = "InviteForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let token = fields.required("token", text(1, 200));
        let full_name = fields.optional("full_name", text(0, 250));
        let password = fields.optional("password", text(0, 1000));
        Some(Self {
            token: token?,
            full_name: full_name?.unwrap_or_default(),
            password: password?.unwrap_or_default(),
        })
    }
}

pub(super) async fn invite_submit(cx: Cx, visit: Visit, draft: Draft<InviteForm>) -> Result<Page> {
    let InviteForm { token, full_name, password } = draft.parse()?;
    let (hash, pending, known) = pending(&cx, &visit, &token).await?;
    let full_name = full_name.trim();
    let mut said = Said { full_name: full_name.to_owned(), ..Said::default() };
    let mut new = None;
    if known {
        if let Err(problem) = password_check(&cx, &pending.email, Secret::new(password)).await {
            let (status, error) = explained(problem)?;
            said.error = error;
            return Ok(show(&visit, &pending, known, &token, &said)?.status(status));
        }
    } else {
        if full_name.is_empty() {
            said.name_error = "Say your name.".to_owned();
        }
        match password_prepare(&cx, pending.person, "password", Secret::new(password)).await {
            Ok(password) => new = Some(password),
            Err(problem) => said.password_error = said_of(&problem, "password").ok_or(problem)?,
        }
        if !(said.name_error.is_empty() && said.password_error.is_empty()) {
            return Ok(show(&visit, &pending, known, &token, &said)?.status(400));
        }
    }
    invite_accept(&cx, hash, &pending, (!known).then_some(full_name)).await?.ok_or_else(gone)?;
    if let Some(new) = new {
        password_put(&cx, pending.person, new, None).await?;
    }
    let db = cx.platform().org(pending.org);
    let wants = identity::organizations::store::organization_get(&db).await?.mfa_enabled;
    if wants || factors::factor_has(&cx.platform(), pending.person).await? {
        return Page::see_other("/login?notice=joined", Vec::new());
    }
    let cookies = sign_in(&cx, &db, pending.user, Method::Password).await?;
    Page::see_other("/account", cookies.into_headers())
}
