//! Applications as the older API has them: the same applications, as far as one developer owns them, since it has no
//! words for those of teams.

use frame::{
    Cx,
    db::{FromRow, OrgScope, Paged, Row},
    input::At,
    reply::{Done, Found},
};
use kernel::{
    Action, ApplicationId, DeveloperId, Labels, PortalId, Problem, Result, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Application,
    admin::{PortalOf, ProviderOf},
    lifecycle::{self, application_in},
    place,
    store::{application_get, classic_list},
    strategy::ShownStrategy,
};
use crate::{developers::store::developer_get, portals::portal_require};

/// An application (contract: `Application` of Portal Management v2).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClassicApplication {
    /// Its id.
    pub id: ApplicationId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The client that its tokens name. Empty with keys, and while a provider has not made one.
    pub reference_id: String,
    /// For how many versions of products it is registered, or wants to be.
    pub registration_count: i64,
    dcr_provider: Option<ProviderOf>,
    portal: PortalOf,
    developer: DeveloperOf,
    auth_strategy: ShownStrategy,
    /// The scopes that its developer chose, where developers do.
    pub granted_scopes: Option<Vec<String>>,
    /// Its labels.
    pub labels: Labels,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The developer of an application.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct DeveloperOf {
    id: DeveloperId,
    name: String,
    email: String,
}

/// An application and its developer.
pub struct Owned(Application, DeveloperOf);

impl FromRow for Owned {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let developer = DeveloperOf {
            id: row.get("developer_id")?,
            name: row.get("developer_name")?,
            email: row.get("developer_email")?,
        };
        Ok(Self(Application::from_row(row)?, developer))
    }
}

impl From<Owned> for ClassicApplication {
    fn from(Owned(it, developer): Owned) -> Self {
        Self {
            auth_strategy: ShownStrategy::from(&it.strategy),
            id: it.id,
            name: it.name,
            description: it.description,
            reference_id: it.client_id.unwrap_or_default(),
            registration_count: it.version_registration_count,
            dcr_provider: it.strategy.provider.map(|id| ProviderOf { id }),
            portal: PortalOf { id: it.portal_id },
            developer,
            granted_scopes: (!it.scopes.is_empty()).then_some(it.scopes),
            labels: it.labels,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// What they can be filtered and sorted by.
pub static CLASSIC: Collection = Collection::numbered(
    "classic-applications",
    &[
        Field::new("developer_id", Kind::Id, Ops::UUID).sortable(),
        Field::text("developer_name", Ops::STRING),
        Field::text("developer_email", Ops::STRING),
        Field::text("name", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
    ],
);

/// With its developer, or 404.
async fn owned(db: &OrgScope, application: Application) -> Result<Owned> {
    let missing = Problem::NotFound("application");
    let Some(id) = application.owner.developer() else { return Err(missing) };
    let developer = developer_get(db, application.portal_id, id).await?.ok_or(missing)?;
    Ok(Owned(application, DeveloperOf { id, name: developer.full_name, email: developer.email }))
}

pub(super) async fn classic_list_of(
    cx: Cx,
    At(portal): At<PortalId>,
    query: ListQuery,
) -> Result<Found<Paged<ClassicApplication>>> {
    portal_require(&cx, portal).await?;
    let page = classic_list(cx.db(), portal, &query).await?;
    Ok(Found(page.map(ClassicApplication::from)))
}

pub(super) async fn classic_get_in(
    cx: Cx,
    At((portal, id)): At<(PortalId, ApplicationId)>,
) -> Result<Found<ClassicApplication>> {
    let application = application_in(cx.db(), portal, id).await?;
    owned(cx.db(), application).await.map(|it| Found(it.into()))
}

/// Whoever may not read it where it is sees none.
pub(super) async fn classic_get_anywhere(
    cx: Cx,
    At(id): At<ApplicationId>,
) -> Result<Found<ClassicApplication>> {
    let found = application_get(cx.db(), id).await?;
    let seen = found.filter(|it| cx.may_here(Action::Read, &place(it.portal_id, it.id)));
    owned(cx.db(), seen.ok_or(Problem::NotFound("application"))?).await.map(|it| Found(it.into()))
}

pub(super) async fn classic_delete_in(
    cx: Cx,
    At((portal, id)): At<(PortalId, ApplicationId)>,
) -> Result<Done> {
    let Owned(application, _) = {
        // Of its own: this request's transaction must not be open while a provider is asked.
        let db = OrgScope::new(cx.app().db.read(), cx.org());
        owned(&db, application_in(&db, portal, id).await?).await?
    };
    lifecycle::delete(&cx, application).await.map(|()| Done)
}
