//! Organizations: the unit of tenancy.

mod found;
pub mod http;
pub mod store;

pub use found::{
    Beginning, Founded, Founding, organization_begin, organization_found, owner_set, owner_token,
};

use frame::{Cx, db::OrgScope, from_row, reply::Found};
use kernel::{
    Action, Body, Draft, Fault, Fields, OrgId, Patch, Problem, Result, Timestamp, UserId,
    problem::Denied,
    rules::{Boolean, id, text},
};
use serde::Serialize;
use serde_json::json;

use crate::{roles::ADMIN_TEAM, teams, users};

/// The caller's organization (contract: `MeOrganization`).
#[derive(Clone, Serialize, schemars::JsonSchema)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// The user who owns it.
    pub owner_id: UserId,
    /// Where its people sign in; blank without single sign-on.
    pub login_path: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// `active`, `inactive`, `deleting` or `deleted`.
    #[schemars(extend("enum" = ["active", "inactive", "deleting", "deleted"]))]
    pub state: String,
    /// Days that it may be inactive before it is deleted.
    pub retention_period_days: i64,
    /// Whether personal access tokens work.
    pub pats_enabled: bool,
    /// Whether people need a second factor.
    pub mfa_enabled: bool,
}

from_row!(Organization {
    id,
    name,
    owner_id,
    login_path,
    created_at,
    updated_at,
    state,
    retention_period_days,
    pats_enabled,
    mfa_enabled
});

/// A change of the caller's organization.
pub struct OrganizationPatch {
    owner_id: Patch<UserId>,
    name: Patch<String>,
    mfa_enabled: Patch<bool>,
}

impl Body for OrganizationPatch {
    const NAME: &'static str = "UpdateOrganization";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let owner_id = fields.patch("owner_id", id());
        let name = fields.patch("name", text(1, 250));
        let mfa_enabled = fields.patch("mfa_enabled", Boolean);
        Some(Self { owner_id: owner_id?, name: name?, mfa_enabled: mfa_enabled? })
    }
}

async fn organization_get_me(cx: Cx) -> Result<Found<Organization>> {
    Ok(Found(store::organization_get(cx.db()).await?))
}

async fn organization_update_me(cx: Cx, draft: Draft<OrganizationPatch>) -> Result<Found<Organization>> {
    serialize_owner(cx.db()).await?;
    let before = store::organization_get(cx.db()).await?;
    let patch = draft.parse()?;
    let owner_id = match patch.owner_id.value() {
        Some(owner) if owner != before.owner_id => {
            pass_ownership(&cx, &before, owner).await?;
            owner
        }
        _ => before.owner_id,
    };
    let organization = Organization {
        owner_id,
        name: patch.name.or(before.name.clone()),
        mfa_enabled: patch.mfa_enabled.or(before.mfa_enabled),
        updated_at: cx.now(),
        ..before.clone()
    };
    store::organization_update(cx.db(), &organization).await?;
    cx.access_changed().await?;
    cx.audit(Action::Edit, "", json!({ "before": before, "after": organization })).await?;
    Ok(Found(organization))
}

/// Only the owner passes ownership on, and only to an active administrator.
async fn pass_ownership(cx: &Cx, organization: &Organization, owner: UserId) -> Result<()> {
    let is_owner = cx.caller().user().is_some_and(|user| organization.owner_id == user.id);
    if !is_owner {
        return Err(Problem::Forbidden(Denied::Because("Only the owner can pass ownership on".to_owned())));
    }
    let user = users::user_require(cx, owner).await?;
    let admins = teams::store::system_team_id(cx.db(), ADMIN_TEAM).await?;
    let admins = admins.ok_or_else(|| Problem::internal("the administrators' team is missing"))?;
    if !user.active || !teams::store::team_user_has(cx.db(), admins, owner).await? {
        let reason = format!("must be an active member of the team [{ADMIN_TEAM}]");
        return Err(Problem::invalid("owner_id", Fault::Rule(reason)));
    }
    Ok(())
}

/// What all who read or change the owner wait for.
const OWNER: &str = "owner";

/// Makes all who read or change the owner wait for each other.
pub async fn serialize_owner(db: &OrgScope) -> Result<()> {
    Ok(db.serialize(OWNER).await?)
}

/// The regions of this installation (`GET /v3/available-regions`).
#[derive(Serialize, schemars::JsonSchema)]
pub struct AvailableRegions {
    /// The regions by how they can be had.
    regions: Regions,
}

/// Regions by how they can be had.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Regions {
    /// For everybody.
    stable: Vec<String>,
    /// For organizations that opt in.
    stable_opt_in: Vec<String>,
    /// Not finished.
    beta: Vec<String>,
}

async fn region_list(cx: Cx) -> Result<Found<AvailableRegions>> {
    let stable = cx.app().settings.regions.clone();
    Ok(Found(AvailableRegions { regions: Regions { stable, stable_opt_in: vec![], beta: vec![] } }))
}
