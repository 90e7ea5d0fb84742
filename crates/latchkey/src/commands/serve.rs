//! Serving.

use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    http::{StatusCode, header},
    routing::{get, post},
};
use frame::{
    App,
    listener::{Peer, Port},
    mail::delivery::{self, Sender},
    passwords::Hasher,
    runtime::SystemEntropy,
};
use identity::organizations::Founded;
use kernel::Secret;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    assemble::{self, Fault, Outside},
    bootstrap::{Start, bootstrap},
    config::Config,
};

/// Serves until told to stop.
pub async fn serve(mut config: Config) -> Result<ExitCode, Fault> {
    let started = Instant::now();
    let listener = bind(config.listen).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    if config.public_url.is_none() {
        config.settings.public_url = format!("http://{address}");
    }
    let db = assemble::database(&config, config.migrate).await?;
    let app = assemble::app(&config, db, Outside::default()).await?;
    let organization = config.bootstrap.organization.clone();
    let email = config.bootstrap.email.as_str().to_owned();
    match bootstrap(&app, config.bootstrap).await? {
        Start::First { founded, given } => welcome(&app, &founded, given, &organization, &email),
        Start::Again => println!(
            "Latchkey serves {}; its organization exists, and nothing was made.",
            app.settings.public_url
        ),
    }
    let router = assemble::server(&app)?.router();
    let (stop, stopped) = watch::channel(false);
    let chores =
        [identity::housekeeping::CHORES, signin::housekeeping::CHORES, appauth::housekeeping::CHORES];
    let chores = chores.concat();
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
    tracing::info!(%address, millis = started.elapsed().as_millis(), "listening");
    let told = stop_signal(stop);
    let service = router.into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(Port(listener), service).with_graceful_shutdown({
        let mut stopped = stopped.clone();
        async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        }
    });
    let grace = async {
        let mut stopped = stopped;
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(config.shutdown_grace).await;
    };
    tokio::select! {
        result = serving => result.map_err(|error| format!("serving failed: {error}"))?,
        () = grace => tracing::warn!("requests were still running when the time to stop was over"),
    }
    told.abort();
    for task in background {
        // They end by themselves; one that does not must not keep the program.
        let _ = tokio::time::timeout(Duration::from_secs(5), task).await;
    }
    app.db.close().await;
    tracing::info!("stopped");
    app.telemetry.flush();
    Ok(ExitCode::SUCCESS)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Fault> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("listen is [{address}], but it cannot be listened on: {error}"))
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
fn welcome(app: &App, founded: &Founded, given: bool, organization: &str, email: &str) {
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
    let organization = config.bootstrap.organization.clone();
    let email = config.bootstrap.email.as_str().to_owned();
    let code = match bootstrap(&app, config.bootstrap).await? {
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
            welcome(&app, &founded, given, &organization, &email);
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
    let password = || Secret::new(super::seed::PASSWORD.to_owned());
    let hash = hasher.hash(password()).await.map_err(|problem| problem.to_string())?;
    let check = move || {
        let (hasher, hash) = (Arc::clone(&hasher), hash.clone());
        async move {
            let right = hasher.verify(password(), Some(hash)).await;
            if right.is_ok_and(|right| right) { StatusCode::NO_CONTENT } else { StatusCode::BAD_REQUEST }
        }
    };
    let router = Router::new().route("/", get(answer)).route("/password", post(check)).fallback(get(answer));
    let listener = bind(config.listen).await?;
    axum::serve(listener, router).await.map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}
