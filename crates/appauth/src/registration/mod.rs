//! What speaks with identity providers: clients are made, changed, given new secrets and removed there. One
//! file per kind of provider, all behind [`Adapter`].
//!
//! Nothing here knows the database, and nobody may hold a transaction while an adapter is asked.

mod addresses;
mod answers;
mod auth0;
mod azure_ad;
mod bridge;
mod curity;
mod discovery;
mod dynamic;
mod fault;
pub mod http;
mod line;
mod okta;
mod rfc7591;
mod tokens;
mod verification;

use std::{sync::Arc, time::Duration};

use frame::{App, access::BoxFuture, outbound::Outbound, runtime::Entropy};
use kernel::{DcrProviderId, Secret, Timestamp, WallClock};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

pub use dynamic::Proof;
pub use fault::{Fault, Field};
pub use tokens::InitialClient;
pub use verification::{Step, Verification, probe, verify};

use crate::dcr_providers::{OpenProvider, config::DcrConfig};
use line::Line;
use tokens::Tokens;

/// What the operator may set about it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Microsoft Entra ID hands out tokens; sovereign clouds have others.
    pub azure_login: String,
    /// Where Microsoft Graph is.
    pub azure_graph: String,
    /// How long one request may take.
    pub timeout: Duration,
}

/// How many requests one provider gets at once.
const AT_ONCE: usize = 4;
/// How many providers are remembered.
const MOST: usize = 1024;
/// How many times as long everything that somebody waits for may take.
const WHOLE: u32 = 3;
/// The same where a new client is known everywhere only after some seconds.
const WHOLE_AT_MICROSOFT: u32 = 5;

/// What adapters share, one per process.
#[derive(Clone)]
pub struct Registrar(Arc<Shared>);

struct Shared {
    outbound: Outbound,
    settings: Settings,
    public_url: String,
    wall: Arc<dyn WallClock>,
    entropy: Arc<dyn Entropy>,
    tokens: Tokens,
    permits: Cache<Uuid, Arc<Semaphore>>,
    due: Notify,
}

impl Registrar {
    /// What adapters share.
    pub fn new(
        outbound: &Outbound,
        settings: Settings,
        public_url: String,
        wall: Arc<dyn WallClock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self(Arc::new(Shared {
            outbound: outbound.without_redirects(),
            settings,
            public_url,
            wall,
            entropy,
            tokens: Tokens::new(MOST),
            permits: Cache::new(MOST),
            due: Notify::new(),
        }))
    }

    /// The one of this process.
    pub fn of(app: &App) -> kernel::Result<&Self> {
        app.part()
    }

    /// The adapter of a provider, for one operation: its time begins now. The built-in server has none.
    pub fn adapter(&self, provider: &OpenProvider) -> Option<Box<dyn Adapter>> {
        let line = |kind, secret: &Secret<String>, times: u32| Line {
            outbound: self.0.outbound.to(kind),
            deadline: self.0.wall.now().plus(self.0.settings.timeout * times),
            secret: secret.clone(),
            provider: provider.id,
            permits: self.permits(provider.id),
            registrar: self.clone(),
        };
        let initial =
            |id: &String, secret: &Secret<String>| InitialClient { id: id.clone(), secret: secret.clone() };
        let issuer = provider.issuer.clone();
        Some(match &provider.config {
            DcrConfig::Auth0 {
                initial_client_id: id,
                initial_client_secret: secret,
                initial_client_audience,
                use_developer_managed_scopes,
            } => Box::new(auth0::Auth0 {
                line: line("auth0", secret, WHOLE),
                issuer,
                initial: initial(id, secret),
                audience: initial_client_audience.clone(),
                developers_choose: *use_developer_managed_scopes,
            }),
            DcrConfig::AzureAd { initial_client_id: id, initial_client_secret: secret } => {
                Box::new(azure_ad::AzureAd {
                    line: line("azureAd", secret, WHOLE_AT_MICROSOFT),
                    issuer,
                    initial: initial(id, secret),
                })
            }
            DcrConfig::Curity { initial_client_id: id, initial_client_secret: secret } => {
                Box::new(curity::Curity::new(line("curity", secret, WHOLE), issuer, initial(id, secret)))
            }
            DcrConfig::Okta { dcr_token } => {
                Box::new(okta::Okta::new(line("okta", dcr_token, WHOLE), issuer, dcr_token))
            }
            DcrConfig::Http {
                dcr_base_url,
                api_key,
                disable_event_hooks,
                disable_refresh_secret,
                allow_multiple_credentials,
            } => Box::new(bridge::Bridge {
                line: line("http", api_key, WHOLE),
                issuer,
                base: dcr_base_url.trim_end_matches('/').to_owned(),
                api_key: api_key.clone(),
                hears: !*disable_event_hooks,
                rotates: !*disable_refresh_secret,
                multiple: *allow_multiple_credentials,
            }),
            DcrConfig::Rfc7591 { proof, update_rotates_secret } => Box::new(rfc7591::Rfc7591::new(
                line("rfc7591", proof.secret(), WHOLE),
                issuer,
                proof.clone(),
                *update_rotates_secret,
            )),
            DcrConfig::KongIdentity => return None,
        })
    }

    /// How long one request may take.
    pub fn timeout(&self) -> Duration {
        self.0.settings.timeout
    }

    /// What is due is looked at now, rather than within a second.
    pub fn wake(&self) {
        self.0.due.notify_one();
    }

    /// Waits until somebody says that something is due.
    pub async fn woken(&self) {
        self.0.due.notified().await;
    }

    fn permits(&self, provider: DcrProviderId) -> Arc<Semaphore> {
        let made = || Ok::<_, std::convert::Infallible>(Arc::new(Semaphore::new(AT_ONCE)));
        let Ok(permits) = self.0.permits.get_or_insert_with(&provider.uuid(), made);
        permits
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The URL of this service.
    fn public_url(&self) -> &str {
        &self.0.public_url
    }
}

/// What a kind of provider can do, as it is configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// Whether a client may have several secrets, and how many: at least, and at most.
    pub multiple_credentials: Option<(u8, Option<u8>)>,
    /// Whether a client's secret can be replaced.
    pub rotate: bool,
    /// Whether each change of a client replaces its secret.
    pub update_rotates_secret: bool,
    /// Whether a client can be found by its marker, should its id be lost.
    pub find: bool,
    /// Whether a client can be looked at without changing anything.
    pub read: bool,
    /// Whether the provider tells which scopes a client was granted.
    pub granted_scopes: bool,
    /// Whether a new secret takes a new client, since the provider has no other way to one.
    pub replace: bool,
}

/// What a client is to be, whole: it is made so, and changed to be so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// Its application's id: its marker at the provider.
    pub application: Uuid,
    /// Its application's name.
    pub name: String,
    /// Its application's description.
    pub description: String,
    /// Where its users may be sent back to.
    pub redirect_uris: Vec<String>,
    /// The strategy's `auth_methods`.
    pub auth_methods: Vec<String>,
    /// The strategy's `scopes`.
    pub scopes: Vec<String>,
    /// The scopes that its developer chose.
    pub chosen_scopes: Vec<String>,
    /// The audience of its tokens, if the strategy names one.
    pub audience: Option<String>,
    /// Whether it sends its secret in the form rather than in the header (`client_secret_post`), where a provider
    /// wants to know that.
    #[serde(default)]
    pub secret_in_form: bool,
    /// Whose it is.
    pub context: Context,
}

/// Whose a client is: what some providers keep beside it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Context {
    /// The organization.
    pub organization: Uuid,
    /// The portal.
    pub portal: Uuid,
    /// The developer or the team.
    pub owner: Uuid,
    /// The strategy.
    pub strategy: Uuid,
}

impl Wanted {
    /// Whether a provider has to hear of the difference.
    pub fn differs(&self, other: &Self) -> bool {
        self.name != other.name
            || self.description != other.description
            || self.redirect_uris != other.redirect_uris
            || self.chosen_scopes != other.chosen_scopes
    }

    /// Whether users sign in at it, rather than it alone.
    fn has_users(&self) -> bool {
        !self.redirect_uris.is_empty() || self.auth_methods.iter().any(|name| name == "authorization_code")
    }

    /// How it proves who it is, as RFC 7591 calls it.
    const fn token_endpoint_auth_method(&self) -> &'static str {
        if self.secret_in_form { "client_secret_post" } else { "client_secret_basic" }
    }

    /// The grant types that it needs.
    fn grants(&self) -> Vec<&'static str> {
        let has = |name: &str| self.auth_methods.iter().any(|method| method == name);
        let code = has("authorization_code");
        let mut grants = Vec::new();
        if code {
            grants.extend(["authorization_code", "refresh_token"]);
        }
        if !code || has("client_credentials") || has("bearer") {
            grants.push("client_credentials");
        }
        grants
    }
}

/// A client as its provider knows it: what is kept of it. It goes into the database sealed, if it holds more
/// than the id.
#[derive(Clone)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// What it is managed with, at providers that give each client a token of its own (RFC 7592).
    pub management: Option<Management>,
}

impl Client {
    /// A client of which the id is all that is needed.
    pub fn with_id(id: impl Into<String>) -> Self {
        Self { id: id.into(), management: None }
    }
}

/// Where and with what a client is managed (RFC 7592 section 3).
#[derive(Clone)]
pub struct Management {
    /// Where.
    pub uri: String,
    /// With what. Each answer may bring another, which replaces it.
    pub token: Secret<String>,
}

/// A client and the secret that was made for it, which nobody sees again.
pub struct Issued {
    /// The client.
    pub client: Client,
    /// Its secret.
    pub secret: Secret<String>,
    /// Until when the secret is good; `None` for ever.
    pub expires_at: Option<Timestamp>,
}

/// A client that was changed.
pub struct Updated {
    /// The client, which replaces what was kept.
    pub client: Client,
    /// A secret that came with the answer. Where an update replaces secrets, it is a new one.
    pub secret: Option<Secret<String>>,
}

/// A client that was looked at.
pub struct Found {
    /// The client, which replaces what was kept.
    pub client: Client,
    /// Its name there.
    pub name: Option<String>,
    /// Its redirect URIs there.
    pub redirect_uris: Vec<String>,
}

/// A secret of a client, without itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// Its id at the provider.
    pub id: String,
    /// Its name.
    pub display_name: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
}

/// What is known after a client was removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deleted {
    /// It is not there any more.
    Gone,
    /// The provider does not say: it does not take the client's own token, which may mean either.
    Unconfirmed,
}

/// Something that happens to an application, which some providers want to hear.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It has another name, description or redirect URI.
    Updated,
    /// It may use an API.
    Registered {
        /// The API.
        api: Uuid,
    },
    /// It may not any more.
    Unregistered {
        /// The API.
        api: Uuid,
        /// Whether it was the last for this audience.
        last: bool,
    },
}

/// What an adapter answers, some time.
pub type Answered<'a, T> = BoxFuture<'a, Result<T, Fault>>;

/// A kind of identity provider, as a place where clients are registered. One is made for each operation.
pub trait Adapter: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Makes a client. After [`Fault::Unknown`] there may be one: look with [`Adapter::find`].
    fn create<'a>(&'a self, wanted: &'a Wanted) -> Answered<'a, Issued>;

    /// Finds the clients that were made for an application.
    fn find<'a>(&'a self, _: &'a Wanted) -> Answered<'a, Vec<Client>> {
        unsupported("find a client by its application")
    }

    /// Looks at a client.
    fn read<'a>(&'a self, _: &'a Client) -> Answered<'a, Found> {
        unsupported("look at a client without changing it")
    }

    /// Changes a client's name, description and redirect URIs.
    fn update<'a>(&'a self, client: &'a Client, wanted: &'a Wanted) -> Answered<'a, Updated>;

    /// Replaces a client's secret; all others end. After [`Fault::Unknown`] the old ones may be dead.
    fn rotate<'a>(&'a self, _: &'a Client, _: &'a Wanted) -> Answered<'a, Issued> {
        unsupported("replace a client's secret")
    }

    /// The secrets of a client, without themselves.
    fn credential_list<'a>(&'a self, _: &'a Client) -> Answered<'a, Vec<Credential>> {
        unsupported("list the secrets of a client")
    }

    /// Gives a client a further secret.
    fn credential_add<'a>(
        &'a self,
        _: &'a Client,
        _name: &'a str,
    ) -> Answered<'a, (Credential, Secret<String>)> {
        unsupported("give a client more than one secret")
    }

    /// Ends a secret of a client.
    fn credential_delete<'a>(&'a self, _: &'a Client, _id: &'a str) -> Answered<'a, ()> {
        unsupported("end one secret of a client")
    }

    /// The scopes that a client was granted for an audience.
    fn granted_scopes<'a>(&'a self, _: &'a Client, _: &'a Wanted) -> Answered<'a, Vec<String>> {
        unsupported("tell the scopes of a client")
    }

    /// Tells what happened to a client's application, where the provider wants to hear it.
    fn tell<'a>(&'a self, _: &'a Client, _: &'a Wanted, _: &'a Event) -> Answered<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Removes a client. That there is none is no fault.
    fn delete<'a>(&'a self, client: &'a Client) -> Answered<'a, Deleted>;

    /// Verifies what comes before a client can be made, and says whether one can be.
    fn check<'a>(&'a self, report: &'a mut Verification) -> BoxFuture<'a, bool>;

    /// What to do if a step of the verification fails.
    fn remedy(&self, step: Step) -> &'static str;
}

fn unsupported<'a, T>(what: &'static str) -> Answered<'a, T> {
    Box::pin(async move { Err(Fault::Unsupported(what)) })
}
