//! The SQL of clients at providers, and of what providers are still to hear.

use frame::{
    args,
    db::{Arg, DbError, FromRow, Listing, OrgScope, Paged, PlatformScope, Row},
    org_sql,
};
use kernel::{ApplicationId, DcrProviderId, OrgId, Result, Timestamp, query::ListQuery};
use serde_json::Value;

use super::{
    DRIFTS, Registered, STATES,
    http::{CLIENTS, DcrClient},
};
use crate::registration::Event;

/// What is read of a client.
macro_rules! columns {
    () => {
        "t.id, t.provider_id, t.bridged, t.state, t.wanted, t.client_id, t.management, t.secret_lost, t.doubtful, t.turn, t.attempts, \
         t.due_at, t.problem, t.drift, t.checked_at, t.created_at, t.updated_at"
    };
}

fn nonsense(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> frame::sqlx::Error {
    frame::sqlx::Error::Decode(why.into())
}

/// The value that is stored under a name.
fn named<T: Copy>(all: &[(&str, T)], name: &str) -> Result<T, frame::sqlx::Error> {
    let found = all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.ok_or_else(|| nonsense(format!("`{name}` is stored nowhere")))
}

impl FromRow for Registered {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let wanted: Value = row.get("wanted")?;
        let drift: Option<String> = row.get("drift")?;
        Ok(Self {
            id: row.get("id")?,
            provider_id: row.get("provider_id")?,
            bridged: row.get("bridged")?,
            state: named(&STATES, &row.get::<String>("state")?)?,
            wanted: serde_json::from_value(wanted).map_err(nonsense)?,
            client_id: row.get("client_id")?,
            management: row.get("management")?,
            secret_lost: row.get("secret_lost")?,
            doubtful: row.get("doubtful")?,
            turn: row.get("turn")?,
            attempts: row.get("attempts")?,
            due_at: row.get("due_at")?,
            problem: row.get("problem")?,
            drift: drift.map(|name| named(&DRIFTS, &name)).transpose()?,
            checked_at: row.get("checked_at")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

impl FromRow for DcrClient {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Registered::from_row(row).map(Self::from)
    }
}

/// A row of any organization.
struct Claimed {
    org: OrgId,
    client: Registered,
}

impl FromRow for Claimed {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self { org: row.get("org_id")?, client: Registered::from_row(row)? })
    }
}

static OF_PROVIDER: Listing = Listing {
    collection: &CLIENTS,
    columns: columns!(),
    table: "dcr_clients",
    condition: "t.provider_id = $2",
    large: false,
};

pub(super) async fn client_list(
    db: &OrgScope,
    provider: DcrProviderId,
    query: &ListQuery,
) -> Result<Paged<DcrClient>> {
    db.page(&OF_PROVIDER, args![provider], query).await
}

/// A client.
pub async fn client_get(db: &OrgScope, id: ApplicationId) -> Result<Option<Registered>, DbError> {
    let sql = org_sql!("SELECT ", columns!(), " FROM dcr_clients t WHERE t.org_id = $1 AND t.id = $2");
    db.optional(sql, args![id]).await
}

/// A client of the bridge that is served in front of a provider, by the id that its caller knows.
pub async fn bridged_get(
    db: &OrgScope,
    provider: DcrProviderId,
    client_id: &str,
) -> Result<Option<Registered>, DbError> {
    // No text of a database has a NUL, so what has one names nothing.
    if client_id.contains('\0') {
        return Ok(None);
    }
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM dcr_clients t WHERE t.org_id = $1 AND t.provider_id = $2 AND t.client_id = $3 AND t.bridged = true ",
        "ORDER BY t.seq DESC LIMIT 1"
    );
    db.optional(sql, args![provider, client_id]).await
}

/// How many clients a provider has, and may have, for applications that exist, and how many others are not gone
/// for sure.
pub async fn client_count(db: &OrgScope, provider: DcrProviderId) -> Result<(i64, i64), DbError> {
    let all = org_sql!("SELECT COUNT(*) AS value FROM dcr_clients WHERE org_id = $1 AND provider_id = $2");
    let leaving = org_sql!(
        "SELECT COUNT(*) AS value FROM dcr_clients WHERE org_id = $1 AND provider_id = $2 ",
        "AND state IN ('removing', 'removal_unconfirmed')"
    );
    let leaving = db.count(leaving, args![provider]).await?;
    Ok((db.count(all, args![provider]).await? - leaving, leaving))
}

/// What changes in a client, in the order of the statements.
fn changeable(client: &Registered) -> Vec<Arg> {
    let wanted = serde_json::to_value(&client.wanted).unwrap_or_default();
    let drift = client.drift.and_then(|drift| DRIFTS.iter().find(|(_, known)| *known == drift));
    args![
        client.state.name(),
        &client.wanted.name,
        &wanted,
        client.client_id.as_deref(),
        client.management.as_ref(),
        client.secret_lost,
        client.doubtful,
        client.attempts,
        client.due_at,
        client.problem.as_deref(),
        drift.map(|(name, _)| *name),
        client.checked_at,
        client.updated_at
    ]
}

/// Writes down that a client is wanted.
pub async fn client_insert(db: &OrgScope, client: &Registered) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO dcr_clients (org_id, id, provider_id, bridged, turn, created_at, state, name, wanted, client_id, ",
        "management, secret_lost, doubtful, attempts, due_at, problem, drift, checked_at, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
    );
    let mut values = args![client.id, client.provider_id, client.bridged, client.turn, client.created_at];
    values.extend(changeable(client));
    db.execute(sql, values).await.map(|_| ())
}

/// Begins a new turn with what is in this row: whoever had the last one changes nothing any more. Fails to touch
/// a row whose turn was not the one that this row was read in.
pub async fn client_intend(db: &OrgScope, client: &mut Registered) -> Result<bool, DbError> {
    let sql = org_sql!(
        "UPDATE dcr_clients SET state = $4, name = $5, wanted = $6, client_id = $7, management = $8, secret_lost = $9, ",
        "doubtful = $10, attempts = $11, due_at = $12, problem = $13, drift = $14, checked_at = $15, updated_at = $16, ",
        "turn = turn + 1 WHERE org_id = $1 AND id = $2 AND turn = $3"
    );
    let mut values = args![client.id, client.turn];
    values.extend(changeable(client));
    let touched = db.execute(sql, values).await? > 0;
    client.turn += 1;
    Ok(touched)
}

/// Writes down what came of a turn, unless another one has begun.
pub async fn client_settle(db: &OrgScope, client: &Registered) -> Result<bool, DbError> {
    let sql = org_sql!(
        "UPDATE dcr_clients SET state = $4, name = $5, wanted = $6, client_id = $7, management = $8, secret_lost = $9, ",
        "doubtful = $10, attempts = $11, due_at = $12, problem = $13, drift = $14, checked_at = $15, updated_at = $16 ",
        "WHERE org_id = $1 AND id = $2 AND turn = $3"
    );
    let mut values = args![client.id, client.turn];
    values.extend(changeable(client));
    Ok(db.execute(sql, values).await? > 0)
}

/// Adds what a turn that was overtaken learned: under which id the provider has the client, if nobody knows, for
/// whoever is to do something about it. Tells whether it was kept.
pub async fn client_learned(db: &OrgScope, client: &Registered, now: Timestamp) -> Result<bool, DbError> {
    let sql = org_sql!(
        "UPDATE dcr_clients SET client_id = $3, management = $4, turn = turn + 1, due_at = $5 ",
        "WHERE org_id = $1 AND id = $2 AND (client_id IS NULL OR client_id = $3)"
    );
    let values = args![client.id, client.client_id.as_deref(), client.management.as_ref(), now];
    Ok(db.execute(sql, values).await? > 0)
}

/// Drops the row of a client that no provider has.
pub async fn client_forget(db: &OrgScope, id: ApplicationId, turn: i64) -> Result<bool, DbError> {
    let sql = org_sql!("DELETE FROM dcr_clients WHERE org_id = $1 AND id = $2 AND turn = $3");
    Ok(db.execute(sql, args![id, turn]).await? > 0)
}

/// Whether anything is due.
pub(super) async fn due(platform: &PlatformScope, now: Timestamp) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) AS value FROM (SELECT 1 AS one FROM dcr_clients WHERE due_at IS NOT NULL AND due_at <= $1 \
               UNION ALL SELECT 1 AS one FROM dcr_events WHERE due_at <= $1 LIMIT 1) AS due";
    Ok(platform.optional::<(i64,)>(sql, args![now]).await?.is_some_and(|(count,)| count > 0))
}

/// Begins turns for clients that are due, so that no other process does.
pub(super) async fn client_take(
    platform: &PlatformScope,
    now: Timestamp,
    until: Timestamp,
    most: i64,
) -> Result<Vec<(OrgId, Registered)>, DbError> {
    // The outer condition is looked at again once another node's claim is known.
    let sql = concat!(
        "UPDATE dcr_clients AS t SET due_at = $2, attempts = attempts + 1, turn = turn + 1 ",
        "WHERE t.due_at IS NOT NULL AND t.due_at <= $1 AND t.id IN ",
        "(SELECT id FROM dcr_clients WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $3) ",
        "RETURNING org_id, id, provider_id, bridged, state, wanted, client_id, management, secret_lost, doubtful, turn, attempts, ",
        "due_at, problem, drift, checked_at, created_at, updated_at"
    );
    let taken: Vec<Claimed> = platform.all(sql, args![now, until, most]).await?;
    Ok(taken.into_iter().map(|Claimed { org, client }| (org, client)).collect())
}

/// Makes clients due that nobody has looked at since then.
pub(super) async fn client_look(
    platform: &PlatformScope,
    since: Timestamp,
    now: Timestamp,
    most: i64,
) -> Result<u64, DbError> {
    let sql = "UPDATE dcr_clients SET due_at = $2 WHERE state = 'live' AND due_at IS NULL AND id IN \
               (SELECT id FROM dcr_clients WHERE state = 'live' AND due_at IS NULL AND (checked_at IS NULL OR checked_at < $1) \
               ORDER BY checked_at LIMIT $3)";
    platform.execute(sql, args![since, now, most]).await
}

/// An event that is to be told.
pub(super) struct Told {
    /// Of which organization.
    pub org: OrgId,
    /// Its place in the order.
    pub seq: i64,
    /// Of which client.
    pub id: ApplicationId,
    /// What happened.
    pub event: Event,
    /// How often it was tried.
    pub attempts: i64,
}

impl FromRow for Told {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            org: row.get("org_id")?,
            seq: row.get("seq")?,
            id: row.get("id")?,
            event: serde_json::from_value(row.get("event")?).map_err(nonsense)?,
            attempts: row.get("attempts")?,
        })
    }
}

/// Writes down that a client's provider is to hear of something.
pub async fn event_add(
    db: &OrgScope,
    id: ApplicationId,
    event: &Event,
    now: Timestamp,
) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO dcr_events (org_id, id, event, attempts, due_at) ",
        "SELECT $1, $2, $3, 0, $4 WHERE EXISTS (SELECT 1 FROM dcr_clients WHERE org_id = $1 AND id = $2)"
    );
    let event = serde_json::to_value(event).unwrap_or_default();
    db.execute(sql, args![id, &event, now]).await.map(|_| ())
}

/// Takes events that are due, each client's first only: they are told in their order.
pub(super) async fn event_take(
    platform: &PlatformScope,
    now: Timestamp,
    until: Timestamp,
    most: i64,
) -> Result<Vec<Told>, DbError> {
    let sql = "UPDATE dcr_events SET due_at = $2, attempts = attempts + 1 WHERE due_at <= $1 AND seq IN \
               (SELECT e.seq FROM dcr_events e WHERE e.due_at <= $1 AND NOT EXISTS \
               (SELECT 1 FROM dcr_events b WHERE b.org_id = e.org_id AND b.id = e.id AND b.seq < e.seq) \
               ORDER BY e.due_at LIMIT $3) RETURNING org_id, seq, id, event, attempts";
    platform.all(sql, args![now, until, most]).await
}

/// An event was told, or has nobody any more who could hear it.
pub(super) async fn event_done(db: &OrgScope, seq: i64) -> Result<(), DbError> {
    let sql = org_sql!("DELETE FROM dcr_events WHERE org_id = $1 AND seq = $2");
    db.execute(sql, args![seq]).await.map(|_| ())
}

/// An event could not be told.
pub(super) async fn event_later(db: &OrgScope, seq: i64, due: Timestamp, why: &str) -> Result<(), DbError> {
    let sql = org_sql!("UPDATE dcr_events SET due_at = $3, problem = $4 WHERE org_id = $1 AND seq = $2");
    db.execute(sql, args![seq, due, why]).await.map(|_| ())
}
