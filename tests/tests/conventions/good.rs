//! For each operation that takes a body, a good one: what the poison is put into.

use serde_json::{Value, json};

use crate::{
    operations::Operation,
    world::{NOBODY, World, dcr_configs, strategy_configs},
};

/// A path of the operation and a body that it accepts there.
pub type Good = (String, Value);

/// Good bodies of an operation, together naming every field that it declares.
pub fn bodies(world: &World, operation: &Operation) -> Vec<Good> {
    let path = world.path(operation);
    let team = world.id("team");
    let role = |region: &str| json!({ "role_name": "Viewer", "entity_id": NOBODY, "entity_type_name": "Control Planes", "entity_region": region });
    let oidc = json!({
        "issuer_url": "https://login.example.test/tenant", "client_id": "console", "client_secret": "s3cret",
        "scopes": ["openid", "email"], "claim_mappings": { "name": "nick", "email": "mail", "groups": "teams" },
    });
    let saml = json!({ "idp_metadata_url": "https://idp.example.test/metadata", "idp_metadata_xml": "<EntityDescriptor/>" });
    let body = match operation.id.as_str() {
        "create-team" | "update-team" => {
            json!({ "name": "Platform", "description": "Runs it", "labels": { "env": "test" } })
        }
        "post-oauth-device-authorize-user" | "patch-oauth-device-confirm" => {
            json!({ "user_code": "BCDF-GHJK" })
        }
        "authenticate-kauth" => json!({ "username": "ann@acme.test", "password": "Correct-Horse-7" }),
        "create-password-reset-kauth" => json!({ "email": "ann@acme.test" }),
        "patch-password-reset-kauth" => json!({ "token": "krst_x", "password": "Correct-Horse-7" }),
        "register-kauth" => json!({
            "email": "founder@acme.test", "fullName": "Founder", "organization": "Founded",
            "password": "Correct-Horse-7", "defaultRegion": "eu",
        }),
        "verify-email-kauth" => json!({ "token": "kreg_x" }),
        "accept-invite" => json!({
            "token": "kinv_x", "full_name": "Ann", "preferred_name": null, "password": "Correct-Horse-7",
        }),
        "patch-users-me-password" => {
            json!({ "old_password": "Correct-Horse-7", "new_password": "Another-Horse-8" })
        }
        "create-developer" => {
            return vec![
                (path.clone(), json!({ "email": "new@dev.test", "full_name": "New", "status": "pending" })),
                (
                    path,
                    json!({ "email": "newer@dev.test", "full_name": "Newer", "send_invitation_email": false }),
                ),
            ];
        }
        "create-application" => json!({
            "name": "Given", "description": "For them", "labels": { "env": "test" }, "dcr_client_id": null, "client_id": "given",
            "auth_strategy_id": world.id("own client"), "owner": { "type": "developer", "id": world.id("developer") },
        }),
        "update-application" => {
            json!({ "owner": { "type": "developer", "id": world.id("spare developer") } })
        }
        "create-application-registration" => json!({ "api_id": world.id("spare api"), "status": "approved" }),
        "update-application-registration" | "update-application-registration-v2" => {
            json!({ "status": "approved" })
        }
        "developer-create-application" => json!({
            "name": "Own", "description": "Mine", "client_id": "of my own", "redirect_uri": "https://app.test/callback",
            "auth_strategy_id": world.id("own client"), "scopes": [], "team_id": null,
        }),
        "developer-update-application" => json!({
            "name": "Own", "description": "Mine", "client_id": "changed", "redirect_uri": "https://app.test/other",
            "scopes": [], "team_id": null,
        }),
        "developer-create-application-v2" => json!({
            "name": "Own", "description": "Mine", "reference_id": "older", "redirect_uri": "https://app.test/callback",
            "auth_strategy_id": world.id("own client"), "scopes": [],
        }),
        "developer-update-application-v2" => json!({
            "name": "Own", "description": "Mine", "reference_id": "changed by the older", "redirect_uri": "https://app.test/other",
            "scopes": [],
        }),
        "developer-create-application-registration" => json!({ "api_id": world.id("spare token api") }),
        "developer-create-application-registration-v2" => {
            json!({ "product_version_id": world.id("spare version"), "scopes": [] })
        }
        "create-credential" | "developer-create-credential-v2" | "update-credential" => {
            json!({ "display_name": "CI" })
        }
        "repair-dcr-provider-client" => json!({ "action": "register" }),
        "create-dcr-bridge-key" => json!({ "name": "Elsewhere" }),
        "assign-role-to-portal-teams" => json!({
            "role_name": "API Consumer", "entity_id": world.id("api"), "entity_type_name": "Services", "entity_region": "us",
        }),
        "create-portal-team" | "update-portal-team" => {
            json!({ "name": "Mobile", "description": "Builds the app", "can_own_applications": true })
        }
        "add-developer-to-portal-team" => json!({ "id": world.id("spare developer") }),
        "update-developer" | "update-developer-v2" => json!({ "status": "approved" }),
        "register" => json!({ "email": "newest@dev.test", "full_name": "Newest" }),
        "forgot-password" => json!({ "email": "dev@dev.test" }),
        "verify-email" => json!({ "token": NOBODY }),
        "reset-password" => json!({ "token": NOBODY, "password": "Correct-Horse-7" }),
        "authenticate" => json!({ "username": "dev@dev.test", "password": "Correct-Horse-7" }),
        "update-user" | "patch-users-me" => json!({ "full_name": "Ann Other", "preferred_name": "Ann" }),
        "invite-user" => json!({ "email": "new@acme.test" }),
        "add-user-to-team" => json!({ "id": world.id("owner") }),
        "post-teams-teamId-system-accounts" => json!({ "id": world.id("spare account") }),
        "users-assign-role" | "teams-assign-role" | "post-system-accounts-accountId-assigned-roles" => {
            role("us")
        }
        "create-system-accounts-assigned-roles-internal" => {
            let mut role = role("us");
            role["parameters"] = json!({ "zoneName": "zone3" });
            role
        }
        "post-system-accounts" => {
            json!({ "name": "deployer", "description": "Deploys", "konnect_managed": false })
        }
        "patch-system-accounts-id" => json!({ "name": "releaser", "description": "Releases" }),
        "post-system-accounts-id-access-tokens" => json!({ "name": "ci", "expires_at": world.next_month() }),
        "patch-system-accounts-id-access-tokens-id" | "update-personal-access-token-details" => {
            json!({ "name": "Renamed" })
        }
        "create-personal-access-token" => {
            return vec![
                (path.clone(), json!({ "name": "Phone", "ttl_seconds": 86_400 })),
                (path, json!({ "name": "Desk", "expires_at": world.next_month() })),
            ];
        }
        "update-organizations-me" => {
            json!({ "name": "Acme Ltd", "mfa_enabled": false, "owner_id": world.id("owner") })
        }
        "update-authentication-settings" => json!({
            "basic_auth_enabled": true, "oidc_auth_enabled": true, "saml_auth_enabled": false,
            "idp_mapping_enabled": false, "konnect_mapping_enabled": true,
        }),
        "update-impersonation-settings" => json!({ "enabled": true }),
        "update-organizations-me-brand" => json!({ "name": "Gate of Acme", "color": "#00aa55" }),
        "update-personal-access-token-settings" => {
            json!({ "pats_enabled": true, "max_expiration_period_days": 300 })
        }
        "put-ip-allow-list" | "patch-ip-allow-list" => {
            json!({ "enabled": false, "allowed_ips": ["192.0.2.0/24", "2001:db8::1"] })
        }
        "create-identity-provider" => {
            return vec![
                (
                    path.clone(),
                    json!({ "type": "oidc", "enabled": false, "login_path": "second", "config": oidc }),
                ),
                (path, json!({ "type": "saml", "enabled": false, "login_path": "third", "config": saml })),
            ];
        }
        "update-identity-provider" => {
            let other = world.path_with(operation, Some(("id", world.id("saml"))));
            return vec![
                (path, json!({ "enabled": true, "login_path": "acme-2", "config": oidc })),
                (other, json!({ "enabled": false, "login_path": "acme-saml-2", "config": saml })),
            ];
        }
        "update-idp-configuration" => {
            let mut body = oidc;
            let fields = body.as_object_mut().expect("it is an object");
            let issuer = fields.remove("issuer_url").expect("it has an issuer");
            fields.insert("issuer".to_owned(), issuer);
            fields.insert("login_path".to_owned(), json!("acme-3"));
            body
        }
        "create-dcr-provider" | "update-dcr-provider" => {
            let new = operation.id == "create-dcr-provider";
            let bodies = dcr_configs().map(|(kind, config)| {
                let mut body = json!({
                    "name": "Provider", "display_name": "For developers", "issuer": "https://idp.example.test/tenant",
                    "labels": { "env": "test" }, "dcr_config": config,
                });
                if new {
                    body["provider_type"] = json!(kind);
                }
                (world.path_with(operation, Some(("dcrProviderId", world.id(kind)))), body)
            });
            return bodies.into();
        }
        "create-app-auth-strategy" | "replace-app-auth-strategy" | "update-app-auth-strategy" => {
            let whole = operation.id != "update-app-auth-strategy";
            let bodies = strategy_configs().map(|(kind, configs)| {
                let mut body = json!({
                    "name": "Strategy", "display_name": "For developers", "labels": { "env": "test" },
                    "principals": { "enabled": true }, "configs": configs,
                });
                if whole {
                    body["strategy_type"] = json!(kind);
                }
                if kind == "openid_connect" {
                    body["dcr_provider_id"] = json!(world.id("okta"));
                }
                (world.path_with(operation, Some(("authStrategyId", world.id(kind)))), body)
            });
            return bodies.into();
        }
        "create-portal" | "update-portal" => json!({
            "name": operation.id, "display_name": "Our partners", "description": "By invitation", "authentication_enabled": true,
            "rbac_enabled": true, "sipr_enabled": false, "default_api_visibility": "public", "default_page_visibility": "public",
            "default_application_auth_strategy_id": world.id("openid_connect"), "auto_approve_developers": true,
            "auto_approve_applications": true, "labels": { "env": "test" },
            "notifications_developer_pii_visibility_enabled": true,
        }),
        "create-portal-v2" | "update-portal-v2" => json!({
            "name": operation.id, "display_name": "Our partners", "description": "By invitation", "is_public": false,
            "rbac_enabled": true, "default_application_auth_strategy_id": world.id("openid_connect"),
            "auto_approve_developers": true, "auto_approve_applications": true, "labels": { "env": "test" },
            "custom_domain": null, "custom_client_domain": null,
        }),
        "create-api-product" | "update-api-product" => json!({
            "name": "Returns", "description": "Takes things back", "labels": { "env": "test" },
            "public_labels": { "env": "test" }, "portal_ids": [world.id("portal")],
        }),
        "create-api-product-version" | "update-api-product-version" => json!({
            "name": "v2", "publish_status": "published", "deprecated": true, "labels": { "env": "test" },
            "gateway_service": { "id": "orders", "control_plane_id": NOBODY },
        }),
        "publish-api-products" => {
            json!({ "api_products": { world.id("product"): { "publish_status": "published" } } })
        }
        "create-portal-product-version"
        | "update-portal-product-version"
        | "replace-portal-product-version" => {
            let mut said = json!({
                "publish_status": "published", "auth_strategy_ids": [world.id("openid_connect")],
                "application_registration_enabled": true, "auto_approve_registration": true, "deprecated": true,
            });
            if operation.id == "create-portal-product-version" {
                said["product_version_id"] = json!(world.id("spare version"));
            } else {
                said["notify_developers"] = json!(false);
            }
            said
        }
        "create-api" | "update-api" => json!({
            "name": operation.id, "description": "Moves money", "version": "v2", "slug": "payments-v2",
            "labels": { "env": "test" }, "attributes": { "owners": ["payments"] },
        }),
        "publish-api-to-portal" => json!({
            "auth_strategy_ids": [world.id("openid_connect")], "auto_approve_registrations": true, "visibility": "public",
            "form_id": null,
        }),
        "create-api-implementation" => {
            let path = world.path_with(operation, Some(("apiId", world.id("spare api"))));
            return vec![(path, json!({ "service": { "id": NOBODY, "control_plane_id": NOBODY } }))];
        }
        "check-gateway-access" => {
            let by = |name: &str| json!({ "api_id": world.id("api"), name: "of-nobody" });
            return vec![(path.clone(), by("key")), (path, by("client_id"))];
        }
        "check-gateway-access-v2" => {
            let by = |name: &str| json!({ "product_version_id": world.id("version"), name: "of-nobody" });
            return vec![(path.clone(), by("key")), (path, by("client_id"))];
        }
        "create-idp-team-group-mapping" => json!({ "team_id": team, "group": "platform" }),
        "update-idp-team-mappings" => json!({ "mappings": [{ "group": "gateway", "team_ids": [team] }] }),
        "patch-team-group-mappings" => {
            json!({ "data": [{ "team_id": team, "groups": ["gateway", "edge"] }] })
        }
        "post-auth0-user-mfa-settings-internal" => {
            json!({ "email": "owner@acme.test", "auth0id": "auth0|1" })
        }
        "resolveCustomer" => json!({ "token": "Ann+1/aB==" }),
        // An operation that brings a body brings a good one.
        other => panic!("no good body is known for {other}"),
    };
    vec![(path, body)]
}
