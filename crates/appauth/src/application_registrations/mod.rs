//! Registrations: an application's wish to call an API that is published in its portal, and what the organization
//! says to it. Only an approved one lets requests through.

pub mod http;
pub mod store;

use frame::{
    Cx,
    db::{OnConflict, OrgScope, Paged},
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    Action, ApiId, ApplicationId, Body, Draft, Fault, Fields, Invalid, PortalId, Problem, RegistrationId,
    Result, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{OneOf, id},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    apis::{Api, store::api_get},
    applications::{
        Application,
        lifecycle::{application_in, wake},
    },
    clients::store::event_add,
    gateway,
    portal_teams::store::member_has,
    portals::{Portal, portal_require, store::portal_get},
    publications::store::publication_get,
    registration::Event,
};

/// What was said to a registration.
pub const STATUSES: &[&str] = &["approved", "pending", "revoked", "rejected"];
/// What may be said at first.
const FIRST: &[&str] = &["approved", "pending"];
/// The one that lets requests through.
pub(crate) const APPROVED: &str = "approved";

/// A registration as it is stored.
#[derive(Clone)]
pub struct Stored {
    /// Its id.
    pub id: RegistrationId,
    /// What was said to it.
    pub status: String,
    /// Its portal.
    pub portal_id: PortalId,
    /// Its application.
    pub application_id: ApplicationId,
    /// The application's name.
    pub application_name: String,
    /// The API.
    pub api_id: ApiId,
    /// The API's name.
    pub api_name: String,
    /// The API's version.
    pub api_version: Option<String>,
    /// The API's name in addresses.
    pub api_slug: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A registration as the organization sees it (contract: `ApplicationRegistration`).
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
    id: ApplicationId,
    name: String,
}

/// A registration as a developer sees it (contract: `GetRegistrationResponse` of the portal).
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

impl From<Stored> for Registration {
    fn from(it: Stored) -> Self {
        Self {
            id: it.id,
            status: it.status,
            api: ApiOf { id: it.api_id, name: it.api_name, version: it.api_version, entity_type: "api" },
            application: ApplicationOf { id: it.application_id, name: it.application_name },
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

impl From<Stored> for OwnRegistration {
    fn from(it: Stored) -> Self {
        Self {
            id: it.id,
            status: it.status,
            api_id: it.api_id,
            api_name: it.api_name,
            // An API without one is found by its id.
            api_slug: it.api_slug.unwrap_or_else(|| it.api_id.to_string()),
            application_id: it.application_id,
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

/// A registration that a developer asks for.
pub struct Wish {
    api: ApiId,
}

impl Body for Wish {
    const NAME: &'static str = "CreateRegistration";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("api_id", id()).map(|api| Self { api })
    }
}

/// A registration that the organization makes.
pub struct NewRegistration {
    api: ApiId,
    status: Option<&'static str>,
}

impl Body for NewRegistration {
    const NAME: &'static str = "CreateApplicationRegistration";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let api = fields.required("api_id", id());
        let status = fields.optional("status", OneOf(FIRST));
        Some(Self { api: api?, status: status? })
    }
}

/// What the organization says to a registration.
pub struct Decision {
    status: Option<&'static str>,
}

impl Body for Decision {
    const NAME: &'static str = "UpdateApplicationRegistration";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.optional("status", OneOf(STATUSES)).map(|status| Self { status })
    }
}

fn place(it: &Stored) -> String {
    format!("{}/registrations/{}", crate::applications::place(it.portal_id, it.application_id), it.id)
}

/// A registration in the audit log.
fn shown(it: &Stored) -> Value {
    json!({ "status": it.status, "api": { "id": it.api_id, "name": it.api_name } })
}

/// Registers an application for an API. Without a status the publication and the portal say whether that needs
/// anybody's approval.
async fn register(
    cx: &Cx,
    portal: &Portal,
    application: &Application,
    api: ApiId,
    status: Option<&str>,
) -> Result<Stored> {
    let db = cx.db();
    let no = |fault: Fault| Err(Problem::Invalid(vec![Invalid::body("api_id", fault)]));
    let publication = publication_get(db, api, portal.id).await?;
    let (Some(publication), Some(api)) = (publication, api_get(db, api).await?) else {
        return no(Fault::MissingReference("Published API"));
    };
    match publication.strategy_id {
        None => return no(Fault::Rule("is an API that needs no registration".to_owned())),
        Some(strategy) if strategy != application.strategy.id => {
            let why = "is an API with another auth strategy than the application has";
            return no(Fault::Rule(why.to_owned()));
        }
        Some(_) => {}
    }
    let by_itself = publication.auto_approve_registrations || portal.auto_approve_applications;
    let status = status.unwrap_or(if by_itself { APPROVED } else { "pending" });
    let now = cx.now();
    let Api { id: api_id, name: api_name, version: api_version, slug: api_slug, .. } = api;
    let it = Stored {
        id: cx.new_id(),
        status: status.to_owned(),
        portal_id: portal.id,
        application_id: application.id,
        application_name: application.name.clone(),
        api_id,
        api_name,
        api_version,
        api_slug,
        created_at: now,
        updated_at: now,
    };
    let already = || "The API is already registered to the application".to_owned();
    store::registration_insert(db, &it, application.owner.developer()).await.on_conflict(already)?;
    told(cx, &it, "").await?;
    cx.audit(Action::Create, place(&it), json!({ "after": shown(&it) })).await?;
    Ok(it)
}

/// Tells the provider, if there is one, whether the application may call the API, where that has changed.
async fn told(cx: &Cx, it: &Stored, before: &str) -> Result<()> {
    let (was, is) = (before == APPROVED, it.status == APPROVED);
    let api = it.api_id.uuid();
    let event = match (was, is) {
        (false, true) => Event::Registered { api },
        (true, false) => {
            let last = store::registration_count(cx.db(), it.application_id, APPROVED).await? == 0;
            Event::Unregistered { api, last }
        }
        _ => return Ok(()),
    };
    gateway::changed(cx.app(), cx.db()).await?;
    let now = kernel::WallClock::now(&*cx.app().wall);
    event_add(cx.db(), it.application_id, &event, now).await?;
    wake(cx)
}

async fn decide(cx: &Cx, before: Stored, status: &str) -> Result<Stored> {
    let after = Stored { status: status.to_owned(), updated_at: cx.now(), ..before.clone() };
    store::registration_update(cx.db(), &after).await?;
    told(cx, &after, &before.status).await?;
    let change = json!({ "before": { "status": before.status }, "after": { "status": after.status } });
    cx.audit(Action::GrantApiAccess, place(&after), change).await?;
    Ok(after)
}

async fn remove(cx: &Cx, before: Stored) -> Result<()> {
    store::registration_delete(cx.db(), before.id).await?;
    let gone = Stored { status: String::new(), ..before.clone() };
    told(cx, &gone, &before.status).await?;
    let change = json!({ "before": shown(&before) });
    cx.audit(Action::Delete, place(&before), change).await
}

/// Ends all registrations for an API, in all portals or in one: it is not published there any more.
pub(crate) async fn remove_all(cx: &Cx, api: ApiId, portal: Option<PortalId>) -> Result<()> {
    for it in store::registrations_of_api(cx.db(), api, portal).await? {
        remove(cx, it).await?;
    }
    Ok(())
}

async fn registration_in(db: &OrgScope, application: &Application, id: RegistrationId) -> Result<Stored> {
    let found = store::registration_get(db, id).await?.filter(|it| it.application_id == application.id);
    found.ok_or(Problem::NotFound("registration"))
}

// What the organization does.

async fn registration_list_all(
    cx: Cx,
    At(portal): At<PortalId>,
    query: ListQuery,
) -> Result<Found<Paged<Registration>>> {
    portal_require(&cx, portal).await?;
    let page = store::registration_list_in(cx.db(), portal, &query).await?;
    Ok(Found(page.map(Registration::from)))
}

async fn registration_list(
    cx: Cx,
    At((portal, application)): At<(PortalId, ApplicationId)>,
    query: ListQuery,
) -> Result<Found<Paged<Registration>>> {
    let application = application_in(cx.db(), portal, application).await?;
    let page = store::registration_list_of(cx.db(), application.id, &query).await?;
    Ok(Found(page.map(Registration::from)))
}

async fn registration_create(
    cx: Cx,
    At((portal, application)): At<(PortalId, ApplicationId)>,
    draft: Draft<NewRegistration>,
) -> Result<Created<Registration>> {
    crate::serialize(&cx).await?;
    let portal = portal_require(&cx, portal).await?;
    let application = application_in(cx.db(), portal.id, application).await?;
    let NewRegistration { api, status } = draft.parse()?;
    register(&cx, &portal, &application, api, status).await.map(|it| Created(it.into()))
}

async fn registration_get(
    cx: Cx,
    At((portal, application, id)): At<(PortalId, ApplicationId, RegistrationId)>,
) -> Result<Found<Registration>> {
    let application = application_in(cx.db(), portal, application).await?;
    registration_in(cx.db(), &application, id).await.map(|it| Found(it.into()))
}

async fn registration_update(
    cx: Cx,
    At((portal, application, id)): At<(PortalId, ApplicationId, RegistrationId)>,
    draft: Draft<Decision>,
) -> Result<Found<Registration>> {
    crate::serialize(&cx).await?;
    let application = application_in(cx.db(), portal, application).await?;
    let before = registration_in(cx.db(), &application, id).await?;
    let after = match draft.parse()?.status {
        Some(status) if status != before.status => decide(&cx, before, status).await?,
        _ => before,
    };
    Ok(Found(after.into()))
}

async fn registration_delete(
    cx: Cx,
    At((portal, application, id)): At<(PortalId, ApplicationId, RegistrationId)>,
) -> Result<Done> {
    crate::serialize(&cx).await?;
    let application = application_in(cx.db(), portal, application).await?;
    let before = registration_in(cx.db(), &application, id).await?;
    remove(&cx, before).await.map(|()| Done)
}

// What developers do.

/// An application of the developer who calls, or of a team of that developer, or 404.
pub(crate) async fn own_application(cx: &Cx, db: &OrgScope, id: ApplicationId) -> Result<Application> {
    let caller = cx.developer()?;
    let found = application_in(db, caller.portal, id).await?;
    let own = match found.owner.team() {
        Some(team) => member_has(db, team, caller.developer).await?,
        None => found.owner.developer() == Some(caller.developer),
    };
    if own { Ok(found) } else { Err(Problem::NotFound("application")) }
}

async fn own_list(
    cx: Cx,
    At(application): At<ApplicationId>,
    query: ListQuery,
) -> Result<Found<Paged<OwnRegistration>>> {
    let application = own_application(&cx, cx.db(), application).await?;
    let page = store::registration_list_of(cx.db(), application.id, &query).await?;
    Ok(Found(page.map(OwnRegistration::from)))
}

async fn own_create(
    cx: Cx,
    At(application): At<ApplicationId>,
    draft: Draft<Wish>,
) -> Result<Created<OwnRegistration>> {
    crate::serialize(&cx).await?;
    let application = own_application(&cx, cx.db(), application).await?;
    let Wish { api } = draft.parse()?;
    let portal = portal_get(cx.db(), application.portal_id).await?.ok_or(Problem::NotFound("portal"))?;
    register(&cx, &portal, &application, api, None).await.map(|it| Created(it.into()))
}

async fn own_get(
    cx: Cx,
    At((application, id)): At<(ApplicationId, RegistrationId)>,
) -> Result<Found<OwnRegistration>> {
    let application = own_application(&cx, cx.db(), application).await?;
    registration_in(cx.db(), &application, id).await.map(|it| Found(it.into()))
}

async fn own_delete(cx: Cx, At((application, id)): At<(ApplicationId, RegistrationId)>) -> Result<Done> {
    crate::serialize(&cx).await?;
    let application = own_application(&cx, cx.db(), application).await?;
    let before = registration_in(cx.db(), &application, id).await?;
    remove(&cx, before).await.map(|()| Done)
}
