//! `cargo xtask faults`: many more rounds of failing providers and a killed program than the tests have.

use crate::fault::{Fault, Result};
use crate::node;
use crate::process::run;
use crate::workspace::Workspace;

/// How many rounds there are when nobody says.
const ROUNDS: u64 = 1000;

/// Plays rounds, the same ones for the same seed.
pub fn faults(workspace: &Workspace, rounds: u64, seed: u64) -> Result<()> {
    workspace.build_debug()?;
    println!("{rounds} rounds, seed {seed}");
    let mut tests = workspace.cargo();
    tests.env("LATCHKEY_TEST_PEERS", node::prepare(workspace, "peers")?);
    tests.env("LATCHKEY_FAULT_ROUNDS", rounds.to_string()).env("LATCHKEY_FAULT_SEED", seed.to_string());
    run(tests.args(["test", "--package", "tests", "--test", "program", "--locked", "faults"]))
}

/// Reads how many rounds, and the seed.
pub fn numbers(words: &[String]) -> Result<(u64, u64)> {
    let number = |word: Option<&String>, otherwise: u64| match word {
        None => Ok(otherwise),
        Some(word) => word.parse().map_err(|_| Fault::new(format!("`{word}` is no number."))),
    };
    Ok((number(words.first(), ROUNDS)?, number(words.get(1), u64::from(std::process::id()))?))
}
