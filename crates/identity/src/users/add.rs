//! Users who are made from outside, without an invite.

use frame::{
    App,
    audit::record_command,
    db::{DbError, PlatformScope},
    principal::User,
};
use kernel::{Action, Email, OrgId, Problem, Result};
use serde_json::json;

use super::store;
use crate::persons;

/// A user to be made.
pub struct NewUser {
    /// The address.
    pub email: Email,
    /// The full name.
    pub full_name: String,
    /// The name to be called by.
    pub preferred_name: String,
    /// Whether the user may sign in already.
    pub active: bool,
    /// The hash of the password that the person gets, if one is set.
    pub password_hash: Option<String>,
}

/// Makes a user, and the person behind it if nobody knows the address yet.
pub async fn user_add(app: &App, org: OrgId, new: NewUser) -> Result<User> {
    let NewUser { email, full_name, preferred_name, active, password_hash } = new;
    let session = app.db.write();
    let platform = PlatformScope::new(session.clone());
    let (db, now) = (platform.org(org), app.clock.now(org));
    if password_hash.is_some() && persons::person_get_by_email(&platform, &email).await?.is_some() {
        let why = format!(
            "The person with the address [{}] has an account elsewhere, and keeps the password",
            email.as_str()
        );
        return Err(Problem::Conflict(why));
    }
    let person = persons::person_ensure(&platform, app.new_id(org), &email, now).await?;
    if let Some(hash) = password_hash {
        persons::person_set_password(&platform, person, &hash, now).await?;
    }
    let user = User {
        id: app.new_id(org),
        email: email.as_str().to_owned(),
        full_name,
        preferred_name,
        active,
        inferred_region: None,
        created_at: now,
        updated_at: now,
    };
    store::user_insert(&db, &user, person).await.map_err(|error| match error {
        DbError::Unique => Problem::Conflict(format!("The organization has a user [{}] already", user.email)),
        other => other.into(),
    })?;
    let change = json!({ "after": user });
    record_command(&db, &app.vault, now, Action::Create, format!("users/{}", user.id), change).await?;
    session.commit().await?;
    Ok(user)
}
