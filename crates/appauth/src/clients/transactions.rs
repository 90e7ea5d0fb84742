//! Transactions of one's own, beside a provider that is asked: none is open meanwhile.

use std::future::Future;

use frame::{App, db::OrgScope};
use kernel::{OrgId, Problem, Result};

/// How often a transaction is begun again.
const TRIES: u32 = 5;

/// Runs a transaction of its own, again while the database asks for that.
pub async fn written<T, F>(app: &App, org: OrgId, work: impl Fn(OrgScope) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    tried(app, org, work, |problem| matches!(problem, Problem::Again)).await
}

/// The same for what a provider has done: it is tried again whatever is wrong, for nobody else knows of it.
pub(super) async fn kept<T, F>(app: &App, org: OrgId, work: impl Fn(OrgScope) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let passing = |problem: &Problem| {
        matches!(problem, Problem::Again | Problem::Internal(_) | Problem::Unavailable(_))
    };
    tried(app, org, work, passing).await
}

async fn tried<T, F>(
    app: &App,
    org: OrgId,
    work: impl Fn(OrgScope) -> F,
    again: impl Fn(&Problem) -> bool,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut tried = 1;
    loop {
        let session = app.db.write();
        let outcome = match work(OrgScope::new(session.clone(), org)).await {
            Ok(value) => session.commit().await.map(|()| value).map_err(Problem::from),
            Err(problem) => {
                session.rollback().await;
                Err(problem)
            }
        };
        match outcome {
            Err(problem) if tried < TRIES && again(&problem) => {
                tokio::time::sleep(std::time::Duration::from_millis(10 << (2 * tried))).await;
                tried += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Finishes what was begun even if whoever waits for it goes away.
pub async fn finished<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.map_err(|error| Problem::internal(error.to_string()))?
}
