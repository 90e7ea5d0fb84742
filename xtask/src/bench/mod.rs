//! `cargo xtask bench`: the release build against the bare web stack.
//!
//! Absolute figures of a shared machine mean little. So each round measures the floor and every case in turn,
//! and what counts is the ratio within a round.

mod cases;
mod load;
mod machine;
mod options;
mod report;
mod sample;
mod signin;
mod standin;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::fault::{Fault, Result, While};
use crate::postgres::{Cluster, Durability};
use crate::process::go_on;
use crate::server::{Installation, Log, Server};
use crate::workspace::{Scratch, Workspace};
use cases::Case;
use machine::Cores;
use options::Database;
use report::{Findings, Row};
use sample::{Bench, Sample, median};

pub use options::Options;

/// How often a start is timed.
const STARTS: usize = 5;

pub fn bench(workspace: &Workspace, options: &Options) -> Result<()> {
    let cores = Cores::choose()?;
    if cores.is_none() {
        println!("Without two cores and `taskset`, server and load disturb each other: expect noise.");
    }
    let binary = workspace.build_release()?;
    let mut findings = Vec::new();
    for &database in &options.databases {
        findings.push(measure(workspace, options, database, cores, &binary)?);
    }
    let pinned = if cores.is_some() { ", server (with its database) and load on one core each" } else { "" };
    let machine = format!("{}{pinned}", machine::processor());
    let mut text = report::markdown(&findings, options, &machine);
    text.push_str(&standin::table(workspace, &binary, cores)?);
    println!("\n{text}");
    if options.write {
        let file = workspace.root.join("docs/performance-table.md");
        std::fs::write(&file, text).during(format!("Cannot write {}", file.display()))?;
        println!("Written to {}.", file.display());
    }
    Ok(())
}

fn measure(
    workspace: &Workspace,
    options: &Options,
    database: Database,
    cores: Option<Cores>,
    binary: &Path,
) -> Result<Findings> {
    println!("\n── {}", database.name());
    let prefix = Cores::server_prefix(cores);
    let cluster = match database {
        Database::Postgres => Some(Cluster::start(workspace, Durability::Full, &prefix)?),
        Database::Sqlite => None,
    };
    let scratch = Scratch::new(&workspace.target, "latchkey-bench")?;
    let install = |name: &str| {
        let url = cluster.as_ref().map(|cluster| cluster.create_database(name)).transpose()?;
        Installation::new(binary, &scratch.path.join(name), url, &prefix, Log::Everything)
    };

    let mut firsts = Vec::new();
    for number in 0..STARTS {
        firsts.push(start_time(&install(&format!("first{number}"))?)?);
    }
    let installation = install("main")?;
    let token = installation.init()?;
    installation.seed(options.users, signin::SIGNERS)?;
    let laters = (0..STARTS).map(|_| start_time(&installation)).collect::<Result<Vec<_>>>()?;

    let floor = installation.floor()?;
    let server = installation.serve()?;
    std::thread::sleep(Duration::from_secs(1));
    let idle_memory = machine::anonymous_memory(server.pid())?;
    let users = cases::users_total(&server, &token)?;
    let reads = cases::reads(&server, &token)?;
    let bench = Bench {
        cores,
        length: options.length,
        database: cluster.as_ref().map(Cluster::pid),
        numbers: Arc::new(AtomicU64::new(0)),
    };
    let constant = cases::floor();
    let (mut rows, floor_busy) = rounds(&bench, (&floor, &constant), &server, &reads, options.rounds)?;
    let asked = [cases::gateway_check(&server, &token)?];
    rows.extend(rounds(&bench, (&floor, &constant), &server, &asked, options.rounds)?.0);
    let signed = signin::cases(&server)?;
    rows.extend(rounds(&bench, (&floor, &constant), &server, &signed, options.rounds)?.0);
    let hashing = signin::floor();
    let passwords = [signin::password()];
    rows.extend(rounds(&bench, (&floor, &hashing), &server, &passwords, options.rounds)?.0);
    // Last, since it makes the lists longer that the others read.
    let create = [cases::create_team(&token)];
    rows.extend(rounds(&bench, (&floor, &constant), &server, &create, options.rounds)?.0);
    Ok(Findings {
        database: database.name(),
        users,
        cases: rows,
        floor_busy,
        idle_memory,
        loaded_memory: machine::anonymous_memory(server.pid())?,
        first_start: median(firsts).unwrap_or_default(),
        later_start: median(laters).unwrap_or_default(),
    })
}

/// Milliseconds from the start of the process to its first 200; the server is gone afterwards.
fn start_time(installation: &Installation) -> Result<f64> {
    go_on()?;
    Ok(installation.serve()?.start_time.as_secs_f64() * 1e3)
}

/// Measures all cases in each round, the floor first, and reports how busy the floor's server was.
fn rounds(
    bench: &Bench,
    (floor, constant): (&Server, &Case),
    server: &Server,
    cases: &[Case],
    count: usize,
) -> Result<(Vec<Row>, f64)> {
    let mut samples: Vec<Vec<(Sample, Sample)>> = vec![Vec::new(); cases.len()];
    for round in 1..=count {
        let base = bench.measure(floor, constant)?;
        println!("round {round} of {count}: {:>9.0}/s  {}", base.rate, constant.name);
        for (case, samples) in cases.iter().zip(&mut samples) {
            let sample = bench.measure(server, case)?;
            println!("{:>24.0}/s  {} ({:.3})", sample.rate, case.name, sample.rate / base.rate);
            samples.push((sample, base.clone()));
        }
    }
    let busy = median(samples.iter().flatten().map(|(_, floor)| floor.busy)).unwrap_or_default();
    let rows = cases.iter().zip(&samples).map(|(case, samples)| Row::of(case.name, samples));
    let rows: Option<Vec<Row>> = rows.collect();
    Ok((rows.ok_or_else(|| Fault::new("No round was measured; give it more --rounds."))?, busy))
}
