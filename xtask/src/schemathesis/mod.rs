//! Lets schemathesis attack the running server with what the served OpenAPI document allows and forbids.

mod exceptions;
mod python;

use std::path::Path;
use std::process::Command;

use crate::fault::{Fault, Result, While};
use crate::http::{exchange, request};
use crate::process::{go_on, run};
use crate::server::{Installation, Log, Server};
use crate::workspace::{Scratch, Workspace};
use exceptions::{EXCEPTIONS, Exception, Limit};
use python::Environment;

/// Fixed, so that a failure comes back on the next machine. Change it to look elsewhere.
const SEED: &str = "20261101";
/// Per operation and phase: enough to reach each branch of a body's schema, few enough for two minutes.
const EXAMPLES: &str = "30";
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// The tool reads it from the environment, where other users of the machine cannot see it.
const TOKEN: &str = "LATCHKEY_TEST_BEARER";

pub fn schemathesis(workspace: &Workspace) -> Result<()> {
    python::check_version()?;
    let environment = Environment::prepare(workspace)?;
    let binary = workspace.build_debug()?;
    let scratch = Scratch::new(&workspace.target, "latchkey-schemathesis")?;
    let installation = Installation::new(&binary, &scratch.path.join("data"), None, &[], Log::Warnings)?;
    let token = installation.init()?;
    let server = installation.serve()?;

    let served = served_operations(&server)?;
    let (apply, idle): (Vec<&Exception>, Vec<_>) =
        EXCEPTIONS.iter().partition(|exception| served.iter().any(|id| id == exception.operation));
    let config = scratch.path.join("schemathesis.toml");
    std::fs::write(&config, configuration(&apply)).during(format!("Cannot write {}", config.display()))?;

    let outcome = run(command(&environment, &server, &config, &scratch.path).env(TOKEN, &token));
    go_on()?;
    let alive = still_signed_in(&server, &token);
    summary(served.len(), &apply, &idle);
    let said = server.last_words();
    if (outcome.is_err() || alive.is_err()) && !said.is_empty() {
        println!("The end of the server's log:\n{said}");
    }
    alive.and(outcome)
}

/// Makes the tests' Python environment, if there is none, and tells the tests where it is.
pub fn python_for(tests: &mut Command, workspace: &Workspace) -> Result<()> {
    python::check_version()?;
    Environment::prepare(workspace)?.tell(tests);
    Ok(())
}

fn command(environment: &Environment, server: &Server, config: &Path, folder: &Path) -> Command {
    let mut command = environment.command("schemathesis");
    // In the scratch folder, since it leaves its notes where it runs.
    command.current_dir(folder).arg("--config-file").arg(config);
    command.args(["run", &format!("http://{}/openapi.json", server.address)]);
    command.args(["--checks", CHECKS, "--max-examples", EXAMPLES, "--continue-on-failure"]);
    // One worker: with two, which answers an operation can build on depends on the race between them.
    command.args(["--workers", "1", "--seed", SEED, "--generation-database", "none"]);
    command.args(["--generation-with-security-parameters", "false"]);
    command.args(["--request-timeout", "20", "--suppress-health-check", "all"]);
    // Its warnings are advice about the document, a page of it; what is wrong is a failure.
    command.args(["--warnings", "off", "--no-color"]);
    command
}

fn configuration(exceptions: &[&Exception]) -> String {
    let entries: String = exceptions.iter().map(|exception| exceptions::entry(exception)).collect();
    format!("headers = {{ Authorization = \"Bearer ${{{TOKEN}}}\" }}\n{entries}")
}

fn served_operations(server: &Server) -> Result<Vec<String>> {
    let document = server.json(&request("GET", "/openapi.json", None, None))?;
    let operations = operation_ids(&document);
    if operations.is_empty() {
        return Err(Fault::new("/openapi.json names no operation, so there is nothing to test."));
    }
    Ok(operations)
}

fn operation_ids(document: &serde_json::Value) -> Vec<String> {
    let paths = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    paths
        .filter_map(|path| path.as_object())
        .flat_map(|methods| methods.values())
        .filter_map(|operation| operation["operationId"].as_str().map(str::to_owned))
        .collect()
}

/// A run that lost its token has tested little more than the 401s that came after.
fn still_signed_in(server: &Server, token: &str) -> Result<()> {
    let (status, _) = exchange(server.address, &request("GET", "/v3/users/me", Some(token), None))?;
    if status == 200 {
        return Ok(());
    }
    Err(Fault::new(format!(
        "After the run its own token was answered with {status}: an operation took it away, and what came \
         later was not tested. Find it and add it to xtask/src/schemathesis/exceptions.rs."
    )))
}

fn summary(served: usize, apply: &[&Exception], idle: &[&Exception]) {
    println!("schemathesis: {served} operations served, {} with an exception:", apply.len());
    for Exception { operation, limit, reason } in apply {
        let how = match limit {
            Limit::Skip => "skipped",
            Limit::InventedIds => "invented ids only",
        };
        println!("  {operation} ({how}): {reason}");
    }
    if !idle.is_empty() {
        let names: Vec<_> = idle.iter().map(|exception| exception.operation).collect();
        println!("  not served, so without effect: {}", names.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_found_in_the_document() {
        let document = serde_json::json!({"paths": {
            "/a": {"get": {"operationId": "list-a"}, "post": {"operationId": "create-a"}, "parameters": []},
            "/b": {"get": {}},
        }});
        assert_eq!(operation_ids(&document), ["list-a", "create-a"]);
        assert!(operation_ids(&serde_json::Value::Null).is_empty());
    }

    #[test]
    fn the_configuration_takes_the_token_from_the_environment() {
        let text = configuration(&[]);
        assert_eq!(text, "headers = { Authorization = \"Bearer ${LATCHKEY_TEST_BEARER}\" }\n");
    }
}
