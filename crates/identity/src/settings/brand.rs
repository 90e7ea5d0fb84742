//! What pages show in the context of the organization, in place of the installation's brand.

use frame::{
    Cx,
    brand::{OwnBrand, brand_of, color, name},
    reply::Found,
};
use kernel::{Action, Body, Draft, Fields, Patch, Result};
use serde_json::json;

use super::store;

/// A change of the organization's brand; `null` goes back to the installation's.
pub struct BrandPatch {
    name: Patch<String>,
    color: Patch<String>,
}

impl Body for BrandPatch {
    const NAME: &'static str = "UpdateOrganizationBrand";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.not_empty();
        let name = fields.patch("name", name());
        let color = fields.patch("color", color());
        Some(Self { name: name?, color: color? })
    }
}

pub(super) async fn brand_get(cx: Cx) -> Result<Found<OwnBrand>> {
    Ok(Found(brand_of(cx.db()).await?))
}

pub(super) async fn brand_update(cx: Cx, draft: Draft<BrandPatch>) -> Result<Found<OwnBrand>> {
    // Two who change one field each do not undo each other.
    cx.db().serialize("brand").await?;
    let before = brand_of(cx.db()).await?;
    let BrandPatch { name, color } = draft.parse()?;
    let after = OwnBrand { name: name.over(before.name.clone()), color: color.over(before.color.clone()) };
    store::brand_update(cx.db(), &after, cx.now()).await?;
    cx.audit(Action::Edit, "brand", json!({ "before": before, "after": after })).await?;
    Ok(Found(after))
}
