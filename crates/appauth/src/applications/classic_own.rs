//! Applications as their developers see them through the older API: the same applications, those of teams among them,
//! and the same rules. The client's id has another name there, and its secret another place.

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Created, Found},
};
use kernel::{
    ApplicationId, Body, CredentialId, Draft, Fault, Fields, Invalid, Problem, Result, Timestamp,
    query::ListQuery,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Application,
    credentials::{CredentialName, key_add, too_many},
    developer::{CreateOwn, Regenerated, UpdateOwn, change, make, own_application, secret_regenerate},
    keys::{Key, store::key_list},
    store::application_list_own,
    strategy::{CredentialType, PortalStrategy},
};

/// What a client's id is called in bodies.
const REFERENCE: &str = "reference_id";

/// An application, as the older API shows it to its developer.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClassicOwnApplication {
    id: ApplicationId,
    name: String,
    description: Option<String>,
    redirect_uri: Option<String>,
    /// Its client. Empty with keys, and while a provider has not made one.
    reference_id: String,
    auth_strategy: PortalStrategy,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An application that was just made.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NewClassicOwnApplication {
    id: ApplicationId,
    name: String,
    description: Option<String>,
    redirect_uri: Option<String>,
    /// Its client. Empty with keys.
    reference_id: String,
    /// What its client is used with, if one was made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Regenerated")]
    credentials: Option<Regenerated>,
    auth_strategy: PortalStrategy,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Application> for ClassicOwnApplication {
    fn from(it: Application) -> Self {
        Self {
            auth_strategy: (&it.strategy).into(),
            id: it.id,
            name: it.name,
            description: it.description,
            redirect_uri: it.redirect_uri,
            reference_id: it.client_id.unwrap_or_default(),
            scopes: it.scopes,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// An application that a developer makes.
pub struct ClassicCreateOwn(CreateOwn);

impl Body for ClassicCreateOwn {
    const NAME: &'static str = "CreateApplicationPayload";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        CreateOwn::alone(fields, REFERENCE).map(Self)
    }
}

impl From<ClassicCreateOwn> for CreateOwn {
    fn from(ClassicCreateOwn(it): ClassicCreateOwn) -> Self {
        it
    }
}

/// A change of an application by its developer.
pub struct ClassicUpdateOwn(UpdateOwn);

impl Body for ClassicUpdateOwn {
    const NAME: &'static str = "UpdateApplicationPayload";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        UpdateOwn::alone(fields, REFERENCE).map(Self)
    }
}

impl From<ClassicUpdateOwn> for UpdateOwn {
    fn from(ClassicUpdateOwn(it): ClassicUpdateOwn) -> Self {
        it
    }
}

pub(super) async fn classic_own_create(
    cx: Cx,
    draft: Draft<ClassicCreateOwn>,
) -> Result<Created<NewClassicOwnApplication>> {
    let made = make(&cx, draft).await?;
    let ClassicOwnApplication {
        id,
        name,
        description,
        redirect_uri,
        reference_id,
        auth_strategy,
        scopes,
        created_at,
        updated_at,
    } = made.application.into();
    Ok(Created(NewClassicOwnApplication {
        id,
        name,
        description,
        redirect_uri,
        reference_id,
        credentials: made.issued.map(Regenerated::from),
        auth_strategy,
        scopes,
        created_at,
        updated_at,
    }))
}

pub(super) async fn classic_own_list(
    cx: Cx,
    query: ListQuery,
) -> Result<Found<Paged<ClassicOwnApplication>>> {
    let caller = cx.developer()?;
    let page = application_list_own(cx.db(), caller.portal, caller.developer, &query).await?;
    Ok(Found(page.map(ClassicOwnApplication::from)))
}

pub(super) async fn classic_own_get(
    cx: Cx,
    At(id): At<ApplicationId>,
) -> Result<Found<ClassicOwnApplication>> {
    own_application(&cx, cx.db(), id).await.map(|it| Found(it.into()))
}

pub(super) async fn classic_own_update(
    cx: Cx,
    At(id): At<ApplicationId>,
    draft: Draft<ClassicUpdateOwn>,
) -> Result<Found<ClassicOwnApplication>> {
    change(&cx, id, draft).await.map(|it| Found(it.into()))
}

/// A key in a list, as the older API shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClassicKey {
    id: CredentialId,
    display_name: String,
}

/// A key that was just made.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NewClassicKey {
    id: CredentialId,
    display_name: String,
    /// The key itself, shown this once.
    credential: String,
}

/// The keys of an application; of clients the older API lists no secrets.
pub(super) async fn classic_key_list(
    cx: Cx,
    At(id): At<ApplicationId>,
    query: ListQuery,
) -> Result<Found<Paged<ClassicKey>>> {
    let application = own_application(&cx, cx.db(), id).await?;
    let page = key_list(cx.db(), application.id, &query).await?;
    Ok(Found(page.map(|Key { id, display_name, .. }| ClassicKey { id, display_name })))
}

pub(super) async fn classic_key_create(
    cx: Cx,
    At(id): At<ApplicationId>,
    draft: Draft<CredentialName>,
) -> Result<Created<NewClassicKey>> {
    let application = own_application(&cx, cx.db(), id).await?;
    let name = draft.parse()?;
    let keys = application.strategy.credential_type() == CredentialType::KeyAuth;
    // Whoever has a client has one secret here, and replaces it.
    let (key, secret) = if keys { key_add(&cx, &application, name).await? } else { return Err(too_many(1)) };
    let (id, display_name) = (key.id, key.display_name);
    Ok(Created(NewClassicKey { id, display_name, credential: secret.reveal().clone() }))
}

/// The same as in version 3, but for a refusal that the older API does not know.
pub(super) async fn classic_secret_refresh(cx: Cx, at: At<ApplicationId>) -> Result<Created<Regenerated>> {
    secret_regenerate(cx, at).await.map_err(|problem| match problem {
        Problem::Conflict(why) => {
            let fault = Fault::Rule(format!("names an application whose secret cannot be replaced. {why}"));
            Problem::Invalid(vec![Invalid::path("applicationId", fault)])
        }
        other => other,
    })
}
