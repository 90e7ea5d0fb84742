//! Clients against the running program as a stand-in: those that others publish and can be had, and what the others
//! send. They get the variables that `latchkey env` prints, an organization of their own each, and nothing else.

mod exercised;
mod programs;

use std::collections::BTreeSet;
use std::process::Command;

use crate::fault::{Fault, Result};
use crate::http::{exchange, request};
use crate::process::{go_on, run};
use crate::server::{Installation, Log, Server};
use crate::workspace::{Scratch, Workspace};
use exercised::Exercised;
use programs::Programs;

/// Who signs in by password: the owner of the first organization, in which the command line tool is.
const OWNER: (&str, &str) = ("owner@latchkey.test", "Correct-Horse-7");

/// A client, and what runs it.
struct Suite {
    name: &'static str,
    /// What `latchkey env` knows the client as.
    client: &'static str,
    command: fn(&Programs) -> Command,
}

const SUITES: [Suite; 7] = [
    Suite { name: "auth-elements", client: "sdk-js", command: Programs::elements },
    Suite { name: "curl", client: "curl", command: Programs::curl },
    Suite { name: "kit", client: "sdk-js", command: Programs::kit },
    Suite { name: "like-kongctl", client: "kongctl", command: |programs| programs.go("kongctl") },
    Suite { name: "like-sdk-go", client: "sdk-go", command: |programs| programs.go("sdk") },
    Suite { name: "like-terraform", client: "terraform", command: |programs| programs.go("terraform") },
    Suite { name: "portal-js", client: "sdk-js", command: Programs::portal },
];

/// Runs every suite. `write` puts down what they exercised; else that has to be what is written down.
pub fn clients(workspace: &Workspace, write: bool) -> Result<()> {
    let programs = Programs::prepare(workspace)?;
    let binary = workspace.build_debug()?;
    let scratch = Scratch::new(&workspace.target, "latchkey-clients")?;
    let data = scratch.path.join("data");
    // In a file, so that the suites can read mails as an operator does.
    let installation = Installation::new(&binary, &data, None, &[], Log::Warnings)?.standing_in().with(&[
        ("LATCHKEY_BOOTSTRAP_EMAIL", OWNER.0),
        ("LATCHKEY_BOOTSTRAP_PASSWORD", OWNER.1),
        ("LATCHKEY_OUTBOUND_HTTP", "true"),
        ("LATCHKEY_OUTBOUND_NETWORKS", "127.0.0.1"),
    ]);
    installation.init()?;
    let server = installation.serve()?;
    let mut seen = Exercised::new();
    for suite in &SUITES {
        go_on()?;
        let mut command = (suite.command)(&programs);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(leads_elsewhere) {
                command.env_remove(name);
            }
        }
        command.envs(installation.variables(suite.client)?);
        let fresh = server.json(&request("POST", "/stand-in/organizations", None, Some("{}")))?;
        let token = fresh["token"].as_str().unwrap_or_default();
        command.env("KONNECT_TOKEN", token).env("BASE_URL", format!("http://{}", server.address));
        command.env("OWNER", OWNER.0).env("OWNER_PASSWORD", OWNER.1);
        command.env("LATCHKEY", &binary).env("LATCHKEY_DATA_DIR", &data);
        exchange(server.address, &request("DELETE", "/stand-in/requests", None, None))?;
        if let Err(fault) = run(&mut command) {
            println!("The end of the server's log:\n{}", server.last_words());
            return Err(fault);
        }
        let operations = operations(&server)?;
        println!("{}: {} operations", suite.name, operations.len());
        seen.insert(suite.name.into(), operations);
    }
    exercised::hold(&workspace.root.join("tests/clients/exercised.json"), &seen, write)
}

/// The operations that the last requests were for.
fn operations(server: &Server) -> Result<BTreeSet<String>> {
    let log = server.json(&request("GET", "/stand-in/requests", None, None))?;
    let requests = log["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    // The log keeps so many; a suite that asks for more would lose some.
    if requests.is_empty() || requests.len() >= 1000 {
        return Err(Fault::new(format!(
            "The log has {} requests of this suite: none, or not all.",
            requests.len()
        )));
    }
    Ok(requests.iter().filter_map(|request| request["operation_id"].as_str()).map(str::to_owned).collect())
}

/// Whether a variable of the developer's shell would lead a client to another proxy than the kit's, or the program
/// to another installation.
fn leads_elsewhere(name: &str) -> bool {
    name.starts_with("LATCHKEY_") || name.to_ascii_lowercase().ends_with("_proxy")
}
