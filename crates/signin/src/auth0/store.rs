//! The SQL of subjects.

use frame::{
    args,
    db::{DbError, PlatformScope},
    from_row,
};
use kernel::{OrgId, PersonId, Result};

pub(super) async fn subject_person(db: &PlatformScope, subject: &str) -> Result<Option<PersonId>, DbError> {
    let sql = "SELECT person_id AS value FROM subjects WHERE subject = $1";
    Ok(db.optional::<(PersonId,)>(sql, args![subject]).await?.map(|(person,)| person))
}

pub(super) async fn subject_insert(
    db: &PlatformScope,
    subject: &str,
    person: PersonId,
) -> Result<u64, DbError> {
    // Somebody who registers twice at once is the same person both times.
    let sql = "INSERT INTO subjects (subject, person_id) VALUES ($1, $2) ON CONFLICT (subject) DO NOTHING";
    db.execute(sql, args![subject, person]).await
}

struct Row {
    org_id: OrgId,
    name: String,
}

from_row!(Row { org_id, name });

/// The organizations of a person: ids and names.
pub(super) async fn organization_list(
    db: &PlatformScope,
    person: PersonId,
) -> Result<Vec<(OrgId, String)>, DbError> {
    let sql = "SELECT o.org_id, o.name FROM accounts a JOIN organizations o ON o.org_id = a.org_id \
               WHERE a.person_id = $1 AND o.state NOT IN ('deleting', 'deleted') ORDER BY o.org_id";
    let rows: Vec<Row> = db.all(sql, args![person]).await?;
    Ok(rows.into_iter().map(|row| (row.org_id, row.name)).collect())
}
