//! What providers say about themselves: where their endpoints are (Discovery 1.0), and which keys they sign
//! with (RFC 7517). Both are kept for some minutes.

use std::{sync::Arc, time::Duration};

use frame::{
    App,
    outbound::{OutboundError, read_json},
};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use kernel::{Timestamp, WallClock};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::Value;

use super::super::{Halt, refused, unreachable};
use crate::part;

/// How long what was said is believed.
const FRESH: Duration = Duration::from_secs(600);
/// How often keys are looked for again because one is not known.
const SEEK: Duration = Duration::from_secs(30);
/// How many providers are remembered.
const MOST: usize = 256;

/// What is known of providers.
pub struct Known {
    discoveries: Cache<String, (Timestamp, Arc<Discovery>)>,
    keys: Cache<String, Arc<Keys>>,
}

impl Default for Known {
    fn default() -> Self {
        Self { discoveries: Cache::new(MOST), keys: Cache::new(MOST) }
    }
}

/// What a provider says about itself (Discovery section 3), as far as it matters.
#[derive(Deserialize)]
pub struct Discovery {
    /// What it calls itself.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where codes are exchanged.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where it tells more about who signed in.
    pub userinfo_endpoint: Option<String>,
    /// How clients prove themselves; nothing means `client_secret_basic`.
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether it names itself in its answers (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl Discovery {
    /// Whether a client's secret travels in the header, which is the default, or in the form.
    pub fn takes_basic(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        let has = |name: &str| methods.iter().any(|method| method == name);
        has("client_secret_basic") || !has("client_secret_post")
    }
}

/// What a provider says about itself; it must call itself as it is configured (Discovery section 4.3).
pub async fn discover(app: &App, issuer: &str) -> Result<Arc<Discovery>, Halt> {
    let part = part(app)?;
    let now = WallClock::now(&*app.wall);
    if let Some((at, discovery)) = part.oidc.discoveries.get(issuer)
        && now.since(at) < FRESH
    {
        return Ok(discovery);
    }
    let fault = |error: &OutboundError| unreachable(issuer, error);
    let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let request = part.outbound.get(&place).map_err(|error| fault(&error))?;
    let discovery: Discovery = read_json(request).await.map_err(|error| fault(&error))?;
    if discovery.issuer != issuer {
        let shown: String = discovery.issuer.chars().filter(|c| !c.is_control()).take(200).collect();
        return refused(format!(
            "Your company's sign-in page is configured as [{issuer}], but it calls itself [{shown}]. An administrator has to configure it under that name."
        ));
    }
    let discovery = Arc::new(discovery);
    part.oidc.discoveries.insert(issuer.to_owned(), (now, Arc::clone(&discovery)));
    Ok(discovery)
}

struct Keys {
    keys: Vec<Jwk>,
    fetched_at: Timestamp,
    /// When they were looked for because one was not known.
    sought_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

async fn fetch(app: &App, discovery: &Discovery, sought_at: Option<Timestamp>) -> Result<Arc<Keys>, Halt> {
    let part = part(app)?;
    let fault = |error: &OutboundError| unreachable(&discovery.issuer, error);
    let request = part.outbound.get(&discovery.jwks_uri).map_err(|error| fault(&error))?;
    let set: KeySet = read_json(request).await.map_err(|error| fault(&error))?;
    // A key of a kind that is not known here is none for us, and no reason to refuse the others.
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    let keys = Arc::new(Keys { keys, fetched_at: WallClock::now(&*app.wall), sought_at });
    part.oidc.keys.insert(discovery.jwks_uri.clone(), Arc::clone(&keys));
    Ok(keys)
}

/// The key that signed a token, looked for again if the provider may have a new one.
pub async fn key_for(app: &App, discovery: &Discovery, token: &str) -> Result<Jwk, Halt> {
    let Ok(header) = jsonwebtoken::decode_header(token) else {
        return refused("Your company's sign-in page sent an identity token that cannot be read.");
    };
    let now = WallClock::now(&*app.wall);
    let known =
        part(app)?.oidc.keys.get(&discovery.jwks_uri).filter(|keys| now.since(keys.fetched_at) < FRESH);
    let keys = match known {
        Some(keys) => keys,
        None => fetch(app, discovery, None).await?,
    };
    if let Some(key) = pick(&keys.keys, header.kid.as_deref()) {
        return Ok(key);
    }
    if keys.sought_at.is_none_or(|at| now.since(at) > SEEK) {
        let keys = fetch(app, discovery, Some(now)).await?;
        if let Some(key) = pick(&keys.keys, header.kid.as_deref()) {
            return Ok(key);
        }
    }
    refused("Your company's sign-in page signed with a key that it does not publish.")
}

/// The key of that id; a token that names none is signed with the only one.
fn pick(keys: &[Jwk], kid: Option<&str>) -> Option<Jwk> {
    let mut signing = keys.iter().filter(|key| key.common.public_key_use != Some(PublicKeyUse::Encryption));
    match kid {
        Some(kid) => signing.find(|key| key.common.key_id.as_deref() == Some(kid)).cloned(),
        None => signing.next().filter(|_| signing.next().is_none()).cloned(),
    }
}
