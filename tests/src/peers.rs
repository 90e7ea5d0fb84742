//! Programs of others that tests speak with. They are started for one test, listen on the loopback only,
//! and end when their input does.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// The Python of the tests' environment. `cargo xtask test` makes sure that there is one; without it the
/// tests that need it have nothing to do.
pub fn python() -> Option<PathBuf> {
    std::env::var_os("LATCHKEY_TEST_PYTHON").map(PathBuf::from)
}

/// A mail server that keeps what it gets.
pub struct MailSink {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Where it listens.
    pub port: u16,
}

impl MailSink {
    /// Starts one: `plain`, `starttls` or `tls`, the latter with certificate and key.
    pub fn start(python: &std::path::Path, mode: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/smtp_sink.py");
        let mut command = Command::new(python);
        command.arg(script).args(mode).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut port = String::new();
        lines.read_line(&mut port).expect("a port");
        let port = port.trim().parse().unwrap_or_else(|_| panic!("no port: {port}"));
        Self { child, lines, port }
    }

    /// The next mail; waits for it.
    pub fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a mail");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no mail: {line}"))
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        if let Some(mut input) = self.child.stdin.take() {
            let _ = input.flush();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
