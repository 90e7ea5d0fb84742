//! Products and their versions as developers see them: those that are published in their portal. Who has not signed
//! in sees none.

use frame::{
    Cx, args,
    db::{Arg, FromRow, Listing, OrgScope, Paged, Row},
    input::At,
    operations::{DEVELOPERS, Declared, Operation, Rule, Undeclared, get},
    org_sql,
    reply::Found,
};
use kernel::{
    Id, Labels, Problem, ProductId, ProductVersionId, Result, StrategyId, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    portal_roles::{Actions, actions, store::finds},
    strategies::in_portals::{PortalStrategy, portal_strategies},
};

/// A product.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProductAtPortal {
    /// Its id.
    id: ProductId,
    /// Its name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// How many of its versions are published here.
    version_count: i64,
    /// The newest of those.
    latest_version: Option<LatestVersion>,
    /// Its labels for developers.
    public_labels: Labels,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// The newest version of a product.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct LatestVersion {
    id: ProductVersionId,
    name: String,
}

impl FromRow for ProductAtPortal {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let latest: Option<ProductVersionId> = row.get("latest_id")?;
        let name: Option<String> = row.get("latest_name")?;
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            description: row.get("description")?,
            version_count: row.get("version_count")?,
            latest_version: latest.zip(name).map(|(id, name)| LatestVersion { id, name }),
            public_labels: row.get("public_labels")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// Something of the versions of the product `t` that are published in the portal `$2`.
macro_rules! versions {
    ($what:literal, $rest:literal) => {
        concat!(
            "(SELECT ",
            $what,
            " FROM product_versions v JOIN portal_product_versions p ON p.org_id = v.org_id AND p.product_version_id = v.id ",
            "WHERE v.org_id = t.org_id AND v.product_id = t.id AND p.portal_id = $2 AND p.publish_status = 'published'",
            $rest,
            ")"
        )
    };
}

/// What is read of a product in the portal `$2`.
macro_rules! columns {
    () => {
        concat!(
            "t.id, t.name, t.description, t.public_labels, t.created_at, t.updated_at, ",
            versions!("COUNT(*)", ""),
            " AS version_count, ",
            versions!("v.id", " ORDER BY v.seq DESC LIMIT 1"),
            " AS latest_id, ",
            versions!("v.name", " ORDER BY v.seq DESC LIMIT 1"),
            " AS latest_name"
        )
    };
}

/// Whether a product is published in the portal `$2`, and the developer `$3` finds it there, in the region `$4`.
macro_rules! published {
    () => {
        concat!(
            "t.id IN (SELECT s.product_id FROM product_portals s WHERE s.org_id = $1 AND s.portal_id = $2) AND ",
            finds!("t.id", "$3", "$4")
        )
    };
}

/// What developers can filter products by.
static PRODUCTS: Collection = Collection::numbered(
    "products-at-portal",
    &[
        Field::new("id", Kind::Id, Ops::EQ),
        Field::text("name", Ops::EQ_CONTAINS),
        Field::text("description", Ops::EQ_CONTAINS),
    ],
);

static ALL: Listing = Listing {
    collection: &PRODUCTS,
    columns: columns!(),
    table: "products",
    condition: published!(),
    large: false,
};

/// A version of a product, and how applications are registered for it.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VersionAtPortal {
    /// Its id.
    id: ProductVersionId,
    /// Its name.
    name: String,
    /// Whether it is going away here.
    deprecated: bool,
    /// The strategy that applications are made with, if there is one.
    registration_configs: Vec<RegistrationConfig>,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// How applications are registered for a version.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub struct RegistrationConfig {
    /// The strategy that applications are made with.
    id: StrategyId,
    /// Its name for developers.
    name: String,
    /// What applications have.
    #[schemars(extend("enum" = ["key_auth", "client_credentials", "self_managed_client_credentials"]))]
    credential_type: &'static str,
    /// The ways to come by a token, where applications have clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    auth_methods: Option<Vec<String>>,
    /// The scopes that developers may choose among, where the provider lets them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    available_scopes: Option<Vec<String>>,
    /// Whether applications can be registered for it now.
    registration_enabled: bool,
    /// Whether that needs nobody's approval.
    registration_auto_approve: bool,
}

/// A version as it is read; its strategy is read beside it.
struct Read {
    version: VersionAtPortal,
    strategy: Option<StrategyId>,
    enabled: bool,
    auto_approve: bool,
}

impl FromRow for Read {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let version = VersionAtPortal {
            id: row.get("id")?,
            name: row.get("name")?,
            deprecated: row.get("deprecated")?,
            registration_configs: Vec::new(),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        };
        Ok(Self {
            version,
            strategy: row.get("strategy_id")?,
            enabled: row.get("application_registration_enabled")?,
            auto_approve: row.get("auto_approve_registration")?,
        })
    }
}

/// The versions that are published in the portal `$2`.
macro_rules! in_portal {
    () => {
        "(SELECT v.org_id, v.seq, v.id, v.product_id, v.name, v.name_folded, v.created_at, v.updated_at, p.deprecated, \
         p.strategy_id, p.application_registration_enabled, p.auto_approve_registration FROM product_versions v \
         JOIN portal_product_versions p ON p.org_id = v.org_id AND p.product_version_id = v.id \
         WHERE v.org_id = $1 AND p.portal_id = $2 AND p.publish_status = 'published')"
    };
}

/// What is read of a version.
macro_rules! version_columns {
    () => {
        "t.id, t.name, t.deprecated, t.strategy_id, t.application_registration_enabled, t.auto_approve_registration, \
         t.created_at, t.updated_at"
    };
}

/// What developers can filter versions by.
static VERSIONS: Collection =
    Collection::numbered("product-versions-at-portal", &[Field::text("name", Ops::EQ_CONTAINS)]);

static OF_PRODUCT: Listing = Listing {
    collection: &VERSIONS,
    columns: version_columns!(),
    table: in_portal!(),
    condition: "t.product_id = $3",
    large: false,
};

const TAG: &str = "Developer products";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        own(get("developer-list-products", "/api/v2/products"), "List the products of my portal", "")
            .list(&PRODUCTS)
            .handle(product_list),
        own(get("developer-get-product", "/api/v2/products/{productId}"), "Get a product of my portal", "")
            .handle(product_get),
        own(
            get("get-product-actions", "/api/v2/products/{productId}/actions"),
            "Get what I may do with a product",
            "404 for what I do not find.",
        )
        .handle(product_actions),
        own(
            get("developer-list-product-versions", "/api/v2/products/{productId}/versions"),
            "List the versions of a product of my portal",
            "And how applications are registered for them.",
        )
        .list(&VERSIONS)
        .handle(version_list),
        own(
            get("developer-get-product-version", "/api/v2/products/{productId}/versions/{productVersionId}"),
            "Get a version of a product of my portal",
            "",
        )
        .handle(version_get),
    ]
}

fn own(operation: Undeclared, summary: &'static str, more: &'static str) -> Declared {
    operation.allow(DEVELOPERS, Rule::Developer).at_portal().doc(TAG, summary, more)
}

/// Who looks, and where.
fn caller_values(cx: &Cx) -> Result<Vec<Arg>> {
    let caller = cx.developer()?;
    Ok(args![caller.portal, caller.developer, &*cx.app().settings.region])
}

async fn product_list(cx: Cx, query: ListQuery) -> Result<Found<Paged<ProductAtPortal>>> {
    cx.db().page(&ALL, caller_values(&cx)?, &query).await.map(Found)
}

/// The product, or 404.
async fn product_seen(cx: &Cx, id: ProductId) -> Result<ProductAtPortal> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM products t WHERE t.org_id = $1 AND t.id = $5 AND ",
        published!()
    );
    let mut values = caller_values(cx)?;
    values.push(id.into());
    let found = cx.db().optional(sql, values).await?;
    found.ok_or(Problem::NotFound("product"))
}

async fn product_get(cx: Cx, At(id): At<ProductId>) -> Result<Found<ProductAtPortal>> {
    product_seen(&cx, id).await.map(Found)
}

async fn product_actions(cx: Cx, At(id): At<ProductId>) -> Result<Found<Actions>> {
    let product = product_seen(&cx, id).await?;
    actions(&cx, Id::from_uuid(product.id.uuid())).await.map(Found)
}

/// Adds the strategies that versions are published with.
async fn with_strategies(db: &OrgScope, versions: &mut [Read]) -> Result<()> {
    let known = portal_strategies(db, versions.iter().filter_map(|it| it.strategy)).await?;
    for it in versions {
        let Some(strategy) = it.strategy.and_then(|id| known.get(&id)).cloned() else { continue };
        let (id, name, credential_type, auth_methods, available_scopes) = match strategy {
            PortalStrategy::Keys(it) => (it.id, it.name, it.credential_type, None, None),
            PortalStrategy::Clients(it) => {
                (it.id, it.name, it.credential_type, Some(it.auth_methods), it.available_scopes)
            }
        };
        it.version.registration_configs.push(RegistrationConfig {
            id,
            name,
            credential_type,
            auth_methods,
            available_scopes,
            registration_enabled: it.enabled,
            registration_auto_approve: it.auto_approve,
        });
    }
    Ok(())
}

async fn version_list(
    cx: Cx,
    At(product): At<ProductId>,
    query: ListQuery,
) -> Result<Found<Paged<VersionAtPortal>>> {
    let product = product_seen(&cx, product).await?;
    let portal = cx.developer()?.portal;
    let mut page: Paged<Read> = cx.db().page(&OF_PRODUCT, args![portal, product.id], &query).await?;
    with_strategies(cx.db(), page.items_mut()).await?;
    Ok(Found(page.map(|it| it.version)))
}

/// The version, or 404.
async fn version_read(cx: &Cx, product: ProductId, id: ProductVersionId) -> Result<Read> {
    let product = product_seen(cx, product).await?;
    let sql = org_sql!(
        "SELECT ",
        version_columns!(),
        " FROM ",
        in_portal!(),
        " t WHERE t.org_id = $1 AND t.product_id = $3 AND t.id = $4"
    );
    let found = cx.db().optional(sql, args![cx.developer()?.portal, product.id, id]).await?;
    found.ok_or(Problem::NotFound("product version"))
}

async fn version_get(
    cx: Cx,
    At((product, id)): At<(ProductId, ProductVersionId)>,
) -> Result<Found<VersionAtPortal>> {
    let mut found = [version_read(&cx, product, id).await?];
    with_strategies(cx.db(), &mut found).await?;
    let [found] = found;
    Ok(Found(found.version))
}

/// Looks that the version is there, or 404.
pub(crate) async fn version_seen(cx: &Cx, product: ProductId, id: ProductVersionId) -> Result<()> {
    version_read(cx, product, id).await.map(|_| ())
}
