//! Values: dates, arrays, labels, and what `null` means.

use serde_json::{Value, json};
use tests::{Engine, on_both};

use crate::{
    findings::Findings,
    good, operations,
    world::{Request, World},
};

/// Whether this is a moment as replies write it: UTC, to the millisecond.
fn is_moment(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

/// Every member whose name says that it is a moment.
fn moments(value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let open = ["checked_at", "expires_at", "last_used_at", "next_attempt_at", "synced_at"]
                    .contains(&name.as_str());
                if (name.ends_with("_at") && !(open && value.is_null())) || name == "ts" {
                    found.push((name.clone(), value.clone()));
                }
                moments(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| moments(item, found)),
        _ => {}
    }
}

on_both! {
    /// Moments are written to the millisecond, in UTC, by every operation.
    async fn moments_to_the_millisecond(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        let mut count = 0;
        for operation in operations::gets() {
            let path = world.path(operation);
            let body = world.call(operation, Request::plain("", &path)).await.expect("it answers").body;
            let mut found = Vec::new();
            moments(&body, &mut found);
            count += found.len();
            for (name, value) in found {
                findings.want(value.as_str().is_some_and(is_moment), || {
                    format!("{}: {name} is {value}", operation.id)
                });
            }
        }
        findings.end();
        assert!(count > 50, "there were {count} moments");
    }
}

on_both! {
    /// A moment with another offset and another fraction is the same moment.
    async fn moments_with_offsets(engine: Engine) {
        let world = World::new(engine).await;
        let owner = &world.app.owner;
        let tokens = format!("/v3/system-accounts/{}/access-tokens", world.id("account"));
        let base = world.next_month();
        let day = &base.as_str().expect("a text")[..10];
        for (n, (sent, shown)) in [
            (format!("{day}T10:00:00Z"), format!("{day}T10:00:00.000Z")),
            (format!("{day}T10:00:00.5Z"), format!("{day}T10:00:00.500Z")),
            (format!("{day}T10:00:00.123456789+00:00"), format!("{day}T10:00:00.123Z")),
            (format!("{day}T04:30:00-05:30"), format!("{day}T10:00:00.000Z")),
            (format!("{day}t10:00:00z"), format!("{day}T10:00:00.000Z")),
        ]
        .into_iter()
        .enumerate()
        {
            let token =
                owner.post(&tokens, json!({ "name": format!("t{n}"), "expires_at": sent })).await.expect(201);
            assert_eq!(token["expires_at"], shown, "{sent}");
            let id = token["id"].as_str().expect("an id");
            assert_eq!(owner.get(&format!("{tokens}/{id}")).await.expect(200)["expires_at"], shown);
        }
    }
}

on_both! {
    /// Arrays keep their order: clients compare them item by item.
    async fn arrays_keep_their_order(engine: Engine) {
        let world = World::new(engine).await;
        let owner = &world.app.owner;
        let scopes = json!(["profile", "openid", "zeta", "email", "alpha"]);
        let provider = format!("/v3/identity-providers/{}", world.id("oidc"));
        let changed = owner.patch(&provider, json!({ "config": { "scopes": scopes } })).await.expect(200);
        assert_eq!(changed["config"]["scopes"], scopes);
        assert_eq!(owner.get(&provider).await.expect(200)["config"]["scopes"], scopes);
        assert_eq!(owner.get("/v3/identity-provider").await.expect(200)["scopes"], scopes);
        let addresses = json!(["203.0.113.9", "10.0.0.0/8", "2001:db8::/32", "127.0.0.1"]);
        let allowed = format!("/v3/organizations/{}/ip-allow-list", world.app.org);
        owner.put(&allowed, json!({ "enabled": true, "allowed_ips": addresses })).await.expect(201);
        assert_eq!(owner.get(&allowed).await.expect(200)["allowed_ips"], addresses);
        let (team, groups) = (world.id("team"), json!(["zeta", "Alpha", "beta", "alpha"]));
        let mappings = "/v3/identity-provider/team-group-mappings";
        owner.patch(mappings, json!({ "data": [{ "team_id": team, "groups": groups }] })).await.expect(200);
        assert_eq!(owner.get(mappings).await.expect(200)["data"][0]["groups"], groups);
    }
}

on_both! {
    /// A label is removed by `null`, others stay; fifty are the most, after the change.
    async fn labels_are_removed_by_null(engine: Engine) {
        let world = World::new(engine).await;
        let owner = &world.app.owner;
        let path = format!("/v3/teams/{}", world.id("team"));
        let patch = async |labels: Value| {
            owner.patch(&path, json!({ "labels": labels })).await.expect(200)["labels"].clone()
        };
        assert_eq!(
            patch(json!({ "tier": "1", "KONGCTL-namespace": "ns" })).await,
            json!({ "KONGCTL-namespace": "ns", "env": "prod", "tier": "1" })
        );
        assert_eq!(
            patch(json!({ "tier": null, "never": null, "env": "test" })).await,
            json!({ "KONGCTL-namespace": "ns", "env": "test" })
        );
        assert_eq!(patch(json!({})).await, json!({ "KONGCTL-namespace": "ns", "env": "test" }));
        let found = async |filter: &str| {
            owner.get(&format!("/v3/teams?{filter}")).await.expect(200)["meta"]["page"]["total"].clone()
        };
        assert_eq!(
            (found("filter[labels.tier][exists]=true").await, found("filter[labels.env]=prod").await),
            (json!(0), json!(0))
        );
        assert_eq!(
            (found("filter[labels.env]=test").await, found("filter[labels][env][contains]=ES").await),
            (json!(1), json!(1))
        );
        let many: serde_json::Map<String, Value> = (0..49).map(|n| (format!("k{n}"), json!("v"))).collect();
        assert_eq!(owner.patch(&path, json!({ "labels": many })).await.bad_fields(), ["labels"]);
        assert_eq!(found("filter[labels.k0][exists]=true").await, json!(0), "nothing of it was kept");
        let mut swap = many.clone();
        swap.insert("env".to_owned(), Value::Null);
        assert_eq!(patch(json!(swap)).await.as_object().map(serde_json::Map::len), Some(50));
        assert_eq!(owner.patch(&path, json!({ "labels": null })).await.expect(200)["labels"], json!({}));
        assert_eq!(found("filter[labels.k0]").await, json!(0));
    }
}

/// What `null` does to a field where it does more than nothing: it clears what can be missing.
fn cleared(id: &str, field: &str) -> Option<Value> {
    match (id, field) {
        ("update-team", "description") => Some(Value::Null),
        ("update-team" | "update-dcr-provider" | "update-app-auth-strategy", "labels") => Some(json!({})),
        ("update-portal" | "update-portal-v2" | "update-api", "labels") => Some(json!({})),
        ("update-api", "attributes") | ("update-api-product-version", "labels") => Some(json!({})),
        ("update-api-product", "labels" | "public_labels") => Some(json!({})),
        ("update-portal" | "update-portal-v2" | "update-api" | "update-api-product", "description") => {
            Some(Value::Null)
        }
        ("update-api", "version" | "slug") | ("update-api-product-version", "gateway_service") => {
            Some(Value::Null)
        }
        ("update-portal" | "update-portal-v2", "default_application_auth_strategy_id") => Some(Value::Null),
        ("update-dcr-provider", "display_name") => Some(Value::Null),
        ("update-organizations-me-brand", "name" | "color") => Some(Value::Null),
        ("developer-update-application" | "developer-update-application-v2", "redirect_uri") => {
            Some(Value::Null)
        }
        _ => None,
    }
}

on_both! {
    /// `null` in a change means that a field was not set: all stays as it was.
    async fn null_changes_nothing(engine: Engine) {
        let world = World::new(engine).await;
        let mut findings = Findings::default();
        for operation in operations::all().iter().filter(|it| it.method == http::Method::PATCH) {
            let Some(schema) = &operation.body else { continue };
            // Changes of nothing that is kept: they let a device in, or take a secret that is good once.
            if [
                "patch-oauth-device-confirm",
                "patch-password-reset-kauth",
                "patch-users-me-password",
                "verify-email-kauth",
            ]
            .contains(&operation.id.as_str())
            {
                continue;
            }
            let required =
                |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name));
            for name in schema["properties"].as_object().into_iter().flat_map(serde_json::Map::keys) {
                // A rename without a name is no rename; and of mappings there is nothing else to send.
                let needed = required(name)
                    || ["update-personal-access-token-details", "patch-team-group-mappings"]
                        .contains(&operation.id.as_str());
                let (path, good) = good::bodies(&world, operation).remove(0);
                let before = world
                    .call(operation, Request::json("", &path, good.to_string()))
                    .await
                    .expect("it answers");
                assert_eq!(before.status, 200, "{}: {}", operation.id, before.text);
                let after = world
                    .call(operation, Request::json("", &path, json!({ name: null }).to_string()))
                    .await
                    .expect("it answers");
                let line = format!("{}: {name}: {}", operation.id, after.text);
                if needed {
                    findings.want(after.status == 400, || line);
                    continue;
                }
                let mut expected = before.body;
                if let Some(value) = cleared(&operation.id, name) {
                    expected[name] = value;
                }
                // What can be missing is left out of some replies.
                if expected[name].is_null() && after.body.get(name).is_none() {
                    expected.as_object_mut().map(|fields| fields.remove(name));
                }
                if expected.get("updated_at").is_some() {
                    expected["updated_at"] = after.body["updated_at"].clone();
                }
                findings.want(after.status == 200 && after.body == expected, || line);
            }
        }
        findings.end();
    }
}

on_both! {
    /// `null` in something new means that a field was not set, as Terraform sends it.
    async fn null_in_something_new(engine: Engine) {
        let world = World::new(engine).await;
        let owner = &world.app.owner;
        let team = owner
            .post("/v3/teams", json!({ "name": "Nulls", "description": null, "labels": null }))
            .await
            .expect(201);
        assert_eq!((&team["description"], &team["labels"]), (&Value::Null, &json!({})));
        let body = json!({ "name": "nulls", "description": null, "konnect_managed": null });
        let account = owner.post("/v3/system-accounts", body).await.expect(201);
        assert_eq!((&account["description"], &account["konnect_managed"]), (&json!(""), &json!(false)));
        let oidc = json!({ "issuer_url": "https://nulls.example.test", "client_id": "x", "client_secret": null, "scopes": null,
            "claim_mappings": { "name": null, "email": "mail", "groups": null } });
        let body = json!({ "type": "oidc", "enabled": null, "login_path": "nulls", "config": oidc });
        let provider = owner.post("/v3/identity-providers", body).await.expect(201);
        assert_eq!(provider["enabled"], false);
        assert_eq!(provider["config"]["scopes"], json!(["email", "openid", "profile"]));
        assert_eq!(
            provider["config"]["claim_mappings"],
            json!({ "name": "name", "email": "mail", "groups": "groups" })
        );
        let body = json!({ "type": "saml", "login_path": "nulls-2", "config": { "idp_metadata_url": null, "idp_metadata_xml": "<a/>" } });
        let provider = owner.post("/v3/identity-providers", body).await.expect(201);
        assert_eq!(provider["config"].get("idp_metadata_url"), None);
        let body = json!({ "name": "Nulls", "ttl_seconds": 86_400, "expires_at": null });
        owner.post(&format!("/v3/users/{}/access-tokens", world.app.owner_id), body).await.expect(201);
        let body = json!({ "role_name": "Admin", "entity_id": null, "entity_type_name": "Audit Logs", "entity_region": "us" });
        let role =
            owner.post(&format!("/v3/users/{}/assigned-roles", world.id("user")), body).await.expect(201);
        assert_eq!(role.get("entity_id"), None);
        // What must be there is missed as if it had not been sent.
        for (sent, field) in [(json!({ "name": null }), "name"), (json!({}), "name")] {
            assert_eq!(owner.post("/v3/teams", sent).await.bad_fields(), [field]);
        }
        // Unknown members are of no effect where the contract's object is open.
        let body = json!({ "name": "Open", "id": "x", "system_team": true, "created_at": 7, "surprise": {} });
        let team = owner.post("/v3/teams", body).await.expect(201);
        assert_eq!((&team["name"], &team["system_team"]), (&json!("Open"), &json!(false)));
    }
}
