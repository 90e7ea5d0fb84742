//! Opens every page of the running server in Chromium.

use std::process::Command;

use crate::fault::Result;
use crate::install;
use crate::node;
use crate::process::{go_on, on_path, run};
use crate::server::{Installation, Log};
use crate::workspace::{Scratch, Workspace};

/// As the policy wants it.
const PASSWORD: &str = "Correct-Horse-7";

/// `screenshots` is where pictures of the pages go, if anywhere.
pub fn browser(workspace: &Workspace, screenshots: Option<&std::path::Path>) -> Result<()> {
    have_chromium()?;
    if on_path("openssl").is_none() {
        install::debian(&["openssl"], "OpenSSL's command line")?;
    }
    let folder = node::prepare(workspace, "browser")?;
    let peers = node::prepare(workspace, "peers")?;
    let binary = workspace.build_debug()?;
    let scratch = Scratch::new(&workspace.target, "latchkey-browser")?;
    let data = scratch.path.join("data");
    let installation = Installation::new(&binary, &data, None, &[], Log::Warnings)?.with(&[
        ("LATCHKEY_BOOTSTRAP_PASSWORD", PASSWORD),
        ("LATCHKEY_SHOW_INVITE_LINKS", "true"),
        ("LATCHKEY_OUTBOUND_HTTP", "true"),
        ("LATCHKEY_OUTBOUND_NETWORKS", "127.0.0.1"),
    ]);
    let installation = installation.by_name();
    let token = installation.init()?;
    let server = installation.serve()?;
    let mut node = Command::new("node");
    node.current_dir(&folder).arg("pages.mjs").env("PEERS", peers);
    node.args([&format!("http://localhost:{}", server.address.port()), &token, PASSWORD]).args(screenshots);
    tell_chromium(&mut node);
    let outcome = run(&mut node);
    go_on()?;
    let said = server.last_words();
    if outcome.is_err() && !said.is_empty() {
        println!("The end of the server's log:\n{said}");
    }
    outcome
}

/// Installs Chromium where there is none.
pub fn have_chromium() -> Result<()> {
    if on_path("chromium").is_none() && std::env::var_os("CHROMIUM").is_none() {
        install::debian(&["chromium", "fonts-dejavu-core"], "Chromium")?;
    }
    Ok(())
}

/// Tells a script where Chromium is.
pub fn tell_chromium(node: &mut Command) {
    if let Some(chromium) = on_path("chromium") {
        node.env("CHROMIUM", chromium);
    }
}
