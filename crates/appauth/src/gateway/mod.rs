//! The gateway: what stands in front of the services that APIs are, and lets through whose application is registered.
//!
//! [`implementations`] says which service an API is. From that, from publications, strategies, registrations and
//! keys follows what the gateway is to have ([`wanted`]). It is shown as a declarative document ([`document`]), and
//! pushed through the gateway's Admin API: [`plan`] compares the two, [`sync`] carries out what differs, and
//! [`worker`] does so whenever something has changed ([`changed`]). A gateway that asks instead is answered by
//! [`check`].

pub mod admin;
pub mod check;
pub mod document;
pub mod http;
pub mod implementations;
pub mod plan;
pub mod status;
pub mod store;
pub mod sync;
pub mod wanted;
pub mod worker;

use frame::{App, db::OrgScope};
use kernel::{Result, Secret};
use uuid::Uuid;

/// What the operator set about the gateway's Admin API.
#[derive(Clone)]
pub struct Settings {
    /// Where it is, without a slash at the end.
    pub url: String,
    /// What it is opened with, if it asks for that.
    pub token: Option<Secret<String>>,
    /// The control plane that the gateway belongs to. Links to others are not pushed.
    pub control_plane: Option<Uuid>,
}

/// What the gateway is told has changed: whoever changes any of it calls this in the same transaction. Adds a row
/// that nobody waits for, and nothing if there is no gateway to tell.
pub async fn changed(app: &App, db: &OrgScope) -> Result<()> {
    let Some(gateway) = &crate::part(app)?.gateway else { return Ok(()) };
    store::change_add(db).await?;
    gateway.wake();
    Ok(())
}
