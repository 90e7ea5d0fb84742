//! What an operator does beside the server: all of it takes effect on running servers within a second.

use std::{fs, process::ExitCode};

use clap::ArgMatches;
use frame::{
    App,
    db::PlatformScope,
    mail,
    runtime::{Entropy, SystemEntropy},
};
use identity::{
    organizations::{self, Founding, organization_found},
    roles::{self, literal_descriptions},
};
use kernel::{Email, OrgId, Problem, Token, TokenKind};
use signin::sso::domains;

use super::{open, print};
use crate::{
    assemble::{self, Fault},
    config::Config,
};

pub(super) fn text<'m>(matches: &'m ArgMatches, name: &str) -> &'m str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

pub(super) fn said(problem: Problem) -> Fault {
    problem.to_string()
}

/// Brings the schema up to date.
pub async fn migrate(config: Config) -> Result<ExitCode, Fault> {
    let db = assemble::database(&config, true).await?;
    println!("The database {} has schema {}.", config.database.masked(), db.schema().await);
    db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Makes a token that nothing knows yet.
pub fn token(matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let mut random = [0; 32];
    SystemEntropy.fill(&mut random);
    let kind = if text(matches, "kind") == "system" { TokenKind::System } else { TokenKind::Personal };
    println!("{}", Token::new(kind, random).reveal());
    Ok(ExitCode::SUCCESS)
}

/// The organization that is named, or the only one.
pub(super) async fn organization(app: &App, matches: &ArgMatches) -> Result<OrgId, Fault> {
    let all = organizations::store::organization_ids(&PlatformScope::new(app.db.read())).await;
    let all = all.map_err(|error| said(error.into()))?;
    match (matches.get_one::<String>("organization"), all.as_slice()) {
        (Some(id), all) => {
            let id: OrgId =
                id.parse().map_err(|_| format!("organization is [{id}], but it must be a UUID"))?;
            all.contains(&id).then_some(id).ok_or_else(|| format!("there is no organization [{id}]"))
        }
        (None, [only]) => Ok(*only),
        (None, []) => Err("there is no organization yet: run `latchkey init`".to_owned()),
        (None, all) => {
            let ids: Vec<String> = all.iter().map(ToString::to_string).collect();
            Err(format!("there are several organizations; name one with --organization: {}", ids.join(", ")))
        }
    }
}

fn email(matches: &ArgMatches) -> Result<Email, Fault> {
    let given = text(matches, "email");
    Email::parse(given).ok_or_else(|| format!("EMAIL is [{given}], but it must be an e-mail address"))
}

/// Gives a locked-out organization its owner back.
pub async fn owner_set(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let email = email(matches)?;
    let app = open(&config).await?;
    let organization = organization(&app, matches).await?;
    let founded = organizations::owner_set(&app, organization, &email).await.map_err(said)?;
    println!("{} owns the organization {organization}.", email.as_str());
    println!("A token for the owner, good for a day: {}", founded.token.reveal());
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Makes another organization.
pub async fn organization_create(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let email = email(matches)?;
    let app = open(&config).await?;
    let name = text(matches, "name").to_owned();
    let founding = Founding { name, email, password_hash: None, token: None, only_first: false };
    let founded = organization_found(&app, founding).await.map_err(said)?;
    let founded = founded.ok_or_else(|| "nothing was made".to_owned())?;
    println!("The organization {} is owned by {}.", founded.organization, founded.owner);
    println!("The owner's token: {}", founded.token.reveal());
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Verifies an e-mail domain for an organization, or takes it back.
pub async fn domain_set(config: Config, matches: &ArgMatches, verified: bool) -> Result<ExitCode, Fault> {
    let domain = text(matches, "domain").to_lowercase();
    if Email::parse(&format!("somebody@{domain}")).is_none() {
        return Err(format!("DOMAIN is [{domain}], but it must be the part of an address behind the @"));
    }
    let app = open(&config).await?;
    let organization = organization(&app, matches).await?;
    domains::domain_set(&app, organization, &domain, verified).await.map_err(said)?;
    let what = if verified { "verified" } else { "not verified" };
    println!("{domain} is {what} for the organization {organization}.");
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Lists an organization's verified domains.
pub async fn domain_list(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    let organization = organization(&app, matches).await?;
    let domains = domains::domain_list(&app, organization).await.map_err(said)?;
    print(&domains.iter().map(|domain| format!("{domain}\n")).collect::<String>())?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Lists the outbox.
pub async fn mail_list(config: Config) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    let mails = mail::posted(&app).await.map_err(said)?;
    let lines = mails.iter().map(|mail| {
        format!(
            "{}  {}  {:<8}  {:<32}  {}\n",
            mail.id,
            mail.created_at,
            mail.state(),
            mail.recipient,
            mail.subject
        )
    });
    print(&lines.collect::<String>())?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Prints a mail.
pub async fn mail_show(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    let id = text(matches, "id");
    let mails = mail::posted(&app).await.map_err(said)?;
    let mail = mails
        .iter()
        .find(|mail| mail.id.to_string() == id)
        .ok_or_else(|| format!("there is no mail [{id}]"))?;
    let body = mail::text(&app, mail).map_err(said)?;
    let error = mail.last_error.as_ref().map(|error| format!(", last: {error}")).unwrap_or_default();
    print(&format!(
        "To: {}\nSubject: {}\nDate: {}\nState: {}{error}\n\n{body}\n",
        mail.recipient,
        mail.subject,
        mail.created_at,
        mail.state()
    ))?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Takes the literal role descriptions out of a published document.
pub async fn roles_import(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let path = text(matches, "file");
    let document = fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let app = open(&config).await?;
    let count = descriptions_import(&app, &document).await.map_err(|why| format!("{path} {why}"))?;
    println!("{count} role descriptions were taken from {path}.");
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Takes the literal role descriptions out of the text of a published document; how many they are, or what is wrong.
pub(super) async fn descriptions_import(app: &App, document: &str) -> Result<usize, Fault> {
    let descriptions = literal_descriptions(document).map_err(|why| why.to_string())?;
    let session = app.db.write();
    let stored = roles::store::descriptions_set(&PlatformScope::new(session.clone()), &descriptions).await;
    stored.map_err(|error| said(error.into()))?;
    session.commit().await.map_err(|error| said(error.into()))?;
    Ok(descriptions.len())
}
