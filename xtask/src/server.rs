//! Runs the product: bootstrap, serve, wait until ready.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::fault::{Fault, Result, While};
use crate::http::{exchange, free_address, request};
use crate::process::{Job, Stop, bound_to_us, capture, go_on};

const START_LIMIT: Duration = Duration::from_secs(60);

/// One installation: a binary with its data directory and its database.
pub struct Installation {
    binary: PathBuf,
    data: PathBuf,
    database: String,
    /// Goes in front of the server's command, to pin it to a core.
    prefix: Vec<String>,
    log: Log,
    /// Further settings, as environment variables.
    settings: Vec<(String, String)>,
    /// The name by which clients reach the server, if not by its address.
    host: Option<&'static str>,
    /// Whether it stands in for the service.
    stand_in: bool,
}

/// What the server writes while it is driven.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Only what is odd.
    Warnings,
    /// All that it writes by default, access log and all, to nowhere: its cost is measured, its text is not kept.
    Everything,
}

impl Installation {
    /// `database` is a URL; without one it is SQLite in the data directory.
    pub fn new(
        binary: &Path,
        data: &Path,
        database: Option<String>,
        prefix: &[String],
        log: Log,
    ) -> Result<Self> {
        std::fs::create_dir_all(data).during(format!("Cannot create {}", data.display()))?;
        let database = database.unwrap_or_else(|| format!("sqlite:{}", data.join("latchkey.db").display()));
        Ok(Self {
            binary: binary.into(),
            data: data.into(),
            database,
            prefix: prefix.to_vec(),
            log,
            settings: Vec::new(),
            host: None,
            stand_in: false,
        })
    }

    /// The same with further settings.
    pub fn with(mut self, settings: &[(&str, &str)]) -> Self {
        self.settings.extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        self
    }

    /// The same, reached as `localhost`: browsers know no passkeys for an address.
    pub fn by_name(self) -> Self {
        Self { host: Some("localhost"), ..self }
    }

    /// The same as a stand-in.
    pub fn standing_in(self) -> Self {
        Self { stand_in: true, ..self }
    }

    /// The variables that a client needs to find the running stand-in.
    pub fn variables(&self, client: &str) -> Result<BTreeMap<String, String>> {
        let mut command = self.configure(Command::new(&self.binary));
        let printed = capture(command.args(["env", "--client", client, "--json"]))?;
        serde_json::from_str(&printed).during("`latchkey env --json` did not print variables")
    }

    /// Makes the first organization and returns its owner's token.
    pub fn init(&self) -> Result<String> {
        let mut command = self.configure(Command::new(&self.binary));
        command.args(["init", "--json"]).env("LATCHKEY_BOOTSTRAP_EMAIL", "owner@latchkey.test");
        let printed = capture(&mut command)?;
        let reply: serde_json::Value =
            serde_json::from_str(&printed).during("`latchkey init --json` did not print JSON")?;
        match reply["token"].as_str() {
            Some(token) => Ok(token.into()),
            None => Err(Fault::new(
                "`latchkey init --json` printed no token; was the data directory used before?",
            )),
        }
    }

    /// The hidden developer command that fills the first organization.
    /// Fills its organization; there are as many strategies as users.
    pub fn seed(&self, users: u64, signers: usize) -> Result<()> {
        let mut command = self.configure(Command::new(&self.binary));
        let (users, signers) = (users.to_string(), signers.to_string());
        crate::process::run(command.args([
            "fill",
            "--users",
            &users,
            "--strategies",
            &users,
            "--signers",
            &signers,
        ]))
    }

    pub fn serve(&self) -> Result<Server> {
        let address = free_address()?;
        let mut command = self.configure(self.program());
        command.arg("serve").env("LATCHKEY_LISTEN", address.to_string());
        if self.stand_in {
            command.arg("--stand-in");
        }
        if let Some(host) = self.host {
            command.env("LATCHKEY_PUBLIC_URL", format!("http://{host}:{}", address.port()));
        }
        Server::start(command, address, self.data.join("server.log"), self.log)
    }

    /// Serves a constant through the same web stack: what no request of ours can be faster than.
    pub fn floor(&self) -> Result<Server> {
        let address = free_address()?;
        let mut command = self.configure(self.program());
        command.args(["floor", "--listen", &address.to_string()]);
        Server::start(command, address, self.data.join("floor.log"), self.log)
    }

    fn program(&self) -> Command {
        let mut words = self.prefix.iter().map(Into::into).chain([self.binary.clone().into_os_string()]);
        let mut command = bound_to_us(words.next().unwrap_or_default(), Stop::Terminate);
        command.args(words);
        command
    }

    /// Only our own settings: what the developer's shell sets for another installation must not leak in.
    fn configure(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("LATCHKEY_")) {
                command.env_remove(name);
            }
        }
        command.env("LATCHKEY_DATA_DIR", &self.data).env("LATCHKEY_DATABASE_URL", &self.database);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        if self.log == Log::Warnings {
            command.env("LATCHKEY_LOG", "warn");
        }
        // A working directory of its own, so that no configuration file of the checkout is picked up.
        command.current_dir(&self.data);
        command
    }
}

/// A server that answers; it is stopped when dropped.
pub struct Server {
    job: Job,
    pub address: SocketAddr,
    /// From the start of the process to its first 200.
    pub start_time: Duration,
    log: PathBuf,
}

impl Server {
    fn start(mut command: Command, address: SocketAddr, log: PathBuf, kind: Log) -> Result<Self> {
        let err = std::fs::File::create(&log).during(format!("Cannot create {}", log.display()))?;
        let out = match kind {
            Log::Warnings => Stdio::from(err.try_clone().during("Cannot share the server's log")?),
            Log::Everything => Stdio::null(),
        };
        command.stdout(out).stderr(Stdio::from(err));
        let started = Instant::now();
        let job = Job::start(&mut command, Stop::Terminate, Duration::from_secs(10))?;
        let mut server = Self { job, address, start_time: Duration::ZERO, log };
        let ask = request("GET", "/readyz", None, None);
        while !matches!(exchange(address, &ask), Ok((200, _))) {
            go_on()?;
            let exited = server.job.exited()?;
            if exited.is_some() || started.elapsed() > START_LIMIT {
                return Err(Fault::new(format!(
                    "The server did not get ready. It said:\n{}",
                    server.last_words()
                )));
            }
            // Short, since this is also how start times are measured.
            std::thread::sleep(Duration::from_micros(500));
        }
        server.start_time = started.elapsed();
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.job.pid()
    }

    /// The end of the server's log, for the one who has to find out why.
    pub fn last_words(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Sends a request and returns the JSON of a 2xx answer.
    pub fn json(&self, request: &[u8]) -> Result<serde_json::Value> {
        let (status, body) = exchange(self.address, request)?;
        let first = String::from_utf8_lossy(request.split(|&b| b == b'\r').next().unwrap_or_default());
        if !(200..300).contains(&status) {
            let said = String::from_utf8_lossy(&body);
            return Err(Fault::new(format!("`{first}` was answered with {status}: {said}")));
        }
        serde_json::from_slice(&body).during(format!("The answer to `{first}` is not JSON"))
    }
}
