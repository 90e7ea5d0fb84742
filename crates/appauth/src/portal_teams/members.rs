//! Who is in a team, as the organization sees and says it; and what developers see of their own teams.

use frame::{
    Cx,
    db::{OnConflict, Paged},
    input::At,
    reply::{CreatedEmpty, Done, Found},
};
use kernel::{
    Action, Body, DeveloperId, Draft, Fields, PortalId, PortalTeamId, Problem, Result, Timestamp,
    query::{Collection, Field, ListQuery, Ops},
    rules::id,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{path, store, team_require};
use crate::developers::{context::Developer, developer_require};

/// A developer in a team (contract: `BasicDeveloper`).
#[derive(Serialize, JsonSchema)]
pub struct BasicDeveloper {
    /// Its id.
    id: DeveloperId,
    /// The e-mail address.
    #[schemars(extend("format" = "email"), length(max = 250))]
    email: String,
    /// The full name.
    full_name: String,
    /// Whether it is approved.
    active: bool,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

frame::from_row!(BasicDeveloper { id, email, full_name, active, created_at, updated_at });

/// What the members of a team can be filtered by.
pub static MEMBERS: Collection = Collection::numbered(
    "portal-team-developers",
    &[Field::text("email", Ops::STRING), Field::text("full_name", Ops::STRING), Field::boolean("active")],
);

/// What developers' own lists can be filtered by: nothing.
pub static OWN: Collection = Collection::numbered("own-portal-teams", &[]);

/// A developer to be added to a team.
pub struct NewMember(DeveloperId);

impl Body for NewMember {
    const NAME: &'static str = "AddDeveloperToTeamRequest";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("id", id()).map(Self)
    }
}

pub(super) async fn member_list(
    cx: Cx,
    At((portal, team)): At<(PortalId, PortalTeamId)>,
    query: ListQuery,
) -> Result<Found<Paged<BasicDeveloper>>> {
    team_require(&cx, portal, team).await?;
    store::member_list(cx.db(), team, &query).await.map(Found)
}

pub(super) async fn member_add(
    cx: Cx,
    At((portal, team)): At<(PortalId, PortalTeamId)>,
    draft: Draft<NewMember>,
) -> Result<CreatedEmpty> {
    team_require(&cx, portal, team).await?;
    let NewMember(developer) = draft.parse()?;
    developer_require(&cx, portal, developer).await?;
    let added = store::member_insert(cx.db(), team, developer, cx.now()).await;
    added.on_conflict(|| format!("The developer [{developer}] is a member of the team already"))?;
    let path = format!("{}/developers/{developer}", path(portal, team));
    cx.audit(Action::Add, path, json!({ "after": { "id": developer } })).await?;
    Ok(CreatedEmpty)
}

pub(super) async fn member_remove(
    cx: Cx,
    At((portal, team, developer)): At<(PortalId, PortalTeamId, DeveloperId)>,
) -> Result<Done> {
    team_require(&cx, portal, team).await?;
    if store::member_delete(cx.db(), team, developer).await? == 0 {
        return Err(Problem::NotFound("developer"));
    }
    let path = format!("{}/developers/{developer}", path(portal, team));
    cx.audit(Action::Remove, path, json!({ "before": { "id": developer } })).await?;
    Ok(Done)
}

/// A team as its members see it (contract: `DeveloperTeam`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DeveloperTeam {
    /// Its id.
    id: PortalTeamId,
    /// Its name.
    #[schemars(length(max = 250))]
    name: String,
    /// What it is for.
    #[schemars(length(max = 250))]
    description: Option<String>,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

frame::from_row!(DeveloperTeam { id, name, description, created_at, updated_at });

/// A team that the calling developer is in, or 404: of others nobody learns that they are there.
async fn own_team(cx: &Cx, id: PortalTeamId) -> Result<DeveloperTeam> {
    let me = cx.developer()?.developer;
    store::own_team_get(cx.db(), me, id).await?.ok_or(Problem::NotFound("team"))
}

pub(super) async fn own_team_list(cx: Cx, query: ListQuery) -> Result<Found<Paged<DeveloperTeam>>> {
    let me = cx.developer()?.developer;
    store::own_team_list(cx.db(), me, &query).await.map(Found)
}

pub(super) async fn own_team_get(cx: Cx, At(id): At<PortalTeamId>) -> Result<Found<DeveloperTeam>> {
    own_team(&cx, id).await.map(Found)
}

/// Those who can sign in.
pub(super) async fn own_team_member_list(
    cx: Cx,
    At(id): At<PortalTeamId>,
    query: ListQuery,
) -> Result<Found<Paged<Developer>>> {
    own_team(&cx, id).await?;
    store::colleague_list(cx.db(), id, &query).await.map(Found)
}
