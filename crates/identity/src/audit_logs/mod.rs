//! Reading the audit log.

pub mod http;

use frame::{
    Cx, args,
    cursor::Cursored,
    db::{FromRow, Listing, Row},
    org_sql,
    reply::Found,
};
use kernel::{
    Duration, Fault, Problem, Result, Timestamp,
    query::{Collection, Field, Filter, Kind, ListQuery, Op, Ops, PageStyle, Value},
};
use schemars::JsonSchema;
use serde::Serialize;

/// What the audit log can be filtered by.
pub static AUDIT_LOGS: Collection = Collection {
    name: "audit-logs",
    fields: &[
        Field::new("ts", Kind::Time, Ops::RANGE),
        Field::new("type", Kind::Word(&["authorization", "authentication", "gateway_access"]), Ops::BARE),
    ],
    paging: PageStyle::Cursor,
    page_size: Some(20),
};

static ALL: Listing = Listing {
    collection: &AUDIT_LOGS,
    columns: "t.body, t.signature",
    table: "audit_events",
    condition: "",
    large: false,
};

/// How far back a reader sees who names no start.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// An entry: the JSON text that was signed, and its signature.
pub struct AuditLog {
    body: serde_json::Value,
    signature: String,
}

impl FromRow for AuditLog {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self { body: row.get("body")?, signature: row.get("signature")? })
    }
}

impl Serialize for AuditLog {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = self.body.clone();
        entry["signature"] = self.signature.as_str().into();
        entry.serialize(serializer)
    }
}

impl JsonSchema for AuditLog {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AuditLog".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        super::audit_logs::schema::entry()
    }
}

mod schema;

async fn audit_log_list(cx: Cx, mut query: ListQuery) -> Result<Found<Cursored<AuditLog>>> {
    let range = |op| matches!(op, Op::Gte | Op::Lte | Op::Exists);
    if query.filters.iter().any(|filter| filter.field.name == "ts" && !range(filter.op)) {
        let fault = Fault::UnsupportedOperator("eq".to_owned());
        return Err(Problem::Invalid(vec![kernel::Invalid::query("filter[ts]", fault)]));
    }
    let bound = |op| query.filters.iter().find(|filter| filter.field.name == "ts" && filter.op == op);
    let moment = |filter: Option<&Filter>| match filter.and_then(|filter| filter.values.first()) {
        Some(Value::Time(at)) => Some(*at),
        _ => None,
    };
    let until = moment(bound(Op::Lte)).unwrap_or_else(|| cx.now());
    let since = moment(bound(Op::Gte)).unwrap_or_else(|| until.minus(WEEK));
    if since > until {
        let fault = Fault::Rule("must not be after filter[ts][lte]".to_owned());
        return Err(Problem::Invalid(vec![kernel::Invalid::query("filter[ts][gte]", fault)]));
    }
    let ts = &AUDIT_LOGS.fields[0];
    query.filters.retain(|filter| filter.field.name != "ts");
    for (op, at) in [(Op::Gte, since), (Op::Lte, until)] {
        query.filters.push(Filter { field: ts, key: None, op, values: vec![Value::Time(at)] });
    }
    let page = cx.db().around(&ALL, args![], &query, true).await?;
    Cursored::new(&cx, page).map(Found)
}

/// Drops entries that are older than the operator keeps them.
pub async fn purge(app: &frame::App, org: kernel::OrgId) -> Result<u64> {
    let session = app.db.write();
    let db = frame::db::OrgScope::new(session.clone(), org);
    let before: Timestamp = app.clock.now(org).minus(app.settings.audit_retention);
    let dropped =
        db.execute(org_sql!("DELETE FROM audit_events WHERE org_id = $1 AND ts < $2"), args![before]).await?;
    session.commit().await?;
    Ok(dropped)
}

/// The public key of the signatures, as a JWK set (RFC 7517).
#[derive(Serialize, JsonSchema)]
pub struct KeySet {
    /// The keys.
    keys: Vec<Key>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Serialize, JsonSchema)]
pub struct Key {
    /// `EdDSA`.
    alg: &'static str,
    /// `Ed25519`.
    crv: &'static str,
    /// Which key.
    kid: String,
    /// `OKP`.
    kty: &'static str,
    /// The key in base64url.
    x: String,
}

async fn key_set_get(cx: Cx) -> Result<Found<KeySet>> {
    let (x, kid) = cx.app().vault.audit_key();
    Ok(Found(KeySet { keys: vec![Key { alg: "EdDSA", crv: "Ed25519", kid, kty: "OKP", x }] }))
}
