//! The smallest valid bodies. Those that change something change what nobody minds.

use kernel::{Token, TokenKind};
use serde_json::{Value, json};
use tests::Developer;

use crate::requests::{Maker, Request, Subject};

impl Maker<'_> {
    /// A body for the operation. What it names is noted in the request.
    pub async fn body(&self, operation: &str, request: &mut Request, subject: Subject) -> Value {
        match operation {
            "update-organizations-me" => {
                let owner = match subject {
                    Subject::User(id) => id,
                    _ => self.app.owner_id,
                };
                request.names_user = true;
                request.ids.push(owner.to_string());
                json!({ "name": "Acme", "owner_id": owner })
            }
            "put-ip-allow-list" => json!({ "enabled": false, "allowed_ips": ["127.0.0.1"] }),
            "patch-ip-allow-list" => json!({ "enabled": false }),
            "update-authentication-settings" => json!({ "basic_auth_enabled": true }),
            "update-impersonation-settings" => json!({ "enabled": false }),
            "update-organizations-me-brand" => json!({ "color": "#00aa55" }),
            "update-personal-access-token-settings" => json!({ "pats_enabled": true }),

            "post-oauth-device-authorize" => {
                json!({ "client_id": "344f59db-f401-4ce7-9407-00a0823fbacf" })
            }
            "post-oauth-device-token" => json!({
                "client_id": "344f59db-f401-4ce7-9407-00a0823fbacf",
                "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
                "device_code": Token::new(TokenKind::Device, self.app.app.random_key()).reveal(),
            }),
            "post-oauth-device-authorize-user" | "patch-oauth-device-confirm" => {
                json!({ "user_code": "BCDF-GHJK" })
            }
            "create-password-reset-kauth" => json!({ "email": self.address() }),
            "patch-password-reset-kauth" => {
                let email = self.address();
                self.app.member(&email).await;
                let asked = json!({ "email": email });
                self.app.anonymous().post("/kauth/api/v1/password-resets", asked).await.expect(200);
                json!({ "token": self.app.mailed_token(&email).await, "password": Developer::PASSWORD })
            }
            "register-kauth" => json!({
                "email": self.address(), "fullName": "Somebody", "organization": self.name("Organization"),
                "password": Developer::PASSWORD,
            }),
            "verify-email-kauth" => {
                json!({ "token": Token::new(TokenKind::Registration, self.app.app.random_key()).reveal() })
            }
            "accept-invite" => {
                let email = self.address();
                self.app.owner.post("/v3/invites", json!({ "email": email })).await.expect(201);
                let token = self.app.mailed_token(&email).await;
                json!({ "token": token, "full_name": "Somebody", "password": Developer::PASSWORD })
            }
            "patch-users-me-password" => {
                for email in ["owner@acme.test", "owner@rival.test", "session@acme.test"] {
                    let email_of = format!("/v3/users?filter[email]={email}");
                    if self.app.owner.get(&email_of).await.expect(200)["data"] != json!([]) {
                        self.app.set_password(email, Developer::PASSWORD).await;
                    }
                }
                json!({ "old_password": Developer::PASSWORD, "new_password": "Another-Horse-8" })
            }
            "authenticate-kauth" => json!({ "username": self.address(), "password": "wrong" }),
            // Somebody else's would be revoked.
            "introspect-token" | "revoke-token" => {
                json!({ "token": Token::new(TokenKind::Personal, self.app.app.random_key()).reveal() })
            }
            "update-user" | "patch-users-me" => json!({ "preferred_name": "Changed" }),
            "invite-user" => json!({ "email": self.address() }),
            "create-personal-access-token" => json!({ "name": "Made", "ttl_seconds": 86_400 }),
            "update-personal-access-token-details" => json!({ "name": "Changed" }),

            "create-team" => json!({ "name": self.name("Team") }),
            "update-team" => json!({ "description": "Changed" }),
            "add-user-to-team" => {
                let user = self.user(subject).await;
                request.names_user = true;
                request.ids.push(user.to_string());
                json!({ "id": user })
            }
            "post-teams-teamId-system-accounts" => {
                let account = self.account(subject).await;
                request.names_account = true;
                request.ids.push(account.clone());
                json!({ "id": account })
            }

            "users-assign-role" | "teams-assign-role" | "post-system-accounts-accountId-assigned-roles" => {
                self.role()
            }
            "create-system-accounts-assigned-roles-internal" => json!({
                "role_name": "Connector", "entity_type_name": "Mesh Control Planes", "entity_region": "us",
                "entity_id": self.nothing(), "parameters": { "zoneName": "zone" },
            }),

            "post-system-accounts" => json!({ "name": self.name("Account"), "description": "" }),
            "patch-system-accounts-id" => json!({ "description": "Changed" }),
            "post-system-accounts-id-access-tokens" => self.system_token(),
            "patch-system-accounts-id-access-tokens-id" => json!({ "name": self.name("Changed") }),

            "create-identity-provider" => self.provider(),
            "update-identity-provider" => json!({ "login_path": self.name("changed") }),
            "create-idp-team-group-mapping" => {
                json!({ "team_id": self.named_team(request).await, "group": self.name("group") })
            }
            "update-idp-configuration" => json!({ "client_id": "changed" }),
            "update-idp-team-mappings" => {
                let team = self.named_team(request).await;
                json!({ "mappings": [{ "group": self.name("group"), "team_ids": [team] }] })
            }
            "patch-team-group-mappings" => {
                let team = self.named_team(request).await;
                json!({ "data": [{ "team_id": team, "groups": [self.name("group")] }] })
            }
            "create-dcr-provider" => self.dcr_provider(),
            "update-dcr-provider" => json!({ "name": self.name("Changed") }),
            "create-app-auth-strategy" | "replace-app-auth-strategy" => {
                let provider = self.named_dcr_provider(request).await;
                self.strategy(&provider)
            }
            "update-app-auth-strategy" => {
                json!({ "dcr_provider_id": self.named_dcr_provider(request).await })
            }
            "create-portal" | "create-portal-v2" => {
                let mut portal = self.portal();
                portal["default_application_auth_strategy_id"] = json!(self.named_strategy(request).await);
                portal
            }
            "update-portal" | "update-portal-v2" => {
                json!({ "default_application_auth_strategy_id": self.named_strategy(request).await })
            }
            "create-developer" => self.new_developer(),
            "create-application" | "update-application" => {
                let portal = request.path.split('/').nth(3).expect("a portal");
                let developer =
                    self.post(&format!("/v3/portals/{portal}/developers"), self.new_developer()).await;
                request.ids.push(developer.clone());
                let owner = json!({ "type": "developer", "id": developer });
                if operation == "create-application" {
                    json!({ "name": self.name("Application"), "owner": owner })
                } else {
                    json!({ "owner": owner })
                }
            }
            "create-application-registration" => {
                let portal = request.path.split('/').nth(3).expect("a portal");
                let api = self.published_in(portal).await;
                request.ids.push(api.clone());
                json!({ "api_id": api })
            }
            "update-application-registration" | "update-application-registration-v2" => {
                json!({ "status": "approved" })
            }
            "developer-create-application" | "developer-create-application-v2" => {
                json!({ "name": self.name("Application") })
            }
            "developer-update-application" | "developer-update-application-v2" => {
                json!({ "name": self.name("Changed") })
            }
            "developer-create-application-registration" => {
                let api = self.published_in(&self.site().await.id).await;
                request.ids.push(api.clone());
                json!({ "api_id": api })
            }
            "developer-create-application-registration-v2" => {
                let (_, version) = self.version_published_in(&self.site().await.id).await;
                request.ids.push(version.clone());
                json!({ "product_version_id": version })
            }
            "create-credential" | "developer-create-credential-v2" | "update-credential" => {
                json!({ "display_name": self.name("Key") })
            }
            "repair-dcr-provider-client" => json!({ "action": "register" }),
            "create-dcr-bridge-key" => json!({ "name": self.name("Key") }),
            // Nobody here has a key, so nobody looks at them.
            "dcr-bridge-create-client" | "dcr-bridge-event-hook" => json!({}),
            "create-portal-team" => self.new_portal_team(),
            "assign-role-to-portal-teams" => {
                let api = self.post("/v3/apis", self.api()).await;
                request.ids.push(api.clone());
                Self::portal_role(&api)
            }
            "update-portal-team" => json!({ "can_own_applications": true }),
            "add-developer-to-portal-team" => {
                let portal =
                    request.path.trim_end_matches("/developers").rsplit_once("/teams/").expect("a team").0;
                let developer = self.object(&format!("{portal}/developers"), subject).await;
                request.ids.push(developer.clone());
                json!({ "id": developer })
            }
            "update-developer" | "update-developer-v2" => json!({ "status": "approved" }),
            "register" => self.new_developer(),
            "forgot-password" => json!({ "email": self.address() }),
            "verify-email" => json!({ "token": self.invitation().await }),
            "reset-password" => {
                let verified = json!({ "token": self.invitation().await });
                let verify = "/api/v3/developer/verify-email";
                let verified = self.site().await.client.post(verify, verified).await.expect(202);
                json!({ "token": verified["token"], "password": Developer::PASSWORD })
            }
            "authenticate" => {
                json!({ "username": self.developer().await.email, "password": Developer::PASSWORD })
            }
            "create-api" => self.api(),
            "create-api-product" | "update-api-product" => {
                let portal = self.post("/v3/portals", self.portal()).await;
                request.ids.push(portal.clone());
                json!({ "name": self.name("Product"), "portal_ids": [portal] })
            }
            "create-api-product-version" => json!({ "name": self.name("v") }),
            "update-api-product-version" => json!({ "deprecated": true }),
            "create-portal-product-version" => {
                let version = self.product_version().await;
                request.ids.push(version.clone());
                let strategy = self.named_strategy(request).await;
                Self::version_in_portal(Some(&version), Some(&strategy))
            }
            "publish-api-products" => {
                let product = self.post("/v2/api-products", self.product()).await;
                request.ids.push(product.clone());
                json!({ "api_products": { product: { "publish_status": "published" } } })
            }
            "replace-portal-product-version" => {
                let strategy = self.named_strategy(request).await;
                Self::version_in_portal(None, Some(&strategy))
            }
            "update-portal-product-version" => {
                json!({ "auth_strategy_ids": [self.named_strategy(request).await] })
            }
            "update-api" => json!({ "description": "Changed" }),
            "publish-api-to-portal" => {
                json!({ "auth_strategy_ids": [self.named_strategy(request).await] })
            }
            "create-api-implementation" => self.implementation(),
            "check-gateway-access" => {
                let api = self.post("/v3/apis", self.api()).await;
                request.ids.push(api.clone());
                json!({ "api_id": api, "client_id": "nobody" })
            }
            "check-gateway-access-v2" => {
                let version = self.product_version().await;
                request.ids.push(version.clone());
                json!({ "product_version_id": version, "client_id": "nobody" })
            }
            "post-auth0-user-mfa-settings-internal" => {
                json!({ "email": "no@body.test", "auth0id": "auth0|0" })
            }
            "post-auth0-register-internal" => {
                json!({ "organization_name": "Another", "default_region": "eu" })
            }
            "resolveCustomer" => json!({ "token": self.name("token") }),
            "saml-acs" => json!({ "SAMLResponse": "eA==", "RelayState": "nothing" }),
            other => panic!("nobody wrote a body for [{other}]"),
        }
    }

    async fn named_dcr_provider(&self, request: &mut Request) -> String {
        let provider = self.post("/v2/dcr-providers", self.dcr_provider()).await;
        request.ids.push(provider.clone());
        provider
    }

    async fn named_strategy(&self, request: &mut Request) -> String {
        let strategy = self.strategy_of_keys().await;
        request.ids.push(strategy.clone());
        strategy
    }

    pub async fn strategy_of_keys(&self) -> String {
        let name = self.name("Keys");
        let keys = json!({ "name": name, "display_name": name, "strategy_type": "key_auth", "configs": { "key-auth": {} } });
        self.post("/v2/application-auth-strategies", keys).await
    }

    async fn named_team(&self, request: &mut Request) -> String {
        let team = self.team().await;
        request.ids.push(team.clone());
        team
    }
}
