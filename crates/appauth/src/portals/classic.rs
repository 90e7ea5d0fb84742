//! Portals as the older API has them: the same portals, with other words for some of what they have.

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Created, Found},
};
use kernel::{
    Action, Body, Draft, Fault, Fields, Invalid, Labels, PortalId, Problem, Reach, Result, StrategyId,
    Timestamp,
    query::{Collection, Field, Kind, ListQuery, Op, Ops, Value},
    rules::Boolean,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    KIND, NewPortal, Portal, PortalPatch, RBAC, STRATEGY, Switches, portal_add, portal_change,
    portal_require, said, store,
};
use crate::{OnlyNull, strategies::strategy_named};

/// A portal (contract: `Portal` of Portal Management v2).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClassicPortal {
    /// Its id.
    pub id: PortalId,
    /// Its name; no other of the organization has the same, whatever the case.
    pub name: String,
    /// Its name for developers.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether there are no developers in it that sign in.
    pub is_public: bool,
    /// Whether developers see and use only what their teams may.
    pub rbac_enabled: bool,
    /// Whether applications are registered without anybody's approval.
    pub auto_approve_applications: bool,
    /// Whether developers are let in without anybody's approval.
    pub auto_approve_developers: bool,
    /// The domain that it was given.
    #[schemars(extend("format" = "hostname"))]
    pub default_domain: String,
    /// A domain of the organization's own, which is not to be had here.
    pub custom_domain: (),
    /// A domain of a client of the organization's own, which is not to be had here.
    pub custom_client_domain: (),
    /// The strategy of what is published in it unless something else is said.
    pub default_application_auth_strategy_id: Option<StrategyId>,
    /// Its labels.
    pub labels: Labels,
    /// How many applications there are in it.
    pub application_count: i64,
    /// How many developers there are in it.
    pub developer_count: i64,
    /// How many products are published in it.
    pub published_product_count: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What there is so many of in a portal.
#[derive(Default)]
pub(super) struct Counts {
    pub products: i64,
    pub developers: i64,
    pub applications: i64,
}

impl ClassicPortal {
    pub(super) fn new(portal: Portal, counts: Counts) -> Self {
        Self {
            id: portal.id,
            name: portal.name,
            display_name: portal.display_name,
            description: portal.description,
            is_public: !portal.authentication_enabled,
            rbac_enabled: portal.rbac_enabled,
            auto_approve_applications: portal.auto_approve_applications,
            auto_approve_developers: portal.auto_approve_developers,
            default_domain: portal.default_domain,
            custom_domain: (),
            custom_client_domain: (),
            default_application_auth_strategy_id: portal.default_application_auth_strategy_id,
            labels: portal.labels,
            application_count: counts.applications,
            developer_count: counts.developers,
            published_product_count: counts.products,
            created_at: portal.created_at,
            updated_at: portal.updated_at,
        }
    }
}

const PUBLIC: &str = "is_public";

/// What these portals can be filtered and sorted by. `is_public` is the reverse of the column.
pub static CLASSIC: Collection = Collection::numbered(
    KIND,
    &[
        Field::new("id", Kind::Id, Ops::UUID),
        Field::text("name", Ops::STRING).sortable(),
        Field::text("description", Ops::STRING).sortable(),
        Field::boolean(PUBLIC).column("authentication_enabled").sortable(),
        Field::boolean("rbac_enabled").sortable(),
        Field::boolean("auto_approve_applications").sortable(),
        Field::boolean("auto_approve_developers").sortable(),
        Field::text("default_domain", Ops::STRING).sortable(),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

/// Turns round what a query says of `is_public`.
fn reversed(query: &mut ListQuery) {
    for filter in query.filters.iter_mut().filter(|it| it.field.name == PUBLIC && it.op != Op::Exists) {
        if let [Value::Bool(public)] = &mut filter.values[..] {
            *public = !*public;
        }
    }
    for (_, descending) in query.sort.iter_mut().filter(|(field, _)| field.name == PUBLIC) {
        *descending = !*descending;
    }
}

/// What both kinds of requests may say.
fn switches(fields: &mut Fields<'_>) -> Option<Switches> {
    let public = fields.optional(PUBLIC, Boolean);
    let rbac = fields.optional(RBAC, Boolean);
    let approve_applications = fields.optional("auto_approve_applications", Boolean);
    let approve_developers = fields.optional("auto_approve_developers", Boolean);
    let why = "portals have the domain that they are given, and no other";
    let domain = fields.optional("custom_domain", OnlyNull(why));
    let client = fields.optional("custom_client_domain", OnlyNull(why));
    domain.and(client).and(Some(Switches {
        authentication: public?.map(|public| !public),
        rbac: rbac?,
        api_visibility: None,
        page_visibility: None,
        approve_developers: approve_developers?,
        approve_applications: approve_applications?,
        developer_pii: None,
    }))
}

/// A portal to be created.
pub struct NewClassicPortal(NewPortal);

impl Body for NewClassicPortal {
    const NAME: &'static str = "CreatePortalRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        NewPortal::with(fields, switches).map(Self)
    }
}

/// A change of a portal.
pub struct ClassicPortalPatch(PortalPatch);

impl Body for ClassicPortalPatch {
    const NAME: &'static str = "UpdatePortalRequest";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        PortalPatch::with(fields, switches).map(Self)
    }
}

/// Teams of developers need developers that can sign in. Looks at the request beside what is so far.
fn check_rbac<T: Body>(draft: &Draft<T>, public: bool, rbac: bool, faults: &mut Vec<Invalid>) {
    if said(draft, RBAC, rbac) && said(draft, PUBLIC, public) {
        faults.push(Invalid::body(RBAC, Fault::Rule("cannot go with is_public".to_owned())));
    }
}

pub(super) async fn classic_list(cx: Cx, mut query: ListQuery) -> Result<Found<Paged<ClassicPortal>>> {
    if let Reach::Only(ids) = cx.reach(Action::List, KIND) {
        query.only(ids.iter().filter_map(|id| id.parse::<PortalId>().ok()));
    }
    reversed(&mut query);
    store::classic_list(cx.db(), &query).await.map(Found)
}

pub(super) async fn classic_get(cx: Cx, At(id): At<PortalId>) -> Result<Found<ClassicPortal>> {
    store::classic_get(cx.db(), id).await?.map(Found).ok_or(Problem::NotFound("portal"))
}

pub(super) async fn classic_create(cx: Cx, draft: Draft<NewClassicPortal>) -> Result<Created<ClassicPortal>> {
    crate::serialize(&cx).await?;
    let mut faults = Vec::new();
    strategy_named(&cx, STRATEGY, draft.text(STRATEGY), None, &mut faults).await?;
    check_rbac(&draft, false, false, &mut faults);
    let NewClassicPortal(new) = draft.parse_with(faults)?;
    Ok(Created(ClassicPortal::new(portal_add(&cx, new).await?, Counts::default())))
}

pub(super) async fn classic_update(
    cx: Cx,
    At(id): At<PortalId>,
    draft: Draft<ClassicPortalPatch>,
) -> Result<Found<ClassicPortal>> {
    crate::serialize(&cx).await?;
    let before = portal_require(&cx, id).await?;
    let mut faults = Vec::new();
    let known = before.default_application_auth_strategy_id;
    strategy_named(&cx, STRATEGY, draft.text(STRATEGY), known, &mut faults).await?;
    check_rbac(&draft, !before.authentication_enabled, before.rbac_enabled, &mut faults);
    let ClassicPortalPatch(patch) = draft.parse_with(faults)?;
    portal_change(&cx, before, patch).await?;
    classic_get(cx, At(id)).await
}
