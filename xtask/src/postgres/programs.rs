//! Finds PostgreSQL's programs on this machine, or installs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{Fault, Result};
use crate::install;
use crate::process::{capture, is_program};

/// The oldest major version that Latchkey supports.
const OLDEST: u32 = 15;

/// The folder of PostgreSQL's programs, which are found there together or not at all.
#[derive(Debug)]
pub struct Programs(PathBuf);

impl Programs {
    pub fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        install::debian(&["postgresql"], &format!("PostgreSQL {OLDEST} or newer"))?;
        Self::find().ok_or_else(|| {
            Fault::new(format!(
                "The PostgreSQL that this system offers is older than {OLDEST}: install a newer one and put \
                 its `initdb` and `postgres` on PATH."
            ))
        })
    }

    fn find() -> Option<Self> {
        candidates().into_iter().find(|folder| usable(folder)).map(Self)
    }

    pub fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }
}

/// PATH first, so that a developer can choose; then where packages put versions side by side.
fn candidates() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let mut versioned: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in
        [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt/homebrew/opt", "postgresql@")]
    {
        let Ok(entries) = Path::new(parent).read_dir() else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(prefix)).map(str::parse);
            if let Some(Ok(number)) = number {
                versioned.push((number, entry.path().join("bin")));
            }
        }
    }
    versioned.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    folders.extend(versioned.into_iter().map(|(_, folder)| folder));
    // PATH often holds links to single programs; the others lie where the links lead.
    folders
        .into_iter()
        .filter_map(|folder| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_owned))
        .collect()
}

fn usable(folder: &Path) -> bool {
    is_program(&folder.join("initdb"))
        && capture(Command::new(folder.join("postgres")).arg("--version"))
            .is_ok_and(|said| major(&said).is_some_and(|major| major >= OLDEST))
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15; `… 18beta2` is 18.
fn major(said: &str) -> Option<u32> {
    let version = said.split_once("(PostgreSQL) ")?.1;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        for (said, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 9.6.24\n", Some(9)),
            ("postgres (PostgreSQL) 18beta2\n", Some(18)),
            ("postgres (PostgreSQL) 17", Some(17)),
            ("postgres (EnterpriseDB)", None),
            ("", None),
        ] {
            assert_eq!(major(said), expected, "{said}");
        }
    }
}
