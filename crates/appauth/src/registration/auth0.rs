//! Auth0: its Management API. Its own dynamic registration makes no clients that get tokens for themselves.

use frame::access::BoxFuture;
use frame::outbound::{Answer, Request};
use http::Method;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{
    Adapter, Answered, Capabilities, Client, Deleted, Event, Fault, Field, Found, Issued, Step, Updated,
    Verification, Wanted, addresses, answers,
    discovery::Discovery,
    line::{Line, Retry},
    tokens::{Grant, InitialClient, Token},
};

/// Clients on a page.
const PAGE: usize = 100;
/// Most pages that are looked through for a client.
const PAGES: usize = 100;
/// Longest description.
const DESCRIPTION: usize = 140;
/// What the initial client must be allowed.
const PERMISSIONS: [&str; 9] = [
    "read:clients",
    "create:clients",
    "update:clients",
    "delete:clients",
    "update:client_keys",
    "read:client_grants",
    "create:client_grants",
    "update:client_grants",
    "delete:client_grants",
];

/// The adapter.
pub struct Auth0 {
    /// The line to it.
    pub line: Line,
    /// The issuer.
    pub issuer: String,
    /// The initial client.
    pub initial: InitialClient,
    /// The audience of its tokens; needed where the issuer is a domain of the tenant's own.
    pub audience: Option<String>,
    /// Whether developers choose their applications' scopes.
    pub developers_choose: bool,
}

impl Auth0 {
    fn origin(&self) -> Result<String, Fault> {
        addresses::origin(&addresses::base(&self.issuer)?)
    }

    fn request(&self, method: Method, path: &str) -> Result<Request, Fault> {
        self.line.request(method, &format!("{}/api/v2/{path}", self.origin()?))
    }

    fn client(&self, client: &Client, rest: &str) -> String {
        format!("clients/{}{rest}", addresses::segment(&client.id))
    }

    /// The audience of management tokens: as configured, else the Management API of the issuer's tenant.
    fn audience(&self) -> Result<String, Fault> {
        match self.audience.as_deref().filter(|audience| !audience.is_empty()) {
            Some(audience) => Ok(audience.to_owned()),
            None => Ok(format!("{}/api/v2/", self.origin()?)),
        }
    }

    /// With what management tokens are asked for, at this endpoint.
    fn management<'g>(&'g self, endpoint: &'g str) -> Result<Grant<'g>, Fault> {
        Ok(Grant {
            endpoint,
            client: &self.initial,
            more: vec![("audience", self.audience()?)],
            basic: false,
        })
    }

    fn endpoint(&self) -> Result<String, Fault> {
        Ok(format!("{}/oauth/token", self.origin()?))
    }

    async fn send(&self, request: Request, retry: Retry) -> Result<Answer, Fault> {
        let answer = self.management(&self.endpoint()?)?.send(&self.line, request, retry).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.line.refused(&answer)) }
    }

    async fn json(&self, request: Request, retry: Retry) -> Result<Map<String, Value>, Fault> {
        let answer = self.send(request, retry).await?;
        self.line.object(&answer, retry)
    }

    async fn make(&self, wanted: &Wanted) -> Result<Issued, Fault> {
        let scopes = self.scopes(wanted).await?;
        let request = self.request(Method::POST, "clients")?.json(&settings(wanted));
        let body = self.json(request, Retry::Once).await.map_err(Fault::of_place)?;
        let id = answers::client_id(&body, "client_id");
        let Some(client) = id.map(Client::with_id) else {
            return Err(Fault::Unknown("it made a client whose id cannot be used".to_owned()));
        };
        let granted = match (&wanted.audience, answers::client_secret(&body, "client_secret")) {
            (_, None) => Err(Fault::configuration("it makes clients without a usable secret")),
            (None, Some(secret)) => Ok(secret),
            (Some(audience), Some(secret)) => self.grant(&client, audience, &scopes).await.map(|()| secret),
        };
        match granted {
            Ok(secret) => Ok(Issued { client, secret, expires_at: None }),
            // A client that gets no token is no client.
            Err(fault) => match self.remove(&client).await {
                Ok(_) => Err(fault),
                Err(_) => {
                    Err(Fault::Unknown(format!("{}, and the client could not be removed", fault.told())))
                }
            },
        }
    }

    /// The scopes that a client is to be granted. Where developers choose, only what the API has.
    async fn scopes(&self, wanted: &Wanted) -> Result<Vec<String>, Fault> {
        // An API has no identity scopes.
        let of_api = |scopes: &[String]| -> Vec<String> {
            scopes.iter().filter(|scope| *scope != "openid").cloned().collect()
        };
        if !self.developers_choose {
            return Ok(of_api(&wanted.scopes));
        }
        let chosen = of_api(&wanted.chosen_scopes);
        let (Some(audience), false) = (&wanted.audience, chosen.is_empty()) else { return Ok(chosen) };
        let path = format!("resource-servers/{}", addresses::segment(audience));
        let server = match self.json(self.request(Method::GET, &path)?, Retry::Safe).await {
            Err(Fault::Gone) => {
                Err(Fault::configuration("it does not know the API of the strategy's audience"))
            }
            server => server,
        }?;
        let offered = server.get("scopes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let has = |scope: &String| offered.iter().any(|offer| offer["value"] == **scope);
        if chosen.iter().all(has) { Ok(chosen) } else { Err(Fault::Input(Field::Scopes)) }
    }

    /// The grants of a client for an audience: their ids and scopes.
    async fn grants(&self, client: &Client, audience: &str) -> Result<Vec<(String, Vec<String>)>, Fault> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &client.id)
            .append_pair("audience", audience)
            .finish();
        let answer =
            self.send(self.request(Method::GET, &format!("client-grants?{query}"))?, Retry::Safe).await?;
        let grants: Vec<Map<String, Value>> =
            answer.json().map_err(|error| Fault::Configuration(error.to_string()))?;
        let read = |grant: &Map<String, Value>| {
            Some((answers::text(grant, "id")?.to_owned(), answers::texts(grant.get("scope"))))
        };
        Ok(grants.iter().filter_map(read).collect())
    }

    /// Lets a client have tokens for an audience; without it, it gets none.
    async fn grant(&self, client: &Client, audience: &str, scopes: &[String]) -> Result<(), Fault> {
        let body = json!({ "client_id": client.id, "audience": audience, "scope": scopes, "subject_type": "client" });
        match self.send(self.request(Method::POST, "client-grants")?.json(&body), Retry::Once).await {
            Err(Fault::Exists) => {
                for (id, _) in self.grants(client, audience).await? {
                    let path = format!("client-grants/{}", addresses::segment(&id));
                    let body = json!({ "scope": scopes });
                    self.send(self.request(Method::PATCH, &path)?.json(&body), Retry::Safe).await?;
                }
                Ok(())
            }
            Err(Fault::Gone) => {
                Err(Fault::configuration("it does not know the API of the strategy's audience"))
            }
            other => other.map(drop),
        }
    }

    async fn ungrant(&self, client: &Client, audience: &str) -> Result<(), Fault> {
        for (id, _) in self.grants(client, audience).await? {
            let path = format!("client-grants/{}", addresses::segment(&id));
            match self.send(self.request(Method::DELETE, &path)?, Retry::Safe).await {
                Ok(_) | Err(Fault::Gone) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    async fn search(&self, wanted: &Wanted) -> Result<Vec<Client>, Fault> {
        let marker = wanted.application.to_string();
        let mut found = Vec::new();
        for page in 0..PAGES {
            let path = format!(
                "clients?fields=client_id,client_metadata&include_fields=true&per_page={PAGE}&page={page}"
            );
            let answer = self.send(self.request(Method::GET, &path)?, Retry::Safe).await?;
            let clients: Vec<Map<String, Value>> =
                answer.json().map_err(|error| Fault::Configuration(error.to_string()))?;
            // Metadata cannot be searched there.
            let ours = |body: &&Map<String, Value>| {
                body.get("client_metadata")
                    .is_some_and(|metadata| metadata["konnect_application_id"] == marker)
            };
            found.extend(
                clients
                    .iter()
                    .filter(ours)
                    .filter_map(|body| answers::client_id(body, "client_id"))
                    .map(Client::with_id),
            );
            if clients.len() < PAGE {
                return Ok(found);
            }
        }
        Err(Fault::configuration("it has more clients than can be looked through"))
    }

    async fn remove(&self, client: &Client) -> Result<Deleted, Fault> {
        // Its grants go with it.
        match self.send(self.request(Method::DELETE, &self.client(client, ""))?, Retry::Safe).await {
            Ok(_) | Err(Fault::Gone) => Ok(Deleted::Gone),
            Err(fault) => Err(fault),
        }
    }

    async fn management_token(&self) -> Result<Token, Fault> {
        // A fresh one: what an old one may do need not be what its client may now.
        Ok(self.management(&self.endpoint()?)?.ask(&self.line).await?.0)
    }
}

/// A name as Auth0 takes it: it has no angle brackets.
fn name(wanted: &Wanted) -> String {
    wanted.name.replace(['<', '>'], "")
}

/// A description as Auth0 takes it: shorter than ours.
fn description(wanted: &Wanted) -> String {
    wanted.description.chars().take(DESCRIPTION).collect()
}

/// A new client. Its secret is made there.
fn settings(wanted: &Wanted) -> Value {
    let users = wanted.has_users();
    let grants: &[&str] = if users {
        &["authorization_code", "refresh_token", "client_credentials"]
    } else {
        &["client_credentials"]
    };
    json!({
        "name": name(wanted),
        "description": description(wanted),
        "app_type": if users { "regular_web" } else { "non_interactive" },
        "grant_types": grants,
        "token_endpoint_auth_method": "client_secret_post",
        "oidc_conformant": true,
        "is_first_party": true,
        "callbacks": wanted.redirect_uris,
        // The published service's names, for rules and actions that read them.
        "client_metadata": {
            "konnect_application_id": wanted.application,
            "konnect_portal_id": wanted.context.portal,
            "konnect_developer_id": wanted.context.owner,
            "konnect_org_id": wanted.context.organization,
        },
    })
}

impl Adapter for Auth0 {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            multiple_credentials: None,
            rotate: true,
            update_rotates_secret: false,
            find: true,
            read: true,
            granted_scopes: self.developers_choose,
            replace: false,
        }
    }

    fn create<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(self.make(wanted))
    }

    fn find<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Vec<Client>> {
        Box::pin(self.search(wanted))
    }

    fn read<'a>(&'a self, client: &'a Client) -> Answered<'a, Found> {
        Box::pin(async move {
            // The secret is not asked for.
            let path =
                self.client(client, "?fields=client_id,name,callbacks,client_metadata&include_fields=true");
            let body = self.json(self.request(Method::GET, &path)?, Retry::Safe).await?;
            Ok(Found {
                client: client.clone(),
                name: answers::text(&body, "name").map(str::to_owned),
                redirect_uris: answers::texts(body.get("callbacks")),
            })
        })
    }

    fn update<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Updated> {
        Box::pin(async move {
            let body = json!({
                "name": name(wanted),
                "description": description(wanted),
                "callbacks": wanted.redirect_uris,
            });
            self.send(self.request(Method::PATCH, &self.client(client, ""))?.json(&body), Retry::Safe)
                .await?;
            if self.developers_choose
                && let Some(audience) = &wanted.audience
            {
                self.grant(client, audience, &self.scopes(wanted).await?).await?;
            }
            Ok(Updated { client: client.clone(), secret: None })
        })
    }

    fn rotate<'a>(&'a self, client: &'a Client, _: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(async move {
            let request = self.request(Method::POST, &self.client(client, "/rotate-secret"))?;
            let body = self.json(request, Retry::Once).await?;
            let secret = answers::client_secret(&body, "client_secret");
            let secret =
                secret.ok_or_else(|| Fault::Unknown("it answers without the new secret".to_owned()))?;
            Ok(Issued { client: client.clone(), secret, expires_at: None })
        })
    }

    fn granted_scopes<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Vec<String>> {
        Box::pin(async move {
            let (true, Some(audience)) = (self.developers_choose, &wanted.audience) else {
                return Err(Fault::Unsupported("tell the scopes of a client, as it is configured"));
            };
            Ok(self.grants(client, audience).await?.into_iter().flat_map(|(_, scopes)| scopes).collect())
        })
    }

    fn tell<'a>(&'a self, client: &'a Client, wanted: &'a Wanted, event: &'a Event) -> Answered<'a, ()> {
        Box::pin(async move {
            match (event, &wanted.audience) {
                (Event::Registered { .. }, Some(audience)) => {
                    self.grant(client, audience, &self.scopes(wanted).await?).await
                }
                (Event::Unregistered { last: true, .. }, Some(audience)) => {
                    self.ungrant(client, audience).await
                }
                _ => Ok(()),
            }
        })
    }

    fn delete<'a>(&'a self, client: &'a Client) -> Answered<'a, Deleted> {
        Box::pin(self.remove(client))
    }

    fn check<'a>(&'a self, report: &'a mut Verification) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let issuer = match self.origin() {
                Ok(origin) => Discovery::of(&self.line, &origin).await,
                Err(fault) => Err(fault),
            };
            let Some(discovery) = report.step(Step::Discovery, self.remedy(Step::Discovery), issuer) else {
                return false;
            };
            report.step(Step::Keys, self.remedy(Step::Keys), discovery.keys(&self.line).await);
            let token = self.management_token().await;
            let Some(token) = report.step(Step::Token, self.remedy(Step::Token), token) else { return false };
            let mut needed = PERMISSIONS.to_vec();
            if self.developers_choose {
                needed.push("read:resource_servers");
            }
            let missing: Vec<&str> =
                needed.into_iter().filter(|need| !token.scopes.iter().any(|has| has == need)).collect();
            let enough = match missing.is_empty() {
                true => Ok(()),
                false => {
                    Err(Fault::Configuration(format!("the initial client lacks {}", missing.join(", "))))
                }
            };
            report.step(Step::Permissions, self.remedy(Step::Permissions), enough).is_some()
        })
    }

    fn remedy(&self, step: Step) -> &'static str {
        match step {
            Step::Discovery | Step::Keys => {
                "set the tenant's domain as issuer, such as https://TENANT.us.auth0.com"
            }
            Step::Token => {
                "see that the initial client is a machine-to-machine application, that its secret here is the right one, that it is authorized for the Management API, and that initial_client_audience is https://TENANT.us.auth0.com/api/v2/ where the issuer is a domain of your own"
            }
            _ => "grant the initial client these permissions of the Management API",
        }
    }
}
