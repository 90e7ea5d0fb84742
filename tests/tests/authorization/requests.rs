//! For every operation a smallest valid request, on objects made for it.

use std::sync::atomic::AtomicU32;

use http::Method;
use kernel::{SystemAccountId, UserId};
use serde_json::{Value, json};
use tests::{Answer, Client, Developer, Discovery, Site, TestApp, key_of, registration_of};
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

/// Makes requests in one organization.
pub struct Maker<'a> {
    pub app: &'a TestApp,
    pub next: AtomicU32,
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
    pub async fn at_portal(&self) -> &(Site, Developer) {
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
            (_, "applications") if collection.starts_with("/api/v3/apis/") => {
                let application =
                    self.own("/api/v3/applications", json!({ "name": self.name("Application") })).await;
                let asked = json!({ "api_id": collection.split('/').nth(4).expect("an API") });
                self.own(&format!("/api/v3/applications/{application}/registrations"), asked).await;
                application
            }
            // Those that are registered for a version.
            (_, "applications") if collection.starts_with("/api/v2/products/") => {
                let application =
                    self.own("/api/v2/applications", json!({ "name": self.name("Application") })).await;
                let version = collection.split('/').nth(6).expect("a version");
                let asked = json!({ "product_version_id": version });
                self.own(&format!("/api/v2/applications/{application}/registrations"), asked).await;
                application
            }
            (_, "applications") => self.application(collection).await,
            (_, "credentials") if collection.starts_with("/api/") => {
                self.own(collection, json!({ "display_name": self.name("Key") })).await
            }
            // Only its developer makes one, so it is made behind the organization's back.
            (_, "credentials") => {
                let application = collection.trim_end_matches("/credentials");
                key_of(self.app, application.rsplit('/').next().expect("an application"), &self.name("Key"))
                    .await
            }
            (_, "registrations") if collection.starts_with("/api/v2/") => {
                let (_, version) = self.version_published_in(&self.site().await.id).await;
                self.own(collection, json!({ "product_version_id": version })).await
            }
            (_, "registrations") if collection.starts_with("/api/v3/") => {
                let api = self.published_in(&self.site().await.id).await;
                self.own(collection, json!({ "api_id": api })).await
            }
            // Only a developer asks for one, so it is made behind the organization's back.
            (_, "registrations") if collection.starts_with("/v2/") => {
                let mut parts = collection.split('/').skip(3);
                let (portal, application) =
                    (parts.next().expect("a portal"), parts.nth(1).expect("an application"));
                let (_, version) = self.version_published_in(portal).await;
                registration_of(self.app, portal, application, &version).await
            }
            (_, "registrations") => {
                let portal = collection.split('/').nth(3).expect("a portal");
                let api = self.published_in(portal).await;
                self.post(collection, json!({ "api_id": api })).await
            }
            (_, "application-registrations") => {
                let portal = collection.trim_end_matches("/application-registrations");
                let newer = portal.replace("/v2/", "/v3/");
                let application = self.application(&format!("{newer}/applications")).await;
                let registrations = format!("{portal}/applications/{application}/registrations");
                Box::pin(self.object(&registrations, subject)).await
            }
            ("/api/v2/products", _) => self.version_published_in(&self.site().await.id).await.0,
            (_, "versions") => {
                let product = collection.split('/').nth(4).expect("a product");
                self.version_of(product, &self.site().await.id).await
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
            // They are made by the newer version of the API.
            (_, "developers") => {
                self.post(&collection.replacen("/v2/", "/v3/", 1), self.new_developer()).await
            }
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
            // Those that an application of the developer is registered for.
            (_, "product-versions") if collection.starts_with("/api/v2/") => {
                let (_, version) = self.version_published_in(&self.site().await.id).await;
                let registrations = collection.replace("product-versions", "registrations");
                self.own(&registrations, json!({ "product_version_id": version })).await;
                version
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
            (_, "assigned-roles") if collection.starts_with("/v3/portals/") => {
                let api = self.post("/v3/apis", self.api()).await;
                self.post(collection, Self::portal_role(&api)).await
            }
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
}
