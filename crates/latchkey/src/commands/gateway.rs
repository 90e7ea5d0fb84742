//! Bringing the gateway up to date by hand: to see what is to be done, and to repair what others changed there.

use std::{fmt::Write as _, process::ExitCode};

use appauth::gateway::{
    plan::Plan,
    sync::{Report, gateway, plan, sync_now},
};
use clap::ArgMatches;
use frame::{App, db::PlatformScope};
use identity::organizations;
use kernel::OrgId;

use super::{
    admin::{organization, said},
    open, print,
};
use crate::{assemble::Fault, config::Config};

/// Prints what differs and, unless it is only to be looked at, does it. Fails if anything is left that was not done.
pub async fn sync(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    gateway(&app).map_err(said)?;
    let mut sound = true;
    for org in organizations(&app, matches).await? {
        let (text, done) =
            if matches.get_flag("dry-run") { look(&app, org).await } else { bring(&app, org).await };
        sound &= done;
        print(&text)?;
    }
    app.db.close().await;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The organization that is named, or all.
async fn organizations(app: &App, matches: &ArgMatches) -> Result<Vec<OrgId>, Fault> {
    if matches.get_one::<String>("organization").is_some() {
        return Ok(vec![organization(app, matches).await?]);
    }
    let all = organizations::store::organization_ids(&PlatformScope::new(app.db.read())).await;
    all.map_err(|error| said(error.into()))
}

async fn look(app: &App, org: OrgId) -> (String, bool) {
    match plan(app, org).await {
        Err(failure) => (format!("{org}: {failure}\n"), false),
        Ok(Plan { steps, warnings }) => {
            let lines: Vec<String> = steps.iter().map(|step| step.line()).collect();
            (told(org, "to do", &lines, &warnings), true)
        }
    }
}

async fn bring(app: &App, org: OrgId) -> (String, bool) {
    match sync_now(app, org).await {
        Err(failure) => (format!("{org}: {failure}\n"), false),
        Ok(Report { done, refused, warnings }) => {
            let mut text = told(org, "done", &done, &warnings);
            for line in &refused {
                let _ = writeln!(text, "  not done: {line}");
            }
            (text, refused.is_empty())
        }
    }
}

fn told(org: OrgId, what: &str, lines: &[String], warnings: &[String]) -> String {
    let mut text = match lines.len() {
        0 => format!("{org}: nothing {what}\n"),
        1 => format!("{org}: 1 step {what}\n"),
        count => format!("{org}: {count} steps {what}\n"),
    };
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    for warning in warnings {
        let _ = writeln!(text, "  warning: {warning}");
    }
    text
}
