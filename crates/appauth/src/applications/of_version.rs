//! A developer's applications beside their registrations for one version of a product: those that have one, or those
//! that have none.

use frame::{
    Cx, args,
    db::{FromRow, Listing, Paged, Row},
    input::{At, Query},
    reply::Found,
};
use kernel::{
    ApplicationId, ProductId, ProductVersionId, RegistrationId, Result, Timestamp,
    query::{Collection, Field, Kind, ListQuery, Ops},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    store::own,
    strategy::{PortalStrategy, StrategyOf, columns as strategy_columns},
};
use crate::{application_registrations::STATUSES, products::at_portal::version_seen};

/// An application and its registration for a version.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VersionApplication {
    /// The application.
    id: ApplicationId,
    /// Its name.
    name: String,
    /// Its registration, if it has one.
    registration_id: Option<RegistrationId>,
    /// What was said to that.
    #[schemars(extend("enum" = ["approved", "pending", "revoked", "rejected", null]))]
    registration_status: Option<String>,
    auth_strategy: PortalStrategy,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl FromRow for VersionApplication {
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
pub static OF_VERSION: Collection = Collection::numbered(
    "applications-of-version",
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

/// Those of the developer `$4` in the portal `$2`, beside the registrations for the version `$3`.
static OWN: Listing = Listing {
    collection: &OF_VERSION,
    columns: concat!(
        "t.id, t.name, t.registration_id, t.registration_status, t.created_at, t.updated_at, ",
        strategy_columns!()
    ),
    table: "(SELECT a.*, r.id AS registration_id, r.status AS registration_status FROM applications a \
            LEFT JOIN application_registrations r ON r.org_id = a.org_id AND r.application_id = a.id \
            AND r.product_version_id = $3 WHERE a.org_id = $1)",
    condition: concat!(own!("$4"), " AND (t.registration_id IS NULL) = $5"),
    large: false,
};

pub(super) async fn application_list_of_version(
    cx: Cx,
    At((product, version)): At<(ProductId, ProductVersionId)>,
    parameters: Query,
    query: ListQuery,
) -> Result<Found<Paged<VersionApplication>>> {
    version_seen(&cx, product, version).await?;
    let unregistered = parameters.flag(UNREGISTERED, true)?;
    let caller = cx.developer()?;
    let values = args![caller.portal, version, caller.developer, unregistered];
    cx.db().page(&OWN, values, &query).await.map(Found)
}
