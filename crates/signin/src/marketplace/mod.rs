//! AWS Marketplace: whoever buys there is sent here with a registration token. AWS tells whose it is, and that
//! customer is linked to the organization of whoever brought it.

mod aws;
pub mod http;
mod store;

use frame::{Cx, reply::Created};
use kernel::{Action, Body, Draft, Fault, Fields, OrgId, Problem, Result, Secret, Timestamp, rules::secret};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::part;
pub use aws::{Credentials, Resolver};

/// Whom the operator sells as.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region whose service is asked, and that requests are signed for.
    pub region: String,
    /// Where that service is, if not where AWS has it.
    pub endpoint: Option<String>,
    /// The products that are sold here; none for whatever the seller's account sells.
    pub product_codes: Vec<String>,
}

/// Longest registration token that is passed on; AWS names no limit, and real ones have some hundred characters.
const LONGEST: usize = 4096;

/// What a buyer's browser was given.
pub struct Registration {
    token: Secret<String>,
}

impl Body for Registration {
    const NAME: &'static str = "ResolveAWSMarketplaceCustomer";
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { token: fields.required("token", secret(1, LONGEST))? })
    }
}

/// Where the customer belongs now.
#[derive(Serialize, JsonSchema)]
pub struct Resolved {
    /// The organization.
    organization_id: OrgId,
}

/// Whom AWS knows a token to be for.
struct Customer {
    aws_account_id: String,
    product_code: String,
    license_arn: Option<String>,
    customer_identifier: Option<String>,
}

/// Why nobody is known.
enum Unresolved {
    /// The token is not good: what is wrong with it.
    Token(&'static str),
    /// There is no answer at present.
    Unavailable(&'static str),
}

impl From<Unresolved> for Problem {
    fn from(why: Unresolved) -> Self {
        match why {
            Unresolved::Token(rule) => bad(rule),
            Unresolved::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

fn bad(rule: &str) -> Problem {
    Problem::invalid("token", Fault::Rule(rule.to_owned()))
}

/// What a customer bought.
#[derive(Serialize)]
struct Purchase {
    aws_account_id: String,
    product_code: String,
    license_arn: Option<String>,
    customer_identifier: Option<String>,
    linked_at: Timestamp,
}

/// Links the customer of a token to the caller's organization (contract: `resolveCustomer`).
async fn customer_resolve(cx: Cx, draft: Draft<Registration>) -> Result<Created<Resolved>> {
    let Registration { token } = draft.parse()?;
    let resolver = part(cx.app())?.marketplace.as_ref();
    let resolver =
        resolver.ok_or(Problem::PreconditionFailed("AWS Marketplace is not set up in this installation"))?;
    // AWS is asked before anything is read: a transaction must not wait for it.
    let customer = resolver.resolve(&token).await?;
    let sold = &resolver.settings.product_codes;
    if !sold.is_empty() && !sold.contains(&customer.product_code) {
        return Err(bad("is for a product that is not sold here"));
    }
    customer_link(&cx, &customer.aws_account_id).await?;
    let Customer { aws_account_id, product_code, license_arn, customer_identifier } = customer;
    let purchase =
        Purchase { aws_account_id, product_code, license_arn, customer_identifier, linked_at: cx.now() };
    if store::purchase_insert(cx.db(), &purchase).await? > 0 {
        let path = format!("marketplace-customers/{}", purchase.aws_account_id);
        cx.audit(Action::Create, path, json!({ "after": purchase })).await?;
    }
    Ok(Created(Resolved { organization_id: cx.org() }))
}

/// Links a customer to the caller's organization, unless it is another's. One at a time: two organizations may
/// bring the same customer at once.
async fn customer_link(cx: &Cx, account: &str) -> Result<()> {
    let directory = cx.platform();
    directory.session().serialize(&format!("marketplace-customers/{account}")).await?;
    store::customer_release(&directory, account).await?;
    match store::customer_org(&directory, account).await? {
        Some(org) if org == cx.org() => {}
        Some(_) => return Err(bad("is for a customer that is linked to another organization")),
        None => {
            store::customer_insert(cx.db(), account).await?;
        }
    }
    Ok(())
}
