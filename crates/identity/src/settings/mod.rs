//! What an organization decides for all its members: how they sign in, support access, personal
//! tokens, where calls may come from, whose name pages bear.

mod allow_list;
mod authentication;
mod brand;
pub mod http;
pub mod store;

use frame::{Cx, from_row, input::At, reply::Found};
use kernel::{
    Action, Body, Draft, Fields, OrgId, Patch, Problem, Result,
    rules::{Boolean, Integer},
};
use serde::Serialize;
use serde_json::json;

pub use authentication::AuthenticationSettings;

/// Whether support may act in the organization (contract: impersonation settings).
#[derive(Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct ImpersonationSettings {
    /// Whether it may.
    pub enabled: bool,
}

from_row!(ImpersonationSettings { enabled });

/// A change of [`ImpersonationSettings`].
pub struct ImpersonationPatch(Patch<bool>);

impl Body for ImpersonationPatch {
    const NAME: &'static str = "UpdateImpersonationSettings";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.patch("enabled", Boolean).map(Self)
    }
}

async fn impersonation_get(cx: Cx) -> Result<Found<ImpersonationSettings>> {
    Ok(Found(store::impersonation_get(cx.db()).await?))
}

async fn impersonation_update(
    cx: Cx,
    draft: Draft<ImpersonationPatch>,
) -> Result<Found<ImpersonationSettings>> {
    let before = store::impersonation_get(cx.db()).await?;
    let ImpersonationPatch(enabled) = draft.parse()?;
    let after = ImpersonationSettings { enabled: enabled.or(before.enabled) };
    store::impersonation_update(cx.db(), after, cx.now()).await?;
    cx.audit(Action::Edit, "impersonation-settings", json!({ "before": before, "after": after })).await?;
    Ok(Found(after))
}

/// The organization's rules for personal access tokens.
#[derive(Clone, Copy, Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Whether they work at all.
    pub pats_enabled: bool,
    /// The longest that one may live.
    #[schemars(range(min = 1, max = 365))]
    pub max_expiration_period_days: i64,
}

from_row!(TokenSettings { pats_enabled, max_expiration_period_days });

/// A change of [`TokenSettings`].
pub struct TokenSettingsPatch {
    pats_enabled: Patch<bool>,
    max_expiration_period_days: Patch<i64>,
}

impl Body for TokenSettingsPatch {
    const NAME: &'static str = "UpdatePersonalAccessTokenSettings";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.not_empty();
        let pats_enabled = fields.patch("pats_enabled", Boolean);
        let days = fields.patch("max_expiration_period_days", Integer { least: 1, most: 365 });
        Some(Self { pats_enabled: pats_enabled?, max_expiration_period_days: days? })
    }
}

/// The organization in the path must be the caller's: to anybody else it does not exist.
pub fn own_organization(cx: &Cx, id: OrgId) -> Result<()> {
    if id == cx.org() { Ok(()) } else { Err(Problem::NotFound("organization")) }
}

async fn token_settings_get(cx: Cx, At(id): At<OrgId>) -> Result<Found<TokenSettings>> {
    own_organization(&cx, id)?;
    Ok(Found(store::token_settings_get(cx.db()).await?))
}

async fn token_settings_update(
    cx: Cx,
    At(id): At<OrgId>,
    draft: Draft<TokenSettingsPatch>,
) -> Result<Found<TokenSettings>> {
    own_organization(&cx, id)?;
    let before = store::token_settings_get(cx.db()).await?;
    let patch = draft.parse()?;
    let after = TokenSettings {
        pats_enabled: patch.pats_enabled.or(before.pats_enabled),
        max_expiration_period_days: patch.max_expiration_period_days.or(before.max_expiration_period_days),
    };
    store::token_settings_update(cx.db(), after, cx.now()).await?;
    cx.access_changed().await?;
    cx.audit(
        Action::Edit,
        "access-policy/personal-access-tokens",
        json!({ "before": before, "after": after }),
    )
    .await?;
    Ok(Found(after))
}
