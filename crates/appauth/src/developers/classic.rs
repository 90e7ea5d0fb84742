//! Developers as the older API shows them to the organization: the same ones, with how many applications they own.

use frame::{
    Cx,
    db::{FromRow, Paged, Row},
    input::At,
    reply::Found,
};
use kernel::{DeveloperId, Draft, PortalId, Problem, Result, Timestamp, query::ListQuery};
use schemars::JsonSchema;
use serde::Serialize;

use super::{DeveloperPatch, PortalDeveloper, Status, developer_update, home_require, store};

/// A developer (contract: `PortalDeveloper` of Portal Management v2).
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClassicDeveloper {
    /// Its id.
    id: DeveloperId,
    /// The e-mail address; unique in the portal.
    #[schemars(extend("format" = "email"), length(max = 255))]
    email: String,
    /// The full name.
    #[schemars(length(max = 256))]
    full_name: String,
    /// What it may do.
    status: Status,
    /// How many applications it owns by itself.
    application_count: i64,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl FromRow for ClassicDeveloper {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let PortalDeveloper { id, email, full_name, status, created_at, updated_at } =
            PortalDeveloper::from_row(row)?;
        let application_count = row.get("application_count")?;
        Ok(Self { id, email, full_name, status, application_count, created_at, updated_at })
    }
}

pub(super) async fn classic_list(
    cx: Cx,
    At(portal): At<PortalId>,
    query: ListQuery,
) -> Result<Found<Paged<ClassicDeveloper>>> {
    home_require(&cx, portal).await?;
    store::classic_list(cx.db(), portal, &query).await.map(Found)
}

pub(super) async fn classic_get(
    cx: Cx,
    At((portal, id)): At<(PortalId, DeveloperId)>,
) -> Result<Found<ClassicDeveloper>> {
    let found = store::classic_get(cx.db(), portal, id).await?;
    found.map(Found).ok_or(Problem::NotFound("developer"))
}

pub(super) async fn classic_update(
    cx: Cx,
    at: At<(PortalId, DeveloperId)>,
    draft: Draft<DeveloperPatch>,
) -> Result<Found<ClassicDeveloper>> {
    let At(ids) = at;
    developer_update(cx.clone(), At(ids), draft).await?;
    classic_get(cx, At(ids)).await
}
