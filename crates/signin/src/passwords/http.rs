//! The operation that signs in with a password and no page.

use frame::{
    operations::{Operation, Rule, post},
    principal::Callers,
};

use super::password_authenticate;

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("authenticate-kauth", "/kauth/api/v1/authenticate")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                "Sessions",
                "Sign in with a password",
                "Sets the cookies of a session in the organization that the person used last. An address that nobody has \
                 and a wrong password get the same 401. After some failures there is 429 with `Retry-After`.",
            )
            .errors(&[401, 403, 429])
            .handle(password_authenticate),
    ]
}
