//! A developer's applications in the words of the older API.

use http::Method;
use serde_json::{Value, json};
use tests::{Engine, Registry, TestApp, on_both};

use crate::{
    all,
    applications::{lets_in, oidc_provider, published},
    id, text,
};

const OLDER: &str = "/api/v2/applications";
const NEWER: &str = "/api/v3/applications";

on_both! {
    /// They are the same applications: made, changed and deleted by either version, and seen by both.
    async fn the_same_applications_for_their_developer(engine: Engine) {
        let app = TestApp::new(engine).await;
        let openid = json!({
            "issuer": "https://idp.test", "credential_claim": ["sub"], "scopes": ["openid"], "auth_methods": ["bearer"],
        });
        let strategy = json!({
            "name": "Own", "display_name": "Own client", "strategy_type": "openid_connect",
            "configs": { "openid-connect": openid },
        });
        let strategy = app.owner.post("/v2/application-auth-strategies", strategy).await.expect(201);
        let site = app.portal("Public", json!({ "default_application_auth_strategy_id": id(&strategy) })).await;
        let (ann, bob) = (app.developer(&site, "ann@dev.test").await, app.developer(&site, "bob@dev.test").await);

        let refused = ann.client.post(OLDER, json!({ "name": "One" })).await;
        assert_eq!(refused.bad_fields(), ["reference_id"], "in the words of whoever asks");
        let refused = ann.client.post(OLDER, json!({ "name": "One", "client_id": "mine", "team_id": null })).await;
        assert_eq!(refused.bad_fields(), ["client_id", "team_id"], "words of the newer version");
        let new = json!({
            "name": "One", "description": "First", "reference_id": "mine", "redirect_uri": "https://one.test/",
        });
        let made = ann.client.post(OLDER, new).await.expect(201);
        let expected = json!({
            "id": made["id"], "name": "One", "description": "First", "redirect_uri": "https://one.test/",
            "reference_id": "mine", "created_at": made["created_at"], "updated_at": made["updated_at"],
            "auth_strategy": {
                "id": id(&strategy), "name": "Own client", "credential_type": "self_managed_client_credentials",
                "auth_methods": ["bearer"], "supports_multiple_credentials": false,
            },
        });
        assert_eq!(made, expected);
        let (older, newer) = (format!("{OLDER}/{}", id(&made)), format!("{NEWER}/{}", id(&made)));
        assert_eq!(ann.client.get(&older).await.expect(200), made);
        assert_eq!(ann.client.get(&newer).await.expect(200)["client_id"], "mine");
        ann.client.post(NEWER, json!({ "name": "Two", "client_id": "mine" })).await.expect(409);
        ann.client.post(OLDER, json!({ "name": "Two", "reference_id": "mine" })).await.expect(409);

        let change = json!({ "name": "Uno", "reference_id": "another", "description": "" });
        let changed = ann.client.patch(&older, change).await.expect(200);
        assert_eq!((&changed["name"], &changed["reference_id"]), (&json!("Uno"), &json!("another")));
        assert_eq!((&changed["redirect_uri"], &changed["description"]), (&json!("https://one.test/"), &json!("")));
        assert_eq!(ann.client.get(&newer).await.expect(200)["client_id"], "another");
        let refused = ann.client.patch(&older, json!({ "client_id": "mine" })).await;
        assert_eq!(refused.bad_fields(), ["client_id"]);

        let two = ann.client.post(NEWER, json!({ "name": "Two", "client_id": "mine" })).await.expect(201);
        for (query, names) in [
            ("", vec!["Uno", "Two"]),
            ("?filter[name]=Two", vec!["Two"]),
            ("?filter[name][contains]=UN", vec!["Uno"]),
            ("?page[size]=1&page[number]=2", vec!["Two"]),
        ] {
            let list = ann.client.get(&format!("{OLDER}{query}")).await.expect(200);
            assert_eq!(all(&list, "name"), names, "{query}");
        }
        assert_eq!(ann.client.get(&format!("{OLDER}/auth-strategies")).await.expect(200)["data"], json!([
            made["auth_strategy"],
        ]));

        // One of a team is its members', whichever version they ask in.
        let team = json!({ "name": "Mobile", "can_own_applications": true });
        let teams = format!("/v3/portals/{}/teams", site.id);
        let team = app.owner.post(&teams, team).await.expect(201);
        for member in [&ann, &bob] {
            let members = format!("{teams}/{}/developers", id(&team));
            app.owner.post(&members, json!({ "id": member.id })).await.expect(201);
        }
        bob.client.get(&older).await.expect(404);
        bob.client.patch(&older, json!({ "name": "His" })).await.expect(404);
        ann.client.patch(&newer, json!({ "team_id": id(&team) })).await.expect(200);
        assert_eq!(bob.client.get(&older).await.expect(200)["name"], "Uno");
        let changed = bob.client.patch(&older, json!({ "name": "Ours" })).await.expect(200);
        assert_eq!(changed["name"], "Ours");
        assert_eq!(bob.client.get(&newer).await.expect(200)["team_id"], team["id"], "and stays the team's");

        ann.client.delete(&older).await.expect(204);
        bob.client.get(&newer).await.expect(404);
        assert_eq!(all(&ann.client.get(OLDER).await.expect(200), "id"), [two["id"].clone()]);

        // Elsewhere there are none.
        let other = app.portal("Another", json!({})).await;
        let eve = app.developer(&other, "eve@dev.test").await;
        for (method, path) in [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/refresh-token")] {
            eve.client.call(method, &format!("{OLDER}/{}{path}", id(&two)), None).await.expect(404);
        }
        site.client.get(OLDER).await.expect(401);
        app.owner.get(OLDER).await.expect(404);
    }
}

on_both! {
    /// Keys, by the paths of the older version.
    async fn keys_by_the_older_version(engine: Engine) {
        let app = TestApp::new(engine).await;
        let site = app.portal("Public", json!({})).await;
        let ann = app.developer(&site, "ann@dev.test").await;
        let made = ann.client.post(OLDER, json!({ "name": "One" })).await.expect(201);
        assert_eq!((&made["reference_id"], made.get("credentials")), (&json!(""), None));
        let refused = ann.client.post(OLDER, json!({ "name": "Two", "reference_id": "mine" })).await;
        assert_eq!(refused.bad_fields(), ["reference_id"]);
        let path = format!("{OLDER}/{}", id(&made));
        let refused = ann.client.patch(&path, json!({ "reference_id": "mine" })).await;
        assert_eq!(refused.bad_fields(), ["reference_id"]);

        let keys = format!("{path}/credentials");
        let key = ann.client.post(&keys, json!({ "display_name": "CI" })).await.expect(201);
        assert_eq!(text(&key, "credential").len(), 32);
        assert_eq!(key, json!({ "id": id(&key), "display_name": "CI", "credential": key["credential"] }));
        let one = format!("{keys}/{}", id(&key));
        let renamed = ann.client.put(&one, json!({ "display_name": "CD" })).await;
        assert_eq!((renamed.status.as_u16(), renamed.text.as_str()), (200, ""));
        let newer = format!("{NEWER}/{}/credentials", id(&made));
        let listed = ann.client.get(&keys).await.expect(200);
        assert_eq!(listed["data"], json!([{ "id": id(&key), "display_name": "CD" }]));
        assert_eq!(all(&ann.client.get(&newer).await.expect(200), "display_name"), ["CD"]);
        let rotated = ann.client.call(Method::POST, &format!("{path}/refresh-token"), None).await;
        assert_eq!(rotated.bad_fields(), ["applicationId"], "the older contract has no 409 here");
        ann.client.delete(&one).await.expect(204);
        assert_eq!(ann.client.get(&newer).await.expect(200)["data"], json!([]));
    }
}

on_both! {
    /// A client at a real provider: its secret is shown when it is made and when it is replaced, in the older form.
    async fn clients_by_the_older_version(engine: Engine) {
        let Some(registry) = Registry::oidc_provider() else { return };
        let app = TestApp::new(engine).await;
        let it = published(&app, oidc_provider(&registry, true).await, json!({})).await;
        let ann = app.developer(&it.site, "ann@dev.test").await;
        let context = it.site.client.get("/api/v2/portal").await.expect(200);
        let expected = json!({
            "portal_id": it.site.id, "org_id": app.org, "is_public": false, "basic_auth_enabled": true,
            "oidc_auth_enabled": false, "rbac_enabled": false, "featureset_id": "", "allowed_time_period": "",
            "dcr_provider_ids": [id(&it.provider)],
            "name": context["name"], "canonical_domain": it.site.host,
        });
        assert_eq!(context, expected);

        let new = json!({ "name": "Umbrella", "auth_strategy_id": id(&it.strategy) });
        let mut bad = new.clone();
        bad["reference_id"] = json!("mine");
        assert_eq!(ann.client.post(OLDER, bad).await.bad_fields(), ["reference_id"]);
        let made = ann.client.post(OLDER, new).await.expect(201);
        let [there] = &registry.clients().await[..] else { panic!("one client") };
        let credentials = &made["credentials"];
        assert_eq!((&made["reference_id"], &credentials["client_id"]), (&there["client_id"], &there["client_id"]));
        assert_eq!((made.get("client_id"), made.get("client_secret")), (None, None));
        assert!(lets_in(&registry, credentials).await);
        let shown = ann.client.get(&format!("{OLDER}/{}", id(&made))).await.expect(200);
        assert_eq!((&shown["reference_id"], shown.get("credentials")), (&there["client_id"], None::<&Value>));

        // Its one secret is no key.
        let keys = format!("{OLDER}/{}/credentials", id(&made));
        assert_eq!(ann.client.get(&keys).await.expect(200)["data"], json!([]));
        let refused = ann.client.post(&keys, json!({ "display_name": "CI" })).await.expect(403);
        assert_eq!(refused["detail"], "Maximum number of Credentials exceeded. Max Allowed: 1");
        let refresh = format!("{OLDER}/{}/refresh-token", id(&made));
        let fresh = ann.client.call(Method::POST, &refresh, None).await.expect(201);
        assert_eq!(fresh["client_id"], there["client_id"]);
        assert!(!lets_in(&registry, credentials).await);
        assert!(lets_in(&registry, &fresh).await);
        ann.client.delete(&format!("{OLDER}/{}", id(&made))).await.expect(204);
        assert_eq!(registry.clients().await, Vec::<Value>::new());
        for secret in [credentials, &fresh] {
            assert_eq!(app.database.holding(text(secret, "client_secret")).await, [""; 0], "a secret is kept");
        }
    }
}
