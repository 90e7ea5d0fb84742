//! Who is in a team.

use frame::{
    Cx,
    db::{OnConflict, Paged},
    input::At,
    principal::User,
    reply::{CreatedEmpty, Done, Found},
};
use kernel::{
    Action, Body, Draft, Fault, Fields, Invalid, Problem, Result, SystemAccountId, TeamId, UserId,
    problem::Denied, query::ListQuery, rules::id,
};
use serde_json::json;

use super::{store, team_require};
use crate::{
    organizations,
    roles::ADMIN_TEAM,
    system_accounts::{SystemAccount, account_require},
    users::user_require,
};

/// A user to be added to a team.
pub struct NewTeamUser(UserId);

impl Body for NewTeamUser {
    const NAME: &'static str = "AddUserToTeam";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("id", id()).map(Self)
    }
}

/// A system account to be added to a team.
pub struct NewTeamSystemAccount(SystemAccountId);

impl Body for NewTeamSystemAccount {
    const NAME: &'static str = "AddSystemAccountToTeam";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.needed("id", id()).map(Self)
    }
}

/// Membership of users is not set by hand while only the identity provider's groups decide it.
async fn by_hand(cx: &Cx) -> Result<()> {
    let settings = crate::settings::store::authentication_get(cx.db()).await?;
    if settings.idp_mapping_enabled && !settings.konnect_mapping_enabled {
        let why = "Team membership follows the groups of the identity provider and cannot be set by hand";
        return Err(Problem::Forbidden(Denied::Because(why.to_owned())));
    }
    Ok(())
}

pub(super) async fn team_user_list(
    cx: Cx,
    At(team): At<TeamId>,
    query: ListQuery,
) -> Result<Found<Paged<User>>> {
    team_require(&cx, team).await?;
    crate::users::store::user_list_of_team(cx.db(), team, &query).await.map(Found)
}

pub(super) async fn team_user_add(
    cx: Cx,
    At(team): At<TeamId>,
    draft: Draft<NewTeamUser>,
) -> Result<CreatedEmpty> {
    team_require(&cx, team).await?;
    let NewTeamUser(user) = draft.parse()?;
    user_require(&cx, user).await?;
    by_hand(&cx).await?;
    let added = store::team_user_insert(cx.db(), team, user, cx.now()).await;
    added.on_conflict(|| format!("The user [{user}] is already a member of the team"))?;
    cx.access_changed().await?;
    cx.audit(Action::Create, format!("teams/{team}/users/{user}"), json!({ "after": { "id": user } }))
        .await?;
    Ok(CreatedEmpty)
}

pub(super) async fn team_user_remove(cx: Cx, At((team, user)): At<(TeamId, UserId)>) -> Result<Done> {
    let found = team_require(&cx, team).await?;
    if !store::team_user_has(cx.db(), team, user).await? {
        return Err(Problem::NotFound("user"));
    }
    if found.system_team && found.name == ADMIN_TEAM {
        // Taken before the owner is read, so that ownership does not pass to this user meanwhile.
        organizations::serialize_owner(cx.db()).await?;
        if organizations::store::organization_get(cx.db()).await?.owner_id == user {
            let reason = format!("the owner cannot be removed from the team [{ADMIN_TEAM}]");
            return Err(Problem::Invalid(vec![Invalid::path("userID", Fault::Rule(reason))]));
        }
    }
    by_hand(&cx).await?;
    store::team_user_delete(cx.db(), team, user).await?;
    cx.access_changed().await?;
    cx.audit(Action::Delete, format!("teams/{team}/users/{user}"), json!({ "before": { "id": user } }))
        .await?;
    Ok(Done)
}

pub(super) async fn team_system_account_list(
    cx: Cx,
    At(team): At<TeamId>,
    query: ListQuery,
) -> Result<Found<Paged<SystemAccount>>> {
    team_require(&cx, team).await?;
    crate::system_accounts::store::account_list_of_team(cx.db(), team, &query).await.map(Found)
}

pub(super) async fn team_system_account_add(
    cx: Cx,
    At(team): At<TeamId>,
    draft: Draft<NewTeamSystemAccount>,
) -> Result<CreatedEmpty> {
    team_require(&cx, team).await?;
    let NewTeamSystemAccount(account) = draft.parse()?;
    account_require(&cx, account).await?.refuse_managed()?;
    let added = store::team_system_account_insert(cx.db(), team, account, cx.now()).await;
    added.on_conflict(|| format!("The system account [{account}] is already a member of the team"))?;
    cx.access_changed().await?;
    let path = format!("teams/{team}/system-accounts/{account}");
    cx.audit(Action::Create, path, json!({ "after": { "id": account } })).await?;
    Ok(CreatedEmpty)
}

pub(super) async fn team_system_account_remove(
    cx: Cx,
    At((team, account)): At<(TeamId, SystemAccountId)>,
) -> Result<Done> {
    team_require(&cx, team).await?;
    if store::team_system_account_delete(cx.db(), team, account).await? == 0 {
        return Err(Problem::NotFound("system account"));
    }
    cx.access_changed().await?;
    let path = format!("teams/{team}/system-accounts/{account}");
    cx.audit(Action::Delete, path, json!({ "before": { "id": account } })).await?;
    Ok(Done)
}
