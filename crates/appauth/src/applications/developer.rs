//! Applications as their developers see them.

use frame::{
    Cx,
    db::{OrgScope, Paged},
    input::At,
    reply::{Created, Done, Found, FoundEmpty},
};
use kernel::{
    ApplicationId, Body, Draft, Fault, Fields, Invalid, Labels, Patch, PortalTeamId, Problem, Result,
    StrategyId, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::id,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Application, CLIENT_ID, DESCRIPTION, NAME, NewApplication, Owner, RedirectUri, SCOPES,
    admin::check_team,
    credentials::{self, CredentialName, CredentialRename, ListedCredential, NewCredential},
    lifecycle::{self, Made, application_in, check, create, strategy_of},
    store::{application_list_own, strategies_of_portal, strategy_list_of_portal},
    strategy::{CredentialType, PortalStrategy, StrategyOf},
};
use crate::{portal_teams::store::member_has, portals::store::portal_get, registration::Issued};

/// An application (contract: `GetApplicationResponse` of the portal).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OwnApplication {
    id: ApplicationId,
    name: String,
    description: Option<String>,
    redirect_uri: Option<String>,
    /// Its client, if it has one. It is left out while the identity provider has not made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    client_id: Option<String>,
    auth_strategy: PortalStrategy,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    /// The team that it is of, if it is not the developer's own.
    team_id: Option<PortalTeamId>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An application that was just made (contract: `CreateApplicationResponse`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NewOwnApplication {
    id: ApplicationId,
    name: String,
    description: Option<String>,
    redirect_uri: Option<String>,
    /// Its client, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    client_id: Option<String>,
    /// The client's secret, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    client_secret: Option<String>,
    auth_strategy: PortalStrategy,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    /// The team that it is of, if it is not the developer's own.
    team_id: Option<PortalTeamId>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Application> for OwnApplication {
    fn from(it: Application) -> Self {
        Self {
            auth_strategy: (&it.strategy).into(),
            id: it.id,
            name: it.name,
            description: it.description,
            redirect_uri: it.redirect_uri,
            client_id: it.client_id,
            scopes: it.scopes,
            team_id: it.owner.team(),
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// What a client's id is called in bodies.
const CLIENT: &str = "client_id";

/// An application that a developer makes.
pub struct CreateOwn {
    /// What the client's id is called in the body.
    client: &'static str,
    name: String,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    description: Option<String>,
    strategy: Option<StrategyId>,
    scopes: Vec<String>,
    team: Patch<PortalTeamId>,
}

impl Body for CreateOwn {
    const NAME: &'static str = "CreateApplication";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let new = Self::alone(fields, CLIENT);
        let team = fields.patch("team_id", id());
        Some(Self { team: team?, ..new? })
    }
}

impl CreateOwn {
    /// What both versions of the API read, which have different names for a client's id. The older one knows no teams.
    pub(super) fn alone(fields: &mut Fields<'_>, client: &'static str) -> Option<Self> {
        let name = fields.required("name", NAME);
        let client_id = fields.optional(client, CLIENT_ID);
        let redirect_uri = fields.optional("redirect_uri", RedirectUri);
        let description = fields.optional("description", DESCRIPTION);
        let strategy = fields.optional("auth_strategy_id", id());
        let scopes = fields.optional("scopes", SCOPES);
        Some(Self {
            client,
            name: name?,
            client_id: client_id?,
            redirect_uri: redirect_uri?,
            description: description?,
            strategy: strategy?,
            scopes: scopes?.unwrap_or_default(),
            team: Patch::Absent,
        })
    }
}

/// A change of an application by its developer.
pub struct UpdateOwn {
    /// What the client's id is called in the body.
    client: &'static str,
    name: Patch<String>,
    client_id: Patch<String>,
    redirect_uri: Patch<String>,
    description: Patch<String>,
    scopes: Patch<Vec<String>>,
    team: Patch<PortalTeamId>,
}

impl Body for UpdateOwn {
    const NAME: &'static str = "UpdateApplication";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let change = Self::alone(fields, CLIENT);
        let team = fields.patch("team_id", id());
        Some(Self { team: team?, ..change? })
    }
}

impl UpdateOwn {
    /// What both versions of the API read.
    pub(super) fn alone(fields: &mut Fields<'_>, client: &'static str) -> Option<Self> {
        let name = fields.patch("name", NAME);
        let client_id = fields.patch(client, CLIENT_ID);
        let redirect_uri = fields.patch("redirect_uri", RedirectUri);
        let description = fields.patch("description", DESCRIPTION);
        let scopes = fields.patch("scopes", SCOPES);
        Some(Self {
            client,
            name: name?,
            client_id: client_id?,
            redirect_uri: redirect_uri?,
            description: description?,
            scopes: scopes?,
            team: Patch::Absent,
        })
    }
}

/// What is wrong with a client's id, where the body has it.
fn named(mut fault: Invalid, client: &str) -> Invalid {
    if fault.field == CLIENT {
        client.clone_into(&mut fault.field);
    }
    fault
}

/// The field that tells how applications prove who they are.
pub(super) const CREDENTIAL_TYPE: &str = "credential_type";

/// What a developer's strategies can be filtered by.
pub static STRATEGIES: Collection = Collection::numbered(
    "portal-strategies",
    &[
        Field::text("name", Ops::EQ_CONTAINS).column("display_name"),
        Field::new(
            CREDENTIAL_TYPE,
            Kind::Word(&["client_credentials", "self_managed_client_credentials", "key_auth"]),
            Ops::EQ,
        ),
    ],
);

/// Whose an application is to be: a team's that the developer is in, or with `null` the developer's own.
async fn owner_named(
    cx: &Cx,
    db: &OrgScope,
    named: Patch<PortalTeamId>,
    so_far: Owner,
    mine: Owner,
    faults: &mut Vec<Invalid>,
) -> Result<Owner> {
    let team = match named {
        Patch::Absent => return Ok(so_far),
        Patch::Null => return Ok(mine),
        Patch::Value(team) => team,
    };
    let caller = cx.developer()?;
    if member_has(db, team, caller.developer).await? {
        check_team(db, caller.portal, team, "team_id", faults).await?;
    } else {
        faults.push(Invalid::body("team_id", Fault::MissingReference("Team")));
    }
    Ok(Owner::of_team(team))
}

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

/// A transaction that reads, and is over before a provider is asked, or another one is begun: whoever holds a
/// connection must not wait for a second.
pub(crate) fn reading(cx: &Cx) -> OrgScope {
    OrgScope::new(cx.app().db.read(), cx.org())
}

pub(super) async fn own_strategies(cx: Cx, query: ListQuery) -> Result<Found<Paged<PortalStrategy>>> {
    let caller = cx.developer()?;
    let page = strategy_list_of_portal(cx.db(), caller.portal, query).await?;
    Ok(Found(page.map(|strategy| PortalStrategy::from(&StrategyOf::from(&strategy)))))
}

/// Makes an application, whichever version of the API it is asked for in.
pub(super) async fn make<B: Body + Into<CreateOwn>>(cx: &Cx, draft: Draft<B>) -> Result<Made> {
    let caller = cx.developer()?;
    let db = reading(cx);
    let portal = portal_get(&db, caller.portal).await?.ok_or(Problem::NotFound("portal"))?;
    let asked: CreateOwn = draft.parse()?.into();
    let mut faults = Vec::new();
    // Only what the portal offers: others of the organization are none of a developer's business.
    let offered = strategies_of_portal(&db, portal.id).await?;
    if asked.strategy.is_some_and(|id| !offered.contains(&id)) {
        let fault = Fault::MissingReference("Application auth strategy");
        return Err(Problem::invalid("auth_strategy_id", fault));
    }
    let strategy = strategy_of(&db, &portal, asked.strategy, &mut faults).await?;
    let Some(strategy) = strategy else { return Err(Problem::Invalid(faults)) };
    let mine = Owner::of_developer(caller.developer);
    let owner = owner_named(cx, &db, asked.team, mine, mine, &mut faults).await?;
    let new = NewApplication {
        portal: portal.id,
        owner,
        name: asked.name,
        description: asked.description,
        strategy: strategy.id,
        client_id: asked.client_id,
        dcr_client_id: None,
        redirect_uri: asked.redirect_uri,
        scopes: asked.scopes,
        labels: Labels::default(),
    };
    drop(db);
    let of_strategy = check(&new, &strategy);
    faults.extend(of_strategy.into_iter().map(|fault| named(fault, asked.client)));
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    create(cx, new, strategy).await
}

pub(super) async fn own_create(cx: Cx, draft: Draft<CreateOwn>) -> Result<Created<NewOwnApplication>> {
    let made = make(&cx, draft).await?;
    let client_secret = made.issued.map(|issued| issued.secret.reveal().clone());
    let OwnApplication { id, name, description, redirect_uri, client_id, auth_strategy, scopes, .. } =
        made.application.clone().into();
    Ok(Created(NewOwnApplication {
        id,
        name,
        description,
        redirect_uri,
        client_id,
        client_secret,
        auth_strategy,
        scopes,
        team_id: made.application.owner.team(),
        created_at: made.application.created_at,
        updated_at: made.application.updated_at,
    }))
}

pub(super) async fn own_list(cx: Cx, query: ListQuery) -> Result<Found<Paged<OwnApplication>>> {
    let caller = cx.developer()?;
    let page = application_list_own(cx.db(), caller.portal, caller.developer, &query).await?;
    Ok(Found(page.map(OwnApplication::from)))
}

pub(super) async fn own_get(cx: Cx, At(id): At<ApplicationId>) -> Result<Found<OwnApplication>> {
    own_application(&cx, cx.db(), id).await.map(|it| Found(it.into()))
}

/// Changes an application, whichever version of the API says how.
pub(super) async fn change<B: Body + Into<UpdateOwn>>(
    cx: &Cx,
    id: ApplicationId,
    draft: Draft<B>,
) -> Result<Application> {
    let db = reading(cx);
    let before = own_application(cx, &db, id).await?;
    let patch: UpdateOwn = draft.parse()?.into();
    let mut faults = Vec::new();
    let own_client = before.strategy.credential_type() == CredentialType::SelfManagedClientCredentials;
    if !own_client && matches!(patch.client_id, Patch::Value(_)) {
        let why = "cannot be changed: it is not the developer's own client";
        faults.push(Invalid::body(patch.client, Fault::Rule(why.to_owned())));
    }
    let mine = Owner::of_developer(cx.developer()?.developer);
    let owner = owner_named(cx, &db, patch.team, before.owner, mine, &mut faults).await?;
    let after = Application {
        owner,
        name: patch.name.or(before.name.clone()),
        client_id: match patch.client_id {
            Patch::Value(client) if own_client => Some(client),
            _ => before.client_id.clone(),
        },
        redirect_uri: patch.redirect_uri.over(before.redirect_uri.clone()),
        // The contract takes one away by an empty text only.
        description: match patch.description {
            Patch::Value(text) => Some(text),
            Patch::Absent | Patch::Null => before.description.clone(),
        },
        scopes: patch.scopes.or(before.scopes.clone()),
        updated_at: cx.now(),
        ..before.clone()
    };
    let portal = portal_get(&db, before.portal_id).await?.ok_or(Problem::NotFound("portal"))?;
    let as_new = NewApplication {
        portal: portal.id,
        owner: after.owner,
        name: after.name.clone(),
        description: after.description.clone(),
        strategy: after.strategy.id,
        client_id: after.client_id.clone().filter(|_| own_client),
        dcr_client_id: None,
        redirect_uri: after.redirect_uri.clone(),
        scopes: after.scopes.clone(),
        labels: after.labels.clone(),
    };
    drop(db);
    let of_strategy = check(&as_new, &after.strategy);
    faults.extend(of_strategy.into_iter().map(|fault| named(fault, patch.client)));
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    lifecycle::update(cx, before, after).await
}

pub(super) async fn own_update(
    cx: Cx,
    At(id): At<ApplicationId>,
    draft: Draft<UpdateOwn>,
) -> Result<Found<OwnApplication>> {
    change(&cx, id, draft).await.map(|it| Found(it.into()))
}

pub(super) async fn own_delete(cx: Cx, At(id): At<ApplicationId>) -> Result<Done> {
    let application = own_application(&cx, &reading(&cx), id).await?;
    lifecycle::delete(&cx, application).await.map(|()| Done)
}

/// What a client is used with (contract: `RefreshTokenPayload`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Regenerated {
    client_id: String,
    /// Shown this once.
    client_secret: String,
}

impl From<Issued> for Regenerated {
    fn from(issued: Issued) -> Self {
        Self { client_id: issued.client.id, client_secret: issued.secret.reveal().clone() }
    }
}

pub(super) async fn secret_regenerate(cx: Cx, At(id): At<ApplicationId>) -> Result<Created<Regenerated>> {
    let application = own_application(&cx, &reading(&cx), id).await?;
    lifecycle::regenerate(&cx, &application).await.map(|issued| Created(issued.into()))
}

/// The scopes of an application's client (contract: `GrantedScopesResponse`).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GrantedScopes {
    pub(crate) scopes: Vec<String>,
}

pub(super) async fn scopes_granted(cx: Cx, At(id): At<ApplicationId>) -> Result<Found<GrantedScopes>> {
    let application = own_application(&cx, &reading(&cx), id).await?;
    let scopes = credentials::granted_scopes(&cx, &application).await?;
    Ok(Found(GrantedScopes { scopes }))
}

pub(super) async fn own_credentials(
    cx: Cx,
    At(id): At<ApplicationId>,
    query: ListQuery,
) -> Result<Found<Paged<ListedCredential>>> {
    let application = own_application(&cx, &reading(&cx), id).await?;
    credentials::credential_list(&cx, &application, &query).await.map(Found)
}

pub(super) async fn own_credential_create(
    cx: Cx,
    At(id): At<ApplicationId>,
    draft: Draft<CredentialName>,
) -> Result<Created<NewCredential>> {
    let application = own_application(&cx, &reading(&cx), id).await?;
    credentials::credential_create(&cx, &application, draft.parse()?).await.map(Created)
}

pub(super) async fn own_credential_update(
    cx: Cx,
    At((id, credential)): At<(ApplicationId, String)>,
    draft: Draft<CredentialRename>,
) -> Result<FoundEmpty> {
    let application = own_application(&cx, &reading(&cx), id).await?;
    credentials::credential_update(&cx, &application, &credential, draft).await?;
    Ok(FoundEmpty)
}

pub(super) async fn own_credential_delete(
    cx: Cx,
    At((id, credential)): At<(ApplicationId, String)>,
) -> Result<Done> {
    let application = own_application(&cx, &reading(&cx), id).await?;
    credentials::credential_delete(&cx, &application, &credential).await.map(|()| Done)
}
