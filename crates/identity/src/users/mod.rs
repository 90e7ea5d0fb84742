//! Users: a person's account in one organization.

mod add;
pub mod http;
mod me;
mod member;
pub mod store;

pub use add::{NewUser, user_add};
pub use member::{Member, PolicyRow};

use frame::{
    Cx,
    db::Paged,
    from_row,
    input::{At, Query},
    principal::User,
    reply::{Done, Found},
};
use kernel::{
    Action, Body, Draft, Fault, Fields, Invalid, OrgId, Patch, Problem, Result, UserId,
    query::{Collection, Field, Kind, ListQuery, Ops},
    rules::text,
};
use serde::Serialize;
use serde_json::json;

use crate::{organizations, teams::Team};

/// What users can be filtered by.
pub static USERS: Collection = Collection::numbered(
    "users",
    &[
        Field::new("id", Kind::Id, Ops::EQ),
        Field::text("email", Ops::EQ_CONTAINS),
        Field::text("full_name", Ops::EQ_CONTAINS),
        Field::boolean("active"),
    ],
);

/// A change of a user's names.
pub struct UserPatch {
    full_name: Patch<String>,
    preferred_name: Patch<String>,
}

impl Body for UserPatch {
    const NAME: &'static str = "UpdateUser";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let full_name = fields.patch("full_name", text(1, 250).matching(r"^[\w \W]+$", |_| true));
        let preferred_name = fields.patch("preferred_name", text(0, 250));
        Some(Self { full_name: full_name?, preferred_name: preferred_name? })
    }
}

/// The user, or 404.
pub async fn user_require(cx: &Cx, id: UserId) -> Result<User> {
    store::user_get(cx.db(), id).await?.ok_or(Problem::NotFound("user"))
}

async fn user_list(cx: Cx, query: ListQuery) -> Result<Found<Paged<User>>> {
    store::user_list(cx.db(), &query).await.map(Found)
}

async fn user_get(cx: Cx, At(id): At<UserId>) -> Result<Found<User>> {
    user_require(&cx, id).await.map(Found)
}

async fn user_update(cx: Cx, At(id): At<UserId>, draft: Draft<UserPatch>) -> Result<Found<User>> {
    user_change(&cx, id, draft).await
}

async fn user_change(cx: &Cx, id: UserId, draft: Draft<UserPatch>) -> Result<Found<User>> {
    let before = user_require(cx, id).await?;
    let patch = draft.parse()?;
    let user = User {
        full_name: patch.full_name.or(before.full_name.clone()),
        preferred_name: patch.preferred_name.or(before.preferred_name.clone()),
        updated_at: cx.now(),
        ..before.clone()
    };
    store::user_update(cx.db(), &user).await?;
    cx.access_changed().await?;
    cx.audit(Action::Edit, format!("users/{id}"), json!({ "before": before, "after": user })).await?;
    Ok(Found(user))
}

async fn user_delete(cx: Cx, At(id): At<UserId>) -> Result<Done> {
    let user = user_require(&cx, id).await?;
    organizations::serialize_owner(cx.db()).await?;
    if organizations::store::organization_get(cx.db()).await?.owner_id == id {
        return Err(Problem::Conflict(format!(
            "The user [{id}] owns the organization: ownership must pass to another administrator first"
        )));
    }
    crate::tokens::store::credential_drop_all(cx.db(), id.uuid()).await?;
    crate::roles::store::role_drop_all(cx.db(), id.uuid()).await?;
    store::user_delete(cx.db(), id).await?;
    cx.access_changed().await?;
    cx.audit(Action::Delete, format!("users/{id}"), json!({ "before": user })).await?;
    Ok(Done)
}

async fn user_team_list(cx: Cx, At(id): At<UserId>, query: ListQuery) -> Result<Found<Paged<Team>>> {
    user_require(&cx, id).await?;
    crate::teams::store::team_list_of_user(cx.db(), id, &query).await.map(Found)
}

/// One user of a person (contract: internal users).
#[derive(Serialize, schemars::JsonSchema)]
pub struct InternalUser {
    /// The user.
    id: UserId,
    /// Its organization.
    organization_id: OrgId,
}

from_row!(InternalUser { id, organization_id });

async fn user_list_internal(cx: Cx, query: Query) -> Result<Found<Paged<InternalUser>>> {
    let subject = query.get("aid").unwrap_or_default();
    if subject.is_empty() {
        return Err(Problem::Invalid(vec![Invalid::query("aid", Fault::Required)]));
    }
    let users = store::user_list_of_subject(&cx.platform(), subject).await?;
    Ok(Found(Paged::whole(users)))
}
