//! What makes an identity token believable (OpenID Connect Core section 3.1.3.7).

use std::time::Duration;

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{Jwk, KeyAlgorithm},
};
use kernel::Timestamp;
use serde_json::{Map, Value};

use super::super::{Halt, refused};

/// By how much clocks may differ.
const LEEWAY: Duration = Duration::from_secs(60);
/// What a provider may sign with: nothing that its published key could forge.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What a token must say.
pub struct Expected<'e> {
    /// Who signed it.
    pub issuer: &'e str,
    /// Whom it is for.
    pub client_id: &'e str,
    /// The sign-in that it answers; `None` for a token that answers none.
    pub nonce: Option<&'e str>,
    /// The present.
    pub now: Timestamp,
}

/// Checks the signature, then every claim that the standard wants checked; all claims.
pub fn verify(token: &str, key: &Jwk, expected: &Expected<'_>) -> Result<Map<String, Value>, Halt> {
    let claims = signed(token, key);
    match claims.and_then(|claims| checked(&claims, expected).map(|()| claims)) {
        Ok(claims) => Ok(claims),
        Err(why) => {
            tracing::warn!(issuer = expected.issuer, why, "an identity token was refused");
            refused(format!(
                "Your company's sign-in page sent an identity token that cannot be accepted: {why}."
            ))
        }
    }
}

fn signed(token: &str, key: &Jwk) -> Result<Map<String, Value>, &'static str> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| "it cannot be read")?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err("it is signed by a method that is not accepted");
    }
    // A key is for one algorithm, if it says so (RFC 7517 section 4.4), not for whichever the token names.
    let named =
        |algorithm: &KeyAlgorithm| algorithm.to_string().parse::<Algorithm>().ok() == Some(header.alg);
    if key.common.key_algorithm.as_ref().is_some_and(|algorithm| !named(algorithm)) {
        return Err("its key is for another method of signing");
    }
    let decoding = DecodingKey::from_jwk(key).map_err(|_| "its key cannot be used")?;
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let token = jsonwebtoken::decode::<Map<String, Value>>(token, &decoding, &validation);
    token.map(|token| token.claims).map_err(|_| "its signature is not right")
}

fn checked(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| {
        let seconds = claims.get(name).and_then(Value::as_f64);
        #[expect(clippy::cast_possible_truncation, reason = "a cast of a number that is too large saturates")]
        seconds.map(|seconds| Timestamp::from_micros((seconds * 1e6) as i64))
    };
    if text("iss") != Some(expected.issuer) {
        return Err("another issuer made it");
    }
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audience.contains(&expected.client_id) {
        return Err("it is for another client");
    }
    let party = text("azp").filter(|_| expected.nonce.is_some());
    if party.is_some_and(|party| party != expected.client_id)
        || (expected.nonce.is_some() && audience.len() > 1 && party.is_none())
    {
        return Err("it was made for another client");
    }
    let now = expected.now;
    if time("exp").ok_or("it never expires")? <= now.minus(LEEWAY) {
        return Err("it has expired; perhaps a clock is wrong");
    }
    let early = |at: Timestamp| at > now.plus(LEEWAY);
    if early(time("iat").ok_or("it does not say when it was made")?) || time("nbf").is_some_and(early) {
        return Err("it is not valid yet; perhaps a clock is wrong");
    }
    if expected.nonce.is_some_and(|nonce| text("nonce") != Some(nonce)) {
        return Err("it answers another sign-in");
    }
    if text("sub").is_none_or(|sub| sub.is_empty() || sub.len() > 255 || sub.contains(char::is_control)) {
        return Err("it does not say who signed in");
    }
    Ok(())
}
