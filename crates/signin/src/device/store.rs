//! The SQL of device grants, which belong to no organization until somebody enters their code.

use frame::{
    args,
    audit::Origin,
    db::{DbError, PlatformScope},
    from_row,
};
use kernel::{OrgId, Problem, Result, Timestamp, TokenHash, UserId};

/// A device that asks.
pub(super) struct NewGrant<'g> {
    pub device: TokenHash,
    pub user_code: TokenHash,
    pub client_id: &'g str,
    pub scope: &'g str,
    pub origin: &'g Origin,
    pub requested_at: Timestamp,
    pub expires_at: Timestamp,
    pub interval_seconds: i64,
}

/// A device that asked.
pub(super) struct Grant {
    pub client_id: String,
    pub scope: String,
    state: String,
    org_id: Option<OrgId>,
    user_id: Option<UserId>,
    pub ip: String,
    pub user_agent: String,
    pub requested_at: Timestamp,
    pub expires_at: Timestamp,
    pub polled_at: Option<Timestamp>,
    pub early: i64,
    pub interval_seconds: i64,
}

from_row!(Grant {
    client_id,
    scope,
    state,
    org_id,
    user_id,
    ip,
    user_agent,
    requested_at,
    expires_at,
    polled_at,
    early,
    interval_seconds
});

const PENDING: &str = "pending";
const AUTHORIZED: &str = "authorized";
const CONFIRMED: &str = "confirmed";
const DENIED: &str = "denied";

/// How far a grant has come. A session is no state: the grant is gone then.
pub(super) enum State {
    /// Nobody has entered the code.
    Pending,
    /// A user has.
    Authorized(UserId),
    /// And has let the device in.
    Confirmed(OrgId, UserId),
    /// Or has refused it.
    Denied,
}

impl Grant {
    /// How far it has come; a row that fits no state is a fault of ours.
    pub fn state(&self) -> Result<State> {
        match (self.state.as_str(), self.org_id, self.user_id) {
            (PENDING, None, None) => Ok(State::Pending),
            (AUTHORIZED, Some(_), Some(user)) => Ok(State::Authorized(user)),
            (CONFIRMED, Some(org), Some(user)) => Ok(State::Confirmed(org, user)),
            (DENIED, _, _) => Ok(State::Denied),
            (other, ..) => {
                Err(Problem::internal(format!("a device grant is [{other}], bound to nobody or too early")))
            }
        }
    }
}

/// A grant, found by one of its hashes.
macro_rules! grant_where {
    ($column:literal) => {
        concat!(
            "SELECT client_id, scope, state, org_id, user_id, ip, user_agent, requested_at, expires_at, polled_at, ",
            "early, interval_seconds FROM device_grants WHERE ",
            $column,
            " = $1"
        )
    };
}

/// How many codes of this address wait.
pub(super) async fn grant_count_waiting(
    db: &PlatformScope,
    origin: &Origin,
    now: Timestamp,
) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) AS value FROM device_grants WHERE ip = $1 AND expires_at > $2";
    let count = db.optional::<(i64,)>(sql, args![origin.ip.to_string(), now]).await?;
    Ok(count.map_or(0, |(count,)| count))
}

pub(super) async fn grant_insert(db: &PlatformScope, grant: &NewGrant<'_>) -> Result<u64, DbError> {
    let sql = "INSERT INTO device_grants (device_hash, user_code_hash, client_id, scope, state, ip, user_agent, \
               requested_at, expires_at, early, interval_seconds) VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, 0, $9)";
    let NewGrant { device, user_code, client_id, scope, origin, requested_at, expires_at, interval_seconds } =
        grant;
    let values = args![
        *device,
        *user_code,
        *client_id,
        *scope,
        origin.ip.to_string(),
        &origin.user_agent,
        *requested_at,
        *expires_at,
        *interval_seconds
    ];
    db.execute(sql, values).await
}

pub(super) async fn grant_get(db: &PlatformScope, device: TokenHash) -> Result<Option<Grant>, DbError> {
    db.optional(grant_where!("device_hash"), args![device]).await
}

pub(super) async fn grant_get_by_code(db: &PlatformScope, code: TokenHash) -> Result<Option<Grant>, DbError> {
    db.optional(grant_where!("user_code_hash"), args![code]).await
}

pub(super) async fn grant_polled(
    db: &PlatformScope,
    device: TokenHash,
    now: Timestamp,
    early: i64,
    interval_seconds: i64,
) -> Result<u64, DbError> {
    let sql =
        "UPDATE device_grants SET polled_at = $2, early = $3, interval_seconds = $4 WHERE device_hash = $1";
    db.execute(sql, args![device, now, early, interval_seconds]).await
}

/// Binds a grant that nobody has entered yet.
pub(super) async fn grant_bind(
    db: &PlatformScope,
    code: TokenHash,
    org: OrgId,
    user: UserId,
) -> Result<(), Problem> {
    let sql = "UPDATE device_grants SET state = 'authorized', org_id = $2, user_id = $3 \
               WHERE user_code_hash = $1 AND state = 'pending'";
    // Somebody else was faster: look again.
    if db.execute(sql, args![code, org, user]).await? == 0 { Err(Problem::Again) } else { Ok(()) }
}

pub(super) async fn grant_decide(db: &PlatformScope, code: TokenHash, confirm: bool) -> Result<u64, DbError> {
    let state = if confirm { CONFIRMED } else { DENIED };
    db.execute("UPDATE device_grants SET state = $2 WHERE user_code_hash = $1", args![code, state]).await
}

pub(super) async fn grant_delete(db: &PlatformScope, device: TokenHash) -> Result<u64, DbError> {
    db.execute("DELETE FROM device_grants WHERE device_hash = $1", args![device]).await
}

/// Drops what expired an hour ago: until then a device is told that it has.
pub async fn grant_purge(db: &PlatformScope, now: Timestamp) -> Result<u64, DbError> {
    let hour = std::time::Duration::from_secs(3600);
    db.execute("DELETE FROM device_grants WHERE expires_at < $1", args![now.minus(hour)]).await
}
