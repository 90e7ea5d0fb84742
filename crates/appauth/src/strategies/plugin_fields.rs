//! The gateway plugin that carries out a strategy knows certain fields, and no others.

use std::{collections::BTreeMap, sync::LazyLock};

use kernel::{Fault, Invalid};
use serde_json::{Map, Value};

use crate::Settings;

const PUBLISHED: &str = include_str!("openid_connect_fields.txt");

/// What of a field is secret.
#[derive(Default)]
struct Secrecy {
    /// All of it.
    whole: bool,
    /// The members with these names, however deep.
    members: Vec<&'static str>,
}

static FIELDS: LazyLock<BTreeMap<&'static str, Secrecy>> = LazyLock::new(|| {
    let lines = PUBLISHED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let field = |line: &'static str| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let mut secrecy = Secrecy::default();
        for word in words {
            match word.trim_start_matches('*') {
                "" => secrecy.whole = true,
                member => secrecy.members.push(member),
            }
        }
        Some((name, secrecy))
    };
    lines.filter_map(field).collect()
});

/// Adds a fault for each member of a configuration that the plugin does not know, and for each secret that
/// stands there in clear: whoever may read a strategy sees all of it. The gateway resolves references to its
/// vaults itself.
pub(super) fn check(settings: &Settings, at: &str, config: &Map<String, Value>, faults: &mut Vec<Invalid>) {
    for (name, value) in config {
        let path = format!("{at}.{}", name.chars().take(80).collect::<String>());
        match FIELDS.get(name.as_str()) {
            Some(secrecy) => check_secrets(secrecy, secrecy.whole, path, value, faults),
            None if settings.plugin_fields.contains(name) => {}
            None => faults.push(Invalid::body(path, Fault::Rule("unknown field".to_owned()))),
        }
    }
}

fn check_secrets(secrecy: &Secrecy, secret: bool, path: String, value: &Value, faults: &mut Vec<Invalid>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let secret = secret || secrecy.members.contains(&name.as_str());
                let path = format!("{path}.{}", name.chars().take(80).collect::<String>());
                check_secrets(secrecy, secret, path, value, faults);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                check_secrets(secrecy, secret, format!("{path}.{n}"), item, faults);
            }
        }
        Value::Null => {}
        Value::String(text) if text.starts_with("{vault://") && text.ends_with('}') => {}
        _ if secret => {
            let why = "is a secret, and must be a reference to a vault of the gateway: {vault://…}";
            faults.push(Invalid::body(path, Fault::Rule(why.to_owned())));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn complaints(config: &Value) -> Vec<String> {
        let settings = Settings { plugin_fields: vec!["consumer_claim".to_owned()], ..Settings::default() };
        let mut faults = Vec::new();
        check(&settings, "c", config.as_object().unwrap(), &mut faults);
        faults.into_iter().map(|fault| format!("{} {}", fault.field, fault.reason())).collect()
    }

    #[test]
    fn published_fields_are_known_and_others_are_not() {
        assert_eq!(FIELDS.len(), 234);
        let known = json!({
            "cache_tokens": false, "ssl_verify": true, "token_post_args_names": ["audience"], "consumer_claim": ["a"],
        });
        assert_eq!(complaints(&known), [""; 0]);
        let unknown = json!({ "labels": {}, "Cache_tokens": true, "*": 1, "#": 1, "": 1 });
        let fields = ["labels", "Cache_tokens", "*", "#", ""];
        assert_eq!(complaints(&unknown), fields.map(|field| format!("c.{field} unknown field")));
    }

    #[test]
    fn secrets_are_references() {
        let clear = json!({
            "client_secret": ["{vault://env/one}", "two"],
            "client_jwk": [{ "kid": "1", "kty": "RSA", "n": "public", "d": "private" }],
            "redis": { "host": "cache", "password": "open", "cloud_authentication": { "azure_client_secret": 7 } },
            "session_secret": null,
        });
        let fields: Vec<String> =
            complaints(&clear).iter().map(|it| it.split(' ').next().unwrap_or_default().to_owned()).collect();
        let expected = [
            "c.client_secret.1",
            "c.client_jwk.0.d",
            "c.redis.password",
            "c.redis.cloud_authentication.azure_client_secret",
        ];
        assert_eq!(fields, expected);
        let referred =
            json!({ "client_secret": ["{vault://aws/oidc/secret}"], "session_secret": "{vault://env/s}" });
        assert_eq!(complaints(&referred), [""; 0]);
    }
}
