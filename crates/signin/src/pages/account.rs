//! What somebody sees and does about its own account.

use frame::{
    Cx,
    input::Query,
    pages::{Page, Visit},
};
use identity::{
    organizations,
    tokens::{token_list_of, token_revoke_of},
};
use kernel::{
    Body, Draft, Fields, IdentityProviderId, OrgId, Problem, Result, Secret, TokenId,
    problem::Denied,
    rules::{id, text},
};
use minijinja::{Value, context};

use super::{PASSWORD_RULES, Visitor, said_of, sign_in::explained, sign_in_first, visitor};
use crate::{
    factors,
    passkeys::{self, Passkey},
    passwords::{self, password_check, password_prepare, password_put, sign_in},
    sessions::{self, SessionId},
    sso,
};

pub(super) async fn account_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let notice = match query.get("notice") {
        Some("password") => "Your password is changed. You are signed out everywhere else.",
        Some("session") => "That session is signed out.",
        Some("token") => "The token is revoked.",
        Some("factor-removed") => "Your second factor is removed.",
        Some("passkey") => "The passkey is added.",
        Some("passkey-renamed") => "The passkey has its new name.",
        Some("passkey-removed") => {
            "The passkey is removed. Your device may still show it; it opens nothing here."
        }
        _ => "",
    };
    show(&cx, &visit, &visitor, &Said { notice, ..Said::default() }).await
}

/// What the page says beside what it shows.
#[derive(Default)]
pub(super) struct Said {
    pub notice: &'static str,
    pub error: String,
    pub old_password: String,
    pub new_password: String,
    /// What is wrong with the password that second factors are changed with.
    pub factor: String,
    /// The same for passkeys.
    pub passkey: String,
}

/// A passkey as its person sees it.
pub(super) fn passkey_shown(passkey: &Passkey) -> Value {
    let used =
        passkey.last_used_at.map_or("never used".to_owned(), |at| format!("last used {}", at.for_people()));
    let says = format!("added {}, {used}", passkey.created_at.for_people());
    context! { id => passkey.id.to_string(), name => passkey.name.as_str(), says }
}

pub(super) async fn show(cx: &Cx, visit: &Visit, visitor: &Visitor, said: &Said) -> Result<Page> {
    let organization = organizations::store::organization_get(cx.db()).await?;
    let sessions = sessions::store::session_list(cx.db(), visitor.user.id, cx.now()).await?;
    let sessions: Vec<Value> = sessions
        .iter()
        .map(|session| {
            let what = sessions::notice::what(session.client_id.as_deref(), &session.user_agent);
            context! {
                id => session.id.to_string(), what, ip => session.ip.as_str(), when => session.refreshed_at.for_people(),
                this => session.id == visitor.session,
            }
        })
        .collect();
    let tokens: Vec<Value> = token_list_of(cx, visitor.user.id)
        .await?
        .iter()
        .map(|token| {
            let used = token.last_used_at.map_or("never used".to_owned(), |at| format!("last used {}", at.for_people()));
            let says = format!("{used}, good until {}", token.expires_at.for_people());
            context! { id => token.id.to_string(), name => token.name.as_str(), state => token.state.as_str(), says }
        })
        .collect();
    let session = sessions::store::session_get(cx.db(), visitor.session).await?;
    let mut joined = Vec::new();
    // What an organization's provider says about somebody opens no other organization, and shows none.
    let others = session.is_some_and(|session| session.persons_method().is_some());
    for candidate in passwords::store::candidate_list(&cx.platform(), visitor.person).await? {
        if !others {
            break;
        }
        let other = organizations::store::organization_get(&cx.platform().org(candidate.org)).await?;
        joined.push(context! { id => candidate.org.to_string(), name => other.name, this => candidate.org == cx.org() });
    }
    let (db, person) = (cx.platform(), visitor.person);
    let factor = context! {
        mine => others, app => factors::totp_has(&db, person).await?, has => factors::factor_has(&db, person).await?,
        left => factors::recovery_left(&db, person).await?, error => said.factor.as_str(),
    };
    let offered = passkeys::party(cx)?.is_some();
    let known = passkeys::store::passkey_list(&db, person).await?;
    let passkeys = context! {
        mine => others && (offered || !known.is_empty()), offered, error => said.passkey.as_str(),
        list => known.iter().map(passkey_shown).collect::<Vec<_>>(),
    };
    let providers = sso::rehearsal::choices(cx).await?;
    let user = context! {
        id => visitor.user.id.to_string(), full_name => visitor.user.full_name.as_str(), email => visitor.user.email.as_str(),
    };
    let more = context! {
        user, organization => organization.name, sessions, tokens, organizations => joined, providers, factor, passkeys,
        rules => PASSWORD_RULES,
        notice => said.notice, error => said.error.as_str(), old_password_error => said.old_password.as_str(),
        new_password_error => said.new_password.as_str(),
    };
    Ok(visit.page("account.html", "My account", more)?.with_script(others && offered))
}

/// A change of the password by who knows it.
pub struct PasswordForm {
    old_password: String,
    new_password: String,
}

impl Body for PasswordForm {
    const NAME: &'static str = "PasswordForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let old_password = fields.optional("old_password", text(0, 1000));
        let new_password = fields.optional("new_password", text(0, 1000));
        Some(Self {
            old_password: old_password?.unwrap_or_default(),
            new_password: new_password?.unwrap_or_default(),
        })
    }
}

pub(super) async fn password_submit(cx: Cx, visit: Visit, draft: Draft<PasswordForm>) -> Result<Page> {
    let PasswordForm { old_password, new_password } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let mut said = Said::default();
    let email = visitor.user.email.clone();
    let status = match password_check(&cx, &email, Secret::new(old_password)).await {
        Err(problem) => {
            let (status, says) = explained(problem)?;
            said.old_password =
                if status == 401 { "This is not your present password.".to_owned() } else { says };
            status
        }
        Ok(_) => match password_prepare(&cx, visitor.person, "new_password", Secret::new(new_password)).await
        {
            Ok(new) => {
                password_put(&cx, visitor.person, new, Some(visitor.session)).await?;
                return Page::see_other("/account?notice=password", Vec::new());
            }
            Err(problem) => {
                said.new_password = said_of(&problem, "new_password").ok_or(problem)?;
                400
            }
        },
    };
    Ok(show(&cx, &visit, &visitor, &said).await?.status(status))
}

/// A session to be ended.
pub struct SessionForm {
    session: SessionId,
}

impl Body for SessionForm {
    const NAME: &'static str = "SessionForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("session", id()).map(|session| Self { session })
    }
}

pub(super) async fn session_submit(cx: Cx, _: Visit, draft: Draft<SessionForm>) -> Result<Page> {
    let SessionForm { session } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let found = sessions::store::session_get(cx.db(), session).await?;
    let found =
        found.filter(|session| session.user_id == visitor.user.id).ok_or(Problem::NotFound("session"))?;
    sessions::session_end(&cx, cx.db(), found.id, visitor.user.id, serde_json::Value::Null).await?;
    Page::see_other("/account?notice=session", Vec::new())
}

/// A token to be revoked.
pub struct TokenForm {
    token: TokenId,
}

impl Body for TokenForm {
    const NAME: &'static str = "TokenForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("token", id()).map(|token| Self { token })
    }
}

pub(super) async fn token_submit(cx: Cx, _: Visit, draft: Draft<TokenForm>) -> Result<Page> {
    let TokenForm { token } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    token_revoke_of(&cx, visitor.user.id, token).await?;
    Page::see_other("/account?notice=token", Vec::new())
}

/// Another organization of the same person.
pub struct OrganizationForm {
    organization: OrgId,
}

impl Body for OrganizationForm {
    const NAME: &'static str = "OrganizationForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("organization", id()).map(|organization| Self { organization })
    }
}

/// One session, one organization: the old one ends. The other organization must take a password, and the
/// old session must have begun with one, or with a passkey, since that is how the new one begins.
pub(super) async fn organization_submit(cx: Cx, _: Visit, draft: Draft<OrganizationForm>) -> Result<Page> {
    let OrganizationForm { organization } = draft.parse()?;
    let Some(visitor) = visitor(&cx) else { return sign_in_first("/account") };
    let session = sessions::store::session_get(cx.db(), visitor.session).await?;
    let Some(method) = session.and_then(|session| session.persons_method()) else {
        let why = "You signed in for this organization only. Sign out, then sign in to the other one.";
        return Err(Problem::Forbidden(Denied::Because(why.to_owned())));
    };
    let candidates = passwords::store::candidate_list(&cx.platform(), visitor.person).await?;
    let chosen = candidates.iter().find(|candidate| candidate.org == organization);
    let chosen = chosen.ok_or(Problem::NotFound("organization"))?;
    let wants = organizations::store::organization_get(&cx.platform().org(chosen.org)).await?.mfa_enabled;
    if wants && !factors::factor_has(&cx.platform(), visitor.person).await? {
        let why = "That organization asks for a second factor. Add one to your account first.";
        return Err(Problem::Forbidden(Denied::Because(why.to_owned())));
    }
    sessions::session_end(&cx, cx.db(), visitor.session, visitor.user.id, serde_json::Value::Null).await?;
    let cookies = sign_in(&cx, &cx.platform().org(chosen.org), chosen.user, method).await?;
    Page::see_other("/account", cookies.into_headers())
}

/// A provider to be rehearsed.
pub struct RehearsalForm {
    provider: IdentityProviderId,
}

impl Body for RehearsalForm {
    const NAME: &'static str = "RehearsalForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("provider", id()).map(|provider| Self { provider })
    }
}

/// Leads on by a link: a form must not lead to another site.
pub(super) async fn rehearsal_submit(cx: Cx, visit: Visit, draft: Draft<RehearsalForm>) -> Result<Page> {
    let RehearsalForm { provider } = draft.parse()?;
    if visitor(&cx).is_none() {
        return sign_in_first("/account");
    }
    if !sso::rehearsal::may(&cx) {
        return Err(Problem::NotFound("identity provider"));
    }
    let rehearsal = sso::rehearsal::prepare(&cx, provider).await?;
    visit.page(
        "rehearse.html",
        "Rehearse the sign-in",
        context! { link => rehearsal.url, host => rehearsal.host },
    )
}
