//! Who somebody is who arrives from a provider, which teams the groups lead to, and whether that lets the
//! person in. A plan is made first, which a rehearsal shows and a sign-in carries out.

use frame::{Cx, db::OrgScope, principal::User};
use identity::{
    identity_providers::{self, Provider},
    organizations, persons,
    roles::ADMIN_TEAM,
    settings, teams, users,
};
use kernel::{Action, Email, PersonId, Result, TeamId, UserId};
use serde_json::json;

use super::{
    Halt,
    arrival::{Arrival, Groups},
    refused, store,
};

/// Who arrives.
pub enum Who {
    /// A user of the organization.
    User(User),
    /// Somebody whom other organizations of this installation know, and this one not yet.
    Person(PersonId),
    /// Somebody new.
    New,
}

/// What a sign-in does.
pub struct Plan {
    /// Who arrives.
    pub who: Who,
    /// The address.
    pub email: Email,
    /// Whether the subject is to be remembered.
    link: bool,
    /// Teams that the groups lead to, and the user is not in yet.
    pub joins: Vec<Team>,
    /// Teams that the user leaves.
    pub leaves: Vec<Team>,
    /// Teams that the user stays in.
    pub stays: Vec<Team>,
    /// Teams that the user was put into by hand, and now is in because of the groups.
    adopted: Vec<TeamId>,
    /// Why the person does not get in.
    pub refusal: Option<&'static str>,
    /// Whether the user is made inactive, since all groups that let it in are gone.
    pub deactivates: bool,
    /// Whether somebody new becomes a user although nothing is open to it yet.
    keeps: bool,
}

/// A team, for people to read.
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Its name.
    pub name: String,
}

const TOO_MANY_GROUPS: &str = "You are in so many groups that your company's sign-in page does not list them. Its \
                               administrator has to limit the groups to those that matter here.";
const NO_TEAM_BY_GROUP: &str =
    "None of the groups that you are in at your company leads to a team here. Ask your administrator.";
const NO_TEAM_YET: &str = "You have an account, but are in no team yet. Ask an administrator to put you into one, then sign in again.";
const NOT_YOURS: &str = "Somebody with your e-mail address already uses this service elsewhere. An administrator has to \
                         invite you, or the operator has to verify your e-mail's domain for this organization.";
const OTHER_SUBJECT: &str = "Another account of your company's sign-in page already belongs to this e-mail address. Ask an \
                             administrator.";

/// Finds out what a sign-in does. Fails if nobody can be told who this is.
pub async fn plan(db: &OrgScope, provider: &Provider, arrival: &Arrival) -> Result<Plan, Halt> {
    let email = arrival.address()?;
    let settings = settings::store::authentication_get(db).await?;
    if settings.idp_mapping_enabled && arrival.groups == Groups::Elsewhere {
        return refused(TOO_MANY_GROUPS);
    }
    let (who, link) = recognize(db, provider, arrival, &email).await?;
    let user = match &who {
        Who::User(user) => Some(user.id),
        Who::Person(_) | Who::New => None,
    };
    let owner = user.is_some() && Some(organizations::store::organization_get(db).await?.owner_id) == user;
    let mut plan = Plan {
        who,
        email,
        link,
        joins: Vec::new(),
        leaves: Vec::new(),
        stays: Vec::new(),
        adopted: Vec::new(),
        refusal: None,
        deactivates: false,
        keeps: settings.konnect_mapping_enabled,
    };
    let current = match user {
        Some(user) => teams::store::membership_list(db, user).await?,
        None => Vec::new(),
    };
    let had_mapped = current.iter().any(|it| it.mapped);
    let mut wanted = match settings.idp_mapping_enabled {
        true => mapped_teams(db, provider, arrival.groups.told()).await?,
        false => Vec::new(),
    };
    let only_groups = settings.idp_mapping_enabled && !settings.konnect_mapping_enabled;
    for membership in current {
        let by_groups = wanted.iter().any(|team| team.id == membership.id);
        wanted.retain(|team| team.id != membership.id);
        let administrators = membership.system_team && membership.name == ADMIN_TEAM;
        // Administrators who were made so by hand stay: a mapping that is not right yet must not lock all out.
        let stays = by_groups
            || owner
            || !settings.idp_mapping_enabled
            || (!membership.mapped && (administrators || !only_groups));
        if only_groups && by_groups && !membership.mapped && !administrators {
            plan.adopted.push(membership.id);
        }
        let team = Team { id: membership.id, name: membership.name };
        if stays { plan.stays.push(team) } else { plan.leaves.push(team) }
    }
    plan.joins = wanted;
    let roles = match user {
        Some(user) => store::role_count(db, user).await?,
        None => 0,
    };
    if plan.stays.is_empty() && plan.joins.is_empty() && roles == 0 && !owner {
        plan.refusal = Some(if only_groups { NO_TEAM_BY_GROUP } else { NO_TEAM_YET });
        plan.deactivates = had_mapped && settings.idp_mapping_enabled;
    }
    Ok(plan)
}

/// By the subject, if the issuer was here with it before; else by the address, within the organization; else
/// by the address of somebody whom others know, if the domain is this organization's.
async fn recognize(
    db: &OrgScope,
    provider: &Provider,
    arrival: &Arrival,
    email: &Email,
) -> Result<(Who, bool), Halt> {
    if let Some(subject) = &arrival.subject
        && let Some(user) = store::link_find(db, provider.id, &arrival.issuer, subject).await?
    {
        return Ok((Who::User(user), false));
    }
    let link = arrival.subject.is_some();
    let verified = store::domain_has(db, &email.domain()).await?;
    if let Some(user) = users::store::user_get_by_email(db, email).await? {
        if link && store::link_has(db, provider.id, &arrival.issuer, user.id).await? {
            return refused(OTHER_SUBJECT);
        }
        // Who was invited and never came is not this organization's to speak for, if others know it.
        if !user.active && !verified && store::person_is_shared(db, user.id).await? {
            return refused(NOT_YOURS);
        }
        return Ok((Who::User(user), link));
    }
    match persons::person_get_by_email(&db.platform(), email).await? {
        Some(person) if verified => Ok((Who::Person(person), link)),
        Some(_) => refused(NOT_YOURS),
        None => Ok((Who::New, link)),
    }
}

async fn mapped_teams(db: &OrgScope, provider: &Provider, groups: &[String]) -> Result<Vec<Team>> {
    let mut found: Vec<Team> = Vec::new();
    for mapping in identity_providers::store::mapping_all(db, provider.id).await? {
        let fits = groups.contains(&mapping.group) && found.iter().all(|team| team.id != mapping.team_id);
        if fits && let Some(team) = teams::store::team_get(db, mapping.team_id).await? {
            found.push(Team { id: team.id, name: team.name });
        }
    }
    Ok(found)
}

/// Carries a plan out; the user who gets in, or who is refused, if there is one.
pub async fn carry_out(
    cx: &Cx,
    db: &OrgScope,
    provider: &Provider,
    arrival: &Arrival,
    plan: &Plan,
) -> Result<Option<UserId>> {
    let now = cx.app().clock.now(db.org());
    let user = match &plan.who {
        Who::User(user) => user.clone(),
        Who::Person(_) | Who::New if plan.refusal.is_some() && !plan.keeps => return Ok(None),
        Who::Person(person) => user_make(cx, db, arrival, plan, *person).await?,
        Who::New => {
            let new = cx.app().new_id(db.org());
            let person = persons::person_ensure(&db.platform(), new, &plan.email, now).await?;
            user_make(cx, db, arrival, plan, person).await?
        }
    };
    let id = user.id;
    if plan.link
        && let Some(subject) = &arrival.subject
    {
        store::link_insert(db, provider.id, (&arrival.issuer, subject), id, now).await?;
    }
    for team in plan.joins.iter().map(|team| team.id).chain(plan.adopted.iter().copied()) {
        teams::store::membership_map(db, team, id, now).await?;
    }
    for team in &plan.leaves {
        teams::store::team_user_delete(db, team.id, id).await?;
    }
    if !plan.joins.is_empty() || !plan.leaves.is_empty() {
        let ids = |teams: &[Team]| teams.iter().map(|team| team.id).collect::<Vec<_>>();
        let change = json!({ "reason": "the groups of the identity provider", "joined": ids(&plan.joins), "left": ids(&plan.leaves) });
        cx.audit_in(db, Action::Edit, format!("users/{id}/teams"), change).await?;
        cx.access_changed_in(db.org()).await?;
    }
    let active = match &plan.refusal {
        None if !user.active => users::store::user_activate(db, id, now).await? > 0,
        Some(_) if plan.deactivates => {
            crate::sessions::store::session_delete_of(db, id).await?;
            users::store::user_deactivate(db, id, now).await?;
            false
        }
        _ => return Ok(Some(id)),
    };
    cx.access_changed_in(db.org()).await?;
    cx.audit_in(db, Action::Edit, format!("users/{id}"), json!({ "after": { "active": active } })).await?;
    Ok(Some(id))
}

async fn user_make(cx: &Cx, db: &OrgScope, arrival: &Arrival, plan: &Plan, person: PersonId) -> Result<User> {
    let now = cx.app().clock.now(db.org());
    let email = plan.email.as_str().to_owned();
    let full_name: String = arrival.name.chars().filter(|c| !c.is_control()).take(250).collect();
    let user = User {
        id: cx.app().new_id(db.org()),
        full_name: if full_name.is_empty() { email.clone() } else { full_name },
        email,
        preferred_name: String::new(),
        active: true,
        inferred_region: None,
        created_at: now,
        updated_at: now,
    };
    users::store::user_insert(db, &user, person).await?;
    let change = json!({ "reason": "first sign-in through the identity provider", "after": user });
    cx.audit_in(db, Action::Create, format!("users/{}", user.id), change).await?;
    Ok(user)
}
