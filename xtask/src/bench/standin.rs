//! The stand-in: how soon it is there, and how soon it forgets.

use std::{path::Path, time::Instant};

use super::{STARTS, machine::Cores, sample::median};
use crate::{
    fault::{Fault, Result},
    http::{exchange, request},
    process::go_on,
    server::{Installation, Log},
    workspace::{Scratch, Workspace},
};

/// How often something is timed.
const TIMES: usize = 50;
/// How many teams and accounts a small state has, of each.
const THINGS: usize = 25;

/// What was measured, as a table.
pub fn table(workspace: &Workspace, binary: &Path, cores: Option<Cores>) -> Result<String> {
    println!("\n── the stand-in");
    let scratch = Scratch::new(&workspace.target, "latchkey-bench")?;
    let prefix = Cores::server_prefix(cores);
    let data = scratch.path.join("stand-in");
    let memory = Some("sqlite::memory:".to_owned());
    let installation = Installation::new(binary, &data, memory, &prefix, Log::Everything)?;
    let installation = installation.with(&[("LATCHKEY_STAND_IN", "true")]);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        go_on()?;
        starts.push(installation.serve()?.start_time.as_secs_f64() * 1e3);
    }
    let server = installation.serve()?;
    let call = |method: &str, path: &str, token: Option<&str>, body: &str, wanted: u16| {
        let (status, body) = exchange(server.address, &request(method, path, token, Some(body)))?;
        if status != wanted {
            return Err(Fault::new(format!(
                "{method} {path} answered {status}: {}",
                String::from_utf8_lossy(&body)
            )));
        }
        Ok(body)
    };
    let organizations = timed(|_| call("POST", "/stand-in/organizations", None, "{}", 201).map(drop))?;
    call("POST", "/stand-in/reset", None, "{\"to\":\"empty\"}", 204)?;
    fill(&call)?;
    call("POST", "/stand-in/snapshots", None, "{\"name\":\"small\"}", 201)?;
    let resets = timed(|_| call("POST", "/stand-in/reset", None, "{\"to\":\"small\"}", 204).map(drop))?;
    Ok(format!(
        "\n### The stand-in, in memory\n\n| | |\n|---|--:|\n\
         | start to the first 200 of `/readyz`, from nothing | {:.0} ms |\n\
         | `POST /stand-in/organizations` | {organizations:.1} ms |\n\
         | `POST /stand-in/reset`, to a state of {THINGS} teams and {THINGS} system accounts | {resets:.1} ms |\n",
        median(starts).unwrap_or_default()
    ))
}

/// The median of milliseconds.
fn timed(mut work: impl FnMut(usize) -> Result<()>) -> Result<f64> {
    let mut times = Vec::with_capacity(TIMES);
    for n in 0..TIMES {
        go_on()?;
        let started = Instant::now();
        work(n)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times).unwrap_or_default())
}

type Call<'c> = dyn Fn(&str, &str, Option<&str>, &str, u16) -> Result<Vec<u8>> + 'c;

/// Makes a small state.
fn fill(call: &Call<'_>) -> Result<()> {
    let made = call("POST", "/stand-in/organizations", None, "{}", 201)?;
    let made: serde_json::Value =
        serde_json::from_slice(&made).map_err(|error| Fault::new(format!("That is no JSON: {error}")))?;
    let token = made["token"].as_str();
    for n in 0..THINGS {
        call("POST", "/v3/teams", token, &format!("{{\"name\":\"Team {n}\"}}"), 201)?;
        let account = format!("{{\"name\":\"account {n}\",\"description\":\"\"}}");
        call("POST", "/v3/system-accounts", token, &account, 201)?;
    }
    Ok(())
}
