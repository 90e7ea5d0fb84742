//! The SQL of passwords, which are a person's, and of whom a person can sign in as.

use frame::{
    args,
    db::{DbError, PlatformScope},
    from_row,
};
use kernel::{Email, OrgId, PersonId, Result, UserId};

use super::Candidate;

/// A person's password.
pub(super) struct Password {
    pub id: PersonId,
    pub password_hash: Option<String>,
}

from_row!(Password { id, password_hash });

pub(super) async fn password_get(db: &PlatformScope, email: &Email) -> Result<Option<Password>, DbError> {
    let sql = "SELECT id, password_hash FROM persons WHERE email_folded = $1";
    db.optional(sql, args![email.folded()]).await
}

/// Whether this is still the person's password.
pub(super) async fn password_is(db: &PlatformScope, person: PersonId, hash: &str) -> Result<bool, DbError> {
    let sql = "SELECT id AS value FROM persons WHERE id = $1 AND password_hash = $2";
    Ok(db.optional::<(PersonId,)>(sql, args![person, hash]).await?.is_some())
}

struct Row {
    org_id: OrgId,
    user_id: UserId,
}

from_row!(Row { org_id, user_id });

/// The users that a person can sign in as with a password, the one used last first.
pub(super) async fn candidate_list(db: &PlatformScope, person: PersonId) -> Result<Vec<Candidate>, DbError> {
    let sql = "SELECT a.org_id, a.user_id FROM accounts a \
               JOIN users u ON u.org_id = a.org_id AND u.id = a.user_id \
               JOIN organizations o ON o.org_id = a.org_id \
               WHERE a.person_id = $1 AND u.active = true AND o.state = 'active' AND o.basic_auth_enabled = true \
               ORDER BY COALESCE((SELECT MAX(s.refreshed_at) FROM sessions s \
               WHERE s.org_id = a.org_id AND s.user_id = a.user_id), 0) DESC, u.created_at, a.org_id";
    let rows: Vec<Row> = db.all(sql, args![person]).await?;
    Ok(rows.into_iter().map(|row| Candidate { org: row.org_id, user: row.user_id }).collect())
}
