//! Verifying a provider: everything that will be asked of it, with a client that is removed again.

use uuid::Uuid;

use super::{Adapter, Client, Context, Deleted, Fault, Wanted};

/// What is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The issuer's discovery document.
    Discovery,
    /// The issuer's keys.
    Keys,
    /// The token of the initial client.
    Token,
    /// What that token may do.
    Permissions,
    /// A client is made.
    Create,
    /// It is looked at.
    Read,
    /// Its secret is replaced.
    Rotate,
    /// It is removed.
    Delete,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Discovery => "Reading the discovery document of the issuer",
            Self::Keys => "Reading the keys of the issuer",
            Self::Token => "Getting a token with the initial client",
            Self::Permissions => "Checking the permissions",
            Self::Create => "Registering a test client",
            Self::Read => "Reading the test client",
            Self::Rotate => "Replacing the secret of the test client",
            Self::Delete => "Removing the test client",
        }
    }
}

/// What did not work, each in one sentence: the step, what happened, and what to do. Nothing is there if
/// everything worked.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The sentences.
    pub errors: Vec<String>,
}

impl Verification {
    /// Takes down what became of a step.
    pub fn step<T>(&mut self, step: Step, remedy: &str, result: Result<T, Fault>) -> Option<T> {
        let fault = match result {
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        let remedy = match fault {
            Fault::Transient { .. } => {
                "see whether it is up, can be reached from this server and has a certificate that is known here, then verify again"
            }
            _ => remedy,
        };
        self.errors.push(format!("{} did not work, because {}: {remedy}.", step.name(), fault.told()));
        None
    }
}

/// A client to try a provider with.
pub fn probe(id: Uuid, organization: Uuid, redirect_uri: String) -> Wanted {
    Wanted {
        application: id,
        name: format!("latchkey-verification-{}", id.simple()),
        description: "Made to verify the provider, and removed at once".to_owned(),
        redirect_uris: vec![redirect_uri],
        auth_methods: vec!["client_credentials".to_owned()],
        scopes: Vec::new(),
        chosen_scopes: Vec::new(),
        audience: None,
        secret_in_form: false,
        context: Context { organization, portal: id, owner: id, strategy: id },
    }
}

/// Tries everything that an adapter can do.
pub async fn verify(adapter: &dyn Adapter, probe: &Wanted) -> Verification {
    let mut report = Verification::default();
    if !adapter.check(&mut report).await {
        return report;
    }
    let created = adapter.create(probe).await;
    let lost = matches!(created, Err(Fault::Unknown(_)));
    let issued = match report.step(Step::Create, adapter.remedy(Step::Create), created) {
        Some(issued) => issued,
        None => {
            if lost {
                clean(adapter, probe, &mut report).await;
            }
            return report;
        }
    };
    let (mut client, secret) = (issued.client, issued.secret);
    let capabilities = adapter.capabilities();
    if capabilities.read {
        let found = adapter.read(&client).await;
        if let Some(found) = report.step(Step::Read, adapter.remedy(Step::Read), found) {
            client = found.client;
        }
    }
    if capabilities.rotate {
        let rotated = adapter.rotate(&client, probe).await.and_then(|issued| {
            client = issued.client;
            let same = issued.secret.reveal() == secret.reveal();
            if same { Err(Fault::configuration("it keeps the old one")) } else { Ok(()) }
        });
        report.step(Step::Rotate, adapter.remedy(Step::Rotate), rotated);
    }
    remove(adapter, &client, probe, &mut report).await;
    report
}

/// Removes what a request left behind that nobody answered.
async fn clean(adapter: &dyn Adapter, probe: &Wanted, report: &mut Verification) {
    if adapter.capabilities().find {
        for client in adapter.find(probe).await.unwrap_or_default() {
            remove(adapter, &client, probe, report).await;
        }
    } else {
        report.errors.push(format!("Whether there is a test client now is not known: look for a client named [{}] at the provider, and remove it there.", probe.name));
    }
}

async fn remove(adapter: &dyn Adapter, client: &Client, probe: &Wanted, report: &mut Verification) {
    let remedy =
        format!("{}, and remove the client [{}] there by hand", adapter.remedy(Step::Delete), probe.name);
    let deleted = match adapter.delete(client).await {
        Ok(Deleted::Unconfirmed) => {
            Err(Fault::configuration("it does not take the client's own token any more"))
        }
        other => other,
    };
    report.step(Step::Delete, &remedy, deleted);
}
