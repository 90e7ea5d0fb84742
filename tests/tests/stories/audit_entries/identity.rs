//! What changes an organization's directory, its machines and its rules.

use serde_json::{Value, json};

use super::Day;
use crate::{days, everywhere, id, text};

/// Users, teams, roles.
pub async fn people(day: &mut Day) {
    let ann = day.app.member("ann@acme.test").await;
    day.secrets.push(ann.client.token().to_owned());
    let user = &ann.id.to_string();
    day.step("invite-user", &[], json!({ "email": "bob@acme.test" }), ("create", "invites/?")).await;
    day.step("update-user", &[user], json!({ "full_name": "Ann" }), ("edit", &format!("users/{user}"))).await;
    let session = day.app.session_of(ann.id).await;
    let who = ("konnectAccessToken", user.clone());
    let named = json!({ "preferred_name": "Ann" });
    day.step_as(&session, who, "patch-users-me", &[], named, ("edit", &format!("users/{user}"))).await;
    day.step("update-organizations-me", &[], json!({ "name": "Acme Inc" }), ("edit", "")).await;

    let (account, robot) = day.app.system_account("robot").await;
    day.secrets.push(robot.token().to_owned());
    let account = &account.to_string();
    let team = day
        .step("create-team", &[], json!({ "name": "T", "labels": { "a": "b" } }), ("create", "teams/{new}"))
        .await;
    let team = id(&team);
    day.step("update-team", &[team], json!({ "labels": { "a": null } }), ("edit", &format!("teams/{team}")))
        .await;
    let member = format!("teams/{team}/users/{user}");
    day.step("add-user-to-team", &[team], json!({ "id": user }), ("create", &member)).await;
    let machine = format!("teams/{team}/system-accounts/{account}");
    day.step("post-teams-teamId-system-accounts", &[team], json!({ "id": account }), ("create", &machine))
        .await;

    let role = everywhere("Viewer", "Portals");
    for (holder, kind, assign, remove) in [
        (user.as_str(), "users", "users-assign-role", "users-remove-role"),
        (team, "teams", "teams-assign-role", "teams-remove-role"),
        (
            account,
            "system-accounts",
            "post-system-accounts-accountId-assigned-roles",
            "delete-system-accounts-accountId-assigned-roles-roleId",
        ),
    ] {
        let roles = format!("{kind}/{holder}/assigned-roles");
        let held = day.step(assign, &[holder], role.clone(), ("create", &format!("{roles}/{{new}}"))).await;
        day.step(remove, &[holder, id(&held)], Value::Null, ("delete", &format!("{roles}/{}", id(&held))))
            .await;
    }
    day.step("remove-user-from-team", &[team, user], Value::Null, ("delete", &member)).await;
    let remove = "delete-teams-teamId-system-accounts-accountId";
    day.step(remove, &[team, account], Value::Null, ("delete", &machine)).await;
    day.step("delete-team", &[team], Value::Null, ("delete", &format!("teams/{team}"))).await;
    day.step("delete-user", &[user], Value::Null, ("delete", &format!("users/{user}"))).await;
}

/// System accounts and tokens.
pub async fn machines(day: &mut Day) {
    let wanted = json!({ "name": "ci", "description": "Builds" });
    let account = day.step("post-system-accounts", &[], wanted, ("create", "system-accounts/{new}")).await;
    let account = id(&account);
    let path = format!("system-accounts/{account}");
    day.step("patch-system-accounts-id", &[account], json!({ "name": "cd" }), ("edit", &path)).await;
    let expires_at = day.app.app.clock.now(day.app.org).plus(days(9));
    let wanted = json!({ "name": "ci", "expires_at": expires_at });
    let tokens = format!("{path}/access-tokens");
    let create = "post-system-accounts-id-access-tokens";
    let token = day.step(create, &[account], wanted, ("create", &format!("{tokens}/{{new}}"))).await;
    let (token, at) = (id(&token), format!("{tokens}/{}", id(&token)));
    day.step(
        "patch-system-accounts-id-access-tokens-id",
        &[account, token],
        json!({ "name": "cd" }),
        ("edit", &at),
    )
    .await;
    day.step("delete-system-accounts-id-access-tokens-id", &[account, token], Value::Null, ("delete", &at))
        .await;
    day.step("delete-system-accounts-id", &[account], Value::Null, ("delete", &path)).await;

    let user = &day.app.owner_id.to_string();
    let tokens = format!("users/{user}/access-tokens");
    let wanted = json!({ "name": "ci", "ttl_seconds": 86_400 });
    let token = day
        .step("create-personal-access-token", &[user], wanted, ("create", &format!("{tokens}/{{new}}")))
        .await;
    let (token, at) = (id(&token), format!("{tokens}/{}", id(&token)));
    day.step("update-personal-access-token-details", &[user, token], json!({ "name": "cd" }), ("edit", &at))
        .await;
    day.step("revoke-personal-access-token", &[user, token], json!({}), ("revoke", &at)).await;
    day.step("delete-personal-access-token", &[user, token], Value::Null, ("delete", &at)).await;

    let managed = json!({ "name": "zone", "konnect_managed": true });
    let managed = day.app.owner.post("/v3/system-accounts", managed).await.expect(201);
    let service = day.app.service("zones").await;
    day.secrets.push(service.token().to_owned());
    let mut role = everywhere("Connector", "Mesh Control Planes");
    role["entity_id"] = json!(day.app.owner_id);
    role["parameters"] = json!({ "zoneName": "zone3" });
    let assign = "create-system-accounts-assigned-roles-internal";
    let resource = format!("system-accounts/{}/assigned-roles/{{new}}", id(&managed));
    let who = ("clientToken", "zones".to_owned());
    day.step_as(&service, who, assign, &[id(&managed)], role, ("create", &resource)).await;
}

/// What the organization decides for all.
pub async fn rules(day: &mut Day) {
    let org = &day.app.org.to_string();
    let authentication = ("edit", "authentication-settings");
    day.step("update-authentication-settings", &[], json!({ "idp_mapping_enabled": true }), authentication)
        .await;
    day.step(
        "update-impersonation-settings",
        &[],
        json!({ "enabled": true }),
        ("edit", "impersonation-settings"),
    )
    .await;
    let color = json!({ "color": "#00aa55" });
    day.step("update-organizations-me-brand", &[], color, ("edit", "brand")).await;
    let tokens = ("edit", "access-policy/personal-access-tokens");
    let shorter = json!({ "max_expiration_period_days": 90 });
    day.step("update-personal-access-token-settings", &[org], shorter, tokens).await;
    let list = ("edit", "access-policy/ip-allow-list");
    let allowed = json!({ "enabled": true, "allowed_ips": ["127.0.0.1"] });
    day.step("put-ip-allow-list", &[org], allowed, list).await;
    day.step("patch-ip-allow-list", &[org], json!({ "enabled": false }), list).await;
    let token = "a+registration/token";
    day.secrets.push(token.to_owned());
    let link = ("create", "marketplace-customers/?");
    day.step("resolveCustomer", &[], json!({ "token": token }), link).await;
}

/// Identity providers and their mappings.
pub async fn providers(day: &mut Day) {
    let secret = "hunter2-client-secret";
    day.secrets.push(secret.to_owned());
    let config =
        json!({ "issuer_url": "https://issuer.test", "client_id": "latchkey", "client_secret": secret });
    let wanted = json!({ "type": "oidc", "login_path": "acme", "config": config });
    let provider =
        day.step("create-identity-provider", &[], wanted, ("create", "identity-providers/{new}")).await;
    let (provider, path) = (id(&provider), format!("identity-providers/{}", id(&provider)));
    let change = json!({ "config": { "client_secret": secret } });
    day.step("update-identity-provider", &[provider], change, ("edit", &path)).await;
    day.step("update-idp-configuration", &[], json!({ "client_secret": secret }), ("edit", &path)).await;
    let team = day.app.team_id("analytics-viewer").await;
    let mappings = format!("{path}/team-group-mappings");
    let wanted = json!({ "team_id": team, "group": "analysts" });
    let create = "create-idp-team-group-mapping";
    let mapping = day.step(create, &[provider], wanted, ("create", &format!("{mappings}/{{new}}"))).await;
    let at = format!("{mappings}/{}", id(&mapping));
    day.step("delete-idp-team-group-mapping", &[provider, id(&mapping)], Value::Null, ("delete", &at)).await;
    let by_group = json!({ "mappings": [{ "group": "analysts", "team_ids": [team] }] });
    day.step("update-idp-team-mappings", &[], by_group, ("edit", &mappings)).await;
    let by_team = json!({ "data": [{ "team_id": team, "groups": [] }] });
    day.step("patch-team-group-mappings", &[], by_team, ("edit", &mappings)).await;
    let rehearsal =
        day.step("test-identity-provider", &[provider], Value::Null, ("read", &format!("{path}/test"))).await;
    day.secrets.push(text(&rehearsal, "url").to_owned());
    day.step("delete-identity-provider", &[provider], Value::Null, ("delete", &path)).await;
}
