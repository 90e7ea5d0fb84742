//! Joining an organization by an invite: who is new says who it is and chooses a password; who has one proves it.

use frame::{Cx, db::PlatformScope};
use identity::invites::{Names, Pending, invite_accept, invite_find};
use kernel::{Result, Secret, Token, TokenHash, TokenKind};

use crate::passwords::{self, Prepared, password_check, password_prepare, password_put};

/// Somebody with the link of an invite.
pub struct Invited {
    hash: TokenHash,
    /// The invite.
    pub pending: Pending,
    /// Whether its person has a password.
    pub known: bool,
}

/// The invite behind a link; `None` if the link is not good, or no more.
pub async fn invited(cx: &Cx, token: &str) -> Result<Option<Invited>> {
    let token = Token::parse(token).filter(|token| token.kind() == TokenKind::Invite);
    let Some(token) = token else { return Ok(None) };
    let hash = token.hash(cx.app().vault.token_key());
    let db = PlatformScope::new(cx.app().db.read());
    let Some(pending) = invite_find(&db, hash, |org| cx.app().clock.now(org)).await? else { return Ok(None) };
    let known = passwords::store::password_of(&db, pending.person).await?.is_some();
    Ok(Some(Invited { hash, pending, known }))
}

impl Invited {
    /// Checks the password that its person has, or hashes the one that it chose, which is to be set.
    pub async fn prove(&self, cx: &Cx, password: Secret<String>) -> Result<Option<Prepared>> {
        if self.known {
            password_check(cx, &self.pending.email, password).await.map(|_| None)
        } else {
            password_prepare(cx, self.pending.person, "password", password).await.map(Some)
        }
    }

    /// Accepts the invite, under names if the user is to have some; `None` if somebody was faster.
    pub async fn join(&self, cx: &Cx, names: Option<Names<'_>>, new: Option<Prepared>) -> Result<Option<()>> {
        let joined = invite_accept(cx, self.hash, &self.pending, names).await?;
        if let (Some(()), Some(new)) = (joined, new) {
            password_put(cx, self.pending.person, new, None).await?;
        }
        Ok(joined)
    }
}
