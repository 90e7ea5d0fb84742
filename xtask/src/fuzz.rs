//! `cargo xtask fuzz`: what strangers send, thrown at what reads it, for a while.

use std::process::Command;

use crate::fault::{Fault, Result};
use crate::process::{run, succeeds};
use crate::workspace::Workspace;

/// The version of cargo-fuzz that is installed where there is none.
const CARGO_FUZZ: &str = "0.13.2";
const TARGETS: [&str; 4] = ["saml_answer", "identity_token", "cookies", "user_code"];

/// How long each target is tried when nobody says.
pub const SECONDS: u32 = 30;

pub fn fuzz(workspace: &Workspace, seconds: u32) -> Result<()> {
    if !succeeds(workspace.cargo().args(["fuzz", "--version"])) {
        run(workspace.cargo().args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ]))?;
    }
    let target = workspace.target.join("fuzz");
    for name in TARGETS {
        let mut command: Command = workspace.cargo();
        // Coverage is what guides it, and the compiler on the machine has that, if it may say so. Memory is
        // Rust's care: the sanitizer would want another compiler.
        command.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", "--sanitizer", "none"]);
        command.arg("--target-dir").arg(&target).arg(name);
        command.args(["--", &format!("-max_total_time={seconds}"), "-max_len=16384", "-print_final_stats=1"]);
        run(&mut command)?;
    }
    Ok(())
}

/// Reads the number of seconds.
pub fn seconds(word: Option<&String>) -> Result<u32> {
    match word {
        None => Ok(SECONDS),
        Some(word) => word.parse().map_err(|_| Fault::new(format!("`{word}` is no number of seconds."))),
    }
}
