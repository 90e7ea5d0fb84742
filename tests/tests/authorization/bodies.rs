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
            "create-portal" => {
                let mut portal = self.portal();
                portal["default_application_auth_strategy_id"] = json!(self.named_strategy(request).await);
                portal
            }
            "update-portal" => {
                json!({ "default_application_auth_strategy_id": self.named_strategy(request).await })
            }
            "create-developer" => self.new_developer(),
            "update-developer" => json!({ "status": "approved" }),
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
        let keys = json!({ "name": "x", "display_name": "x", "strategy_type": "key_auth", "configs": { "key-auth": {} } });
        let strategy = self.post("/v2/application-auth-strategies", keys).await;
        request.ids.push(strategy.clone());
        strategy
    }

    async fn named_team(&self, request: &mut Request) -> String {
        let team = self.team().await;
        request.ids.push(team.clone());
        team
    }
}
