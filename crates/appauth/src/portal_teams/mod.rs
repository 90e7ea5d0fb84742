//! Teams of a portal's developers. A team is of one portal and holds developers of that portal alone; one that may
//! own applications shares them among its members.

pub mod http;
mod members;
pub mod store;

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, DeveloperId, Draft, Fields, Patch, PortalId, PortalTeamId, Problem, Result, Timestamp,
    query::{Collection, Field, ListQuery, Ops},
    rules::{Boolean, Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    applications::{
        Owner,
        lifecycle::{delete_all, wake},
    },
    developers::developer_require,
    portals::portal_require,
};

/// A team (contract: `PortalTeamResponse`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PortalTeam {
    /// Its id.
    pub id: PortalTeamId,
    /// Its name; two may have the same.
    #[schemars(length(min = 1, max = 250), extend("pattern" = r"^[\w \W]+$"))]
    pub name: String,
    /// What it is for; empty if nobody said.
    #[schemars(length(max = 250))]
    pub description: String,
    /// Whether it may own applications.
    pub can_own_applications: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

frame::from_row!(PortalTeam { id, name, description, can_own_applications, created_at, updated_at });

/// What a portal's teams can be filtered by.
pub static TEAMS: Collection = Collection::numbered(
    "portal-teams",
    &[Field::text("name", Ops::STRING), Field::boolean("can_own_applications")],
);

/// What a developer's teams can be filtered by.
pub static TEAMS_OF_DEVELOPER: Collection =
    Collection::numbered("portal-teams-of-developer", &[Field::boolean("can_own_applications")]);

const NAME: Text = text(1, 250).matching(r"^[\w \W]+$", |_| true);
const DESCRIPTION: Text = text(1, 250);

/// A team to be created.
pub struct NewTeam {
    name: String,
    description: Option<String>,
    owns: Option<bool>,
}

impl Body for NewTeam {
    const NAME: &'static str = "PortalCreateTeamRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let description = fields.optional("description", DESCRIPTION);
        let owns = fields.optional("can_own_applications", Boolean);
        Some(Self { name: name?, description: description?, owns: owns? })
    }
}

/// A change of a team.
pub struct TeamPatch {
    name: Patch<String>,
    description: Patch<String>,
    owns: Patch<bool>,
}

impl Body for TeamPatch {
    const NAME: &'static str = "PortalUpdateTeamRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.patch("name", NAME);
        let description = fields.patch("description", DESCRIPTION);
        let owns = fields.patch("can_own_applications", Boolean);
        Some(Self { name: name?, description: description?, owns: owns? })
    }
}

/// A team of the portal, or 404.
pub async fn team_require(cx: &Cx, portal: PortalId, id: PortalTeamId) -> Result<PortalTeam> {
    store::team_get(cx.db(), portal, id).await?.ok_or(Problem::NotFound("team"))
}

/// Where a team is named in the audit log.
fn path(portal: PortalId, id: PortalTeamId) -> String {
    format!("portals/{portal}/teams/{id}")
}

async fn team_list(cx: Cx, At(portal): At<PortalId>, query: ListQuery) -> Result<Found<Paged<PortalTeam>>> {
    portal_require(&cx, portal).await?;
    store::team_list(cx.db(), portal, &query).await.map(Found)
}

async fn team_get(cx: Cx, At((portal, id)): At<(PortalId, PortalTeamId)>) -> Result<Found<PortalTeam>> {
    team_require(&cx, portal, id).await.map(Found)
}

async fn team_create(cx: Cx, At(portal): At<PortalId>, draft: Draft<NewTeam>) -> Result<Created<PortalTeam>> {
    portal_require(&cx, portal).await?;
    let NewTeam { name, description, owns } = draft.parse()?;
    let now = cx.now();
    let team = PortalTeam {
        id: cx.new_id(),
        name,
        description: description.unwrap_or_default(),
        can_own_applications: owns.unwrap_or(false),
        created_at: now,
        updated_at: now,
    };
    store::team_insert(cx.db(), portal, &team).await?;
    cx.audit(Action::Create, path(portal, team.id), json!({ "after": team })).await?;
    Ok(Created(team))
}

async fn team_update(
    cx: Cx,
    At((portal, id)): At<(PortalId, PortalTeamId)>,
    draft: Draft<TeamPatch>,
) -> Result<Found<PortalTeam>> {
    let before = team_require(&cx, portal, id).await?;
    let patch = draft.parse()?;
    let after = PortalTeam {
        id,
        name: patch.name.or(before.name.clone()),
        description: patch.description.or(before.description.clone()),
        can_own_applications: patch.owns.or(before.can_own_applications),
        created_at: before.created_at,
        updated_at: cx.now(),
    };
    store::team_update(cx.db(), &after).await?;
    cx.audit(Action::Edit, path(portal, id), json!({ "before": before, "after": after })).await?;
    Ok(Found(after))
}

/// Its members stay developers of the portal.
async fn team_delete(cx: Cx, At((portal, id)): At<(PortalId, PortalTeamId)>) -> Result<Done> {
    crate::serialize(&cx).await?;
    let before = team_require(&cx, portal, id).await?;
    let applications = delete_all(&cx, portal, Some(Owner::of_team(id))).await?;
    store::team_delete(cx.db(), id).await?;
    let change = json!({ "before": before, "deleted_applications": applications });
    cx.audit(Action::Delete, path(portal, id), change).await?;
    wake(&cx)?;
    Ok(Done)
}

async fn developer_team_list(
    cx: Cx,
    At((portal, developer)): At<(PortalId, DeveloperId)>,
    query: ListQuery,
) -> Result<Found<Paged<PortalTeam>>> {
    developer_require(&cx, portal, developer).await?;
    store::team_list_of_developer(cx.db(), developer, &query).await.map(Found)
}
