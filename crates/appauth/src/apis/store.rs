//! The SQL of APIs.

use frame::{
    args,
    db::{Arg, DbError, FromRow, Listing, OrgScope, Paged, Row, fold},
    org_sql,
};
use kernel::{ApiId, Labels, Result, query::ListQuery};
use serde_json::Value;

use super::{APIS, Api, KIND};
use crate::publications::store::portals_of;

impl FromRow for Api {
    /// Where it is published is read beside it.
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        let Value::Object(attributes) = row.get("attributes")? else {
            return Err(frame::sqlx::Error::Decode("attributes are no object".into()));
        };
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            description: row.get("description")?,
            version: row.get("version")?,
            slug: row.get("slug")?,
            current_version_summary: (),
            api_spec_ids: [],
            portals: Vec::new(),
            labels: row.get("labels")?,
            attributes,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
        })
    }
}

/// What is read of an API.
macro_rules! columns {
    () => {
        "t.id, t.name, t.description, t.version, t.slug, t.labels, t.attributes, t.created_at, t.updated_at"
    };
}

static ALL: Listing =
    Listing { collection: &APIS, columns: columns!(), table: "apis", condition: "", large: false };

pub(super) async fn api_list(db: &OrgScope, query: &ListQuery) -> Result<Paged<Api>> {
    let mut page: Paged<Api> = db.page(&ALL, args![], query).await?;
    let mut portals = portals_of(db, page.items().iter().map(|api| api.id)).await?;
    for api in page.items_mut() {
        api.portals = portals.remove(&api.id).unwrap_or_default();
    }
    Ok(page)
}

/// An API.
pub async fn api_get(db: &OrgScope, id: ApiId) -> Result<Option<Api>> {
    let sql = org_sql!("SELECT ", columns!(), " FROM apis t WHERE t.org_id = $1 AND t.id = $2");
    let Some(mut api) = db.optional::<Api>(sql, args![id]).await? else { return Ok(None) };
    api.portals = portals_of(db, [id]).await?.remove(&id).unwrap_or_default();
    Ok(Some(api))
}

/// The values of what can be changed, in the order of both statements.
fn changeable(api: &Api) -> Vec<Arg> {
    let Api { name, description, version, slug, labels, attributes, updated_at, .. } = api;
    args![
        name,
        fold(name),
        description.as_deref(),
        version.as_deref(),
        version.as_deref().map(fold),
        slug.as_deref(),
        labels,
        &Value::Object(attributes.clone()),
        *updated_at
    ]
}

pub(super) async fn api_insert(db: &OrgScope, api: &Api) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO apis (org_id, id, created_at, name, name_folded, description, version, version_folded, slug, ",
        "labels, attributes, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    );
    let mut values = args![api.id, api.created_at];
    values.extend(changeable(api));
    db.execute(sql, values).await?;
    db.labels_set(KIND, api.id, &api.labels).await
}

pub(super) async fn api_update(db: &OrgScope, api: &Api) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE apis SET name = $3, name_folded = $4, description = $5, version = $6, version_folded = $7, ",
        "slug = $8, labels = $9, attributes = $10, updated_at = $11 WHERE org_id = $1 AND id = $2"
    );
    let mut values = args![api.id];
    values.extend(changeable(api));
    db.execute(sql, values).await?;
    db.labels_set(KIND, api.id, &api.labels).await
}

pub(super) async fn api_delete(db: &OrgScope, id: ApiId) -> Result<u64, DbError> {
    db.labels_set(KIND, id, &Labels::default()).await?;
    db.execute(org_sql!("DELETE FROM apis WHERE org_id = $1 AND id = $2"), args![id]).await
}
