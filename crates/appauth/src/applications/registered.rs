//! A developer's applications beside their registrations for one API, or one version of a product: those that have
//! one, or those that have none.

use frame::{
    Cx, args,
    db::{FromRow, Listing, Paged, Row},
    input::{At, Query, Segment},
    reply::Found,
};
use kernel::{
    ApplicationId, Id, ProductId, ProductVersionId, RegistrationId, Result, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    store::own,
    strategy::{ShownStrategy, StrategyOf, columns as strategy_columns},
};
use crate::{
    apis::at_portal::api_seen, application_registrations::STATUSES, products::at_portal::version_seen,
};

/// An application and its registration.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RegisteredApplication {
    /// The application.
    id: ApplicationId,
    /// Its name.
    name: String,
    /// Its registration, if it has one.
    registration_id: Option<RegistrationId>,
    /// What was said to that.
    #[schemars(extend("enum" = ["approved", "pending", "revoked", "rejected", null]))]
    registration_status: Option<String>,
    auth_strategy: ShownStrategy,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl FromRow for RegisteredApplication {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            registration_id: row.get("registration_id")?,
            registration_status: row.get("registration_status")?,
            auth_strategy: (&StrategyOf::from_row(row)?).into(),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// What they can be filtered by.
pub static REGISTERED: Collection = Collection::numbered(
    "registered-applications",
    &[
        Field::text("name", Ops::EQ_CONTAINS),
        Field::new("status", Kind::Word(STATUSES), Ops::EQ).column("registration_status"),
        Field::new("auth_strategy_id", Kind::Id, Ops::EQ).column("strategy_id"),
    ],
);

const UNREGISTERED: &str = "unregistered";
/// The query parameters.
pub(super) const QUERY: &[(&str, &str)] =
    &[(UNREGISTERED, "With `true` those that have no registration, whatever was said to it.")];

/// The applications, beside the registrations for `$3`, which this column names.
macro_rules! applications {
    ($column:literal) => {
        concat!(
            "(SELECT a.*, r.id AS registration_id, r.status AS registration_status FROM applications a ",
            "LEFT JOIN application_registrations r ON r.org_id = a.org_id AND r.application_id = a.id AND r.",
            $column,
            " = $3 WHERE a.org_id = $1)"
        )
    };
}

/// Those of the developer `$4` in the portal `$2`, beside the registrations for a version.
static OF_VERSION: Listing = Listing {
    collection: &REGISTERED,
    columns: concat!(
        "t.id, t.name, t.registration_id, t.registration_status, t.created_at, t.updated_at, ",
        strategy_columns!()
    ),
    table: applications!("product_version_id"),
    condition: concat!(own!("$4"), " AND (t.registration_id IS NULL) = $5"),
    large: false,
};

/// The same for an API.
static OF_API: Listing = Listing { table: applications!("api_id"), ..OF_VERSION };

async fn listed(
    cx: &Cx,
    listing: &'static Listing,
    target: Id<()>,
    parameters: &Query,
    query: &ListQuery,
) -> Result<Found<Paged<RegisteredApplication>>> {
    let unregistered = parameters.flag(UNREGISTERED, true)?;
    let caller = cx.developer()?;
    let values = args![caller.portal, target, caller.developer, unregistered];
    cx.db().page(listing, values, query).await.map(Found)
}

pub(super) async fn application_list_of_version(
    cx: Cx,
    At((product, version)): At<(ProductId, ProductVersionId)>,
    parameters: Query,
    query: ListQuery,
) -> Result<Found<Paged<RegisteredApplication>>> {
    version_seen(&cx, product, version).await?;
    listed(&cx, &OF_VERSION, Id::from_uuid(version.uuid()), &parameters, &query).await
}

pub(super) async fn application_list_of_api(
    cx: Cx,
    Segment(named): Segment,
    parameters: Query,
    query: ListQuery,
) -> Result<Found<Paged<RegisteredApplication>>> {
    let api = api_seen(&cx, named).await?;
    listed(&cx, &OF_API, Id::from_uuid(api.id.uuid()), &parameters, &query).await
}
