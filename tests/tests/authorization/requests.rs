//! For every operation a smallest valid request, on objects made for it.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use http::Method;
use kernel::{SystemAccountId, UserId};
use serde_json::{Value, json};
use tests::{Answer, Client, Developer, Discovery, Site, TestApp, key_of, unconfirmed_client};
use tokio::sync::OnceCell;

use crate::operations::Operation;

/// Whom a request is about, where it is about a user or a system account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Somebody made for it.
    Anyone,
    /// This user.
    User(UserId),
    /// This system account.
    Account(SystemAccountId),
}

/// A request.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    /// Whether the body is sent as a form.
    pub form: bool,
    /// The host that it is sent to, if that is a portal's.
    pub host: Option<String>,
    /// The ids of objects that it names, the path's first.
    pub ids: Vec<String>,
    /// Whether one of them is a user's.
    pub names_user: bool,
    /// Whether one of them is a system account's.
    pub names_account: bool,
}

impl Request {
    /// Whether it is about such a subject.
    pub const fn names(&self, subject: Subject) -> bool {
        match subject {
            Subject::Anyone => true,
            Subject::User(_) => self.names_user,
            Subject::Account(_) => self.names_account,
        }
    }

    /// The same request with other ids.
    pub fn with(&self, ids: &[(&str, &str)]) -> Self {
        let mut path = self.path.clone();
        let mut body = self.body.as_ref().map(Value::to_string);
        for (from, to) in ids {
            path = path.replace(from, to);
            body = body.map(|body| body.replace(from, to));
        }
        let body = body.map(|body| serde_json::from_str(&body).expect("an id is replaced by an id"));
        Self { path, body, ..self.clone() }
    }

    /// Sends it. A reply that the operation does not declare is an error here, so that one does not hide
    /// what comes after it.
    pub async fn send(&self, client: &Client) -> Result<Answer, String> {
        let client = self.host.as_deref().map_or_else(|| client.clone(), |host| client.at_host(host));
        let Self { method, path, body, form, .. } = self.clone();
        let sent = tokio::spawn(async move {
            match body.as_ref().and_then(Value::as_object).filter(|_| form) {
                Some(fields) => {
                    let fields: Vec<(&str, &str)> = fields
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
                        .collect();
                    client.form(&path, &fields).await
                }
                None => client.call(method, &path, body).await,
            }
        })
        .await;
        sent.map_err(|failed| match failed.try_into_panic() {
            Ok(panic) => {
                panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "the call panicked".to_owned())
            }
            Err(failed) => failed.to_string(),
        })
    }
}

/// How long tokens made for requests are good.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// Makes requests in one organization.
pub struct Maker<'a> {
    pub app: &'a TestApp,
    next: AtomicU32,
    door: OnceCell<(String, Discovery)>,
    site: OnceCell<(Site, Developer)>,
}

impl<'a> Maker<'a> {
    /// Sets up what operations without a path parameter need.
    pub async fn new(app: &'a TestApp) -> Self {
        let maker = Self { app, next: AtomicU32::new(1), door: OnceCell::new(), site: OnceCell::new() };
        let provider = maker.object("/v3/identity-providers", Subject::Anyone).await;
        let mappings = format!("/v3/identity-providers/{provider}/team-group-mappings");
        maker.object(&mappings, Subject::Anyone).await;
        let list = format!("/v3/organizations/{}/ip-allow-list", app.org);
        app.owner.put(&list, json!({ "enabled": false, "allowed_ips": ["127.0.0.1"] })).await.expect(201);
        maker
    }

    /// A request for the operation.
    pub async fn request(&self, operation: &Operation, subject: Subject) -> Request {
        let mut request = Request {
            method: operation.method.clone(),
            path: String::new(),
            body: None,
            form: operation.form,
            host: None,
            ids: Vec::new(),
            names_user: false,
            names_account: false,
        };
        if operation.at_portal() {
            request.host = Some(self.site().await.host.clone());
        }
        for segment in operation.path.split('/').skip(1) {
            let part = if segment == "{organizationLoginPath}" {
                self.login_path(operation.id.starts_with("saml-")).await
            } else if segment.starts_with('{') {
                self.name_object(&mut request, subject).await
            } else {
                segment.to_owned()
            };
            request.path = format!("{}/{part}", request.path);
        }
        if operation.takes_body {
            request.body = Some(self.body(&operation.id, &mut request, subject).await);
        }
        if operation.id == "delete-user-mfas" {
            // Who has no password has no second factors here.
            let user = self.app.owner.get(request.path.trim_end_matches("/mfa")).await.expect(200);
            self.app.set_password(user["email"].as_str().expect("an address"), "Correct-Horse-7").await;
        }
        if operation.id == "get-users-internal" {
            request.path.push_str("?aid=auth0%7C1");
        }
        request
    }

    /// Where the organization's people sign in. It is nobody's secret, so it is no id of ours.
    async fn login_path(&self, saml: bool) -> String {
        if saml {
            let config = json!({ "idp_metadata_url": "https://idp.test/metadata" });
            let provider = json!({ "type": "saml", "login_path": self.name("path"), "config": config });
            self.post("/v3/identity-providers", provider.clone()).await;
            return provider["login_path"].as_str().expect("a path").to_owned();
        }
        let set_up = async {
            let discovery = Discovery::serve().await;
            let mut provider = self.provider();
            provider["enabled"] = json!(true);
            provider["config"]["issuer_url"] = json!(discovery.issuer);
            self.post("/v3/identity-providers", provider.clone()).await;
            let settings = json!({ "oidc_auth_enabled": true });
            self.app.owner.patch("/v3/authentication-settings", settings).await.expect(200);
            (provider["login_path"].as_str().expect("a path").to_owned(), discovery)
        };
        self.door.get_or_init(|| set_up).await.0.clone()
    }

    /// A portal, and one of its developers, whose name ends with the mark.
    async fn at_portal(&self) -> &(Site, Developer) {
        let made = async {
            let site = self.app.portal(&self.name("Portal"), json!({})).await;
            let developer = self.app.developer(&site, &self.address()).await;
            (site, developer)
        };
        self.site.get_or_init(|| made).await
    }

    /// The portal that requests are sent to.
    pub async fn site(&self) -> &Site {
        &self.at_portal().await.0
    }

    /// A developer of that portal, signed in.
    pub async fn developer(&self) -> &Developer {
        &self.at_portal().await.1
    }

    /// Names an object of the collection that the request's path has come to.
    async fn name_object(&self, request: &mut Request, subject: Subject) -> String {
        let collection = request.path.clone();
        let id = self.object(&collection, subject).await;
        request.names_user |= collection.ends_with("/users");
        request.names_account |= collection.ends_with("/system-accounts");
        request.ids.push(id.clone());
        id
    }

    /// The id of an object in a collection: a new one, unless it is the subject.
    pub async fn object(&self, collection: &str, subject: Subject) -> String {
        match (collection, collection.rsplit('/').next().unwrap_or_default()) {
            ("/v3/organizations", _) => self.app.org.to_string(),
            ("/v3/teams", _) => self.team().await,
            ("/v3/users", _) => self.user(subject).await.to_string(),
            ("/v3/system-accounts", _) => self.account(subject).await,
            ("/v3/internal/system-accounts", _) => self.managed_account(subject).await,
            ("/v3/identity-providers", _) => self.post(collection, self.provider()).await,
            ("/v2/dcr-providers", _) => self.post(collection, self.dcr_provider()).await,
            ("/v2/application-auth-strategies", _) => {
                let provider = self.post("/v2/dcr-providers", self.dcr_provider()).await;
                self.post(collection, self.strategy(&provider)).await
            }
            ("/v3/portals", _) => self.post(collection, self.portal()).await,
            ("/v3/apis", _) => self.post(collection, self.api()).await,
            ("/v3/api-publications", _) => {
                let api = self.post("/v3/apis", self.api()).await;
                self.published(&format!("/v3/apis/{api}/publications")).await
            }
            ("/v3/api-implementations", _) => {
                let api = self.post("/v3/apis", self.api()).await;
                self.post(&format!("/v3/apis/{api}/implementations"), self.implementation()).await
            }
            (_, "implementations") => self.post(collection, self.implementation()).await,
            ("/api/v3/developer/teams", _) => self.own_team().await,
            ("/v3/applications" | "/v2/applications", _) => {
                let portal = self.post("/v3/portals", self.portal()).await;
                self.application(&format!("/v3/portals/{portal}/applications")).await
            }
            ("/api/v3/apis", _) => self.published_in(&self.site().await.id).await,
            ("/api/v3/applications" | "/api/v2/applications", _) => {
                self.own(collection, json!({ "name": self.name("Application") })).await
            }
            (_, "applications") => self.application(collection).await,
            (_, "credentials") if collection.starts_with("/api/v3/") => {
                self.own(collection, json!({ "display_name": self.name("Key") })).await
            }
            // Only its developer makes one, so it is made behind the organization's back.
            (_, "credentials") => {
                let application = collection.trim_end_matches("/credentials");
                key_of(self.app, application.rsplit('/').next().expect("an application"), &self.name("Key"))
                    .await
            }
            (_, "registrations") if collection.starts_with("/api/v3/") => {
                let api = self.published_in(&self.site().await.id).await;
                self.own(collection, json!({ "api_id": api })).await
            }
            (_, "registrations") => {
                let portal = collection.split('/').nth(3).expect("a portal");
                let api = self.published_in(portal).await;
                self.post(collection, json!({ "api_id": api })).await
            }
            (_, "application-registrations") => {
                let portal = collection.trim_end_matches("/application-registrations");
                let application = self.application(&format!("{portal}/applications")).await;
                let api = self.published_in(portal.rsplit('/').next().expect("a portal")).await;
                let registrations = format!("{portal}/applications/{application}/registrations");
                self.post(&registrations, json!({ "api_id": api })).await
            }
            ("/api/v3/application-auth-strategies" | "/api/v2/applications/auth-strategies", _) => {
                let strategy = self.strategy_of_keys().await;
                let api = self.post("/v3/apis", self.api()).await;
                let path = format!("/v3/apis/{api}/publications/{}", self.site().await.id);
                let with = json!({ "auth_strategy_ids": [strategy] });
                self.app.owner.put(&path, with).await.expect(200);
                strategy
            }
            (_, "clients") => self.client(collection).await,
            (_, "bridge-keys") => self.post(collection, json!({ "name": self.name("Key") })).await,
            ("/dcr-bridge", _) => self.post("/v2/dcr-providers", self.dcr_provider()).await,
            (_, provider) if collection.starts_with("/dcr-bridge/") => {
                self.client(&format!("/v2/dcr-providers/{provider}/clients")).await
            }
            (_, "developers") if collection.contains("/teams/") => {
                let (portal, team) = collection.rsplit_once("/teams/").expect("a team");
                let own = format!("/v3/portals/{}", self.site().await.id);
                let portal = if portal == "/api/v3/developer" { own.as_str() } else { portal };
                let mut developer = self.new_developer();
                developer["status"] = json!("approved");
                let developer = self.post(&format!("{portal}/developers"), developer).await;
                self.joined(&format!("{portal}/teams/{team}"), developer).await
            }
            // Those who have an application are its owner.
            (_, "developers") if collection.contains("/applications/") => {
                let application = collection.trim_end_matches("/developers");
                let (portal, _) = application.rsplit_once("/applications/").expect("a portal");
                let mut developer = self.new_developer();
                developer["status"] = json!("approved");
                let developer = self.post(&format!("{portal}/developers"), developer).await;
                let owner = json!({ "owner": { "type": "developer", "id": developer } });
                self.app.owner.patch(application, owner).await.expect(200);
                developer
            }
            (_, "developers") => self.post(collection, self.new_developer()).await,
            (_, "teams") if collection.contains("/developers/") => self.joining_portal_team(collection).await,
            (_, "teams") if collection.starts_with("/v3/portals/") => {
                self.post(collection, self.new_portal_team()).await
            }
            (_, "publications") => self.published(collection).await,
            ("/v2/portals", _) => self.post(collection, self.portal()).await,
            ("/v2/api-products", _) => self.post(collection, self.product()).await,
            (_, "products") => {
                let mut product = self.product();
                product["portal_ids"] = json!([collection.split('/').nth(3).expect("a portal")]);
                self.post("/v2/api-products", product).await
            }
            (_, "product-versions") if collection.starts_with("/v2/portals/") => {
                let version = self.product_version().await;
                self.post(collection, Self::version_in_portal(Some(&version), None)).await;
                version
            }
            (_, "product-versions") => self.post(collection, json!({ "name": self.name("v") })).await,
            (_, "users") => self.joined(collection, self.user(subject).await.to_string()).await,
            (_, "system-accounts") => self.joined(collection, self.account(subject).await).await,
            (_, "teams") => self.joining(collection).await,
            (_, "assigned-roles") => self.post(collection, self.role()).await,
            (_, "team-group-mappings") => self.post(collection, self.mapping().await).await,
            (_, "access-tokens") if collection.starts_with("/v3/users/") => {
                self.personal_token(collection).await
            }
            (_, "access-tokens") => self.post(collection, self.system_token()).await,
            _ => panic!("nobody says how to make an object of {collection}"),
        }
    }

    pub async fn post(&self, collection: &str, body: Value) -> String {
        let made = self.app.owner.post(collection, body).await.expect(201);
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Publishes the API whose publications the collection is; the portal's id.
    async fn published(&self, collection: &str) -> String {
        let portal = self.post("/v3/portals", self.portal()).await;
        self.app.owner.put(&format!("{collection}/{portal}"), json!({})).await.expect(200);
        portal
    }

    /// Makes an object as the developer of the portal that requests are sent to.
    async fn own(&self, collection: &str, body: Value) -> String {
        let made = self.developer().await.client.post(collection, body).await.expect(201);
        made["id"].as_str().expect("an id").to_owned()
    }

    /// An API that is published in a portal, with the strategy that the portal has.
    pub async fn published_in(&self, portal: &str) -> String {
        let api = self.post("/v3/apis", self.api()).await;
        let path = format!("/v3/apis/{api}/publications/{portal}");
        self.app.owner.put(&path, json!({})).await.expect(200);
        api
    }

    /// An application of a new developer, in the portal whose applications the collection is.
    async fn application(&self, collection: &str) -> String {
        // They are made by the newer version of the API.
        let collection = collection.replacen("/v2/", "/v3/", 1);
        let portal = collection.trim_end_matches("/applications");
        let developer = self.post(&format!("{portal}/developers"), self.new_developer()).await;
        let owner = json!({ "type": "developer", "id": developer });
        self.post(&collection, json!({ "name": self.name("Application"), "owner": owner })).await
    }

    /// A client of the provider whose clients the collection is. No provider has it, so it is noted behind the
    /// API's back, as one of which nobody knows whether it was made.
    async fn client(&self, collection: &str) -> String {
        let provider = collection.split('/').nth(3).and_then(|id| id.parse().ok()).expect("a provider");
        unconfirmed_client(self.app, provider, &self.name("Client")).await
    }

    pub async fn team(&self) -> String {
        self.post("/v3/teams", json!({ "name": self.name("Team") })).await
    }

    /// Adds somebody to the team whose members the collection is.
    async fn joined(&self, collection: &str, id: String) -> String {
        self.app.owner.post(collection, json!({ "id": id })).await.expect(201);
        id
    }

    /// A team for the user or the system account whose teams the collection is.
    async fn joining(&self, collection: &str) -> String {
        let segments: Vec<&str> = collection.split('/').collect();
        let [_, _, kind, id, _] = segments[..] else { panic!("{collection} is nobody's teams") };
        let team = self.team().await;
        self.joined(&format!("/v3/teams/{team}/{kind}"), id.to_owned()).await;
        team
    }

    pub async fn user(&self, subject: Subject) -> UserId {
        match subject {
            Subject::User(id) => id,
            _ => self.app.member(&self.address()).await.id,
        }
    }

    pub async fn account(&self, subject: Subject) -> String {
        match subject {
            Subject::Account(id) => id.to_string(),
            _ => {
                self.post(
                    "/v3/system-accounts",
                    json!({ "name": self.name("Account"), "description": self.name("For") }),
                )
                .await
            }
        }
    }

    async fn managed_account(&self, subject: Subject) -> String {
        match subject {
            Subject::Account(id) => id.to_string(),
            _ => {
                self.post(
                    "/v3/system-accounts",
                    json!({ "name": self.name("Zone"), "konnect_managed": true }),
                )
                .await
            }
        }
    }

    /// Only a user makes a token of its own, so it is made behind the API's back.
    async fn personal_token(&self, collection: &str) -> String {
        let user = collection.split('/').nth(3).and_then(|id| id.parse().ok()).expect("a user's collection");
        self.app.token_of(user, MONTH).await;
        let tokens = self.app.owner.get(collection).await.expect(200);
        let newest = tokens["data"].as_array().and_then(|tokens| tokens.last()).expect("a token");
        newest["id"].as_str().expect("an id").to_owned()
    }

    /// A name that nothing else has, in this organization or another.
    pub fn name(&self, what: &str) -> String {
        format!("{what}{}{}", self.next.fetch_add(1, Ordering::Relaxed), self.mark())
    }

    /// What all names that were made in this organization end with.
    pub fn mark(&self) -> String {
        let org = self.app.org.uuid().simple().to_string();
        format!("x{}", &org[20..])
    }

    pub fn address(&self) -> String {
        format!("{}@acme.test", self.name("user"))
    }

    /// An id that nothing has.
    pub fn nothing(&self) -> String {
        self.app.app.new_id::<()>(self.app.org).to_string()
    }

    pub fn role(&self) -> Value {
        json!({
            "role_name": "Viewer", "entity_type_name": "Control Planes", "entity_region": "us",
            "entity_id": self.nothing(),
        })
    }

    pub fn provider(&self) -> Value {
        json!({
            "type": "oidc", "login_path": self.name("path"),
            "config": { "issuer_url": "https://idp.test", "client_id": self.name("client") },
        })
    }

    pub fn dcr_provider(&self) -> Value {
        json!({
            "name": self.name("Provider"), "provider_type": "auth0",
            "issuer": format!("https://idp.test/{}", self.name("tenant")),
            "dcr_config": {
                "initial_client_id": self.name("client"), "initial_client_secret": "secret",
                "initial_client_audience": self.name("audience"),
            },
        })
    }

    pub fn strategy(&self, provider: &str) -> Value {
        let openid_connect = json!({
            "issuer": "https://idp.test", "credential_claim": ["azp"], "scopes": [], "auth_methods": ["bearer"],
        });
        json!({
            "name": self.name("Strategy"), "display_name": self.name("For developers"), "dcr_provider_id": provider,
            "strategy_type": "openid_connect", "configs": { "openid-connect": openid_connect },
        })
    }

    pub fn portal(&self) -> Value {
        json!({ "name": self.name("Portal"), "description": self.name("For") })
    }

    pub fn new_developer(&self) -> Value {
        json!({ "email": self.address(), "full_name": self.name("Developer") })
    }

    pub fn new_portal_team(&self) -> Value {
        json!({ "name": self.name("Team"), "description": self.name("For") })
    }

    /// A team that the developer is in, whose teams the collection is.
    async fn joining_portal_team(&self, collection: &str) -> String {
        let (portal, developer) = collection.rsplit_once("/developers/").expect("a developer");
        let team = self.post(&format!("{portal}/teams"), self.new_portal_team()).await;
        let developer = developer.trim_end_matches("/teams").to_owned();
        self.joined(&format!("{portal}/teams/{team}/developers"), developer).await;
        team
    }

    /// A team of the portal that requests are sent to, with the developer of it in it.
    async fn own_team(&self) -> String {
        let (site, developer) = self.at_portal().await;
        self.joining_portal_team(&format!("{}/{}/teams", site.developers(), developer.id)).await
    }

    /// The token that a developer is mailed who is invited to the portal.
    pub async fn invitation(&self) -> String {
        let mut developer = self.new_developer();
        developer["send_invitation_email"] = json!(true);
        let made = self.app.owner.post(&self.site().await.developers(), developer).await.expect(201);
        self.app.mailed_token(made["email"].as_str().expect("an address")).await
    }

    pub fn product(&self) -> Value {
        json!({ "name": self.name("Product"), "description": self.name("For") })
    }

    /// The id of a version of a product of its own.
    pub async fn product_version(&self) -> String {
        let product = self.post("/v2/api-products", self.product()).await;
        let versions = format!("/v2/api-products/{product}/product-versions");
        self.post(&versions, json!({ "name": self.name("v") })).await
    }

    /// What is said of a version in a portal.
    pub fn version_in_portal(version: Option<&str>, strategy: Option<&str>) -> Value {
        let mut said = json!({
            "publish_status": "published", "auth_strategy_ids": strategy.into_iter().collect::<Vec<_>>(),
            "application_registration_enabled": false, "auto_approve_registration": false, "deprecated": false,
        });
        if let Some(version) = version {
            said["product_version_id"] = json!(version);
        }
        said
    }

    pub fn api(&self) -> Value {
        json!({ "name": self.name("API"), "version": self.name("v") })
    }

    /// A link to a service that no other API is.
    pub fn implementation(&self) -> Value {
        json!({ "service": { "id": self.nothing(), "control_plane_id": self.nothing() } })
    }

    pub fn system_token(&self) -> Value {
        let expires_at = self.app.app.clock.now(self.app.org).plus(MONTH);
        json!({ "name": self.name("Token"), "expires_at": expires_at })
    }

    async fn mapping(&self) -> Value {
        json!({ "team_id": self.team().await, "group": self.name("group") })
    }
}
