//! Registrations for versions of products as developers see them.

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Created, Done, Found},
};
use kernel::{
    ApplicationId, Body, Draft, Fields, Problem, ProductId, ProductVersionId, RegistrationId, Result,
    Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::id,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    STATUSES, Stored, already,
    developer::{own_offered, own_register, own_registration, own_remove},
    registration_in, store,
    targets::{OfVersion, Target as _},
};
use crate::applications::{
    Application, SCOPES,
    credentials::granted_scopes,
    developer::{GrantedScopes, own_application, reading},
    lifecycle::{check_scopes, update},
};

/// A registration, as the older API shows it to a developer.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClassicOwnRegistration {
    id: RegistrationId,
    #[schemars(extend("enum" = STATUSES))]
    status: String,
    product_id: ProductId,
    product_name: String,
    product_version_id: ProductVersionId,
    product_version_name: String,
    application_id: ApplicationId,
    /// The scopes that the application's developer chose, where developers do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    granted_scopes: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Stored<OfVersion>> for ClassicOwnRegistration {
    fn from(it: Stored<OfVersion>) -> Self {
        let OfVersion { id, name, product_id, product_name } = it.target;
        Self {
            id: it.id,
            status: it.status,
            product_id,
            product_name,
            product_version_id: id,
            product_version_name: name,
            application_id: it.application_id,
            granted_scopes: it.scopes,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// What a developer can filter registrations by.
pub static CLASSIC_OWN: Collection = Collection::numbered(
    "classic-own-registrations",
    &[
        Field::new("id", Kind::Id, Ops::EQ),
        Field::new("status", Kind::Word(STATUSES), Ops::EQ),
        Field::text("product_name", Ops::EQ_CONTAINS),
        Field::text("product_version_name", Ops::EQ_CONTAINS),
    ],
);

/// A registration that a developer asks for.
pub struct ClassicWish {
    version: ProductVersionId,
    scopes: Vec<String>,
}

impl Body for ClassicWish {
    const NAME: &'static str = "CreateRegistrationPayload";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let version = fields.required(OfVersion::BY, id());
        let scopes = fields.optional("scopes", SCOPES);
        Some(Self { version: version?, scopes: scopes?.unwrap_or_default() })
    }
}

pub(super) async fn classic_own_list(
    cx: Cx,
    At(application): At<ApplicationId>,
    query: ListQuery,
) -> Result<Found<Paged<ClassicOwnRegistration>>> {
    let application = own_application(&cx, cx.db(), application).await?;
    let page = store::classic_list_own(cx.db(), application.id, &query).await?;
    Ok(Found(page.map(ClassicOwnRegistration::from)))
}

/// Scopes belong to applications, so all registrations of one have the same: those that are asked for here are added
/// to them, before it is registered, since a provider is asked. What would be refused anyway changes nothing.
async fn add_scopes(cx: &Cx, application: Application, wish: &ClassicWish) -> Result<()> {
    {
        let db = reading(cx);
        own_offered::<OfVersion>(cx, &db, &application, wish.version).await?;
        if store::registration_of(&db, application.id, wish.version).await?.is_some() {
            return Err(Problem::Conflict(already::<OfVersion>()));
        }
    }
    let faults = check_scopes(&application.strategy, &wish.scopes);
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    let mut after = Application { updated_at: cx.now(), ..application.clone() };
    for scope in &wish.scopes {
        if !after.scopes.contains(scope) {
            after.scopes.push(scope.clone());
        }
    }
    if after.scopes.len() > application.scopes.len() {
        update(cx, application, after).await?;
    }
    Ok(())
}

pub(super) async fn classic_own_create(
    cx: Cx,
    At(id): At<ApplicationId>,
    draft: Draft<ClassicWish>,
) -> Result<Created<ClassicOwnRegistration>> {
    let application = own_application(&cx, &reading(&cx), id).await?;
    let wish = draft.parse()?;
    if !wish.scopes.is_empty() {
        add_scopes(&cx, application, &wish).await?;
    }
    crate::serialize(&cx).await?;
    let application = own_application(&cx, cx.db(), id).await?;
    own_register::<OfVersion>(&cx, &application, wish.version).await.map(|it| Created(it.into()))
}

pub(super) async fn classic_own_get(
    cx: Cx,
    At(ids): At<(ApplicationId, RegistrationId)>,
) -> Result<Found<ClassicOwnRegistration>> {
    own_registration(&cx, ids).await.map(|it| Found(it.into()))
}

pub(super) async fn classic_own_delete(cx: Cx, At(ids): At<(ApplicationId, RegistrationId)>) -> Result<Done> {
    own_remove::<OfVersion>(&cx, ids).await
}

pub(super) async fn classic_own_scopes(
    cx: Cx,
    At((application, id)): At<(ApplicationId, RegistrationId)>,
) -> Result<Found<GrantedScopes>> {
    let application = {
        let db = reading(&cx);
        let application = own_application(&cx, &db, application).await?;
        registration_in::<OfVersion>(&db, &application, id).await?;
        application
    };
    let scopes = granted_scopes(&cx, &application).await?;
    Ok(Found(GrantedScopes { scopes }))
}

/// The same, found by the version. Who is not registered for that has none there.
pub(super) async fn classic_own_scopes_of_version(
    cx: Cx,
    At((application, version)): At<(ApplicationId, ProductVersionId)>,
) -> Result<Found<GrantedScopes>> {
    let application = {
        let db = reading(&cx);
        let application = own_application(&cx, &db, application).await?;
        let found = store::registration_of(&db, application.id, version).await?;
        found.ok_or(Problem::NotFound("registration"))?;
        application
    };
    let scopes = granted_scopes(&cx, &application).await?;
    Ok(Found(GrantedScopes { scopes }))
}
