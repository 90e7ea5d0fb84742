//! A PostgreSQL cluster to throw away: loopback only, no password, gone when the value is dropped.
//!
//! The server runs in the foreground as our child instead of as `pg_ctl`'s daemon: so we hold its process,
//! nobody else's can be stopped by mistake, and it ends with us whatever happens.

mod programs;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::fault::{Fault, Result, While};
use crate::http::free_address;
use crate::install::is_root;
use crate::process::{Job, Stop, bound_to_us, capture, go_on, interrupted, succeeds};
use crate::workspace::{Scratch, Workspace};

pub use programs::Programs;

const START_LIMIT: Duration = Duration::from_secs(60);

/// Who relies on what a commit promises.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Tests: nothing outlives them, so no commit waits for the disk.
    None,
    /// Benchmarks: as an operator runs it.
    Full,
}

pub struct Cluster {
    // Dropped in this order: first the server, then its files.
    server: Job,
    _folder: Scratch,
    port: u16,
    programs: Programs,
}

impl Cluster {
    /// `prefix` goes in front of the server's command, to pin it to a core; empty for none.
    pub fn start(workspace: &Workspace, durability: Durability, prefix: &[String]) -> Result<Self> {
        let programs = Programs::find_or_install()?;
        let account = Account::choose()?;
        let folder = folder_for(&workspace.target, account)?;
        let data = folder.path.join("data");
        let mut initdb = account.command(Command::new(programs.path("initdb")), &folder.path);
        initdb
            .args(["--username=latchkey", "--auth=trust", "--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(&data);
        if durability == Durability::None {
            initdb.arg("--no-sync");
        }
        capture(&mut initdb)?;

        // Another program can take the port between our look and the server's start: try again then.
        let mut tries = 3;
        loop {
            let port = free_address()?.port();
            match serve(&programs, account, &folder.path, durability, prefix, port) {
                Ok(server) => return Ok(Self { server, _folder: folder, port, programs }),
                Err(fault) if tries == 1 => return Err(fault),
                Err(_) => {
                    go_on()?;
                    tries -= 1;
                }
            }
        }
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://latchkey@127.0.0.1:{}/{database}", self.port)
    }

    /// The process that all others of the cluster descend from.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub fn create_database(&self, name: &str) -> Result<String> {
        let port = self.port.to_string();
        let mut command = Command::new(self.programs.path("createdb"));
        command.args(["--host=127.0.0.1", "--port", &port, "--username=latchkey", name]);
        capture(&mut command)?;
        Ok(self.url(name))
    }
}

/// `cargo xtask postgres`: a cluster for a developer who runs single tests by hand.
pub fn keep(workspace: &Workspace) -> Result<()> {
    let cluster = Cluster::start(workspace, Durability::None, &[])?;
    println!("TEST_DATABASE_URL={}", cluster.url("postgres"));
    println!("Ctrl-C stops and deletes it.");
    while !interrupted() {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn serve(
    programs: &Programs,
    account: Account,
    folder: &Path,
    durability: Durability,
    prefix: &[String],
    port: u16,
) -> Result<Job> {
    let data = folder.join("data");
    let log = folder.join("log");
    let out = std::fs::File::create(&log).during(format!("Cannot create {}", log.display()))?;
    let err = out.try_clone().during("Cannot share PostgreSQL's log")?;
    let server = programs.path("postgres");
    let words: Vec<_> = prefix.iter().map(Into::into).chain([server.into_os_string()]).collect();
    let mut command = account.command(bound_to_us(&words[0], Stop::Quit), folder);
    command.args(&words[1..]).arg("-D").arg(&data).stdout(Stdio::from(out)).stderr(Stdio::from(err));
    let port_setting = format!("port={port}");
    let mut settings = vec![
        port_setting.as_str(),
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
    ];
    if durability == Durability::None {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
    }
    for setting in settings {
        command.args(["-c", setting]);
    }
    let mut job = Job::start(&mut command, Stop::Quit, Duration::from_secs(10))?;

    let started = Instant::now();
    while !ready(&data) {
        go_on()?;
        let exited = job.exited()?;
        if exited.is_some() || started.elapsed() > START_LIMIT {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(Fault::new(format!("PostgreSQL did not start. It said:\n{}", said.trim_end())));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(job)
}

/// The server writes its state into the eighth line of its pid file: no client is needed to ask.
fn ready(data: &Path) -> bool {
    std::fs::read_to_string(data.join("postmaster.pid"))
        .is_ok_and(|text| text.lines().nth(7).is_some_and(|state| state.trim() == "ready"))
}

/// The account that owns the cluster. PostgreSQL refuses to run as root.
#[derive(Clone, Copy)]
enum Account {
    Ours,
    Other { uid: u32, gid: u32 },
}

impl Account {
    fn choose() -> Result<Self> {
        if !is_root() {
            return Ok(Self::Ours);
        }
        let number =
            |flag: &str, name: &str| capture(Command::new("id").args([flag, name])).ok()?.trim().parse().ok();
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some(Self::Other { uid: number("-u", name)?, gid: number("-g", name)? }))
            .ok_or_else(|| {
                Fault::new(
                    "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody`: \
                     create one of them, or run this as a plain user.",
                )
            })
    }

    /// The command under this account, in a folder that the account can enter, speaking plain English.
    fn command(self, mut command: Command, folder: &Path) -> Command {
        command.current_dir(folder).env("LC_ALL", "C");
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// A folder that the account owns and can reach: under `target`, unless a folder above it is closed to it.
fn folder_for(target: &Path, account: Account) -> Result<Scratch> {
    for parent in [target, &std::env::temp_dir()] {
        let folder = Scratch::new(parent, "latchkey-postgres")?;
        let Account::Other { uid, gid } = account else { return Ok(folder) };
        std::os::unix::fs::chown(&folder.path, Some(uid), Some(gid))
            .during(format!("Cannot give {} to the database's user", folder.path.display()))?;
        let mut probe = Command::new("test");
        probe.arg("-w").arg(&folder.path).uid(uid).gid(gid);
        if succeeds(&mut probe) {
            return Ok(folder);
        }
    }
    Err(Fault::new(
        "The database's user can enter neither the target folder nor the temporary folder: set TMPDIR to a \
         folder that every user can enter.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_the_pid_file_says_so() {
        let folder = Scratch::new(&std::env::temp_dir(), "xtask-ready").expect("a temporary folder");
        let file = folder.path.join("postmaster.pid");
        assert!(!ready(&folder.path));
        std::fs::write(&file, "1\n/data\n2\n3\n\n127.0.0.1\n  4  5\nstarting\n").expect("writes");
        assert!(!ready(&folder.path));
        std::fs::write(&file, "1\n/data\n2\n3\n\n127.0.0.1\n  4  5\nready   \n").expect("writes");
        assert!(ready(&folder.path));
    }
}
