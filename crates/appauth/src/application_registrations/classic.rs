//! Registrations for versions of products as the organization sees them. The older way of publishing has no words for
//! teams: where one owns the application it stands for the developer, so that nobody is let in whom nobody sees.

use frame::{
    Cx,
    db::{FromRow, OrgScope, Paged, Row},
    input::At,
    reply::{Done, Found},
};
use kernel::{
    ApplicationId, Draft, Id, PortalId, Problem, ProductId, ProductVersionId, RegistrationId, Result,
    Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Decision, STATUSES, Stored, admin::ApplicationOf, decide, registration_in, remove, store,
    targets::OfVersion,
};
use crate::{
    applications::{credentials::granted_scopes, developer::reading, lifecycle::application_in},
    portals::portal_require,
};

/// A registration (contract: `ApplicationRegistration` of Portal Management v2).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClassicRegistration {
    /// Its id.
    pub id: RegistrationId,
    /// What was said to it.
    #[schemars(extend("enum" = STATUSES))]
    pub status: String,
    /// The product.
    pub product: ProductOf,
    /// The product's version.
    pub product_version: VersionOf,
    /// The application.
    pub application: ApplicationOf,
    /// The developer whose the application is, or the team.
    pub developer: OwnerOf,
    /// The scopes that the application's developer chose, where developers do.
    pub granted_scopes: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The product of a registration.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct ProductOf {
    id: ProductId,
    name: String,
}

/// The version of a registration.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct VersionOf {
    id: ProductVersionId,
    name: String,
}

/// Whose the application of a registration is.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct OwnerOf {
    id: Id<()>,
    name: String,
}

/// A registration and the owner of its application.
pub struct Owned(Stored<OfVersion>, OwnerOf);

impl FromRow for Owned {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let owner = OwnerOf { id: row.get("owner_id")?, name: row.get("owner_name")? };
        Ok(Self(Stored::from_row(row)?, owner))
    }
}

impl From<Owned> for ClassicRegistration {
    fn from(Owned(it, owner): Owned) -> Self {
        let OfVersion { id, name, product_id, product_name } = it.target;
        Self {
            id: it.id,
            status: it.status,
            product: ProductOf { id: product_id, name: product_name },
            product_version: VersionOf { id, name },
            application: ApplicationOf { id: it.application_id, name: it.application_name },
            developer: owner,
            granted_scopes: (!it.scopes.is_empty()).then_some(it.scopes),
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// What registrations of a portal can be filtered and sorted by.
pub static CLASSIC_OF_PORTAL: Collection = Collection::numbered(
    "classic-application-registrations",
    &[
        Field::new("developer_id", Kind::Id, Ops::UUID).column("owner_id").sortable(),
        Field::text("developer_name", Ops::STRING).column("owner_name"),
        Field::text("application_name", Ops::STRING),
        Field::text("status", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

/// The same of one application.
pub static CLASSIC_OF_APPLICATION: Collection = Collection::numbered(
    "classic-registrations-of-application",
    &[
        Field::text("status", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

pub(super) async fn classic_list_in_portal(
    cx: Cx,
    At(portal): At<PortalId>,
    query: ListQuery,
) -> Result<Found<Paged<ClassicRegistration>>> {
    portal_require(&cx, portal).await?;
    let page = store::classic_list_in(cx.db(), portal, &query).await?;
    Ok(Found(page.map(ClassicRegistration::from)))
}

pub(super) async fn classic_list(
    cx: Cx,
    At((portal, application)): At<(PortalId, ApplicationId)>,
    query: ListQuery,
) -> Result<Found<Paged<ClassicRegistration>>> {
    let application = application_in(cx.db(), portal, application).await?;
    let page = store::classic_list_of(cx.db(), application.id, &query).await?;
    Ok(Found(page.map(ClassicRegistration::from)))
}

/// The registration of the application, or 404.
async fn owned(
    db: &OrgScope,
    (portal, application, id): (PortalId, ApplicationId, RegistrationId),
) -> Result<Owned> {
    let application = application_in(db, portal, application).await?;
    let found = store::classic_get(db, application.id, id).await?;
    found.ok_or(Problem::NotFound("registration"))
}

pub(super) async fn classic_get(
    cx: Cx,
    At(ids): At<(PortalId, ApplicationId, RegistrationId)>,
) -> Result<Found<ClassicRegistration>> {
    owned(cx.db(), ids).await.map(|it| Found(it.into()))
}

pub(super) async fn classic_update(
    cx: Cx,
    At(ids): At<(PortalId, ApplicationId, RegistrationId)>,
    draft: Draft<Decision>,
) -> Result<Found<ClassicRegistration>> {
    crate::serialize(&cx).await?;
    let Owned(before, owner) = owned(cx.db(), ids).await?;
    let after = decide(&cx, before, draft).await?;
    Ok(Found(Owned(after, owner).into()))
}

pub(super) async fn classic_delete(
    cx: Cx,
    At(ids): At<(PortalId, ApplicationId, RegistrationId)>,
) -> Result<Done> {
    crate::serialize(&cx).await?;
    let Owned(before, _) = owned(cx.db(), ids).await?;
    remove(&cx, before).await.map(|()| Done)
}

/// The scopes of a registration (contract: `ListGrantedScopesResponse`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ListedScopes {
    data: Vec<String>,
}

pub(super) async fn classic_scopes(
    cx: Cx,
    At((portal, application, id)): At<(PortalId, ApplicationId, RegistrationId)>,
) -> Result<Found<ListedScopes>> {
    let application = {
        // Over before a provider is asked.
        let db = reading(&cx);
        let application = application_in(&db, portal, application).await?;
        registration_in::<OfVersion>(&db, &application, id).await?;
        application
    };
    let data = match granted_scopes(&cx, &application).await {
        // Where nobody tells, those that its developer chose: the contract knows no refusal here.
        Err(Problem::Unprocessable(..)) => application.scopes,
        told => told?,
    };
    Ok(Found(ListedScopes { data }))
}
