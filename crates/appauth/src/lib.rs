//! Application auth: how applications come by credentials for APIs. One folder per resource: `mod.rs` has
//! the types and the rules, `http.rs` the operations, `store.rs` the SQL, `config.rs` the settings that
//! differ from one kind to the next. `registration` speaks with identity providers: one file per kind of
//! them, behind one trait.

pub mod apis;
pub mod application_registrations;
pub mod applications;
pub mod clients;
pub mod dcr_bridge;
pub mod dcr_providers;
pub mod developers;
pub mod gateway;
pub mod housekeeping;
pub mod portal_product_versions;
pub mod portal_products;
pub mod portal_roles;
pub mod portal_teams;
pub mod portals;
pub mod product_versions;
pub mod products;
pub mod publications;
pub mod registration;
pub mod strategies;

use std::sync::Arc;

use frame::{App, Cx, db::SealedColumn, operations::Operation, outbound::Outbound, passwords::Hasher};
use kernel::{
    Draft, Duration, Fault, Invalid, Result,
    rules::{Faults, Rule},
};
use serde_json::{Value, json};

/// What the operator may set about application auth.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Fields of the gateway's openid-connect plugin beside the published ones.
    pub plugin_fields: Vec<String>,
    /// How long a developer's access token is good.
    pub access_life: Duration,
    /// How long a developer's refresh token is good.
    pub refresh_life: Duration,
    /// How long a developer's session lasts, however often it is refreshed.
    pub session_life: Duration,
    /// The domain under which each portal has one of its own.
    pub portal_domain: String,
    /// Whether the keys of applications are kept, sealed, for a gateway that is given them.
    pub keeps_keys: bool,
}

/// What this capability keeps while the program runs.
#[derive(Clone)]
pub struct AppAuth {
    /// What the operator set.
    pub settings: Settings,
    /// What reaches providers, and knows which addresses may be.
    pub outbound: Outbound,
    /// Where passwords of developers are hashed, those of people among them: by turns, as many as there are processors.
    pub hasher: Arc<Hasher>,
    /// The gateway that is told what changes, if there is one.
    pub gateway: Option<gateway::admin::Admin>,
}

/// This capability's part of the program.
pub(crate) fn part(app: &App) -> Result<&AppAuth> {
    app.part()
}

/// Every operation of this crate.
pub fn operations() -> Vec<Operation> {
    let groups = [
        dcr_providers::http::operations(),
        registration::http::operations(),
        clients::http::operations(),
        dcr_bridge::http::operations(),
        strategies::http::operations(),
        portals::http::operations(),
        apis::http::operations(),
        publications::http::operations(),
        gateway::http::operations(),
        products::http::operations(),
        product_versions::http::operations(),
        portal_product_versions::http::operations(),
        portal_products::http::operations(),
        apis::at_portal::operations(),
        products::at_portal::operations(),
        applications::http::operations(),
        application_registrations::http::operations(),
        portal_teams::http::operations(),
        portal_roles::http::operations(),
        // Signing out stands last, so that whoever calls all in turn is signed in for them.
        developers::http::operations(),
    ];
    groups.into_iter().flatten().collect()
}

/// Every column of sealed secrets of this crate.
pub static SEALED: [&SealedColumn; 3] =
    [&dcr_providers::SECRETS, &clients::MANAGEMENT, &applications::keys::KEYS];

/// One writer of an organization's strategies, providers, portals, APIs, products and publications at a time: rows repeat
/// what they show of each other, so none may change while another that shows it is being written.
async fn serialize(cx: &Cx) -> Result<()> {
    Ok(cx.db().serialize("application-auth").await?)
}

/// Nothing but `null`, for what is not to be had here; with the reason.
struct OnlyNull(&'static str);

impl Rule for OnlyNull {
    type Out = ();
    fn read(&self, _: &Value) -> Result<(), Faults> {
        Err(vec![(None, Fault::Rule(format!("must be null: {}", self.0)))])
    }
    fn schema(&self) -> Value {
        json!({ "type": "null" })
    }
}

/// Adds a fault for each of these fields that is an address in clear, unless the operator allows that, or
/// no address after all.
fn check_addresses<T: kernel::Body>(
    cx: &Cx,
    draft: &Draft<T>,
    fields: &[&str],
    faults: &mut Vec<Invalid>,
) -> Result<()> {
    let outbound = &part(cx.app())?.outbound;
    for field in fields {
        let Some(text) = draft.text(field).filter(|_| faults.iter().all(|known| known.field != *field))
        else {
            continue;
        };
        let fault = match url::Url::parse(text) {
            Err(_) => Fault::NotAUrl,
            Ok(_) if outbound.link(text).is_err() => Fault::Rule("must be an https address".to_owned()),
            Ok(_) => continue,
        };
        faults.push(Invalid::body(*field, fault));
    }
    Ok(())
}
