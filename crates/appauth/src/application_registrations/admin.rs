//! Registrations for APIs as the organization sees them.

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    ApiId, ApplicationId, Body, Draft, Fields, PortalId, RegistrationId, Result, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{OneOf, id},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Decision, FIRST, STATUSES, Stored, decide, offered, register, registration_in, remove, store, suits,
    targets::{OfApi, Target as _},
};
use crate::{applications::lifecycle::application_in, portals::portal_require};

/// A registration (contract: `ApplicationRegistration`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Registration {
    /// Its id.
    pub id: RegistrationId,
    /// What was said to it.
    #[schemars(extend("enum" = STATUSES))]
    pub status: String,
    /// The API.
    pub api: ApiOf,
    /// The application.
    pub application: ApplicationOf,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The API of a registration.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct ApiOf {
    id: ApiId,
    name: String,
    version: Option<String>,
    #[schemars(extend("enum" = ["api", "api_package"]))]
    entity_type: &'static str,
}

/// The application of a registration.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct ApplicationOf {
    pub(super) id: ApplicationId,
    pub(super) name: String,
}

impl From<Stored<OfApi>> for Registration {
    fn from(it: Stored<OfApi>) -> Self {
        let OfApi { id, name, version, .. } = it.target;
        Self {
            id: it.id,
            status: it.status,
            api: ApiOf { id, name, version, entity_type: "api" },
            application: ApplicationOf { id: it.application_id, name: it.application_name },
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// What registrations of a portal can be filtered and sorted by.
pub static OF_PORTAL: Collection = Collection::numbered(
    "application-registrations",
    &[
        Field::new("developer_id", Kind::Id, Ops::UUID),
        Field::text("application_name", Ops::STRING).sortable(),
        Field::text("status", Ops::STRING).sortable(),
        Field::text("api_name", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

/// The same of one application.
pub static OF_APPLICATION: Collection = Collection::numbered(
    "registrations-of-application",
    &[
        Field::new("id", Kind::Id, Ops::EQ),
        Field::text("status", Ops::STRING).sortable(),
        Field::text("api_name", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

/// A registration that the organization makes.
pub struct NewRegistration {
    api: ApiId,
    status: Option<&'static str>,
}

impl Body for NewRegistration {
    const NAME: &'static str = "CreateApplicationRegistration";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let api = fields.required(OfApi::BY, id());
        let status = fields.optional("status", OneOf(FIRST));
        Some(Self { api: api?, status: status? })
    }
}

pub(super) async fn registration_list_all(
    cx: Cx,
    At(portal): At<PortalId>,
    query: ListQuery,
) -> Result<Found<Paged<Registration>>> {
    portal_require(&cx, portal).await?;
    let page = store::registration_list_in(cx.db(), portal, &query).await?;
    Ok(Found(page.map(Registration::from)))
}

pub(super) async fn registration_list(
    cx: Cx,
    At((portal, application)): At<(PortalId, ApplicationId)>,
    query: ListQuery,
) -> Result<Found<Paged<Registration>>> {
    let application = application_in(cx.db(), portal, application).await?;
    let page = store::registration_list_of(cx.db(), application.id, &query).await?;
    Ok(Found(page.map(Registration::from)))
}

pub(super) async fn registration_create(
    cx: Cx,
    At((portal, application)): At<(PortalId, ApplicationId)>,
    draft: Draft<NewRegistration>,
) -> Result<Created<Registration>> {
    crate::serialize(&cx).await?;
    let portal = portal_require(&cx, portal).await?;
    let application = application_in(cx.db(), portal.id, application).await?;
    let NewRegistration { api, status } = draft.parse()?;
    let offer = suits(offered::<OfApi>(cx.db(), &application, api).await?, &application)?;
    register(&cx, &portal, &application, offer, status).await.map(|it| Created(it.into()))
}

pub(super) async fn registration_get(
    cx: Cx,
    At((portal, application, id)): At<(PortalId, ApplicationId, RegistrationId)>,
) -> Result<Found<Registration>> {
    let application = application_in(cx.db(), portal, application).await?;
    registration_in::<OfApi>(cx.db(), &application, id).await.map(|it| Found(it.into()))
}

pub(super) async fn registration_update(
    cx: Cx,
    At((portal, application, id)): At<(PortalId, ApplicationId, RegistrationId)>,
    draft: Draft<Decision>,
) -> Result<Found<Registration>> {
    crate::serialize(&cx).await?;
    let application = application_in(cx.db(), portal, application).await?;
    let before = registration_in::<OfApi>(cx.db(), &application, id).await?;
    decide(&cx, before, draft).await.map(|it| Found(it.into()))
}

pub(super) async fn registration_delete(
    cx: Cx,
    At((portal, application, id)): At<(PortalId, ApplicationId, RegistrationId)>,
) -> Result<Done> {
    crate::serialize(&cx).await?;
    let application = application_in(cx.db(), portal, application).await?;
    let before = registration_in::<OfApi>(cx.db(), &application, id).await?;
    remove(&cx, before).await.map(|()| Done)
}
