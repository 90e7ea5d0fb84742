//! Tickets: what somebody has proven while signing in, from one page to the next. A ticket is good for one stage,
//! in one browser, for some minutes, as long as the password, or the passkey, is the same.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use frame::{Cx, db::PlatformScope, pages::Visit};
use kernel::{OrgId, PersonId, Result, TokenHash, WallClock};

use crate::{
    passkeys::{PasskeyId, store::passkey_is},
    passwords::{Proof, Proven, store},
    sessions::SessionId,
};

/// How long the next page may take.
const SECONDS: i64 = 600;

/// What comes next.
#[derive(Clone, Copy)]
pub enum Stage {
    /// The second factor.
    Factor,
    /// The choice of an organization.
    Choice,
    /// Adding a second factor, which this organization wants.
    Adding(OrgId),
    /// Adding a passkey, in this session.
    AddingPasskey(SessionId),
}

impl Stage {
    fn name(self) -> String {
        match self {
            Self::Factor => "factor".to_owned(),
            Self::Choice => "choice".to_owned(),
            Self::Adding(org) => format!("adding {org}"),
            Self::AddingPasskey(session) => format!("adding a passkey {session}"),
        }
    }
}

fn now(cx: &Cx) -> i64 {
    WallClock::now(&*cx.app().wall).micros() / 1_000_000
}

/// A ticket for somebody who has proven who it is, and whatever stages came before.
pub fn issue(cx: &Cx, visit: &Visit, proven: &Proven, stage: Stage) -> String {
    let (person, until) = (proven.person, now(cx) + SECONDS);
    let by = match &proven.by {
        Proof::Password(_) => "password".to_owned(),
        Proof::Passkey(id) => id.to_string(),
    };
    format!("{person}.{by}.{until}.{}", mark(cx, visit, proven, stage, until))
}

fn mark(cx: &Cx, visit: &Visit, proven: &Proven, stage: Stage, until: i64) -> String {
    let (person, stage) = (proven.person, stage.name());
    let by = match &proven.by {
        Proof::Password(hash) => hash.clone(),
        Proof::Passkey(id) => format!("passkey {id}"),
    };
    let text = format!("ticket {stage} {person} {until} {} {by}", visit.secret());
    TokenHash::of(&text, cx.app().vault.token_key()).to_text()
}

/// Whoever has a ticket; `None` if it is not good for this stage, or no more.
pub async fn redeem(cx: &Cx, visit: &Visit, stage: Stage, ticket: &str) -> Result<Option<Proven>> {
    let mut parts = ticket.splitn(4, '.');
    let person = parts.next().and_then(|text| text.parse::<PersonId>().ok());
    let by = parts.next();
    let until = parts.next().and_then(|text| text.parse::<i64>().ok());
    let (Some(person), Some(by), Some(until), Some(given)) = (person, by, until, parts.next()) else {
        return Ok(None);
    };
    let db = PlatformScope::new(cx.app().db.read());
    let by = match by.parse::<PasskeyId>() {
        Ok(id) => passkey_is(&db, person, id).await?.then_some(Proof::Passkey(id)),
        Err(_) => store::password_of(&db, person).await?.map(Proof::Password),
    };
    let Some(by) = by else { return Ok(None) };
    let proven = Proven { person, by };
    let right = mark(cx, visit, &proven, stage, until);
    let good = verify_slices_are_equal(right.as_bytes(), given.as_bytes()).is_ok();
    Ok((good && now(cx) < until).then_some(proven))
}
