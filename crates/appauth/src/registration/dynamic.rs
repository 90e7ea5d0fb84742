//! Dynamic client registration (RFC 7591) and its management (RFC 7592), for all who keep to them more or less.
//!
//! A client is never looked at in order to change it: there are servers where looking replaces its secret. What
//! it has to be is known here, so the whole of it is sent each time.

use frame::outbound::{Answer, Request};
use http::{Method, StatusCode};
use kernel::Secret;
use serde_json::{Map, Value, json};

use super::{
    Client, Deleted, Fault, Found, Issued, Management, Step, Updated, Verification, Wanted, addresses,
    answers,
    discovery::Discovery,
    line::{Line, Retry},
    tokens::{Grant, InitialClient, Token},
};

/// An address that belongs to nobody (RFC 2606), for servers that want one of every client.
const NOWHERE: &str = "https://unused.invalid/";

/// What lets one register clients.
#[derive(Clone)]
pub enum Proof {
    /// An initial access token that somebody was handed.
    InitialToken(Secret<String>),
    /// A client that gets itself an initial token for each registration.
    InitialClient {
        /// The client.
        client: InitialClient,
        /// The scope that the token needs, if it needs one.
        scope: String,
    },
}

impl Proof {
    /// What is secret of it.
    pub fn secret(&self) -> &Secret<String> {
        match self {
            Self::InitialToken(token) => token,
            Self::InitialClient { client, .. } => &client.secret,
        }
    }
}

/// A server that registers clients.
pub struct Dynamic {
    /// The line to it.
    pub line: Line,
    /// Its issuer.
    pub issuer: String,
    /// What lets one register.
    pub proof: Proof,
    /// A scope whose token manages any client, at servers that have one.
    pub managing_scope: Option<&'static str>,
}

impl Dynamic {
    /// An initial token. Never an old one: it is good for one registration at many servers.
    async fn initial_token(&self, discovery: &Discovery) -> Result<Secret<String>, Fault> {
        match &self.proof {
            Proof::InitialToken(token) => Ok(token.clone()),
            Proof::InitialClient { scope, .. } => {
                let token = self.token_for(discovery, scope).await?;
                // What is granted as asked need not be said (RFC 6749 section 5.1).
                if !token.scopes.is_empty()
                    && !scope
                        .split(' ')
                        .filter(|one| !one.is_empty())
                        .all(|one| token.scopes.iter().any(|has| has == one))
                {
                    return Err(Fault::configuration(format!(
                        "the initial client does not get the scope {scope}"
                    )));
                }
                Ok(token.text)
            }
        }
    }

    async fn token_for(&self, discovery: &Discovery, scope: &str) -> Result<Token, Fault> {
        let Proof::InitialClient { client, .. } = &self.proof else {
            return Err(Fault::Unsupported("get a token"));
        };
        let grant = Grant {
            endpoint: discovery.token_endpoint()?,
            client,
            more: if scope.is_empty() { Vec::new() } else { vec![("scope", scope.to_owned())] },
            basic: true,
        };
        Ok(grant.ask(&self.line).await?.0)
    }

    /// Registers a client.
    pub async fn register(&self, wanted: &Wanted) -> Result<Issued, Fault> {
        let discovery = Discovery::of(&self.line, &self.issuer).await?;
        let mut metadata = metadata(wanted);
        let mut answer = self.registration(&discovery, &metadata).await?;
        if wants_a_redirect(&answer, wanted) {
            metadata.insert("redirect_uris".to_owned(), json!([NOWHERE]));
            answer = self.registration(&discovery, &metadata).await?;
        }
        if !answer.status.is_success() {
            return Err(Fault::of_place(self.line.refused(&answer)));
        }
        let body = self.line.object(&answer, Retry::Once)?;
        let place = discovery.registration_endpoint()?;
        let Some(id) = answers::client_id(&body, "client_id") else {
            return Err(Fault::Unknown("it made a client whose id cannot be used".to_owned()));
        };
        let client = Client { id: id.to_owned(), management: management(&body, place, id, None) };
        match answers::client_secret(&body, "client_secret") {
            Some(secret) => Ok(Issued {
                client,
                secret,
                expires_at: answers::moment(body.get("client_secret_expires_at")),
            }),
            None => {
                // Nobody could use it.
                self.unregister(&client).await?;
                Err(Fault::configuration(
                    "it registers clients without a secret, or with one of more than 255 characters",
                ))
            }
        }
    }

    async fn registration(
        &self,
        discovery: &Discovery,
        metadata: &Map<String, Value>,
    ) -> Result<Answer, Fault> {
        let token = self.initial_token(discovery).await?;
        let request = self.line.request(Method::POST, discovery.registration_endpoint()?)?;
        self.line.send(request.bearer_auth(&token).json(&Value::Object(metadata.clone())), Retry::Once).await
    }

    /// Sets the whole of a client anew.
    pub async fn replace(
        &self,
        client: &Client,
        wanted: &Wanted,
    ) -> Result<(Updated, Map<String, Value>), Fault> {
        let mut metadata = metadata(wanted);
        metadata.insert("client_id".to_owned(), client.id.clone().into());
        let mut answer = self.put(client, &metadata).await?;
        if wants_a_redirect(&answer, wanted) {
            metadata.insert("redirect_uris".to_owned(), json!([NOWHERE]));
            answer = self.put(client, &metadata).await?;
        }
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        let body = self.line.object(&answer, Retry::Once)?;
        let client = self.managed_by(client, &body);
        let secret = answers::client_secret(&body, "client_secret");
        Ok((Updated { client, secret }, body))
    }

    async fn put(&self, client: &Client, metadata: &Map<String, Value>) -> Result<Answer, Fault> {
        let body = Value::Object(metadata.clone());
        // It may bring a new secret and a new token, so it is not sent a second time.
        self.managed(client, Method::PUT, |request| request.json(&body), Retry::Once).await
    }

    /// Looks at a client, where that changes nothing.
    pub async fn look(&self, client: &Client) -> Result<Found, Fault> {
        let answer = self.managed(client, Method::GET, |request| request, Retry::Safe).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        let body = self.line.object(&answer, Retry::Safe)?;
        Ok(Found {
            client: self.managed_by(client, &body),
            name: answers::text(&body, "client_name").map(str::to_owned),
            redirect_uris: answers::texts(body.get("redirect_uris")),
        })
    }

    /// Removes a client.
    pub async fn unregister(&self, client: &Client) -> Result<Deleted, Fault> {
        let answer = self.managed(client, Method::DELETE, |request| request, Retry::Safe).await?;
        match answer.status {
            status if status.is_success() => Ok(Deleted::Gone),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Deleted::Gone),
            // Deleted clients are answered for like stale tokens.
            StatusCode::UNAUTHORIZED => Ok(Deleted::Unconfirmed),
            _ => Err(self.line.refused(&answer)),
        }
    }

    /// A request about a client, with its own token; with one that manages any client if that is not taken.
    async fn managed(
        &self,
        client: &Client,
        method: Method,
        with: impl Fn(Request) -> Request,
        retry: Retry,
    ) -> Result<Answer, Fault> {
        let management = client.management.as_ref();
        let management = management.ok_or_else(|| {
            Fault::configuration(
                "it gave no registration access token for the client: its clients cannot be managed",
            )
        })?;
        let ask = |token: &Secret<String>| {
            let request = self.line.request(method.clone(), &management.uri)?;
            Ok::<_, Fault>(with(request.bearer_auth(token)))
        };
        let answer = self.line.send(ask(&management.token)?, retry).await?;
        match self.managing_scope {
            Some(scope) if answer.status == StatusCode::UNAUTHORIZED => {
                let discovery = Discovery::of(&self.line, &self.issuer).await?;
                match self.token_for(&discovery, scope).await {
                    Ok(token) => self.line.send(ask(&token.text)?, retry).await,
                    Err(_) => Ok(answer),
                }
            }
            _ => Ok(answer),
        }
    }

    /// What a refusal means where a client's own token was sent: a client that is gone has none that is good.
    fn refused(&self, answer: &Answer) -> Fault {
        match answer.status {
            StatusCode::UNAUTHORIZED => Fault::Gone,
            _ => self.line.refused(answer),
        }
    }

    fn managed_by(&self, client: &Client, body: &Map<String, Value>) -> Client {
        let known = client.management.as_ref();
        let place = known.map(|known| known.uri.as_str()).unwrap_or_default();
        let management = known.and_then(|known| management(body, place, &client.id, Some(known)));
        Client { id: client.id.clone(), management }
    }

    /// Discovery, keys and what registration needs.
    pub async fn check(&self, report: &mut Verification, scope: &'static str) -> bool {
        let remedy = "correct the issuer";
        let Some(discovery) =
            report.step(Step::Discovery, remedy, Discovery::of(&self.line, &self.issuer).await)
        else {
            return false;
        };
        report.step(
            Step::Keys,
            "see that the issuer publishes the keys that it signs with",
            discovery.keys(&self.line).await,
        );
        let registration = discovery.registration_endpoint().map(drop);
        let remedy = "turn on dynamic client registration at the provider";
        let registers = report.step(Step::Discovery, remedy, registration).is_some();
        match &self.proof {
            Proof::InitialToken(_) => registers,
            Proof::InitialClient { .. } => {
                let token = self.initial_token(&discovery).await;
                report.step(Step::Token, scope, token).is_some() && registers
            }
        }
    }
}

/// A client as RFC 7591 section 2 describes it. What has a default is said all the same: there are servers that
/// have another.
fn metadata(wanted: &Wanted) -> Map<String, Value> {
    let grants = wanted.grants();
    let code = grants.contains(&"authorization_code");
    let mut metadata = Map::new();
    metadata.insert("client_name".to_owned(), wanted.name.clone().into());
    metadata.insert("grant_types".to_owned(), json!(grants));
    metadata.insert("redirect_uris".to_owned(), json!(wanted.redirect_uris));
    metadata.insert("response_types".to_owned(), if code { json!(["code"]) } else { json!([]) });
    metadata.insert("token_endpoint_auth_method".to_owned(), wanted.token_endpoint_auth_method().into());
    if !wanted.scopes.is_empty() {
        metadata.insert("scope".to_owned(), wanted.scopes.join(" ").into());
    }
    metadata
}

/// Whether a client was refused for the redirect URI that it has no use for.
fn wants_a_redirect(answer: &Answer, wanted: &Wanted) -> bool {
    answer.status == StatusCode::BAD_REQUEST
        && wanted.redirect_uris.is_empty()
        && answers::Refusal::of(answer).is_about_redirects()
}

/// Where and with what a client is managed, after an answer: its token if it brings one, else the known one; its
/// place if it is where clients are registered, else one made of its id.
fn management(
    body: &Map<String, Value>,
    place: &str,
    id: &str,
    known: Option<&Management>,
) -> Option<Management> {
    let token = match answers::text(body, "registration_access_token") {
        Some(token) => Secret::new(token.to_owned()),
        None => known?.token.clone(),
    };
    let told = answers::text(body, "registration_client_uri");
    let uri = told.filter(|uri| addresses::same_origin(uri, place)).map(str::to_owned);
    let uri = uri.unwrap_or_else(|| match known {
        Some(known) => known.uri.clone(),
        None => format!("{}/{}", place.trim_end_matches('/'), addresses::segment(id)),
    });
    Some(Management { uri, token })
}

/// What a rotation must bring.
pub fn rotated(updated: Updated, body: &Map<String, Value>) -> Result<Issued, Fault> {
    let secret = updated.secret;
    let secret = secret.ok_or_else(|| Fault::Unknown("it answers without the client's secret".to_owned()))?;
    let expires_at = answers::moment(body.get("client_secret_expires_at"));
    Ok(Issued { client: updated.client, secret, expires_at })
}
