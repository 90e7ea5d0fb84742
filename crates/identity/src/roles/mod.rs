//! Roles: the catalogue of what can be assigned, and what users, teams and system accounts hold.

mod catalogue;
mod held;
pub mod http;
mod mine;
pub mod store;

pub use catalogue::{ADMIN_TEAM, Catalogue, Faulty, literal_descriptions};
pub use held::{permissions, permissions_until};

use std::{collections::BTreeMap, sync::Arc};

use frame::{
    Creators, Cx,
    access::BoxFuture,
    db::{OnConflict, Paged},
    from_row,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, AssignmentId, Body, Draft, Fault, Fields, Id, Problem, Result, SystemAccountId, TeamId,
    Timestamp, UserId,
    id::kinds,
    query::{Collection, Field, ListQuery, Ops},
    rules::{AnyObject, Parsed, REGIONS, id, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A role that somebody holds (contract: `AssignedRole`).
#[derive(Clone, Serialize, JsonSchema)]
pub struct AssignedRole {
    /// The assignment's id.
    pub id: AssignmentId,
    /// The role.
    pub role_name: String,
    /// The entity, or `*` for every one of the type.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub entity_id: String,
    /// The type of the entity.
    pub entity_type_name: String,
    /// The region, or `*` for all.
    #[schemars(extend("enum" = ["us", "eu", "au", "me", "in", "sg", "*"]))]
    pub entity_region: String,
}

/// An assigned role with parameters, of a managed system account.
#[derive(Serialize, JsonSchema)]
pub struct ParameterizedAssignedRole {
    /// The role.
    #[serde(flatten)]
    role: AssignedRole,
    /// What narrows the role, e.g. `{"zoneName": "zone3"}`.
    parameters: Map<String, Value>,
}

/// An assignment as it is stored.
pub struct Assignment {
    /// What the contract shows.
    pub role: AssignedRole,
    /// What narrows it.
    pub parameters: Map<String, Value>,
}

struct Row {
    id: AssignmentId,
    role_name: String,
    entity_id: String,
    entity_type_name: String,
    entity_region: String,
    parameters: Value,
}

from_row!(Row { id, role_name, entity_id, entity_type_name, entity_region, parameters });

impl From<Row> for Assignment {
    fn from(row: Row) -> Self {
        let Row { id, role_name, entity_id, entity_type_name, entity_region, parameters } = row;
        let role = AssignedRole { id, role_name, entity_id, entity_type_name, entity_region };
        Self { role, parameters: parameters.as_object().cloned().unwrap_or_default() }
    }
}

/// What assigned roles can be filtered by; the aliases come from the general filtering document.
pub static ASSIGNED_ROLES: Collection = Collection::whole(
    "assigned-roles",
    &[
        Field::text("role_name", Ops::EQ).aliases(&["role"]),
        Field::text("entity_type_name", Ops::EQ).aliases(&["entity_type"]),
        Field::text("entity_id", Ops::EQ),
        Field::text("entity_region", Ops::EQ),
    ],
);

/// A UUID, or `*` for every entity of the type.
const ENTITY: Parsed<String> = Parsed {
    parse: |text| {
        let good = text == "*" || text.parse::<Id<()>>().is_ok();
        if good { Ok(text.to_owned()) } else { Err(Fault::NotAUuid) }
    },
    schema: || json!({ "type": "string", "description": "A UUID, or `*` for every entity of the type." }),
};

/// The name of a role or a type; the catalogue says which there are.
const NAME: Parsed<String> =
    Parsed { parse: |text| Ok(text.to_owned()), schema: || json!({ "type": "string" }) };

/// A role to be assigned. Nothing is marked required in the contract; all but the entity of an
/// organization-wide type is needed all the same.
pub struct NewAssignment {
    role_name: String,
    entity_id: Option<String>,
    entity_type_name: String,
    entity_region: &'static str,
}

impl Body for NewAssignment {
    const NAME: &'static str = "AssignRole";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let role_name = fields.needed("role_name", NAME);
        let entity_id = fields.optional("entity_id", ENTITY);
        let entity_type_name = fields.needed("entity_type_name", NAME);
        let entity_region = fields.needed("entity_region", REGIONS);
        Some(Self {
            role_name: role_name?,
            entity_id: entity_id?,
            entity_type_name: entity_type_name?,
            entity_region: entity_region?,
        })
    }
}

/// A role to be assigned to a managed system account; its names are not looked at.
pub struct NewParameterizedAssignment {
    role_name: String,
    entity_id: Id<()>,
    entity_type_name: String,
    entity_region: &'static str,
    parameters: Map<String, Value>,
}

impl Body for NewParameterizedAssignment {
    const NAME: &'static str = "AssignParameterizedRole";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let role_name = fields.needed("role_name", text(1, 250));
        let entity_id = fields.needed("entity_id", id());
        let entity_type_name = fields.needed("entity_type_name", text(1, 250));
        let entity_region = fields.needed("entity_region", REGIONS);
        let parameters = fields.optional("parameters", AnyObject);
        Some(Self {
            role_name: role_name?,
            entity_id: entity_id?,
            entity_type_name: entity_type_name?,
            entity_region: entity_region?,
            parameters: parameters?.unwrap_or_default(),
        })
    }
}

/// Something that holds roles.
pub trait Holder: Sized + 'static {
    /// The kind, as paths have it.
    const KIND: &'static str;
    /// 404 unless it exists.
    fn exists(cx: &Cx, id: Id<Self>) -> impl Future<Output = Result<()>> + Send;
    /// Refuses unless its roles can be changed.
    fn changeable(cx: &Cx, id: Id<Self>) -> impl Future<Output = Result<()>> + Send;
}

impl Holder for kinds::User {
    const KIND: &'static str = "users";
    async fn exists(cx: &Cx, id: UserId) -> Result<()> {
        crate::users::user_require(cx, id).await.map(|_| ())
    }
    async fn changeable(_: &Cx, _: UserId) -> Result<()> {
        Ok(())
    }
}

impl Holder for kinds::Team {
    const KIND: &'static str = "teams";
    async fn exists(cx: &Cx, id: TeamId) -> Result<()> {
        crate::teams::team_require(cx, id).await.map(|_| ())
    }
    async fn changeable(cx: &Cx, id: TeamId) -> Result<()> {
        crate::teams::team_require_custom(cx, id).await.map(|_| ())
    }
}

impl Holder for kinds::SystemAccount {
    const KIND: &'static str = "system-accounts";
    async fn exists(cx: &Cx, id: SystemAccountId) -> Result<()> {
        crate::system_accounts::account_require(cx, id).await.map(|_| ())
    }
    async fn changeable(cx: &Cx, id: SystemAccountId) -> Result<()> {
        crate::system_accounts::account_require(cx, id).await?.refuse_managed()
    }
}

async fn role_list<H: Holder>(
    cx: Cx,
    At(holder): At<Id<H>>,
    query: ListQuery,
) -> Result<Found<Paged<AssignedRole>>> {
    H::exists(&cx, holder).await?;
    let roles = store::role_list(cx.db(), holder.uuid(), &query).await?;
    Ok(Found(roles.map(|assignment| assignment.role)))
}

async fn role_get<H: Holder>(
    cx: Cx,
    At((holder, id)): At<(Id<H>, AssignmentId)>,
) -> Result<Found<AssignedRole>> {
    H::exists(&cx, holder).await?;
    role_require(&cx, holder, id).await.map(|assignment| Found(assignment.role))
}

async fn role_require<H: Holder>(cx: &Cx, holder: Id<H>, id: AssignmentId) -> Result<Assignment> {
    store::role_get(cx.db(), holder.uuid(), id).await?.ok_or(Problem::NotFound("assigned role"))
}

async fn role_assign<H: Holder>(
    cx: Cx,
    At(holder): At<Id<H>>,
    draft: Draft<NewAssignment>,
) -> Result<Created<AssignedRole>> {
    H::exists(&cx, holder).await?;
    let unknown = cx.app().part::<Arc<Catalogue>>()?.faults(
        draft.text("role_name"),
        draft.text("entity_type_name"),
        draft.text("entity_id"),
    );
    let new = draft.parse_with(unknown)?;
    H::changeable(&cx, holder).await?;
    let role = AssignedRole {
        id: cx.new_id(),
        role_name: new.role_name,
        entity_id: new.entity_id.unwrap_or_default(),
        entity_type_name: new.entity_type_name,
        entity_region: new.entity_region.to_owned(),
    };
    let assignment = Assignment { role, parameters: Map::new() };
    let inserted = store::role_insert(cx.db(), holder.uuid(), &assignment, cx.now()).await;
    inserted.on_conflict(|| format!("The role [{}] is already assigned", assignment.role.role_name))?;
    cx.access_changed().await?;
    let path = format!("{}/{holder}/assigned-roles/{}", H::KIND, assignment.role.id);
    cx.audit(Action::Create, path, json!({ "after": assignment.role })).await?;
    Ok(Created(assignment.role))
}

/// Whoever creates an entity by a role that only lets create gets on the new entity the role that the
/// catalogue names for it; others, who may do so by a wider grant, get nothing. For the capabilities whose
/// entities these are.
pub async fn role_grant_creator(cx: &Cx, kind: &str, entity: Id<()>, region: &str) -> Result<()> {
    let Some(holder) = cx.caller().holder().filter(|_| !cx.caller().permissions.is_admin()) else {
        return Ok(());
    };
    let held = store::role_list_of_holder(cx.db(), holder, Timestamp::LATEST).await?;
    let catalogue = cx.app().part::<Arc<Catalogue>>()?;
    let becomes = held.iter().find_map(|held| {
        let reaches = matches!(held.role.entity_region.as_str(), "*") || held.role.entity_region == region;
        let same = held.role.entity_type_name == kind && reaches;
        same.then(|| catalogue.creator_becomes(kind, &held.role.role_name)).flatten()
    });
    let Some(role_name) = becomes else { return Ok(()) };
    let role = AssignedRole {
        id: cx.new_id(),
        role_name: role_name.to_owned(),
        entity_id: entity.to_string(),
        entity_type_name: kind.to_owned(),
        entity_region: region.to_owned(),
    };
    let assignment = Assignment { role, parameters: Map::new() };
    store::role_insert(cx.db(), holder, &assignment, cx.now()).await?;
    cx.access_changed().await?;
    let path = format!("assigned-roles/{}", assignment.role.id);
    cx.audit(Action::Create, path, json!({ "after": assignment.role })).await
}

/// [`role_grant_creator`] for capabilities that do not know this one.
pub struct RoleCreators;

impl Creators for RoleCreators {
    fn created<'a>(&'a self, cx: &'a Cx, kind: &'a str, entity: Id<()>) -> BoxFuture<'a, Result<()>> {
        Box::pin(role_grant_creator(cx, kind, entity, &cx.app().settings.region))
    }
}

async fn role_remove<H: Holder>(cx: Cx, At((holder, id)): At<(Id<H>, AssignmentId)>) -> Result<Done> {
    H::exists(&cx, holder).await?;
    let assignment = role_require(&cx, holder, id).await?;
    H::changeable(&cx, holder).await?;
    store::role_delete(cx.db(), holder.uuid(), id).await?;
    cx.access_changed().await?;
    let path = format!("{}/{holder}/assigned-roles/{id}", H::KIND);
    cx.audit(Action::Delete, path, json!({ "before": assignment.role })).await?;
    Ok(Done)
}

async fn managed_role_list(
    cx: Cx,
    At(account): At<SystemAccountId>,
    query: ListQuery,
) -> Result<Found<Paged<ParameterizedAssignedRole>>> {
    let db = crate::system_accounts::managed_scope(&cx, account).await?;
    let roles = store::role_list(&db, account.uuid(), &query).await?;
    Ok(Found(roles.map(|Assignment { role, parameters }| ParameterizedAssignedRole { role, parameters })))
}

async fn managed_role_assign(
    cx: Cx,
    At(account): At<SystemAccountId>,
    draft: Draft<NewParameterizedAssignment>,
) -> Result<Created<ParameterizedAssignedRole>> {
    let db = crate::system_accounts::managed_scope(&cx, account).await?;
    let new = draft.parse()?;
    let role = AssignedRole {
        id: cx.app().new_id(db.org()),
        role_name: new.role_name,
        entity_id: new.entity_id.to_string(),
        entity_type_name: new.entity_type_name,
        entity_region: new.entity_region.to_owned(),
    };
    let assignment = Assignment { role, parameters: new.parameters };
    let inserted = store::role_insert(&db, account.uuid(), &assignment, cx.app().clock.now(db.org())).await;
    inserted.on_conflict(|| format!("The role [{}] is already assigned", assignment.role.role_name))?;
    cx.access_changed_in(db.org()).await?;
    let path = format!("system-accounts/{account}/assigned-roles/{}", assignment.role.id);
    let change = json!({ "after": { "role": assignment.role, "parameters": assignment.parameters } });
    cx.audit_in(&db, Action::Create, path, change).await?;
    let Assignment { role, parameters } = assignment;
    Ok(Created(ParameterizedAssignedRole { role, parameters }))
}

/// The roles of one entity type (contract: `Roles`).
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleGroup {
    /// The type.
    name: String,
    /// Its roles, by key.
    roles: BTreeMap<String, RoleText>,
}

/// A role, described.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleText {
    /// The role.
    name: String,
    /// What it allows.
    description: String,
}

async fn catalogue_get(cx: Cx) -> Result<Found<BTreeMap<String, RoleGroup>>> {
    let literal = store::descriptions_get(&cx.platform()).await?;
    let catalogue = cx.app().part::<Arc<Catalogue>>()?;
    let groups = catalogue.listed().map(|(kind, roles)| {
        let roles = roles.map(|role| {
            let key = (kind.key.clone(), role.key.clone());
            let description = literal.get(&key).unwrap_or(&role.description).clone();
            (role.key.clone(), RoleText { name: role.name.clone(), description })
        });
        (kind.key.clone(), RoleGroup { name: kind.name.clone(), roles: roles.collect() })
    });
    Ok(Found(groups.collect()))
}
