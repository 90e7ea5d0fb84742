//! Tokens for management APIs: asked for by client credentials, kept while they are good, asked for once however
//! many want one. Initial tokens of dynamic registration are never kept: they are good for one client.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use http::{Method, StatusCode};
use kernel::{Secret, Timestamp};
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::form_urlencoded;
use uuid::Uuid;

use frame::outbound::{Answer, Request};

use super::{
    Fault, answers,
    line::{Line, Retry},
};

/// So long before its end a token is not used any more.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a token is good if nobody says.
const SHORT: Duration = Duration::from_secs(300);

/// The tokens that are kept.
pub struct Tokens(Cache<Uuid, Arc<Mutex<Option<Held>>>>);

struct Held {
    /// What it was asked for with: another secret gets another token.
    asked: [u8; 32],
    token: Token,
    until: Timestamp,
}

/// A token for a management API.
#[derive(Clone)]
pub struct Token {
    /// The token.
    pub text: Secret<String>,
    /// The scopes that came with it.
    pub scopes: Vec<String>,
}

impl Tokens {
    /// Room for those of so many providers.
    pub fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    fn held(&self, provider: Uuid) -> Arc<Mutex<Option<Held>>> {
        let held = self.0.get_or_insert_with(&provider, || Ok::<_, std::convert::Infallible>(Arc::default()));
        let Ok(held) = held;
        held
    }
}

/// The client that registers clients.
#[derive(Clone)]
pub struct InitialClient {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Secret<String>,
}

/// What a token is asked for with.
pub struct Grant<'g> {
    /// Where.
    pub endpoint: &'g str,
    /// The client.
    pub client: &'g InitialClient,
    /// What else is in the form: its scope or its audience.
    pub more: Vec<(&'static str, String)>,
    /// Whether the client proves itself in the header rather than in the form.
    pub basic: bool,
}

impl Grant<'_> {
    fn asked(&self) -> [u8; 32] {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.append_pair("", self.endpoint).append_pair("", &self.client.id);
        text.append_pair("", self.client.secret.reveal());
        text.extend_pairs(&self.more);
        let digest = digest(&SHA256, zeroize::Zeroizing::new(text.finish()).as_bytes());
        let mut asked = [0; 32];
        asked.copy_from_slice(digest.as_ref());
        asked
    }

    fn request(&self, line: &Line) -> Result<Request, Fault> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials").extend_pairs(&self.more);
        let mut request = line.request(Method::POST, self.endpoint)?;
        if self.basic {
            // RFC 6749 section 2.3.1: both are encoded as forms encode before they are joined.
            let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(&encode(&self.client.id), &encode(self.client.secret.reveal()));
        } else {
            form.append_pair("client_id", &self.client.id)
                .append_pair("client_secret", self.client.secret.reveal());
        }
        Ok(request.form(form.finish()))
    }

    /// A new token, and what else the answer says.
    pub async fn ask(&self, line: &Line) -> Result<(Token, Map<String, Value>), Fault> {
        // A token that got lost does no harm.
        let answer = line.send(self.request(line)?, Retry::Safe).await?;
        if !answer.status.is_success() {
            return Err(Fault::Configuration(line.said(&answer)));
        }
        let body = line.object(&answer, Retry::Safe)?;
        let token = answers::text(&body, "access_token")
            .ok_or_else(|| Fault::configuration("it answers without an access token"))?;
        let scopes = answers::text(&body, "scope").unwrap_or_default();
        let scopes = scopes.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        Ok((Token { text: Secret::new(token.to_owned()), scopes }, body))
    }

    /// A token: the one that is kept, unless it is the one that was refused.
    pub async fn token(&self, line: &Line, refused: Option<&Token>) -> Result<Token, Fault> {
        let held = line.registrar.0.tokens.held(line.provider.uuid());
        // Whoever comes while it is asked for waits for the same.
        let mut held = held.lock().await;
        let asked = self.asked();
        if let Some(held) = held.as_ref()
            && held.asked == asked
            && held.until > line.now()
            && refused.is_none_or(|refused| refused.text.reveal() != held.token.text.reveal())
        {
            return Ok(held.token.clone());
        }
        *held = None;
        let (token, body) = self.ask(line).await?;
        let life = body.get("expires_in").and_then(Value::as_u64).map_or(SHORT, Duration::from_secs);
        let until = line.now().plus(life.saturating_sub(MARGIN));
        *held = Some(Held { asked, token: token.clone(), until });
        Ok(token)
    }

    /// Sends a request with a token; with another one, once, if the first is not taken.
    pub async fn send(&self, line: &Line, request: Request, retry: Retry) -> Result<Answer, Fault> {
        let token = self.token(line, None).await?;
        let again = request.again();
        let answer = line.send(request.bearer_auth(&token.text), retry).await?;
        match again {
            Some(again) if answer.status == StatusCode::UNAUTHORIZED => {
                let token = self.token(line, Some(&token)).await?;
                line.send(again.bearer_auth(&token.text), retry).await
            }
            _ => Ok(answer),
        }
    }
}
