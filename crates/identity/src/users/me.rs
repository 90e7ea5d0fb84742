//! What a signed-in user does to itself.

use frame::{
    Cx,
    principal::User,
    reply::{Done, Found},
};
use kernel::{Action, Draft, Problem, Result, problem::Denied};
use serde_json::json;

use super::{UserPatch, store, user_require};
use crate::{organizations, tokens};

pub(super) async fn user_get_me(cx: Cx) -> Result<Found<User>> {
    // The credential was resolved to the user as it is now, so there is nothing to look up.
    cx.user().cloned().map(Found)
}

pub(super) async fn user_update_me(cx: Cx, draft: Draft<UserPatch>) -> Result<Found<User>> {
    let id = cx.user()?.id;
    super::user_change(&cx, id, draft).await
}

/// Only who is alone can go, and takes the organization along: it is being deleted then (contract:
/// `delete-users-me`). Others are deleted by an administrator.
pub(super) async fn user_delete_me(cx: Cx) -> Result<Done> {
    let id = cx.user()?.id;
    organizations::serialize_owner(cx.db()).await?;
    let user = user_require(&cx, id).await?;
    if store::user_count_but(cx.db(), id).await? > 0 {
        let why = "There are other users in the organization".to_owned();
        return Err(Problem::Forbidden(Denied::Because(why)));
    }
    tokens::store::credential_drop_all(cx.db(), id.uuid()).await?;
    crate::roles::store::role_drop_all(cx.db(), id.uuid()).await?;
    store::user_delete(cx.db(), id).await?;
    organizations::store::organization_set_state(cx.db(), "deleting", cx.now()).await?;
    cx.access_changed().await?;
    cx.audit(Action::Delete, format!("users/{id}"), json!({ "before": user })).await?;
    Ok(Done)
}
