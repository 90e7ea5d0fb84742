//! Roles on types of entities that lie in a region: what each allows on which entity, written by hand from
//! the published role tables.

use http::Method;
use serde_json::{Value, json};
use tests::{Client, Engine, TestApp, on_both};

use crate::{
    callers::with_role,
    requests::{Maker, Subject},
};

/// A role, on which entity (`*` for all, `1` for the first of two), in which region; and what comes of it:
/// create, list, then read, edit and delete of the first entity, read and edit of the second. `+` allowed,
/// `3` refused; the list shows both, the first, or is refused.
type Line = (&'static str, &'static str, &'static str, &'static str, [&'static str; 3]);

/// The types, where their entities are, and what roles come to.
const TYPES: [(&str, &str, &[Line]); 6] = [
    ("DCR Providers", "/v2/dcr-providers", &REGISTRATION),
    ("Application Auth Strategies", "/v2/application-auth-strategies", &REGISTRATION),
    ("Portals", "/v3/portals", &PORTALS),
    ("Portals", "/v2/portals", &PORTALS),
    ("APIs", "/v3/apis", &APIS),
    ("API Products", "/v2/api-products", &PRODUCTS),
];

const REGISTRATION: [Line; 10] = [
    //                       create list read edit delete of 1, read edit of 2
    ("Creator", "*", "*", "+", ["both", "+33", "+3"]),
    ("Maintainer", "*", "*", "3", ["both", "+++", "++"]),
    ("Viewer", "*", "*", "3", ["both", "+33", "+3"]),
    ("Creator", "*", "us", "+", ["both", "+33", "+3"]),
    ("Maintainer", "*", "us", "3", ["both", "+++", "++"]),
    ("Maintainer", "*", "eu", "3", ["none", "333", "33"]),
    ("Viewer", "1", "*", "3", ["one", "+33", "33"]),
    ("Maintainer", "1", "us", "3", ["one", "+++", "33"]),
    ("Maintainer", "1", "eu", "3", ["none", "333", "33"]),
    ("Creator", "1", "*", "3", ["one", "+33", "33"]),
];

const PORTALS: [Line; 10] = [
    //                       create list read edit delete of 1, read edit of 2
    ("Creator", "*", "*", "+", ["both", "+33", "+3"]),
    ("Admin", "*", "*", "3", ["both", "+++", "++"]),
    ("Maintainer", "*", "*", "3", ["both", "+33", "+3"]),
    ("Viewer", "*", "*", "3", ["both", "+33", "+3"]),
    ("Creator", "*", "us", "+", ["both", "+33", "+3"]),
    ("Admin", "*", "eu", "3", ["none", "333", "33"]),
    ("Viewer", "1", "*", "3", ["one", "+33", "33"]),
    ("Admin", "1", "us", "3", ["one", "+++", "33"]),
    ("Admin", "1", "eu", "3", ["none", "333", "33"]),
    ("Creator", "1", "*", "3", ["one", "+33", "33"]),
];

const APIS: [Line; 11] = [
    //                       create list read edit delete of 1, read edit of 2
    ("Creator", "*", "*", "+", ["both", "333", "33"]),
    ("Admin", "*", "*", "3", ["both", "+++", "++"]),
    ("Maintainer", "*", "*", "3", ["both", "++3", "++"]),
    ("Publisher", "*", "us", "3", ["both", "+33", "+3"]),
    ("Viewer", "*", "*", "3", ["both", "+33", "+3"]),
    ("Creator", "*", "us", "+", ["both", "333", "33"]),
    ("Admin", "*", "eu", "3", ["none", "333", "33"]),
    ("Registration Approver", "1", "*", "3", ["one", "+33", "33"]),
    ("Admin", "1", "us", "3", ["one", "+++", "33"]),
    ("Maintainer", "1", "eu", "3", ["none", "333", "33"]),
    ("Creator", "1", "*", "3", ["one", "333", "33"]),
];

const PRODUCTS: [Line; 12] = [
    //                       create list read edit delete of 1, read edit of 2
    ("Creator", "*", "*", "+", ["both", "333", "33"]),
    ("Admin", "*", "*", "3", ["both", "+++", "++"]),
    ("Maintainer", "*", "us", "3", ["both", "++3", "++"]),
    ("Publisher", "*", "*", "3", ["both", "+33", "+3"]),
    ("Application Registration", "*", "*", "3", ["both", "+33", "+3"]),
    ("Viewer", "*", "*", "3", ["both", "+33", "+3"]),
    ("Creator", "*", "us", "+", ["both", "333", "33"]),
    ("Admin", "*", "eu", "3", ["none", "333", "33"]),
    ("Viewer", "1", "*", "3", ["one", "+33", "33"]),
    ("Admin", "1", "us", "3", ["one", "+++", "33"]),
    ("Maintainer", "1", "eu", "3", ["none", "333", "33"]),
    ("Creator", "1", "*", "3", ["one", "333", "33"]),
];

fn sign(status: u16) -> char {
    match status {
        200..=204 => '+',
        403 => '3',
        _ => '?',
    }
}

async fn tried(client: &Client, method: Method, path: &str, body: Option<Value>) -> char {
    sign(client.call(method, path, body).await.status.as_u16())
}

/// What the list shows of these two.
async fn listed(client: &Client, path: &str, ids: &[String; 2]) -> &'static str {
    let answer = client.get(&format!("{path}?page[size]=1000&sort=name")).await;
    if answer.status.as_u16() == 403 {
        return "none";
    }
    let body = answer.expect(200);
    let shown: Vec<&str> =
        body["data"].as_array().into_iter().flatten().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(body["meta"]["page"]["total"], shown.len());
    match ids.each_ref().map(|id| shown.contains(&id.as_str())) {
        [true, true] => "both",
        [true, false] if shown.len() == 1 => "one",
        _ => "something else",
    }
}

on_both! {
    /// Each role on each entity, by users and by system accounts; this server is in the region us.
    async fn each_role_reaches_what_it_is_on(engine: Engine) {
        let app = TestApp::new(engine).await;
        let maker = Maker::new(&app).await;
        let mut next = 0;
        for (kind, path, table) in TYPES {
            for &(role, entity, region, create, [list, first, second]) in table {
                let ids = [maker.object(path, Subject::Anyone).await, maker.object(path, Subject::Anyone).await];
                let on = if entity == "1" { &ids[0] } else { entity };
                let assignment =
                    json!({ "role_name": role, "entity_type_name": kind, "entity_id": on, "entity_region": region });
                let line = format!("{role} on {entity} of {kind} in {region}");
                next += 1;
                let client = if next % 2 == 0 {
                    let (account, client) = app.system_account(&format!("account {next}")).await;
                    let roles = format!("/v3/system-accounts/{account}/assigned-roles");
                    app.owner.post(&roles, assignment).await.expect(201);
                    client
                } else {
                    with_role(&app, &format!("user{next}@acme.test"), &assignment).await.client
                };
                assert_eq!(listed(&client, path, &ids).await, list, "{line}: list");
                // A strategy without a provider: whoever names one needs to see it.
                let new = match kind {
                    "DCR Providers" => maker.dcr_provider(),
                    "Portals" => maker.portal(),
                    "APIs" => maker.api(),
                    "API Products" => maker.product(),
                    _ => json!({ "name": "x", "display_name": "x", "strategy_type": "key_auth", "configs": { "key-auth": {} } }),
                };
                let made = client.post(path, new).await;
                assert_eq!(sign(made.status.as_u16()).to_string(), create, "{line}: create");
                // Names of portals and APIs are taken once.
                let edit = || Some(json!({ "name": maker.name("Changed") }));
                let [one, two] = ids.each_ref().map(|id| format!("{path}/{id}"));
                let of_two = [
                    tried(&client, Method::GET, &two, None).await,
                    tried(&client, Method::PATCH, &two, edit()).await,
                ];
                assert_eq!(of_two.iter().collect::<String>(), second, "{line}: the second");
                let of_one = [
                    tried(&client, Method::GET, &one, None).await,
                    tried(&client, Method::PATCH, &one, edit()).await,
                    tried(&client, Method::DELETE, &one, None).await,
                ];
                assert_eq!(of_one.iter().collect::<String>(), first, "{line}: the first");
                // A role on one type is none on another.
                for (_, other, _) in TYPES.iter().filter(|(it, ..)| *it != kind) {
                    assert_eq!(client.get(other).await.status.as_u16(), 403, "{line}: {other}");
                }
            }
        }
    }
}

on_both! {
    /// In which region the server is, its operator says.
    async fn a_server_in_another_region(engine: Engine) {
        let app = TestApp::with(engine, &[("REGION", "eu")]).await;
        let (kind, path, _) = TYPES[0];
        for (region, status) in [("us", 403), ("eu", 200), ("*", 200)] {
            let role = json!({ "role_name": "Viewer", "entity_type_name": kind, "entity_id": "*", "entity_region": region });
            let member = with_role(&app, &format!("{}@acme.test", region.replace('*', "all")), &role).await;
            assert_eq!(member.client.get(path).await.status.as_u16(), status, "{region}");
        }
    }
}
