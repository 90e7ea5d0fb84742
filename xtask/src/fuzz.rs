//! `cargo xtask fuzz`: what strangers send, thrown at what reads it, for a while.
//!
//! The targets are those of cargo-fuzz. It instruments every dependency and so builds them all anew, which takes
//! longer than all the tests; here the crates of the workspace alone are instrumented, by way of cargo's wrapper
//! for them, and their dependencies are those of the debug build. `cargo fuzz run NAME` does the rest by hand.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::fault::{Fault, Result, While};
use crate::process::run;
use crate::workspace::Workspace;

const TARGETS: [&str; 6] = ["saml_answer", "identity_token", "cookies", "user_code", "proxy", "seed"];

/// How long each target is tried.
#[derive(Clone, Copy)]
pub enum Effort {
    /// For so many seconds, something else each time, from where the last time ended.
    Seconds(u32),
    /// The same inputs each time, however fast the machine is: whoever changed nothing breaks nothing.
    Same,
}

/// How many inputs are the same ones; a slow machine takes half a minute for them.
const RUNS: u32 = 50_000;

/// Tells this program that it is to be the compiler's wrapper.
const WRAPPER: &str = "XTASK_IS_RUSTC_WRAPPER";

/// What cargo-fuzz tells the compiler, without a sanitizer: memory is Rust's care.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// Tries every target, until one finds something.
pub fn fuzz(workspace: &Workspace, effort: Effort) -> Result<()> {
    // This program may have been built anew since it was started; its successor does as well.
    let here = std::env::current_exe().during("Cannot tell where this program is")?;
    let wrapper = if here.exists() { here } else { workspace.target.join("debug").join("xtask") };
    let mut build = workspace.cargo();
    build.env("RUSTC_WORKSPACE_WRAPPER", wrapper).env(WRAPPER, "1");
    run(build.args(["build", "--package", "fuzz", "--bins", "--locked"]))?;
    for name in TARGETS {
        let folder = workspace.target.join("fuzz").join(name);
        let (corpus, found) = (folder.join("corpus"), folder.join("found"));
        if let Effort::Same = effort
            && corpus.exists()
        {
            std::fs::remove_dir_all(&corpus).during(format!("Cannot empty {}", corpus.display()))?;
        }
        for folder in [&corpus, &found] {
            std::fs::create_dir_all(folder).during(format!("Cannot create {}", folder.display()))?;
        }
        let mut command = Command::new(workspace.target.join("debug").join(name));
        command.args(match effort {
            Effort::Seconds(seconds) => vec![format!("-max_total_time={seconds}")],
            Effort::Same => vec!["-seed=1".to_owned(), format!("-runs={RUNS}")],
        });
        command.arg("-max_len=16384");
        command.arg("-verbosity=0").arg("-print_final_stats=1");
        command.arg(format!("-artifact_prefix={}/", found.display()));
        command.arg(&corpus);
        let seeds = workspace.root.join("fuzz/seeds").join(name);
        if seeds.is_dir() {
            command.arg(seeds);
        }
        run(&mut command)?;
    }
    Ok(())
}

/// Reads the number of seconds, half a minute if nobody says.
pub fn effort(word: Option<&String>) -> Result<Effort> {
    let seconds = match word {
        None => Ok(30),
        Some(word) => word.parse().map_err(|_| Fault::new(format!("`{word}` is no number of seconds."))),
    };
    seconds.map(Effort::Seconds)
}

/// Whether this program was started in place of the compiler; then it is that, and nothing else.
pub fn as_wrapper() -> Option<ExitCode> {
    std::env::var_os(WRAPPER)?;
    let mut words = std::env::args_os().skip(1);
    let rustc = words.next()?;
    let words: Vec<_> = words.collect();
    let mut command = Command::new(&rustc);
    command.args(&words);
    if Path::new(&rustc).file_stem().is_some_and(|name| name == "rustc") && instruments(&words) {
        command.args(FLAGS);
    }
    let status = command.status().ok()?;
    Some(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Libraries and the targets, and neither what runs while they are built nor cargo's questions to the compiler.
fn instruments(words: &[std::ffi::OsString]) -> bool {
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    has("--crate-name") && !has("___") && !has("build_script_build") && !has("proc-macro")
}
