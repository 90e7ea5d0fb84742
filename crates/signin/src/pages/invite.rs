//! Accepting an invite: who is new says who it is and chooses a password; who has one proves it.

use frame::{
    Cx,
    db::PlatformScope,
    input::Query,
    pages::{Page, Visit},
};
use identity::invites::Names;
use kernel::{Body, Draft, Fields, Problem, Result, Secret, problem::Denied, rules::text};
use minijinja::context;

use super::{PASSWORD_RULES, said_of, sign_in::explained};
use crate::{
    factors,
    joining::{self, Invited},
    passwords::sign_in,
    sessions::Method,
};

const GONE: &str =
    "This invite was used, replaced by a newer one, or has expired. Ask whoever invited you for a new one.";

fn gone() -> Problem {
    Problem::Forbidden(Denied::Because(GONE.to_owned()))
}

/// The invite; pages are its organization's from here on.
async fn invited(cx: &Cx, visit: &Visit, token: &str) -> Result<Invited> {
    let invited = joining::invited(cx, token).await?.ok_or_else(gone)?;
    visit.within(&PlatformScope::new(cx.app().db.read()).org(invited.pending.org)).await?;
    Ok(invited)
}

/// What the page shows beside the invite.
#[derive(Default)]
struct Said {
    full_name: String,
    error: String,
    name_error: String,
    password_error: String,
}

fn show(visit: &Visit, Invited { pending, known, .. }: &Invited, token: &str, said: &Said) -> Result<Page> {
    let more = context! {
        organization => pending.organization.as_str(), email => pending.email.as_str(), known, token,
        full_name => said.full_name.as_str(), error => said.error.as_str(), name_error => said.name_error.as_str(),
        password_error => said.password_error.as_str(), rules => PASSWORD_RULES,
    };
    visit.page("invite.html", "Join", more)
}

pub(super) async fn invite_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let token = query.get("token").unwrap_or_default();
    let invited = invited(&cx, &visit, token).await?;
    show(&visit, &invited, token, &Said::default())
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
    let invited = invited(&cx, &visit, &token).await?;
    let (pending, known, full_name) = (&invited.pending, invited.known, full_name.trim());
    let mut said = Said { full_name: full_name.to_owned(), ..Said::default() };
    if !known && full_name.is_empty() {
        said.name_error = "Say your name.".to_owned();
    }
    let new = match invited.prove(&cx, Secret::new(password)).await {
        Ok(new) if said.name_error.is_empty() => new,
        Ok(_) => return Ok(show(&visit, &invited, &token, &said)?.status(400)),
        Err(problem) if known => {
            let (status, error) = explained(problem)?;
            said.error = error;
            return Ok(show(&visit, &invited, &token, &said)?.status(status));
        }
        Err(problem) => {
            said.password_error = said_of(&problem, "password").ok_or(problem)?;
            return Ok(show(&visit, &invited, &token, &said)?.status(400));
        }
    };
    let names = (!known).then_some(Names { full: full_name, preferred: "" });
    invited.join(&cx, names, new).await?.ok_or_else(gone)?;
    let db = cx.platform().org(pending.org);
    let wants = identity::organizations::store::organization_get(&db).await?.mfa_enabled;
    if wants || factors::factor_has(&cx.platform(), pending.person).await? {
        return Page::see_other("/login?notice=joined", Vec::new());
    }
    let cookies = sign_in(&cx, &db, pending.user, Method::Password).await?;
    Page::see_other("/account", cookies.into_headers())
}
