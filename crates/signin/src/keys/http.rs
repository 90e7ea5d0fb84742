//! The operation on signing keys.

use frame::{
    operations::{Operation, Rule, get},
    principal::Callers,
};

use super::key_set_get;

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("get-signing-keys", "/.well-known/jwks.json")
            .allow(Callers::NONE, Rule::Public)
            .doc("Sessions", "Get the keys of access tokens", "A JWK set, the newest key first (RFC 7517).")
            .handle(key_set_get),
    ]
}
