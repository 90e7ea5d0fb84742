//! Application auth strategies: both types, changing and replacing them, and the DCR provider of one.

use http::Method;
use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{all, asking, at_once, complaints, everywhere, id, platform_problem, problem, text};

const STRATEGIES: &str = "/v2/application-auth-strategies";
const PROVIDERS: &str = "/v2/dcr-providers";

fn key_auth(config: Value) -> Value {
    json!({
        "name": "Keys", "display_name": "API Key Auth", "strategy_type": "key_auth", "configs": { "key-auth": config },
    })
}

fn openid_connect() -> Value {
    json!({
        "name": "Tokens", "display_name": "Enterprise Auth", "strategy_type": "openid_connect",
        "configs": { "openid-connect": {
            "issuer": "https://oidc.test", "credential_claim": ["sub", "client_id"], "scopes": ["profile", "openid", "email"],
            "auth_methods": ["client_credentials", "bearer"],
        } },
    })
}

/// A DCR provider of a type whose applications have as many credentials as said.
async fn provider(app: &TestApp, name: &str, several: bool) -> String {
    let config = json!({ "dcr_base_url": "https://bridge.test", "api_key": "gYmrbDfu_7PTsZWH", "allow_multiple_credentials": several });
    let new =
        json!({ "name": name, "provider_type": "http", "issuer": "https://idp.test", "dcr_config": config });
    id(&app.owner.post(PROVIDERS, new).await.expect(201)).to_owned()
}

on_both! {
    /// What goes in comes out, in its order; what was not said has its default.
    async fn one_of_each_type(engine: Engine) {
        let app = TestApp::new(engine).await;
        let keys = app.owner.post(STRATEGIES, key_auth(json!({}))).await.expect(201);
        let expected = json!({
            "id": id(&keys), "name": "Keys", "display_name": "API Key Auth", "strategy_type": "key_auth",
            "configs": { "key-auth": {} }, "active": false, "dcr_provider": null, "labels": {},
            "created_at": keys["created_at"], "updated_at": keys["created_at"],
            "supports_multiple_credentials": true, "principals": { "enabled": false },
        });
        assert_eq!(keys, expected);
        assert_eq!(app.owner.get(&format!("{STRATEGIES}/{}", id(&keys))).await.expect(200), keys);

        let config = json!({ "key_names": ["x-api-key", "apikey"], "ttl": { "value": 2, "unit": "years" } });
        let mut full = key_auth(config.clone());
        full["labels"] = json!({ "KONGCTL-namespace": "ns" });
        full["principals"] = json!({ "enabled": true });
        full["display_name"] = json!("");
        let full = app.owner.post(STRATEGIES, full).await.expect(201);
        assert_eq!(full["configs"]["key-auth"], config);
        assert_eq!((&full["labels"], &full["principals"], &full["display_name"]), (&json!({ "KONGCTL-namespace": "ns" }), &json!({ "enabled": true }), &json!("")));

        let dcr = provider(&app, "Bridge", true).await;
        let mut new = openid_connect();
        new["dcr_provider_id"] = json!(dcr);
        let extras = json!({ "cache_tokens": false, "ssl_verify": true, "token_post_args_names": ["audience"], "http_version": 1.1, "client_secret": ["{vault://env/oidc}"] });
        for (name, value) in extras.as_object().unwrap() {
            new["configs"]["openid-connect"][name] = value.clone();
        }
        let tokens = app.owner.post(STRATEGIES, new.clone()).await.expect(201);
        assert_eq!(tokens["configs"], new["configs"], "settings of the plugin are kept as they came");
        assert_eq!(tokens["dcr_provider"], json!({ "id": dcr, "name": "Bridge", "provider_type": "http" }));
        assert_eq!((tokens.get("dcr_provider_id"), &tokens["supports_multiple_credentials"]), (None, &json!(true)));
        let mut alone = openid_connect();
        alone["dcr_provider_id"] = Value::Null;
        let alone = app.owner.post(STRATEGIES, alone).await.expect(201);
        assert_eq!((&alone["dcr_provider"], &alone["supports_multiple_credentials"]), (&Value::Null, &json!(false)));
        let list = app.owner.get(&format!("{STRATEGIES}?page[size]=100")).await.expect(200);
        assert_eq!(list["data"], json!([keys, full, tokens, alone]));
    }
}

on_both! {
    /// What is wrong is named; the plugin's fields are known by name, and secrets do not stand in clear.
    async fn what_a_strategy_may_not_be(engine: Engine) {
        let app = TestApp::with(engine, &[("OUTBOUND_HTTP", "false"), ("OPENID_CONNECT_FIELDS", "consumer_claim, x")]).await;
        let mut live = openid_connect();
        live["configs"]["openid-connect"]["labels"] = json!({});
        let answer = app.owner.post(STRATEGIES, live).await.expect(400);
        assert_eq!(
            answer["invalid_parameters"],
            json!([{ "field": "configs.openid-connect.labels", "reason": "unknown field", "rule": "invalid", "source": "body" }])
        );
        let refused = async |body: Value| app.owner.post(STRATEGIES, body).await.bad_fields();
        let mut many = openid_connect();
        many["name"] = json!("");
        many["surprise"] = json!(1);
        many["principals"] = json!({});
        many["dcr_provider_id"] = json!("7f9fd312-a987-4628-b4c5-bb4f4fddd5f7");
        many["configs"]["openid-connect"] = json!({
            "issuer": "http://oidc.test", "scopes": null, "credential_claim": [""], "auth_methods": ["a"], "nope": 1,
            "client_secret": ["in clear"], "consumer_claim": ["sub"],
        });
        let at = |field: &str| format!("configs.openid-connect.{field}");
        assert_eq!(
            refused(many).await,
            [
                "name".to_owned(), "principals.enabled".to_owned(), at("credential_claim.0"), at("scopes"),
                "surprise".to_owned(), at("nope"), at("client_secret.0"), at("issuer"), "dcr_provider_id".to_owned(),
            ]
        );
        let mut unknown = openid_connect();
        unknown["dcr_provider_id"] = json!("7f9fd312-a987-4628-b4c5-bb4f4fddd5f7");
        let unknown = app.owner.post(STRATEGIES, unknown).await.expect(400);
        assert_eq!(unknown["invalid_parameters"][0]["rule"], "missing_reference");
        let mut keys = key_auth(json!({ "key_names": [], "ttl": { "value": 0, "unit": "months" }, "more": 1 }));
        keys["dcr_provider_id"] = Value::Null;
        let at = |field: &str| format!("configs.key-auth.{field}");
        assert_eq!(
            refused(keys).await,
            [at("key_names"), at("ttl.value"), at("ttl.unit"), at("more"), "dcr_provider_id".to_owned()]
        );
        let mut other = key_auth(json!({}));
        other["configs"] = openid_connect()["configs"].clone();
        assert_eq!(refused(other).await, ["configs.key-auth", "configs.openid-connect"]);
        assert_eq!(refused(json!({})).await, ["name", "display_name", "strategy_type"]);
        let mut long = openid_connect();
        long["configs"]["openid-connect"]["downstream_headers_names"] = json!(vec!["x".repeat(1000); 66]);
        assert_eq!(refused(long).await, ["configs.openid-connect"]);
        assert_eq!(app.database.dump().await["application_auth_strategies"], [""; 0]);
    }
}

on_both! {
    /// A change names what changes, down to a single setting; `null` takes away.
    async fn a_change_keeps_what_it_does_not_name(engine: Engine) {
        let app = TestApp::new(engine).await;
        let mut new = openid_connect();
        new["labels"] = json!({ "env": "test", "KONGCTL-namespace": "ns" });
        new["configs"]["openid-connect"]["cache_tokens"] = json!(true);
        new["configs"]["openid-connect"]["cache_ttl"] = json!(60);
        let made = app.owner.post(STRATEGIES, new).await.expect(201);
        let path = format!("{STRATEGIES}/{}", id(&made));
        app.advance(std::time::Duration::from_secs(1));
        let config = json!({ "scopes": ["openid"], "cache_ttl": null, "cache_tokens": false, "auth_methods": null });
        let changed = app.owner.patch(&path, json!({ "configs": { "openid-connect": config } })).await.expect(200);
        let mut expected = made.clone();
        let settings = &mut expected["configs"]["openid-connect"];
        settings["scopes"] = json!(["openid"]);
        settings["cache_tokens"] = json!(false);
        settings.as_object_mut().unwrap().remove("cache_ttl");
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected);
        assert!(text(&changed, "updated_at") > text(&made, "updated_at"));
        let labels = app.owner.patch(&path, json!({ "labels": { "KONGCTL-namespace": null } })).await.expect(200);
        assert_eq!((&labels["labels"], &labels["configs"]), (&json!({ "env": "test" }), &changed["configs"]));
        assert_eq!(app.owner.patch(&path, json!({})).await.expect(200)["configs"], changed["configs"]);
        let on = app.owner.patch(&path, json!({ "principals": { "enabled": true }, "display_name": "" })).await.expect(200);
        assert_eq!((&on["principals"]["enabled"], &on["display_name"]), (&json!(true), &json!("")));

        let dcr = provider(&app, "Bridge", true).await;
        let attached = app.owner.patch(&path, json!({ "dcr_provider_id": dcr })).await.expect(200);
        assert_eq!((&attached["dcr_provider"]["id"], &attached["supports_multiple_credentials"]), (&json!(dcr), &json!(true)));
        let kept = app.owner.patch(&path, json!({ "name": "Renamed" })).await.expect(200);
        assert_eq!(kept["dcr_provider"], attached["dcr_provider"]);
        let detached = app.owner.patch(&path, json!({ "dcr_provider_id": null })).await.expect(200);
        assert_eq!((&detached["dcr_provider"], &detached["supports_multiple_credentials"]), (&Value::Null, &json!(false)));

        let wrong = json!({ "strategy_type": "key_auth", "configs": { "key-auth": {} }, "dcr_provider_id": "x" });
        let fits = "does not fit a strategy of the type openid_connect";
        let fields = app.owner.patch(&path, wrong).await;
        assert_eq!(
            complaints(fields),
            json!([
                ["dcr_provider_id", "\"dcr_provider_id\" must be a valid UUID"],
                ["strategy_type", "\"strategy_type\" is not allowed"],
                ["configs.key-auth", fits],
            ])
        );
        assert_eq!(app.owner.patch(&path, json!({ "configs": {} })).await.bad_fields(), ["configs.openid-connect"]);

        let keys = key_auth(json!({ "key_names": ["apikey"], "ttl": { "value": 1, "unit": "days" } }));
        let keys = app.owner.post(STRATEGIES, keys).await.expect(201);
        let path = format!("{STRATEGIES}/{}", id(&keys));
        let ttl = app.owner.patch(&path, json!({ "configs": { "key-auth": { "ttl": null } }, "dcr_provider_id": null })).await;
        assert_eq!(ttl.expect(200)["configs"], json!({ "key-auth": { "key_names": ["apikey"] } }));
        let ttl = json!({ "configs": { "key-auth": { "ttl": { "value": 3, "unit": "weeks" } } } });
        let ttl = app.owner.patch(&path, ttl).await.expect(200);
        assert_eq!(ttl["configs"], json!({ "key-auth": { "key_names": ["apikey"], "ttl": { "value": 3, "unit": "weeks" } } }));
        let only = "is only for strategies of the type openid_connect";
        let refused = complaints(app.owner.patch(&path, json!({ "dcr_provider_id": dcr })).await);
        assert_eq!(refused, json!([["dcr_provider_id", only]]));
        let unknown = json!({ "dcr_provider_id": "7f9fd312-a987-4628-b4c5-bb4f4fddd5f7" });
        let unknown = app.owner.patch(&format!("{STRATEGIES}/{}", id(&made)), unknown).await;
        assert_eq!(complaints(unknown), json!([["dcr_provider_id", "DCR provider not found"]]));
    }
}

on_both! {
    /// Replacing answers 201, and what is left out is as in a new strategy. The type stays.
    async fn replacing(engine: Engine) {
        let app = TestApp::new(engine).await;
        let dcr = provider(&app, "Bridge", false).await;
        let mut new = openid_connect();
        new["dcr_provider_id"] = json!(dcr);
        new["labels"] = json!({ "env": "test" });
        new["principals"] = json!({ "enabled": true });
        new["configs"]["openid-connect"]["cache_tokens"] = json!(true);
        let made = app.owner.post(STRATEGIES, new).await.expect(201);
        let path = format!("{STRATEGIES}/{}", id(&made));
        let replaced = app.owner.put(&path, openid_connect()).await.expect(201);
        let mut expected = made.clone();
        for (member, value) in [
            ("configs", openid_connect()["configs"].clone()), ("dcr_provider", Value::Null), ("labels", json!({})),
            ("principals", json!({ "enabled": false })), ("updated_at", replaced["updated_at"].clone()),
        ] {
            expected[member] = value;
        }
        assert_eq!(replaced, expected);
        assert_eq!(app.owner.get(&path).await.expect(200), replaced);
        let refused = complaints(app.owner.put(&path, key_auth(json!({}))).await);
        assert_eq!(refused, json!([["strategy_type", "cannot be changed, it is openid_connect"]]));
        assert_eq!(app.owner.put(&path, json!({})).await.bad_fields(), ["name", "display_name", "strategy_type"]);
        let missing = platform_problem(404, "Not Found", "Not Found");
        let nobody = format!("{STRATEGIES}/7f9fd312-a987-4628-b4c5-bb4f4fddd5f7");
        assert_eq!(problem(app.owner.put(&nobody, json!({})).await), missing);
        assert_eq!(app.owner.put(&format!("{STRATEGIES}/x"), json!({})).await.bad_fields(), ["authStrategyId"]);
        for path in [nobody, format!("{STRATEGIES}/x")] {
            assert_eq!(problem(app.owner.get(&path).await), missing);
            assert_eq!(problem(app.owner.delete(&path).await), missing);
        }
        app.owner.delete(&path).await.expect(204);
        app.owner.get(&path).await.expect(404);
    }
}

on_both! {
    /// What a strategy shows of its provider follows the provider, and goes with it.
    async fn the_provider_of_a_strategy(engine: Engine) {
        let app = TestApp::new(engine).await;
        let dcr = provider(&app, "Zulu", false).await;
        let other = provider(&app, "Mike", false).await;
        let mut made = Vec::new();
        for provider in [Some(&dcr), None, Some(&other)] {
            let mut new = openid_connect();
            new["dcr_provider_id"] = json!(provider);
            made.push(id(&app.owner.post(STRATEGIES, new).await.expect(201)).to_owned());
        }
        let order = async |query: &str| {
            let list = app.owner.get(&format!("{STRATEGIES}?{query}")).await.expect(200);
            let ids = all(&list, "id");
            ids.iter().filter_map(|id| made.iter().position(|it| id == it)).map(|n| n.to_string()).collect::<String>()
        };
        assert_eq!(order("sort=dcr_provider_name").await, "120");
        let path = format!("{PROVIDERS}/{dcr}");
        let change = json!({ "name": "Alpha", "display_name": "A", "dcr_config": { "allow_multiple_credentials": true } });
        app.owner.patch(&path, change).await.expect(200);
        assert_eq!(order("sort=dcr_provider_name").await, "102");
        assert_eq!(order("sort=dcr_provider_name desc").await, "201");
        assert_eq!(order("filter[dcr_provider_name]=Zulu").await, "");
        assert_eq!(order("filter[dcr_provider_name][contains]=ALPH").await, "0");
        let strategy = app.owner.get(&format!("{STRATEGIES}/{}", made[0])).await.expect(200);
        let shown = json!({ "id": dcr, "name": "Alpha", "display_name": "A", "provider_type": "http" });
        assert_eq!((&strategy["dcr_provider"], &strategy["supports_multiple_credentials"]), (&shown, &json!(true)));
        app.owner.delete(&path).await.expect(204);
        app.owner.get(&path).await.expect(404);
        let strategy = app.owner.get(&format!("{STRATEGIES}/{}", made[0])).await.expect(200);
        assert_eq!((&strategy["dcr_provider"], &strategy["supports_multiple_credentials"]), (&Value::Null, &json!(false)));
        assert_eq!(order("filter[dcr_provider_id]").await, "2", "the other one keeps its own");
        assert_eq!(order("filter[dcr_provider_name][contains]=ALPH").await, "");
        assert_eq!(order("filter[name][contains]=OKEN&filter[strategy_type][contains]=CONNECT").await, "012");
    }
}

on_both! {
    /// Every filter and every order of the contract.
    async fn filtered_and_sorted(engine: Engine) {
        let app = TestApp::new(engine).await;
        let dcr = provider(&app, "Bridge, B", false).await;
        for (name, display, keys) in [("beta", "Zeta", true), ("Alpha", "eta", false), ("gamma", "Theta", false)] {
            let mut new = if keys { key_auth(json!({})) } else { openid_connect() };
            new["name"] = json!(name);
            new["display_name"] = json!(display);
            if name == "gamma" {
                new["dcr_provider_id"] = json!(dcr);
            }
            app.owner.post(STRATEGIES, new).await.expect(201);
            app.advance(std::time::Duration::from_secs(1));
        }
        for (query, names) in [
            ("filter[strategy_type]=key_auth", "beta"),
            ("filter[strategy_type][eq]=openid_connect", "Alpha gamma"),
            ("filter[strategy_type][neq]=openid_connect", "beta"),
            ("filter[strategy_type][oeq]=key_auth,openid_connect", "beta Alpha gamma"),
            ("filter[strategy_type][contains]=KEY", "beta"),
            ("filter[strategy_type][ocontains]=id_,x", "Alpha gamma"),
            ("filter[strategy_type]=other", ""),
            ("filter[name]=Alpha", "Alpha"),
            ("filter[name][neq]=Alpha", "beta gamma"),
            ("filter[name][oeq]=Alpha,beta", "beta Alpha"),
            ("filter[name][contains]=MM", "gamma"),
            ("filter[name][ocontains]=lph,bet", "beta Alpha"),
            ("filter[display_name]=eta", "Alpha"),
            ("filter[display_name][neq]=eta", "beta gamma"),
            ("filter[display_name][contains]=ETA", "beta Alpha gamma"),
            ("filter[display_name][oeq]=eta,Zeta", "beta Alpha"),
            ("filter[display_name][ocontains]=zet,the", "beta gamma"),
            ("filter[dcr_provider_name]=Bridge, B", "gamma"),
            ("filter[dcr_provider_name][neq]=Bridge, B", "beta Alpha"),
            ("filter[dcr_provider_name][contains]=bridge", "gamma"),
            ("filter[dcr_provider_name][ocontains]=x,rid", "gamma"),
            ("filter[dcr_provider_name][oeq]=x", ""),
            ("filter[dcr_provider_type]=http", "gamma"),
            ("filter[dcr_provider_type][contains]=TT", "gamma"),
            ("filter[dcr_provider_type][oeq]=okta,http", "gamma"),
            ("filter[dcr_provider_type][neq]=http", "beta Alpha"),
            ("filter[dcr_provider_type][ocontains]=ok,ht", "gamma"),
            ("filter[dcr_provider_id]", "gamma"),
            ("sort=name", "Alpha beta gamma"),
            ("sort=display_name desc", "Alpha beta gamma"),
            ("sort=strategy_type", "beta Alpha gamma"),
            ("sort=strategy_type desc, name desc", "gamma Alpha beta"),
            ("sort=created_at desc", "gamma Alpha beta"),
            ("sort=updated_at desc", "gamma Alpha beta"),
            ("sort=dcr_provider_id desc", "gamma Alpha beta"),
            ("sort=dcr_provider_type", "beta Alpha gamma"),
            ("sort=dcr_provider_name desc,name", "gamma Alpha beta"),
        ] {
            let list = app.owner.get(&format!("{STRATEGIES}?{query}")).await.expect(200);
            let found = all(&list, "name");
            let found: Vec<&str> = found.iter().filter_map(Value::as_str).collect();
            assert_eq!(found.join(" "), names, "{query}");
            assert_eq!(list["meta"]["page"]["total"], found.len());
        }
        for (operator, count) in [("", 1), ("[eq]", 1), ("[oeq]", 1), ("[neq]", 2)] {
            let list = app.owner.get(&format!("{STRATEGIES}?filter[dcr_provider_id]{operator}={dcr}")).await.expect(200);
            assert_eq!(list["data"].as_array().map(Vec::len), Some(count), "{operator}");
        }
        for filter in ["active", "id", "labels.env", "created_at"] {
            let refused = app.owner.get(&format!("{STRATEGIES}?filter[{filter}]=true")).await;
            assert_eq!(complaints(refused), json!([[format!("filter[{filter}]"), format!("\"filter[{filter}]\" is not allowed")]]));
        }
        let sort = app.owner.get(&format!("{STRATEGIES}?sort=active")).await.expect(400);
        let entry = &sort["invalid_parameters"][0];
        assert_eq!((&entry["rule"], &entry["source"]), (&json!("enum"), &json!("query")));
        assert_eq!(entry["choices"].as_array().map(Vec::len), Some(8));
    }
}

on_both! {
    /// Whoever names a provider has to be allowed to see it; to others there is none.
    async fn nobody_uses_a_provider_that_he_may_not_see(engine: Engine) {
        let app = TestApp::new(engine).await;
        let dcr = provider(&app, "Bridge", false).await;
        let ann = app.member("ann@acme.test").await;
        let roles = format!("/v3/users/{}/assigned-roles", ann.id);
        for role in ["Creator", "Maintainer"] {
            app.owner.post(&roles, everywhere(role, "Application Auth Strategies")).await.expect(201);
        }
        let mut new = openid_connect();
        let made = ann.client.post(STRATEGIES, new.clone()).await.expect(201);
        let path = format!("{STRATEGIES}/{}", id(&made));
        new["dcr_provider_id"] = json!(dcr);
        let missing = json!([["dcr_provider_id", "DCR provider not found"]]);
        assert_eq!(complaints(ann.client.post(STRATEGIES, new.clone()).await), missing);
        assert_eq!(complaints(ann.client.patch(&path, json!({ "dcr_provider_id": dcr })).await), missing);
        assert_eq!(complaints(ann.client.put(&path, new.clone()).await), missing);
        // What a strategy has already may be sent again.
        app.owner.patch(&path, json!({ "dcr_provider_id": dcr })).await.expect(200);
        ann.client.patch(&path, json!({ "dcr_provider_id": dcr, "name": "Renamed" })).await.expect(200);
        ann.client.put(&path, new.clone()).await.expect(201);
        let mut viewer = everywhere("Viewer", "DCR Providers");
        viewer["entity_id"] = json!(dcr);
        app.owner.post(&roles, viewer).await.expect(201);
        assert_eq!(ann.client.post(STRATEGIES, new).await.expect(201)["dcr_provider"]["id"], dcr);
    }
}

on_both! {
    /// Strategies made and changed while their provider is renamed show the name that it has in the end;
    /// and one that is made while its provider is deleted either has none or is refused.
    async fn a_provider_changes_while_strategies_are_made(engine: Engine) {
        let app = TestApp::new(engine).await;
        let dcr = provider(&app, "Bridge 0", false).await;
        let path = format!("{PROVIDERS}/{dcr}");
        let mut new = openid_connect();
        new["dcr_provider_id"] = json!(dcr);
        let old = app.owner.post(STRATEGIES, openid_connect()).await.expect(201);
        let taker = format!("{STRATEGIES}/{}", id(&old));
        let requests = (1..=8).flat_map(|n| {
            let rename = asking(&app.owner, Method::PATCH, &path, Some(json!({ "name": format!("Bridge {n}") })));
            let take = asking(&app.owner, Method::PATCH, &taker, Some(json!({ "dcr_provider_id": dcr })));
            let make = asking(&app.owner, Method::POST, STRATEGIES, Some(new.clone()));
            [rename, take, make]
        });
        assert_eq!(at_once(requests).await, [(200, 16), (201, 8)].into());
        let name = app.owner.get(&path).await.expect(200)["name"].clone();
        let list = app.owner.get(&format!("{STRATEGIES}?page[size]=100")).await.expect(200);
        let names: Vec<&Value> = list["data"].as_array().unwrap().iter().map(|it| &it["dcr_provider"]["name"]).collect();
        assert_eq!(names, vec![&name; 9]);
        let found = format!("{STRATEGIES}?filter[dcr_provider_name]={}", name.as_str().unwrap().replace(' ', "%20"));
        assert_eq!(app.owner.get(&found).await.expect(200)["meta"]["page"]["total"], 9);

        let makes = (0..6).map(|_| asking(&app.owner, Method::POST, STRATEGIES, Some(new.clone())));
        let statuses = at_once(makes.chain([asking(&app.owner, Method::DELETE, &path, None)])).await;
        assert_eq!(statuses[&204], 1);
        let made = statuses.get(&201).copied().unwrap_or_default();
        assert_eq!(made + statuses.get(&400).copied().unwrap_or_default(), 6);
        let list = app.owner.get(&format!("{STRATEGIES}?page[size]=100")).await.expect(200);
        let list = list["data"].as_array().unwrap();
        assert_eq!(list.len(), 9 + made);
        assert!(list.iter().all(|it| it["dcr_provider"].is_null()), "nothing shows a provider that is gone");
    }
}
