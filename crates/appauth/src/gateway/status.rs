//! How far the gateway is behind, and why.

use frame::{Cx, reply::Found};
use kernel::{Result, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::store::sync_get;

/// How far an organization's part of the gateway is, as it is stored.
pub struct Standing {
    /// Whether it is to be looked at.
    pub pending: bool,
    /// How often that was tried since it worked last.
    pub attempts: i64,
    /// Why it did not work the last time.
    pub problem: Option<String>,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// When it worked last.
    pub synced_at: Option<Timestamp>,
}

/// How far the gateway is behind.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GatewayStatus {
    /// Whether this server pushes to a gateway at all.
    pushes: bool,
    /// Whether something has changed that the gateway does not have yet.
    pending: bool,
    /// How often pushing it has failed since it worked last.
    attempts: i64,
    /// Why it failed the last time.
    problem: Option<String>,
    /// When it is tried next.
    next_attempt_at: Option<Timestamp>,
    /// When the gateway had everything last.
    synced_at: Option<Timestamp>,
}

pub(super) async fn status_get(cx: Cx) -> Result<Found<GatewayStatus>> {
    let pushes = crate::part(cx.app())?.gateway.is_some();
    let standing = sync_get(cx.db()).await?.unwrap_or(Standing {
        pending: false,
        attempts: 0,
        problem: None,
        next_attempt_at: None,
        synced_at: None,
    });
    let Standing { pending, attempts, problem, next_attempt_at, synced_at } = standing;
    Ok(Found(GatewayStatus { pushes, pending, attempts, problem, next_attempt_at, synced_at }))
}
