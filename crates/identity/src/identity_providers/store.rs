//! The SQL of identity providers and mappings.

use frame::{
    Cx, args,
    db::{CursorPage, DbError, FromRow, Listing, OnConflict, OrgScope, PlatformScope, Row},
    org_sql,
};
use kernel::{
    Fault, IdentityProviderId, Invalid, MappingId, OrgId, Problem, Result, TeamId, query::ListQuery,
};

use super::{
    PROVIDERS, Provider,
    mappings::{MAPPINGS, Mapping},
};

impl FromRow for Provider {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let config: serde_json::Value = row.get("config")?;
        Ok(Self {
            id: row.get("id")?,
            kind: row.get("type")?,
            enabled: row.get("enabled")?,
            login_path: row.get("login_path")?,
            config: serde_json::from_value(config)
                .map_err(|error| frame::sqlx::Error::Decode(Box::new(error)))?,
            client_secret: row.get("client_secret")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

static ALL: Listing = Listing {
    collection: &PROVIDERS,
    columns: "t.id, t.type, t.enabled, t.login_path, t.config, t.client_secret, t.created_at, t.updated_at",
    table: "identity_providers",
    condition: "",
    large: false,
};

/// A statement that reads providers, with this ending.
macro_rules! select {
    ($($end:literal),+) => {
        org_sql!(
            "SELECT id, type, enabled, login_path, config, client_secret, created_at, updated_at ",
            "FROM identity_providers WHERE org_id = $1 ",
            $($end),+
        )
    };
}

pub(super) async fn provider_list(db: &OrgScope, query: &ListQuery) -> Result<Vec<Provider>> {
    db.whole(&ALL, args![], query).await
}

/// Every provider, the oldest first.
pub async fn provider_all(db: &OrgScope) -> Result<Vec<Provider>, DbError> {
    db.all(select!("ORDER BY seq"), args![]).await
}

/// A provider.
pub async fn provider_get(db: &OrgScope, id: IdentityProviderId) -> Result<Option<Provider>, DbError> {
    db.optional(select!("AND id = $2"), args![id]).await
}

/// The OpenID Connect provider that the older API shows: the enabled one, else the oldest.
pub(super) async fn provider_oidc(db: &OrgScope) -> Result<Option<Provider>, DbError> {
    db.optional(select!("AND type = 'oidc' ORDER BY enabled DESC, seq LIMIT 1"), args![]).await
}

/// The provider whose mappings the older API shows: the enabled one, else the oldest.
pub(super) async fn provider_current(db: &OrgScope) -> Result<Option<Provider>, DbError> {
    db.optional(select!("ORDER BY enabled DESC, seq LIMIT 1"), args![]).await
}

/// How many providers of a type there are.
pub async fn provider_count(db: &OrgScope, kind: &str) -> Result<i64, DbError> {
    let sql = org_sql!("SELECT COUNT(*) AS value FROM identity_providers WHERE org_id = $1 AND type = $2");
    db.count(sql, args![kind]).await
}

pub(super) async fn provider_other_enabled(db: &OrgScope, id: IdentityProviderId) -> Result<bool, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM identity_providers WHERE org_id = $1 AND id <> $2 AND enabled = true"
    );
    Ok(db.count(sql, args![id]).await? > 0)
}

fn config_json(provider: &Provider) -> serde_json::Value {
    serde_json::to_value(&provider.config).unwrap_or_default()
}

pub(super) async fn provider_insert(db: &OrgScope, p: &Provider) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO identity_providers (org_id, id, type, enabled, login_path, config, client_secret, created_at, ",
        "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let values = args![
        p.id,
        &p.kind,
        p.enabled,
        &p.login_path,
        &config_json(p),
        p.client_secret.as_ref(),
        p.created_at,
        p.updated_at
    ];
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn provider_update(db: &OrgScope, p: &Provider) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE identity_providers SET enabled = $3, login_path = $4, config = $5, client_secret = $6, updated_at = $7 ",
        "WHERE org_id = $1 AND id = $2"
    );
    let values =
        args![p.id, p.enabled, &p.login_path, &config_json(p), p.client_secret.as_ref(), p.updated_at];
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn provider_delete(db: &OrgScope, id: IdentityProviderId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM identity_providers WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// The login path of the enabled provider.
pub async fn login_path_enabled(db: &OrgScope) -> Result<Option<String>, DbError> {
    let sql =
        org_sql!("SELECT login_path AS value FROM identity_providers WHERE org_id = $1 AND enabled = true");
    Ok(db.optional::<(String,)>(sql, args![]).await?.map(|(path,)| path))
}

/// Makes this the provider's login path in the directory, which all organizations share.
pub(super) async fn login_path_set(db: &OrgScope, id: IdentityProviderId, path: &str) -> Result<(), DbError> {
    let sql = org_sql!("DELETE FROM login_paths WHERE org_id = $1 AND identity_provider_id = $2");
    db.execute(sql, args![id]).await?;
    if !path.is_empty() {
        let sql = org_sql!(
            "INSERT INTO login_paths (org_id, login_path, identity_provider_id) VALUES ($1, $2, $3)"
        );
        db.execute(sql, args![path, id]).await?;
    }
    Ok(())
}

/// A provider that people sign in through, and its organization.
pub struct Door {
    /// The organization.
    pub org_id: OrgId,
    /// The provider.
    pub identity_provider_id: IdentityProviderId,
}

frame::from_row!(Door { org_id, identity_provider_id });

/// The provider with a login path.
pub async fn door_find(db: &PlatformScope, login_path: &str) -> Result<Option<Door>, DbError> {
    let sql = "SELECT org_id, identity_provider_id FROM login_paths WHERE login_path = $1";
    db.optional(sql, args![login_path]).await
}

static OF_PROVIDER: Listing = Listing {
    collection: &MAPPINGS,
    columns: "t.id, t.team_id, t.group_name AS \"group\", t.created_at, t.updated_at",
    table: "team_group_mappings",
    condition: "t.identity_provider_id = $2",
    large: false,
};

pub(super) async fn mapping_list(
    db: &OrgScope,
    provider: IdentityProviderId,
    query: &ListQuery,
) -> Result<CursorPage<Mapping>> {
    db.around(&OF_PROVIDER, args![provider], query, false).await
}

/// Every mapping of a provider, the oldest first.
pub async fn mapping_all(db: &OrgScope, provider: IdentityProviderId) -> Result<Vec<Mapping>, DbError> {
    let sql = org_sql!(
        "SELECT id, team_id, group_name AS \"group\", created_at, updated_at FROM team_group_mappings ",
        "WHERE org_id = $1 AND identity_provider_id = $2 ORDER BY seq"
    );
    db.all(sql, args![provider]).await
}

pub(super) async fn mapping_get(
    db: &OrgScope,
    provider: IdentityProviderId,
    id: MappingId,
) -> Result<Option<Mapping>, DbError> {
    let sql = org_sql!(
        "SELECT id, team_id, group_name AS \"group\", created_at, updated_at FROM team_group_mappings ",
        "WHERE org_id = $1 AND identity_provider_id = $2 AND id = $3"
    );
    db.optional(sql, args![provider, id]).await
}

pub(super) async fn mapping_add(
    cx: &Cx,
    provider: IdentityProviderId,
    team: TeamId,
    group: &str,
) -> Result<MappingId> {
    let id: MappingId = cx.new_id();
    let sql = org_sql!(
        "INSERT INTO team_group_mappings (org_id, id, identity_provider_id, team_id, group_name, created_at, updated_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $6)"
    );
    let inserted = cx.db().execute(sql, args![id, provider, team, group, cx.now()]).await;
    inserted.on_conflict(|| format!("The group [{group}] is already mapped to the team [{team}]"))?;
    Ok(id)
}

pub(super) async fn mapping_delete(
    db: &OrgScope,
    provider: IdentityProviderId,
    id: MappingId,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "DELETE FROM team_group_mappings WHERE org_id = $1 AND identity_provider_id = $2 AND id = $3"
    );
    db.execute(sql, args![provider, id]).await
}

/// Removes the mappings of a provider, those of one team or all.
pub(super) async fn mapping_clear(
    db: &OrgScope,
    provider: IdentityProviderId,
    team: Option<TeamId>,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "DELETE FROM team_group_mappings WHERE org_id = $1 AND identity_provider_id = $2 AND ($3 IS NULL OR team_id = $3)"
    );
    db.execute(sql, args![provider, team]).await
}

/// 400 for every team that does not exist, named by the field that names it.
pub(super) async fn teams_exist(db: &OrgScope, teams: Vec<(String, TeamId)>) -> Result<()> {
    let mut faults = Vec::new();
    for (field, team) in teams {
        let sql = org_sql!("SELECT COUNT(*) AS value FROM teams WHERE org_id = $1 AND id = $2");
        if db.count(sql, args![team]).await? == 0 {
            faults.push(Invalid::body(field, Fault::MissingReference("team")));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::Invalid(faults)) }
}
