//! The SQL of registrations. A row repeats what lists are filtered by; whoever renames an API or an application
//! changes it in the same transaction.

use frame::{
    args,
    db::{DbError, Listing, OrgScope, Paged, fold},
    from_row, org_sql,
};
use kernel::{ApiId, ApplicationId, DeveloperId, PortalId, RegistrationId, Result, query::ListQuery};

use super::{OF_APPLICATION, OF_PORTAL, Stored};
use crate::{apis::Api, applications::Application};

from_row!(Stored {
    id,
    status,
    portal_id,
    application_id,
    application_name,
    api_id,
    api_name,
    api_version,
    api_slug,
    created_at,
    updated_at
});

/// What is read of a registration.
macro_rules! columns {
    () => {
        "t.id, t.status, t.portal_id, t.application_id, t.application_name, t.api_id, t.api_name, t.created_at, t.updated_at, \
         (SELECT a.version FROM apis a WHERE a.org_id = t.org_id AND a.id = t.api_id) AS api_version, \
         (SELECT a.slug FROM apis a WHERE a.org_id = t.org_id AND a.id = t.api_id) AS api_slug"
    };
}

static IN_PORTAL: Listing = Listing {
    collection: &OF_PORTAL,
    columns: columns!(),
    table: "application_registrations",
    condition: "t.portal_id = $2",
    large: false,
};

static OF_ONE: Listing = Listing {
    collection: &OF_APPLICATION,
    columns: columns!(),
    table: "application_registrations",
    condition: "t.application_id = $2",
    large: false,
};

pub(super) async fn registration_list_in(
    db: &OrgScope,
    portal: PortalId,
    query: &ListQuery,
) -> Result<Paged<Stored>> {
    db.page(&IN_PORTAL, args![portal], query).await
}

pub(super) async fn registration_list_of(
    db: &OrgScope,
    application: ApplicationId,
    query: &ListQuery,
) -> Result<Paged<Stored>> {
    db.page(&OF_ONE, args![application], query).await
}

pub(super) async fn registration_get(db: &OrgScope, id: RegistrationId) -> Result<Option<Stored>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM application_registrations t WHERE t.org_id = $1 AND t.id = $2"
    );
    db.optional(sql, args![id]).await
}

/// The registrations for an API, in all portals or in one.
pub(super) async fn registrations_of_api(
    db: &OrgScope,
    api: ApiId,
    portal: Option<PortalId>,
) -> Result<Vec<Stored>, DbError> {
    let sql = org_sql!(
        "SELECT ",
        columns!(),
        " FROM application_registrations t WHERE t.org_id = $1 AND t.api_id = $2 AND (t.portal_id = $3 OR $4 = true)"
    );
    db.all(sql, args![api, portal, portal.is_none()]).await
}

/// How many registrations of an application have a status.
pub(super) async fn registration_count(
    db: &OrgScope,
    application: ApplicationId,
    status: &str,
) -> Result<i64, DbError> {
    let sql = org_sql!(
        "SELECT COUNT(*) AS value FROM application_registrations WHERE org_id = $1 AND application_id = $2 AND status = $3"
    );
    db.count(sql, args![application, status]).await
}

pub(super) async fn registration_insert(
    db: &OrgScope,
    it: &Stored,
    developer: Option<DeveloperId>,
) -> Result<(), DbError> {
    let sql = org_sql!(
        "INSERT INTO application_registrations (org_id, id, portal_id, application_id, application_name, ",
        "application_name_folded, developer_id, api_id, api_name, api_name_folded, status, status_folded, created_at, ",
        "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    );
    let values = args![
        it.id,
        it.portal_id,
        it.application_id,
        &it.application_name,
        fold(&it.application_name),
        developer,
        it.api_id,
        &it.api_name,
        fold(&it.api_name),
        &it.status,
        fold(&it.status),
        it.created_at,
        it.updated_at
    ];
    db.execute(sql, values).await.map(|_| ())
}

pub(super) async fn registration_update(db: &OrgScope, it: &Stored) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE application_registrations SET status = $3, status_folded = $4, updated_at = $5 WHERE org_id = $1 AND id = $2"
    );
    db.execute(sql, args![it.id, &it.status, fold(&it.status), it.updated_at]).await.map(|_| ())
}

pub(super) async fn registration_delete(db: &OrgScope, id: RegistrationId) -> Result<u64, DbError> {
    let sql = org_sql!("DELETE FROM application_registrations WHERE org_id = $1 AND id = $2");
    db.execute(sql, args![id]).await
}

/// Repeats what registrations show of an application after it has changed.
pub(crate) async fn application_renamed(db: &OrgScope, it: &Application) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE application_registrations SET application_name = $3, application_name_folded = $4, developer_id = $5 ",
        "WHERE org_id = $1 AND application_id = $2"
    );
    let values = args![it.id, &it.name, fold(&it.name), it.owner.developer()];
    db.execute(sql, values).await.map(|_| ())
}

/// Repeats what registrations show of an API after it has changed.
pub(crate) async fn api_renamed(db: &OrgScope, api: &Api) -> Result<(), DbError> {
    let sql = org_sql!(
        "UPDATE application_registrations SET api_name = $3, api_name_folded = $4 WHERE org_id = $1 AND api_id = $2"
    );
    db.execute(sql, args![api.id, &api.name, fold(&api.name)]).await.map(|_| ())
}
