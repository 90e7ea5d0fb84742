//! Portals, APIs, and publishing one in the other: what that does to strategies, and who may.

mod portals;
mod who;

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::{Client, Engine, Member, TestApp, on_both};

use crate::{all, asking, at_once, id, platform_problem, problem, text};

const PORTALS: &str = "/v3/portals";
const APIS: &str = "/v3/apis";
const PUBLICATIONS: &str = "/v3/api-publications";
const STRATEGIES: &str = "/v2/application-auth-strategies";

async fn portal(app: &TestApp, name: &str) -> String {
    id(&app.owner.post(PORTALS, json!({ "name": name })).await.expect(201)).to_owned()
}

async fn api(app: &TestApp, name: &str) -> String {
    id(&app.owner.post(APIS, json!({ "name": name })).await.expect(201)).to_owned()
}

async fn strategy(app: &TestApp, name: &str) -> String {
    let new = json!({ "name": name, "display_name": name, "strategy_type": "key_auth", "configs": { "key-auth": {} } });
    id(&app.owner.post(STRATEGIES, new).await.expect(201)).to_owned()
}

fn publication(api: &str, portal: &str) -> String {
    format!("{APIS}/{api}/publications/{portal}")
}

/// The strategy that came with a portal.
async fn default_of(app: &TestApp, portal: &str) -> String {
    let portal = app.owner.get(&format!("{PORTALS}/{portal}")).await.expect(200);
    text(&portal, "default_application_auth_strategy_id").to_owned()
}

async fn active(app: &TestApp, strategy: &str) -> bool {
    app.owner.get(&format!("{STRATEGIES}/{strategy}")).await.expect(200)["active"] == true
}

/// Somebody who holds just these roles.
async fn holding(app: &TestApp, email: &str, roles: &[Value]) -> Member {
    let member = app.member(email).await;
    for role in roles {
        app.owner.post(&format!("/v3/users/{}/assigned-roles", member.id), role.clone()).await.expect(201);
    }
    member
}

fn role_on(role: &str, kind: &str, entity: &str, region: &str) -> Value {
    json!({ "role_name": role, "entity_type_name": kind, "entity_id": entity, "entity_region": region })
}

async fn names(client: &Client, path: &str, member: &str) -> Vec<Value> {
    all(&client.get(path).await.expect(200), member)
}

on_both! {
    /// An API has a name and perhaps a version, together once; its slug is made of them unless one is said.
    async fn the_life_of_an_api(engine: Engine) {
        let app = TestApp::new(engine).await;
        let made = app.owner.post(APIS, json!({ "name": "Orders API", "version": "v1" })).await.expect(201);
        let expected = json!({
            "id": id(&made), "name": "Orders API", "description": null, "version": "v1", "slug": "orders-api-v1",
            "current_version_summary": null, "api_spec_ids": [], "portals": [], "labels": {}, "attributes": {},
            "created_at": made["created_at"], "updated_at": made["created_at"],
        });
        assert_eq!(made, expected);
        let path = format!("{APIS}/{}", id(&made));
        assert_eq!(app.owner.get(&path).await.expect(200), made);

        let conflict = |what: &str| platform_problem(409, "Conflict", format!("An API with {what} already exists"));
        let again = app.owner.post(APIS, json!({ "name": "orders api", "version": "V1" })).await;
        assert_eq!(problem(again), conflict("the name [orders api] and the version [V1]"));
        let second = app.owner.post(APIS, json!({ "name": "Orders API", "slug": null })).await.expect(201);
        assert_eq!((&second["version"], &second["slug"]), (&Value::Null, &Value::Null));
        let again = app.owner.post(APIS, json!({ "name": "Orders API" })).await;
        assert_eq!(problem(again), conflict("the name [Orders API] and no version"));
        let at = format!("{APIS}/{}", id(&second));
        let taken = app.owner.patch(&at, json!({ "version": "v1" })).await;
        assert_eq!(problem(taken), conflict("the name [Orders API] and the version [v1]"));

        let attributes = json!({ "owners": ["payments"], "domain": ["shop", "web"] });
        let change = json!({
            "name": "Orders", "description": "All about them", "version": "v2", "slug": "orders", "labels": { "env": "prod" },
            "attributes": attributes,
        });
        let changed = app.owner.patch(&at, change.clone()).await.expect(200);
        for (field, value) in change.as_object().expect("an object") {
            assert_eq!(&changed[field], value, "{field}");
        }
        assert_eq!(app.owner.get(&at).await.expect(200), changed);
        let renamed = app.owner.patch(&at, json!({ "name": "Orders 2" })).await.expect(200);
        assert_eq!((&renamed["slug"], &renamed["attributes"]), (&json!("orders"), &attributes), "what is not sent stays");

        app.advance(Duration::from_secs(60));
        let third = app.owner.post(APIS, json!({ "name": "Zebra", "labels": { "env": "test" } })).await.expect(201);
        for (query, found) in [
            ("sort=name desc", vec!["Zebra", "Orders API", "Orders 2"]),
            ("sort=version", vec!["Zebra", "Orders API", "Orders 2"]),
            ("filter[name][contains]=orders", vec!["Orders API", "Orders 2"]),
            ("filter[version][neq]=v1", vec!["Orders 2", "Zebra"]),
            ("filter[version][oeq]=v1,v2", vec!["Orders API", "Orders 2"]),
            ("filter[labels.env]=prod", vec!["Orders 2"]),
            ("filter[labels][env][exists]=false", vec!["Orders API"]),
            (&format!("filter[created_at]={}", text(&third, "created_at")), vec!["Zebra"]),
            (&format!("filter[created_at][lte]={}", text(&made, "created_at")), vec!["Orders API"]),
            (&format!("filter[updated_at][gte]={}", text(&third, "updated_at")), vec!["Zebra"]),
            (&format!("filter[updated_at][gt]={}", text(&third, "updated_at")), vec![]),
            ("filter[created_at][gt]=2000-01-01T00:00:00Z", vec!["Orders API", "Orders 2", "Zebra"]),
        ] {
            assert_eq!(names(&app.owner, &format!("{APIS}?{query}"), "name").await, found, "{query}");
        }
        let since = format!("{APIS}?filter[updated_at][lt]={}", text(&third, "created_at"));
        assert_eq!(names(&app.owner, &since, "name").await.len(), 2);

        let cleared = json!({ "description": null, "version": null, "slug": null, "labels": null, "attributes": null });
        let cleared = app.owner.patch(&at, cleared).await.expect(200);
        for (field, value) in [
            ("description", Value::Null), ("version", Value::Null), ("slug", Value::Null), ("labels", json!({})),
            ("attributes", json!({})),
        ] {
            assert_eq!(cleared[field], value, "{field}");
        }
        assert_eq!(names(&app.owner, &format!("{APIS}?filter[labels.env]=prod"), "name").await, [""; 0]);

        let wrong = json!({
            "name": "", "version": 1, "slug": "a b", "labels": { "_x": "y" }, "attributes": [], "spec_content": "openapi: 3.0.0",
        });
        assert_eq!(
            app.owner.post(APIS, wrong).await.bad_fields(),
            ["name", "version", "slug", "labels._x", "attributes", "spec_content"]
        );
        let long = json!({ "name": "Long", "attributes": { "a": ["x".repeat(70_000)] } });
        assert_eq!(app.owner.post(APIS, long).await.bad_fields(), ["attributes"]);

        app.owner.delete(&at).await.expect(204);
        assert_eq!(problem(app.owner.get(&at).await), platform_problem(404, "Not Found", "Not Found"));
        assert_eq!(app.database.query("SELECT key FROM labels WHERE collection = 'apis' AND key <> 'env'").await, [""; 0]);
        assert_eq!(names(&app.owner, APIS, "name").await, ["Orders API", "Zebra"]);
    }
}

on_both! {
    /// Publishing means one of three strategies: the portal's, none, or the one that is named. Publishing again
    /// replaces what was said; what is published shows in lists and makes its strategy active.
    async fn the_three_meanings(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (developers, orders) = (portal(&app, "Developers").await, api(&app, "Orders").await);
        let (default, own) = (default_of(&app, &developers).await, strategy(&app, "Own").await);
        let path = publication(&orders, &developers);
        let states = async || [active(&app, &default).await, active(&app, &own).await];
        assert_eq!(problem(app.owner.get(&path).await), platform_problem(404, "Not Found", "Not Found"));
        assert_eq!(states().await, [false, false]);

        let first = app.owner.put(&path, json!({})).await.expect(200);
        let expected = json!({
            "auth_strategy_ids": [default], "auto_approve_registrations": false, "visibility": "private", "form_id": null,
            "warnings": [], "created_at": first["created_at"], "updated_at": first["created_at"],
        });
        assert_eq!(first, expected);
        assert_eq!(app.owner.get(&path).await.expect(200), first);
        assert_eq!(states().await, [true, false]);

        let named = json!({ "auth_strategy_ids": [own], "auto_approve_registrations": true, "visibility": "public", "form_id": null });
        let second = app.owner.put(&path, named).await.expect(200);
        let mut expected = first.clone();
        expected["auth_strategy_ids"] = json!([own]);
        expected["auto_approve_registrations"] = json!(true);
        expected["visibility"] = json!("public");
        expected["updated_at"] = second["updated_at"].clone();
        assert_eq!(second, expected, "it was published when it was first");
        assert_eq!(states().await, [false, true]);

        let none = app.owner.put(&path, json!({ "auth_strategy_ids": null })).await.expect(200);
        assert_eq!((&none["auth_strategy_ids"], &none["visibility"]), (&Value::Null, &json!("private")));
        assert_eq!(states().await, [false, false]);

        // A portal's new default is for what is published from then on.
        app.owner.put(&path, json!({})).await.expect(200);
        let change = json!({ "default_application_auth_strategy_id": own, "default_api_visibility": "public" });
        app.owner.patch(&format!("{PORTALS}/{developers}"), change).await.expect(200);
        assert_eq!(app.owner.get(&path).await.expect(200)["auth_strategy_ids"], json!([default]));
        let again = app.owner.put(&path, json!({})).await.expect(200);
        assert_eq!((&again["auth_strategy_ids"], &again["visibility"]), (&json!([own]), &json!("public")));

        let refused = async |body: Value| app.owner.put(&path, body).await.bad_fields();
        assert_eq!(refused(json!({ "auth_strategy_ids": [] })).await, ["auth_strategy_ids"]);
        assert_eq!(refused(json!({ "auth_strategy_ids": [own, default] })).await, ["auth_strategy_ids"]);
        assert_eq!(refused(json!({ "auth_strategy_ids": own })).await, ["auth_strategy_ids"]);
        let wrong = json!({ "auth_strategy_ids": ["x"], "visibility": "secret", "form_id": own, "surprise": 1 });
        assert_eq!(refused(wrong).await, ["auth_strategy_ids.0", "visibility", "form_id", "surprise"]);
        let unknown = app.owner.put(&path, json!({ "auth_strategy_ids": [orders] })).await.expect(400);
        assert_eq!(
            unknown["invalid_parameters"],
            json!([{ "field": "auth_strategy_ids.0", "reason": "Application auth strategy not found", "rule": "missing_reference", "source": "body" }])
        );
        assert_eq!(app.owner.get(&path).await.expect(200), again);

        for at in [publication(&orders, &own), publication(&own, &developers), publication("x", &developers)] {
            let gone = platform_problem(404, "Not Found", "Not Found");
            assert_eq!(problem(app.owner.put(&at, json!({})).await), gone, "{at}");
            assert_eq!(problem(app.owner.get(&at).await), gone, "{at}");
            assert_eq!(problem(app.owner.delete(&at).await), gone, "{at}");
        }
        app.owner.delete(&path).await.expect(204);
        assert_eq!(app.owner.delete(&path).await.status, 404);
        assert_eq!(states().await, [false, false]);

        let at_the_same_time = (0..4).map(|_| asking(&app.owner, Method::PUT, &path, Some(json!({}))));
        assert_eq!(at_once(at_the_same_time).await, [(200, 4)].into());
        assert_eq!(app.owner.get(PUBLICATIONS).await.expect(200)["meta"]["page"]["total"], 1);
    }
}

on_both! {
    /// What is published where can be asked for, by what and where and with which strategy; renaming follows.
    async fn the_list_of_publications(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (developers, partners) = (portal(&app, "Developers").await, portal(&app, "Partners").await);
        let (orders, returns) = (api(&app, "Orders").await, api(&app, "Returns").await);
        let (of_developers, of_partners) = (default_of(&app, &developers).await, default_of(&app, &partners).await);
        for (api, portal) in [(&orders, &partners), (&orders, &developers), (&returns, &developers)] {
            app.owner.put(&publication(api, portal), json!({})).await.expect(200);
        }
        let whole = app.owner.get(PUBLICATIONS).await.expect(200);
        assert_eq!(whole["meta"], json!({ "page": { "number": 1, "size": 10, "total": 3 } }));
        let one = &whole["data"][0];
        let expected = json!({
            "api_id": orders, "portal_id": partners, "entity_type": "api", "auth_strategy_ids": [of_partners],
            "auto_approve_registrations": false, "visibility": "private", "created_at": one["created_at"],
            "updated_at": one["created_at"],
        });
        assert_eq!(*one, expected);
        let found = async |query: &str| {
            let list = app.owner.get(&format!("{PUBLICATIONS}?{query}")).await.expect(200);
            let pairs = all(&list, "api_id").into_iter().zip(all(&list, "portal_id"));
            let name = |id: &Value| match id.as_str() {
                Some(id) if id == orders => "orders",
                Some(id) if id == returns => "returns",
                Some(id) if id == developers => "developers",
                _ => "partners",
            };
            pairs.map(|(api, portal)| format!("{} in {}", name(&api), name(&portal))).collect::<Vec<_>>()
        };
        let in_developers = ["orders in developers", "returns in developers"];
        assert_eq!(found(&format!("filter[portal_id][eq]={developers}")).await, in_developers);
        assert_eq!(found(&format!("filter[auth_strategy_id][oeq]={of_developers}")).await, in_developers);
        assert_eq!(found(&format!("filter[auth_strategy_id][neq]={of_developers}")).await, ["orders in partners"]);
        assert_eq!(found(&format!("filter[api_id]={orders}")).await, ["orders in partners", "orders in developers"]);
        assert_eq!(found("filter[api_name][contains]=RET").await, ["returns in developers"]);
        assert_eq!(found("filter[portal_name][oeq]=Partners,None").await, ["orders in partners"]);
        assert_eq!(found("filter[entity_type]=api&filter[portal_name]=Partners").await, ["orders in partners"]);
        assert_eq!(found("filter[entity_type]=api_package").await, [""; 0]);
        assert_eq!(
            found("sort=portal_name,api_name desc").await,
            ["returns in developers", "orders in developers", "orders in partners"]
        );
        assert_eq!(found("sort=created_at desc&page[size]=1").await, ["returns in developers"]);

        let place = |portal: &str, name: &str, display: &str| json!({ "id": portal, "name": name, "display_name": display });
        let here = json!([place(&partners, "Partners", "Partners"), place(&developers, "Developers", "Developers")]);
        let seen = app.owner.get(&format!("{APIS}/{orders}")).await.expect(200);
        assert_eq!(seen["portals"], here);
        let listed = app.owner.get(APIS).await.expect(200);
        assert_eq!(all(&listed, "portals"), [here, json!([place(&developers, "Developers", "Developers")])]);
        let renamed = json!({ "name": "Friends", "display_name": "Our friends" });
        let used = async || problem(app.owner.delete(&format!("{STRATEGIES}/{of_partners}")).await)["detail"].clone();
        let detail = "The strategy is used by [Orders in Partners] (API publication), [Partners] (default of a portal)";
        assert_eq!(used().await, detail);
        app.owner.patch(&format!("{PORTALS}/{partners}"), renamed).await.expect(200);
        let detail = "The strategy is used by [Orders in Friends] (API publication), [Friends] (default of a portal)";
        assert_eq!(used().await, detail);
        let changed = app.owner.patch(&format!("{APIS}/{orders}"), json!({ "name": "Purchases" })).await.expect(200);
        let here = json!([place(&partners, "Friends", "Our friends"), place(&developers, "Developers", "Developers")]);
        assert_eq!(changed["portals"], here);
        assert_eq!(found("filter[portal_name]=Friends").await, ["orders in partners"]);
        assert_eq!(found("filter[api_name][contains]=purch&sort=portal_name").await, ["orders in developers", "orders in partners"]);
        let detail = "The strategy is used by [Purchases in Friends] (API publication), [Friends] (default of a portal)";
        assert_eq!(used().await, detail);

        // An API goes with its publications.
        app.owner.delete(&format!("{APIS}/{orders}")).await.expect(204);
        assert_eq!(found("").await, ["returns in developers"]);
        assert!(!active(&app, &of_partners).await && active(&app, &of_developers).await);
        let kinds = "SELECT kind FROM strategy_uses ORDER BY kind";
        assert_eq!(app.database.query(kinds).await, ["api-publication", "portal-default", "portal-default"]);
    }
}

on_both! {
    /// A strategy that is used stays, and the refusal says by what; a portal goes with what is published in it
    /// only if that is asked for.
    async fn what_is_used_stays_until_it_is_not(engine: Engine) {
        let app = TestApp::new(engine).await;
        let (developers, orders) = (portal(&app, "Developers").await, api(&app, "Orders").await);
        let keys = default_of(&app, &developers).await;
        let (at, path) = (format!("{STRATEGIES}/{keys}"), format!("{PORTALS}/{developers}"));
        let used = async || problem(app.owner.delete(&at).await)["detail"].clone();
        assert_eq!(used().await, "The strategy is used by [Developers] (default of a portal)");
        app.owner.put(&publication(&orders, &developers), json!({})).await.expect(200);
        let both = "The strategy is used by [Orders in Developers] (API publication), [Developers] (default of a portal)";
        assert_eq!(used().await, both);
        app.owner.patch(&path, json!({ "default_application_auth_strategy_id": null })).await.expect(200);
        assert_eq!(used().await, "The strategy is used by [Orders in Developers] (API publication)");
        app.owner.patch(&path, json!({ "default_application_auth_strategy_id": keys })).await.expect(200);

        for query in ["", "?force=", "?force=false"] {
            let refused = app.owner.delete(&format!("{path}{query}")).await.expect(400);
            assert_eq!(refused["detail"], "APIs are published in the portal");
            assert_eq!(
                refused["invalid_parameters"],
                json!([{ "field": "force", "reason": "\"force\" is required", "rule": "required", "source": "query" }])
            );
        }
        let strange = app.owner.delete(&format!("{path}?force=yes")).await.expect(400);
        assert_eq!(strange["invalid_parameters"][0]["choices"], json!(["true", "false"]));
        assert!(active(&app, &keys).await);
        app.owner.delete(&format!("{path}?force=true")).await.expect(204);
        assert_eq!(app.owner.get(PUBLICATIONS).await.expect(200)["data"], json!([]));
        assert_eq!(app.owner.get(&format!("{APIS}/{orders}")).await.expect(200)["portals"], json!([]));
        assert!(!active(&app, &keys).await);
        assert_eq!(app.database.query("SELECT host FROM portal_hosts").await, [""; 0]);
        app.owner.delete(&at).await.expect(204);
        assert_eq!(app.owner.delete(&format!("{path}?force=true")).await.status, 404);

        let entries = app.database.query("SELECT body FROM audit_events ORDER BY seq").await;
        let last: Value = serde_json::from_str(&entries[entries.len() - 2]).expect("JSON");
        assert!(text(&last, "resource").ends_with(&format!(":portals/{developers}")), "{last}");
        assert_eq!((&last["action"], &last["change"]["unpublished_apis"]), (&json!("delete"), &json!(1)));
    }
}

on_both! {
    /// A strategy of a DCR provider that is published makes the provider active, too.
    async fn a_provider_is_active_with_its_strategy(engine: Engine) {
        let app = TestApp::new(engine).await;
        let okta = json!({ "name": "x", "provider_type": "okta", "issuer": "https://okta.test", "dcr_config": { "dcr_token": "x" } });
        let provider = id(&app.owner.post("/v2/dcr-providers", okta).await.expect(201)).to_owned();
        let config = json!({ "issuer": "https://okta.test", "credential_claim": [], "scopes": [], "auth_methods": [] });
        let tokens = json!({
            "name": "Tokens", "display_name": "Tokens", "strategy_type": "openid_connect", "dcr_provider_id": provider,
            "configs": { "openid-connect": config },
        });
        let tokens = id(&app.owner.post(STRATEGIES, tokens).await.expect(201)).to_owned();
        let default = json!({ "name": "Developers", "default_application_auth_strategy_id": tokens });
        let developers = id(&app.owner.post(PORTALS, default).await.expect(201)).to_owned();
        let is = async || {
            let provider = app.owner.get(&format!("/v2/dcr-providers/{provider}")).await.expect(200);
            (active(&app, &tokens).await, provider["active"].clone())
        };
        assert_eq!(is().await, (false, json!(false)), "a default is not published");
        let path = publication(&api(&app, "Orders").await, &developers);
        app.owner.put(&path, json!({})).await.expect(200);
        assert_eq!(is().await, (true, json!(true)));
        app.owner.delete(&path).await.expect(204);
        assert_eq!(is().await, (false, json!(false)));
    }
}
