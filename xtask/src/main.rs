//! Development commands: `cargo xtask <command>`.

mod bench;
mod browser;
mod clients;
mod fault;
mod faults;
mod fuzz;
mod http;
mod install;
mod node;
mod postgres;
mod process;
mod schemathesis;
mod server;
mod test;
mod workspace;

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use fault::{Fault, Result};
use workspace::Workspace;

const HELP: &str = "\
cargo xtask <command>

  test [--quick] [--keep-going]
      All that has to pass: rustfmt, clippy, the tests on SQLite and on a PostgreSQL that is started for
      them, the pages in Chromium, clients, and schemathesis. Installs what is missing where it may.
      --quick       without PostgreSQL, other identity providers, Chromium, clients and schemathesis
      --keep-going  does not stop at the first step that fails

  browser [FOLDER]
      Only the pages: opens every one in Chromium, and puts pictures of them into the folder.

  clients [--write]
      Only the clients that others publish, and what they send, against the program as a stand-in.
      --write       puts down which operations they exercise

  schemathesis
      Only the last step: attacks the running server with what its OpenAPI document allows and forbids.

  fuzz [SECONDS]
      Throws made-up input at what reads what strangers send, for so many seconds each (30).

  faults [ROUNDS] [SEED]
      Lets DCR providers fail and kills the program, in so many rounds (1000), and looks whether anything is lost.

  matrix
      Writes the support matrix in docs/compatibility.md.

  postgres
      Starts the tests' PostgreSQL, prints its address and keeps it until Ctrl-C.

  bench [--database sqlite|postgres|both] [--seconds S] [--rounds N] [--users N] [--write]
      Measures the release build against the bare web stack, in ratios of the same run.
      --database    what to measure on (both)
      --seconds     length of one measurement (4)
      --rounds      measurements of each case (3)
      --users       users in the organization (100000)
      --write       puts the tables into docs/performance-table.md, too
";

fn main() -> ExitCode {
    if let Some(code) = fuzz::as_wrapper() {
        return code;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("\n{fault}");
            // What shells report for a program that Ctrl-C ended.
            if process::interrupted() { ExitCode::from(130) } else { ExitCode::FAILURE }
        }
    }
}

fn dispatch(words: &[String]) -> Result<()> {
    let Some((command, rest)) = words.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    // Options are read first: a typing mistake should not cost a build.
    match command.as_str() {
        "test" => {
            let options = test::Options::parse(rest)?;
            test::test(&ready()?, &options)
        }
        "browser" => {
            let (folder, more) =
                rest.split_first().map_or((None, rest), |(folder, more)| (Some(folder), more));
            nothing_more(command, more)?;
            let folder = folder.map(std::path::absolute).transpose();
            let folder = folder.map_err(|error| Fault::new(format!("That is no folder: {error}")))?;
            browser::browser(&ready()?, folder.as_deref())
        }
        "clients" => {
            let write = rest.first().is_some_and(|word| word == "--write");
            nothing_more(command, rest.get(usize::from(write)..).unwrap_or_default())?;
            clients::clients(&ready()?, write)
        }
        "schemathesis" => {
            nothing_more(command, rest)?;
            schemathesis::schemathesis(&ready()?)
        }
        "fuzz" => {
            let effort = fuzz::effort(rest.first())?;
            nothing_more(command, rest.get(1..).unwrap_or_default())?;
            fuzz::fuzz(&ready()?, effort)
        }
        "faults" => {
            let (rounds, seed) = faults::numbers(rest)?;
            nothing_more(command, rest.get(2..).unwrap_or_default())?;
            faults::faults(&ready()?, rounds, seed)
        }
        "matrix" => {
            nothing_more(command, rest)?;
            let mut cargo = ready()?.cargo();
            cargo.args(["test", "--package", "tests", "--test", "contract", "the_support_matrix"]);
            process::run(cargo.env("LATCHKEY_MATRIX_WRITE", "1"))
        }
        "postgres" => {
            nothing_more(command, rest)?;
            postgres::keep(&ready()?)
        }
        "bench" => {
            let options = bench::Options::parse(rest)?;
            let workspace = ready()?;
            if cfg!(debug_assertions) {
                return Err(optimised(&workspace, words));
            }
            bench::bench(&workspace, &options)
        }
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(Fault::new(format!("There is no command `{command}`.\n\n{HELP}"))),
    }
}

fn ready() -> Result<Workspace> {
    process::watch_signals()?;
    Workspace::find()
}

/// Becomes the release build of itself: an unoptimised load generator would be slower than the server.
/// Returns only if that fails.
fn optimised(workspace: &Workspace, words: &[String]) -> Fault {
    let mut command = workspace.cargo();
    command.args(["run", "--quiet", "--locked", "--release", "--package", "xtask", "--"]).args(words);
    println!("$ {}", process::line_of(&command));
    let error = command.exec();
    Fault::new(format!("Cannot start the release build of xtask: {error}"))
}

fn nothing_more(command: &str, rest: &[String]) -> Result<()> {
    match rest.first() {
        None => Ok(()),
        Some(word) => Err(Fault::new(format!("`{command}` takes no `{word}`; see `cargo xtask help`."))),
    }
}
