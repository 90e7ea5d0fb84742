//! The SQL of sign-ins that are under way, of who is who at a provider, and of verified domains.

use frame::{
    args,
    db::{DbError, OrgScope, PlatformScope},
    from_row, org_sql,
    principal::User,
};
use kernel::{IdentityProviderId, OrgId, Result, Sealed, Timestamp, TokenHash, UserId};

/// A sign-in that is under way.
pub struct Attempt {
    /// The organization.
    pub org_id: OrgId,
    /// Its provider.
    pub identity_provider_id: IdentityProviderId,
    /// The browser; `None` until one opens a rehearsal's link.
    pub browser_hash: Option<TokenHash>,
    /// Whether nothing is granted.
    pub rehearsal: bool,
    /// Where to go then.
    pub return_to: String,
    /// What SAML has to remember of its request.
    pub request: Option<String>,
    /// What SAML's answer said.
    pub answer: Option<Sealed<String>>,
    /// When it is too late.
    pub expires_at: Timestamp,
}

from_row!(Attempt {
    org_id,
    identity_provider_id,
    browser_hash,
    rehearsal,
    return_to,
    request,
    answer,
    expires_at
});

pub(super) async fn attempt_insert(
    db: &PlatformScope,
    state: TokenHash,
    attempt: &Attempt,
    ip: &str,
) -> Result<u64, DbError> {
    let sql = "INSERT INTO sso_attempts (state_hash, org_id, identity_provider_id, browser_hash, rehearsal, return_to, \
               ip, request, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = args![
        state,
        attempt.org_id,
        attempt.identity_provider_id,
        attempt.browser_hash,
        attempt.rehearsal,
        &attempt.return_to,
        ip,
        attempt.request.as_deref(),
        attempt.expires_at
    ];
    db.execute(sql, values).await
}

/// A sign-in that is under way, if it is not too late.
pub(super) async fn attempt_get(
    db: &PlatformScope,
    state: TokenHash,
    now: Timestamp,
) -> Result<Option<Attempt>, DbError> {
    let sql = "SELECT org_id, identity_provider_id, browser_hash, rehearsal, return_to, request, answer, expires_at \
               FROM sso_attempts WHERE state_hash = $1 AND expires_at > $2";
    db.optional(sql, args![state, now]).await
}

/// Binds a rehearsal to the browser that opens it first; 0 if one has.
pub(super) async fn attempt_bind(
    db: &PlatformScope,
    state: TokenHash,
    browser: TokenHash,
    request: Option<&str>,
) -> Result<u64, DbError> {
    let sql = "UPDATE sso_attempts SET browser_hash = $2, request = $3 WHERE state_hash = $1 AND browser_hash IS NULL";
    db.execute(sql, args![state, browser, request]).await
}

/// Keeps what SAML's answer said; 0 if there was one already.
pub(super) async fn attempt_answer(
    db: &PlatformScope,
    state: TokenHash,
    answer: &Sealed<String>,
) -> Result<u64, DbError> {
    let sql = "UPDATE sso_attempts SET answer = $2 WHERE state_hash = $1 AND answer IS NULL";
    db.execute(sql, args![state, answer]).await
}

/// Uses an attempt up; 0 if it was used.
pub(super) async fn attempt_delete(db: &PlatformScope, state: TokenHash) -> Result<u64, DbError> {
    db.execute("DELETE FROM sso_attempts WHERE state_hash = $1", args![state]).await
}

/// How many attempts of this address are under way.
pub(super) async fn attempt_count(db: &PlatformScope, ip: &str, now: Timestamp) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) AS value FROM sso_attempts WHERE ip = $1 AND expires_at > $2";
    Ok(db.optional::<(i64,)>(sql, args![ip, now]).await?.map_or(0, |(count,)| count))
}

/// Drops attempts that are over.
pub async fn attempt_purge(db: &PlatformScope, now: Timestamp) -> Result<u64, DbError> {
    db.execute("DELETE FROM sso_attempts WHERE expires_at <= $1", args![now]).await
}

/// The user that an issuer means by a subject.
pub(super) async fn link_find(
    db: &OrgScope,
    provider: IdentityProviderId,
    issuer: &str,
    subject: &str,
) -> Result<Option<User>, DbError> {
    let sql = org_sql!(
        "SELECT u.id, u.email, u.full_name, u.preferred_name, u.active, u.inferred_region, u.created_at, u.updated_at ",
        "FROM sso_links l JOIN users u ON u.org_id = l.org_id AND u.id = l.user_id ",
        "WHERE l.org_id = $1 AND l.identity_provider_id = $2 AND l.issuer = $3 AND l.subject = $4"
    );
    db.optional(sql, args![provider, issuer, subject]).await
}

/// Whether an issuer means a user by some subject.
pub(super) async fn link_has(
    db: &OrgScope,
    provider: IdentityProviderId,
    issuer: &str,
    user: UserId,
) -> Result<bool, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM sso_links ",
        "WHERE org_id = $1 AND identity_provider_id = $2 AND issuer = $3 AND user_id = $4"
    );
    Ok(db.count(sql, args![provider, issuer, user]).await? > 0)
}

pub(super) async fn link_insert(
    db: &OrgScope,
    provider: IdentityProviderId,
    (issuer, subject): (&str, &str),
    user: UserId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO sso_links (org_id, identity_provider_id, issuer, subject, user_id, created_at) ",
        "VALUES ($1, $2, $3, $4, $5, $6)"
    );
    db.execute(sql, args![provider, issuer, subject, user, now]).await
}

/// Whether the person behind a user has other users, or a password: then it is more than this
/// organization's.
pub(super) async fn person_is_shared(db: &OrgScope, user: UserId) -> Result<bool, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM users u JOIN persons p ON p.id = u.person_id WHERE u.org_id = $1 AND u.id = $2 ",
        "AND (p.password_hash IS NOT NULL OR ",
        "EXISTS (SELECT 1 FROM accounts a WHERE a.person_id = p.id AND a.org_id <> $1))"
    );
    Ok(db.count(sql, args![user]).await? > 0)
}

/// How many roles are assigned to a user itself.
pub(super) async fn role_count(db: &OrgScope, user: UserId) -> Result<i64, DbError> {
    let sql = org_sql!("SELECT COUNT(*) AS value FROM assigned_roles WHERE org_id = $1 AND holder_id = $2");
    db.count(sql, args![user]).await
}

/// Whether a domain is verified for the organization.
pub(super) async fn domain_has(db: &OrgScope, domain: &str) -> Result<bool, DbError> {
    let sql = org_sql!("SELECT COUNT(*) AS value FROM verified_domains WHERE org_id = $1 AND domain = $2");
    Ok(db.count(sql, args![domain]).await? > 0)
}

/// Verifies a domain for the organization; 0 if it is already.
pub(super) async fn domain_insert(db: &OrgScope, domain: &str, now: Timestamp) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO verified_domains (org_id, domain, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
    );
    db.execute(sql, args![domain, now]).await
}

/// Takes a domain back; 0 if it is not verified.
pub(super) async fn domain_delete(db: &OrgScope, domain: &str) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM verified_domains WHERE org_id = $1 AND domain = $2");
    db.execute(sql, args![domain]).await
}

/// The verified domains of the organization.
pub(super) async fn domain_list(db: &OrgScope) -> Result<Vec<String>, DbError> {
    let sql = org_sql!("SELECT domain AS value FROM verified_domains WHERE org_id = $1 ORDER BY domain");
    Ok(db.all::<(String,)>(sql, args![]).await?.into_iter().map(|(domain,)| domain).collect())
}
