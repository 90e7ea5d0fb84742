//! Challenges: what an authenticator signs, so that its answer is good for one thing, in one browser, once, for some
//! minutes. A challenge tells itself what it is good for; only those that were answered are kept, by their hash.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use frame::{App, db::PlatformScope, pages::Visit};
use kernel::{Duration, OrgId, PersonId, Result, Timestamp, TokenHash, WallClock};

use super::store;
use crate::sessions::SessionId;

/// How long an answer may take.
pub const LIFE: Duration = Duration::from_secs(300);

const NONCE: usize = 16;
const TIME: usize = 8;

/// What an answer is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Signing in, as whoever it is.
    SignIn,
    /// The second factor of whoever proved to know the password.
    Factor(PersonId),
    /// Adding a passkey to an account, in a session, by whoever knows its password.
    Adding(PersonId, SessionId),
    /// Adding one while signing in, since this organization wants a second factor.
    AddingFirst(PersonId, OrgId),
}

impl Purpose {
    fn name(self) -> String {
        match self {
            Self::SignIn => "sign in".to_owned(),
            Self::Factor(person) => format!("factor {person}"),
            Self::Adding(person, session) => format!("adding {person} {session}"),
            Self::AddingFirst(person, org) => format!("adding first {person} {org}"),
        }
    }
}

fn mark(app: &App, visit: &Visit, purpose: Purpose, head: &[u8]) -> TokenHash {
    let (purpose, head) = (purpose.name(), BASE64_URL_SAFE_NO_PAD.encode(head));
    let text = format!("passkey challenge {purpose} {head} {}", visit.secret());
    TokenHash::of(&text, app.vault.token_key())
}

/// A new challenge, as it is written.
pub fn issue(app: &App, visit: &Visit, purpose: Purpose) -> String {
    let until = WallClock::now(&*app.wall).plus(LIFE);
    let mut challenge = app.random_key()[..NONCE].to_vec();
    challenge.extend(until.micros().to_be_bytes());
    let mark = mark(app, visit, purpose, &challenge);
    challenge.extend(mark.0);
    BASE64_URL_SAFE_NO_PAD.encode(challenge)
}

/// A challenge of ours that was answered in time, and in the right browser.
pub struct Answered {
    hash: TokenHash,
    until: Timestamp,
}

/// Looks at a challenge that was answered; `None` if it is none of ours for this, or no more.
pub fn look(app: &App, visit: &Visit, purpose: Purpose, challenge: &[u8]) -> Option<Answered> {
    let (head, given) = challenge.split_at_checked(NONCE + TIME)?;
    let right = mark(app, visit, purpose, head);
    verify_slices_are_equal(&right.0, given).ok()?;
    let until = Timestamp::from_micros(i64::from_be_bytes(*head.last_chunk::<TIME>()?));
    (WallClock::now(&*app.wall) < until).then_some(Answered { hash: right, until })
}

/// Uses a challenge up, whatever comes of its answer; `false` if it was answered before.
pub async fn spend(db: &PlatformScope, answered: &Answered) -> Result<bool> {
    Ok(store::challenge_insert(db, answered.hash, answered.until).await? > 0)
}
