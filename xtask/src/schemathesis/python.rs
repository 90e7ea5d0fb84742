//! A Python environment under `target`, made once and kept until the pinned packages change.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{Fault, Result, While};
use crate::install;
use crate::process::{on_path, run, succeeds};
use crate::workspace::Workspace;

/// Where a pinned tool can be started from.
pub struct Environment {
    folder: PathBuf,
}

impl Environment {
    pub fn prepare(workspace: &Workspace) -> Result<Self> {
        let pins = workspace.root.join("xtask/requirements.txt");
        let wanted = std::fs::read_to_string(&pins).during(format!("Cannot read {}", pins.display()))?;
        let environment = Self { folder: workspace.target.join("venv") };
        let stamp = environment.folder.join("installed.txt");
        let current = std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted);
        // A checkout that was moved leaves programs behind that name an interpreter which is gone: try one.
        if current && succeeds(environment.command("schemathesis").arg("--version")) {
            return Ok(environment);
        }
        environment.make(&pins)?;
        std::fs::write(&stamp, wanted).during(format!("Cannot write {}", stamp.display()))?;
        Ok(environment)
    }

    /// A real virtual environment where Python can make one, else packages in a plain folder.
    fn make(&self, pins: &Path) -> Result<()> {
        if on_path("python3").is_none() {
            install::debian(&["python3", "python3-venv"], "Python 3")?;
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        let install = ["install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"];
        if succeeds(&mut self.virtual_environment()) {
            return run(self.command("pip").args(install).arg(pins));
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip"]);
        if succeeds(Command::new("python3").args(["-m", "pip", "--version"])) {
            return run(pip.args(install).arg(pins).arg("--target").arg(&self.folder));
        }
        // Debian takes both modules out of its Python.
        install::debian(&["python3-venv"], "Python's module venv")?;
        run(&mut self.virtual_environment())?;
        run(self.command("pip").args(install).arg(pins))
    }

    fn virtual_environment(&self) -> Command {
        let mut command = Command::new("python3");
        command.args(["-m", "venv"]).arg(&self.folder);
        command
    }

    /// Tells a command where the interpreter and its packages are.
    pub fn tell(&self, command: &mut Command) {
        let own = self.folder.join("bin/python");
        if own.exists() {
            command.env("LATCHKEY_TEST_PYTHON", own);
        } else {
            command.env("LATCHKEY_TEST_PYTHON", "python3").env("PYTHONPATH", &self.folder);
        }
    }

    /// A program of the environment, whichever of the two kinds it is.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join("bin").join(program));
        if !self.folder.join("pyvenv.cfg").exists() {
            command.env("PYTHONPATH", &self.folder);
        }
        command
    }
}

/// Fails early where the pinned packages cannot work, with a sentence instead of pip's pages.
pub fn check_version() -> Result<()> {
    let new_enough = "import sys; sys.exit(sys.version_info < (3, 10))";
    if on_path("python3").is_some() && !succeeds(Command::new("python3").args(["-c", new_enough])) {
        return Err(Fault::new("The API tests need Python 3.10 or newer as `python3` on PATH."));
    }
    Ok(())
}
