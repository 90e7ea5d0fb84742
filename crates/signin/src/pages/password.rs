//! Setting a new password by a link that comes by mail.

use frame::{
    Cx,
    db::PlatformScope,
    input::Query,
    mail,
    pages::{Page, Template, Visit},
    throttle::{self, Subjects},
};
use kernel::{
    Body, Draft, Duration, Email, Fields, PersonId, Problem, Result, Secret, Token, TokenHash, TokenKind,
    WallClock, problem::Denied, rules::text,
};
use minijinja::context;
use serde_json::json;

use super::{PASSWORD_RULES, said_of};
use crate::passwords::{password_prepare, password_put, store};

/// What somebody gets who forgot a password.
pub const LETTER: Template = ("reset.txt", include_str!("../../templates/reset.txt"));
/// How long a link is good.
const LIFE: Duration = Duration::from_secs(3600);
/// Mails to one address that come without waiting.
const FREE_MAILS: i64 = 3;

pub(super) async fn forgot_page(_: Cx, visit: Visit) -> Result<Page> {
    visit.page("forgot.html", "Set a new password", context! { sent => false, error => "" })
}

/// Whose password is to be set.
pub struct ForgotForm {
    email: String,
}

impl Body for ForgotForm {
    const NAME: &'static str = "ForgotForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.optional("email", text(0, 1000)).map(|email| Self { email: email.unwrap_or_default() })
    }
}

/// Says the same whether there is such a person or not.
pub(super) async fn forgot_submit(cx: Cx, visit: Visit, draft: Draft<ForgotForm>) -> Result<Page> {
    let ForgotForm { email: given } = draft.parse()?;
    let given = given.trim();
    let Some(email) = Email::parse(given) else {
        let more = context! { sent => false, error => "That is no e-mail address." };
        return Ok(visit.page("forgot.html", "Set a new password", more)?.status(400));
    };
    let subjects = Subjects::guess(cx.app(), "password mails to", &email.folded(), FREE_MAILS);
    match throttle::take(cx.app(), &subjects).await {
        // Who asks again and again learns nothing by that either; one mail is enough.
        Ok(()) => link_send(&cx, &email).await?,
        Err(Problem::TooManyRequests(_)) => {}
        Err(other) => return Err(other),
    }
    visit.page("forgot.html", "Set a new password", context! { sent => true, email => given })
}

async fn link_send(cx: &Cx, email: &Email) -> Result<()> {
    let app = cx.app();
    let Some(known) = store::password_get(&cx.platform(), email).await? else { return Ok(()) };
    // The mail is an organization's: of the first in which a password lets the person in.
    let candidates = store::candidate_list(&cx.platform(), known.id).await?;
    let Some(candidate) = candidates.first() else { return Ok(()) };
    let token = Token::new(TokenKind::Reset, app.random_key());
    let expires_at = WallClock::now(&*app.wall).plus(LIFE);
    store::reset_insert(&cx.platform(), token.hash(app.vault.token_key()), known.id, expires_at).await?;
    let url = &app.settings.public_url;
    let link = format!("{url}/password/reset?token={}", token.reveal());
    let context = json!({ "email": email, "url": url, "link": link, "before": expires_at.for_people() });
    mail::post(app, &cx.platform().org(candidate.org), email, LETTER.0, context).await
}

fn gone() -> Problem {
    let why =
        "This link was used, replaced by a newer one, or has expired. Ask for a new one on the sign-in page.";
    Problem::Forbidden(Denied::Because(why.to_owned()))
}

/// The person behind a link.
async fn person(cx: &Cx, token: &str) -> Result<PersonId> {
    let token = Token::parse(token).filter(|token| token.kind() == TokenKind::Reset).ok_or_else(gone)?;
    let hash: TokenHash = token.hash(cx.app().vault.token_key());
    let db = PlatformScope::new(cx.app().db.read());
    store::reset_find(&db, hash, WallClock::now(&*cx.app().wall)).await?.ok_or_else(gone)
}

fn form(visit: &Visit, token: &str, password_error: &str) -> Result<Page> {
    let more = context! { token, password_error, rules => PASSWORD_RULES };
    visit.page("reset.html", "Choose a new password", more)
}

pub(super) async fn reset_page(cx: Cx, visit: Visit, query: Query) -> Result<Page> {
    let token = query.get("token").unwrap_or_default();
    person(&cx, token).await?;
    form(&visit, token, "")
}

/// The new password.
pub struct ResetForm {
    token: String,
    password: String,
}

impl Body for ResetForm {
    const NAME: &'static str = "ResetForm";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let token = fields.required("token", text(1, 200));
        let password = fields.optional("password", text(0, 1000));
        Some(Self { token: token?, password: password?.unwrap_or_default() })
    }
}

pub(super) async fn reset_submit(cx: Cx, visit: Visit, draft: Draft<ResetForm>) -> Result<Page> {
    let ResetForm { token, password } = draft.parse()?;
    let person = person(&cx, &token).await?;
    let new = match password_prepare(&cx, person, "password", Secret::new(password)).await {
        Ok(new) => new,
        Err(problem) => {
            let says = said_of(&problem, "password").ok_or(problem)?;
            return Ok(form(&visit, &token, &says)?.status(400));
        }
    };
    // Of two who open the link at once, one sets the password.
    if store::reset_drop(&cx.platform(), person).await? == 0 {
        return Err(gone());
    }
    password_put(&cx, person, new, None).await?;
    Page::see_other("/login?notice=password", Vec::new())
}
