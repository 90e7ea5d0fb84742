//! Opens every page of the running server in Chromium.

use std::process::Command;

use crate::fault::{Fault, Result, While};
use crate::install;
use crate::process::{go_on, on_path, run};
use crate::server::{Installation, Log};
use crate::workspace::{Scratch, Workspace};

/// As the policy wants it.
const PASSWORD: &str = "Correct-Horse-7";

/// `screenshots` is where pictures of the pages go, if anywhere.
pub fn browser(workspace: &Workspace, screenshots: Option<&std::path::Path>) -> Result<()> {
    if on_path("chromium").is_none() && std::env::var_os("CHROMIUM").is_none() {
        install::debian(&["chromium", "fonts-dejavu-core"], "Chromium")?;
    }
    if on_path("npm").is_none() {
        install::debian(&["npm"], "npm with Node.js 18 or newer")?;
    }
    let folder = prepare(workspace)?;
    let binary = workspace.build_debug()?;
    let scratch = Scratch::new(&workspace.target, "latchkey-browser")?;
    let data = scratch.path.join("data");
    let installation = Installation::new(&binary, &data, None, &[], Log::Warnings)?
        .with(&[("LATCHKEY_BOOTSTRAP_PASSWORD", PASSWORD), ("LATCHKEY_SHOW_INVITE_LINKS", "true")]);
    let token = installation.init()?;
    let server = installation.serve()?;
    let mut node = Command::new("node");
    node.current_dir(&folder).arg("pages.mjs");
    node.args([&format!("http://{}", server.address), &token, PASSWORD]).args(screenshots);
    if let Some(chromium) = on_path("chromium") {
        node.env("CHROMIUM", chromium);
    }
    let outcome = run(&mut node);
    go_on()?;
    let said = server.last_words();
    if outcome.is_err() && !said.is_empty() {
        println!("The end of the server's log:\n{said}");
    }
    outcome
}

/// The pinned packages beside the script, under `target`, made anew when either changes.
fn prepare(workspace: &Workspace) -> Result<std::path::PathBuf> {
    let from = workspace.root.join("tests/browser");
    let folder = workspace.target.join("browser");
    std::fs::create_dir_all(&folder).during(format!("Cannot create {}", folder.display()))?;
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).ok();
    let lock = "package-lock.json";
    let stamp = folder.join("installed.json");
    let current = read(stamp.clone()).is_some_and(|installed| Some(installed) == read(from.join(lock)));
    for file in ["package.json", lock, "pages.mjs"] {
        std::fs::copy(from.join(file), folder.join(file)).during(format!("Cannot copy {file}"))?;
    }
    if !current {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
        std::fs::copy(from.join(lock), &stamp).during("Cannot note what was installed")?;
    }
    if folder.join("node_modules").exists() { Ok(folder) } else { Err(Fault::new("npm installed nothing.")) }
}
