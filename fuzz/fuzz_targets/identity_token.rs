//! Any text as an identity token: it is refused, since nothing here is signed with the provider's key.
#![no_main]

use std::sync::LazyLock;

use jsonwebtoken::jwk::Jwk;
use kernel::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use signin::sso::oidc::{Expected, verify};

/// The key of RFC 8037, appendix A.2.
static KEY: LazyLock<Jwk> = LazyLock::new(|| {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    serde_json::from_value(key).expect("a key")
});

fuzz_target!(|token: &str| {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let expected = Expected { issuer: "https://idp.test", client_id: "latchkey", nonce: Some("nonce"), now };
    assert!(verify(token, &KEY, &expected).is_err());
});
