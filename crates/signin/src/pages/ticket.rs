//! Tickets: what somebody has proven while signing in, from one page to the next. A ticket is good for one stage,
//! in one browser, for some minutes, until the password changes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use frame::{Cx, db::PlatformScope, pages::Visit};
use kernel::{OrgId, PersonId, Result, TokenHash, WallClock};

use crate::passwords::{Proven, store};

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
}

impl Stage {
    fn name(self) -> String {
        match self {
            Self::Factor => "factor".to_owned(),
            Self::Choice => "choice".to_owned(),
            Self::Adding(org) => format!("adding {org}"),
        }
    }
}

fn now(cx: &Cx) -> i64 {
    WallClock::now(&*cx.app().wall).micros() / 1_000_000
}

/// A ticket for somebody whose password was right, and whatever stages came before.
pub fn issue(cx: &Cx, visit: &Visit, proven: &Proven, stage: Stage) -> String {
    let until = now(cx) + SECONDS;
    format!("{}.{until}.{}", proven.person, mark(cx, visit, proven, stage, until))
}

fn mark(cx: &Cx, visit: &Visit, proven: &Proven, stage: Stage, until: i64) -> String {
    let (person, hash, stage) = (proven.person, proven.hash(), stage.name());
    let text = format!("ticket {stage} {person} {until} {} {hash}", visit.secret());
    TokenHash::of(&text, cx.app().vault.token_key()).to_text()
}

/// Whoever has a ticket; `None` if it is not good for this stage, or no more.
pub async fn redeem(cx: &Cx, visit: &Visit, stage: Stage, ticket: &str) -> Result<Option<Proven>> {
    let mut parts = ticket.splitn(3, '.');
    let person = parts.next().and_then(|text| text.parse::<PersonId>().ok());
    let until = parts.next().and_then(|text| text.parse::<i64>().ok());
    let (Some(person), Some(until), Some(given)) = (person, until, parts.next()) else { return Ok(None) };
    let hash = store::password_of(&PlatformScope::new(cx.app().db.read()), person).await?;
    let Some(hash) = hash else { return Ok(None) };
    let proven = Proven::again(person, hash);
    let right = mark(cx, visit, &proven, stage, until);
    let good = verify_slices_are_equal(right.as_bytes(), given.as_bytes()).is_ok();
    Ok((good && now(cx) < until).then_some(proven))
}
