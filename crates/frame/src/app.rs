//! What every part of the program is reached from.

use std::{net::IpAddr, sync::Arc, time::Duration};

use ipnet::IpNet;
use kernel::{Clock, Id, OrgId, Problem, Result, WallClock, query::Limits};

use crate::{
    access::Access,
    db::Db,
    runtime::{Entropy, TraceIds},
    telemetry::Telemetry,
    vault::Vault,
};

/// What the operator may set and handlers need.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The URL under which clients reach this server, without a slash at the end.
    pub public_url: String,
    /// Page sizes.
    pub page_limits: Limits,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the reply to an invite carries its link.
    pub show_invite_links: bool,
    /// How long an invite link is good.
    pub invite_lifetime: Duration,
    /// How many invites an organization may send in an hour.
    pub invites_per_hour: u32,
    /// How long audit entries are kept.
    pub audit_retention: Duration,
    /// How long mails stay in the outbox.
    pub mail_retention: Duration,
    /// The regions that exist.
    pub regions: Vec<String>,
    /// The region that this server's strategies, providers and the like are in.
    pub region: String,
}

impl Settings {
    /// Whether cookies may only travel encrypted: unless the server is reached in clear on this machine.
    pub fn secure_cookies(&self) -> bool {
        let Some(rest) = self.public_url.strip_prefix("http://") else { return true };
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
        let loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        !(loopback || host == "localhost" || host.ends_with(".localhost"))
    }
}

/// The program, as handlers see it.
pub struct AppParts {
    /// The database.
    pub db: Db,
    /// Time for organizations.
    pub clock: Arc<dyn Clock>,
    /// The machine's time.
    pub wall: Arc<dyn WallClock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Keys.
    pub vault: Arc<Vault>,
    /// Credentials.
    pub access: Arc<Access>,
    /// Metrics and the access log.
    pub telemetry: Telemetry,
    /// Numbers for requests.
    pub traces: TraceIds,
    /// Who may write refusals into the audit log just now.
    pub refusals: Refusals,
    /// What the operator set.
    pub settings: Settings,
    /// What capabilities bring with them, by type.
    pub extensions: http::Extensions,
}

/// Bounds how many refusals are being written at once.
pub struct Refusals(Arc<tokio::sync::Semaphore>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(16)))
    }
}

impl Refusals {
    /// A permit, if not too many have one.
    pub fn try_acquire(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

/// A shared handle to [`AppParts`].
#[derive(Clone)]
pub struct App(Arc<AppParts>);

impl App {
    /// Shares the parts.
    pub fn new(parts: AppParts) -> Self {
        Self(Arc::new(parts))
    }

    /// A new id, made at the organization's time.
    pub fn new_id<T>(&self, org: OrgId) -> Id<T> {
        if let Some(id) = self.entropy.id(std::any::type_name::<T>()) {
            return Id::from_uuid(id);
        }
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        Id::new(self.clock.now(org), random)
    }

    /// What a capability brought with it.
    pub fn part<T: Clone + Send + Sync + 'static>(&self) -> Result<&T> {
        self.extensions
            .get()
            .ok_or_else(|| Problem::internal(format!("[{}] is not wired", std::any::type_name::<T>())))
    }

    /// Thirty-two random bytes.
    pub fn random_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        self.entropy.fill(&mut key);
        key
    }

    /// The client's address: the peer's, or what trusted proxies say it is.
    pub fn client_ip(&self, peer: IpAddr, forwarded: Option<&str>) -> IpAddr {
        let trusted = |ip: IpAddr| self.settings.trusted_proxies.iter().any(|net| net.contains(&ip));
        let mut client = peer;
        // From the right: each address was written by the one that is trusted so far.
        for hop in forwarded.unwrap_or_default().rsplit(',') {
            if !trusted(client) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(ip) => client = ip,
                Err(_) => break,
            }
        }
        client.to_canonical()
    }
}

impl std::ops::Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}
