//! What an issuer says about itself (OpenID Connect Discovery 1.0, RFC 8414), and its keys.

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Fault, addresses,
    line::{Line, Retry},
};

/// Longest document.
const LONGEST: usize = 64 * 1024;

/// What matters of it.
#[derive(Deserialize)]
pub struct Discovery {
    issuer: String,
    /// Where tokens are handed out.
    pub token_endpoint: Option<String>,
    /// Where clients are registered.
    pub registration_endpoint: Option<String>,
    jwks_uri: Option<String>,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

impl Discovery {
    /// Asks the issuer; it must call itself as it is configured.
    pub async fn of(line: &Line, issuer: &str) -> Result<Self, Fault> {
        let base = addresses::base(issuer)?;
        let origin = addresses::origin(&base)?;
        let path = base.get(origin.len()..).unwrap_or_default();
        let places = [
            format!("{base}/.well-known/openid-configuration"),
            format!("{base}/.well-known/oauth-authorization-server"),
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
        ];
        for place in places {
            let request = line.request(Method::GET, &place)?.at_most(LONGEST);
            let document = match line.json(request, Retry::Safe).await {
                Ok(document) => document,
                Err(Fault::Gone) => continue,
                Err(fault) => return Err(fault),
            };
            let found: Self = serde_json::from_value(document.into())
                .map_err(|_| Fault::configuration("its discovery document names no issuer"))?;
            // A slash at the end is the one liberty that real ones take.
            return if addresses::base(&found.issuer).is_ok_and(|theirs| theirs == base) {
                Ok(found)
            } else {
                Err(Fault::configuration("its discovery document is that of another issuer"))
            };
        }
        Err(Fault::configuration("it has no discovery document"))
    }

    /// Where tokens are handed out: at the issuer's own origin, or a client's secret would leave it.
    pub fn token_endpoint(&self) -> Result<&str, Fault> {
        self.own(self.token_endpoint.as_deref(), "token endpoint")
    }

    /// Where clients are registered, at the issuer's own origin too.
    pub fn registration_endpoint(&self) -> Result<&str, Fault> {
        self.own(self.registration_endpoint.as_deref(), "registration endpoint")
    }

    fn own<'a>(&self, endpoint: Option<&'a str>, what: &str) -> Result<&'a str, Fault> {
        let endpoint = endpoint.ok_or_else(|| {
            Fault::configuration(format!("its discovery document names no {what}: it may be turned off"))
        })?;
        if addresses::same_origin(endpoint, &self.issuer) {
            Ok(endpoint)
        } else {
            Err(Fault::configuration(format!("its {what} is at another origin than its issuer")))
        }
    }

    /// Fetches its keys; without one nobody can verify its tokens.
    pub async fn keys(&self, line: &Line) -> Result<(), Fault> {
        let place = self.jwks_uri.as_deref();
        let place =
            place.ok_or_else(|| Fault::configuration("its discovery document names no place of keys"))?;
        let keys = line.json(line.request(Method::GET, place)?, Retry::Safe).await?;
        match serde_json::from_value::<Keys>(keys.into()) {
            Ok(keys) if !keys.keys.is_empty() => Ok(()),
            _ => Err(Fault::configuration("it has no keys")),
        }
    }
}
