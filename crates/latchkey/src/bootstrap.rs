//! The first start: an organization, its owner, a token.

use frame::App;
use identity::organizations::{Founded, Founding, organization_found};
use kernel::Secret;

use crate::{assemble::Fault, config::Bootstrap};

/// What the start found or made.
pub enum Start {
    /// Nothing was there; this was made. `given` says that the token is the operator's own.
    First {
        /// What was made.
        founded: Founded,
        /// Whether the operator gave the token.
        given: bool,
    },
    /// An organization was there already.
    Again,
}

/// Makes the first organization unless there is one.
pub async fn bootstrap(app: &App, bootstrap: Bootstrap) -> Result<Start, Fault> {
    let Bootstrap { organization, email, password, token } = bootstrap;
    let given = token.is_some();
    let password = password.map(|password| Secret::new(password.reveal().clone()));
    let founding = Founding { name: organization, email, password, token, only_first: true };
    match organization_found(app, founding).await {
        Ok(Some(founded)) => Ok(Start::First { founded, given }),
        Ok(None) => Ok(Start::Again),
        Err(problem) => Err(format!("the first organization could not be made: {problem}")),
    }
}
