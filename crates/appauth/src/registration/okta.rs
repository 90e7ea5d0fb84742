//! Okta: its dynamic registration API, which is of RFC 7591's shape, with an API token for everything.

use frame::access::BoxFuture;
use frame::outbound::{Answer, Request};
use http::{Method, StatusCode, header};
use kernel::Secret;
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    Adapter, Answered, Capabilities, Client, Credential, Deleted, Fault, Found, Issued, Step, Updated,
    Verification, Wanted, addresses, answers,
    discovery::Discovery,
    line::{Line, Retry},
};

/// Most pages that are looked through for a client.
const PAGES: usize = 20;
const FULL: &str = "a client has two secrets at most there";
const LAST: &str = "a client needs one secret at least there";

/// The adapter.
pub struct Okta {
    line: Line,
    issuer: String,
    authorization: Secret<String>,
}

impl Okta {
    /// The adapter of a provider.
    pub fn new(line: Line, issuer: String, token: &Secret<String>) -> Self {
        let authorization = Secret::new(format!("SSWS {}", token.reveal()));
        Self { line, issuer, authorization }
    }

    fn request(&self, method: Method, path: &str) -> Result<Request, Fault> {
        let url = format!("{}{path}", addresses::origin(&addresses::base(&self.issuer)?)?);
        let request = self.line.request(method, &url)?;
        let request = request.secret_header(header::AUTHORIZATION, &self.authorization);
        request.map_err(|error| Fault::Configuration(error.to_string()))
    }

    fn client(&self, client: &Client, rest: &str) -> String {
        format!("/oauth2/v1/clients/{}{rest}", addresses::segment(&client.id))
    }

    fn secrets(&self, client: &Client, rest: &str) -> String {
        // The application has its client's id.
        format!("/api/v1/apps/{}/credentials/secrets{rest}", addresses::segment(&client.id))
    }

    /// The client's home page, which tells whose it is.
    fn marker(&self, wanted: &Wanted) -> String {
        format!("{}/applications/{}", self.line.registrar.public_url(), wanted.application)
    }

    /// What a client is to be, as far as it follows from its application.
    fn settings(&self, wanted: &Wanted) -> Map<String, Value> {
        let grants = wanted.grants();
        let code = grants.contains(&"authorization_code");
        let alone = grants.contains(&"client_credentials");
        let responses: &[&str] = match (code, alone) {
            (true, true) => &["code", "token"],
            (true, false) => &["code"],
            (false, _) => &["token"],
        };
        let mut settings = Map::new();
        settings.insert("client_name".to_owned(), wanted.name.clone().into());
        settings.insert("client_uri".to_owned(), self.marker(wanted).into());
        settings.insert("application_type".to_owned(), if code { "web" } else { "service" }.into());
        settings.insert("grant_types".to_owned(), json!(grants));
        settings.insert("response_types".to_owned(), json!(responses));
        settings.insert("redirect_uris".to_owned(), json!(wanted.redirect_uris));
        settings.insert("token_endpoint_auth_method".to_owned(), wanted.token_endpoint_auth_method().into());
        settings
    }

    fn issued(&self, answer: &Answer) -> Result<Issued, Fault> {
        let body = self.line.object(answer, Retry::Once)?;
        let id = answers::client_id(&body, "client_id");
        let secret = answers::client_secret(&body, "client_secret");
        let (Some(id), Some(secret)) = (id, secret) else {
            return Err(Fault::Unknown("it answers without a usable client_id and client_secret".to_owned()));
        };
        let expires_at = answers::moment(body.get("client_secret_expires_at"));
        Ok(Issued { client: Client::with_id(id), secret, expires_at })
    }

    async fn look(&self, client: &Client) -> Result<Map<String, Value>, Fault> {
        self.line.json(self.request(Method::GET, &self.client(client, ""))?, Retry::Safe).await
    }

    async fn search(&self, wanted: &Wanted) -> Result<Vec<Client>, Fault> {
        let marker = format!("/applications/{}", wanted.application);
        let name: String =
            percent_encoding::utf8_percent_encode(&wanted.name, percent_encoding::NON_ALPHANUMERIC).collect();
        let mut path = format!("/oauth2/v1/clients?limit=200&q={name}");
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let answer = self.line.good(self.request(Method::GET, &path)?, Retry::Safe).await?;
            let clients: Vec<Map<String, Value>> =
                answer.json().map_err(|error| Fault::Configuration(error.to_string()))?;
            let ours = |body: &&Map<String, Value>| {
                answers::text(body, "client_uri").is_some_and(|uri| uri.ends_with(&marker))
            };
            found.extend(
                clients
                    .iter()
                    .filter(ours)
                    .filter_map(|body| answers::client_id(body, "client_id"))
                    .map(Client::with_id),
            );
            match after(&answer) {
                Some(next) => {
                    let next: String =
                        percent_encoding::utf8_percent_encode(&next, percent_encoding::NON_ALPHANUMERIC)
                            .collect();
                    path = format!("/oauth2/v1/clients?limit=200&q={name}&after={next}");
                }
                None => return Ok(found),
            }
        }
        Err(Fault::configuration("it lists clients without an end"))
    }

    async fn change(&self, client: &Client, wanted: &Wanted) -> Result<Updated, Fault> {
        // A change replaces all settings, so what is there is sent along, but for what may not be.
        let mut settings = self.look(client).await?;
        for theirs in ["client_secret", "client_secret_expires_at", "client_id_issued_at"] {
            settings.remove(theirs);
        }
        settings.extend(self.settings(wanted));
        let request = self.request(Method::PUT, &self.client(client, ""))?.json(&Value::Object(settings));
        self.line.good(request, Retry::Safe).await?;
        Ok(Updated { client: client.clone(), secret: None })
    }

    async fn list(&self, client: &Client) -> Result<Vec<Map<String, Value>>, Fault> {
        let answer =
            self.line.good(self.request(Method::GET, &self.secrets(client, ""))?, Retry::Safe).await?;
        answer.json().map_err(|error| Fault::Configuration(error.to_string()))
    }

    async fn end(&self, client: &Client, id: &str) -> Result<(), Fault> {
        let segment = addresses::segment(id);
        let secrets = self.list(client).await?;
        let active = |secret: &Map<String, Value>| answers::text(secret, "status") != Some("INACTIVE");
        let secret =
            secrets.iter().find(|secret| answers::text(secret, "id") == Some(id)).ok_or(Fault::Gone)?;
        if active(secret) {
            if secrets.iter().filter(|secret| active(secret)).count() < 2 {
                return Err(Fault::Limit(LAST));
            }
            // Only what is out of use can be deleted.
            let path = self.secrets(client, &format!("/{segment}/lifecycle/deactivate"));
            self.line.good(self.request(Method::POST, &path)?, Retry::Safe).await?;
        }
        let path = self.secrets(client, &format!("/{segment}"));
        match self.line.good(self.request(Method::DELETE, &path)?, Retry::Safe).await {
            Ok(_) | Err(Fault::Gone) => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}

/// Where the next page begins (RFC 8288).
fn after(answer: &Answer) -> Option<String> {
    let links = answer.headers.get_all("link").iter().filter_map(|link| link.to_str().ok());
    let next = links.flat_map(|link| link.split(',')).find(|link| link.contains("rel=\"next\""))?;
    let url = Url::parse(next.split('<').nth(1)?.split('>').next()?).ok()?;
    url.query_pairs().find(|(name, _)| name == "after").map(|(_, value)| value.into_owned())
}

/// A secret without itself.
fn credential(body: &Map<String, Value>) -> Option<Credential> {
    Some(Credential {
        id: answers::text(body, "id")?.to_owned(),
        display_name: None,
        created_at: answers::moment(body.get("created")),
        expires_at: None,
    })
}

impl Adapter for Okta {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            multiple_credentials: Some((1, Some(2))),
            rotate: true,
            update_rotates_secret: false,
            find: true,
            read: true,
            granted_scopes: false,
            replace: false,
        }
    }

    fn create<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(async move {
            let settings = Value::Object(self.settings(wanted));
            let request = self.request(Method::POST, "/oauth2/v1/clients")?.json(&settings);
            self.issued(&self.line.good(request, Retry::Once).await.map_err(Fault::of_place)?)
        })
    }

    fn find<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Vec<Client>> {
        Box::pin(self.search(wanted))
    }

    fn read<'a>(&'a self, client: &'a Client) -> Answered<'a, Found> {
        Box::pin(async move {
            let body = self.look(client).await?;
            Ok(Found {
                client: client.clone(),
                name: answers::text(&body, "client_name").map(str::to_owned),
                redirect_uris: answers::texts(body.get("redirect_uris")),
            })
        })
    }

    fn update<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Updated> {
        Box::pin(self.change(client, wanted))
    }

    fn rotate<'a>(&'a self, client: &'a Client, _: &'a Wanted) -> Answered<'a, Issued> {
        Box::pin(async move {
            let request = self.request(Method::POST, &self.client(client, "/lifecycle/newSecret"))?;
            self.issued(&self.line.good(request, Retry::Once).await?)
        })
    }

    fn credential_list<'a>(&'a self, client: &'a Client) -> Answered<'a, Vec<Credential>> {
        Box::pin(async move { Ok(self.list(client).await?.iter().filter_map(credential).collect()) })
    }

    fn credential_add<'a>(
        &'a self,
        client: &'a Client,
        _: &'a str,
    ) -> Answered<'a, (Credential, Secret<String>)> {
        Box::pin(async move {
            if self.list(client).await?.len() >= 2 {
                return Err(Fault::Limit(FULL));
            }
            let request = self.request(Method::POST, &self.secrets(client, ""))?.json(&json!({}));
            let answer = self.line.send(request, Retry::Once).await?;
            let body = match answer.status {
                // Somebody else was faster.
                StatusCode::BAD_REQUEST => return Err(Fault::Limit(FULL)),
                status if status.is_success() => self.line.object(&answer, Retry::Once)?,
                _ => return Err(self.line.refused(&answer)),
            };
            let made = credential(&body).zip(answers::client_secret(&body, "client_secret"));
            made.ok_or_else(|| Fault::Unknown("it answers without the new secret".to_owned()))
        })
    }

    fn credential_delete<'a>(&'a self, client: &'a Client, id: &'a str) -> Answered<'a, ()> {
        Box::pin(self.end(client, id))
    }

    fn delete<'a>(&'a self, client: &'a Client) -> Answered<'a, Deleted> {
        Box::pin(async move {
            match self.line.good(self.request(Method::DELETE, &self.client(client, ""))?, Retry::Safe).await {
                Ok(_) | Err(Fault::Gone) => Ok(Deleted::Gone),
                Err(fault) => Err(fault),
            }
        })
    }

    fn check<'a>(&'a self, report: &'a mut Verification) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let discovery = Discovery::of(&self.line, &self.issuer).await;
            let Some(discovery) = report.step(Step::Discovery, self.remedy(Step::Discovery), discovery)
            else {
                return false;
            };
            report.step(Step::Keys, self.remedy(Step::Keys), discovery.keys(&self.line).await);
            let answer = match self.request(Method::GET, "/oauth2/v1/clients?limit=1") {
                Ok(request) => self.line.send(request, Retry::Safe).await,
                Err(fault) => Err(fault),
            };
            let remedy = match &answer {
                Ok(answer) if answer.status == StatusCode::FORBIDDEN => {
                    "give the user who made the API token a role that manages applications"
                }
                _ => self.remedy(Step::Permissions),
            };
            let taken = answer.and_then(|answer| match answer.status.is_success() {
                true => Ok(()),
                false => Err(Fault::Configuration(self.line.said(&answer))),
            });
            report.step(Step::Permissions, remedy, taken).is_some()
        })
    }

    fn remedy(&self, step: Step) -> &'static str {
        match step {
            Step::Discovery | Step::Keys => {
                "set the issuer of an authorization server, such as https://ORGANIZATION.okta.com/oauth2/default"
            }
            Step::Token | Step::Permissions => {
                "make a new API token at Okta and set it as dcr_token, since tokens end when they are not used and with the user who made them"
            }
            _ => "give the user who made the API token a role that manages applications",
        }
    }
}
