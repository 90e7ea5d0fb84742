//! The suites' programs: built or installed under `target/clients`.

use std::path::PathBuf;
use std::process::Command;

use crate::browser::{have_chromium, tell_chromium};
use crate::fault::{Result, While};
use crate::install;
use crate::node;
use crate::process::{on_path, run};
use crate::workspace::Workspace;

/// Where each suite's program is.
pub struct Programs {
    curl: PathBuf,
    elements: PathBuf,
    go: PathBuf,
    kit: PathBuf,
    portal: PathBuf,
}

impl Programs {
    pub fn prepare(workspace: &Workspace) -> Result<Self> {
        if on_path("curl").is_none() {
            install::debian(&["curl"], "curl")?;
        }
        have_chromium()?;
        let sources = workspace.root.join("tests/clients");
        Ok(Self {
            curl: sources.join("curl/curl.sh"),
            elements: node::prepare(workspace, "clients/auth-elements")?,
            go: build_go(workspace)?,
            kit: sources.join("kit/kit.mjs"),
            portal: node::prepare(workspace, "clients/portal-js")?,
        })
    }

    pub fn curl(&self) -> Command {
        let mut command = Command::new("sh");
        command.arg(&self.curl);
        command
    }

    pub fn elements(&self) -> Command {
        let mut command = Command::new("node");
        command.current_dir(&self.elements).arg("elements.mjs");
        tell_chromium(&mut command);
        command
    }

    pub fn go(&self, suite: &str) -> Command {
        let mut command = Command::new(&self.go);
        command.arg(suite);
        command
    }

    /// No client's, but a team's own tests.
    pub fn kit(&self) -> Command {
        let mut command = Command::new("node");
        command.arg(&self.kit);
        command
    }

    pub fn portal(&self) -> Command {
        let mut command = Command::new("node");
        command.current_dir(&self.portal).arg("portal.mjs");
        command
    }
}

/// It needs Go's own library alone, so nothing is fetched, and what Go has compiled of that is kept where Go keeps it.
fn build_go(workspace: &Workspace) -> Result<PathBuf> {
    if on_path("go").is_none() {
        install::debian(&["golang-go"], "Go 1.19 or newer")?;
    }
    let folder = workspace.target.join("clients/go");
    std::fs::create_dir_all(&folder).during(format!("Cannot create {}", folder.display()))?;
    let program = folder.join("clients");
    let mut go = Command::new("go");
    go.current_dir(workspace.root.join("tests/clients/go")).args(["build", "-o"]).arg(&program).arg(".");
    // Without C, since that resolves names by the system's library, and there are none to resolve.
    run(go.env("CGO_ENABLED", "0").env("GOWORK", "off"))?;
    Ok(program)
}
