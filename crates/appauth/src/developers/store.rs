//! The SQL of developers and of their sessions.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged, PlatformScope, fold},
    from_row, org_sql,
    portals::Site,
    refresh::RefreshTokens,
};
use kernel::{DeveloperId, Email, Id, OrgId, PortalId, Result, Timestamp, TokenHash, query::ListQuery};

use super::{LISTED, PortalDeveloper, Status, classic::ClassicDeveloper, sessions::Session};

/// The portal at a host, in an organization that is active.
pub(super) async fn site_find(db: &PlatformScope, host: &str) -> Result<Option<Site>, DbError> {
    let sql = "SELECT h.org_id, h.portal_id, p.authentication_enabled FROM portal_hosts h \
               JOIN portals p ON p.org_id = h.org_id AND p.id = h.portal_id \
               JOIN organizations o ON o.org_id = h.org_id \
               WHERE h.host = $1 AND o.state = 'active'";
    let row = db.optional::<SiteRow>(sql, args![host]).await?;
    Ok(row.map(|SiteRow { org_id, portal_id, authentication_enabled }| Site {
        portal: portal_id,
        org: org_id,
        authentication: authentication_enabled,
    }))
}

struct SiteRow {
    org_id: OrgId,
    portal_id: PortalId,
    authentication_enabled: bool,
}

from_row!(SiteRow { org_id, portal_id, authentication_enabled });

/// What developers have to do with of their portal.
pub struct Home {
    /// The portal.
    pub id: PortalId,
    /// Its name for developers.
    pub name: String,
    /// The host that links lead to.
    pub host: String,
    /// Whether developers can register and sign in.
    pub authentication: bool,
    /// Whether they need roles.
    pub rbac: bool,
    /// Whether whoever registers is approved at once.
    pub auto_approve: bool,
}

from_row!(Home { id, name, host, authentication, rbac, auto_approve });

impl Home {
    /// What a new developer may do.
    pub const fn status_of_new(&self) -> Status {
        if self.auto_approve { Status::Approved } else { Status::Pending }
    }
}

pub(super) async fn home_get(db: &OrgScope, portal: PortalId) -> Result<Option<Home>, DbError> {
    let sql = org_sql!(
        "SELECT id, display_name AS name, default_domain AS host, authentication_enabled AS authentication, ",
        "rbac_enabled AS rbac, auto_approve_developers AS auto_approve FROM portals WHERE org_id = $1 AND id = $2"
    );
    db.optional(sql, args![portal]).await
}

/// What is read of a developer.
macro_rules! columns {
    () => {
        "t.id, t.email, t.full_name, t.status, t.created_at, t.updated_at"
    };
}

static ALL: Listing = Listing {
    collection: &LISTED,
    columns: columns!(),
    table: "developers",
    condition: "t.portal_id = $2",
    large: false,
};

/// The same, with how many applications they own.
macro_rules! classic_columns {
    () => {
        concat!(
            columns!(),
            ", (SELECT COUNT(*) FROM applications a WHERE a.org_id = t.org_id AND a.developer_id = t.id) AS application_count"
        )
    };
}

static CLASSIC: Listing = Listing { columns: classic_columns!(), ..ALL };

pub(super) async fn developer_list(
    db: &OrgScope,
    portal: PortalId,
    query: &ListQuery,
) -> Result<Paged<PortalDeveloper>> {
    db.page(&ALL, args![portal], query).await
}

pub(super) async fn classic_list(
    db: &OrgScope,
    portal: PortalId,
    query: &ListQuery,
) -> Result<Paged<ClassicDeveloper>> {
    db.page(&CLASSIC, args![portal], query).await
}

pub(super) async fn classic_get(
    db: &OrgScope,
    portal: PortalId,
    id: DeveloperId,
) -> Result<Option<ClassicDeveloper>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        classic_columns!(),
        " FROM developers t WHERE t.org_id = $1 AND t.portal_id = $2 AND t.id = $3"
    );
    db.optional(sql, args![portal, id]).await
}

/// A developer of a portal.
pub async fn developer_get(
    db: &OrgScope,
    portal: PortalId,
    id: DeveloperId,
) -> Result<Option<PortalDeveloper>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM developers t WHERE t.org_id = $1 AND t.portal_id = $2 AND t.id = $3"
    );
    db.optional(sql, args![portal, id]).await
}

/// A developer as it signs in, or asks for a link.
pub(super) struct Known {
    pub id: DeveloperId,
    pub status: Status,
    pub password_hash: Option<String>,
    pub verified_at: Option<Timestamp>,
}

from_row!(Known { id, status, password_hash, verified_at });

pub(super) async fn known_find(
    db: &OrgScope,
    portal: PortalId,
    email: &Email,
) -> Result<Option<Known>, DbError> {
    let sql = org_sql!(
        "SELECT id, status, password_hash, verified_at FROM developers ",
        "WHERE org_id = $1 AND portal_id = $2 AND email_folded = $3"
    );
    db.optional(sql, args![portal, email.folded()]).await
}

pub(super) async fn known_get(
    db: &OrgScope,
    portal: PortalId,
    id: DeveloperId,
) -> Result<Option<Known>, DbError> {
    let sql = org_sql!(
        "SELECT id, status, password_hash, verified_at FROM developers ",
        "WHERE org_id = $1 AND portal_id = $2 AND id = $3"
    );
    db.optional(sql, args![portal, id]).await
}

/// Enters a developer; nothing if the portal has one with this address.
pub(super) async fn developer_insert(
    db: &OrgScope,
    portal: PortalId,
    developer: &PortalDeveloper,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO developers (org_id, portal_id, id, email, email_folded, full_name, full_name_folded, status, ",
        "status_folded, created_at, updated_at, active) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11) ",
        "ON CONFLICT (org_id, portal_id, email_folded) DO NOTHING"
    );
    let PortalDeveloper { id, email, full_name, status, created_at, updated_at } = developer;
    let values = args![
        portal,
        *id,
        email,
        fold(email),
        full_name,
        fold(full_name),
        status.name(),
        *created_at,
        *updated_at,
        *status == Status::Approved
    ];
    db.execute(sql, values).await
}

pub(super) async fn developer_update(db: &OrgScope, developer: &PortalDeveloper) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE developers SET status = $3, status_folded = $3, active = $4, updated_at = $5 ",
        "WHERE org_id = $1 AND id = $2"
    );
    let PortalDeveloper { id, status, updated_at, .. } = developer;
    let active = *status == Status::Approved;
    db.execute(sql, args![*id, status.name(), active, *updated_at]).await
}

pub(super) async fn developer_delete(db: &OrgScope, id: DeveloperId) -> Result<u64, DbError> {
    db.execute(org_sql!("DELETE FROM developers WHERE org_id = $1 AND id = $2"), args![id]).await
}

/// The developer has read what was mailed to it.
pub(super) async fn developer_verified(
    db: &OrgScope,
    id: DeveloperId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE developers SET verified_at = $3, updated_at = $3 WHERE org_id = $1 AND id = $2 AND verified_at IS NULL"
    );
    db.execute(sql, args![id, now]).await
}

pub(super) async fn password_set(
    db: &OrgScope,
    id: DeveloperId,
    hash: &str,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql =
        org_sql!("UPDATE developers SET password_hash = $3, updated_at = $4 WHERE org_id = $1 AND id = $2");
    db.execute(sql, args![id, hash, now]).await
}

pub(super) async fn session_insert(
    db: &OrgScope,
    session: &Session,
    (ip, user_agent): (String, &str),
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO developer_sessions (org_id, id, developer_id, ip, user_agent, created_at, refreshed_at, expires_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $6, $7)"
    );
    db.execute(sql, args![session.id, session.developer, ip, user_agent, now, session.expires_at]).await
}

pub(super) async fn session_touch(db: &OrgScope, session: &Session, now: Timestamp) -> Result<u64, DbError> {
    let sql = org_sql!("UPDATE developer_sessions SET refreshed_at = $3 WHERE org_id = $1 AND id = $2");
    db.execute(sql, args![session.id, now]).await
}

pub(super) async fn session_drop(db: &OrgScope, session: &Session) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM developer_sessions WHERE org_id = $1 AND id = $2");
    db.execute(sql, args![session.id]).await
}

/// Ends every session of a developer; how many there were.
pub(super) async fn session_drop_all(db: &OrgScope, developer: DeveloperId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM developer_sessions WHERE org_id = $1 AND developer_id = $2");
    db.execute(sql, args![developer]).await
}

pub(super) async fn token_insert(
    db: &OrgScope,
    hash: TokenHash,
    session: &Session,
    expires_at: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO developer_tokens (org_id, hash, session_id, expires_at) VALUES ($1, $2, $3, $4)"
    );
    db.execute(sql, args![hash, session.id, expires_at]).await
}

/// The refresh tokens of developers' sessions.
pub(super) const REFRESH_TOKENS: RefreshTokens = RefreshTokens {
    spend: org_sql!(
        "UPDATE developer_tokens SET used_at = $3 WHERE org_id = $1 AND hash = $2 AND used_at IS NULL"
    ),
    used_at: org_sql!("SELECT used_at AS value FROM developer_tokens WHERE org_id = $1 AND hash = $2"),
};

/// The session behind a token, and until when the token is good.
pub(super) struct Held {
    pub session: Id<super::sessions::SessionMarker>,
    pub session_expires_at: Timestamp,
    pub developer: DeveloperId,
    pub expires_at: Timestamp,
}

from_row!(Held { session, session_expires_at, developer, expires_at });

/// The session behind a token of an approved developer of this portal.
pub(super) async fn token_get(
    db: &OrgScope,
    portal: PortalId,
    hash: TokenHash,
) -> Result<Option<Held>, DbError> {
    let sql = org_sql!(
        "SELECT s.id AS session, s.expires_at AS session_expires_at, d.id AS developer, t.expires_at ",
        "FROM developer_tokens t ",
        "JOIN developer_sessions s ON s.org_id = t.org_id AND s.id = t.session_id ",
        "JOIN developers d ON d.org_id = s.org_id AND d.id = s.developer_id ",
        "WHERE t.org_id = $1 AND d.portal_id = $2 AND t.hash = $3 AND d.active = true"
    );
    db.optional(sql, args![portal, hash]).await
}

/// Whose access token it is.
pub(super) struct Bearer {
    pub org_id: OrgId,
    pub portal_id: PortalId,
    pub developer_id: DeveloperId,
    pub session_id: Id<super::sessions::SessionMarker>,
    pub session_expires_at: Timestamp,
    pub expires_at: Timestamp,
}

from_row!(Bearer { org_id, portal_id, developer_id, session_id, session_expires_at, expires_at });

/// The approved developer behind an access token, in an organization that is active.
pub(super) async fn bearer_find(db: &PlatformScope, hash: TokenHash) -> Result<Option<Bearer>, DbError> {
    let sql = "SELECT t.org_id, d.portal_id, s.developer_id, t.session_id, \
               s.expires_at AS session_expires_at, t.expires_at FROM developer_tokens t \
               JOIN developer_sessions s ON s.org_id = t.org_id AND s.id = t.session_id \
               JOIN developers d ON d.org_id = s.org_id AND d.id = s.developer_id \
               JOIN organizations o ON o.org_id = t.org_id \
               WHERE t.hash = $1 AND d.active = true AND o.state = 'active'";
    db.optional(sql, args![hash]).await
}

/// Drops sessions and tokens that are over. An access token goes with its session, which it still names when its
/// developer signs out late.
pub(crate) async fn session_purge(db: &OrgScope, now: Timestamp) -> Result<(), DbError> {
    let sql = org_sql!("DELETE FROM developer_sessions WHERE org_id = $1 AND expires_at <= $2");
    db.execute(sql, args![now]).await.map(|_| ())
}
