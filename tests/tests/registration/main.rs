//! Each adapter meets its peer: a real server, or a fake of what exists as a service only. What became of a client
//! is asked of the peer, never of the adapter.

mod auth0;
mod azure_ad;
mod bridge;
mod curity;
mod failures;
mod okta;
mod rfc7591;
mod verification;

use appauth::{
    dcr_providers::OpenProvider,
    registration::{Adapter, Fault, Issued, Registrar, Updated},
};

/// The adapter of a provider.
fn at(registrar: &Registrar, provider: &OpenProvider) -> Box<dyn Adapter> {
    registrar.adapter(provider).expect("an adapter")
}

/// The secret of what was issued.
fn secret(issued: &Issued) -> &str {
    issued.secret.reveal()
}

/// The secret that came with an update.
fn secret_of(updated: &Updated) -> Option<&str> {
    updated.secret.as_ref().map(|secret| secret.reveal().as_str())
}

/// What worked.
#[track_caller]
fn worked<T>(result: Result<T, Fault>) -> T {
    result.unwrap_or_else(|fault| panic!("{fault:?}"))
}

/// What did not.
#[track_caller]
fn failed<T>(result: Result<T, Fault>) -> Fault {
    match result {
        Ok(_) => panic!("it worked"),
        Err(fault) => fault,
    }
}
