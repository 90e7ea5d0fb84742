//! Programs of others that tests speak with. They are started for one test, listen on the loopback only,
//! and end when their input does.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{Client, PUBLIC_URL};

/// The Python of the tests' environment. `cargo xtask test` makes sure that there is one; without it the
/// tests that need it have nothing to do.
pub fn python() -> Option<PathBuf> {
    std::env::var_os("LATCHKEY_TEST_PYTHON").map(PathBuf::from)
}

/// Where the peers lie that run in Node.js, with the packages that they need. `cargo xtask test` prepares it;
/// without it the tests that need it have nothing to do.
pub fn node_peers() -> Option<PathBuf> {
    std::env::var_os("LATCHKEY_TEST_PEERS").map(PathBuf::from)
}

/// A program that was started, and ends with this.
pub(crate) struct Peer {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the peer starts");
        let lines = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, lines }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line of the peer");
        line
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an OpenID provider says about itself, and nothing more: enough to begin a sign-in, for tests that go
/// through all operations. It is written by hand, and nobody signs in through it.
pub struct Discovery {
    /// Its issuer.
    pub issuer: String,
    task: tokio::task::JoinHandle<()>,
}

impl Discovery {
    /// Serves it.
    pub async fn serve() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("its address"));
        let document = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
        });
        let answer = move || async move { document.to_string() };
        let service =
            axum::Router::new().route("/.well-known/openid-configuration", axum::routing::get(answer));
        let task = tokio::spawn(async move { axum::serve(listener, service).await.expect("it serves") });
        Self { issuer, task }
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An OpenID provider: the npm package oidc-provider, whose people click at once.
pub struct OpenIdProvider {
    _peer: Peer,
    /// Its issuer.
    pub issuer: String,
}

impl OpenIdProvider {
    /// Starts one that sends people back to this server's public URL.
    pub fn start(folder: &Path) -> Self {
        let mut command = Command::new("node");
        command.current_dir(folder).arg("oidc.mjs").stderr(Stdio::null());
        Self::run(command)
    }

    /// Starts one of another make: the Python package pyop. It signs people in, and falsifies nothing.
    pub fn start_another(python: &Path) -> Self {
        let mut command = Command::new(python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/oidc_provider.py")).stderr(Stdio::inherit());
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        command.arg(format!("{PUBLIC_URL}/login"));
        // A runtime that locks up at its start is none of our faults: another one is started.
        (0..3).find_map(|_| Self::attempt(&mut command)).expect("the provider speaks within half a minute")
    }

    fn attempt(command: &mut Command) -> Option<Self> {
        let peer = Peer::start(command);
        let process = peer.child.id();
        let (told, tells) = mpsc::channel();
        std::thread::spawn(move || told.send(Self::spoken(peer)));
        let spoken = tells.recv_timeout(Duration::from_secs(30));
        if spoken.is_err() {
            // Its silence ends with it, and so does the thread.
            let _ = Command::new("kill").arg(process.to_string()).status();
        }
        spoken.ok()
    }

    fn spoken(mut peer: Peer) -> Self {
        let issuer = loop {
            let line = peer.line();
            assert!(!line.is_empty(), "the provider did not start");
            if line.starts_with("http") {
                break line.trim().to_owned();
            }
        };
        Self { _peer: peer, issuer }
    }

    /// Changes it; see its script for what can be changed.
    pub async fn tell(&self, what: Value) {
        Client::new(&*self.issuer).unchecked().post("/__test", what).await.expect(200);
    }

    /// An access token with these claims, signed with its key.
    pub async fn mint(&self, claims: Value) -> String {
        let answer = Client::new(&*self.issuer).unchecked().post("/__test", json!({ "mint": claims })).await;
        answer.expect(200)["token"].as_str().expect("a token").to_owned()
    }

    /// What its token endpoint was sent last.
    pub async fn seen(&self) -> Value {
        Client::new(&*self.issuer).unchecked().get("/__test").await.expect(200)
    }
}

/// A mail server that keeps what it gets.
pub struct MailSink {
    peer: Peer,
    /// Where it listens.
    pub port: u16,
}

impl MailSink {
    /// Starts one: `plain`, `starttls` or `tls`, the latter with certificate and key.
    pub fn start(python: &Path, mode: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/smtp_sink.py");
        let mut command = Command::new(python);
        command.arg(script).args(mode);
        let mut peer = Peer::start(&mut command);
        let port = peer.line();
        let port = port.trim().parse().unwrap_or_else(|_| panic!("no port: {port}"));
        Self { peer, port }
    }

    /// The next mail; waits for it.
    pub fn receive(&mut self) -> Value {
        let line = self.peer.line();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no mail: {line}"))
    }
}
