//! Registrations for APIs as developers see them.

use frame::{
    Cx,
    db::{OrgScope, Paged},
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    ApiId, ApplicationId, Body, Draft, Fault, Fields, Problem, RegistrationId, Result, Timestamp,
    query::ListQuery, rules::id,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    REFUSED, STATUSES, Stored, offered, register, registration_in, remove, store, suits,
    targets::{OfApi, Offer, Target},
};
use crate::{
    applications::{Application, developer::own_application},
    portal_roles::{CONSUMER, may},
    portals::store::portal_get,
};

/// A registration (contract: `GetRegistrationResponse` of the portal).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OwnRegistration {
    id: RegistrationId,
    #[schemars(extend("enum" = STATUSES))]
    status: String,
    api_id: ApiId,
    api_name: String,
    api_slug: String,
    application_id: ApplicationId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Stored<OfApi>> for OwnRegistration {
    fn from(it: Stored<OfApi>) -> Self {
        let OfApi { id, name, slug, .. } = it.target;
        Self {
            id: it.id,
            status: it.status,
            api_id: id,
            api_name: name,
            // An API without one is found by its id.
            api_slug: slug.unwrap_or_else(|| id.to_string()),
            application_id: it.application_id,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// A registration that a developer asks for.
pub struct Wish {
    api: ApiId,
}

impl Body for Wish {
    const NAME: &'static str = "CreateRegistration";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required(OfApi::BY, id()).map(|api| Self { api })
    }
}

pub(super) async fn own_list(
    cx: Cx,
    At(application): At<ApplicationId>,
    query: ListQuery,
) -> Result<Found<Paged<OwnRegistration>>> {
    let application = own_application(&cx, cx.db(), application).await?;
    let page = store::registration_list_of(cx.db(), application.id, &query).await?;
    Ok(Found(page.map(OwnRegistration::from)))
}

/// How the portal offers something to the developer who calls, who needs a role on it where the portal asks for roles.
pub(super) async fn own_offered<T: Target>(
    cx: &Cx,
    db: &OrgScope,
    application: &Application,
    key: T::Key,
) -> Result<Offer<T>> {
    let offer: Offer<T> = offered(db, application, key).await?;
    let may = may(cx, db, offer.target.service()).await?;
    if may.register {
        return suits(offer, application);
    }
    // What a developer does not find is not there.
    if !may.find && !offer.public {
        return Err(Problem::invalid(T::BY, Fault::MissingReference(T::PUBLISHED)));
    }
    let why = format!("names {} that takes the role [{CONSUMER}]: no team of the developer has it", T::ONE);
    Err(Problem::invalid(T::BY, Fault::Rule(why)))
}

/// Registers an application of the developer who calls.
pub(super) async fn own_register<T: Target>(
    cx: &Cx,
    application: &Application,
    key: T::Key,
) -> Result<Stored<T>> {
    let portal = portal_get(cx.db(), application.portal_id).await?.ok_or(Problem::NotFound("portal"))?;
    let offer = own_offered(cx, cx.db(), application, key).await?;
    register(cx, &portal, application, offer, None).await
}

pub(super) async fn own_create(
    cx: Cx,
    At(application): At<ApplicationId>,
    draft: Draft<Wish>,
) -> Result<Created<OwnRegistration>> {
    crate::serialize(&cx).await?;
    let application = own_application(&cx, cx.db(), application).await?;
    let Wish { api } = draft.parse()?;
    own_register::<OfApi>(&cx, &application, api).await.map(|it| Created(it.into()))
}

/// The registration of an application of the developer who calls, or 404.
pub(super) async fn own_registration<T: Target>(
    cx: &Cx,
    (application, id): (ApplicationId, RegistrationId),
) -> Result<Stored<T>> {
    let application = own_application(cx, cx.db(), application).await?;
    registration_in(cx.db(), &application, id).await
}

pub(super) async fn own_get(
    cx: Cx,
    At(ids): At<(ApplicationId, RegistrationId)>,
) -> Result<Found<OwnRegistration>> {
    own_registration::<OfApi>(&cx, ids).await.map(|it| Found(it.into()))
}

/// Ends a registration, but for one that the organization has refused: whoever could delete that could ask again, and
/// be approved where that goes by itself.
pub(super) async fn own_remove<T: Target>(cx: &Cx, ids: (ApplicationId, RegistrationId)) -> Result<Done> {
    crate::serialize(cx).await?;
    let before: Stored<T> = own_registration(cx, ids).await?;
    if REFUSED.contains(&&*before.status) {
        let why = format!("The registration is {}: only the organization can delete it", before.status);
        return Err(Problem::Conflict(why));
    }
    remove(cx, before).await.map(|()| Done)
}

pub(super) async fn own_delete(cx: Cx, At(ids): At<(ApplicationId, RegistrationId)>) -> Result<Done> {
    own_remove::<OfApi>(&cx, ids).await
}
