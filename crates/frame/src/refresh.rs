//! Refresh tokens, of people's sessions and of developers': each is good for one use. A second use, some seconds
//! later, shows that two have it, and ends the session for both.

use kernel::{Duration, Result, Timestamp, TokenHash};

use crate::{
    args,
    db::{OrgScope, OrgSql},
};

/// How long a used token still works: a reply can get lost, and two tabs can ask at once.
const GRACE: Duration = Duration::from_secs(10);

/// What came of using a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spent {
    /// It was good.
    Good,
    /// It was used before, and not just now.
    Replayed,
}

/// Where refresh tokens are kept. A used one stays until it expires, so that its second use shows.
pub struct RefreshTokens {
    /// Marks an unused token (`$2`, its hash) as used now (`$3`); touches no row if it was used.
    pub spend: OrgSql,
    /// When a token (`$2`) was used, as `value`.
    pub used_at: OrgSql,
}

impl RefreshTokens {
    /// Uses a token, which is there and has not expired.
    pub async fn spend(&self, db: &OrgScope, hash: TokenHash, now: Timestamp) -> Result<Spent> {
        if db.execute(self.spend, args![hash, now]).await? > 0 {
            return Ok(Spent::Good);
        }
        // Somebody was here before. When is read anew, since that may have been just now.
        let used = db.optional::<(Option<Timestamp>,)>(self.used_at, args![hash]).await?.and_then(|(at,)| at);
        Ok(match used {
            Some(used) if now.since(used) <= GRACE => Spent::Good,
            _ => Spent::Replayed,
        })
    }
}
