//! The bridge that is served: the HTTP protocol by which a portal that is kept elsewhere has its clients made, in
//! front of any DCR provider that has an adapter here.
//!
//! A caller proves itself by a key of one provider ([`keys`]). Each client that it has made is a row like any other
//! ([`crate::clients`]), so that an answer that gets lost leaves nothing behind at the provider. What is different
//! about it: its application is not here, and its caller knows it by the provider's id alone. So it is never made a
//! second time, and one whose caller was not told of it is removed. [`requests`] has what a caller may ask for.

mod bodies;
pub mod http;
pub mod keys;
mod requests;
mod store;

use std::time::Duration;

use frame::{
    App, Cx,
    audit::{self, Event},
    db::{OrgScope, PlatformScope},
    input::Headers,
    throttle::{self, Subjects},
};
use kernel::{
    Action, BridgeKeyId, DcrProviderId, OrgId, Problem, Result, Timestamp, Token, TokenKind, WallClock,
};
use serde_json::{Value, json};

use crate::{clients::transactions::written, dcr_providers::KIND};

/// Keys nobody made that one address may present before it has to wait.
const FREE_GUESSES: i64 = 20;

/// How exactly it is kept when a key was last used, in microseconds.
const MINUTE: i64 = 60_000_000;

/// For how long it is known which clients callers had removed.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// Forgets clients that callers had removed long ago.
pub async fn forget_removed(app: &App) -> Result<()> {
    let since = WallClock::now(&*app.wall).minus(REMEMBERED);
    let session = app.db.write();
    store::removed_purge(&PlatformScope::new(session.clone()), since).await?;
    Ok(session.commit().await?)
}

/// A caller whose key is good.
#[derive(Clone, Copy)]
struct Caller {
    org: OrgId,
    provider: DcrProviderId,
    key: BridgeKeyId,
}

/// What is known of a key that was presented.
struct Known {
    org_id: OrgId,
    provider_id: DcrProviderId,
    id: BridgeKeyId,
    last_used_at: Option<Timestamp>,
}

frame::from_row!(Known { org_id, provider_id, id, last_used_at });

/// Whose key was presented, if it is one of this provider. Only what fails is counted, and no good key is ever made
/// to wait for it: callers share the few addresses of the service that calls for them.
async fn caller(cx: &Cx, headers: &Headers, provider: DcrProviderId) -> Result<Caller> {
    let app = cx.app();
    let token = headers.api_key().and_then(Token::parse).filter(|token| token.kind() == TokenKind::Bridge);
    // Noise costs no look-up.
    let token = token.ok_or(Problem::Unauthenticated)?;
    let hash = token.hash(app.vault.token_key());
    let known = store::key_find(&PlatformScope::new(app.db.read()), hash).await?;
    let Some(known) = known.filter(|known| known.provider_id == provider) else {
        let from = cx.origin().ip.to_string();
        throttle::take(app, &Subjects::guess(app, "DCR bridge keys from", &from, FREE_GUESSES)).await?;
        return Err(Problem::Unauthenticated);
    };
    let Known { org_id: org, id: key, last_used_at, .. } = known;
    let now = app.clock.now(org);
    if last_used_at.is_none_or(|last| now.micros() - last.micros() >= MINUTE) {
        written(app, org, |db| async move { Ok(store::key_used(&db, key, now).await?) }).await?;
    }
    Ok(Caller { org, provider, key })
}

impl Caller {
    /// The tables of its organization, to look.
    fn look(self, cx: &Cx) -> OrgScope {
        OrgScope::new(cx.app().db.read(), self.org)
    }

    /// Records what it had done, in the transaction of it.
    async fn audit(
        self,
        cx: &Cx,
        db: &OrgScope,
        action: Action,
        client: impl std::fmt::Display,
        mut change: Value,
    ) -> Result<()> {
        let app = cx.app();
        change["bridge_key"] = json!(self.key);
        let event = Event {
            principal: cx.caller(),
            origin: cx.origin(),
            action,
            home: ("konnect", &app.settings.region),
            path: format!("{KIND}/{}/clients/{client}", self.provider),
            granted: true,
            change,
        };
        audit::record(db, &app.vault, app.clock.now(self.org), event).await
    }
}
