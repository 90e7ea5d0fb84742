//! Clients at identity providers, one for each application that gets its credentials from one. None is lost, and
//! none is left behind.
//!
//! What is to happen is written down before a provider is asked, in the transaction of whoever wants it, and what
//! came of it afterwards. Between the two the row has a *turn*: one process's right to ask the provider, until
//! [`Registered::due_at`]. A process that dies in its turn leaves a row that is due, and the next one goes on from
//! what the provider says. [`turns`] has the steps that somebody waits for, [`removal`]
//! how a client ends, [`worker`] does what is due.

pub mod http;
pub mod removal;
pub mod store;
pub mod transactions;
pub mod turns;
pub mod worker;

use std::time::Duration;

use frame::{
    App,
    db::{OrgScope, RowKey, SealedColumn},
};
use kernel::{ApplicationId, DcrProviderId, OrgId, Problem, Result, Sealed, Secret, Timestamp, WallClock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    dcr_providers::{OpenProvider, provider_open},
    registration::{Adapter, Client, Management, Registrar, Wanted},
};

/// Where the tokens are that clients are managed with (RFC 7592).
pub static MANAGEMENT: SealedColumn = SealedColumn {
    table: "dcr_clients",
    column: "management",
    key: RowKey::InOrganization("id"),
    prefix: "dcr_clients/management",
};

/// How far a client has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum State {
    /// It is to be made; perhaps it was.
    Creating,
    /// The provider has it.
    Live,
    /// The provider has it, and is to have it otherwise.
    Updating,
    /// Its secret is being replaced.
    Rotating,
    /// It is to be removed.
    Removing,
    /// Whether it was made nobody can find out from here.
    CreationUnconfirmed,
    /// Whether it was removed nobody can find out from here.
    RemovalUnconfirmed,
}

/// Every state, by the name under which it is stored and shown.
pub const STATES: [(&str, State); 7] = [
    ("creating", State::Creating),
    ("live", State::Live),
    ("updating", State::Updating),
    ("rotating", State::Rotating),
    ("removing", State::Removing),
    ("creation_unconfirmed", State::CreationUnconfirmed),
    ("removal_unconfirmed", State::RemovalUnconfirmed),
];

impl State {
    /// As it is stored.
    pub fn name(self) -> &'static str {
        STATES.iter().find(|(_, state)| *state == self).map_or("", |(name, _)| name)
    }

    /// Whether the client belongs to an application that exists.
    pub const fn wanted(self) -> bool {
        !matches!(self, Self::Removing | Self::RemovalUnconfirmed)
    }
}

/// What differs between here and the provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Drift {
    /// The provider does not know the client any more.
    Missing,
    /// It has another name or other redirect URIs there.
    Differs,
}

/// Every drift, by its name.
pub const DRIFTS: [(&str, Drift); 2] = [("missing", Drift::Missing), ("differs", Drift::Differs)];

/// A client as it is kept here.
#[derive(Clone)]
pub struct Registered {
    /// The id of its application; an id of its own if that is kept elsewhere.
    pub id: ApplicationId,
    /// Who has it.
    pub provider_id: DcrProviderId,
    /// Whether somebody else keeps its application and has it made through the bridge that is served here. Only
    /// that caller knows its secret, and knows the client by the id that it was told.
    pub bridged: bool,
    /// How far it has come.
    pub state: State,
    /// What it is to be.
    pub wanted: Wanted,
    /// Its id there, once it is known.
    pub client_id: Option<String>,
    /// What it is managed with, sealed.
    pub management: Option<Sealed<String>>,
    /// Whether nobody has its secret: it was made, or replaced, and the answer reached nobody.
    pub secret_lost: bool,
    /// Whether the provider may have more than one, because of a request that nobody answered.
    pub doubtful: bool,
    /// Goes up with each intent, so that an outcome that comes late changes nothing.
    pub turn: i64,
    /// How often what is due was tried.
    pub attempts: i64,
    /// When the next one may try; nothing is to be done where there is none.
    pub due_at: Option<Timestamp>,
    /// Why the last attempt failed, for administrators.
    pub problem: Option<String>,
    /// What differs, as far as anybody has looked.
    pub drift: Option<Drift>,
    /// When it was last looked at.
    pub checked_at: Option<Timestamp>,
    /// When it was wanted first.
    pub created_at: Timestamp,
    /// When its row last changed.
    pub updated_at: Timestamp,
}

/// [`Management`] as it is sealed.
#[derive(Serialize, Deserialize)]
struct Stored {
    uri: String,
    token: String,
}

impl Registered {
    /// A client that is to be made by whoever writes this row, in a turn that begins now.
    pub fn intended(app: &App, provider: DcrProviderId, wanted: Wanted) -> Result<Self> {
        let now = WallClock::now(&*app.wall);
        Ok(Self {
            id: ApplicationId::from_uuid(wanted.application),
            provider_id: provider,
            bridged: false,
            state: State::Creating,
            wanted,
            client_id: None,
            management: None,
            secret_lost: false,
            doubtful: true,
            turn: 1,
            attempts: 1,
            due_at: Some(now.plus(Spans::of(app)?.lease)),
            problem: None,
            drift: None,
            checked_at: None,
            created_at: now,
            updated_at: now,
        })
    }

    /// The client as adapters take it, if its id is known.
    pub fn client(&self, app: &App) -> Result<Option<Client>> {
        let Some(id) = self.client_id.clone() else { return Ok(None) };
        let management = match &self.management {
            None => None,
            Some(sealed) => {
                let bytes = app.vault.ring().open(&MANAGEMENT.place(self.id), sealed)?;
                let Stored { uri, token } = serde_json::from_slice(bytes.reveal())
                    .map_err(|error| Problem::internal(error.to_string()))?;
                Some(Management { uri, token: Secret::new(token) })
            }
        };
        Ok(Some(Client { id, management }))
    }

    /// Keeps what a provider said of it.
    pub fn learn(&mut self, app: &App, client: &Client) -> Result<()> {
        self.client_id = Some(client.id.clone());
        self.management = match &client.management {
            None => None,
            Some(Management { uri, token }) => {
                let stored = Stored { uri: uri.clone(), token: token.reveal().clone() };
                let bytes =
                    serde_json::to_vec(&stored).map_err(|error| Problem::internal(error.to_string()))?;
                Some(app.vault.ring().seal(&*app.entropy, &MANAGEMENT.place(self.id), &bytes)?)
            }
        };
        Ok(())
    }

    /// Nothing is to be done any more, but to look once more if the provider may have a second client.
    pub fn rest(&mut self, now: Timestamp, spans: &Spans) {
        self.state = State::Live;
        self.attempts = 0;
        self.problem = None;
        self.due_at = self.doubtful.then(|| now.plus(spans.settle));
    }

    /// Tries again later.
    pub fn later(&mut self, now: Timestamp, why: String, after: Option<Duration>) {
        self.problem = Some(why);
        self.due_at = Some(now.plus(after.unwrap_or_default().max(pause(self.attempts))));
    }
}

/// Between two attempts: five seconds, ten, twenty, an hour at most.
pub(crate) fn pause(attempts: i64) -> Duration {
    let doubled = u32::try_from(attempts - 1).unwrap_or(0).min(10);
    Duration::from_secs(5 << doubled).min(Duration::from_secs(3600))
}

/// How long things may take, after what the operator gives a provider for one request.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    /// A turn: longer than any operation of an adapter.
    pub lease: Duration,
    /// How long a request that was sent may still have an effect after nobody waits for its answer.
    pub settle: Duration,
    /// Between two looks at a client that is well.
    pub look: Duration,
}

impl Spans {
    /// Those of this process.
    pub fn of(app: &App) -> Result<Self> {
        let timeout = Registrar::of(app)?.timeout();
        Ok(Self {
            lease: timeout * 6,
            settle: timeout * 12,
            look: Duration::from_secs(24 * 3600).max(timeout * 12),
        })
    }
}

/// What speaks with a client's provider.
pub async fn adapter_of(app: &App, org: OrgId, provider: DcrProviderId) -> Result<Box<dyn Adapter>> {
    let db = OrgScope::new(app.db.read(), org);
    let provider = provider_open(app, &db, provider).await?.ok_or(Problem::NotFound("DCR provider"))?;
    adapter(app, &provider)
}

/// The same for a provider that is at hand.
pub fn adapter(app: &App, provider: &OpenProvider) -> Result<Box<dyn Adapter>> {
    let why = || Problem::Conflict("The built-in server registers no clients yet".to_owned());
    Registrar::of(app)?.adapter(provider).ok_or_else(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        assert_eq!(
            [0, 1, 2, 3, 10, 11, 500].map(|attempts| pause(attempts).as_secs()),
            [5, 5, 10, 20, 2560, 3600, 3600]
        );
    }

    #[test]
    fn every_state_is_stored_under_the_name_that_is_shown() {
        for (name, state) in STATES {
            assert_eq!(serde_json::to_value(state).unwrap(), name);
            assert_eq!(state.name(), name);
        }
        for (name, drift) in DRIFTS {
            assert_eq!(serde_json::to_value(drift).unwrap(), name);
        }
    }
}
