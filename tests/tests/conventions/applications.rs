//! The applications of a world, and what they are registered for.

use std::collections::BTreeMap;

use serde_json::json;
use tests::{Client, TestApp, key_of, registration_of, unconfirmed_client};

use crate::world::id;

/// Applications in the portal: one that the organization made, with keys, and of the developer one with a client of
/// its own, the same by the older API, and one with a key. The first two are registered for an API, and there is another
/// that each can be registered for.
pub async fn applications(app: &TestApp, ids: &mut BTreeMap<&'static str, String>, developer: &Client) {
    let owner = &app.owner;
    let openid = json!({ "issuer": "https://idp.test", "credential_claim": ["azp"], "scopes": ["read"], "auth_methods": ["bearer"] });
    let strategy = json!({
        "name": "own client", "display_name": "own client", "strategy_type": "openid_connect",
        "configs": { "openid-connect": openid },
    });
    ids.insert("own client", id(&owner.post("/v2/application-auth-strategies", strategy).await.expect(201)));
    for (what, strategy) in [
        ("second api", None),
        ("spare api", None),
        ("token api", Some("own client")),
        ("spare token api", Some("own client")),
    ] {
        let api = id(&owner.post("/v3/apis", json!({ "name": what })).await.expect(201));
        let with = strategy.map_or_else(|| json!({}), |it| json!({ "auth_strategy_ids": [ids[it]] }));
        owner.put(&format!("/v3/apis/{api}/publications/{}", ids["portal"]), with).await.expect(200);
        ids.insert(what, api);
    }
    let all = format!("/v3/portals/{}/applications", ids["portal"]);
    let given = json!({ "name": "given", "owner": { "type": "developer", "id": ids["developer"] } });
    ids.insert("application", id(&owner.post(&all, given).await.expect(201)));
    let registrations = format!("{all}/{}/registrations", ids["application"]);
    key_of(app, &ids["application"], "key one").await;
    key_of(app, &ids["application"], "key two").await;
    let wish = json!({ "api_id": ids["api"] });
    ids.insert("registration", id(&owner.post(&registrations, wish).await.expect(201)));

    owner.post(&registrations, json!({ "api_id": ids["second api"] })).await.expect(201);

    let own = json!({ "name": "own", "auth_strategy_id": ids["own client"], "client_id": "mine" });
    ids.insert("own application", id(&developer.post("/api/v3/applications", own).await.expect(201)));
    let own = json!({ "name": "older", "auth_strategy_id": ids["own client"], "reference_id": "mine, too" });
    ids.insert("older own application", id(&developer.post("/api/v2/applications", own).await.expect(201)));
    let registrations = format!("/api/v3/applications/{}/registrations", ids["own application"]);
    let wish = json!({ "api_id": ids["token api"] });
    ids.insert("own registration", id(&developer.post(&registrations, wish).await.expect(201)));
    let keyed = id(&developer.post("/api/v3/applications", json!({ "name": "keyed" })).await.expect(201));
    let key =
        developer.post(&format!("/api/v3/applications/{keyed}/credentials"), json!({})).await.expect(201);
    ids.extend([("keyed application", keyed), ("credential", id(&key))]);
    let provider = ids["curity"].parse().expect("an id");
    unconfirmed_client(app, provider, "another client").await;
    ids.insert("client", unconfirmed_client(app, provider, "client").await);
}

/// Registrations for versions of products: the older application's, in its portal, and of the developer that of the older
/// application for one version, and of another for the same. There is another version that it can be registered for.
pub async fn versions_registered(
    app: &TestApp,
    ids: &mut BTreeMap<&'static str, String>,
    developer: &Client,
) {
    for version in ["spare version", "version"] {
        let made = registration_of(app, &ids["older portal"], &ids["older application"], &ids[version]).await;
        ids.insert("older registration", made);
        let said = json!({
            "publish_status": "published", "product_version_id": ids[version], "auth_strategy_ids": [ids["own client"]],
            "application_registration_enabled": true, "auto_approve_registration": false, "deprecated": false,
        });
        app.owner.post(&format!("/v2/portals/{}/product-versions", ids["portal"]), said).await.expect(201);
    }
    let wish = json!({ "product_version_id": ids["version"] });
    for application in ["own application", "older own application"] {
        let path = format!("/api/v2/applications/{}/registrations", ids[application]);
        let made = id(&developer.post(&path, wish.clone()).await.expect(201));
        ids.insert("older own registration", made);
    }
}
