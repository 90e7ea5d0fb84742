//! OpenID Connect Core 1.0, the authorization code flow with PKCE (RFC 7636), as a client of an
//! organization's provider. What is trusted of an answer is a signed token that was made for this client and
//! this sign-in.

mod id_token;
mod known;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use frame::{
    App,
    outbound::{Request, read_json},
};
use http::header;
use identity::identity_providers::{CLIENT_SECRETS, Provider, config::Oidc};
use kernel::{Secret, TokenHash, WallClock};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded;
use zeroize::Zeroizing;

pub use id_token::{Expected, verify};
pub use known::Known;
use known::{Discovery, discover};

use super::{Halt, arrival::Arrival, refused, unreachable};
use crate::part;

/// What the provider was told of a sign-in, and nobody else can know. It follows from `state`, so nothing
/// of it is kept.
struct Derived {
    nonce: String,
    verifier: String,
}

fn derived(app: &App, state: &str) -> Derived {
    let derive = |what: &str| {
        BASE64_URL_SAFE_NO_PAD.encode(TokenHash::of(&format!("{what} {state}"), app.vault.token_key()).0)
    };
    Derived { nonce: derive("sso nonce"), verifier: derive("sso verifier") }
}

/// Checks an access token that an issuer signed for an audience of ours; all its claims.
pub(crate) async fn access_token(
    app: &App,
    issuer: &str,
    audience: &str,
    token: &str,
) -> Result<(Map<String, Value>, Option<String>), Halt> {
    let discovery = discover(app, issuer).await?;
    let key = known::key_for(app, &discovery, token).await?;
    let now = WallClock::now(&*app.wall);
    let expected = Expected { issuer, client_id: audience, nonce: None, now };
    Ok((verify(token, &key, &expected)?, discovery.userinfo_endpoint.clone()))
}

/// Where the provider sends people back to, as the published service has it.
pub fn redirect_uri(app: &App) -> String {
    format!("{}/login", app.settings.public_url)
}

/// Where a browser is sent to sign in.
pub async fn begin(app: &App, config: &Oidc, state: &str) -> Result<String, Halt> {
    let discovery = discover(app, &config.issuer_url).await?;
    let outbound = &part(app)?.outbound;
    let place = &discovery.authorization_endpoint;
    let mut url = outbound.link(place).map_err(|error| unreachable(&config.issuer_url, &error))?;
    let Derived { nonce, verifier } = derived(app, state);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &config.client_id)
        .append_pair("redirect_uri", &redirect_uri(app))
        .append_pair("scope", &config.scopes.join(" "))
        .append_pair("state", state)
        .append_pair("nonce", &nonce)
        .append_pair("code_challenge", &BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref()))
        .append_pair("code_challenge_method", "S256");
    Ok(url.into())
}

/// What a provider sends a browser back with.
pub struct Answer<'a> {
    /// The code; `None` if it refused.
    pub code: Option<&'a str>,
    /// Who answers (RFC 9207).
    pub iss: Option<&'a str>,
    /// Why it refused.
    pub error: Option<&'a str>,
}

/// The answer of the token endpoint (RFC 6749 section 5.1), as far as it matters.
#[derive(Deserialize)]
struct Tokens {
    access_token: Option<Secret<String>>,
    id_token: Option<Secret<String>>,
}

/// An error (RFC 6749 section 5.2).
#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

/// An error code that can be shown: nothing else of what a provider sends is.
fn code_shown(error: &str) -> &str {
    let plain = error.len() <= 64 && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { error } else { "an unknown error" }
}

/// Exchanges the code, and finds out who arrives.
pub async fn finish(
    app: &App,
    provider: &Provider,
    config: &Oidc,
    state: &str,
    answer: &Answer<'_>,
) -> Result<Arrival, Halt> {
    let discovery = discover(app, &config.issuer_url).await?;
    // A provider that names itself must be the one that was asked (RFC 9207 section 2.4).
    let other = answer.iss.is_some_and(|iss| iss != discovery.issuer);
    if other || (answer.iss.is_none() && discovery.authorization_response_iss_parameter_supported) {
        return refused("The answer came from another sign-in page than the one that was asked.");
    }
    if let Some(error) = answer.error {
        let error = code_shown(error);
        return refused(format!("Your company's sign-in page did not let you in: {error}."));
    }
    let Some(code) = answer.code else {
        return refused("Your company's sign-in page answered without a code.");
    };
    let Derived { nonce, verifier } = derived(app, state);
    let tokens = exchange(app, provider, config, &discovery, code, &verifier).await?;
    let Some(id_token) = tokens.id_token else {
        return refused(
            "Your company's sign-in page sent no identity token. Its scopes have to hold openid.",
        );
    };
    let key = known::key_for(app, &discovery, id_token.reveal()).await?;
    let expected = Expected {
        issuer: &discovery.issuer,
        client_id: &config.client_id,
        nonce: Some(&nonce),
        now: WallClock::now(&*app.wall),
    };
    let mut claims = verify(id_token.reveal(), &key, &expected)?;
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
    let wanted = [&config.claim_mappings.email, &config.claim_mappings.name, &config.claim_mappings.groups];
    if wanted.iter().any(|name| !claims.contains_key(name.as_str()))
        && let (Some(place), Some(token)) = (&discovery.userinfo_endpoint, &tokens.access_token)
    {
        for (name, value) in userinfo(app, &config.issuer_url, place, token, &subject).await? {
            claims.entry(name).or_insert(value);
        }
    }
    let mail_is_the_standards = config.claim_mappings.email == "email";
    let unverified = |verified: &Value| verified == false || verified == "false";
    if mail_is_the_standards && claims.get("email_verified").is_some_and(unverified) {
        return refused("Your company's sign-in page says that your e-mail address is not verified yet.");
    }
    Ok(Arrival::of_claims(&discovery.issuer, &subject, &config.claim_mappings, claims))
}

async fn exchange(
    app: &App,
    provider: &Provider,
    config: &Oidc,
    discovery: &Discovery,
    code: &str,
    verifier: &str,
) -> Result<Tokens, Halt> {
    let fault = |error: &_| unreachable(&config.issuer_url, error);
    let request = exchange_request(app, provider, config, discovery, code, verifier)?;
    let answer = request.send().await.map_err(|error| fault(&error))?;
    if !answer.status.is_success() {
        let told = answer.json::<ErrorAnswer>();
        let error = told.map_or_else(
            |_| format!("status {}", answer.status.as_u16()),
            |told| code_shown(&told.error).to_owned(),
        );
        tracing::warn!(issuer = config.issuer_url, error, "a provider refused a code");
        let hint = match error.as_str() {
            "invalid_client" | "unauthorized_client" => " The client id or its secret is not right.",
            _ => "",
        };
        return refused(format!("Your company's sign-in page did not accept its own code: {error}.{hint}"));
    }
    answer.json().map_err(|error| fault(&error))
}

fn exchange_request(
    app: &App,
    provider: &Provider,
    config: &Oidc,
    discovery: &Discovery,
    code: &str,
    verifier: &str,
) -> Result<Request, Halt> {
    let place = &discovery.token_endpoint;
    let outbound = &part(app)?.outbound;
    let mut request = outbound.post(place).map_err(|error| unreachable(&config.issuer_url, &error))?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &redirect_uri(app))
        .append_pair("code_verifier", verifier);
    match &provider.client_secret {
        None => {
            form.append_pair("client_id", &config.client_id);
        }
        Some(sealed) => {
            let secret = app.vault.ring().open(&CLIENT_SECRETS.place(provider.id), sealed)?;
            let secret = Zeroizing::new(String::from_utf8_lossy(secret.reveal()).into_owned());
            if discovery.takes_basic() {
                // RFC 6749 section 2.3.1: both are encoded as forms encode before they are joined.
                let encode =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(&encode(&config.client_id), &encode(&secret));
            } else {
                form.append_pair("client_id", &config.client_id).append_pair("client_secret", &secret);
            }
        }
    }
    Ok(request.header(header::ACCEPT, "application/json").form(form.finish()))
}

/// What the provider says beside the token, about the same subject (Core section 5.3.2).
pub(crate) async fn userinfo(
    app: &App,
    issuer: &str,
    place: &str,
    token: &Secret<String>,
    subject: &str,
) -> Result<Map<String, Value>, Halt> {
    let fault = |error: &_| unreachable(issuer, error);
    let request = part(app)?.outbound.get(place).map_err(|error| fault(&error))?.bearer_auth(token);
    let told: Map<String, Value> = read_json(request).await.map_err(|error| fault(&error))?;
    if told.get("sub").and_then(Value::as_str) != Some(subject) {
        return refused("Your company's sign-in page told about somebody else than who signed in.");
    }
    Ok(told)
}
