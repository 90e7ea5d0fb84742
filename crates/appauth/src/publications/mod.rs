//! Publications: an API in a portal, and what applications for it are made with.

pub mod http;
pub mod store;

use frame::{
    Cx,
    db::Paged,
    input::At,
    reply::{Done, Found},
};
use kernel::{
    Action, ApiId, Body, Draft, Fields, Id, Patch, PortalId, Problem, Reach, Result, StrategyId, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::{Boolean, List, OneOf, id},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    OnlyNull,
    apis::{self, api_require},
    application_registrations::{remove_all, targets::OfApi},
    gateway::{self, store::implementation_guard},
    portals::{VISIBILITIES, portal_seen},
    strategies::{
        strategy_named,
        uses::{Use, UseKind, use_drop, use_put},
    },
};

/// A publication (contract: `ApiPublicationResponse`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Publication {
    /// The one strategy that applications are made with; nothing if the API needs none.
    #[schemars(length(equal = 1))]
    pub auth_strategy_ids: Option<Vec<StrategyId>>,
    /// Whether registrations for it are approved by themselves; if not, the portal says.
    pub auto_approve_registrations: bool,
    /// Who sees it.
    #[schemars(extend("enum" = VISIBILITIES))]
    pub visibility: String,
    /// The form of registrations for it. There are none here.
    pub form_id: (),
    /// What of the request came to nothing. There is no such thing here.
    pub warnings: [(); 0],
    /// When it was published.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A publication in the list of them (contract: `ApiPublicationListItem`).
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ListedPublication {
    /// What is published.
    pub api_id: ApiId,
    /// Where.
    pub portal_id: PortalId,
    /// Its kind.
    #[schemars(extend("enum" = ENTITY_TYPES))]
    pub entity_type: String,
    /// The one strategy that applications are made with; nothing if the API needs none.
    #[schemars(length(equal = 1))]
    pub auth_strategy_ids: Option<Vec<StrategyId>>,
    /// Whether registrations for it are approved by themselves; if not, the portal says.
    pub auto_approve_registrations: bool,
    /// Who sees it.
    #[schemars(extend("enum" = VISIBILITIES))]
    pub visibility: String,
    /// When it was published.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A publication as it is stored.
#[derive(Clone)]
pub struct StoredPublication {
    /// What uses of strategies know it by.
    pub id: Id<()>,
    /// What is published.
    pub api_id: ApiId,
    /// Where.
    pub portal_id: PortalId,
    /// The strategy that applications are made with.
    pub strategy_id: Option<StrategyId>,
    /// Whether registrations for it are approved by themselves; if not, the portal says.
    pub auto_approve_registrations: bool,
    /// Who sees it.
    pub visibility: String,
    /// When it was published.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl StoredPublication {
    fn auth_strategy_ids(&self) -> Option<Vec<StrategyId>> {
        self.strategy_id.map(|id| vec![id])
    }

    /// As one sees it who asks for it.
    fn shown(&self) -> Publication {
        Publication {
            auth_strategy_ids: self.auth_strategy_ids(),
            auto_approve_registrations: self.auto_approve_registrations,
            visibility: self.visibility.clone(),
            form_id: (),
            warnings: [],
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// As the list has it.
    fn listed(self) -> ListedPublication {
        ListedPublication {
            auth_strategy_ids: self.auth_strategy_ids(),
            api_id: self.api_id,
            portal_id: self.portal_id,
            entity_type: ENTITY_TYPE.to_owned(),
            auto_approve_registrations: self.auto_approve_registrations,
            visibility: self.visibility,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// What can be published; packages of APIs are not to be had here.
const ENTITY_TYPES: [&str; 1] = [ENTITY_TYPE];
const ENTITY_TYPE: &str = "api";

/// The API of a publication.
static API: Field = Field::new("api_id", Kind::Id, Ops::UUID).sortable();

/// What publications can be filtered and sorted by.
pub static PUBLICATIONS: Collection = Collection::numbered(
    "api-publications",
    &[
        Field::new("api_id", Kind::Id, Ops::UUID).sortable(),
        Field::text("api_name", Ops::STRING).sortable(),
        Field::new("portal_id", Kind::Id, Ops::UUID).sortable(),
        Field::text("portal_name", Ops::STRING).sortable(),
        Field::new("auth_strategy_id", Kind::Id, Ops::UUID).column("strategy_id"),
        Field::text("entity_type", Ops::STRING),
        Field::order("created_at", Kind::Time),
        Field::order("updated_at", Kind::Time),
    ],
);

const STRATEGIES: &str = "auth_strategy_ids";

/// What a request says of a publication.
pub struct NewPublication {
    strategies: Patch<Vec<StrategyId>>,
    auto_approve: bool,
    visibility: Option<&'static str>,
}

impl Body for NewPublication {
    const NAME: &'static str = "ApiPublication";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let strategies = fields.patch(STRATEGIES, List { item: id(), least: 1, most: 1, distinct: false });
        let auto_approve = fields.optional("auto_approve_registrations", Boolean);
        let visibility = fields.optional("visibility", OneOf(VISIBILITIES));
        let form = fields.optional("form_id", OnlyNull("portals have no forms here"));
        form.and(Some(Self {
            strategies: strategies?,
            auto_approve: auto_approve?.unwrap_or(false),
            visibility: visibility?,
        }))
    }
}

/// The publication, or 404.
async fn publication_require(cx: &Cx, api: ApiId, portal: PortalId) -> Result<StoredPublication> {
    api_require(cx, api).await?;
    store::publication_get(cx.db(), api, portal).await?.ok_or(Problem::NotFound("publication"))
}

fn place(api: ApiId, portal: PortalId) -> String {
    format!("{}/{api}/publications/{portal}", apis::KIND)
}

async fn publication_list(cx: Cx, mut query: ListQuery) -> Result<Found<Paged<ListedPublication>>> {
    if let Reach::Only(ids) = cx.reach(Action::List, apis::KIND) {
        query.only_of(&API, ids.iter().filter_map(|id| id.parse::<ApiId>().ok()));
    }
    let page = store::publication_list(cx.db(), &query).await?;
    Ok(Found(page.map(StoredPublication::listed)))
}

async fn publication_get(cx: Cx, At((api, portal)): At<(ApiId, PortalId)>) -> Result<Found<Publication>> {
    Ok(Found(publication_require(&cx, api, portal).await?.shown()))
}

/// The strategy is settled here: a portal that changes its default later changes nothing that is published.
async fn publication_put(
    cx: Cx,
    At((api, portal)): At<(ApiId, PortalId)>,
    draft: Draft<NewPublication>,
) -> Result<Found<Publication>> {
    crate::serialize(&cx).await?;
    let api = api_require(&cx, api).await?;
    let portal = portal_seen(&cx, portal).await?;
    let before = store::publication_get(cx.db(), api.id, portal.id).await?;
    let mut faults = Vec::new();
    let named = draft.at(STRATEGIES).and_then(|list| list.get(0)).and_then(Value::as_str);
    let known = before.as_ref().and_then(|before| before.strategy_id);
    strategy_named(&cx, &format!("{STRATEGIES}.0"), named, known, &mut faults).await?;
    let new = draft.parse_with(faults)?;
    let now = cx.now();
    let publication = StoredPublication {
        id: before.as_ref().map_or_else(|| cx.new_id(), |before| before.id),
        api_id: api.id,
        portal_id: portal.id,
        strategy_id: match new.strategies {
            Patch::Absent => portal.default_application_auth_strategy_id,
            Patch::Null => None,
            Patch::Value(ids) => ids.first().copied(),
        },
        auto_approve_registrations: new.auto_approve,
        visibility: new.visibility.unwrap_or(&portal.default_api_visibility).to_owned(),
        created_at: before.as_ref().map_or(now, |before| before.created_at),
        updated_at: now,
    };
    store::publication_put(cx.db(), &publication, &api, &portal).await?;
    use_drop(cx.db(), UseKind::Publication, publication.id).await?;
    if let Some(strategy) = publication.strategy_id {
        let label = format!("{} in {}", api.name, portal.name);
        let it = Use { kind: UseKind::Publication, used_by: publication.id, published: true, label };
        use_put(cx.db(), strategy, &it).await?;
    }
    implementation_guard(cx.db(), api.id).await?;
    gateway::changed(cx.app(), cx.db()).await?;
    let shown = publication.shown();
    let change = json!({ "before": before.map(|before| before.shown()), "after": shown });
    cx.audit(Action::Publish, place(api.id, portal.id), change).await?;
    Ok(Found(shown))
}

/// The registrations for it go with it.
async fn publication_delete(cx: Cx, At((api, portal)): At<(ApiId, PortalId)>) -> Result<Done> {
    crate::serialize(&cx).await?;
    let before = publication_require(&cx, api, portal).await?;
    portal_seen(&cx, portal).await?;
    remove_all::<OfApi>(&cx, api, Some(portal)).await?;
    use_drop(cx.db(), UseKind::Publication, before.id).await?;
    store::publication_delete(cx.db(), before.id).await?;
    // A service that was guarded stays so: that nobody finds its API any more opens it to nobody.
    gateway::changed(cx.app(), cx.db()).await?;
    cx.audit(Action::Delete, place(api, portal), json!({ "before": before.shown() })).await?;
    Ok(Done)
}
