//! What stories of single sign-on have in common: an organization that signs in through a real provider.

use serde_json::{Value, json};
use tests::{Browser, Engine, OpenIdProvider, TestApp, node_peers};

use crate::{id, text};

pub const PROVIDERS: &str = "/v3/identity-providers";

/// An organization and its OpenID provider.
pub struct Acme {
    pub app: TestApp,
    pub idp: OpenIdProvider,
    /// The provider's path in the API.
    pub path: String,
}

/// An organization that signs in through an OpenID provider; `None` where there is none to be had.
pub async fn acme(engine: Engine) -> Option<Acme> {
    let idp = OpenIdProvider::start(&node_peers()?);
    let secret = json!({ "client_id": "latchkey", "client_secret": "p@ss: word+%" });
    Some(acme_of(engine, idp, secret).await)
}

/// The same with a provider that is there, and the client that it knows.
pub async fn acme_of(engine: Engine, idp: OpenIdProvider, mut config: Value) -> Acme {
    let app = TestApp::new(engine).await;
    config["issuer_url"] = json!(idp.issuer);
    let new = json!({ "type": "oidc", "enabled": true, "login_path": "acme", "config": config });
    let provider = app.owner.post(PROVIDERS, new).await.expect(201);
    let path = format!("{PROVIDERS}/{}", id(&provider));
    let acme = Acme { app, idp, path };
    acme.settings(json!({ "oidc_auth_enabled": true, "idp_mapping_enabled": true })).await;
    acme
}

impl Acme {
    /// Changes the authentication settings.
    pub async fn settings(&self, change: Value) {
        self.app.owner.patch("/v3/authentication-settings", change).await.expect(200);
    }

    /// A team that a group leads to.
    pub async fn team(&self, name: &str, group: &str) -> String {
        let team = self.app.owner.post("/v3/teams", json!({ "name": name })).await.expect(201);
        self.map(id(&team), group).await;
        id(&team).to_owned()
    }

    /// Lets a group lead to a team.
    pub async fn map(&self, team: &str, group: &str) {
        let mapping = json!({ "team_id": team, "group": group });
        self.app.owner.post(&format!("{}/team-group-mappings", self.path), mapping).await.expect(201);
    }

    /// Whoever comes next at the provider.
    pub async fn comes(&self, claims: Value) {
        self.idp.tell(json!({ "person": claims })).await;
    }

    /// Signs in with a new browser.
    pub async fn sign_in(&self) -> Browser {
        let mut browser = Browser::new(&self.app.owner);
        browser.open("/login/acme").await;
        browser
    }

    /// The user with an address, if there is one.
    pub async fn user(&self, email: &str) -> Option<Value> {
        let path = format!("/v3/users?filter[email][eq]={email}&filter[active]=true");
        let all = self.app.owner.get(&path).await.expect(200);
        let inactive = self.app.owner.get(&path.replace("=true", "=false")).await.expect(200);
        let found = all["data"].as_array()?.first().or(inactive["data"].as_array()?.first());
        found.cloned()
    }

    /// The names of a user's teams.
    pub async fn teams_of(&self, email: &str) -> Vec<String> {
        let user = self.user(email).await.expect("a user");
        let teams = self.app.owner.get(&format!("/v3/users/{}/teams", id(&user))).await.expect(200);
        let mut names: Vec<String> = teams["data"]
            .as_array()
            .expect("teams")
            .iter()
            .map(|team| text(team, "name").to_owned())
            .collect();
        names.sort();
        names
    }
}

pub fn ann() -> Value {
    json!({ "sub": "ann", "email": "ann@acme.test", "name": "Ann Lee", "groups": ["dev"] })
}
