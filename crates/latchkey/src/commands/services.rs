//! The tokens of platform services: client tokens, which belong to no organization, and service tokens,
//! which act in one.

use std::{process::ExitCode, time::Duration};

use clap::ArgMatches;
use frame::{
    operations::{Operation, Rule, Spec},
    principal::CredentialKind,
};
use identity::tokens;
use kernel::Timestamp;
use signin::services::{self, NewServiceToken};

use super::{
    admin::{organization, said, text},
    open, print,
};
use crate::{assemble::Fault, config::Config};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Makes a platform service's client token.
pub async fn client_token_create(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let operations = allowed(matches, |spec| matches!(spec.rule, Rule::Platform))?;
    let app = open(&config).await?;
    let token = tokens::client_token_create(&app, text(matches, "name"), operations.as_deref())
        .await
        .map_err(said)?;
    println!("{}", token.reveal());
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The operations that a service is to be allowed, each of which takes its kind of token; nothing for all.
fn allowed(matches: &ArgMatches, takes: impl Fn(&Spec) -> bool) -> Result<Option<Vec<String>>, Fault> {
    let Some(given) = matches.get_one::<String>("allow").filter(|given| *given != "*") else {
        return Ok(None);
    };
    let all: Vec<Operation> = crate::operations();
    let known: Vec<&str> =
        all.iter().map(|operation| &*operation.spec).filter(|spec| takes(spec)).map(|spec| spec.id).collect();
    let wanted: Vec<String> = given.split(',').map(|id| id.trim().to_owned()).collect();
    match wanted.iter().find(|id| !known.contains(&id.as_str())) {
        Some(wrong) => {
            Err(format!("[{wrong}] is no operation of platform services; these are: {}", known.join(", ")))
        }
        None => Ok(Some(wanted)),
    }
}

fn line(
    name: &str,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    operations: Option<&str>,
    expiry: &str,
) -> String {
    let used = last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let may = operations.unwrap_or("everything that services may");
    format!("{name:<24}  made {created_at}{expiry}  last used {used}  may call {may}\n")
}

/// Lists the client tokens of platform services.
pub async fn client_token_list(config: Config) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    let tokens = tokens::client_token_list(&app).await.map_err(said)?;
    let lines =
        tokens.iter().map(|it| line(&it.name, it.created_at, it.last_used_at, it.operations.as_deref(), ""));
    print(&lines.collect::<String>())?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Takes a platform service's client token back.
pub async fn client_token_revoke(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    let name = text(matches, "name");
    let revoked = tokens::client_token_revoke(&app, name).await.map_err(said)?;
    app.db.close().await;
    told(name, revoked)
}

fn told(name: &str, revoked: bool) -> Result<ExitCode, Fault> {
    if !revoked {
        return Err(format!("the service [{name}] has no token"));
    }
    println!("The token of {name} is revoked.");
    Ok(ExitCode::SUCCESS)
}

/// Makes a service's token for an organization.
pub async fn service_token_create(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let operations = allowed(matches, |spec| spec.callers.contains(CredentialKind::Service))?;
    let days = *matches.get_one::<u64>("days").unwrap_or(&1);
    let app = open(&config).await?;
    let organization = organization(&app, matches).await?;
    let name = text(matches, "name").to_owned();
    let new = NewServiceToken { name, operations, life: DAY * u32::try_from(days).unwrap_or(1) };
    let token = services::service_token_create(&app, organization, &new).await.map_err(said)?;
    // A server with another public URL would not take it.
    eprintln!("For {} in the organization {organization}, issued by {}.", new.name, app.settings.public_url);
    println!("{}", token.reveal());
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Lists the service tokens of an organization.
pub async fn service_token_list(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    let organization = organization(&app, matches).await?;
    let tokens = services::service_token_list(&app, organization).await.map_err(said)?;
    let lines = tokens.iter().map(|it| {
        let expiry = format!("  expires {}", it.expires_at);
        line(&it.name, it.created_at, it.last_used_at, it.operations.as_deref(), &expiry)
    });
    print(&lines.collect::<String>())?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Takes a service's token for an organization back.
pub async fn service_token_revoke(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    let organization = organization(&app, matches).await?;
    let name = text(matches, "name");
    let revoked = services::service_token_revoke(&app, organization, name).await.map_err(said)?;
    app.db.close().await;
    told(name, revoked)
}
