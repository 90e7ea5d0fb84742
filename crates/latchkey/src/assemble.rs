//! Puts the parts together.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use appauth::{
    AppAuth,
    developers::{self, DeveloperAuthenticator, PortalHosts},
    gateway::admin::Admin,
    registration::Registrar,
};
use frame::{
    App, AppParts, Creators, Settings,
    access::{Access, Authenticator, BoxFuture, Presented},
    app::Refusals,
    around::Around,
    db::{DatabaseUrl, Db, PoolSettings},
    mail::Letters,
    outbound::{Allowed, Outbound},
    pages::{Pages, Template},
    passwords::Hasher,
    portals::Portals,
    principal::Principal,
    runtime::{Entropy, SystemClock, SystemEntropy, TraceIds},
    server::Server,
    telemetry::Telemetry,
    vault::{Keyring, Vault},
};
use identity::{
    roles::{Catalogue, RoleCreators},
    tokens::TokenAuthenticator,
};
use kernel::{Clock, Problem, TokenHash, WallClock, query::Limits};
use signin::{
    SignIn,
    keys::SigningKeys,
    marketplace::{Credentials, Resolver},
    passkeys::webauthn::RelyingParty,
    services::ServiceAuthenticator,
    sessions::SessionAuthenticator,
};

use standin::StandIn;

use crate::config::{Config, Sources};

/// Why the program cannot run: sentences for the operator.
pub type Fault = String;

/// The settings that handlers see when nobody set anything.
pub fn default_settings() -> Settings {
    let sources = Sources::gather(&|_| None, &std::collections::BTreeMap::new(), None);
    sources.config().map(|config| config.settings).unwrap_or_else(|_| Settings {
        public_url: String::new(),
        page_limits: Limits::default(),
        trusted_proxies: Vec::new(),
        show_invite_links: false,
        invite_lifetime: std::time::Duration::ZERO,
        invites_per_hour: 0,
        audit_retention: std::time::Duration::ZERO,
        mail_retention: std::time::Duration::ZERO,
        regions: Vec::new(),
        region: String::new(),
    })
}

/// Opens the database and, unless told otherwise, brings its schema up to date.
pub async fn database(config: &Config, migrate: bool) -> Result<Db, Fault> {
    if let DatabaseUrl::SqliteFile(path) = &config.database {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            private_dir(parent)?;
        }
    }
    let pool = PoolSettings { connections: config.connections };
    let db = Db::open(&config.database, pool)
        .await
        .map_err(|error| format!("the database {} cannot be opened: {error}", config.database.masked()))?;
    if let DatabaseUrl::SqliteFile(path) = &config.database {
        // SQLite gives the files beside it the same mode.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|error| {
            format!("the database file {} cannot be closed to others: {error}", path.display())
        })?;
    }
    if migrate {
        db.migrate().await.map_err(|fault| fault.to_string())?;
    } else {
        let (has, wants) = (db.schema().await, frame::db::latest_schema());
        if has > wants {
            return Err(frame::db::MigrationFault::Newer(has).to_string());
        }
        if has < wants {
            return Err(format!("the database has schema {has} and needs {wants}: run `latchkey migrate`"));
        }
    }
    Ok(db)
}

/// Makes a directory that only its owner can look into.
pub fn private_dir(path: &Path) -> Result<(), Fault> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| format!("the directory {} cannot be made: {error}", path.display()))
}

/// Where the master key is if nobody gave one.
pub fn key_file(config: &Config) -> PathBuf {
    config.data_dir.join("master.key")
}

/// The master keys: those given, else those in the data directory, made at the first start.
pub fn keyring(config: &Config, entropy: &dyn Entropy) -> Result<Keyring, Fault> {
    if let Some(given) = &config.master_key {
        return Keyring::parse(given.reveal()).map_err(|rule| format!("master-key {rule}"));
    }
    let path = key_file(config);
    if !path.exists() {
        private_dir(&config.data_dir)?;
        // Of several processes that start at once, one makes the key. A file system without locks is no
        // reason not to start.
        let directory =
            fs::File::open(&config.data_dir).and_then(|directory| directory.lock().map(|()| directory));
        if !path.exists() {
            write_keys(&path, &Keyring::generate(entropy))?;
        }
        drop(directory);
    }
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("the master key {} cannot be read: {error}", path.display()))?;
    Keyring::parse(&text).map_err(|rule| format!("the master key in {} {rule}", path.display()))
}

/// Writes master keys so that a crash leaves either the old file or the new one, readable by its owner only.
pub fn write_keys(path: &Path, keys: &str) -> Result<(), Fault> {
    let fault =
        |error: std::io::Error| format!("the master key {} cannot be written: {error}", path.display());
    let new = path.with_extension("key.new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .map_err(fault)?;
    file.write_all(keys.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .map_err(fault)?;
    fs::rename(&new, path).map_err(fault)?;
    // The database may soon hold what only this key opens, so its name must be on the disk, too.
    match path.parent() {
        Some(directory) => {
            fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(fault)
        }
        None => Ok(()),
    }
}

/// The role catalogue, an operator's file included.
pub fn catalogue(config: &Config) -> Result<Catalogue, Fault> {
    let builtin =
        Catalogue::builtin().map_err(|why| format!("the built-in role catalogue is faulty: {why}"))?;
    let Some(path) = &config.roles_file else { return Ok(builtin) };
    let text = fs::read_to_string(path)
        .map_err(|error| format!("the role catalogue {} cannot be read: {error}", path.display()))?;
    builtin.extended(&text).map_err(|why| format!("the role catalogue {} is faulty: {why}", path.display()))
}

/// What tests replace.
pub struct Outside {
    /// Time for organizations.
    pub clock: Arc<dyn Clock>,
    /// The machine's time.
    pub wall: Arc<dyn WallClock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Whom AWS takes the program for.
    pub aws: Credentials,
    /// The stand-in, if this is one; time and randomness are its own then.
    pub standin: Option<Arc<StandIn>>,
}

impl Outside {
    /// What a stand-in has instead of the machine's.
    pub fn of_standin(standin: &Arc<StandIn>) -> Self {
        Self {
            clock: Arc::clone(&standin.clocks) as Arc<dyn Clock>,
            entropy: Arc::clone(&standin.chance) as Arc<dyn Entropy>,
            standin: Some(Arc::clone(standin)),
            ..Self::default()
        }
    }
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            wall: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            aws: Credentials::Standard,
            standin: None,
        }
    }
}

/// Each kind of credential is resolved where it is kept.
struct Authenticators {
    tokens: TokenAuthenticator,
    sessions: SessionAuthenticator,
    services: ServiceAuthenticator,
    developers: DeveloperAuthenticator,
}

impl Authenticator for Authenticators {
    fn resolve<'a>(
        &'a self,
        hash: TokenHash,
        presented: &'a Presented,
    ) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        match presented {
            Presented::Token(_) if presented.is_developers() => self.developers.resolve(hash, presented),
            Presented::Token(_) => self.tokens.resolve(hash, presented),
            Presented::Signed(_) => Box::pin(async move {
                match self.sessions.resolve(hash, presented).await? {
                    Some(person) => Ok(Some(person)),
                    None => self.services.resolve(hash, presented).await,
                }
            }),
        }
    }
}

/// Puts the program together over an open database.
pub async fn app(config: &Config, db: Db, outside: Outside) -> Result<App, Fault> {
    let Outside { clock, wall, entropy, aws, standin } = outside;
    let ring = keyring(config, &*entropy)?;
    let vault = Vault::open(ring, &db, &*entropy, wall.now()).await.map_err(|problem| problem.to_string())?;
    let vault = Arc::new(vault);
    let catalogue = Arc::new(catalogue(config)?);
    let issuer = config.settings.public_url.clone();
    let keys =
        SigningKeys::open(db.clone(), Arc::clone(&vault), Arc::clone(&entropy), Arc::clone(&wall), issuer)
            .await;
    let keys = Arc::new(keys.map_err(|problem| problem.to_string())?);
    let authenticators = Authenticators {
        tokens: TokenAuthenticator {
            db: db.clone(),
            clock: Arc::clone(&clock),
            catalogue: Arc::clone(&catalogue),
        },
        sessions: SessionAuthenticator {
            db: db.clone(),
            clock: Arc::clone(&clock),
            catalogue: Arc::clone(&catalogue),
            keys: Arc::clone(&keys),
        },
        services: ServiceAuthenticator { db: db.clone(), clock: Arc::clone(&clock), keys: Arc::clone(&keys) },
        developers: DeveloperAuthenticator { db: db.clone() },
    };
    let mut extensions = axum::http::Extensions::new();
    extensions.insert(catalogue);
    extensions.insert(Arc::new(RoleCreators) as Arc<dyn Creators>);
    extensions.insert(Arc::new(PortalHosts { db: db.clone() }) as Arc<dyn Portals>);
    let telemetry = Telemetry::new(config.access_log.then_some(config.log_format));
    let going_out = |allowed| {
        Outbound::new(allowed, telemetry.calls())
            .map_err(|error| format!("outbound-ca-file cannot be used: {error}"))
    };
    let outbound = going_out(config.outbound.clone())?;
    let hasher = Arc::new(Hasher::new(Arc::clone(&entropy)));
    let gateway = match &config.gateway {
        Some(settings) => {
            let anywhere = going_out(Allowed::everything(config.outbound.authorities.clone()))?;
            Some(Admin::new(&anywhere, settings.clone()))
        }
        None => None,
    };
    extensions.insert(Arc::clone(&hasher));
    extensions.insert(AppAuth {
        settings: config.appauth.clone(),
        outbound: outbound.clone(),
        hasher: Arc::clone(&hasher),
        gateway,
    });
    let pages = signin::pages::TEMPLATES.into_iter().chain(developers::pages::TEMPLATES);
    let pages: Vec<Template> = pages.chain(standin::TEMPLATES).collect();
    extensions.insert(Arc::new(Pages::new(config.brand.clone(), &pages, &signin::pages::SCRIPTS)?));
    let letters = identity::LETTERS.into_iter().chain(signin::pages::LETTERS).chain(developers::LETTERS);
    let letters: Vec<Template> = letters.collect();
    extensions.insert(Arc::new(Letters::new(&letters, config.mail_templates.as_deref())?));
    let marketplace = match &config.signin.marketplace {
        Some(settings) => {
            let anywhere = going_out(Allowed::everything(config.outbound.authorities.clone()))?;
            let anywhere = anywhere.to("aws_marketplace");
            Some(Arc::new(Resolver::new(settings.clone(), anywhere, Arc::clone(&wall), aws)))
        }
        None => None,
    };
    extensions.insert(Registrar::new(
        &outbound,
        config.registration.clone(),
        config.settings.public_url.clone(),
        Arc::clone(&wall),
        Arc::clone(&entropy),
    ));
    extensions.insert(SignIn {
        settings: config.signin.clone(),
        keys,
        hasher,
        passkeys: RelyingParty::at(&config.settings.public_url),
        outbound: outbound.to("identity_provider"),
        oidc: Arc::default(),
        saml: Arc::default(),
        marketplace,
    });
    if let Some(standin) = standin {
        extensions.insert(Arc::clone(&standin) as Arc<dyn Around>);
        extensions.insert(standin);
    }
    Ok(App::new(AppParts {
        access: Arc::new(Access::new(Box::new(authenticators))),
        telemetry,
        traces: TraceIds::new(&*entropy),
        refusals: Refusals::default(),
        settings: config.settings.clone(),
        db,
        clock,
        wall,
        entropy,
        vault,
        extensions,
    }))
}

/// All operations over an app.
pub fn server(app: &App) -> Result<Arc<Server>, Fault> {
    let Ok(standin) = app.part::<Arc<StandIn>>() else {
        return Server::new(app.clone(), crate::operations()).map(Arc::new);
    };
    let operations = crate::operations().into_iter().chain(standin::operations()).collect();
    let server = Arc::new(Server::new(app.clone(), operations)?);
    standin.attach(app, &server);
    Ok(server)
}
