//! A new password for who forgot the old one, by a link that comes by mail.

use frame::{
    Cx,
    db::PlatformScope,
    mail,
    pages::Template,
    throttle::{self, Subjects},
};
use kernel::{Duration, Email, PersonId, Problem, Result, Token, TokenHash, TokenKind, WallClock};
use serde_json::json;

use super::{Prepared, password_put, store};

/// What somebody gets who forgot a password.
pub const LETTER: Template = ("reset.txt", include_str!("../../templates/reset.txt"));
/// How long a link is good.
const LIFE: Duration = Duration::from_secs(3600);
/// Mails to one address that come without waiting.
const FREE_MAILS: i64 = 3;

/// Mails a link to whoever has this address and signs in with a password. Whoever asks learns nothing by it.
pub async fn reset_ask(cx: &Cx, email: &Email) -> Result<()> {
    let subjects = Subjects::guess(cx.app(), "password mails to", &email.folded(), FREE_MAILS);
    match throttle::take(cx.app(), &subjects).await {
        // Who asks again and again learns nothing by that either; one mail is enough.
        Ok(()) => link_send(cx, email).await,
        Err(Problem::TooManyRequests(_)) => Ok(()),
        Err(other) => Err(other),
    }
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

/// The person behind a link; `None` if the link is not good, or no more.
pub async fn reset_person(cx: &Cx, token: &str) -> Result<Option<PersonId>> {
    let token = Token::parse(token).filter(|token| token.kind() == TokenKind::Reset);
    let Some(token) = token else { return Ok(None) };
    let hash: TokenHash = token.hash(cx.app().vault.token_key());
    let db = PlatformScope::new(cx.app().db.read());
    Ok(store::reset_find(&db, hash, WallClock::now(&*cx.app().wall)).await?)
}

/// Sets the password, using up the link. Of two who open it at once, one does: the other gets `None`.
pub async fn reset_carry_out(cx: &Cx, person: PersonId, new: Prepared) -> Result<Option<()>> {
    if store::reset_drop(&cx.platform(), person).await? == 0 {
        return Ok(None);
    }
    password_put(cx, person, new, None).await.map(Some)
}
