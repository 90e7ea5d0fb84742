//! Which operations each suite exercises, as it is written down.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::fault::{Fault, Result, While};

/// Suites with the operations that they call.
pub type Exercised = BTreeMap<String, BTreeSet<String>>;

/// Fails where the file says something else than was seen, or writes that into it.
pub fn hold(file: &Path, seen: &Exercised, write: bool) -> Result<()> {
    if write {
        let text = serde_json::to_string_pretty(seen).during("Cannot write JSON")?;
        return std::fs::write(file, text + "\n").during(format!("Cannot write {}", file.display()));
    }
    let text = std::fs::read_to_string(file).during(format!("Cannot read {}", file.display()))?;
    let written: Exercised =
        serde_json::from_str(&text).during(format!("{} is not as it should be", file.display()))?;
    let differences = differences(&written, seen);
    if differences.is_empty() {
        return Ok(());
    }
    Err(Fault::new(format!(
        "{} is not what the suites exercise:\n{}\n`cargo xtask clients --write` renews it.",
        file.display(),
        differences.join("\n")
    )))
}

fn differences(written: &Exercised, seen: &Exercised) -> Vec<String> {
    let none = BTreeSet::new();
    let mut lines = Vec::new();
    for suite in written.keys().chain(seen.keys()).collect::<BTreeSet<_>>() {
        let of = |all: &Exercised| all.get(suite).unwrap_or(&none).clone();
        let (written, seen) = (of(written), of(seen));
        lines.extend(written.difference(&seen).map(|id| format!("  {suite} does not call {id}")));
        lines.extend(seen.difference(&written).map(|id| format!("  {suite} calls {id}, too")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exercised(suite: &str, operations: &[&str]) -> Exercised {
        Exercised::from([(suite.into(), operations.iter().map(ToString::to_string).collect())])
    }

    #[test]
    fn differences_are_told_in_both_directions() {
        let written = exercised("curl", &["list-teams", "get-team"]);
        assert!(differences(&written, &written).is_empty());
        assert_eq!(
            differences(&written, &exercised("curl", &["list-teams", "create-team"])),
            ["  curl does not call get-team", "  curl calls create-team, too"]
        );
        assert_eq!(differences(&written, &Exercised::new()).len(), 2);
    }
}
