//! DCR providers: their types, their secrets, what a change keeps, and what it may not do with a secret.

use appauth::dcr_providers::{config::DcrConfig, provider_open};
use frame::db::OrgScope;
use serde_json::{Value, json};
use tests::{Engine, TestApp, on_both};

use crate::{all, complaints, id, platform_problem, problem, text};

const PROVIDERS: &str = "/v2/dcr-providers";
const SECRET: &str = "hunter2registrar";

fn provider(kind: &str, issuer: &str, config: Value) -> Value {
    json!({ "name": format!("DCR {kind}"), "provider_type": kind, "issuer": issuer, "dcr_config": config })
}

fn auth0() -> Value {
    let config = json!({ "initial_client_id": "abc123", "initial_client_secret": SECRET });
    provider("auth0", "https://my-issuer.auth0.test/api/v2/", config)
}

fn bridge() -> Value {
    let config = json!({ "dcr_base_url": "https://bridge.test/v1/dcr", "api_key": SECRET });
    provider("http", "https://my-issuer.test", config)
}

/// What an adapter would use: the secret, and a word for the rest.
async fn opened(app: &TestApp, provider: &Value) -> (String, String) {
    let db = OrgScope::new(app.app.db.read(), app.org);
    let open = provider_open(&app.app, &db, id(provider).parse().expect("an id")).await.expect("it opens");
    let open = open.expect("a provider");
    assert_eq!(open.issuer, text(provider, "issuer"));
    let (secret, rest) = match open.config {
        DcrConfig::Auth0 {
            initial_client_id,
            initial_client_secret,
            initial_client_audience,
            use_developer_managed_scopes,
        } => {
            let rest =
                format!("{initial_client_id} {initial_client_audience:?} {use_developer_managed_scopes}");
            (initial_client_secret, rest)
        }
        DcrConfig::AzureAd { initial_client_id, initial_client_secret }
        | DcrConfig::Curity { initial_client_id, initial_client_secret } => {
            (initial_client_secret, initial_client_id)
        }
        DcrConfig::Okta { dcr_token } => (dcr_token, String::new()),
        DcrConfig::Http { dcr_base_url, api_key, disable_event_hooks, .. } => {
            (api_key, format!("{dcr_base_url} {disable_event_hooks}"))
        }
        DcrConfig::Rfc7591 { .. } | DcrConfig::KongIdentity => panic!("nobody can make one"),
    };
    (secret.reveal().clone(), rest)
}

on_both! {
    /// One of each type: defaults are filled in, the secret goes in and never comes out.
    async fn one_of_each_type(engine: Engine) {
        let app = TestApp::new(engine).await;
        let client = json!({ "initial_client_id": "abc123", "initial_client_secret": SECRET });
        let discovery = "https://curity.test/oauth/v2/anonymous/.well-known/openid-configuration";
        let cases = [
            (
                auth0(),
                json!({ "initial_client_id": "abc123", "initial_client_audience": null, "use_developer_managed_scopes": false }),
                "abc123 None false",
            ),
            (provider("azureAd", "https://sts.test/tenant", client.clone()), json!({ "initial_client_id": "abc123" }), "abc123"),
            (provider("curity", discovery, client), json!({ "initial_client_id": "abc123" }), "abc123"),
            (provider("okta", "https://okta.test/default", json!({ "dcr_token": SECRET })), json!({}), ""),
            (
                bridge(),
                json!({
                    "dcr_base_url": "https://bridge.test/v1/dcr", "disable_event_hooks": false,
                    "disable_refresh_secret": false, "allow_multiple_credentials": false,
                }),
                "https://bridge.test/v1/dcr false",
            ),
        ];
        let mut made = Vec::new();
        for (sent, config, adapter) in cases {
            let created = app.owner.post(PROVIDERS, sent.clone()).await.expect(201);
            let expected = json!({
                "id": id(&created), "name": sent["name"], "provider_type": sent["provider_type"],
                "issuer": sent["issuer"], "active": false, "dcr_config": config, "labels": {},
                "created_at": created["created_at"], "updated_at": created["created_at"],
            });
            assert_eq!(created, expected);
            assert_eq!(app.owner.get(&format!("{PROVIDERS}/{}", id(&created))).await.expect(200), created);
            assert_eq!(opened(&app, &created).await, (SECRET.to_owned(), adapter.to_owned()));
            made.push(created);
        }
        let list = app.owner.get(&format!("{PROVIDERS}?page[size]=100&page[number]=1")).await.expect(200);
        assert_eq!(list["data"], json!(made), "in the order in which they were made");
        assert_eq!(list["meta"], json!({ "page": { "number": 1, "size": 100, "total": 5 } }));
        let beyond = app.owner.get(&format!("{PROVIDERS}?page[size]=5&page[number]=2")).await.expect(200);
        assert_eq!((&beyond["data"], &beyond["meta"]["page"]["total"]), (&json!([]), &json!(5)));
        assert_eq!(app.database.holding(SECRET).await, [""; 0]);

        // The object is open, its configuration is not.
        let mut odd = auth0();
        odd["surprise"] = json!(1);
        odd["active"] = json!(true);
        assert_eq!(app.owner.post(PROVIDERS, odd).await.expect(201)["active"], false);
        let why = "this server issues no tokens to applications itself yet, so it cannot be their provider";
        let built_in = json!({ "name": "x", "provider_type": "kongIdentity", "issuer": "https://sliver.test" });
        assert_eq!(complaints(app.owner.post(PROVIDERS, built_in).await), json!([["provider_type", why]]));
    }
}

on_both! {
    /// What is wrong is named, all of it, in the words of these services.
    async fn what_a_provider_may_not_be(engine: Engine) {
        let app = TestApp::with(engine, &[("OUTBOUND_HTTP", "false")]).await;
        let refused = async |body: Value| complaints(app.owner.post(PROVIDERS, body).await);
        let mut wrong = provider("http", "http://my-issuer.test", json!({ "dcr_base_url": "http://b.test", "api_key": "short" }));
        wrong["name"] = json!("");
        wrong["dcr_config"]["dcr_token"] = json!("x");
        let length = "value of \"dcr_config.api_key\" must be longer than or equal to 12 characters";
        let complained = refused(wrong).await;
        assert_eq!(
            complained,
            json!([
                ["name", "name must be longer than or equal to 1 characters"],
                ["dcr_config.api_key", complained[1][1]],
                ["dcr_config.dcr_token", "\"dcr_config.dcr_token\" is not allowed"],
                ["issuer", "must be an https address"],
                ["dcr_config.dcr_base_url", "must be an https address"],
            ]),
            "{length}"
        );
        assert_eq!(refused(provider("okta", "https://a:99999", json!({ "dcr_token": "x" }))).await[0][0], "issuer");
        let choices = "must be one of [auth0, azureAd, curity, okta, http, rfc7591, kongIdentity]";
        assert_eq!(refused(provider("keycloak", "https://a.test", json!({}))).await, json!([["provider_type", choices]]));
        assert_eq!(
            refused(json!({ "provider_type": "okta" })).await,
            json!([
                ["name", "\"name\" is required"],
                ["issuer", "\"issuer\" is required"],
                ["dcr_config", "\"dcr_config\" is required"],
            ])
        );
        let header = refused(provider("okta", "https://a.test", json!({ "dcr_token": "a\r\nX-Evil: 1" }))).await;
        assert_eq!(header[0][0], "dcr_config.dcr_token");
        assert!(!header.to_string().contains("Evil"), "no secret in an error");
        let whole = problem(app.owner.post(PROVIDERS, json!({})).await);
        assert_eq!((&whole["title"], &whole["detail"]), (&json!("Invalid Request"), &json!("Invalid Parameters")));
        assert_eq!(whole["invalid_parameters"][0]["source"], "body");
        assert_eq!(app.database.dump().await["dcr_providers"], [""; 0]);
    }
}

on_both! {
    /// A change names what changes; all else stays, the secret included.
    async fn a_change_keeps_what_it_does_not_name(engine: Engine) {
        let app = TestApp::new(engine).await;
        let mut new = auth0();
        new["dcr_config"]["initial_client_audience"] = json!("https://custom.test/api/v2/");
        new["display_name"] = json!("For developers");
        new["labels"] = json!({ "env": "test" });
        let created = app.owner.post(PROVIDERS, new).await.expect(201);
        let path = format!("{PROVIDERS}/{}", id(&created));
        app.advance(std::time::Duration::from_secs(1));
        let adopted = json!({ "labels": { "env": "test", "KONGCTL-namespace": "ns" } });
        let mut expected = created.clone();
        let adopted = app.owner.patch(&path, adopted).await.expect(200);
        expected["labels"]["KONGCTL-namespace"] = json!("ns");
        expected["updated_at"] = adopted["updated_at"].clone();
        assert_eq!(adopted, expected, "labels alone");
        assert!(text(&adopted, "updated_at") > text(&created, "updated_at"));
        let released = json!({ "labels": { "KONGCTL-namespace": null } });
        assert_eq!(app.owner.patch(&path, released).await.expect(200)["labels"], json!({ "env": "test" }));
        let same = app.owner.patch(&path, json!({})).await.expect(200);
        assert_eq!((&same["name"], &same["dcr_config"]), (&created["name"], &created["dcr_config"]));
        let nulls = json!({ "name": null, "issuer": null, "dcr_config": { "initial_client_id": null, "initial_client_secret": null } });
        assert_eq!(app.owner.patch(&path, nulls).await.expect(200)["dcr_config"], created["dcr_config"]);
        assert_eq!(opened(&app, &created).await.0, SECRET);

        // The published example: another name, and another address at the same place.
        let moved = json!({ "name": "DCR Auth0 2", "issuer": "https://MY-ISSUER.auth0.test:443/other/" });
        let moved = app.owner.patch(&path, moved).await.expect(200);
        assert_eq!(opened(&app, &moved).await.0, SECRET);
        let cleared = json!({ "display_name": null, "dcr_config": { "initial_client_audience": null } });
        let cleared = app.owner.patch(&path, cleared).await.expect(200);
        assert_eq!(cleared.get("display_name"), None);
        assert_eq!(cleared["dcr_config"]["initial_client_audience"], Value::Null);
        let scopes = json!({ "dcr_config": { "use_developer_managed_scopes": true, "initial_client_secret": "another" } });
        let scopes = app.owner.patch(&path, scopes).await.expect(200);
        assert_eq!(opened(&app, &scopes).await, ("another".to_owned(), "abc123 None true".to_owned()));
        for secret in [SECRET, "another"] {
            assert_eq!(app.database.holding(&format!("\"{secret}\"")).await, [""; 0]);
        }

        let unknown = json!({ "provider_type": "auth0", "name": "", "dcr_config": { "dcr_token": "x" } });
        assert_eq!(
            app.owner.patch(&path, unknown).await.bad_fields(),
            ["name", "provider_type", "dcr_config.dcr_token"],
            "members of another type, and the type itself"
        );
        assert_eq!(app.owner.patch(&path, json!({ "dcr_config": "x" })).await.bad_fields(), ["dcr_config"]);
        assert_eq!(app.owner.get(&path).await.expect(200), scopes);

        let bridge = app.owner.post(PROVIDERS, bridge()).await.expect(201);
        let path = format!("{PROVIDERS}/{}", id(&bridge));
        app.owner.patch(&path, json!({ "dcr_config": { "allow_multiple_credentials": true } })).await.expect(200);
        let hooks = json!({ "dcr_config": { "disable_event_hooks": true } });
        let hooks = app.owner.patch(&path, hooks).await.expect(200)["dcr_config"].clone();
        assert_eq!((&hooks["allow_multiple_credentials"], &hooks["disable_event_hooks"]), (&json!(true), &json!(true)));
        assert_eq!(opened(&app, &bridge).await.0, SECRET);
    }
}

on_both! {
    /// Who may edit a provider and not read its secret cannot have the secret sent to a place of his own.
    async fn a_secret_goes_to_no_other_place(engine: Engine) {
        let app = TestApp::new(engine).await;
        let okta = provider("okta", "https://okta.test/default", json!({ "dcr_token": SECRET }));
        let entra = json!({ "initial_client_id": "a", "initial_client_secret": SECRET });
        let entra = provider("azureAd", "https://sts.test/tenant", entra);
        let why = "must be sent again when the place that it is sent to changes";
        for (new, field, moves) in [
            (auth0(), "initial_client_secret", vec![json!({ "issuer": "https://evil.test/api/v2/" })]),
            (entra, "initial_client_secret", vec![json!({ "issuer": "https://sts.test.evil.test/tenant" })]),
            (
                okta,
                "dcr_token",
                vec![
                    json!({ "issuer": "https://okta.test:8443/default" }),
                    json!({ "issuer": "http://okta.test/default" }),
                ],
            ),
            (
                bridge(),
                "api_key",
                vec![
                    json!({ "dcr_config": { "dcr_base_url": "https://evil.test/v1/dcr" } }),
                    json!({ "issuer": "https://evil.test" }),
                ],
            ),
        ] {
            let provider = app.owner.post(PROVIDERS, new).await.expect(201);
            let path = format!("{PROVIDERS}/{}", id(&provider));
            for change in moves {
                let refused = app.owner.patch(&path, change.clone()).await;
                assert_eq!(complaints(refused), json!([[format!("dcr_config.{field}"), why]]), "{change}");
                assert_eq!(app.owner.get(&path).await.expect(200), provider);
                let mut with_secret = change;
                with_secret["dcr_config"][field] = json!("given_anew_here");
                let moved = app.owner.patch(&path, with_secret).await.expect(200);
                assert_eq!(opened(&app, &moved).await.0, "given_anew_here");
                let back = json!({ "issuer": provider["issuer"], "dcr_config": provider["dcr_config"] });
                let mut back = back;
                back["dcr_config"][field] = json!(SECRET);
                let back = app.owner.patch(&path, back).await.expect(200);
                assert_eq!(back["issuer"], provider["issuer"]);
                let mut expected = provider.clone();
                expected["updated_at"] = back["updated_at"].clone();
                assert_eq!(back, expected);
                // What the next round compares with.
                app.database.query(&format!(
                    "UPDATE dcr_providers SET updated_at = created_at WHERE name = '{}'", text(&provider, "name"),
                )).await;
            }
        }
    }
}

on_both! {
    /// Ids that are none, or nobody's.
    async fn a_provider_that_is_not_there(engine: Engine) {
        let app = TestApp::new(engine).await;
        let missing = platform_problem(404, "Not Found", "Not Found");
        for id in ["7f9fd312-a987-4628-b4c5-bb4f4fddd5f7", "nothing"] {
            let path = format!("{PROVIDERS}/{id}");
            assert_eq!(problem(app.owner.get(&path).await), missing);
            assert_eq!(problem(app.owner.delete(&path).await), missing);
        }
        let change = json!({ "name": "" });
        let unknown = app.owner.patch(&format!("{PROVIDERS}/7f9fd312-a987-4628-b4c5-bb4f4fddd5f7"), change.clone()).await;
        assert_eq!(problem(unknown), missing, "existence comes before fields");
        let malformed = problem(app.owner.patch(&format!("{PROVIDERS}/nothing"), change).await);
        assert_eq!(malformed["invalid_parameters"][0]["rule"], "is_uuid");
        assert_eq!(malformed["invalid_parameters"][0]["field"], "dcrProviderId");
    }
}

on_both! {
    /// Every filter and every order of the contract.
    async fn filtered_and_sorted(engine: Engine) {
        let app = TestApp::new(engine).await;
        let mut ids = Vec::new();
        for (name, kind, issuer, config) in [
            ("beta", "auth0", "https://a.test/x", json!({ "initial_client_id": "One", "initial_client_secret": "s", "initial_client_audience": "https://API.test" })),
            ("Alpha", "okta", "https://c.test/y", json!({ "dcr_token": "s" })),
            ("gamma", "curity", "https://b.test/x", json!({ "initial_client_id": "two", "initial_client_secret": "s" })),
        ] {
            let mut new = provider(kind, issuer, config);
            new["name"] = json!(name);
            ids.push(id(&app.owner.post(PROVIDERS, new).await.expect(201)).to_owned());
            app.advance(std::time::Duration::from_secs(1));
        }
        let part = ids[1][20..].to_uppercase();
        let first = app.owner.patch(&format!("{PROVIDERS}/{}", ids[0]), json!({ "display_name": "x" })).await;
        first.expect(200);
        for (query, names) in [
            (format!("filter[id]={}", ids[1]), "Alpha"),
            (format!("filter[id][eq]={}", ids[0]), "beta"),
            (format!("filter[id][contains]={part}"), "Alpha"),
            ("filter[issuer]=https://a.test/x".to_owned(), "beta"),
            ("filter[issuer][contains]=TEST/X".to_owned(), "beta gamma"),
            ("filter[name]=alpha".to_owned(), ""),
            ("filter[name][eq]=Alpha".to_owned(), "Alpha"),
            ("filter[name][contains]=A".to_owned(), "beta Alpha gamma"),
            ("filter[provider_type]=curity".to_owned(), "gamma"),
            ("filter[provider_type][eq]=kongIdentity".to_owned(), ""),
            ("filter[initial_client_id]=One".to_owned(), "beta"),
            ("filter[initial_client_id][contains]=O".to_owned(), "beta gamma"),
            ("filter[initial_client_audience][eq]=https://API.test".to_owned(), "beta"),
            ("filter[initial_client_audience][contains]=api".to_owned(), "beta"),
            ("sort=name".to_owned(), "Alpha beta gamma"),
            ("sort=name desc".to_owned(), "gamma beta Alpha"),
            ("sort=issuer".to_owned(), "beta gamma Alpha"),
            ("sort=provider_type desc".to_owned(), "Alpha gamma beta"),
            ("sort=created_at desc".to_owned(), "gamma Alpha beta"),
            ("sort=updated_at".to_owned(), "Alpha gamma beta"),
            ("sort=provider_type,name&filter[issuer][contains]=x".to_owned(), "beta gamma"),
        ] {
            let list = app.owner.get(&format!("{PROVIDERS}?{query}")).await.expect(200);
            let found = all(&list, "name");
            let found: Vec<&str> = found.iter().filter_map(Value::as_str).collect();
            assert_eq!(found.join(" "), names, "{query}");
            assert_eq!(list["meta"]["page"]["total"], found.len());
        }
        let unsupported = app.owner.get(&format!("{PROVIDERS}?filter[provider_type][contains]=a")).await;
        assert_eq!(unsupported.bad_fields(), ["filter[provider_type][contains]"]);
        assert_eq!(app.owner.get(&format!("{PROVIDERS}?filter[created_at]=x")).await.bad_fields(), ["filter[created_at]"]);
    }
}
