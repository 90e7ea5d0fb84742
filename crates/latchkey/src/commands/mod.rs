//! The command line.

mod admin;
mod doctor;
mod env;
mod fill;
mod gateway;
mod keys;
mod serve;
mod services;
mod stand_in;

use std::{collections::BTreeMap, fmt::Write as _, io::Write as _, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgAction, ArgMatches, Command};
use tracing::Level;
use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{
    assemble::{self, Fault, Outside},
    config::{Config, SETTINGS, Sources},
};

/// Runs the program.
pub fn main() -> ExitCode {
    let matches = command().get_matches();
    match run(&matches) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("latchkey: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let name = |help: &'static str| Arg::new("name").required(true).value_name("NAME").help(help);
    let organization = || {
        Arg::new("organization")
            .long("organization")
            .value_name("ID")
            .help("The organization, if there are several")
    };
    let domain = || Arg::new("domain").required(true).value_name("DOMAIN");
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON");
    let mut command = Command::new("latchkey")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Identity and application-auth control plane for API platforms")
        .after_help("Every setting is a flag, an environment variable LATCHKEY_… and a key of the configuration file, in that order of precedence.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("serve").about("Serve; the first start creates an organization and prints its owner's token"))
        .subcommand(
            Command::new("env")
                .about("Print the variables by which a client finds the stand-in that runs on this data directory")
                .arg(Arg::new("client").long("client").value_name("CLIENT").value_parser(env::CLIENTS.map(|(name, _)| name)).help("Only what this client needs [default: what any of them needs]"))
                .arg(Arg::new("shell").long("shell").value_name("SHELL").value_parser(["sh", "fish", "powershell"]).default_value("sh").help("The shell that reads it"))
                .arg(json()),
        )
        .subcommand(Command::new("init").about("Create the organization and its owner's token without serving").arg(json()))
        .subcommand(Command::new("config").about("Print the effective configuration and where each value came from"))
        .subcommand(Command::new("migrate").about("Bring the database's schema up to date"))
        .subcommand(Command::new("doctor").about("Check database, key, clock and file permissions"))
        .subcommand(
            Command::new("token")
                .about("Make a well-formed access token that nothing knows yet, for bootstrap-token and seeds")
                .arg(Arg::new("kind").long("kind").value_name("KIND").value_parser(["personal", "system"]).default_value("personal").help("Whose it is to be: a person's or a system account's")),
        )
        .subcommand(
            Command::new("owner").about("The owner of an organization").subcommand_required(true).subcommand(
                Command::new("set")
                    .about("Make a user owner and administrator, and print a token that is good for a day")
                    .arg(Arg::new("email").required(true).value_name("EMAIL"))
                    .arg(organization()),
            ),
        )
        .subcommand(
            Command::new("organization").about("Organizations").subcommand_required(true).subcommand(
                Command::new("create")
                    .about("Create another organization, and print its owner's token")
                    .arg(name("The organization's name"))
                    .arg(Arg::new("email").required(true).value_name("EMAIL").help("Its owner's e-mail")),
            ),
        )
        .subcommand(
            Command::new("domain")
                .about("E-mail domains that an organization's identity provider may speak for")
                .subcommand_required(true)
                .subcommand(Command::new("verify").about("Verify a domain, which may then claim people that other organizations know").arg(domain()).arg(organization()))
                .subcommand(Command::new("list").about("List the verified domains").arg(organization()))
                .subcommand(Command::new("remove").about("Take a domain back").arg(domain()).arg(organization())),
        )
        .subcommand(
            Command::new("client-token").about("Tokens of platform services").subcommand_required(true).subcommand(
                Command::new("create")
                    .about("Make the token of a service; it replaces an earlier one")
                    .arg(name("The service"))
                    .arg(Arg::new("allow").long("allow").value_name("OPERATIONS").help("What it may call, separated by commas [default: everything that services may]")),
            )
            .subcommand(Command::new("list").about("List the services that have a token"))
            .subcommand(Command::new("revoke").about("Take a service's token back").arg(name("The service"))),
        )
        .subcommand(
            Command::new("service-token").about("Signed tokens by which platform services act in an organization").subcommand_required(true).subcommand(
                Command::new("create")
                    .about("Make the token of a service; it replaces an earlier one")
                    .arg(name("The service"))
                    .arg(Arg::new("allow").long("allow").required(true).value_name("OPERATIONS").help("What it may call, separated by commas; * for everything that takes service tokens"))
                    .arg(Arg::new("days").long("days").value_name("DAYS").value_parser(clap::value_parser!(u64).range(1..=366)).default_value("90").help("How long it is good"))
                    .arg(organization()),
            )
            .subcommand(Command::new("list").about("List the services that have a token").arg(organization()))
            .subcommand(Command::new("revoke").about("Take a service's token back").arg(name("The service")).arg(organization())),
        )
        .subcommand(
            Command::new("mail")
                .about("The mail outbox")
                .subcommand_required(true)
                .subcommand(Command::new("list").about("List the newest mails"))
                .subcommand(Command::new("show").about("Print a mail").arg(Arg::new("id").required(true).value_name("ID"))),
        )
        .subcommand(
            Command::new("roles").about("The role catalogue").subcommand_required(true).subcommand(
                Command::new("import")
                    .about("Take the literal role descriptions out of a published OpenAPI document")
                    .arg(Arg::new("file").required(true).value_name("FILE")),
            ),
        )
        .subcommand(
            Command::new("gateway").about("The gateway that is told of every change").subcommand_required(true).subcommand(
                Command::new("sync")
                    .about("Bring the gateway up to date now, for all organizations or for one")
                    .arg(Arg::new("dry-run").long("dry-run").action(ArgAction::SetTrue).help("Only print what there is to do"))
                    .arg(Arg::new("organization").long("organization").value_name("ID").help("Only this organization")),
            ),
        )
        .subcommand(
            Command::new("keys").about("The master key").subcommand_required(true).subcommand(
                Command::new("rotate")
                    .about("Encrypt every secret with a new master key")
                    .arg(Arg::new("forget").long("forget-old").action(ArgAction::SetTrue).help("Remove the old keys, once every server has been restarted")),
            ),
        )
        .subcommand(
            Command::new("signing-keys").about("The keys that sign access tokens").subcommand_required(true).subcommand(
                Command::new("rotate")
                    .about("Make a new key, which signs in ten minutes")
                    .arg(Arg::new("revoke").long("revoke-old").action(ArgAction::SetTrue).help("Sign with it at once, and remove the others with all that they signed")),
            ),
        )
        .subcommand(
            Command::new("seed").about("Seeds of the stand-in").subcommand_required(true).subcommand(
                Command::new("export")
                    .about("Print the seed that makes the organizations of the database again, in YAML, without what nobody can read again")
                    .arg(organization())
                    .arg(json()),
            ),
        )
        .subcommand(
            Command::new("fill")
                .hide(true)
                .about("Fill the first organization, for benchmarks")
                .arg(Arg::new("users").long("users").value_parser(clap::value_parser!(u64)).default_value("1000"))
                .arg(Arg::new("signers").long("signers").value_parser(clap::value_parser!(u64)).default_value("0"))
                .arg(Arg::new("strategies").long("strategies").value_parser(clap::value_parser!(u64)).default_value("0"))
                .arg(Arg::new("teams").long("teams").value_parser(clap::value_parser!(u64)).default_value("0")),
        )
        .subcommand(Command::new("floor").hide(true).about("Answer a constant through the same HTTP stack, for benchmarks"))
        .arg(Arg::new("config").long("config").global(true).value_name("FILE").help("Configuration file [default: ./latchkey.toml, if there is one]"));
    for setting in SETTINGS {
        let default =
            setting.default.filter(|text| !text.is_empty()).map(|text| format!(" [default: {text}]"));
        let help =
            format!("{}{} [env: {}]", setting.help, default.unwrap_or_default(), setting.environment());
        let mut arg = Arg::new(setting.name)
            .long(setting.name)
            .global(true)
            .value_name("VALUE")
            .help(help)
            .help_heading("Settings");
        if setting.switch {
            arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
        }
        command = command.arg(arg);
    }
    command
}

fn run(matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let Some((name, inner)) = matches.subcommand() else { return Err("no command".to_owned()) };
    let sources = sources(inner);
    if name == "config" {
        return print_config(sources);
    }
    let config = effective(sources)?;
    if name == "env" {
        return env::env(&config, inner);
    }
    start_log(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no threads can be started: {error}"))?;
    runtime.block_on(async {
        match (name, inner.subcommand()) {
            ("serve", _) => serve::serve(config).await,
            ("init", _) => serve::init(config, inner.get_flag("json")).await,
            ("floor", _) => serve::floor(config).await,
            ("migrate", _) => admin::migrate(config).await,
            ("doctor", _) => doctor::doctor(config).await,
            ("token", _) => admin::token(inner),
            ("owner", Some(("set", set))) => admin::owner_set(config, set).await,
            ("organization", Some(("create", create))) => admin::organization_create(config, create).await,
            ("domain", Some(("verify", verify))) => admin::domain_set(config, verify, true).await,
            ("domain", Some(("remove", remove))) => admin::domain_set(config, remove, false).await,
            ("domain", Some(("list", list))) => admin::domain_list(config, list).await,
            ("client-token", Some(("create", create))) => services::client_token_create(config, create).await,
            ("client-token", Some(("list", _))) => services::client_token_list(config).await,
            ("client-token", Some(("revoke", revoke))) => services::client_token_revoke(config, revoke).await,
            ("service-token", Some(("create", it))) => services::service_token_create(config, it).await,
            ("service-token", Some(("list", it))) => services::service_token_list(config, it).await,
            ("service-token", Some(("revoke", it))) => services::service_token_revoke(config, it).await,
            ("mail", Some(("list", _))) => admin::mail_list(config).await,
            ("mail", Some(("show", show))) => admin::mail_show(config, show).await,
            ("roles", Some(("import", import))) => admin::roles_import(config, import).await,
            ("gateway", Some(("sync", sync))) => gateway::sync(config, sync).await,
            ("keys", Some(("rotate", rotate))) => keys::rotate(config, rotate.get_flag("forget")).await,
            ("signing-keys", Some(("rotate", rotate))) => {
                keys::rotate_signing(config, rotate.get_flag("revoke")).await
            }
            ("seed", Some(("export", export))) => stand_in::export(config, export).await,
            ("fill", _) => fill::fill_all(config, inner).await,
            _ => Err(format!("no command [{name}]")),
        }
    })
}

/// The command that was given, at its innermost: settings are global, so it knows them all.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| innermost(inner))
}

fn sources(matches: &ArgMatches) -> Sources {
    let matches = innermost(matches);
    let environment: BTreeMap<String, String> =
        std::env::vars().filter(|(name, _)| name.starts_with("LATCHKEY_")).collect();
    // `LATCHKEY_URL` is for clients: `env` prints it into the shell in which the next command is given, too.
    let others = ["LATCHKEY_CONFIG", "LATCHKEY_URL"];
    for name in environment.keys() {
        let known =
            others.contains(&name.as_str()) || SETTINGS.iter().any(|setting| setting.environment() == *name);
        if !known {
            eprintln!("latchkey: the environment variable {name} is no setting and is ignored");
        }
    }
    let flag = |name: &str| matches.get_one::<String>(name).cloned();
    let named = flag("config").or_else(|| environment.get("LATCHKEY_CONFIG").cloned()).map(PathBuf::from);
    let file = named.or_else(|| Some(PathBuf::from("latchkey.toml")).filter(|path| path.exists()));
    Sources::gather(&flag, &environment, file.as_deref())
}

fn effective(sources: Sources) -> Result<Config, Fault> {
    sources.config().map_err(|faults| faults.join("\nlatchkey: "))
}

/// Prints what may be long. Whoever reads it may stop in the middle (`| head`), which is no fault.
fn print(text: &str) -> Result<(), Fault> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("nothing can be printed: {error}"))
        }
        _ => Ok(()),
    }
}

fn print_config(sources: Sources) -> Result<ExitCode, Fault> {
    let mut text = String::new();
    for setting in SETTINGS {
        let given = sources.get(setting.name);
        let value = match given.text {
            None => unset(setting.name, &sources),
            Some(_) if setting.secret => "***".to_owned(),
            Some(text) if setting.name == "database-url" => frame::db::DatabaseUrl::parse(&text)
                .map(|url| url.masked())
                .unwrap_or_else(|_| "(not valid)".to_owned()),
            Some(text) => text,
        };
        let _ = writeln!(text, "{:<30} {value:<40} {}", setting.name, given.origin);
    }
    print(&text)?;
    effective(sources).map(|_| ExitCode::SUCCESS)
}

/// What holds when nobody set this and the value follows from another setting.
fn unset(name: &str, sources: &Sources) -> String {
    let text = |name| sources.get(name).text.unwrap_or_default();
    match name {
        "public-url" => format!("http://{}", text("listen")),
        "database-url" if text("stand-in") == "true" => "sqlite::memory:".to_owned(),
        "database-url" => format!("sqlite:{}/latchkey.db", text("data-dir")),
        "master-key" => format!("(in {}/master.key)", text("data-dir")),
        _ => "(not set)".to_owned(),
    }
}

fn start_log(config: &Config) -> Result<(), Fault> {
    let filter: tracing_subscriber::EnvFilter =
        config.log.parse().map_err(|_| "log is not a filter".to_owned())?;
    // The driver reports slow statements at this level; the access log has the time of each request.
    let quiet = "sqlx=error".parse().map_err(|_| "log is not a filter".to_owned())?;
    // At its most talkative AWS's SDK prints whole requests and answers, with the tokens and keys in them.
    let discreet = filter_fn(|event| !event.target().starts_with("aws_") || *event.level() <= Level::INFO);
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter.add_directive(quiet)).with_writer(std::io::stderr);
    let result = match config.log_format {
        frame::telemetry::LogFormat::Json => {
            builder.json().flatten_event(true).finish().with(discreet).try_init()
        }
        frame::telemetry::LogFormat::Text => builder.with_target(false).finish().with(discreet).try_init(),
    };
    result.map_err(|error| format!("no log: {error}"))
}

/// The app, over a database that must be up to date.
async fn open(config: &Config) -> Result<frame::App, Fault> {
    let db = assemble::database(config, false).await?;
    assemble::app(config, db, Outside::default()).await
}
