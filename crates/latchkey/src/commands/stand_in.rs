//! What serving has beside the API when it stands in for the service.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::ArgMatches;
use frame::{App, chores::Chore, db::PlatformScope, runtime::SystemClock};
use identity::organizations::{self, owner_token};
use kernel::{OrgId, Problem, Secret, WallClock};
use signin::passwords::password_hash;
use standin::{
    StandIn,
    faults::{self, Profile},
    organizations::{FreshOrganization, NewOrganization, make},
    proxy::{self, Authority},
    seed::{self, Seed},
    snapshots::{EMPTY, SEED, keep},
};
use tokio::net::TcpListener;

use super::{
    admin::descriptions_import,
    env::{FILE, Running},
    serve::bind,
};
use crate::{
    assemble::{self, Fault},
    config::{self, Config, Tls},
};

/// The stand-in, and its proxy's port.
pub(super) struct Beside {
    pub standin: Arc<StandIn>,
    listener: TcpListener,
    first: std::sync::OnceLock<FreshOrganization>,
}

/// The files that clients' environments name. They are good while the process lives, and go with it.
pub(super) struct Files(Vec<PathBuf>);

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// Where systems keep the authorities that they trust.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

impl Beside {
    /// Takes the proxy's port.
    pub async fn open(
        settings: &config::StandIn,
        data_dir: &Path,
        listens: SocketAddr,
        chores: Vec<Chore>,
    ) -> Result<Self, Fault> {
        if let Some(running) = Running::there(data_dir) {
            let directory = data_dir.display();
            return Err(format!(
                "a stand-in runs on {directory} already, at {}: give this one another data-dir",
                running.url
            ));
        }
        let listener = bind("stand-in-proxy", settings.proxy).await?;
        if !settings.proxy.ip().is_loopback() || !listens.ip().is_loopback() {
            tracing::warn!("the stand-in is reached from elsewhere, and whoever reaches it commands it");
        }
        let standin = Arc::new(StandIn::new(Arc::new(SystemClock), settings.random, chores));
        Ok(Self { standin, listener, first: std::sync::OnceLock::new() })
    }

    /// Makes what the stand-in begins with.
    pub async fn begin(&self, config: &Config, app: &App) -> Result<(), Fault> {
        let Some(settings) = &config.standin else { return Ok(()) };
        let failed = |problem: Problem| format!("the stand-in cannot begin: {problem}");
        if let Some(path) = &settings.roles {
            let document = read(&path.display().to_string(), "stand-in-roles")?;
            descriptions_import(app, &document)
                .await
                .map_err(|why| format!("stand-in-roles is [{}], which {why}", path.display()))?;
        }
        // The session ends with the statement: a database in memory has one connection.
        let known = organizations::store::organization_ids(&PlatformScope::new(app.db.read())).await;
        let known = known.map_err(|error| failed(error.into()))?;
        let first = match known.first() {
            Some(&org) => again(app, org, config).await,
            None => match first(config, app).await {
                Ok(new) => make(&self.standin, new).await,
                Err(problem) => Err(problem),
            },
        };
        let first = first.map_err(failed)?;
        app.db.snapshots_forget().await.map_err(failed)?;
        keep(&self.standin, app, EMPTY).await.map_err(failed)?;
        let first = match &settings.seed {
            Some(_) if !known.is_empty() => {
                tracing::info!("the database has organizations already, so the seed is not applied");
                first
            }
            Some(path) => self.seed(path).await?.unwrap_or(first),
            None => first,
        };
        keep(&self.standin, app, SEED).await.map_err(failed)?;
        if let Some(name) = &settings.faults {
            let profile = match Profile::builtin(name) {
                Some(profile) => profile,
                None => Profile::parse(&read(name, "stand-in-faults")?),
            };
            let good = |profile: Profile| faults::check(&self.standin, &profile).map(|()| profile);
            let profile = profile.and_then(good);
            let profile =
                profile.map_err(|problem| format!("the fault profile [{name}] is not good: {problem}"))?;
            self.standin.faults.set(app, None, Some(profile));
        }
        println!(
            "Latchkey stands in for the service at {}, and keeps nothing that it is not told to.\n",
            first.base_url
        );
        println!("  eval \"$(latchkey env)\"     points unmodified clients at it");
        println!("  {}/stand-in   shows what they ask\n", first.base_url);
        let _ = self.first.set(first);
        Ok(())
    }

    /// Makes what a seed file has; its first organization is the one that clients are pointed at.
    async fn seed(&self, path: &Path) -> Result<Option<FreshOrganization>, Fault> {
        let shown = path.display().to_string();
        let fault = |problem: Problem| format!("the seed [{shown}] is not good: {problem}");
        let seed = Seed::parse(&read(&shown, "stand-in-seed")?).map_err(fault)?;
        let made = seed::apply(&self.standin, seed).await.map_err(fault)?;
        Ok(made.into_iter().next().map(|seeded| seeded.organization))
    }

    /// Opens the proxy, and writes down what clients need to know of it.
    pub fn open_proxy(self, config: &Config, app: &App) -> Result<(proxy::Port, Files), Fault> {
        let address = self.listener.local_addr().map_err(|error| error.to_string())?;
        let authority = Authority::new(WallClock::now(&SystemClock))?;
        let port = proxy::port(self.listener, &authority)
            .map_err(|error| format!("the proxy cannot be opened: {error}"))?;
        assemble::private_dir(&config.data_dir)?;
        let directory = fs::canonicalize(&config.data_dir).map_err(|error| error.to_string())?;
        let path = |name: &str| directory.join(name);
        let (ca, bundle, said) = (path("stand-in-ca.pem"), path("stand-in-ca-bundle.pem"), path(FILE));
        let system = SYSTEM.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let first = self.first.into_inner().ok_or("the stand-in has not begun")?;
        let running = Running {
            url: app.settings.public_url.clone(),
            proxy: format!("http://{address}"),
            ca_file: ca.display().to_string(),
            ca_bundle: bundle.display().to_string(),
            organization_id: first.organization_id.to_string(),
            token: first.token,
        };
        let running = serde_json::to_string(&running).map_err(|error| error.to_string())?;
        let files = Files(vec![ca, bundle, said]);
        // Whoever takes the bundle for all that it trusts calls the API's own port, too.
        let own = match config.tls {
            Some(Tls::SelfSigned) => fs::read_to_string(path("tls-cert.pem")).unwrap_or_default(),
            _ => String::new(),
        };
        let bundle = format!("{}\n{own}\n{system}", authority.certificate);
        let texts = [authority.certificate.clone(), bundle, running];
        for (path, text) in files.0.iter().zip(texts) {
            write(path, &text)?;
        }
        Ok((port, files))
    }
}

/// Writes a file that its owner alone reads, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), Fault> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let new = path.with_extension("new");
    let written = (|| {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&new, path)
    })();
    written.map_err(|error: std::io::Error| format!("{} cannot be written: {error}", path.display()))
}

fn read(path: &str, setting: &str) -> Result<String, Fault> {
    fs::read_to_string(path).map_err(|error| format!("{setting} is [{path}], but it cannot be read: {error}"))
}

/// The organization of a first start.
async fn first(config: &Config, app: &App) -> Result<NewOrganization, Problem> {
    let token = config.bootstrap.token.as_ref();
    let password_hash = match &config.bootstrap.password {
        Some(password) => Some(password_hash(app, Secret::new(password.reveal().clone())).await?),
        None => None,
    };
    Ok(NewOrganization {
        name: Some(config.bootstrap.organization.clone()),
        email: Some(config.bootstrap.email.clone()),
        password_hash,
        token: token.and_then(|token| kernel::Token::parse(token.reveal())),
        ..NewOrganization::default()
    })
}

/// A database that was there already: its first organization, and another token for its owner, which is the one that
/// the settings give if it is none of its own yet.
async fn again(app: &App, org: OrgId, config: &Config) -> Result<FreshOrganization, Problem> {
    let given = || config.bootstrap.token.as_ref().and_then(|token| kernel::Token::parse(token.reveal()));
    let (owner, token) = match owner_token(app, org, given()).await {
        Err(Problem::Conflict(_)) => owner_token(app, org, None).await?,
        made => made?,
    };
    Ok(FreshOrganization {
        organization_id: org,
        owner_id: owner.id,
        owner_email: owner.email,
        token: token.reveal().to_owned(),
        base_url: app.settings.public_url.clone(),
    })
}

/// Prints the seed that makes the organizations of a database again.
pub(super) async fn export(config: Config, matches: &ArgMatches) -> Result<ExitCode, Fault> {
    let app = super::open(&config).await?;
    let only = match matches.get_one::<String>("organization") {
        Some(text) => Some(text.parse::<OrgId>().map_err(|_| format!("[{text}] is no organization's id"))?),
        None => None,
    };
    let server = assemble::server(&app)?;
    let seed = seed::export(&server, only).await.map_err(|problem| problem.to_string())?;
    let text = if matches.get_flag("json") {
        format!("{seed:#}\n")
    } else {
        seed::yaml(&seed).map_err(|problem| problem.to_string())?
    };
    app.db.close().await;
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
