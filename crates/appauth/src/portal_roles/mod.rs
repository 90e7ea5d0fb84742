//! Roles of teams of developers: what their members may do with an API or a product, in portals that ask for roles
//! (`rbac_enabled`). In others everybody who has signed in finds what is published.

pub mod http;
pub mod store;

use frame::{
    Cx,
    db::{OnConflict, OrgScope, Paged},
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, AssignmentId, Body, Draft, Fault, Fields, Id, PortalId, PortalTeamId, Problem, Result,
    query::{Collection, ListQuery},
    rules::{OneOf, REGIONS, id},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use store::May;

use crate::{
    apis::{self, store::api_get},
    portal_teams::team_require,
    products::{self, store::product_get},
};

/// The one type of what roles are on, as the contract names it: APIs and products.
const TYPES: &[&str] = &["Services"];
/// The roles.
const NAMES: &[&str] = &[VIEWER, CONSUMER];
/// The one that finds.
const VIEWER: &str = "API Viewer";
/// The one that registers applications.
pub(crate) const CONSUMER: &str = "API Consumer";

/// A role that a team has (contract: `PortalAssignedRoleResponse`).
#[derive(Serialize, JsonSchema)]
pub struct AssignedRole {
    /// Its id.
    pub id: AssignmentId,
    /// The role.
    #[schemars(extend("enum" = NAMES))]
    pub role_name: String,
    /// The API or the product.
    pub entity_id: Id<()>,
    /// The type of that.
    #[schemars(extend("enum" = TYPES))]
    pub entity_type_name: String,
    /// Where it counts.
    #[schemars(extend("enum" = REGIONS.0))]
    pub entity_region: String,
}

/// Lists of roles, which are filtered by nothing.
pub static ROLES: Collection = Collection::numbered("portal-team-roles", &[]);

/// A role to be assigned.
pub struct NewRole {
    role_name: &'static str,
    entity_id: Id<()>,
    entity_type_name: &'static str,
    entity_region: &'static str,
}

const ENTITY: &str = "entity_id";

impl Body for NewRole {
    const NAME: &'static str = "PortalAssignRoleRequest";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let role_name = fields.required("role_name", OneOf(NAMES));
        let entity_id = fields.required(ENTITY, id());
        let entity_type_name = fields.required("entity_type_name", OneOf(TYPES));
        let entity_region = fields.required("entity_region", REGIONS);
        Some(Self {
            role_name: role_name?,
            entity_id: entity_id?,
            entity_type_name: entity_type_name?,
            entity_region: entity_region?,
        })
    }
}

/// The roles that there are (contract: `PortalRoles`).
#[derive(Serialize, JsonSchema)]
pub struct Catalogue {
    services: Services,
}

/// Those of the one type.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Services {
    #[schemars(extend("enum" = TYPES))]
    name: &'static str,
    roles: Roles,
}

/// By their keys.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Roles {
    apiviewer: Viewer,
    apiconsumer: Consumer,
}

/// The role that finds.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Viewer {
    #[schemars(extend("enum" = [VIEWER]))]
    name: &'static str,
    description: &'static str,
}

/// The role that registers applications.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Consumer {
    #[schemars(extend("enum" = [CONSUMER]))]
    name: &'static str,
    description: &'static str,
}

async fn catalogue_get(_: Cx) -> Result<Found<Catalogue>> {
    let apiviewer = Viewer { name: VIEWER, description: "Finds the API or the product in the portal" };
    let apiconsumer = Consumer { name: CONSUMER, description: "Finds it, and registers applications for it" };
    Ok(Found(Catalogue { services: Services { name: TYPES[0], roles: Roles { apiviewer, apiconsumer } } }))
}

/// Where a role is named in the audit log.
fn place(portal: PortalId, team: PortalTeamId, id: AssignmentId) -> String {
    format!("portals/{portal}/teams/{team}/assigned-roles/{id}")
}

async fn role_list(
    cx: Cx,
    At((portal, team)): At<(PortalId, PortalTeamId)>,
    query: ListQuery,
) -> Result<Found<Paged<AssignedRole>>> {
    team_require(&cx, portal, team).await?;
    store::role_list(cx.db(), team, &query).await.map(Found)
}

/// Whether there is such an API or product that the caller may read.
async fn seen(cx: &Cx, id: Id<()>) -> Result<bool> {
    let may = |kind: &str| cx.may_here(Action::Read, &format!("{kind}/{id}"));
    let bare = id.uuid();
    let api = may(apis::KIND) && api_get(cx.db(), Id::from_uuid(bare)).await?.is_some();
    Ok(api || (may(products::KIND) && product_get(cx.db(), Id::from_uuid(bare)).await?.is_some()))
}

async fn role_assign(
    cx: Cx,
    At((portal, team)): At<(PortalId, PortalTeamId)>,
    draft: Draft<NewRole>,
) -> Result<Created<AssignedRole>> {
    crate::serialize(&cx).await?;
    team_require(&cx, portal, team).await?;
    let NewRole { role_name, entity_id, entity_type_name, entity_region } = draft.parse()?;
    if !seen(&cx, entity_id).await? {
        return Err(Problem::invalid(ENTITY, Fault::MissingReference("API or product")));
    }
    let role = AssignedRole {
        id: cx.new_id(),
        role_name: role_name.to_owned(),
        entity_id,
        entity_type_name: entity_type_name.to_owned(),
        entity_region: entity_region.to_owned(),
    };
    let assigned = store::role_insert(cx.db(), team, &role, cx.now()).await;
    assigned.on_conflict(|| format!("The team has the role [{role_name}] on it already"))?;
    cx.audit(Action::Create, place(portal, team, role.id), json!({ "after": role })).await?;
    Ok(Created(role))
}

async fn role_remove(
    cx: Cx,
    At((portal, team, id)): At<(PortalId, PortalTeamId, AssignmentId)>,
) -> Result<Done> {
    team_require(&cx, portal, team).await?;
    let before = store::role_get(cx.db(), team, id).await?.ok_or(Problem::NotFound("role"))?;
    store::role_delete(cx.db(), id).await?;
    cx.audit(Action::Delete, place(portal, team, id), json!({ "before": before })).await?;
    Ok(Done)
}

/// What the developer who calls may do with the API or product.
pub(crate) async fn may(cx: &Cx, db: &OrgScope, entity: Id<()>) -> Result<May> {
    let caller = cx.developer()?;
    let region = &cx.app().settings.region;
    let found = store::may(db, caller.portal, caller.developer, region, entity).await?;
    found.ok_or(Problem::NotFound("portal"))
}

/// What a developer may do with what it finds (contract: `ApiActionsResponse`, `ProductActionsResponse`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Actions {
    actions: Allowed,
}

/// What of it.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct Allowed {
    /// Finding it, which whoever asks has done.
    view: bool,
    /// Registering applications for it.
    register: bool,
    /// Reading its documents: there are none here.
    view_documentation: bool,
}

/// What the developer who calls may do with an API or product that it finds.
pub(crate) async fn actions(cx: &Cx, entity: Id<()>) -> Result<Actions> {
    let May { register, .. } = may(cx, cx.db(), entity).await?;
    Ok(Actions { actions: Allowed { view: true, register, view_documentation: false } })
}
