//! The first start: an organization, its owner, a token.

use frame::{App, db::PlatformScope};
use identity::organizations::{Founded, Founding, organization_found, store::organization_ids};
use kernel::{Problem, Secret, Token};
use signin::passwords::password_hash;

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
pub async fn bootstrap(app: &App, bootstrap: &Bootstrap) -> Result<Start, Fault> {
    let Bootstrap { organization, email, password, token } = bootstrap;
    let failed = |problem: Problem| format!("the first organization could not be made: {problem}");
    // Asked here as well as in the transaction: hashing a password for nothing would slow every start.
    let known =
        organization_ids(&PlatformScope::new(app.db.read())).await.map_err(|error| failed(error.into()))?;
    if !known.is_empty() {
        return Ok(Start::Again);
    }
    let given = token.is_some();
    let password_hash = match password {
        Some(password) => {
            let password = Secret::new(password.reveal().clone());
            Some(password_hash(app, password).await.map_err(failed)?)
        }
        None => None,
    };
    let token = token.as_ref().and_then(|token| Token::parse(token.reveal()));
    let founding =
        Founding { name: organization.clone(), email: email.clone(), password_hash, token, only_first: true };
    match organization_found(app, founding).await {
        Ok(Some(founded)) => Ok(Start::First { founded, given }),
        Ok(None) => Ok(Start::Again),
        Err(problem) => Err(failed(problem)),
    }
}
