//! `cargo xtask test`: all that has to pass, in the order in which it fails fastest.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::browser::browser;
use crate::clients::clients;
use crate::fault::{Fault, Result};
use crate::fuzz::{Effort, fuzz};
use crate::install;
use crate::node;
use crate::postgres::{Cluster, Durability};
use crate::process::{go_on, interrupted, on_path, run, succeeds};
use crate::schemathesis::{python_for, schemathesis};
use crate::workspace::Workspace;

#[derive(Default)]
pub struct Options {
    /// Without PostgreSQL and without schemathesis.
    pub quick: bool,
    /// Runs the remaining steps after a failure, too.
    pub keep_going: bool,
}

impl Options {
    pub fn parse(words: &[String]) -> Result<Self> {
        let mut options = Self::default();
        for word in words {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--keep-going" => options.keep_going = true,
                _ => {
                    return Err(Fault::new(format!(
                        "`test` does not know `{word}`; see `cargo xtask help`."
                    )));
                }
            }
        }
        Ok(options)
    }
}

pub fn test(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut steps = Steps { keep_going: options.keep_going, done: Vec::new() };
    let outcome = all(workspace, options, &mut steps);
    steps.print();
    outcome?;
    let failed = steps.done.iter().filter(|step| step.fault.is_some()).count();
    if failed == 0 {
        Ok(())
    } else {
        Err(Fault::new(format!("{failed} of {} steps failed.", steps.done.len())))
    }
}

fn all(workspace: &Workspace, options: &Options, steps: &mut Steps) -> Result<()> {
    steps.step("rustfmt", || {
        component("fmt", "rustfmt", workspace)?;
        run(workspace.cargo().args(["fmt", "--all", "--check"]))
    })?;
    component("clippy", "clippy", workspace)?;
    let workspace = &workspace.linting();
    let cargo = |words: &[&str]| {
        let mut command = workspace.cargo();
        command.args(words);
        command
    };
    steps.step("build", || {
        // The fuzzer's own part is C++.
        if on_path("c++").is_none() {
            install::debian(&["g++"], "a C++ compiler")?;
        }
        run(&mut cargo(&["build", "--workspace", "--all-targets", "--locked"]))
    })?;

    let mut tests = cargo(&["test", "--workspace", "--locked"]);
    let contract = workspace.root.join("../shared/contract");
    if std::env::var_os("LATCHKEY_CONTRACT_DIR").is_none()
        && let Ok(contract) = contract.canonicalize()
    {
        tests.env("LATCHKEY_CONTRACT_DIR", contract);
    }
    if options.quick {
        tests.env_remove("TEST_DATABASE_URL");
        return steps.step("tests", || run(&mut tests));
    }
    steps.step("python", || python_for(&mut tests, workspace))?;
    steps.step("peers", || {
        // One of the SAML providers signs by it.
        if on_path("xmlsec1").is_none() {
            install::debian(&["xmlsec1"], "xmlsec1")?;
        }
        // One of the servers that register clients.
        if on_path("glewlwyd").is_none() {
            install::debian(&["glewlwyd"], "glewlwyd")?;
        }
        tests.env("LATCHKEY_TEST_PEERS", node::prepare(workspace, "peers")?);
        Ok(())
    })?;
    let mut cluster = None;
    steps.step("postgresql", || {
        cluster = Some(Cluster::start(workspace, Durability::None, &[])?);
        Ok(())
    })?;
    steps.step("tests", || {
        let Some(cluster) = &cluster else {
            return Err(Fault::new("The tests need PostgreSQL, which did not start."));
        };
        run(tests.env("TEST_DATABASE_URL", cluster.url("postgres")))
    })?;
    drop(cluster);
    steps.step("browser", || browser(workspace, None))?;
    steps.step("clients", || clients(workspace, false))?;
    steps.step("schemathesis", || schemathesis(workspace))?;
    // Last, since it builds over the program's own crates.
    steps.step("fuzzing", || fuzz(workspace, Effort::Same))
}

/// A part of the toolchain that a minimal installation of Rust leaves out.
fn component(command: &str, name: &str, workspace: &Workspace) -> Result<()> {
    if succeeds(workspace.cargo().args([command, "--version"])) {
        return Ok(());
    }
    if on_path("rustup").is_none() {
        return Err(Fault::new(format!("`cargo {command}` is missing: install {name} for this toolchain.")));
    }
    run(Command::new("rustup").args(["component", "add", name]).current_dir(&workspace.root))
}

struct Steps {
    keep_going: bool,
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    took: Duration,
    fault: Option<String>,
}

impl Steps {
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        go_on()?;
        println!("\n── {name}");
        let started = Instant::now();
        let outcome = work();
        let took = started.elapsed();
        println!(
            "── {name}: {} after {:.1} s",
            if outcome.is_ok() { "ok" } else { "FAILED" },
            took.as_secs_f64()
        );
        self.done.push(Step { name, took, fault: outcome.as_ref().err().map(ToString::to_string) });
        match outcome {
            Err(fault) if self.keep_going && !interrupted() => {
                eprintln!("{fault}");
                Ok(())
            }
            other => other,
        }
    }

    fn print(&self) {
        println!();
        for Step { name, took, fault } in &self.done {
            let verdict = fault.as_deref().map_or("ok".into(), |fault| format!("FAILED: {fault}"));
            println!("{name:<14}{:>8.1} s  {verdict}", took.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing() -> Result<()> {
        Err(Fault::new("no"))
    }

    #[test]
    fn the_first_failure_ends_the_run() {
        let mut steps = Steps { keep_going: false, done: Vec::new() };
        assert!(steps.step("one", || Ok(())).is_ok());
        assert!(steps.step("two", failing).is_err());
        assert_eq!(steps.done.len(), 2);
    }

    #[test]
    fn or_not() {
        let mut steps = Steps { keep_going: true, done: Vec::new() };
        assert!(steps.step("one", failing).is_ok());
        assert_eq!(steps.done[0].fault.as_deref(), Some("no"));
    }

    #[test]
    fn options_are_known_or_refused() {
        let parse =
            |words: &[&str]| Options::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let options = parse(&["--quick", "--keep-going"]).expect("both are known");
        assert!(options.quick && options.keep_going);
        assert!(parse(&["--fast"]).is_err());
    }
}
