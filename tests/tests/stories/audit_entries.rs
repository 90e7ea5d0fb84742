//! Every change leaves one entry in the audit log, or does not happen.

use std::{collections::BTreeSet, sync::Arc};

use frame::operations::Spec;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Beside, Client, Engine, Resolver, TestApp, on_both, unconfirmed_client};

use crate::{days, everywhere, id, text};

const ENTRIES: &str = "SELECT body FROM audit_events ORDER BY seq";

/// Does one of everything, each first while the audit log cannot be written, and then for good.
struct Day {
    app: TestApp,
    beside: Beside,
    specs: Vec<Arc<Spec>>,
    done: BTreeSet<&'static str>,
    secrets: Vec<String>,
    _resolver: Resolver,
}

impl Day {
    async fn begin(engine: Engine) -> Self {
        let resolver = Resolver::serve().await;
        let [region, endpoint] = resolver.settings();
        let app = TestApp::with(engine, &[("SHOW_INVITE_LINKS", "true"), region, endpoint]).await;
        let specs = latchkey::operations().iter().map(|operation| Arc::clone(&operation.spec)).collect();
        let secrets = vec![app.owner.token().to_owned()];
        let beside = app.database.beside().await;
        Self { app, beside, specs, done: BTreeSet::new(), secrets, _resolver: resolver }
    }

    /// Makes writing to the audit log fail, or not any more.
    async fn break_log(&mut self, broken: bool) {
        let sql = match (&self.beside, broken) {
            (Beside::Sqlite(_), true) => {
                "CREATE TRIGGER broken BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'the log is full'); END"
            }
            (Beside::Sqlite(_), false) => "DROP TRIGGER broken",
            (Beside::Postgres(_), true) => {
                "CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'the log is full'; END $$; \
                 CREATE TRIGGER broken BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION broken()"
            }
            (Beside::Postgres(_), false) => "DROP TRIGGER broken ON audit_events",
        };
        self.beside.query(sql).await;
    }

    /// The owner does this.
    async fn step(
        &mut self,
        operation: &'static str,
        at: &[&str],
        body: Value,
        entry: (&str, &str),
    ) -> Value {
        let owner = self.app.owner.clone();
        let who = ("personalAccessToken", self.app.owner_id.to_string());
        self.step_as(&owner, who, operation, at, body, entry).await
    }

    /// Somebody does this: nothing comes of it without an entry, and with it exactly one, which says
    /// that the caller did this to that (`{new}` is the id in the reply, `?` one that is not). Returns
    /// the reply.
    async fn step_as(
        &mut self,
        caller: &Client,
        who: (&str, String),
        operation: &'static str,
        at: &[&str],
        body: Value,
        (action, resource): (&str, &str),
    ) -> Value {
        let spec = self.specs.iter().find(|spec| spec.id == operation).expect("an operation").clone();
        let mut values = at.iter();
        let filled = |segment: &str| {
            if segment.starts_with('{') {
                *values.next().expect("a value for each parameter")
            } else {
                segment
            }
            .to_owned()
        };
        let path = spec.path.split('/').map(filled).collect::<Vec<_>>().join("/");
        let body = (spec.method != Method::DELETE).then_some(body);

        let before = self.beside.dump().await;
        self.break_log(true).await;
        let failed = caller.unchecked().call(spec.method.clone(), &path, body.clone()).await;
        assert_eq!(failed.status, 500, "[{operation}] answered {}", failed.text);
        assert!(!failed.text.contains("full"), "the client learns no more than that: {}", failed.text);
        self.break_log(false).await;
        let after = self.beside.dump().await;
        assert!(before == after, "[{operation}] left something behind without an entry in the log");

        let reply = caller.call(spec.method.clone(), &path, body).await;
        assert_eq!(reply.status, spec.reply.status, "[{operation}] answered {}", reply.text);
        let entries = self.beside.query(ENTRIES).await;
        let new = &entries[before["audit_events"].len()..];
        let [entry] = new else { panic!("[{operation}] left {} entries: {new:?}", new.len()) };
        let resource = resource.replace("{new}", reply.body["id"].as_str().unwrap_or_default());
        self.check_entry(&reply, entry, who, &path, action, &resource);
        for member in ["token", "konnect_token", "link", "api_key"] {
            self.secrets.extend(reply.body[member].as_str().map(str::to_owned));
        }
        self.done.insert(operation);
        reply.body
    }

    fn check_entry(
        &self,
        reply: &Answer,
        entry: &str,
        who: (&str, String),
        path: &str,
        action: &str,
        resource: &str,
    ) {
        let entry: Value = serde_json::from_str(entry).expect("JSON");
        let org = self.app.org;
        let colon = if resource.is_empty() { "" } else { ":" };
        let regional =
            ["dcr-providers/", "application-auth-strategies/", "portals/", "apis/", "api-products/"];
        let (service, region) = match regional.iter().any(|kind| resource.starts_with(kind)) {
            true => ("konnect", "us"),
            false => ("identity", "*"),
        };
        let mut krn = format!("krn:{service}:reg/{region}:org/{org}{colon}{resource}");
        if krn.ends_with("/?") {
            krn.truncate(krn.len() - 1);
            krn.push_str(text(&entry, "resource").strip_prefix(&krn).expect("the resource"));
        }
        let expected = json!({
            "type": "authorization", "service": service, "resource": krn, "action": action, "granted": true,
            "org_id": org, "ts": entry["ts"], "principal_id": who.1, "actor_id": "", "client_ip": "127.0.0.1",
            "uri": path, "user_agent": "", "trace_id": reply.header("x-request-id"),
            "credential": { "type": who.0, "id": entry["credential"]["id"] }, "change": entry["change"],
        });
        assert_eq!(entry, expected);
        assert!(entry["change"].is_object(), "{entry}");
        let shown = &entry["change"]["after"];
        if shown["id"] == reply.body["id"] && !shown["id"].is_null() {
            let mut body = reply.body.clone();
            for secret in ["token", "konnect_token"] {
                body.as_object_mut().map(|body| body.remove(secret));
            }
            let mut shown = shown.clone();
            // Of portals and applications the log speaks as the newer API does; what both have is the same.
            if let (Some(old), Some(new)) = (body.as_object_mut(), shown.as_object_mut())
                && (old.contains_key("is_public") || path.starts_with("/api/v2/"))
            {
                new.retain(|name, _| old.contains_key(name));
                old.retain(|name, _| new.contains_key(name));
                assert!(new.len() >= 5, "{new:?}");
            }
            assert_eq!(shown, body, "what the log says became of it is what the client was told");
        }
    }
}

/// Users, teams, roles.
async fn people(day: &mut Day) {
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
async fn machines(day: &mut Day) {
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
async fn rules(day: &mut Day) {
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
async fn providers(day: &mut Day) {
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

/// DCR providers and strategies.
async fn application_auth(day: &mut Day) {
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
async fn publishing(day: &mut Day) {
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
async fn applications(day: &mut Day) {
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

/// Products, their versions, and versions in portals.
async fn products(day: &mut Day) {
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

on_both! {
    /// One of every operation that changes something. A new one that is missing here fails the test.
    async fn every_change_leaves_one_entry_or_does_not_happen(engine: Engine) {
        let mut day = Day::begin(engine).await;
        people(&mut day).await;
        machines(&mut day).await;
        rules(&mut day).await;
        providers(&mut day).await;
        application_auth(&mut day).await;
        publishing(&mut day).await;
        applications(&mut day).await;
        products(&mut day).await;
        // What signing in and out leaves behind is told where it is told how that works.
        let elsewhere = [
            "accept-invite",
            "authenticate",
            "authenticate-kauth",
            "check-gateway-access",
            "create-password-reset-kauth",
            // So is what callers of the bridge had done, in the story of the bridge.
            "dcr-bridge-create-client",
            "dcr-bridge-delete-client",
            "dcr-bridge-event-hook",
            "dcr-bridge-new-secret",
            "delete-user-mfas",
            "delete-users-me",
            "developer-logout",
            "forgot-password",
            "introspect-token",
            "logout",
            "patch-oauth-device-confirm",
            "patch-password-reset-kauth",
            "patch-users-me-password",
            "post-auth0-register-internal",
            "post-auth0-user-mfa-settings-internal",
            "post-oauth-device-authorize",
            "post-oauth-device-authorize-user",
            "post-oauth-device-token",
            "refresh",
            "refresh-application-token",
            "regenerate-application-secret",
            "refresh-token",
            "refresh-token-kauth",
            "register",
            "register-kauth",
            "reset-password",
            "revoke-token",
            "saml-acs",
            "verify-email",
            "verify-email-kauth",
        ];
        let changing = day.specs.iter().filter(|spec| spec.method != Method::GET && !spec.page).map(|spec| spec.id);
        let changing = changing.filter(|id| !elsewhere.contains(id));
        assert_eq!(day.done, changing.collect::<BTreeSet<_>>());
        for secret in &day.secrets {
            let secret = secret.rsplit('=').next().unwrap_or_default();
            assert_eq!(day.app.database.holding(secret).await, [""; 0], "a secret lies in the database");
        }
    }
}

on_both! {
    /// What changes nothing leaves nothing; what follows from a change is told of as well.
    async fn no_more_and_no_less(engine: Engine) {
        let app = TestApp::new(engine).await;
        let count = async || app.database.query(ENTRIES).await.len();
        let tokens = format!("/v3/users/{}/access-tokens", app.owner_id);
        let token = app.owner.post(&tokens, json!({ "name": "ab", "ttl_seconds": 86_400 })).await.expect(201);
        let revoke = format!("{tokens}/{}/revoke", id(&token));
        app.owner.patch(&revoke, json!({})).await.expect(200);
        let before = count().await;
        app.owner.patch(&revoke, json!({})).await.expect(200);
        app.owner.post("/v3/teams", json!({ "name": "" })).await.expect(400);
        app.owner.post("/v3/invites", json!({ "email": "owner@acme.test" })).await.expect(409);
        app.owner.delete(&format!("/v3/users/{}", app.owner_id)).await.expect(409);
        app.owner.get("/v3/users").await.expect(200);
        assert_eq!(count().await, before);

        let config = json!({ "issuer_url": "https://issuer.test", "client_id": "latchkey" });
        let provider = json!({ "type": "oidc", "config": config });
        let provider = app.owner.post("/v3/identity-providers", provider).await.expect(201);
        let only_oidc = json!({ "oidc_auth_enabled": true, "basic_auth_enabled": false });
        app.owner.patch("/v3/authentication-settings", only_oidc).await.expect(200);
        app.owner.delete(&format!("/v3/identity-providers/{}", id(&provider))).await.expect(204);
        let entries = app.database.query(ENTRIES).await;
        let [.., settings, deletion] = entries.as_slice() else { panic!("{entries:?}") };
        let settings: Value = serde_json::from_str(settings).unwrap();
        assert!(text(&settings, "resource").ends_with(":authentication-settings"));
        assert_eq!(settings["change"]["before"]["basic_auth_enabled"], false);
        assert_eq!(settings["change"]["after"]["basic_auth_enabled"], true);
        assert!(deletion.contains("identity-providers/"));
        assert_eq!(count().await, before + 4);
    }
}
