//! Which group at an identity provider leads to which team.

use frame::{
    Cx,
    cursor::Cursored,
    from_row,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Fields, IdentityProviderId, MappingId, Problem, Result, TeamId, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{id, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{provider_require, store};
use crate::teams::team_require;

/// A mapping (contract: `TeamGroupMapping`).
#[derive(Serialize, JsonSchema)]
pub struct Mapping {
    /// Its id.
    pub id: MappingId,
    /// The team.
    pub team_id: TeamId,
    /// The group, as the provider spells it.
    pub group: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

from_row!(Mapping { id, team_id, group, created_at, updated_at });

/// What mappings can be filtered by.
pub static MAPPINGS: Collection = Collection::cursored(
    "team-group-mappings",
    &[Field::new("team_id", Kind::Id, Ops::EQ), Field::text("group", Ops::EQ).column("group_name")],
);

/// A mapping to be created.
pub struct NewMapping {
    team_id: TeamId,
    group: String,
}

impl Body for NewMapping {
    const NAME: &'static str = "CreateTeamGroupMapping";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let team_id = fields.required("team_id", id());
        let group = fields.required("group", text(1, 1000));
        Some(Self { team_id: team_id?, group: group? })
    }
}

pub(super) async fn mapping_list(
    cx: Cx,
    At(provider): At<IdentityProviderId>,
    query: ListQuery,
) -> Result<Found<Cursored<Mapping>>> {
    provider_require(&cx, provider).await?;
    let page = store::mapping_list(cx.db(), provider, &query).await?;
    Cursored::new(&cx, page).map(Found)
}

async fn mapping_require(cx: &Cx, provider: IdentityProviderId, id: MappingId) -> Result<Mapping> {
    provider_require(cx, provider).await?;
    store::mapping_get(cx.db(), provider, id).await?.ok_or(Problem::NotFound("team group mapping"))
}

pub(super) async fn mapping_get(
    cx: Cx,
    At((provider, id)): At<(IdentityProviderId, MappingId)>,
) -> Result<Found<Mapping>> {
    mapping_require(&cx, provider, id).await.map(Found)
}

pub(super) async fn mapping_create(
    cx: Cx,
    At(provider): At<IdentityProviderId>,
    draft: Draft<NewMapping>,
) -> Result<Created<Mapping>> {
    provider_require(&cx, provider).await?;
    let NewMapping { team_id, group } = draft.parse()?;
    team_require(&cx, team_id).await?;
    let id = store::mapping_add(&cx, provider, team_id, &group).await?;
    let mapping = mapping_require(&cx, provider, id).await?;
    let path = format!("identity-providers/{provider}/team-group-mappings/{id}");
    cx.audit(Action::Create, path, json!({ "after": mapping })).await?;
    Ok(Created(mapping))
}

pub(super) async fn mapping_delete(
    cx: Cx,
    At((provider, id)): At<(IdentityProviderId, MappingId)>,
) -> Result<Done> {
    let mapping = mapping_require(&cx, provider, id).await?;
    store::mapping_delete(cx.db(), provider, id).await?;
    let path = format!("identity-providers/{provider}/team-group-mappings/{id}");
    cx.audit(Action::Delete, path, json!({ "before": mapping })).await?;
    Ok(Done)
}
