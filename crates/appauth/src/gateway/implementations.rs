//! Which service of a gateway an API is. An API is one service, and a service is one API: two would each want
//! plugins of their own on it.

use frame::{
    Cx,
    db::{OnConflict, Paged},
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, ApiId, Body, Draft, Fields, Id, ImplementationId, Problem, Reach, Result, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::id,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{changed, store};
use crate::apis::{self, api_require};

/// An API's link to a service of a gateway.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Implementation {
    /// Its id.
    pub id: ImplementationId,
    /// The API.
    pub api_id: ApiId,
    /// The service.
    pub service: Service,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A service of a gateway.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct Service {
    /// Its id there.
    pub id: Id<()>,
    /// The control plane that it is configured in.
    pub control_plane_id: Id<()>,
}

/// The API of a link.
static API: Field = Field::new("api_id", Kind::Id, Ops::UUID).sortable();

/// What links can be filtered and sorted by.
pub static IMPLEMENTATIONS: Collection = Collection::numbered(
    "api-implementations",
    &[
        Field::new("api_id", Kind::Id, Ops::UUID).sortable(),
        Field::new("service_id", Kind::Id, Ops::UUID),
        Field::new("control_plane_id", Kind::Id, Ops::UUID),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

impl Body for Service {
    const NAME: &'static str = "ApiImplementationService";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let service = fields.required("id", id());
        let control_plane = fields.required("control_plane_id", id());
        Some(Self { id: service?, control_plane_id: control_plane? })
    }
}

/// A link to be made.
pub struct NewImplementation(Service);

impl Body for NewImplementation {
    const NAME: &'static str = "CreateApiImplementation";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.object_required("service").map(Self)
    }
}

fn place(it: &Implementation) -> String {
    format!("{}/{}/implementations/{}", apis::KIND, it.api_id, it.id)
}

/// The link of the API, or 404.
async fn implementation_require(cx: &Cx, api: ApiId, id: ImplementationId) -> Result<Implementation> {
    api_require(cx, api).await?;
    let found = store::implementation_of(cx.db(), api).await?.filter(|it| it.id == id);
    found.ok_or(Problem::NotFound("implementation"))
}

pub(super) async fn implementation_list(
    cx: Cx,
    mut query: ListQuery,
) -> Result<Found<Paged<Implementation>>> {
    if let Reach::Only(ids) = cx.reach(Action::List, apis::KIND) {
        query.only_of(&API, ids.iter().filter_map(|id| id.parse::<ApiId>().ok()));
    }
    store::implementation_list(cx.db(), &query).await.map(Found)
}

pub(super) async fn implementation_get(
    cx: Cx,
    At((api, id)): At<(ApiId, ImplementationId)>,
) -> Result<Found<Implementation>> {
    implementation_require(&cx, api, id).await.map(Found)
}

pub(super) async fn implementation_create(
    cx: Cx,
    At(api): At<ApiId>,
    draft: Draft<NewImplementation>,
) -> Result<Created<Implementation>> {
    crate::serialize(&cx).await?;
    let api = api_require(&cx, api).await?;
    let NewImplementation(service) = draft.parse()?;
    if store::implementation_of(cx.db(), api.id).await?.is_some() {
        return Err(Problem::Conflict("The API has an implementation already".to_owned()));
    }
    let now = cx.now();
    let it = Implementation { id: cx.new_id(), api_id: api.id, service, created_at: now, updated_at: now };
    let taken = || "Another API is implemented by this service already".to_owned();
    store::implementation_insert(cx.db(), &it).await.on_conflict(taken)?;
    store::implementation_guard(cx.db(), api.id).await?;
    changed(cx.app(), cx.db()).await?;
    cx.audit(Action::Create, place(&it), json!({ "after": it })).await?;
    Ok(Created(it))
}

/// The service is the operator's again: what guards it goes.
pub(super) async fn implementation_delete(
    cx: Cx,
    At((api, id)): At<(ApiId, ImplementationId)>,
) -> Result<Done> {
    crate::serialize(&cx).await?;
    let before = implementation_require(&cx, api, id).await?;
    store::implementation_delete(cx.db(), id).await?;
    changed(cx.app(), cx.db()).await?;
    cx.audit(Action::Delete, place(&before), json!({ "before": before })).await?;
    Ok(Done)
}
