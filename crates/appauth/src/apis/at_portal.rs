//! APIs as developers see them: those that are published in their portal. Who has not signed in sees none, public ones
//! included: that is for the pages of a portal, which there are none of here.

use frame::{
    Cx, args,
    db::{FromRow, Listing, OrgScope, Paged, Row},
    input::Segment,
    operations::{DEVELOPERS, Operation, Rule, get},
    org_sql,
    reply::Found,
};
use kernel::{
    ApiId, Id, Problem, Result, StrategyId, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    applications::strategy::{ShownStrategy, StrategyOf},
    portal_roles::{Actions, actions, store::finds},
    portals::VISIBILITIES,
    strategies::store::strategy_get,
};

/// An API (contract: `ApiResponse` of the portal).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ApiAtPortal {
    /// Its id.
    pub(crate) id: ApiId,
    /// Its name.
    name: String,
    /// Its version.
    version: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// Who sees it here.
    #[schemars(extend("enum" = VISIBILITIES))]
    visibility: String,
    /// Its name in addresses; its id, if it has none.
    #[schemars(extend("pattern" = r"^[\w-]+$"))]
    slug: String,
    /// What applications for it are made with; nothing if it needs none.
    auth_strategies: Vec<ShownStrategy>,
    /// There are none here.
    #[schemars(with = "Vec<Map<String, Value>>")]
    specifications: [(); 0],
    current_version_summary: (),
    /// What else is said of it.
    #[schemars(with = "std::collections::BTreeMap<String, Vec<String>>")]
    attributes: Map<String, Value>,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
    #[serde(skip)]
    strategy: Option<StrategyId>,
}

impl FromRow for ApiAtPortal {
    /// Its strategy is read beside it.
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let id: ApiId = row.get("id")?;
        let Value::Object(mut attributes) = row.get("attributes")? else {
            return Err(frame::sqlx::Error::Decode("attributes are no object".into()));
        };
        // Others may be anything; here they are lists of texts.
        attributes.retain(|_, value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string)));
        Ok(Self {
            id,
            name: row.get("name")?,
            version: row.get("version")?,
            description: row.get("description")?,
            visibility: row.get("visibility")?,
            slug: row.get::<Option<String>>("slug")?.unwrap_or_else(|| id.to_string()),
            auth_strategies: Vec::new(),
            specifications: [],
            current_version_summary: (),
            attributes,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            strategy: row.get("strategy_id")?,
        })
    }
}

/// What is read of an API in the portal `$2`.
macro_rules! columns {
    () => {
        "t.id, t.name, t.description, t.version, t.slug, t.attributes, t.created_at, t.updated_at, \
         (SELECT p.visibility FROM api_publications p WHERE p.org_id = $1 AND p.portal_id = $2 AND p.api_id = t.id) \
         AS visibility, \
         (SELECT p.strategy_id FROM api_publications p WHERE p.org_id = $1 AND p.portal_id = $2 AND p.api_id = t.id) \
         AS strategy_id"
    };
}

/// Whether an API is published in the portal `$2`, so that the developer `$3` finds it in the region `$4`: all do whom
/// it is public for.
macro_rules! published {
    () => {
        concat!(
            "t.id IN (SELECT p.api_id FROM api_publications p WHERE p.org_id = $1 AND p.portal_id = $2 AND ",
            "(p.visibility = 'public' OR ",
            finds!("p.api_id", "$3", "$4"),
            "))"
        )
    };
}

/// What developers can filter and sort APIs by.
static APIS_AT_PORTAL: Collection = Collection::numbered(
    "apis-at-portal",
    &[
        Field::new("id", Kind::Id, Ops::UUID),
        Field::text("name", Ops::STRING).sortable(),
        Field::text("version", Ops::STRING).sortable(),
        Field::text("description", Ops::STRING),
        Field::new("created_at", Kind::Time, Ops::ORDER).sortable(),
        Field::new("updated_at", Kind::Time, Ops::ORDER).sortable(),
    ],
);

static ALL: Listing = Listing {
    collection: &APIS_AT_PORTAL,
    columns: columns!(),
    table: "apis",
    condition: published!(),
    large: false,
};

/// The operations.
pub fn operations() -> Vec<Operation> {
    const TAG: &str = "Developer APIs";
    vec![
        get("developer-list-apis", "/api/v3/apis")
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(TAG, "List the APIs of my portal", "")
            .errors(&[400])
            .list(&APIS_AT_PORTAL)
            .handle(api_list),
        get("developer-fetch-api", "/api/v3/apis/{apiIdOrSlug}")
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(
                TAG,
                "Get an API of my portal",
                "By its id or its `slug`; of several with one slug the newest.",
            )
            .handle(api_fetch),
        get("get-api-actions", "/api/v3/apis/{apiIdOrSlug}/actions")
            .allow(DEVELOPERS, Rule::Developer)
            .at_portal()
            .doc(TAG, "Get what I may do with an API", "404 for what I do not find.")
            .handle(api_actions),
    ]
}

/// Adds the strategies that APIs are published with; a page has few.
async fn with_strategies(db: &OrgScope, apis: &mut [ApiAtPortal]) -> Result<()> {
    let mut known: Vec<(StrategyId, ShownStrategy)> = Vec::new();
    for api in apis {
        let Some(id) = api.strategy else { continue };
        if !known.iter().any(|(one, _)| *one == id) {
            let strategy = strategy_get(db, id).await?;
            known.extend(strategy.map(|it| (id, ShownStrategy::from(&StrategyOf::from(&it)))));
        }
        api.auth_strategies =
            known.iter().filter(|(one, _)| *one == id).map(|(_, shown)| shown.clone()).collect();
    }
    Ok(())
}

async fn api_list(cx: Cx, query: ListQuery) -> Result<Found<Paged<ApiAtPortal>>> {
    let caller = cx.developer()?;
    let values = args![caller.portal, caller.developer, &*cx.app().settings.region];
    let mut page: Paged<ApiAtPortal> = cx.db().page(&ALL, values, &query).await?;
    with_strategies(cx.db(), page.items_mut()).await?;
    Ok(Found(page))
}

/// The API, or 404.
pub(crate) async fn api_seen(cx: &Cx, named: String) -> Result<ApiAtPortal> {
    let caller = cx.developer()?;
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM apis t WHERE t.org_id = $1 AND (t.id = $5 OR t.slug = $6) AND ",
        published!(),
        " ORDER BY t.seq DESC"
    );
    let id = named.parse::<ApiId>().ok();
    let values = args![caller.portal, caller.developer, &*cx.app().settings.region, id, named];
    let found: Option<ApiAtPortal> = cx.db().optional(sql, values).await?;
    found.ok_or(Problem::NotFound("API"))
}

async fn api_fetch(cx: Cx, Segment(named): Segment) -> Result<Found<ApiAtPortal>> {
    let mut found = [api_seen(&cx, named).await?];
    with_strategies(cx.db(), &mut found).await?;
    let [found] = found;
    Ok(Found(found))
}

async fn api_actions(cx: Cx, Segment(named): Segment) -> Result<Found<Actions>> {
    let api = api_seen(&cx, named).await?;
    actions(&cx, Id::from_uuid(api.id.uuid())).await.map(Found)
}
