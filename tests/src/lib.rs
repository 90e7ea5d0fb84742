//! The harness of the end-to-end tests: a whole Latchkey in this process, on a port of its own, over a
//! fresh database, with one client per kind of caller. Every reply is held against its declared schema.

mod app;
mod auth0_simulator;
mod beside;
mod browser;
mod client;
mod conformance;
mod database;
mod developers;
mod lasting;
mod marketplace;
pub mod passkey_device;
mod peers;
mod registrars;
mod saml_peers;
mod standin;

pub use app::{Member, TestApp, configuration};
pub use auth0_simulator::Auth0Simulator;
pub use beside::Beside;
pub use browser::{Browser, PUBLIC_URL};
pub use client::{Answer, Client};
pub use database::{Engine, Fresh};
pub use developers::{Developer, Site};
pub use marketplace::{AWS_KEY, Marketplace, Resolver};
pub use passkey_device::PasskeyDevice;
pub use peers::{Discovery, MailSink, OpenIdProvider, node_peers, python};
pub use registrars::{Certificate, Registry, key_of, registration_of, unconfirmed_client, wanted};
pub use saml_peers::{KeyPair, Make, SamlAnswer, SamlProvider};
pub use standin::{Suite, TestStandIn};

/// Registers a test once for each database. The PostgreSQL half runs when `TEST_DATABASE_URL` names a
/// server in which databases can be created, as `cargo xtask test` provides.
#[macro_export]
macro_rules! on_both {
    ($(#[doc = $doc:literal])* async fn $name:ident($engine:ident: $kind:ty) $body:block) => {
        mod $name {
            use super::*;

            $(#[doc = $doc])*
            async fn story($engine: $kind) $body

            #[test]
            fn on_sqlite() {
                $crate::run(story($crate::Engine::Sqlite));
            }

            #[test]
            fn on_postgres() {
                if $crate::postgres_is_there() {
                    $crate::run(story($crate::Engine::Postgres));
                }
            }
        }
    };
}

/// Runs a test.
pub fn run(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a test needs threads").block_on(story);
}

/// Whether the PostgreSQL half of the tests can run. `cargo xtask test` makes sure that it can.
pub fn postgres_is_there() -> bool {
    std::env::var_os("TEST_DATABASE_URL").is_some()
}
