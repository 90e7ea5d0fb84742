//! What runs in Node.js: scripts of `tests/`, copied under `target` beside the packages that they need.

use std::path::PathBuf;
use std::process::Command;

use crate::fault::{Fault, Result, While};
use crate::install;
use crate::process::{on_path, run};
use crate::workspace::Workspace;

const LOCK: &str = "package-lock.json";

/// The folder `tests/NAME` under `target`, with its pinned packages, which are installed anew when they change.
pub fn prepare(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    if on_path("npm").is_none() {
        install::debian(&["npm"], "npm with Node.js 18 or newer")?;
    }
    let from = workspace.root.join("tests").join(name);
    let folder = workspace.target.join(name);
    std::fs::create_dir_all(&folder).during(format!("Cannot create {}", folder.display()))?;
    let stamp = folder.join("installed.json");
    let read = |path: PathBuf| std::fs::read_to_string(path).ok();
    let current = read(stamp.clone()).is_some_and(|installed| Some(installed) == read(from.join(LOCK)));
    let files = std::fs::read_dir(&from).during(format!("Cannot list {}", from.display()))?;
    for file in files.flatten().filter(|file| file.path().is_file()) {
        let name = file.file_name();
        std::fs::copy(file.path(), folder.join(&name))
            .during(format!("Cannot copy {}", name.to_string_lossy()))?;
    }
    if !current {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
        std::fs::copy(from.join(LOCK), &stamp).during("Cannot note what was installed")?;
    }
    if folder.join("node_modules").exists() { Ok(folder) } else { Err(Fault::new("npm installed nothing.")) }
}
