//! Guessing gets slow: after some failures each further one has to wait, twice as long as the one before.
//! An attempt counts as a failure until it turns out to be none, so that many at once do not slip through.

use std::{net::IpAddr, time::Duration};

use kernel::{PortalId, Problem, Result, Timestamp, TokenHash, WallClock};

use crate::{
    App, args,
    db::{DbError, PlatformScope},
    from_row,
};

/// Failures that cost nothing: for an account, and for an address, behind which many people may sit.
const FREE_FOR_ACCOUNT: i64 = 5;
const FREE_FOR_ADDRESS: i64 = 50;
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// After so long without a failure all are forgotten.
const FORGET: Duration = Duration::from_secs(60 * 60);

/// What an attempt counts against, and how many failures of each cost nothing.
pub struct Subjects(Vec<(TokenHash, i64)>);

impl Subjects {
    /// An attempt to sign in. Who guesses is at an address, whom at an account.
    pub fn password(app: &App, username: &str, ip: IpAddr) -> Self {
        let key = app.vault.token_key();
        Self(vec![
            (TokenHash::of(&format!("account {}", username.to_lowercase()), key), FREE_FOR_ACCOUNT),
            (TokenHash::of(&format!("address {ip}"), key), FREE_FOR_ADDRESS),
        ])
    }

    /// An attempt to sign in to a portal, whose developers are its own.
    pub fn developer(app: &App, portal: PortalId, username: &str, ip: IpAddr) -> Self {
        let key = app.vault.token_key();
        let developer = format!("developer of {portal} {}", username.to_lowercase());
        Self(vec![
            (TokenHash::of(&developer, key), FREE_FOR_ACCOUNT),
            (TokenHash::of(&format!("address {ip}"), key), FREE_FOR_ADDRESS),
        ])
    }

    /// An attempt to sign in with a passkey, of somebody or of nobody.
    pub fn passkey(app: &App, whose: &str, ip: IpAddr) -> Self {
        let key = app.vault.token_key();
        Self(vec![
            (TokenHash::of(&format!("passkeys of {whose}"), key), FREE_FOR_ACCOUNT),
            (TokenHash::of(&format!("address {ip}"), key), FREE_FOR_ADDRESS),
        ])
    }

    /// An attempt at something else that can be guessed, by whoever this is.
    pub fn guess(app: &App, what: &str, who: &str, free: i64) -> Self {
        Self(vec![(TokenHash::of(&format!("{what} {who}"), app.vault.token_key()), free)])
    }
}

struct Row {
    failures: i64,
    blocked_until: Timestamp,
    updated_at: Timestamp,
}

from_row!(Row { failures, blocked_until, updated_at });

/// Counts an attempt, or refuses it. It is written down before anything is looked at, so an account that
/// does not exist is refused like one that does.
pub async fn take(app: &App, subjects: &Subjects) -> Result<()> {
    let now = WallClock::now(&*app.wall);
    let session = app.db.write();
    let db = PlatformScope::new(session.clone());
    for (subject, free) in &subjects.0 {
        session.serialize(&format!("throttle/{:?}", &subject.0[..8])).await?;
        let sql = "SELECT failures, blocked_until, updated_at FROM throttles WHERE subject = $1";
        let known = db.optional::<Row>(sql, args![*subject]).await?;
        let known = known.filter(|known| known.updated_at > now.minus(FORGET));
        if let Some(wait) =
            known.as_ref().map(|known| known.blocked_until.since(now)).filter(|wait| !wait.is_zero())
        {
            session.rollback().await;
            return Err(Problem::TooManyRequests(wait));
        }
        let failures = known.map_or(0, |known| known.failures) + 1;
        let wait = wait(failures - free);
        // Nobody is blocked until now: to whoever looked at the clock a little earlier that would be a wait.
        let until = if wait.is_zero() { Timestamp::from_micros(0) } else { now.plus(wait) };
        let sql = "INSERT INTO throttles (subject, failures, blocked_until, updated_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (subject) DO UPDATE SET failures = $2, blocked_until = $3, updated_at = $4";
        db.execute(sql, args![*subject, failures, until, now]).await?;
    }
    Ok(session.commit().await?)
}

/// Nothing for the free ones, then one second, two, four, …
fn wait(beyond: i64) -> Duration {
    match u32::try_from(beyond) {
        Ok(beyond @ 1..) => Duration::from_secs(1 << (beyond - 1).min(10)).min(LONGEST),
        _ => Duration::ZERO,
    }
}

/// The attempt was none to count: what was guessed at starts anew, an address has one failure less.
pub async fn clear(db: &PlatformScope, subjects: &Subjects) -> Result<(), DbError> {
    for (subject, free) in &subjects.0 {
        let sql = if *free == FREE_FOR_ADDRESS {
            "UPDATE throttles SET failures = failures - 1, blocked_until = 0 WHERE subject = $1 AND failures > 0"
        } else {
            "DELETE FROM throttles WHERE subject = $1"
        };
        db.execute(sql, args![*subject]).await?;
    }
    Ok(())
}

/// Drops what is forgotten.
pub async fn throttle_purge(db: &PlatformScope, now: Timestamp) -> Result<(), DbError> {
    db.execute("DELETE FROM throttles WHERE updated_at <= $1", args![now.minus(FORGET)]).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits: Vec<u64> = [-4, 0, 1, 2, 3, 10, 11, 1000].map(|beyond| wait(beyond).as_secs()).to_vec();
        assert_eq!(waits, [0, 0, 1, 2, 4, 512, 900, 900]);
    }
}
