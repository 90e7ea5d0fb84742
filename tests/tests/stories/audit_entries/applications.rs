//! What changes application auth: providers, strategies, what is published, and applications.

use serde_json::{Value, json};
use tests::unconfirmed_client;

use super::Day;
use crate::id;

/// DCR providers and strategies.
pub async fn application_auth(day: &mut Day) {
    let secret = "hunter2-registrar";
    day.secrets.push(secret.to_owned());
    let config = json!({ "initial_client_id": "registrar", "initial_client_secret": secret });
    let wanted = json!({ "name": "Entra", "provider_type": "azureAd", "issuer": "https://sts.test/t", "dcr_config": config });
    let provider = day.step("create-dcr-provider", &[], wanted, ("create", "dcr-providers/{new}")).await;
    let (provider, path) = (id(&provider), format!("dcr-providers/{}", id(&provider)));
    let change = json!({ "dcr_config": { "initial_client_secret": secret } });
    day.step("update-dcr-provider", &[provider], change, ("edit", &path)).await;
    let strategy = json!({
        "name": "Tokens", "display_name": "Tokens", "strategy_type": "openid_connect", "dcr_provider_id": provider,
        "configs": { "openid-connect": {
            "issuer": "https://sts.test/t", "credential_claim": ["appid"], "scopes": [], "auth_methods": ["bearer"] } },
    });
    let new = ("create", "application-auth-strategies/{new}");
    let made = day.step("create-app-auth-strategy", &[], strategy.clone(), new).await;
    let (made, at) = (id(&made), format!("application-auth-strategies/{}", id(&made)));
    day.step("replace-app-auth-strategy", &[made], strategy, ("edit", &at)).await;
    day.step("update-app-auth-strategy", &[made], json!({ "name": "Better" }), ("edit", &at)).await;
    let verified = format!("{path}/verify");
    day.step("verify-dcr-provider", &[provider], Value::Null, ("test", &verified)).await;
    day.step("delete-dcr-provider", &[provider], Value::Null, ("delete", &path)).await;
    day.step("delete-app-auth-strategy", &[made], Value::Null, ("delete", &at)).await;
}

/// Portals, APIs and publications.
pub async fn publishing(day: &mut Day) {
    // Else a second entry tells of the strategy that comes with it.
    let wanted = json!({ "name": "Developers", "default_application_auth_strategy_id": null });
    let portal = day.step("create-portal", &[], wanted, ("create", "portals/{new}")).await;
    let (portal, at) = (id(&portal), format!("portals/{}", id(&portal)));
    day.step("update-portal", &[portal], json!({ "description": "Ours" }), ("edit", &at)).await;
    let api = day.step("create-api", &[], json!({ "name": "Orders" }), ("create", "apis/{new}")).await;
    let (api, path) = (id(&api), format!("apis/{}", id(&api)));
    day.step("update-api", &[api], json!({ "version": "v1" }), ("edit", &path)).await;
    let published = format!("{path}/publications/{portal}");
    day.step("publish-api-to-portal", &[api, portal], json!({}), ("publish", &published)).await;
    day.step("delete-publication", &[api, portal], Value::Null, ("delete", &published)).await;
    let service = json!({ "id": portal, "control_plane_id": portal });
    let new = format!("{path}/implementations/{{new}}");
    let link = ("create", &*new);
    let link = day.step("create-api-implementation", &[api], json!({ "service": service }), link).await;
    let (link, linked) = (id(&link), format!("{path}/implementations/{}", id(&link)));
    day.step("delete-api-implementation", &[api, link], Value::Null, ("delete", &linked)).await;
    day.step("delete-api", &[api], Value::Null, ("delete", &path)).await;
    let wanted = json!({ "email": "ann@dev.test", "full_name": "Ann" });
    let all = format!("{at}/developers/{{new}}");
    let ann = day.step("create-developer", &[portal], wanted, ("create", &all)).await;
    let (ann, one) = (id(&ann), format!("{at}/developers/{}", id(&ann)));
    day.step("update-developer", &[portal, ann], json!({ "status": "approved" }), ("edit", &one)).await;
    let yes = json!({ "status": "revoked" });
    day.step("update-developer-v2", &[portal, ann], yes, ("edit", &one)).await;
    let team = day
        .step(
            "create-portal-team",
            &[portal],
            json!({ "name": "T" }),
            ("create", &format!("{at}/teams/{{new}}")),
        )
        .await;
    let (team, teams) = (id(&team), format!("{at}/teams/{}", id(&team)));
    let owning = json!({ "can_own_applications": true });
    day.step("update-portal-team", &[portal, team], owning, ("edit", &teams)).await;
    let api = day.app.owner.post("/v3/apis", json!({ "name": "For roles" })).await.expect(201);
    let role = json!({
        "role_name": "API Viewer", "entity_id": id(&api), "entity_type_name": "Services", "entity_region": "*",
    });
    let (both, new) = ([portal, team], format!("{teams}/assigned-roles/{{new}}"));
    let role = day.step("assign-role-to-portal-teams", &both, role, ("create", &new)).await;
    let (all, place) = ([portal, team, id(&role)], format!("{teams}/assigned-roles/{}", id(&role)));
    day.step("remove-role-from-portal-team", &all, Value::Null, ("delete", &place)).await;
    let member = format!("{teams}/developers/{ann}");
    let joins = "add-developer-to-portal-team";
    day.step(joins, &[portal, team], json!({ "id": ann }), ("add", &member)).await;
    let leaves = "remove-developer-from-portal-team";
    day.step(leaves, &[portal, team, ann], Value::Null, ("remove", &member)).await;
    day.step("delete-portal-team", &[portal, team], Value::Null, ("delete", &teams)).await;
    day.step("delete-developer", &[portal, ann], Value::Null, ("delete", &one)).await;
    day.step("delete-portal", &[portal], Value::Null, ("delete", &at)).await;
}

/// Applications, by the organization and by a developer.
pub async fn applications(day: &mut Day) {
    let site = day.app.portal("Site", json!({})).await;
    let bob = day.app.developer(&site, "bob@dev.test").await;
    let apis = ["One", "Two"].map(|name| json!({ "name": name }));
    let mut published = Vec::new();
    for api in apis {
        let api = id(&day.app.owner.post("/v3/apis", api).await.expect(201)).to_owned();
        let path = format!("/v3/apis/{api}/publications/{}", site.id);
        day.app.owner.put(&path, json!({})).await.expect(200);
        published.push(api);
    }
    let portal = site.id.as_str();
    let at = format!("portals/{portal}/applications");
    let owner = json!({ "owner": { "type": "developer", "id": bob.id } });
    let mut wanted = owner.clone();
    wanted["name"] = json!("Given");
    let new = format!("{at}/{{new}}");
    let given = day.step("create-application", &[portal], wanted, ("create", &new)).await;
    let (given, path) = (id(&given), format!("{at}/{}", id(&given)));
    day.step("update-application", &[portal, given], owner, ("edit", &path)).await;
    let (new, wish) = (format!("{path}/registrations/{{new}}"), json!({ "api_id": published[0] }));
    let wish = day.step("create-application-registration", &[portal, given], wish, ("create", &new)).await;
    let (wish, place) = (id(&wish), format!("{path}/registrations/{}", id(&wish)));
    let (all, yes) = ([portal, given, wish], json!({ "status": "approved" }));
    day.step("update-application-registration", &all, yes, ("grant-api-access", &place)).await;
    day.step("delete-application-registration", &all, Value::Null, ("delete", &place)).await;
    day.step("delete-application", &[portal, given], Value::Null, ("delete", &path)).await;
    let older = json!({ "name": "Older", "owner": { "type": "developer", "id": bob.id } });
    let older = day.app.owner.post(&format!("/v3/portals/{portal}/applications"), older).await.expect(201);
    let path = format!("{at}/{}", id(&older));
    day.step("delete-application-v2", &[portal, id(&older)], Value::Null, ("delete", &path)).await;
    let zoe = json!({ "email": "zoe@dev.test", "full_name": "Zoe" });
    let zoe = day.app.owner.post(&site.developers(), zoe).await.expect(201);
    let path = format!("portals/{portal}/developers/{}", id(&zoe));
    day.step("delete-developer-v2", &[portal, id(&zoe)], Value::Null, ("delete", &path)).await;

    let client = bob.client.clone();
    let who = || ("portalAccessToken", bob.id.clone());
    let new = format!("{at}/{{new}}");
    let operation = "developer-create-application";
    let own = day.step_as(&client, who(), operation, &[], json!({ "name": "Own" }), ("create", &new)).await;
    let (own, path) = (id(&own), format!("{at}/{}", id(&own)));
    let change = json!({ "name": "Other" });
    day.step_as(&client, who(), "developer-update-application", &[own], change, ("edit", &path)).await;
    let new = format!("{path}/credentials/{{new}}");
    let named = || json!({ "display_name": "CI" });
    let key = day.step_as(&client, who(), "create-credential", &[own], named(), ("create", &new)).await;
    let (both, place) = ([own, id(&key)], format!("{path}/credentials/{}", id(&key)));
    day.step_as(&client, who(), "update-credential", &both, named(), ("edit", &place)).await;
    day.step_as(&client, who(), "delete-credential", &both, Value::Null, ("delete", &place)).await;
    let (new, wish) = (format!("{path}/registrations/{{new}}"), json!({ "api_id": published[1] }));
    let operation = "developer-create-application-registration";
    let wish = day.step_as(&client, who(), operation, &[own], wish, ("create", &new)).await;
    let (both, place) = ([own, id(&wish)], format!("{path}/registrations/{}", id(&wish)));
    let operation = "developer-delete-application-registration";
    day.step_as(&client, who(), operation, &both, Value::Null, ("delete", &place)).await;
    day.step_as(&client, who(), "developer-delete-application", &[own], Value::Null, ("delete", &path)).await;
    let new = format!("{at}/{{new}}");
    let operation = "developer-create-application-v2";
    let older =
        day.step_as(&client, who(), operation, &[], json!({ "name": "Older" }), ("create", &new)).await;
    let (older, path) = (id(&older), format!("{at}/{}", id(&older)));
    let change = json!({ "name": "Old" });
    day.step_as(&client, who(), "developer-update-application-v2", &[older], change, ("edit", &path)).await;
    let (makes, new) = ("developer-create-credential-v2", format!("{path}/credentials/{{new}}"));
    day.step_as(&client, who(), makes, &[older], named(), ("create", &new)).await;
    let operation = "developer-delete-application-v2";
    day.step_as(&client, who(), operation, &[older], Value::Null, ("delete", &path)).await;

    let provider = json!({
        "name": "Curity", "provider_type": "curity", "issuer": "https://sts.test/t",
        "dcr_config": { "initial_client_id": "x", "initial_client_secret": "y" },
    });
    let provider = day.app.owner.post("/v2/dcr-providers", provider).await.expect(201);
    let client = unconfirmed_client(&day.app, id(&provider).parse().expect("an id"), "Client").await;
    let place = format!("dcr-providers/{}/clients/{client}", id(&provider));
    let action = json!({ "action": "register" });
    day.step("repair-dcr-provider-client", &[id(&provider), &client], action, ("edit", &place)).await;
    let keys = format!("dcr-providers/{}/bridge-keys", id(&provider));
    let (new, name) = (format!("{keys}/{{new}}"), json!({ "name": "Elsewhere" }));
    let key = day.step("create-dcr-bridge-key", &[id(&provider)], name, ("create", &new)).await;
    let (both, place) = ([id(&provider), id(&key)], format!("{keys}/{}", id(&key)));
    day.step("delete-dcr-bridge-key", &both, Value::Null, ("delete", &place)).await;
}

/// Registrations for versions of products: those of developers, and what the organization says to them.
pub async fn version_registrations(day: &mut Day) {
    let site = day.app.portal("Shelf", json!({})).await;
    let (portal, ann) = (site.id.as_str(), day.app.developer(&site, "ann@dev.test").await);
    let shown = day.app.owner.get(&format!("/v3/portals/{portal}")).await.expect(200);
    let product = json!({ "name": "Orders", "portal_ids": [portal] });
    let product = day.app.owner.post("/v2/api-products", product).await.expect(201);
    let versions = format!("/v2/api-products/{}/product-versions", id(&product));
    let version = day.app.owner.post(&versions, json!({ "name": "v1" })).await.expect(201);
    let said = json!({
        "publish_status": "published", "product_version_id": id(&version),
        "auth_strategy_ids": [shown["default_application_auth_strategy_id"]], "deprecated": false,
        "application_registration_enabled": true, "auto_approve_registration": false,
    });
    day.app.owner.post(&format!("/v2/portals/{portal}/product-versions"), said).await.expect(201);
    let own = ann.client.post("/api/v2/applications", json!({ "name": "Own" })).await.expect(201);
    let own = id(&own);
    let path = format!("portals/{portal}/applications/{own}/registrations");
    let (new, wish) = (format!("{path}/{{new}}"), json!({ "product_version_id": id(&version) }));
    let (client, who) = (ann.client.clone(), || ("portalAccessToken", ann.id.clone()));
    let asks = "developer-create-application-registration-v2";
    let asked = day.step_as(&client, who(), asks, &[own], wish.clone(), ("create", &new)).await;
    let (all, place) = ([portal, own, id(&asked)], format!("{path}/{}", id(&asked)));
    let yes = json!({ "status": "approved" });
    day.step("update-application-registration-v2", &all, yes, ("grant-api-access", &place)).await;
    day.step("delete-application-registration-v2", &all, Value::Null, ("delete", &place)).await;
    let path = format!("/api/v2/applications/{own}/registrations");
    let asked = ann.client.post(&path, wish).await.expect(201);
    let place = format!("portals/{portal}/applications/{own}/registrations/{}", id(&asked));
    let ends = "developer-delete-application-registration-v2";
    day.step_as(&client, who(), ends, &[own, id(&asked)], Value::Null, ("delete", &place)).await;
}

/// Products, their versions, and versions in portals.
pub async fn products(day: &mut Day) {
    let wanted = json!({ "name": "Older", "default_application_auth_strategy_id": null });
    let portal = day.step("create-portal-v2", &[], wanted, ("create", "portals/{new}")).await;
    let (portal, at) = (id(&portal), format!("portals/{}", id(&portal)));
    day.step("update-portal-v2", &[portal], json!({ "description": "Ours" }), ("edit", &at)).await;
    let wanted = json!({ "name": "Orders", "portal_ids": [portal] });
    let product = day.step("create-api-product", &[], wanted, ("create", "api-products/{new}")).await;
    let (product, path) = (id(&product), format!("api-products/{}", id(&product)));
    day.step("update-api-product", &[product], json!({ "name": "Returns" }), ("edit", &path)).await;
    let new = format!("{path}/versions/{{new}}");
    let wanted = json!({ "name": "v1" });
    let version = day.step("create-api-product-version", &[product], wanted, ("create", &new)).await;
    let (version, of) = (id(&version), format!("{path}/versions/{}", id(&version)));
    let change = json!({ "deprecated": true });
    day.step("update-api-product-version", &[product, version], change, ("edit", &of)).await;
    let mut said = json!({
        "publish_status": "published", "auth_strategy_ids": [], "application_registration_enabled": false,
        "auto_approve_registration": false, "deprecated": false,
    });
    let here = format!("{at}/api-versions/{version}");
    let both = [portal, version];
    let change = json!({ "deprecated": true });
    let replacement = said.clone();
    said["product_version_id"] = json!(version);
    let publish = json!({ "api_products": { product: { "publish_status": "unpublished" } } });
    day.step("publish-api-products", &[portal], publish, ("edit", &path)).await;
    day.step("create-portal-product-version", &[portal], said, ("create", &here)).await;
    day.step("replace-portal-product-version", &both, replacement, ("edit", &here)).await;
    day.step("update-portal-product-version", &both, change, ("edit", &here)).await;
    day.step("delete-portal-product-version", &both, Value::Null, ("delete", &here)).await;
    day.step("delete-api-product-version", &[product, version], Value::Null, ("delete", &of)).await;
    day.step("delete-api-product", &[product], Value::Null, ("delete", &path)).await;
    day.step("delete-portal-v2", &[portal], Value::Null, ("delete", &at)).await;
}
