//! Applications as the organization sees them.

use frame::{
    Cx,
    db::{OrgScope, Paged},
    from_row,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, ApplicationId, Body, DcrProviderId, DeveloperId, Draft, Fault, Fields, Id, Invalid, Labels,
    LabelsPatch, Patch, PortalId, PortalTeamId, Problem, Result, StrategyId, Timestamp,
    query::ListQuery,
    rules::{LabelChanges, OneOf, id},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Application, CLIENT_ID, DESCRIPTION, NAME, NewApplication, OWNER_TYPES, Owner,
    credentials::{ListedCredential, credential_list},
    lifecycle::{self, application_in, changed, check, create, strategy_of},
    place,
    store::{application_get, application_list, developer_list},
    strategy::{ClientStrategy, KeyStrategy, ShownStrategy},
};
use crate::{
    developers::store::developer_get,
    portal_teams::store::team_get,
    portals::{portal_require, store::portal_get},
};

/// An application whose credentials are keys (contract: `KeyAuthApplication`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeyAuthApplication {
    id: ApplicationId,
    name: String,
    description: Option<String>,
    auth_strategy: KeyStrategy,
    portal: PortalOf,
    labels: Labels,
    registration_count: i64,
    owner: Owner,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An application whose credentials are a client's (contract: `ClientCredentialsApplication`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClientCredentialsApplication {
    id: ApplicationId,
    name: String,
    description: Option<String>,
    /// The client. Empty while the provider has not made one.
    client_id: String,
    auth_strategy: ClientStrategy,
    dcr_provider: Option<ProviderOf>,
    /// The scopes that its developer chose, where developers do.
    granted_scopes: Option<Vec<String>>,
    portal: PortalOf,
    labels: Labels,
    registration_count: i64,
    owner: Owner,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The portal of an application.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub(super) struct PortalOf {
    pub id: PortalId,
}

/// What makes the clients of an application.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub(super) struct ProviderOf {
    pub id: DcrProviderId,
}

/// An application, by what its credentials are.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum ShownApplication {
    /// A client's.
    Client(ClientCredentialsApplication),
    /// Keys.
    Keys(KeyAuthApplication),
}

impl From<Application> for ShownApplication {
    fn from(it: Application) -> Self {
        let Application { id, name, description, labels, registration_count, owner, .. } = it;
        let Application { created_at, updated_at, .. } = it;
        let portal = PortalOf { id: it.portal_id };
        match ShownStrategy::from(&it.strategy) {
            ShownStrategy::Keys(auth_strategy) => Self::Keys(KeyAuthApplication {
                id,
                name,
                description,
                auth_strategy,
                portal,
                labels,
                registration_count,
                owner,
                created_at,
                updated_at,
            }),
            ShownStrategy::Client(auth_strategy) => Self::Client(ClientCredentialsApplication {
                id,
                name,
                description,
                client_id: it.client_id.unwrap_or_default(),
                auth_strategy,
                dcr_provider: it.strategy.provider.map(|id| ProviderOf { id }),
                granted_scopes: (!it.scopes.is_empty()).then_some(it.scopes),
                portal,
                labels,
                registration_count,
                owner,
                created_at,
                updated_at,
            }),
        }
    }
}

/// A developer who has an application (contract: `ApplicationDeveloperDetailed`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ApplicationDeveloper {
    /// Its id.
    pub id: DeveloperId,
    /// Its address.
    #[schemars(extend("format" = "email"), length(max = 250))]
    pub email: String,
    /// Its name.
    #[schemars(length(max = 250))]
    pub full_name: String,
}

from_row!(ApplicationDeveloper { id, email, full_name });

/// An owner in a request.
struct NamedOwner {
    kind: &'static str,
    id: Id<()>,
}

impl Body for NamedOwner {
    const NAME: &'static str = "ApplicationOwner";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let kind = fields.required("type", OneOf(OWNER_TYPES));
        let id = fields.required("id", id());
        Some(Self { kind: kind?, id: id? })
    }
}

/// An application that the organization makes for a developer.
pub struct CreateApplication {
    name: String,
    description: Option<String>,
    labels: Patch<LabelsPatch>,
    dcr_client_id: Option<String>,
    client_id: Option<String>,
    strategy: Option<StrategyId>,
    owner: NamedOwner,
}

impl Body for CreateApplication {
    const NAME: &'static str = "AdminCreateApplication";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let description = fields.optional("description", DESCRIPTION);
        let labels = fields.patch("labels", LabelChanges);
        let dcr_client_id = fields.optional("dcr_client_id", CLIENT_ID);
        let client_id = fields.optional("client_id", CLIENT_ID);
        let strategy = fields.optional("auth_strategy_id", id());
        let owner = fields.object_required::<NamedOwner>("owner");
        Some(Self {
            name: name?,
            description: description?,
            labels: labels?,
            dcr_client_id: dcr_client_id?,
            client_id: client_id?,
            strategy: strategy?,
            owner: owner?,
        })
    }
}

/// A change of an application: it can be given to another owner.
pub struct UpdateApplication {
    owner: Option<NamedOwner>,
}

impl Body for UpdateApplication {
    const NAME: &'static str = "AdminUpdateApplication";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.object::<NamedOwner>("owner").map(|owner| Self { owner })
    }
}

/// Adds a fault unless this is a team of the portal that may own applications.
pub(super) async fn check_team(
    db: &OrgScope,
    portal: PortalId,
    id: PortalTeamId,
    field: &str,
    faults: &mut Vec<Invalid>,
) -> Result<()> {
    let fault = match team_get(db, portal, id).await? {
        None => Fault::MissingReference("Team"),
        Some(team) if !team.can_own_applications => {
            Fault::Rule("must be a team with can_own_applications".to_owned())
        }
        Some(_) => return Ok(()),
    };
    faults.push(Invalid::body(field, fault));
    Ok(())
}

/// The owner that a request names, or a fault.
async fn owner_named(
    db: &OrgScope,
    portal: PortalId,
    named: &NamedOwner,
    faults: &mut Vec<Invalid>,
) -> Result<Owner> {
    let owner = Owner { kind: named.kind, id: named.id };
    if let Some(id) = owner.developer()
        && developer_get(db, portal, id).await?.is_none()
    {
        faults.push(Invalid::body("owner.id", Fault::MissingReference("Developer")));
    }
    if let Some(id) = owner.team() {
        check_team(db, portal, id, "owner.id", faults).await?;
    }
    Ok(owner)
}

pub(super) async fn application_create(
    cx: Cx,
    At(portal): At<PortalId>,
    draft: Draft<CreateApplication>,
) -> Result<Created<ShownApplication>> {
    // Of its own: this request's transaction must not be open while a provider is asked.
    let db = OrgScope::new(cx.app().db.read(), cx.org());
    let portal = portal_get(&db, portal).await?.ok_or(Problem::NotFound("portal"))?;
    let asked = draft.parse()?;
    let mut faults = Vec::new();
    let owner = owner_named(&db, portal.id, &asked.owner, &mut faults).await?;
    if let Some(id) = asked.strategy
        && !cx.may_here(Action::Read, &format!("{}/{id}", crate::strategies::KIND))
    {
        faults.push(Invalid::body("auth_strategy_id", Fault::MissingReference("Application auth strategy")));
        return Err(Problem::Invalid(faults));
    }
    let strategy = strategy_of(&db, &portal, asked.strategy, &mut faults).await?;
    let Some(strategy) = strategy else { return Err(Problem::Invalid(faults)) };
    let new = NewApplication {
        portal: portal.id,
        owner,
        name: asked.name,
        description: asked.description,
        strategy: strategy.id,
        client_id: asked.client_id,
        dcr_client_id: asked.dcr_client_id,
        redirect_uri: None,
        scopes: Vec::new(),
        labels: Labels::default().updated(&asked.labels)?,
    };
    drop(db);
    faults.extend(check(&new, &strategy));
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    // The organization gets no secret: the developer regenerates it.
    let made = create(&cx, new, strategy).await?;
    Ok(Created(made.application.into()))
}

pub(super) async fn application_list_of(
    cx: Cx,
    At(portal): At<PortalId>,
    query: ListQuery,
) -> Result<Found<Paged<ShownApplication>>> {
    portal_require(&cx, portal).await?;
    let page = application_list(cx.db(), portal, &query).await?;
    Ok(Found(page.map(ShownApplication::from)))
}

pub(super) async fn application_get_in(
    cx: Cx,
    At((portal, id)): At<(PortalId, ApplicationId)>,
) -> Result<Found<ShownApplication>> {
    application_in(cx.db(), portal, id).await.map(|it| Found(it.into()))
}

/// Whoever may not read it where it is sees none.
pub(super) async fn application_get_anywhere(
    cx: Cx,
    At(id): At<ApplicationId>,
) -> Result<Found<ShownApplication>> {
    let found = application_get(cx.db(), id).await?;
    let seen = found.filter(|it| cx.may_here(Action::Read, &place(it.portal_id, it.id)));
    seen.map(|it| Found(it.into())).ok_or(Problem::NotFound("application"))
}

pub(super) async fn application_update_owner(
    cx: Cx,
    At((portal, id)): At<(PortalId, ApplicationId)>,
    draft: Draft<UpdateApplication>,
) -> Result<Found<ShownApplication>> {
    crate::serialize(&cx).await?;
    let before = application_in(cx.db(), portal, id).await?;
    let asked = draft.parse()?;
    let Some(named) = asked.owner else { return Ok(Found(before.into())) };
    let mut faults = Vec::new();
    let owner = owner_named(cx.db(), portal, &named, &mut faults).await?;
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    let after = Application { owner, updated_at: cx.now(), ..before.clone() };
    changed(&cx, cx.db(), &before, &after).await?;
    Ok(Found(after.into()))
}

pub(super) async fn application_delete_in(
    cx: Cx,
    At((portal, id)): At<(PortalId, ApplicationId)>,
) -> Result<Done> {
    let application = {
        let db = OrgScope::new(cx.app().db.read(), cx.org());
        application_in(&db, portal, id).await?
    };
    lifecycle::delete(&cx, application).await.map(|()| Done)
}

pub(super) async fn developer_list_of(
    cx: Cx,
    At((portal, id)): At<(PortalId, ApplicationId)>,
    query: ListQuery,
) -> Result<Found<Paged<ApplicationDeveloper>>> {
    let application = application_in(cx.db(), portal, id).await?;
    developer_list(cx.db(), portal, application.owner, &query).await.map(Found)
}

pub(super) async fn credential_list_of(
    cx: Cx,
    At((portal, id)): At<(PortalId, ApplicationId)>,
    query: ListQuery,
) -> Result<Found<Paged<ListedCredential>>> {
    let application = {
        let db = OrgScope::new(cx.app().db.read(), cx.org());
        application_in(&db, portal, id).await?
    };
    credential_list(&cx, &application, &query).await.map(Found)
}
