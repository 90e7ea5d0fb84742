//! Collections of other products that clients list or clear on their way: they are empty here, and stay so.

use frame::{
    Cx,
    input::Query,
    operations::{DEFAULT, Operation, Rule, get, post},
    reply::{Done, Found},
};
use kernel::{Problem, Result};
use serde::Serialize;
use serde_json::Value;

/// How a collection is paged.
#[derive(Clone, Copy)]
enum Pages {
    Numbered,
    Cursors,
}

/// A collection: the ids of its operations, its path, its pages, and what it holds, for people.
type Collection = (&'static str, &'static str, &'static str, Pages, &'static str);

/// What the clients' own suites ask for.
const COLLECTIONS: [Collection; 8] = [
    ("list-control-planes", "create-control-plane", "/v2/control-planes", Pages::Numbered, "control planes"),
    ("list-dashboards", "create-dashboard", "/v2/dashboards", Pages::Numbered, "dashboards"),
    (
        "list-catalog-services",
        "create-catalog-service",
        "/v1/catalog-services",
        Pages::Cursors,
        "catalog services",
    ),
    ("list-event-gateways", "create-event-gateway", "/v1/event-gateways", Pages::Cursors, "event gateways"),
    ("list-ai-gateways", "create-ai-gateway", "/v1/ai-gateways", Pages::Cursors, "AI gateways"),
    ("list-auth-servers", "create-auth-server", "/v1/auth-servers", Pages::Cursors, "auth servers"),
    (
        "list-portal-email-domains",
        "create-portal-email-domain",
        "/v3/portals/email-domains",
        Pages::Numbered,
        "e-mail domains of portals",
    ),
    (
        "list-audit-log-destinations",
        "create-audit-log-destination",
        "/v3/audit-log-destinations",
        Pages::Numbered,
        "audit log destinations",
    ),
];

/// A page of nothing.
#[derive(Serialize, schemars::JsonSchema)]
struct EmptyPage {
    /// Where it stands.
    meta: EmptyMeta,
    /// Nothing.
    data: [Value; 0],
}

/// Paging metadata of nothing.
#[derive(Serialize, schemars::JsonSchema)]
struct EmptyMeta {
    /// The page.
    page: EmptyPlace,
}

/// A page's place among none.
#[derive(Serialize, schemars::JsonSchema)]
struct EmptyPlace {
    /// Its number; of a collection that is paged by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    number: Option<i64>,
    /// Its size.
    size: i64,
    /// How many there are; of a collection that is paged by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    total: Option<i64>,
    /// There is no next page; of a collection that is paged by cursors.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Value>,
    /// Nor one in front.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Value>,
}

/// The page that was asked for. Filters make no difference, whatever they are on.
fn empty(pages: Pages, query: &Query) -> EmptyPage {
    let asked = |name, default| {
        let number = query.get(name).and_then(|text| text.parse().ok());
        number.filter(|number: &i64| *number > 0).unwrap_or(default)
    };
    let size = asked("page[size]", 10);
    let page = match pages {
        Pages::Numbered => {
            let number = Some(asked("page[number]", 1));
            EmptyPlace { number, size, total: Some(0), next: None, previous: None }
        }
        Pages::Cursors => EmptyPlace {
            number: None,
            size,
            total: None,
            next: Some(Value::Null),
            previous: Some(Value::Null),
        },
    };
    EmptyPage { meta: EmptyMeta { page }, data: [] }
}

const TAG: &str = "Stand-in: other products";
const QUERY: &[(&str, &str)] = &[
    ("page[size]", "The size that the page is said to have"),
    ("page[number]", "The number that the page is said to have"),
];

/// The operations.
pub fn operations() -> Vec<Operation> {
    let mut operations = Vec::with_capacity(2 * COLLECTIONS.len());
    for (list_id, create_id, path, pages, what) in COLLECTIONS {
        operations.push(
            get(list_id, path)
                .allow(DEFAULT, Rule::Member)
                .doc(TAG, "List what another product has", "Always empty.")
                .query(QUERY)
                .handle(move |_: Cx, query: Query| async move { Result::Ok(Found(empty(pages, &query))) }),
        );
        operations.push(
            post(create_id, path)
                .allow(DEFAULT, Rule::Member)
                .doc(TAG, "Refuse to make what another product has", "")
                .errors(&[501])
                .handle(move |_: Cx| async move {
                    let why =
                        format!("Latchkey stands in for identity and application auth; it has no {what}");
                    Err::<Done, _>(Problem::OnPurpose(501, "Not Implemented", why, None))
                }),
        );
    }
    operations
}
