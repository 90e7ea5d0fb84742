//! Whose pages they are: the installation's, unless they stand in the context of an organization that has a name or
//! a colour of its own. The colour is shown beside text and never under it, so that any will do, in light and dark.

use kernel::{
    Result,
    rules::{Text, text},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{args, db::OrgScope, from_row, org_sql};

/// The longest name.
pub const NAME_MOST: usize = 60;

/// The brand of the installation, or of an organization with what is missing from the installation's.
#[derive(Clone, Debug)]
pub struct Brand {
    /// The name on every page.
    pub name: String,
    /// The colour of the mark and the bar, `#rrggbb`.
    pub color: String,
}

/// What pages show in the context of an organization, in place of the installation's brand.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "OrganizationBrand")]
pub struct OwnBrand {
    /// The name on pages; `null` for the installation's.
    #[schemars(length(min = 1, max = 60))]
    pub name: Option<String>,
    /// The colour of the mark on pages, `#rrggbb`; `null` for the installation's.
    pub color: Option<String>,
}

from_row!(OwnBrand { name, color });

impl OwnBrand {
    /// What a page shows.
    pub fn over(&self, installation: &Brand) -> Brand {
        let or = |own: &Option<String>, other: &String| own.as_ref().unwrap_or(other).clone();
        Brand { name: or(&self.name, &installation.name), color: or(&self.color, &installation.color) }
    }
}

/// Whether a text is a colour as browsers take it, `#rrggbb`.
pub fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(is_hex)
}

/// The same without its sign, as it stands in paths.
pub(crate) fn is_hex(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A name.
pub const fn name() -> Text {
    text(1, NAME_MOST)
}

/// A colour.
pub const fn color() -> Text {
    text(1, 7).matching("^#[0-9a-fA-F]{6}$", is_color)
}

/// The brand of an organization.
pub async fn brand_of(db: &OrgScope) -> Result<OwnBrand> {
    let sql =
        org_sql!("SELECT brand_name AS name, brand_color AS color FROM organizations WHERE org_id = $1");
    Ok(db.optional(sql, args![]).await?.unwrap_or_default())
}
