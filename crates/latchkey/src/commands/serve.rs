//! Serving.

use std::{
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::connect_info::Connected,
    http::{StatusCode, header},
    routing::{get, post},
    serve::{IncomingStream, Listener},
};
use frame::{
    App,
    listener::{self, Peer, Port},
    mail::delivery::{self, Sender},
    passwords::Hasher,
    runtime::{SystemClock, SystemEntropy},
};
use identity::organizations::Founded;
use kernel::{Secret, WallClock};
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::stand_in;
use crate::{
    assemble::{self, Fault, Outside},
    bootstrap::{Start, bootstrap},
    config::{Bootstrap, Config, Tls},
};

/// Serves until told to stop.
pub async fn serve(mut config: Config) -> Result<ExitCode, Fault> {
    let started = Instant::now();
    let listener = bind("listen", config.listen).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let tls = encryption(&config)?;
    if config.public_url.is_none() {
        let scheme = if tls.is_some() { "https" } else { "http" };
        config.settings.public_url = format!("{scheme}://{address}");
    }
    let chores =
        [identity::housekeeping::CHORES, signin::housekeeping::CHORES, appauth::housekeeping::CHORES];
    let chores = chores.concat();
    let db = assemble::database(&config, config.migrate).await?;
    let beside = match &config.standin {
        Some(settings) => {
            Some(stand_in::Beside::open(settings, &config.data_dir, address, chores.clone()).await?)
        }
        None => None,
    };
    let outside =
        beside.as_ref().map_or_else(Outside::default, |beside| Outside::of_standin(&beside.standin));
    let app = assemble::app(&config, db, outside).await?;
    let server = assemble::server(&app)?;
    match &beside {
        Some(beside) => beside.begin(&config, &app).await?,
        None => begin(&config, &app).await?,
    }
    let router = server.router();
    let (stop, stopped) = watch::channel(false);
    let mut background = vec![
        tokio::spawn(frame::chores::run(app.clone(), chores, stopped.clone())),
        tokio::spawn(appauth::clients::worker::run(app.clone(), stopped.clone())),
        tokio::spawn(appauth::gateway::worker::run(app.clone(), stopped.clone())),
        tokio::spawn(frame::changes::follow(app.db.clone(), Arc::clone(&app.access), stopped.clone())),
    ];
    if let Some(smtp) = &config.smtp {
        let sender = std::sync::Arc::new(Sender::new(smtp)?);
        background.push(tokio::spawn(delivery::run(app.clone(), sender, stopped.clone())));
    }
    let told = stop_signal(stop);
    let proxy = match beside {
        Some(beside) => {
            let (port, kept) = beside.open_proxy(&config, &app)?;
            Some((tokio::spawn(answer(port, router.clone(), stopped.clone())), kept))
        }
        None => None,
    };
    tracing::info!(%address, millis = started.elapsed().as_millis(), "listening");
    let serving = async {
        match tls {
            Some(tls) => {
                let port = listener::encrypted(listener, tls).map_err(|error| error.to_string())?;
                answer(port, router, stopped.clone()).await
            }
            None => answer(Port(listener), router, stopped.clone()).await,
        }
    };
    let grace = async {
        let mut stopped = stopped.clone();
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(config.shutdown_grace).await;
    };
    tokio::select! {
        result = serving => result?,
        () = grace => tracing::warn!("requests were still running when the time to stop was over"),
    }
    told.abort();
    if let Some((proxy, _)) = proxy {
        proxy.abort();
    }
    for task in background {
        // They end by themselves; one that does not must not keep the program.
        let _ = tokio::time::timeout(Duration::from_secs(5), task).await;
    }
    app.db.close().await;
    tracing::info!("stopped");
    app.telemetry.flush();
    Ok(ExitCode::SUCCESS)
}

/// Answers what comes in at a port until told to stop, and finishes what is running then.
async fn answer<L>(port: L, router: Router, mut stopped: watch::Receiver<bool>) -> Result<(), Fault>
where
    L: Listener<Addr = SocketAddr>,
    Peer: for<'a> Connected<IncomingStream<'a, L>>,
{
    let service = router.into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(port, service).with_graceful_shutdown(async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    });
    serving.await.map_err(|error| format!("serving failed: {error}"))
}

/// The first start makes an organization.
async fn begin(config: &Config, app: &App) -> Result<(), Fault> {
    match bootstrap(app, &config.bootstrap).await? {
        Start::First { founded, given } => welcome(app, &founded, given, &config.bootstrap),
        Start::Again => println!(
            "Latchkey serves {}; its organization exists, and nothing was made.",
            app.settings.public_url
        ),
    }
    Ok(())
}

/// How connections are encrypted, if they are.
fn encryption(config: &Config) -> Result<Option<Arc<ServerConfig>>, Fault> {
    match &config.tls {
        None => Ok(None),
        Some(Tls::Files(certificates, key)) => {
            let unreadable = |path: &Path| {
                let path = path.display().to_string();
                move |error| format!("{path} cannot be read as PEM: {error}")
            };
            let chain: Result<Vec<_>, _> =
                CertificateDer::pem_file_iter(certificates).map_err(unreadable(certificates))?.collect();
            let chain = chain.map_err(unreadable(certificates))?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
            listener::tls(chain, key).map(Some)
        }
        Some(Tls::SelfSigned) => {
            let host = config.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
            let host = host.and_then(|url| url.host_str().map(str::to_owned));
            let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
            names.extend(host.filter(|host| !names.contains(host)));
            let made = standin::proxy::self_signed(names, WallClock::now(&SystemClock))?;
            assemble::private_dir(&config.data_dir)?;
            let path = config.data_dir.join("tls-cert.pem");
            std::fs::write(&path, made.certificate)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
            Ok(Some(made.tls))
        }
    }
}

pub(super) async fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, Fault> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("{setting} is [{address}], but it cannot be listened on: {error}"))
}

/// Waits for SIGTERM or Ctrl-C, then says so to everybody.
fn stop_signal(stop: watch::Sender<bool>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let terminated = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminated => {}
        }
        tracing::info!("stopping: running requests are finished first");
        let _ = stop.send(true);
    })
}

/// What to do next, printed once.
fn welcome(app: &App, founded: &Founded, given: bool, began: &Bootstrap) {
    let (organization, email) = (&began.organization, began.email.as_str());
    let url = &app.settings.public_url;
    let token = founded.token.reveal();
    println!("Latchkey is ready, for the first time.\n");
    println!("  Base URL      {url}");
    println!("  Organization  {organization} ({})", founded.organization);
    println!("  Owner         {email} ({})", founded.owner);
    if given {
        println!("  Token         the one that you gave as bootstrap-token\n");
        println!("Try it, with the token in LATCHKEY_BOOTSTRAP_TOKEN:\n");
        println!("  curl -H \"Authorization: Bearer $LATCHKEY_BOOTSTRAP_TOKEN\" {url}/v3/users/me\n");
    } else {
        println!("  Token         {token}");
        println!("                (shown now and never again; good for a year)\n");
        println!("Try it:\n");
        println!("  curl -H 'Authorization: Bearer {token}' {url}/v3/users/me\n");
    }
    println!("The API is described at {url}/docs\n");
}

/// Makes the organization without serving.
pub async fn init(config: Config, json: bool) -> Result<ExitCode, Fault> {
    let db = assemble::database(&config, config.migrate).await?;
    let app = assemble::app(&config, db, Outside::default()).await?;
    let code = match bootstrap(&app, &config.bootstrap).await? {
        Start::First { founded, .. } if json => {
            println!(
                "{}",
                serde_json::json!({
                    "organization_id": founded.organization,
                    "owner_id": founded.owner,
                    "token": founded.token.reveal(),
                    "base_url": app.settings.public_url,
                })
            );
            ExitCode::SUCCESS
        }
        Start::First { founded, given } => {
            welcome(&app, &founded, given, &config.bootstrap);
            ExitCode::SUCCESS
        }
        Start::Again => {
            eprintln!(
                "latchkey: the organization exists; nothing was made. `latchkey owner set EMAIL` makes a new token for its owner."
            );
            ExitCode::FAILURE
        }
    };
    app.db.close().await;
    Ok(code)
}

/// About the size of a user.
const FLOOR: &str = r#"{"id":"0197a3f2-6c1e-7d33-9a44-2f6f0e8b1c55","email":"owner@example.com","full_name":"owner","preferred_name":"","active":true,"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:00.000Z","padding":"to the size of what a real reply of this kind has on the wire, more or less"}"#;

/// Answers every GET with a constant, through the stack that serves: what no operation can be faster than.
pub async fn floor(config: Config) -> Result<ExitCode, Fault> {
    let answer = || async { ([(header::CONTENT_TYPE, "application/json")], FLOOR) };
    // What signing in cannot be faster than: checking a password, and nothing else.
    let hasher = Arc::new(Hasher::new(Arc::new(SystemEntropy)));
    let password = || Secret::new(super::fill::PASSWORD.to_owned());
    let hash = hasher.hash(password()).await.map_err(|problem| problem.to_string())?;
    let check = move || {
        let (hasher, hash) = (Arc::clone(&hasher), hash.clone());
        async move {
            let right = hasher.verify(password(), Some(hash)).await;
            if right.is_ok_and(|right| right) { StatusCode::NO_CONTENT } else { StatusCode::BAD_REQUEST }
        }
    };
    let router = Router::new().route("/", get(answer)).route("/password", post(check)).fallback(get(answer));
    let listener = bind("listen", config.listen).await?;
    axum::serve(listener, router).await.map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}
