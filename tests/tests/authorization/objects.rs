//! The objects that requests name, and what bodies say of them.

use std::{sync::atomic::Ordering, time::Duration};

use kernel::UserId;
use serde_json::{Value, json};
use tests::unconfirmed_client;

use crate::requests::{Maker, Subject};

/// How long tokens made for requests are good.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

impl Maker<'_> {
    /// Publishes the API whose publications the collection is; the portal's id.
    pub async fn published(&self, collection: &str) -> String {
        let portal = self.post("/v3/portals", self.portal()).await;
        self.app.owner.put(&format!("{collection}/{portal}"), json!({})).await.expect(200);
        portal
    }

    /// Makes an object as the developer of the portal that requests are sent to.
    pub async fn own(&self, collection: &str, body: Value) -> String {
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

    /// A version of a product, put into a portal with the strategy that the portal has.
    pub async fn version_of(&self, product: &str, portal: &str) -> String {
        let versions = format!("/v2/api-products/{product}/product-versions");
        let version = self.post(&versions, json!({ "name": self.name("v") })).await;
        let shown = self.app.owner.get(&format!("/v3/portals/{portal}")).await.expect(200);
        let strategy = shown["default_application_auth_strategy_id"].as_str();
        let mut said = Self::version_in_portal(Some(&version), strategy);
        said["application_registration_enabled"] = json!(true);
        let path = format!("/v2/portals/{portal}/product-versions");
        self.app.owner.post(&path, said).await.expect(201);
        version
    }

    /// A product that is published in a portal, and a version of it that is.
    pub async fn version_published_in(&self, portal: &str) -> (String, String) {
        let mut product = self.product();
        product["portal_ids"] = json!([portal]);
        let product = self.post("/v2/api-products", product).await;
        let version = self.version_of(&product, portal).await;
        (product, version)
    }

    /// An application of a new developer, in the portal whose applications the collection is.
    pub async fn application(&self, collection: &str) -> String {
        // They are made by the newer version of the API.
        let collection = collection.replacen("/v2/", "/v3/", 1);
        let portal = collection.trim_end_matches("/applications");
        let developer = self.post(&format!("{portal}/developers"), self.new_developer()).await;
        let owner = json!({ "type": "developer", "id": developer });
        self.post(&collection, json!({ "name": self.name("Application"), "owner": owner })).await
    }

    /// A client of the provider whose clients the collection is. No provider has it, so it is noted behind the
    /// API's back, as one of which nobody knows whether it was made.
    pub async fn client(&self, collection: &str) -> String {
        let provider = collection.split('/').nth(3).and_then(|id| id.parse().ok()).expect("a provider");
        unconfirmed_client(self.app, provider, &self.name("Client")).await
    }

    pub async fn team(&self) -> String {
        self.post("/v3/teams", json!({ "name": self.name("Team") })).await
    }

    /// Adds somebody to the team whose members the collection is.
    pub async fn joined(&self, collection: &str, id: String) -> String {
        self.app.owner.post(collection, json!({ "id": id })).await.expect(201);
        id
    }

    /// A team for the user or the system account whose teams the collection is.
    pub async fn joining(&self, collection: &str) -> String {
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

    pub async fn managed_account(&self, subject: Subject) -> String {
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
    pub async fn personal_token(&self, collection: &str) -> String {
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
    pub async fn joining_portal_team(&self, collection: &str) -> String {
        let (portal, developer) = collection.rsplit_once("/developers/").expect("a developer");
        let team = self.post(&format!("{portal}/teams"), self.new_portal_team()).await;
        let developer = developer.trim_end_matches("/teams").to_owned();
        self.joined(&format!("{portal}/teams/{team}/developers"), developer).await;
        team
    }

    /// A team of the portal that requests are sent to, with the developer of it in it.
    pub async fn own_team(&self) -> String {
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

    /// A role of a team of developers.
    pub fn portal_role(api: &str) -> Value {
        json!({
            "role_name": "API Consumer", "entity_id": api, "entity_type_name": "Services", "entity_region": "*",
        })
    }

    pub fn system_token(&self) -> Value {
        let expires_at = self.app.app.clock.now(self.app.org).plus(MONTH);
        json!({ "name": self.name("Token"), "expires_at": expires_at })
    }

    pub async fn mapping(&self) -> Value {
        json!({ "team_id": self.team().await, "group": self.name("group") })
    }
}
