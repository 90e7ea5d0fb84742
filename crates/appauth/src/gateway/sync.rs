//! Bringing an organization's part of the gateway up to date.

use std::time::Duration;

use frame::{
    App,
    db::{OrgScope, PlatformScope},
};
use kernel::{OrgId, Problem, Result, Timestamp, WallClock};

use super::{
    admin::{Admin, Fault},
    plan::{Existing, Plan},
    store::{self, Lease},
    wanted::wanted,
};
use crate::clients::{pause, transactions::written};

/// How long somebody has an organization's part for himself, unless he says that he goes on: so long it is left alone
/// after a server died.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// What has to be left of it before anything is asked of the gateway: more than that may take.
const LEFT: Duration = Duration::from_secs(30);

/// How long a gateway that was away is left alone at most: what was taken back meanwhile is to be told soon.
const AWAY: Duration = Duration::from_secs(60);

/// Why the gateway is not as it is to be.
#[derive(Debug)]
pub enum Failure {
    /// Something is wrong here.
    Here(Problem),
    /// Something is wrong there.
    There(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here(problem) => problem.fmt(f),
            Self::There(why) => f.write_str(why),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Here(problem)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::There(fault.to_string())
    }
}

/// What was done.
#[derive(Default)]
pub struct Report {
    /// The steps that the gateway took, in lines.
    pub done: Vec<String>,
    /// The steps that it did not take, in lines, and why.
    pub refused: Vec<String>,
    /// What is not as somebody may expect.
    pub warnings: Vec<String>,
}

/// The gateway that is set.
pub fn gateway(app: &App) -> Result<&Admin> {
    let gateway = &crate::part(app)?.gateway;
    gateway.as_ref().ok_or_else(|| Problem::Conflict("gateway-admin-url is not set".to_owned()))
}

/// The right to bring an organization's part of the gateway up to date; whoever only looks needs none.
pub struct Hold<'a> {
    app: &'a App,
    lease: Option<Lease>,
}

impl Hold<'_> {
    /// Goes on, if nobody else has it meanwhile.
    pub async fn keep(&mut self) -> std::result::Result<(), Failure> {
        let now = WallClock::now(&*self.app.wall);
        let Some(lease) = &mut self.lease else { return Ok(()) };
        if now.plus(LEFT) < lease.leased_until {
            return Ok(());
        }
        let (held, until) = (*lease, now.plus(LEASE));
        let kept =
            written(
                self.app,
                lease.org_id,
                |db| async move { Ok(store::sync_keep(&db, &held, until).await?) },
            );
        if !kept.await? {
            return Err(Failure::There("another server goes on with it".to_owned()));
        }
        lease.leased_until = until;
        Ok(())
    }
}

async fn planned(
    app: &App,
    admin: &Admin,
    org: OrgId,
    hold: &mut Hold<'_>,
) -> std::result::Result<(Plan, Option<Timestamp>), Failure> {
    let wanted = {
        let db = OrgScope::new(app.db.read(), org);
        wanted(app, &db, admin.settings().control_plane).await?
    };
    let existing = Existing::read(admin, org, hold).await?;
    Ok((Plan::new(&wanted, &existing), wanted.expires_at))
}

/// What there is to do, which changes nothing.
pub async fn plan(app: &App, org: OrgId) -> std::result::Result<Plan, Failure> {
    let admin = gateway(app)?;
    planned(app, admin, org, &mut Hold { app, lease: None }).await.map(|(plan, _)| plan)
}

/// Does it now, and writes down what came of it.
pub async fn sync_now(app: &App, org: OrgId) -> std::result::Result<Report, Failure> {
    gateway(app)?;
    let now = WallClock::now(&*app.wall);
    let lease = written(app, org, |db| async move {
        store::change_take_of(&db).await?;
        // Before the first time there is nothing that could be taken.
        store::sync_want(&db, now).await?;
        Ok(store::sync_take_one(&db, now, now.plus(LEASE)).await?)
    })
    .await?;
    let why = "a server is just bringing the gateway up to date: try again in a moment";
    sync(app, lease.ok_or_else(|| Failure::There(why.to_owned()))?).await
}

/// The same for whoever has the right to.
pub(super) async fn sync(app: &App, lease: Lease) -> std::result::Result<Report, Failure> {
    let org = lease.org_id;
    let mut hold = Hold { app, lease: Some(lease) };
    let outcome = carry_out(app, org, &mut hold).await;
    // It may have become longer.
    let lease = hold.lease.unwrap_or(lease);
    let now = WallClock::now(&*app.wall);
    let problem = match &outcome {
        Ok((report, _)) if report.refused.is_empty() => None,
        Ok((report, _)) => {
            let more = report.refused.len() - 1;
            let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
            Some(format!("{}{rest}", report.refused.first().map_or("", String::as_str)))
        }
        Err(failure) => Some(failure.to_string()),
    };
    let expires_at = outcome.as_ref().ok().and_then(|(_, expires_at)| *expires_at);
    let away = outcome.is_err();
    let (lease, problem) = (&lease, &problem);
    written(app, org, |db| async move {
        match problem {
            None => store::sync_done(&db, lease, now, expires_at).await?,
            Some(why) => {
                let wait = if away { pause(lease.attempts).min(AWAY) } else { pause(lease.attempts) };
                store::sync_failed(&db, lease, now.plus(wait), away, why).await?;
            }
        }
        Ok(())
    })
    .await?;
    outcome.map(|(report, _)| report)
}

async fn carry_out(
    app: &App,
    org: OrgId,
    hold: &mut Hold<'_>,
) -> std::result::Result<(Report, Option<Timestamp>), Failure> {
    let admin = gateway(app)?;
    let (plan, expires_at) = planned(app, admin, org, hold).await?;
    let mut report = Report { warnings: plan.warnings, ..Report::default() };
    for step in &plan.steps {
        hold.keep().await?;
        match step.run(admin).await {
            Ok(()) => report.done.push(step.line()),
            // One that it does not take keeps none of the others from being taken.
            Err(Fault::Refused(why)) => report.refused.push(format!("{}: {why}", step.line())),
            Err(fault @ Fault::Away(_)) => return Err(fault.into()),
        }
    }
    Ok((report, expires_at))
}

/// Keys that are over are taken from the gateway, which by then does not take them any more by itself.
pub async fn expire(app: &App) -> Result<()> {
    let Some(gateway) = &crate::part(app)?.gateway else { return Ok(()) };
    for store::Expiry { org_id, expires_at } in store::expiring(&PlatformScope::new(app.db.read())).await? {
        if app.clock.now(org_id) >= expires_at {
            written(app, org_id, |db| async move { Ok(store::expired(&db).await?) }).await?;
            gateway.wake();
        }
    }
    Ok(())
}
