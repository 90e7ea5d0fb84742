//! The audit log: what was changed, by whom, with which credential, from where.
//!
//! Entries have the shape of the published `GET /v3/audit-logs` (contract: `AuthorizationLog`), with
//! two fields more: `credential` and `change`. Each is signed with Ed25519 over its JSON text as it is
//! kept, so that a later change of the row shows.

use kernel::{Action, Krn, OrgId, Result, Timestamp};
use serde_json::{Value, json};

use crate::{args, db::OrgScope, org_sql, principal::Principal, vault::Vault};

/// Where a request came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The trace id, also in every problem's `instance`.
    pub trace: u64,
    /// The client's address.
    pub ip: std::net::IpAddr,
    /// Path and query.
    pub uri: String,
    /// The `User-Agent`.
    pub user_agent: String,
}

impl Origin {
    /// As much of the path and query as a log keeps.
    pub fn logged_uri(&self) -> &str {
        self.uri.char_indices().nth(2000).map_or(&self.uri, |(end, _)| &self.uri[..end])
    }
}

/// Something that was done, or refused.
pub struct Event<'e> {
    /// Who did it.
    pub principal: &'e Principal,
    /// From where.
    pub origin: &'e Origin,
    /// What was done.
    pub action: Action,
    /// The service that owns the resource, and the region that the resource lies in.
    pub home: (&'static str, &'e str),
    /// The path of the resource, e.g. `teams/<id>`.
    pub path: String,
    /// Whether it was allowed.
    pub granted: bool,
    /// What changed; never a secret.
    pub change: Value,
}

/// Writes an entry for what was done from the command line, in the transaction of the change.
pub async fn record_command(
    scope: &OrgScope,
    vault: &Vault,
    now: Timestamp,
    action: Action,
    path: String,
    change: Value,
) -> Result<()> {
    let origin = Origin {
        trace: 0,
        ip: std::net::Ipv4Addr::LOCALHOST.into(),
        uri: String::new(),
        user_agent: concat!("latchkey/", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let principal = &Principal::nobody();
    let event =
        Event { principal, origin: &origin, action, home: ("identity", "*"), path, granted: true, change };
    record(scope, vault, now, event).await
}

/// What came of an attempt to sign in (contract: `AuthenticationLog.outcome`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Signed in.
    Success,
    /// The password or the second factor was wrong.
    InvalidPassword,
    /// Too many failures before.
    Locked,
    /// The user is not active, or may not sign in this way.
    Disabled,
    /// What the provider said was not believed.
    Invalid,
    /// There is no such user, and none may be made.
    NotFound,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::InvalidPassword => "invalid_password",
            Self::Locked => "locked",
            Self::Disabled => "disabled",
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
        }
    }
}

/// An attempt to sign in.
pub struct Authentication {
    /// How (contract: `authentication_type`), e.g. `basic` or `sso`.
    pub kind: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// Who it was, or would have been.
    pub principal: String,
}

/// Writes an entry for an attempt to sign in.
pub async fn record_authentication(
    scope: &OrgScope,
    vault: &Vault,
    now: Timestamp,
    origin: &Origin,
    attempt: Authentication,
) -> Result<()> {
    let body = json!({
        "type": "authentication",
        "successful": attempt.outcome == Outcome::Success,
        "outcome": attempt.outcome.name(),
        "authentication_type": attempt.kind,
        "org_id": scope.org(),
        "ts": now,
        "principal_id": attempt.principal,
        "client_ip": origin.ip.to_string(),
        "uri": origin.logged_uri(),
        "user_agent": origin.user_agent,
        "trace_id": origin.trace.to_string(),
    });
    insert(scope, vault, now, "authentication", &body).await
}

async fn insert(scope: &OrgScope, vault: &Vault, now: Timestamp, kind: &str, body: &Value) -> Result<()> {
    let text = body.to_string();
    let signature = vault.sign_audit(&text);
    let sql =
        org_sql!("INSERT INTO audit_events (org_id, type, ts, body, signature) VALUES ($1, $2, $3, $4, $5)");
    scope.execute(sql, args![kind, now, text, signature]).await?;
    Ok(())
}

/// Writes an entry, in the transaction of the change.
pub async fn record(scope: &OrgScope, vault: &Vault, now: Timestamp, event: Event<'_>) -> Result<()> {
    let org: OrgId = scope.org();
    let Event { principal, origin, action, home: (service, region), path, granted, change } = event;
    let resource = Krn { service, region: region.to_owned(), org, path };
    let credential = principal.credential.as_ref();
    let mut body = json!({
        "type": "authorization",
        "service": service,
        "resource": resource.to_string(),
        "action": action.name(),
        "granted": granted,
        "org_id": org,
        "ts": now,
        "principal_id": principal.audit_id(),
        "actor_id": "",
        "client_ip": origin.ip.to_string(),
        "uri": origin.logged_uri(),
        "user_agent": origin.user_agent,
        "trace_id": origin.trace.to_string(),
    });
    if let Some(credential) = credential {
        body["credential"] = json!({ "type": credential.kind.scheme(), "id": credential.id });
    }
    if !change.is_null() {
        body["change"] = change;
    }
    insert(scope, vault, now, "authorization", &body).await
}
