//! The SQL of users.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged, PlatformScope, fold, search_text},
    org_sql,
    principal::User,
};
use kernel::{Email, OrgId, PersonId, Problem, Result, TeamId, UserId, query::ListQuery};

use super::{InternalUser, USERS};

const COLUMNS: &str =
    "t.id, t.email, t.full_name, t.preferred_name, t.active, t.inferred_region, t.created_at, t.updated_at";

static ALL: Listing =
    Listing { collection: &USERS, columns: COLUMNS, table: "users", condition: "", large: true };
static OF_TEAM: Listing = Listing {
    collection: &USERS,
    columns: COLUMNS,
    table: "users",
    condition: "t.id IN (SELECT m.user_id FROM team_users m WHERE m.org_id = $1 AND m.team_id = $2)",
    large: false,
};

pub(super) async fn user_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<User>> {
    db.page(&ALL, args![], query).await
}

/// The users of a team.
pub async fn user_list_of_team(db: &OrgScope, team: TeamId, query: &ListQuery) -> Result<Paged<User>> {
    db.page(&OF_TEAM, args![team], query).await
}

/// A user.
pub async fn user_get(db: &OrgScope, id: UserId) -> Result<Option<User>, DbError> {
    let sql = org_sql!(
        "SELECT id, email, full_name, preferred_name, active, inferred_region, created_at, updated_at ",
        "FROM users WHERE org_id = $1 AND id = $2"
    );
    db.optional(sql, args![id]).await
}

/// The user with an address.
pub async fn user_get_by_email(db: &OrgScope, email: &Email) -> Result<Option<User>, DbError> {
    let sql = org_sql!(
        "SELECT id, email, full_name, preferred_name, active, inferred_region, created_at, updated_at ",
        "FROM users WHERE org_id = $1 AND email_folded = $2"
    );
    db.optional(sql, args![email.folded()]).await
}

/// Inserts a user, and the directory's entry for it.
pub async fn user_insert(db: &OrgScope, user: &User, person: PersonId) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO users (org_id, id, person_id, email, email_folded, full_name, full_name_folded, preferred_name, ",
        "search, active, inferred_region, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    let values = args![
        user.id,
        person,
        &user.email,
        fold(&user.email),
        &user.full_name,
        fold(&user.full_name),
        &user.preferred_name,
        search_text(db.org(), &[&user.email, &user.full_name]),
        user.active,
        user.inferred_region.as_deref(),
        user.created_at,
        user.updated_at
    ];
    db.execute(sql, values).await?;
    let sql = "INSERT INTO accounts (person_id, org_id, user_id) VALUES ($1, $2, $3)";
    db.platform().execute(sql, args![person, db.org(), user.id]).await?;
    Ok(())
}

/// Gives a user a full name.
pub async fn user_rename(
    db: &OrgScope,
    id: UserId,
    full_name: &str,
    preferred_name: &str,
    now: kernel::Timestamp,
) -> Result<(), Problem> {
    let user = user_get(db, id).await?.ok_or(Problem::NotFound("user"))?;
    let (full_name, preferred_name) = (full_name.to_owned(), preferred_name.to_owned());
    user_update(db, &User { full_name, preferred_name, updated_at: now, ..user }).await?;
    Ok(())
}

pub(super) async fn user_update(db: &OrgScope, user: &User) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE users SET full_name = $3, full_name_folded = $4, preferred_name = $5, search = $6, updated_at = $7 ",
        "WHERE org_id = $1 AND id = $2"
    );
    let search = search_text(db.org(), &[&user.email, &user.full_name]);
    let values =
        args![user.id, &user.full_name, fold(&user.full_name), &user.preferred_name, search, user.updated_at];
    db.execute(sql, values).await
}

/// Deletes a user, and the person behind it if it has no other.
pub(super) async fn user_delete(db: &OrgScope, id: UserId) -> Result<(), DbError> {
    let person = user_person(db, id).await?;
    let sql = org_sql!("DELETE FROM invite_links WHERE org_id = $1 AND user_id = $2");
    db.execute(sql, args![id]).await?;
    let sql = org_sql!("DELETE FROM accounts WHERE org_id = $1 AND user_id = $2");
    db.execute(sql, args![id]).await?;
    db.execute(org_sql!("DELETE FROM users WHERE org_id = $1 AND id = $2"), args![id]).await?;
    if let Some(person) = person {
        let sql =
            "DELETE FROM persons WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM accounts WHERE person_id = $1)";
        // Another organization may be making a user of this person just now: the next look will see it.
        db.platform().execute(sql, args![person]).await.map_err(gone_meanwhile)?;
    }
    Ok(())
}

/// A reference that broke under us is a reason to look again, not a fault of the caller.
pub fn gone_meanwhile(error: DbError) -> DbError {
    match error {
        DbError::Reference => DbError::Again,
        other => other,
    }
}

pub(super) async fn user_list_of_subject(
    db: &PlatformScope,
    subject: &str,
) -> Result<Vec<InternalUser>, DbError> {
    let sql = "SELECT a.user_id AS id, a.org_id AS organization_id FROM subjects s \
               JOIN accounts a ON a.person_id = s.person_id \
               JOIN organizations o ON o.org_id = a.org_id \
               WHERE s.subject = $1 AND o.state NOT IN ('deleting', 'deleted') ORDER BY a.org_id";
    db.all(sql, args![subject]).await
}

/// How many users there are beside this one.
pub(super) async fn user_count_but(db: &OrgScope, id: UserId) -> Result<i64, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM (SELECT 1 FROM users WHERE org_id = $1 AND id <> $2 LIMIT 1) u"
    );
    db.count(sql, args![id]).await
}

/// A user of a person, and its organization.
pub struct Account {
    /// The organization.
    pub org_id: OrgId,
    /// The user.
    pub user_id: UserId,
}

frame::from_row!(Account { org_id, user_id });

/// The users of a person.
pub async fn account_list(db: &PlatformScope, person: PersonId) -> Result<Vec<Account>, DbError> {
    db.all("SELECT org_id, user_id FROM accounts WHERE person_id = $1", args![person]).await
}

/// Makes a user inactive: nothing that it holds opens anything any more.
pub async fn user_deactivate(db: &OrgScope, id: UserId, now: kernel::Timestamp) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE users SET active = false, updated_at = $3 WHERE org_id = $1 AND id = $2 AND active = true"
    );
    db.execute(sql, args![id, now]).await
}

/// The person behind a user.
pub async fn user_person(db: &OrgScope, id: UserId) -> Result<Option<PersonId>, DbError> {
    let sql = org_sql!("SELECT person_id AS value FROM users WHERE org_id = $1 AND id = $2");
    Ok(db.optional::<(PersonId,)>(sql, args![id]).await?.map(|(person,)| person))
}

/// Makes a user active.
pub async fn user_activate(db: &OrgScope, id: UserId, now: kernel::Timestamp) -> Result<u64, DbError> {
    let sql = org_sql!(
        "UPDATE users SET active = true, updated_at = $3 WHERE org_id = $1 AND id = $2 AND active = false"
    );
    db.execute(sql, args![id, now]).await
}
