//! Portals: where developers find APIs. Each has a domain of its own under the operator's, and a strategy that
//! is used for what is published in it unless something else is said.

pub mod classic;
pub mod http;
pub mod store;

use frame::{
    Cx,
    db::{OnConflict, Paged},
    input::{At, Query},
    reply::{Created, Done, Found},
};
use kernel::{
    Action, Body, Draft, Fault, Fields, Id, Invalid, Labels, LabelsPatch, Patch, PortalId, Problem, Reach,
    Result, StrategyId, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{Boolean, LabelChanges, OneOf, Text, id, text},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::applications::{
    lifecycle::{delete_all, wake},
    store::application_ids,
};
use crate::strategies::{
    strategy_named, strategy_of_keys,
    uses::{Use, UseKind, Uses, use_drop, use_drop_all, use_put, use_rename_all},
};

/// A portal (contract: `PortalResponse`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Portal {
    /// Its id.
    pub id: PortalId,
    /// Its name; no other of the organization has the same, whatever the case.
    pub name: String,
    /// Its name for developers.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether developers can sign in.
    pub authentication_enabled: bool,
    /// Whether developers see and use only what their teams may.
    pub rbac_enabled: bool,
    /// Whether only some addresses reach it, which is not to be had here.
    pub sipr_enabled: bool,
    /// Who sees an API in it unless its publication says something else.
    #[schemars(extend("enum" = VISIBILITIES))]
    pub default_api_visibility: String,
    /// Who sees a page of it unless the page says something else.
    #[schemars(extend("enum" = VISIBILITIES))]
    pub default_page_visibility: String,
    /// The strategy of what is published in it unless something else is said.
    pub default_application_auth_strategy_id: Option<StrategyId>,
    /// Whether developers are let in without anybody's approval.
    pub auto_approve_developers: bool,
    /// Whether applications are registered for APIs without anybody's approval.
    pub auto_approve_applications: bool,
    /// The domain that it was given.
    #[schemars(extend("format" = "hostname"))]
    pub default_domain: String,
    /// The domain that it is known by.
    #[schemars(extend("format" = "hostname"))]
    pub canonical_domain: String,
    /// Its labels.
    pub labels: Labels,
    /// Whether letters about registrations say who the developer is.
    pub notifications_developer_pii_visibility_enabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Who sees something in a portal: everybody, or who has signed in.
pub const VISIBILITIES: &[&str] = &["public", "private"];

/// The type, as assignments of roles name it.
const TYPE: &str = "Portals";
/// The kind, as permissions name it.
const KIND: &str = "portals";
/// The query parameter that deletes a portal with what is in it.
const FORCE: &str = "force";

/// What portals can be filtered and sorted by.
pub static PORTALS: Collection = Collection::numbered(
    KIND,
    &[
        Field::new("id", Kind::Id, Ops::UUID),
        Field::text("name", Ops::STRING).sortable(),
        Field::text("description", Ops::STRING).sortable(),
        Field::boolean("authentication_enabled").sortable(),
        Field::boolean("rbac_enabled").sortable(),
        Field::text("default_api_visibility", Ops::STRING),
        Field::text("default_page_visibility", Ops::STRING),
        Field::new(STRATEGY, Kind::Id, Ops::UUID).column("default_strategy_id"),
        Field::boolean("auto_approve_developers").sortable(),
        Field::boolean("auto_approve_applications").sortable(),
        Field::text("default_domain", Ops::STRING).sortable(),
        Field::text("canonical_domain", Ops::STRING).column("default_domain").sortable(),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

const NAME: Text = text(1, 255);
const DESCRIPTION: Text = text(0, 512);
const VISIBILITY: OneOf = OneOf(VISIBILITIES);
const STRATEGY: &str = "default_application_auth_strategy_id";
const RBAC: &str = "rbac_enabled";

/// A portal to be created.
pub struct NewPortal {
    name: String,
    display_name: Option<String>,
    description: Option<String>,
    strategy: Patch<StrategyId>,
    labels: Patch<LabelsPatch>,
    switches: Switches,
}

/// What both kinds of requests may say, and what need not be said.
struct Switches {
    authentication: Option<bool>,
    rbac: Option<bool>,
    api_visibility: Option<&'static str>,
    page_visibility: Option<&'static str>,
    approve_developers: Option<bool>,
    approve_applications: Option<bool>,
    developer_pii: Option<bool>,
}

fn switches(fields: &mut Fields<'_>) -> Option<Switches> {
    let authentication = fields.optional("authentication_enabled", Boolean);
    let rbac = fields.optional(RBAC, Boolean);
    let addresses = fields.optional("sipr_enabled", Boolean);
    if addresses == Some(Some(true)) {
        let why = "cannot be switched on: portals have no lists of addresses here";
        fields.fault("sipr_enabled", Fault::Rule(why.to_owned()));
    }
    let api_visibility = fields.optional("default_api_visibility", VISIBILITY);
    let page_visibility = fields.optional("default_page_visibility", VISIBILITY);
    let approve_developers = fields.optional("auto_approve_developers", Boolean);
    let approve_applications = fields.optional("auto_approve_applications", Boolean);
    let developer_pii = fields.optional("notifications_developer_pii_visibility_enabled", Boolean);
    addresses.and(Some(Switches {
        authentication: authentication?,
        rbac: rbac?,
        api_visibility: api_visibility?,
        page_visibility: page_visibility?,
        approve_developers: approve_developers?,
        approve_applications: approve_applications?,
        developer_pii: developer_pii?,
    }))
}

impl Body for NewPortal {
    const NAME: &'static str = "CreatePortal";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Self::with(fields, switches)
    }
}

impl NewPortal {
    /// The fields of both versions, and what one of them has beside.
    fn with(
        fields: &mut Fields<'_>,
        switches: impl FnOnce(&mut Fields<'_>) -> Option<Switches>,
    ) -> Option<Self> {
        let name = fields.required("name", NAME);
        let display_name = fields.optional("display_name", NAME);
        let description = fields.optional("description", DESCRIPTION);
        let strategy = fields.patch(STRATEGY, id());
        // Here a new object's labels may be null like those of a change.
        let labels = fields.patch("labels", LabelChanges);
        let switches = switches(fields);
        Some(Self {
            name: name?,
            display_name: display_name?,
            description: description?,
            strategy: strategy?,
            labels: labels?,
            switches: switches?,
        })
    }
}

/// A change of a portal.
pub struct PortalPatch {
    name: Patch<String>,
    display_name: Patch<String>,
    description: Patch<String>,
    strategy: Patch<StrategyId>,
    labels: Patch<LabelsPatch>,
    switches: Switches,
}

impl Body for PortalPatch {
    const NAME: &'static str = "UpdatePortal";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Self::with(fields, switches)
    }
}

impl PortalPatch {
    /// The fields of both versions, and what one of them has beside.
    fn with(
        fields: &mut Fields<'_>,
        switches: impl FnOnce(&mut Fields<'_>) -> Option<Switches>,
    ) -> Option<Self> {
        let name = fields.patch("name", NAME);
        let display_name = fields.patch("display_name", NAME);
        let description = fields.patch("description", DESCRIPTION);
        let strategy = fields.patch(STRATEGY, id());
        let labels = fields.patch("labels", LabelChanges);
        let switches = switches(fields);
        Some(Self {
            name: name?,
            display_name: display_name?,
            description: description?,
            strategy: strategy?,
            labels: labels?,
            switches: switches?,
        })
    }
}

/// The portal, or 404.
pub async fn portal_require(cx: &Cx, id: PortalId) -> Result<Portal> {
    store::portal_get(cx.db(), id).await?.ok_or(Problem::NotFound("portal"))
}

/// The portal, if the caller may see it: to others there is none.
pub(crate) async fn portal_seen(cx: &Cx, id: PortalId) -> Result<Portal> {
    if cx.may_here(Action::Read, &format!("{KIND}/{id}")) {
        portal_require(cx, id).await
    } else {
        Err(Problem::NotFound("portal"))
    }
}

/// What a request says of a switch, or how it is so far.
fn said<T: Body>(draft: &Draft<T>, field: &str, so_far: bool) -> bool {
    draft.at(field).and_then(|it| it.as_bool()).unwrap_or(so_far)
}

/// Teams of developers need developers that can sign in. Looks at the request beside what is so far.
fn check_rbac<T: Body>(draft: &Draft<T>, authentication: bool, rbac: bool, faults: &mut Vec<Invalid>) {
    if said(draft, RBAC, rbac) && !said(draft, "authentication_enabled", authentication) {
        faults.push(Invalid::body(RBAC, Fault::Rule("needs authentication_enabled".to_owned())));
    }
}

/// The 409 of a name that is taken.
fn taken(name: &str) -> String {
    format!("A portal with the name [{name}] already exists")
}

/// Notes which strategy is the portal's default.
async fn default_noted(cx: &Cx, portal: &Portal) -> Result<()> {
    let used_by = Id::from_uuid(portal.id.uuid());
    use_drop(cx.db(), UseKind::PortalDefault, used_by).await?;
    if let Some(strategy) = portal.default_application_auth_strategy_id {
        let label = portal.name.clone();
        let it = Use { kind: UseKind::PortalDefault, used_by, published: false, label };
        use_put(cx.db(), strategy, &it).await?;
    }
    Ok(())
}

/// A name in the operator's domain that nobody guesses.
fn new_domain(cx: &Cx) -> Result<String> {
    let mut random = [0; 8];
    cx.app().entropy.fill(&mut random[2..]);
    let domain = &crate::part(cx.app())?.settings.portal_domain;
    Ok(format!("{:012x}.{domain}", u64::from_be_bytes(random)))
}

async fn portal_list(cx: Cx, mut query: ListQuery) -> Result<Found<Paged<Portal>>> {
    if let Reach::Only(ids) = cx.reach(Action::List, KIND) {
        query.only(ids.iter().filter_map(|id| id.parse::<PortalId>().ok()));
    }
    store::portal_list(cx.db(), &query).await.map(Found)
}

async fn portal_get(cx: Cx, At(id): At<PortalId>) -> Result<Found<Portal>> {
    portal_require(&cx, id).await.map(Found)
}

async fn portal_create(cx: Cx, draft: Draft<NewPortal>) -> Result<Created<Portal>> {
    crate::serialize(&cx).await?;
    let mut faults = Vec::new();
    strategy_named(&cx, STRATEGY, draft.text(STRATEGY), None, &mut faults).await?;
    check_rbac(&draft, true, false, &mut faults);
    portal_add(&cx, draft.parse_with(faults)?).await.map(Created)
}

async fn portal_add(cx: &Cx, new: NewPortal) -> Result<Portal> {
    let labels = Labels::default().updated(&new.labels)?;
    if store::portal_name_taken(cx.db(), &new.name).await? {
        return Err(Problem::Conflict(taken(&new.name)));
    }
    let strategy = match new.strategy {
        Patch::Absent => {
            // As long as a strategy's name may be.
            let name = format!("{} keys", new.name).chars().take(256).collect();
            Some(strategy_of_keys(cx, name, "API key".to_owned()).await?.id)
        }
        Patch::Null => None,
        Patch::Value(id) => Some(id),
    };
    let domain = new_domain(cx)?;
    let now = cx.now();
    let Switches { authentication, rbac, api_visibility, page_visibility, .. } = new.switches;
    let Switches { approve_developers, approve_applications, developer_pii, .. } = new.switches;
    let portal = Portal {
        id: cx.new_id(),
        display_name: new.display_name.unwrap_or_else(|| new.name.clone()),
        name: new.name,
        description: new.description,
        authentication_enabled: authentication.unwrap_or(true),
        rbac_enabled: rbac.unwrap_or(false),
        sipr_enabled: false,
        default_api_visibility: api_visibility.unwrap_or("private").to_owned(),
        default_page_visibility: page_visibility.unwrap_or("private").to_owned(),
        default_application_auth_strategy_id: strategy,
        auto_approve_developers: approve_developers.unwrap_or(false),
        auto_approve_applications: approve_applications.unwrap_or(false),
        default_domain: domain.clone(),
        canonical_domain: domain,
        labels,
        notifications_developer_pii_visibility_enabled: developer_pii.unwrap_or(false),
        created_at: now,
        updated_at: now,
    };
    store::portal_insert(cx.db(), &portal).await.on_conflict(|| taken(&portal.name))?;
    store::portal_host_insert(cx.db(), &portal).await?;
    default_noted(cx, &portal).await?;
    cx.created(TYPE, portal.id).await?;
    cx.audit(Action::Create, format!("{KIND}/{}", portal.id), json!({ "after": portal })).await?;
    Ok(portal)
}

async fn portal_update(cx: Cx, At(id): At<PortalId>, draft: Draft<PortalPatch>) -> Result<Found<Portal>> {
    crate::serialize(&cx).await?;
    let before = portal_require(&cx, id).await?;
    let mut faults = Vec::new();
    let known = before.default_application_auth_strategy_id;
    strategy_named(&cx, STRATEGY, draft.text(STRATEGY), known, &mut faults).await?;
    check_rbac(&draft, before.authentication_enabled, before.rbac_enabled, &mut faults);
    portal_change(&cx, before, draft.parse_with(faults)?).await.map(Found)
}

/// What is published already keeps the strategy that it has.
async fn portal_change(cx: &Cx, before: Portal, patch: PortalPatch) -> Result<Portal> {
    let id = before.id;
    let said = patch.switches;
    let visibility = |said: Option<&str>, so_far: &str| said.unwrap_or(so_far).to_owned();
    let portal = Portal {
        id,
        name: patch.name.or(before.name.clone()),
        display_name: patch.display_name.or(before.display_name.clone()),
        description: patch.description.over(before.description.clone()),
        authentication_enabled: said.authentication.unwrap_or(before.authentication_enabled),
        rbac_enabled: said.rbac.unwrap_or(before.rbac_enabled),
        sipr_enabled: before.sipr_enabled,
        default_api_visibility: visibility(said.api_visibility, &before.default_api_visibility),
        default_page_visibility: visibility(said.page_visibility, &before.default_page_visibility),
        default_application_auth_strategy_id: patch
            .strategy
            .over(before.default_application_auth_strategy_id),
        auto_approve_developers: said.approve_developers.unwrap_or(before.auto_approve_developers),
        auto_approve_applications: said.approve_applications.unwrap_or(before.auto_approve_applications),
        default_domain: before.default_domain.clone(),
        canonical_domain: before.canonical_domain.clone(),
        labels: before.labels.updated(&patch.labels)?,
        notifications_developer_pii_visibility_enabled: said
            .developer_pii
            .unwrap_or(before.notifications_developer_pii_visibility_enabled),
        created_at: before.created_at,
        updated_at: cx.now(),
    };
    store::portal_update(cx.db(), &portal).await.on_conflict(|| taken(&portal.name))?;
    if (&portal.name, &portal.display_name) != (&before.name, &before.display_name) {
        crate::publications::store::portal_renamed(cx.db(), &portal).await?;
        use_rename_all(cx.db(), Uses::InPortal(id)).await?;
    }
    default_noted(cx, &portal).await?;
    let change = json!({ "before": before, "after": portal });
    cx.audit(Action::Edit, format!("{KIND}/{id}"), change).await?;
    Ok(portal)
}

/// Refuses to go on while the portal has what somebody may miss.
async fn check_empty(cx: &Cx, id: PortalId) -> Result<()> {
    let why = if crate::publications::store::published_in(cx.db(), id).await? > 0 {
        "APIs are published in the portal"
    } else if crate::portal_product_versions::store::registrable_in(cx.db(), id).await? > 0 {
        "The portal has product versions that applications can be registered for"
    } else if !application_ids(cx.db(), id, None).await?.is_empty() {
        "The portal has applications"
    } else {
        return Ok(());
    };
    Err(Problem::InvalidBecause(why, vec![Invalid::query(FORCE, Fault::Required)]))
}

/// What else belongs to a portal and is to go with it goes in here, in front of the portal.
async fn portal_delete(cx: Cx, At(id): At<PortalId>, query: Query) -> Result<Done> {
    crate::serialize(&cx).await?;
    let before = portal_require(&cx, id).await?;
    if !query.flag(FORCE, false)? {
        check_empty(&cx, id).await?;
    }
    let applications = delete_all(&cx, id, None).await?;
    use_drop_all(cx.db(), Uses::InPortal(id)).await?;
    let unpublished = crate::publications::store::publication_delete_in(cx.db(), id).await?;
    let versions = crate::portal_product_versions::store::version_delete_in(cx.db(), id).await?;
    use_drop(cx.db(), UseKind::PortalDefault, Id::from_uuid(id.uuid())).await?;
    store::portal_delete(cx.db(), id).await?;
    crate::gateway::changed(cx.app(), cx.db()).await?;
    let change = json!({
        "before": before, "unpublished_apis": unpublished, "removed_product_versions": versions,
        "deleted_applications": applications,
    });
    cx.audit(Action::Delete, format!("{KIND}/{id}"), change).await?;
    wake(&cx)?;
    Ok(Done)
}
