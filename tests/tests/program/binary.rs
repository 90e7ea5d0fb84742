//! Runs the program in a place of its own.

use std::{
    env,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use frame::db::DatabaseUrl;
use tests::{Client, Engine, Fresh};

/// Longest that anything is waited for; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory, and a database, in which nothing is yet.
pub struct Installation {
    /// Its database.
    pub database: Fresh,
}

/// What a command said.
pub struct Finished {
    status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

/// The program where cargo put it, beside this test's directory.
fn program() -> PathBuf {
    let test = env::current_exe().expect("this program");
    let target = test.parent().and_then(|deps| deps.parent()).expect("cargo's directory");
    let program = target.join("latchkey");
    assert!(program.exists(), "{} does not exist: run `cargo build` first", program.display());
    program
}

impl Installation {
    /// An empty one.
    pub async fn new(engine: Engine) -> Self {
        let mut database = Fresh::new(engine).await;
        if engine == Engine::Sqlite {
            database.url = DatabaseUrl::SqliteFile(database.directory.join("data/latchkey.db"));
        }
        Self { database }
    }

    /// Where its files are, once there are some.
    pub fn data(&self) -> PathBuf {
        self.database.directory.join("data")
    }

    /// The program, about to run there; `settings` are environment variables without `LATCHKEY_`.
    pub fn command(&self, words: &[&str], settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(program());
        command.args(words).current_dir(&self.database.directory).stdin(Stdio::null());
        for (name, _) in env::vars() {
            if name.starts_with("LATCHKEY_") || name.starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        // There is no use in looking for an instance in AWS's network, nor for files of whoever runs the tests.
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", &self.database.directory);
        command.env("LATCHKEY_DATA_DIR", self.data()).env("LATCHKEY_LISTEN", "127.0.0.1:0");
        if let DatabaseUrl::Postgres(url) = &self.database.url {
            command.env("LATCHKEY_DATABASE_URL", url);
        }
        for (name, value) in settings {
            command.env(format!("LATCHKEY_{name}"), value);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run_with(&self, words: &[&str], settings: &[(&str, &str)]) -> Finished {
        let output = self.command(words, settings).output().expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Finished { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Runs a command to its end with the usual settings.
    pub fn run(&self, words: &[&str]) -> Finished {
        self.run_with(words, &[])
    }

    /// Starts the server and waits until it serves.
    pub async fn serve_with(&self, settings: &[(&str, &str)]) -> Server {
        self.serve_in(&[], settings).await
    }

    /// Starts the server with more environment variables, and waits until it serves.
    pub async fn serve_in(&self, environment: &[(&str, &str)], settings: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["serve"], settings);
        command.envs(environment.iter().copied());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let stdout = collect(child.stdout.take().expect("its output"));
        let stderr = collect(child.stderr.take().expect("its complaints"));
        let mut server = Server { child, url: String::new(), stdout, stderr };
        server.until("it does not serve", |server| server.address().is_some()).await;
        // It prints before it listens, but through another pipe.
        let printed = |server: &Server| {
            ["/docs\n", "nothing was made", "what they ask"].iter().any(|end| server.stdout().contains(end))
        };
        server.until("it does not say so", printed).await;
        server.url = format!("http://{}", server.address().expect("an address"));
        server
    }

    /// Starts the server with the usual settings.
    pub async fn serve(&self) -> Server {
        self.serve_with(&[]).await
    }
}

impl Finished {
    /// What it printed, if it went well.
    #[track_caller]
    pub fn good(self) -> String {
        assert!(self.status.success(), "{}: {}\n{}", self.status, self.stdout, self.stderr);
        self.stdout
    }

    /// What it complained of, if it did not.
    #[track_caller]
    pub fn bad(self) -> String {
        assert_eq!(self.status.code(), Some(1), "{}\n{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// A server that runs.
pub struct Server {
    child: Child,
    /// Where it is reached.
    pub url: String,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

/// Reads a stream as it comes, so that it never fills up.
fn collect(mut stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            shared.lock().expect("a reader").push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    });
    text
}

impl Server {
    /// Where it listens, once it has logged that it does.
    fn address(&self) -> Option<String> {
        let log = self.stderr();
        let line = log.lines().find(|line| line.contains("listening") && line.contains("millis"))?;
        let host = "127.0.0.1:";
        let port = &line[line.find(host)? + host.len()..];
        Some(format!("{host}{}", port.split(|c: char| !c.is_ascii_digit()).next()?))
    }

    /// What it has printed.
    pub fn stdout(&self) -> String {
        self.stdout.lock().expect("a reader").clone()
    }

    /// What it has logged.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("a reader").clone()
    }

    /// The token that it printed.
    #[track_caller]
    pub fn token(&self) -> String {
        let said = self.stdout();
        let token = said.split_whitespace().find(|word| word.starts_with("kpat_"));
        token.unwrap_or_else(|| panic!("no token in {said}")).to_owned()
    }

    /// A caller.
    pub fn client(&self, token: &str) -> Client {
        Client::new(&self.url).with_token(token)
    }

    /// Waits for something.
    pub async fn until(&mut self, otherwise: &str, happened: impl Fn(&Self) -> bool) {
        let step = Duration::from_millis(10);
        for _ in 0..PATIENCE.as_millis() / step.as_millis() {
            if happened(self) {
                return;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{otherwise}, since it ended with {status}: {}", self.stderr());
            }
            tokio::time::sleep(step).await;
        }
        panic!("{otherwise}: {}", self.stderr());
    }

    /// Asks it to stop, as a service manager does.
    pub fn terminate(&self) {
        let line = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().expect("a shell").success());
    }

    /// Ends it at once, as the lack of memory does.
    pub async fn kill(mut self) {
        self.child.kill().expect("it runs");
        assert_eq!(self.ended().await.signal(), Some(9));
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let step = Duration::from_millis(10);
        for _ in 0..PATIENCE.as_millis() / step.as_millis() {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            tokio::time::sleep(step).await;
        }
        panic!("it does not end: {}", self.stderr());
    }

    /// Stops it and waits; everything that it logged.
    pub async fn stop(mut self) -> String {
        self.terminate();
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.stderr());
        // What was in the pipe is read to its end.
        self.stopped_log().await
    }

    async fn stopped_log(&self) -> String {
        for _ in 0..100 {
            if Arc::strong_count(&self.stderr) == 1 && Arc::strong_count(&self.stdout) == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.stderr()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
