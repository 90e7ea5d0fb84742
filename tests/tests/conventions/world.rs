//! An organization in which there is one of everything, so that every operation finds what its path
//! names.

use std::{any::Any, collections::BTreeMap, time::Duration};

use http::Method;
use serde_json::{Value, json};
use tests::{Client, Engine, Resolver, TestApp};

use crate::{
    applications::{applications, versions_registered},
    findings::{Findings, brief},
    operations::{self, Operation},
    reply::Reply,
};

/// An id that nothing has.
pub const NOBODY: &str = "7f9fd312-a987-4628-b4c5-bb4f4fddd5f7";

/// An organization with one of everything.
pub struct World {
    /// The server.
    pub app: TestApp,
    service: Client,
    session: Client,
    pub developer: Client,
    ids: BTreeMap<&'static str, String>,
    _resolver: Resolver,
}

/// A request to an operation.
pub struct Request<'r> {
    /// What is special about it.
    pub what: &'r str,
    /// Its path and query.
    pub path: &'r str,
    /// Its headers.
    pub headers: &'r [(&'r str, &'r str)],
    /// Its body.
    pub body: Vec<u8>,
}

/// The header of a JSON body.
pub const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

impl<'r> Request<'r> {
    /// One without a body.
    pub fn plain(what: &'r str, path: &'r str) -> Self {
        Self { what, path, headers: &[], body: Vec::new() }
    }

    /// One with a JSON body, or what passes for one.
    pub fn json(what: &'r str, path: &'r str, body: impl Into<Vec<u8>>) -> Self {
        Self { what, path, headers: JSON, body: body.into() }
    }
}

/// A configuration of each type of DCR provider, with every field.
pub fn dcr_configs() -> [(&'static str, Value); 5] {
    let client = json!({ "initial_client_id": "registrar", "initial_client_secret": "s3cret" });
    let mut auth0 = client.clone();
    auth0["initial_client_audience"] = json!("https://idp.example.test/api/v2/");
    auth0["use_developer_managed_scopes"] = json!(true);
    let http = json!({
        "dcr_base_url": "https://bridge.example.test/dcr", "api_key": "gYmrbDfu_7PTsZWH", "disable_event_hooks": true,
        "disable_refresh_secret": true, "allow_multiple_credentials": true,
    });
    [
        ("auth0", auth0),
        ("azureAd", client.clone()),
        ("curity", client),
        ("okta", json!({ "dcr_token": "abc123xyz098!" })),
        ("http", http),
    ]
}

/// A configuration of each type of strategy, with every field.
pub fn strategy_configs() -> [(&'static str, Value); 2] {
    let key_auth = json!({ "key_names": ["apikey", "x-api-key"], "ttl": { "value": 90, "unit": "days" } });
    let openid_connect = json!({
        "issuer": "https://idp.example.test", "credential_claim": ["azp"], "scopes": ["openid", "email"],
        "auth_methods": ["client_credentials", "bearer"], "cache_tokens": false,
    });
    [
        ("key_auth", json!({ "key-auth": key_auth })),
        ("openid_connect", json!({ "openid-connect": openid_connect })),
    ]
}

pub fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

impl World {
    /// Starts a server and makes one of everything.
    pub async fn new(engine: Engine) -> Self {
        let resolver = Resolver::serve().await;
        let app =
            TestApp::with(engine, &[&resolver.settings()[..], &[("REGISTRATION", "true")]].concat()).await;
        let service = app.service("mesh").await;
        let session = app.session_of(app.owner_id).await;
        let owner = &app.owner;
        let mut ids = BTreeMap::new();
        ids.insert("organization", app.org.to_string());
        ids.insert("owner", app.owner_id.to_string());
        let user = app.member("ann@acme.test").await.id;
        ids.insert("user", user.to_string());
        let team = owner.post("/v3/teams", json!({ "name": "Gateway", "labels": { "env": "prod" } })).await;
        let team = id(&team.expect(201));
        owner.post(&format!("/v3/teams/{team}/users"), json!({ "id": user })).await.expect(201);
        let account = app.system_account("robot").await.0;
        owner.post(&format!("/v3/teams/{team}/system-accounts"), json!({ "id": account })).await.expect(201);
        let tokens = owner.get(&format!("/v3/system-accounts/{account}/access-tokens")).await.expect(200);
        ids.insert("account token", id(&tokens["data"][0]));
        for (name, managed) in [("spare account", false), ("managed account", true)] {
            let body = json!({ "name": name, "description": "", "konnect_managed": managed });
            ids.insert(name, id(&owner.post("/v3/system-accounts", body).await.expect(201)));
        }
        let role = json!({ "role_name": "Viewer", "entity_type_name": "Control Planes", "entity_region": "eu", "entity_id": NOBODY });
        for (name, path) in [
            ("team role", format!("/v3/teams/{team}/assigned-roles")),
            ("user role", format!("/v3/users/{user}/assigned-roles")),
            ("account role", format!("/v3/system-accounts/{account}/assigned-roles")),
        ] {
            ids.insert(name, id(&owner.post(&path, role.clone()).await.expect(201)));
        }
        let oidc = json!({ "issuer_url": "https://accounts.example.test", "client_id": "latchkey" });
        let oidc = json!({ "type": "oidc", "enabled": true, "login_path": "acme", "config": oidc });
        let oidc = id(&owner.post("/v3/identity-providers", oidc).await.expect(201));
        let saml = json!({ "idp_metadata_url": "https://saml.example.test/metadata" });
        let saml = json!({ "type": "saml", "login_path": "acme-saml", "config": saml });
        let saml = id(&owner.post("/v3/identity-providers", saml).await.expect(201));
        app.set_password("ann@acme.test", "Correct-Horse-7").await;
        let link = "INSERT INTO subjects (subject, person_id) \
                    SELECT 'auth0|1', id FROM persons WHERE email = 'owner@acme.test'";
        app.database.beside().await.query(link).await;
        ids.insert("login path", "acme-saml".to_owned());
        // The older API shows the mappings of the provider that is enabled, and replaces them.
        for provider in [&oidc, &saml] {
            let mappings = format!("/v3/identity-providers/{provider}/team-group-mappings");
            let mapping = owner.post(&mappings, json!({ "team_id": team, "group": "gateway" })).await;
            ids.insert("mapping", id(&mapping.expect(201)));
        }
        let tokens = format!("/v3/users/{}/access-tokens", app.owner_id);
        let token = owner.post(&tokens, json!({ "name": "Laptop", "ttl_seconds": 86_400 })).await.expect(201);
        ids.insert("personal token", id(&token));
        let allowed = format!("/v3/organizations/{}/ip-allow-list", app.org);
        owner.put(&allowed, json!({ "enabled": false, "allowed_ips": ["10.0.0.0/8"] })).await.expect(201);
        for (kind, config) in dcr_configs() {
            let name = format!("Provider {kind}");
            let body = json!({ "name": name, "provider_type": kind, "issuer": "https://idp.example.test", "dcr_config": config });
            ids.insert(kind, id(&owner.post("/v2/dcr-providers", body).await.expect(201)));
        }
        let keys = format!("/v2/dcr-providers/{}/bridge-keys", ids["auth0"]);
        owner.post(&keys, json!({ "name": "one" })).await.expect(201);
        ids.insert("bridge key", id(&owner.post(&keys, json!({ "name": "two" })).await.expect(201)));
        for (kind, configs) in strategy_configs() {
            let body =
                json!({ "name": kind, "display_name": kind, "strategy_type": kind, "configs": configs });
            ids.insert(kind, id(&owner.post("/v2/application-auth-strategies", body).await.expect(201)));
        }
        ids.insert("api", id(&owner.post("/v3/apis", json!({ "name": "api" })).await.expect(201)));
        ids.insert("spare api", id(&owner.post("/v3/apis", json!({ "name": "spare" })).await.expect(201)));
        let linked = json!({ "service": { "id": ids["api"], "control_plane_id": NOBODY } });
        let implementations = format!("/v3/apis/{}/implementations", ids["api"]);
        let linked = owner.post(&implementations, linked).await.expect(201);
        ids.insert("implementation", id(&linked));
        let site = app.portal("portal", json!({})).await;
        let developer = app.developer(&site, "dev@dev.test").await;
        let spare = json!({ "email": "spare@dev.test", "full_name": "Spare" });
        ids.insert("spare developer", id(&owner.post(&site.developers(), spare).await.expect(201)));
        let teams = format!("/v3/portals/{}/teams", site.id);
        let portal_team = id(&owner.post(&teams, json!({ "name": "Mobile" })).await.expect(201));
        let members = format!("{teams}/{portal_team}/developers");
        owner.post(&members, json!({ "id": developer.id })).await.expect(201);
        ids.extend([("portal", site.id), ("developer", developer.id), ("portal team", portal_team)]);
        let published = format!("/v3/apis/{}/publications/{}", ids["api"], ids["portal"]);
        owner.put(&published, json!({})).await.expect(200);
        let roles = format!("/v3/portals/{}/teams/{}/assigned-roles", ids["portal"], ids["portal team"]);
        for region in ["eu", "us"] {
            let role = json!({
                "role_name": "API Viewer", "entity_id": ids["api"], "entity_type_name": "Services", "entity_region": region,
            });
            ids.insert("portal team role", id(&owner.post(&roles, role).await.expect(201)));
        }
        applications(&app, &mut ids, &developer.client).await;
        let older = json!({ "name": "older portal" });
        ids.insert("older portal", id(&owner.post("/v2/portals", older).await.expect(201)));
        let older = format!("/v3/portals/{}", ids["older portal"]);
        let someone = json!({ "email": "older@dev.test", "full_name": "Older" });
        let someone = id(&owner.post(&format!("{older}/developers"), someone).await.expect(201));
        let given = json!({ "name": "older", "owner": { "type": "developer", "id": someone } });
        let given = owner.post(&format!("{older}/applications"), given).await.expect(201);
        ids.extend([("older developer", someone), ("older application", id(&given))]);
        let product = json!({ "name": "Orders", "description": "Takes orders", "portal_ids": [ids["older portal"], ids["portal"]] });
        ids.insert("product", id(&owner.post("/v2/api-products", product).await.expect(201)));
        let versions = format!("/v2/api-products/{}/product-versions", ids["product"]);
        for (what, name) in [("version", "v1"), ("spare version", "v0")] {
            ids.insert(what, id(&owner.post(&versions, json!({ "name": name })).await.expect(201)));
        }
        let said = json!({
            "publish_status": "published", "product_version_id": ids["version"], "auth_strategy_ids": [],
            "application_registration_enabled": false, "auto_approve_registration": false, "deprecated": false,
        });
        let shown = format!("/v2/portals/{}/product-versions", ids["older portal"]);
        owner.post(&shown, said).await.expect(201);
        versions_registered(&app, &mut ids, &developer.client).await;
        ids.extend([("team", team), ("account", account.to_string()), ("oidc", oidc), ("saml", saml)]);
        Self { app, service, session, developer: developer.client, ids, _resolver: resolver }
    }

    /// Another identity provider, without mappings.
    pub async fn provider(&self) -> String {
        let config = json!({ "idp_metadata_url": "https://other.example.test/metadata" });
        let body = json!({ "type": "saml", "login_path": "other", "config": config });
        id(&self.app.owner.post("/v3/identity-providers", body).await.expect(201))
    }

    /// The id of what it has one of.
    pub fn id(&self, what: &str) -> &str {
        self.ids.get(what).unwrap_or_else(|| panic!("there is no {what}"))
    }

    /// When a token may expire, for a body.
    pub fn next_month(&self) -> Value {
        json!(self.app.app.clock.now(self.app.org).plus(Duration::from_secs(30 * 24 * 3600)))
    }

    /// Who calls an operation: the owner, or a platform service where people cannot; at a portal, a developer.
    pub fn caller(&self, operation: &Operation) -> &Client {
        let takes = |scheme: &str| operation.schemes.iter().any(|it| it == scheme);
        if operation.at_portal() {
            &self.developer
        } else if operation.schemes.is_empty() || takes("personalAccessToken") {
            &self.app.owner
        } else if takes("konnectAccessToken") {
            &self.session
        } else {
            &self.service
        }
    }

    /// Nobody, calling where an operation is served.
    pub fn stranger(&self, operation: &Operation) -> Client {
        let at = if operation.at_portal() { &self.developer } else { &self.app.owner };
        at.anonymous()
    }

    /// What a path parameter of a path names.
    pub fn parameter(&self, path: &str, name: &str) -> &str {
        let of_user = path.starts_with("/v3/users/");
        self.id(match name {
            "organizationId" => "organization",
            "organizationLoginPath" => "login path",
            "teamId" if path.starts_with("/v3/portals/") || path.starts_with("/api/") => "portal team",
            "teamId" => "team",
            "userId" if path.contains("/access-tokens") => "owner",
            "userId" => "user",
            "accountId" if path.starts_with("/v3/internal/") => "managed account",
            "accountId" => "account",
            "tokenId" if of_user => "personal token",
            "tokenId" => "account token",
            "roleId" if path.starts_with("/v3/portals/") => "portal team role",
            "roleId" if of_user => "user role",
            "roleId" if path.starts_with("/v3/teams/") => "team role",
            "roleId" => "account role",
            "id" if path.ends_with("/team-group-mappings/{id}") => "mapping",
            "idpId" => "saml",
            "dcrProviderId" if path.contains("/clients") => "curity",
            "dcrProviderId" => "auth0",
            "bridgeKeyId" => "bridge key",
            "applicationId" if path.starts_with("/v2/dcr-providers/") => "client",
            "applicationId" if path.starts_with("/api/") && path.contains("/credentials") => {
                "keyed application"
            }
            "applicationId" if path.starts_with("/api/v2/") => "older own application",
            "applicationId" if path.starts_with("/api/") => "own application",
            "applicationId" if path.starts_with("/v2/") => "older application",
            "applicationId" => "application",
            "registrationId" if path.starts_with("/api/v2/") => "older own registration",
            "registrationId" if path.starts_with("/api/") => "own registration",
            "registrationId" if path.starts_with("/v2/") => "older registration",
            "registrationId" => "registration",
            "credentialId" => "credential",
            "apiIdOrSlug" => "api",
            "authStrategyId" => "key_auth",
            "portalId" if path.starts_with("/v2/") => "older portal",
            "portalId" => "portal",
            "developerId" if path.starts_with("/v2/") => "older developer",
            "developerId" => "developer",
            "apiProductId" | "productId" => "product",
            "apiProductVersionId" | "productVersionId" => "version",
            "apiId" => "api",
            "implementationId" => "implementation",
            "id" => "oidc",
            // An operation that brings a parameter brings something for it to name.
            other => panic!("the world has nothing for the parameter {other} of {path}"),
        })
    }

    /// The path of an operation, with what the world has in place of each parameter.
    pub fn path(&self, operation: &Operation) -> String {
        self.path_with(operation, None)
    }

    /// The same, but for one parameter.
    pub fn path_with(&self, operation: &Operation, other: Option<(&str, &str)>) -> String {
        let segments = operation.path.split('/').map(|segment| {
            let Some(name) = segment.strip_prefix('{').and_then(|it| it.strip_suffix('}')) else {
                return segment;
            };
            match other {
                Some((parameter, value)) if parameter == name => value,
                _ => self.parameter(&operation.path, name),
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// Calls an operation. An error is a reply that is not as declared, or none at all.
    pub async fn call(&self, operation: &Operation, request: Request<'_>) -> Result<Reply, String> {
        self.call_as(self.caller(operation), &operation.method, request).await
    }

    /// Calls a path as somebody.
    pub async fn call_as(
        &self,
        caller: &Client,
        method: &Method,
        request: Request<'_>,
    ) -> Result<Reply, String> {
        let Request { path, headers, body, .. } = request;
        let (client, method, path) = (caller.clone(), method.clone(), path.to_owned());
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        // The client panics if nothing comes back or if it is not as declared; that is one finding of many.
        let sent = tokio::spawn(async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            client.send(method, &path, &headers, body).await
        });
        match sent.await {
            Ok(answer) => Ok(answer.into()),
            Err(broken) => Err(brief(&words(broken.into_panic()))),
        }
    }

    /// Wants a request refused with this status, and with complaints about just these fields if it is 400.
    pub async fn refused(
        &self,
        findings: &mut Findings,
        operation: &Operation,
        request: Request<'_>,
        status: u16,
        fields: &[&str],
    ) {
        let line = format!("{}: {}", operation.id, request.what);
        let reply = match self.call(operation, request).await {
            Ok(reply) => reply,
            Err(fault) => return findings.note(format!("{line}: {fault}")),
        };
        if reply.status != status {
            return findings.note(format!(
                "{line}: {} instead of {status}: {}",
                reply.status,
                brief(&reply.text)
            ));
        }
        for fault in reply.faults(operation.family()) {
            findings.note(format!("{line}: {fault}: {}", brief(&reply.text)));
        }
        if status == 400 {
            let good = fields.iter().all(|field| reply.fields().contains(field))
                && reply.fields().iter().all(|field| fields.contains(field));
            findings.want(good, || {
                format!(
                    "{line}: it complains of {:?} instead of {fields:?}: {}",
                    reply.fields(),
                    brief(&reply.text)
                )
            });
        }
    }

    /// Everything that GETs show, and every row that is stored.
    pub async fn state(&self) -> BTreeMap<String, Value> {
        let mut state = BTreeMap::new();
        for operation in operations::gets() {
            let query = match operation {
                _ if operation.takes("page[size]") => "?page[size]=1000",
                _ if operation.takes("aid") => "?aid=auth0%7C1",
                _ => "",
            };
            let path = format!("{}{query}", self.path(operation));
            let reply = self.call(operation, Request::plain("", &path)).await;
            let mut body = reply.map_or_else(Value::String, |reply| reply.body);
            forget_uses(&mut body);
            forget_refusals(&mut body);
            state.insert(operation.id.clone(), body);
        }
        // Of these tables GETs show everything but when a token was last used, which looking changes.
        let looked_at = ["personal_access_tokens", "system_account_tokens", "client_tokens"];
        let stored = self.app.database.dump().await;
        for (table, mut rows) in stored.into_iter().filter(|(table, _)| !looked_at.contains(&table.as_str()))
        {
            // PostgreSQL shows a row with its quotes doubled.
            rows.retain(|row| {
                let row = row.replace("\"\"", "\"");
                !row.contains("\"granted\":false") && !row.contains(LOOKED_AT)
            });
            state.insert(format!("table {table}"), json!(rows));
        }
        state
    }

    /// Wants the state to be what it was: nothing was written, not even in part.
    pub async fn unchanged(&self, findings: &mut Findings, before: &BTreeMap<String, Value>) {
        let after = self.state().await;
        for (what, is) in &after {
            let was = &before[what];
            findings.want(was == is, || {
                format!(
                    "something was written: {what} was {} and is {}",
                    brief(&was.to_string()),
                    brief(&is.to_string())
                )
            });
        }
    }
}

/// What whoever looks at it is written down for.
const LOOKED_AT: &str = ":gateway/configuration\"";

/// A refusal is written down, which changes nothing but the log of refusals; so is a look at what holds keys.
fn forget_refusals(body: &mut Value) {
    if let Some(entries) = body.get_mut("data").and_then(Value::as_array_mut) {
        entries.retain(|entry| {
            entry.get("granted") != Some(&json!(false))
                && !entry.get("resource").is_some_and(|it| it.to_string().ends_with(LOOKED_AT))
        });
    }
}

/// When a token was last used changes by looking.
fn forget_uses(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("last_used_at");
            map.values_mut().for_each(forget_uses);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_uses),
        _ => {}
    }
}

/// What a panic said.
fn words(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
