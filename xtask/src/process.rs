//! Child processes that never outlive us.
//!
//! Each long-running child leads a process group of its own. So Ctrl-C at the terminal reaches only us, and
//! we end the children in order (the tests before the database that they talk to). A [`Job`] ends its group
//! when it is dropped; where `setpriv` can, the kernel also ends the child if we are killed outright.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::fault::{Fault, Result, While};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C, SIGTERM and a closed terminal set a flag that all waiting loops look at.
pub fn watch_signals() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .during("cannot start the signal watcher")?;
    let (mut interrupt, mut terminate, mut hangup) = {
        let _inside = runtime.enter();
        let watch = |kind| signal(kind).during("cannot watch for signals");
        (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?, watch(SignalKind::hangup())?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                INTERRUPTED.store(true, Ordering::Relaxed);
            }
        });
    });
    Ok(())
}

pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Fails once somebody has asked us to stop.
pub fn go_on() -> Result<()> {
    if interrupted() {
        Err(Fault::new("Stopped by a signal; everything that was started is ended."))
    } else {
        Ok(())
    }
}

/// How a child wishes to be told to stop.
#[derive(Clone, Copy)]
pub enum Stop {
    /// SIGTERM: finish what is in hand.
    Terminate,
    /// SIGQUIT: PostgreSQL's immediate shutdown, for a cluster that is deleted anyway.
    Quit,
}

impl Stop {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Quit => "QUIT",
        }
    }
}

/// A running child with all its descendants in its process group.
pub struct Job {
    child: Child,
    line: String,
    stop: Stop,
    grace: Duration,
}

impl Job {
    /// Call it from the main thread: a child bound to us by [`bound_to_us`] dies with the thread that made it.
    pub fn start(command: &mut Command, stop: Stop, grace: Duration) -> Result<Self> {
        let line = line_of(command);
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .during(format!("Cannot start `{line}`; is it installed and on PATH?"))?;
        Ok(Self { child, line, stop, grace })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if it has exited.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().during(format!("Cannot wait for `{}`", self.line))
    }

    /// Waits for the end, or ends it when we are interrupted.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            if interrupted() {
                self.end();
                go_on()?;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks the group to stop, waits, then kills what is left of it.
    pub fn end(&mut self) {
        // The child is not reaped yet, so its number cannot have been given to somebody else.
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal(self.stop.name());
        let asked = Instant::now();
        while asked.elapsed() < self.grace {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.signal("KILL");
        let _ = self.child.wait();
    }

    /// The shell's own `kill`, since a small machine may lack the program.
    fn signal(&self, name: &str) {
        let _ = Command::new("sh")
            .args(["-c", "kill -s \"$1\" -- \"-$2\"", "sh", name, &self.pid().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.end();
    }
}

/// Prints the command, runs it with our output, and fails with the command in the sentence.
pub fn run(command: &mut Command) -> Result<()> {
    go_on()?;
    let line = line_of(command);
    println!("$ {line}");
    let status = Job::start(command, Stop::Terminate, Duration::from_secs(10))?.wait()?;
    if status.success() {
        return Ok(());
    }
    Err(Fault::new(format!("`{line}` failed ({status}); its output is above.")))
}

/// Runs a short command and returns what it printed.
pub fn capture(command: &mut Command) -> Result<String> {
    let line = line_of(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .during(format!("Cannot start `{line}`; is it installed and on PATH?"))?;
    go_on()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Fault::new(format!("`{line}` failed ({}): {}", output.status, said.trim())));
    }
    String::from_utf8(output.stdout).during(format!("`{line}` printed something that is not text"))
}

/// True if the command starts and succeeds; what it prints is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// The file of that name on PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

pub fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A command that the kernel ends when we die without a chance to clean up, where `setpriv` offers that.
pub fn bound_to_us(program: impl AsRef<OsStr>, stop: Stop) -> Command {
    static OFFERED: OnceLock<bool> = OnceLock::new();
    let offered =
        *OFFERED.get_or_init(|| succeeds(Command::new("setpriv").args(["--pdeathsig", "TERM", "true"])));
    if !offered {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", stop.name(), "--"]).arg(program);
    command
}

/// The command as one would type it. A bearer token is left out: output is kept in logs.
pub fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    // Cargo hands us the full path of its own toolchain; nobody types that.
    let shown = if program.ends_with("cargo") { OsStr::new("cargo") } else { program.as_os_str() };
    std::iter::once(shown)
        .chain(command.get_args())
        .map(|word| quoted(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    if let Some((before, _)) = word.split_once("Bearer ") {
        return format!("'{before}Bearer …'");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("cargo");
        command.args(["test", "--", "a b", "it's", ""]);
        assert_eq!(line_of(&command), r"cargo test -- 'a b' 'it'\''s' ''");
    }

    #[test]
    fn a_token_is_not_shown() {
        let mut command = Command::new("st");
        command.args(["-H", "Authorization: Bearer kpat_secret"]);
        assert_eq!(line_of(&command), "st -H 'Authorization: Bearer …'");
    }

    #[test]
    fn a_dropped_job_takes_its_descendants_along() {
        let marker = std::env::temp_dir().join(format!("xtask-job-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo $! > \"$1\"; wait", "sh"]).arg(&marker);
        let job = Job::start(&mut command, Stop::Terminate, Duration::from_secs(5)).expect("sh starts");
        let grandchild = loop {
            match std::fs::read_to_string(&marker) {
                Ok(pid) if pid.ends_with('\n') => break pid.trim().to_owned(),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let alive = || succeeds(Command::new("sh").args(["-c", "kill -0 \"$1\"", "sh", &grandchild]));
        assert!(alive());
        drop(job);
        let asked = Instant::now();
        while alive() {
            assert!(asked.elapsed() < Duration::from_secs(5), "the grandchild is still there");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_file(marker).expect("the marker is ours");
    }

    #[test]
    fn a_failure_names_the_command() {
        let fault = run(Command::new("sh").args(["-c", "exit 3"])).expect_err("it exits with 3");
        assert!(fault.to_string().contains("sh -c 'exit 3'"), "{fault}");
    }
}
