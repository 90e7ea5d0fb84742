//! How an organization begins: with its owner, its predefined teams and, for the owner, a token.

use frame::{
    App,
    audit::record_command,
    db::{OrgScope, PlatformScope},
    principal::User,
};
use kernel::{Action, Email, OrgId, PersonId, Problem, Result, Token, UserId};

use serde_json::json;

use super::{Organization, store};
use crate::{
    persons,
    roles::{ADMIN_TEAM, Catalogue},
    teams::{Team, store as teams},
    tokens, users,
};

/// What a new organization is told.
pub struct Founding {
    /// Its name.
    pub name: String,
    /// Its owner's address.
    pub email: Email,
    /// The hash of its owner's password, if the owner is to sign in with one.
    pub password_hash: Option<String>,
    /// The owner's first token; made if not given.
    pub token: Option<Token>,
    /// Whether nothing is to be done if there is an organization already.
    pub only_first: bool,
}

/// What came of it.
pub struct Founded {
    /// The organization.
    pub organization: OrgId,
    /// Its owner.
    pub owner: UserId,
    /// The owner's token.
    pub token: Token,
}

/// The organization whose clock is asked before there is one.
const NOWHERE: OrgId = OrgId::from_uuid(uuid::Uuid::nil());
const DAY: u64 = 24 * 3600;
/// Days that an organization may be inactive before it is deleted.
const RETENTION_DAYS: i64 = 90;

/// Founds an organization, in one transaction.
pub async fn organization_found(app: &App, founding: Founding) -> Result<Option<Founded>> {
    let Founding { name, email, password_hash, token, only_first } = founding;
    let session = app.db.write();
    let platform = PlatformScope::new(session.clone());
    // Of several nodes that start at once, one makes it.
    session.serialize("found").await?;
    if only_first && !store::organization_ids(&platform).await?.is_empty() {
        return Ok(None);
    }
    let person =
        persons::person_ensure(&platform, app.new_id(NOWHERE), &email, app.clock.now(NOWHERE)).await?;
    if let Some(hash) = password_hash {
        persons::person_set_password(&platform, person, &hash, app.clock.now(NOWHERE)).await?;
    }
    let beginning =
        Beginning { name, person, email, full_name: None, region: None, mfa_enabled: false, verified: true };
    let organization = organization_begin(app, &platform, beginning).await?;
    let (id, owner) = (organization.id, organization.owner_id);
    let (db, now) = (platform.org(id), app.clock.now(id));
    let token = token.unwrap_or_else(|| Token::new(kernel::TokenKind::Personal, app.random_key()));
    let year = kernel::Duration::from_secs(365 * DAY);
    tokens::token_issue(app, &db, owner, "First token", now.plus(year), &token).await?;
    let change = json!({ "after": organization });
    record_command(&db, &app.vault, now, Action::Create, String::new(), change).await?;
    session.commit().await?;
    Ok(Some(Founded { organization: id, owner, token }))
}

/// What an organization begins with.
pub struct Beginning {
    /// Its name.
    pub name: String,
    /// The person behind its owner.
    pub person: PersonId,
    /// The owner's address.
    pub email: Email,
    /// The owner's name, if it is known.
    pub full_name: Option<String>,
    /// The owner's region, if it is known.
    pub region: Option<String>,
    /// Whether it wants a second factor.
    pub mfa_enabled: bool,
    /// Whether the address is known to be the owner's own. Until it is, nobody gets in.
    pub verified: bool,
}

/// Writes an organization with its owner and its predefined teams, in the transaction of the scope.
pub async fn organization_begin(
    app: &App,
    platform: &PlatformScope,
    beginning: Beginning,
) -> Result<Organization> {
    let Beginning { name, person, email, full_name, region, mfa_enabled, verified } = beginning;
    // Ids carry time, and the clock is asked for an organization that is yet to get its id.
    let id: OrgId = app.new_id(NOWHERE);
    let (db, now) = (platform.org(id), app.clock.now(id));
    let owner = User {
        id: app.new_id(id),
        full_name: full_name.unwrap_or_else(|| name_from(&email)),
        email: email.as_str().to_owned(),
        preferred_name: String::new(),
        active: verified,
        inferred_region: region,
        created_at: now,
        updated_at: now,
    };
    let organization = Organization {
        id,
        name,
        owner_id: owner.id,
        login_path: String::new(),
        created_at: now,
        updated_at: now,
        state: if verified { "active" } else { "inactive" }.to_owned(),
        retention_period_days: RETENTION_DAYS,
        pats_enabled: true,
        mfa_enabled,
    };
    store::organization_insert(&db, &organization).await?;
    users::store::user_insert(&db, &owner, person).await?;
    system_teams_insert(app, &db).await?;
    make_admin(&db, owner.id, now).await?;
    Ok(organization)
}

/// `ann.lee@example.com` is called "ann.lee" until somebody says better.
fn name_from(email: &Email) -> String {
    email.as_str().split('@').next().unwrap_or_default().to_owned()
}

async fn system_teams_insert(app: &App, db: &OrgScope) -> Result<()> {
    let catalogue = app.part::<std::sync::Arc<Catalogue>>()?;
    let now = app.clock.now(db.org());
    for predefined in catalogue.teams() {
        let team = Team {
            id: app.new_id(db.org()),
            name: predefined.name.clone(),
            description: Some(predefined.description.clone()),
            system_team: true,
            labels: kernel::Labels::default(),
            created_at: now,
            updated_at: now,
        };
        teams::team_insert(db, &team).await?;
        for assignment in predefined.assignments(app, db.org()) {
            crate::roles::store::role_insert(db, team.id.uuid(), &assignment, now).await?;
        }
    }
    Ok(())
}

async fn make_admin(db: &OrgScope, user: UserId, now: kernel::Timestamp) -> Result<()> {
    let team = teams::system_team_id(db, ADMIN_TEAM).await?;
    let team = team.ok_or_else(|| Problem::internal("the administrators' team is missing"))?;
    if !teams::team_user_has(db, team, user).await? {
        teams::team_user_insert(db, team, user, now).await?;
    }
    Ok(())
}

/// Gives an organization an owner from outside, when nobody inside can: the user becomes active, an
/// administrator and the owner, and gets a new token. The organization's switch for personal tokens is
/// turned on and its IP allow list off, since either could keep the owner out.
pub async fn owner_set(app: &App, org: OrgId, email: &Email) -> Result<Founded> {
    let session = app.db.write();
    let platform = PlatformScope::new(session.clone());
    let db = platform.org(org);
    let now = app.clock.now(org);
    // As every request that changes the owner does.
    db.serialize(super::OWNER).await?;
    let organization = store::organization_get(&db).await?;
    let user = match users::store::user_get_by_email(&db, email).await? {
        Some(user) => user,
        None => {
            let person = persons::person_ensure(&platform, app.new_id(org), email, now).await?;
            let user = User {
                id: app.new_id(org),
                email: email.as_str().to_owned(),
                full_name: name_from(email),
                preferred_name: String::new(),
                active: true,
                inferred_region: None,
                created_at: now,
                updated_at: now,
            };
            users::store::user_insert(&db, &user, person).await?;
            user
        }
    };
    users::store::user_activate(&db, user.id, now).await?;
    make_admin(&db, user.id, now).await?;
    let changed = Organization { owner_id: user.id, updated_at: now, ..organization.clone() };
    store::organization_update(&db, &changed).await?;
    crate::settings::store::unlock(&db).await?;
    // The limit on live tokens does not hold here: who is locked out cannot make room first.
    let token = Token::new(kernel::TokenKind::Personal, app.random_key());
    let day = kernel::Duration::from_secs(DAY);
    tokens::token_issue(app, &db, user.id, "Owner recovery", now.plus(day), &token).await?;
    let change = json!({ "before": { "owner_id": organization.owner_id }, "after": {
        "owner_id": user.id, "pats_enabled": true, "ip_allow_list_enabled": false,
    } });
    record_command(&db, &app.vault, now, Action::Edit, String::new(), change).await?;
    frame::changes::announce(&session, org, now).await?;
    session.commit().await?;
    app.access.changed(Some(org));
    Ok(Founded { organization: org, owner: user.id, token })
}

/// Gives the owner of an organization another token, good for a day, and changes nothing else.
pub async fn owner_token(app: &App, org: OrgId, token: Option<Token>) -> Result<(User, Token)> {
    let session = app.db.write();
    let db = PlatformScope::new(session.clone()).org(org);
    let owner = store::organization_get(&db).await?.owner_id;
    let owner = users::store::user_get(&db, owner).await?.ok_or(Problem::NotFound("owner"))?;
    let token = token.unwrap_or_else(|| Token::new(kernel::TokenKind::Personal, app.random_key()));
    let expires_at = app.clock.now(org).plus(kernel::Duration::from_secs(DAY));
    tokens::token_issue(app, &db, owner.id, "Stand-in", expires_at, &token).await?;
    session.commit().await?;
    Ok((owner, token))
}
