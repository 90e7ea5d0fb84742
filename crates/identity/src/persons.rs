//! Persons: the people behind users, known to the whole installation by their e-mail.

use frame::{
    args,
    db::{DbError, PlatformScope},
};
use kernel::{Email, PersonId, Problem, Result, Timestamp};

/// The person with an address.
pub async fn person_get_by_email(db: &PlatformScope, email: &Email) -> Result<Option<PersonId>, DbError> {
    let sql = "SELECT id AS value FROM persons WHERE email_folded = $1";
    Ok(db.optional::<(PersonId,)>(sql, args![email.folded()]).await?.map(|(id,)| id))
}

/// The address of a person.
pub async fn person_email(db: &PlatformScope, id: PersonId) -> Result<Option<String>, DbError> {
    let sql = "SELECT email AS value FROM persons WHERE id = $1";
    Ok(db.optional::<(String,)>(sql, args![id]).await?.map(|(email,)| email))
}

/// The person with an address, made if there is none.
pub async fn person_ensure(
    db: &PlatformScope,
    new: PersonId,
    email: &Email,
    now: Timestamp,
) -> Result<PersonId> {
    let sql = "INSERT INTO persons (id, email, email_folded, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) \
               ON CONFLICT (email_folded) DO NOTHING";
    db.execute(sql, args![new, email.as_str(), email.folded(), now]).await?;
    person_get_by_email(db, email).await?.ok_or_else(|| Problem::internal("a person vanished"))
}

/// Sets a person's password.
pub async fn person_set_password(
    db: &PlatformScope,
    id: PersonId,
    hash: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let sql = "UPDATE persons SET password_hash = $2, updated_at = $3 WHERE id = $1";
    db.execute(sql, args![id, hash, now]).await.map(|_| ())
}
