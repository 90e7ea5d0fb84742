//! Teams: named groups of users and system accounts that hold roles together.
//!
//! Some teams come with the organization (`system_team`): they keep their name, description and roles,
//! but take members.

pub mod http;
pub mod members;
pub mod store;

use frame::{
    Cx,
    db::Paged,
    from_row,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Fault, Fields, Invalid, Labels, LabelsPatch, Patch, Problem, Result, TeamId,
    Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{LabelChanges, NewLabels, Text, text},
};
use serde::Serialize;
use serde_json::json;

/// A team (contract: `TeamResponse`).
#[derive(Clone, Serialize, schemars::JsonSchema)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Its name; two teams may have the same.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it came with the organization.
    pub system_team: bool,
    /// Its labels.
    pub labels: Labels,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

from_row!(Team { id, name, description, system_team, labels, created_at, updated_at });

/// What teams can be filtered by. `id` and `system_team` come from the general filtering document.
pub static TEAMS: Collection = Collection::numbered(
    "teams",
    &[
        Field::text("name", Ops::EQ_CONTAINS),
        Field::new("labels", Kind::Labels, Ops::LABEL),
        Field::new("id", Kind::Id, Ops::EQ),
        Field::boolean("system_team"),
    ],
);

const NAME: Text = text(1, 250).matching(r"^[\w \W]+$", |_| true);
const DESCRIPTION: Text = text(1, 250);

/// A team to be created.
pub struct NewTeam {
    name: String,
    description: Option<String>,
    labels: Labels,
}

impl Body for NewTeam {
    const NAME: &'static str = "CreateTeam";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let description = fields.optional("description", DESCRIPTION);
        let labels = fields.optional("labels", NewLabels);
        Some(Self { name: name?, description: description?, labels: labels?.unwrap_or_default() })
    }
}

/// A change of a team.
pub struct TeamPatch {
    name: Patch<String>,
    description: Patch<String>,
    labels: Patch<LabelsPatch>,
}

impl Body for TeamPatch {
    const NAME: &'static str = "UpdateTeam";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.patch("name", NAME);
        let description = fields.patch("description", DESCRIPTION);
        let labels = fields.patch("labels", LabelChanges);
        Some(Self { name: name?, description: description?, labels: labels? })
    }
}

/// The team, or 404.
pub async fn team_require(cx: &Cx, id: TeamId) -> Result<Team> {
    store::team_get(cx.db(), id).await?.ok_or(Problem::NotFound("team"))
}

/// The team, unless it came with the organization and so cannot be changed.
pub async fn team_require_custom(cx: &Cx, id: TeamId) -> Result<Team> {
    let team = team_require(cx, id).await?;
    if team.system_team {
        let fault = Fault::Rule("system teams cannot be modified".to_owned());
        return Err(Problem::Invalid(vec![Invalid::path("teamID", fault)]));
    }
    Ok(team)
}

async fn team_list(cx: Cx, query: ListQuery) -> Result<Found<Paged<Team>>> {
    store::team_list(cx.db(), &query).await.map(Found)
}

async fn team_get(cx: Cx, At(id): At<TeamId>) -> Result<Found<Team>> {
    team_require(&cx, id).await.map(Found)
}

async fn team_create(cx: Cx, draft: Draft<NewTeam>) -> Result<Created<Team>> {
    let NewTeam { name, description, labels } = draft.parse()?;
    let now = cx.now();
    let team = Team {
        id: cx.new_id(),
        name,
        description,
        system_team: false,
        labels,
        created_at: now,
        updated_at: now,
    };
    store::team_insert(cx.db(), &team).await?;
    cx.audit(Action::Create, format!("teams/{}", team.id), json!({ "after": team })).await?;
    Ok(Created(team))
}

async fn team_update(cx: Cx, At(id): At<TeamId>, draft: Draft<TeamPatch>) -> Result<Found<Team>> {
    let before = team_require(&cx, id).await?;
    let patch = draft.parse()?;
    if before.system_team {
        return team_require_custom(&cx, id).await.map(Found);
    }
    let team = Team {
        name: patch.name.or(before.name.clone()),
        description: patch.description.over(before.description.clone()),
        labels: before.labels.updated(&patch.labels)?,
        updated_at: cx.now(),
        ..before.clone()
    };
    store::team_update(cx.db(), &team).await?;
    cx.audit(Action::Edit, format!("teams/{id}"), json!({ "before": before, "after": team })).await?;
    Ok(Found(team))
}

async fn team_delete(cx: Cx, At(id): At<TeamId>) -> Result<Done> {
    let team = team_require_custom(&cx, id).await?;
    crate::roles::store::role_drop_all(cx.db(), id.uuid()).await?;
    store::team_delete(cx.db(), id).await?;
    cx.access_changed().await?;
    cx.audit(Action::Delete, format!("teams/{id}"), json!({ "before": team })).await?;
    Ok(Done)
}
