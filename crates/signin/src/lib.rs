//! How people get in: passwords, sessions, and what tells others whether a credential is good; and how those who
//! buy on a marketplace come to their organization. One folder per matter: `mod.rs` has the types and the rules,
//! `http.rs` the operations, `store.rs` the SQL.
//!
//! This crate knows `identity`, whose people it lets in; `identity` does not know it.

pub mod auth0;
pub mod device;
pub mod factors;
pub mod housekeeping;
pub mod introspection;
pub mod joining;
pub mod kauth;
pub mod keys;
pub mod marketplace;
pub mod pages;
pub mod passkeys;
pub mod passwords;
pub mod registration;
pub mod services;
pub mod sessions;
pub mod sso;

use std::{sync::Arc, time::Duration};

use frame::{App, operations::Operation, outbound::Outbound, passwords::Hasher};
use kernel::Result;

use crate::keys::SigningKeys;

/// What the operator may set about signing in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an access token is good.
    pub access_life: Duration,
    /// How long a refresh token is good.
    pub refresh_life: Duration,
    /// How long a session lasts, however often it is refreshed.
    pub session_life: Duration,
    /// How long a key signs before a new one is made.
    pub key_life: Duration,
    /// How long a device's code is good.
    pub device_code_life: Duration,
    /// The public clients that may ask for a code: id and name.
    pub device_clients: Vec<(String, String)>,
    /// Whether anybody may register an organization.
    pub registration: bool,
    /// The Auth0 tenant whose tokens are taken, if any.
    pub auth0: Option<auth0::Tenant>,
    /// What is sold on AWS Marketplace, if anything.
    pub marketplace: Option<marketplace::Settings>,
}

/// What this capability keeps while the program runs.
#[derive(Clone)]
pub struct SignIn {
    /// What the operator set.
    pub settings: Settings,
    /// The keys that sign access tokens.
    pub keys: Arc<SigningKeys>,
    /// Where passwords are hashed.
    pub hasher: Arc<Hasher>,
    /// For whom passkeys are, if the public URL allows any.
    pub passkeys: Option<passkeys::webauthn::RelyingParty>,
    /// What reaches identity providers.
    pub outbound: Outbound,
    /// What OpenID Connect providers say about themselves.
    pub oidc: Arc<sso::oidc::Known>,
    /// The metadata of SAML providers.
    pub saml: Arc<sso::saml::Known>,
    /// What asks AWS Marketplace about its customers, if it is set up.
    pub marketplace: Option<Arc<marketplace::Resolver>>,
}

/// Every column of sealed secrets of this crate.
pub static SEALED: [&frame::db::SealedColumn; 3] =
    [&factors::store::TOTP_SECRETS, &sso::saml_keys::KEYS, &keys::store::SEEDS];

/// This capability's part of the program.
pub(crate) fn part(app: &App) -> Result<&SignIn> {
    app.part()
}

/// Every operation of this crate.
pub fn operations() -> Vec<Operation> {
    let groups = [
        keys::http::operations(),
        passwords::http::operations(),
        kauth::http::operations(),
        introspection::http::operations(),
        device::http::operations(),
        pages::http::operations(),
        sso::http::operations(),
        factors::http::operations(),
        auth0::http::operations(),
        marketplace::http::operations(),
        sessions::http::operations(),
    ];
    groups.into_iter().flatten().collect()
}
