//! Checks that an installation is sound, and says what to do about what is not.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::ExitCode};

use appauth::gateway::{Settings, admin::Admin};
use frame::{
    db::{DatabaseUrl, Db, PlatformScope, PoolSettings, latest_schema},
    outbound::{Allowed, Outbound},
    runtime::{SystemClock, SystemEntropy},
    telemetry::Calls,
    vault::Vault,
};
use identity::organizations;
use kernel::WallClock;

use crate::{
    assemble::{self, Fault, key_file},
    config::Config,
};

/// A check's name, and what it found.
type Check = (&'static str, Result<String, String>);

/// Runs every check; fails if one does.
pub async fn doctor(config: Config) -> Result<ExitCode, Fault> {
    let mut checks: Vec<Check> = vec![("data directory", directory(&config.data_dir)), ("clock", clock())];
    if config.master_key.is_none() {
        checks.push(("master key file", key_permissions(&key_file(&config))));
    }
    if let Some(settings) = &config.gateway {
        checks.push(("gateway", gateway(&config, settings).await));
    }
    match open(&config.database).await {
        Err(fault) => checks.push(("database", Err(fault))),
        Ok(db) => {
            checks.push(("database", Ok(format!("{} answers", config.database.masked()))));
            checks.push(("schema", schema(&db).await));
            checks.push(("master key", key(&config, &db).await));
            checks.push(("organization", organization(&db).await));
            db.close().await;
        }
    }
    let mut sound = true;
    for (name, result) in checks {
        match result {
            Ok(found) => println!("ok    {name}: {found}"),
            Err(fault) => {
                sound = false;
                println!("FAIL  {name}: {fault}");
            }
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Opens the database; looking for one must not make it.
async fn open(url: &DatabaseUrl) -> Result<Db, String> {
    if let DatabaseUrl::SqliteFile(path) = url
        && !path.exists()
    {
        return Err(format!("{} does not exist: run `latchkey init` or `latchkey serve`", url.masked()));
    }
    Db::open(url, PoolSettings { connections: 2 })
        .await
        .map_err(|error| format!("{} cannot be opened: {error}", url.masked()))
}

fn mode(path: &Path) -> Result<u32, String> {
    let metadata =
        fs::metadata(path).map_err(|error| format!("{} cannot be looked at: {error}", path.display()))?;
    Ok(metadata.permissions().mode() & 0o777)
}

fn directory(path: &Path) -> Result<String, String> {
    let mode = mode(path)?;
    if mode & 0o077 != 0 {
        return Err(format!("{} is open to others (mode {mode:o}): chmod 700 it", path.display()));
    }
    Ok(format!("{} is closed to others", path.display()))
}

fn key_permissions(path: &Path) -> Result<String, String> {
    let mode = mode(path)?;
    if mode & 0o077 != 0 {
        return Err(format!("{} is open to others (mode {mode:o}): chmod 600 it", path.display()));
    }
    Ok(format!("{} is closed to others", path.display()))
}

/// 2026-01-01, before which this program did not exist.
const BIRTH: i64 = 1_767_225_600_000_000;

fn clock() -> Result<String, String> {
    let now = SystemClock.now();
    if now.micros() < BIRTH {
        return Err(format!("the machine says it is {now}: set its clock"));
    }
    Ok(format!("it is {now}"))
}

async fn schema(db: &Db) -> Result<String, String> {
    let (has, wants) = (db.schema().await, latest_schema());
    match has.cmp(&wants) {
        std::cmp::Ordering::Less => {
            Err(format!("the schema is {has} and should be {wants}: run `latchkey migrate`"))
        }
        std::cmp::Ordering::Greater => {
            Err(format!("the schema is {has}, made by a newer Latchkey; this one knows {wants}"))
        }
        std::cmp::Ordering::Equal => Ok(format!("{has}, the newest")),
    }
}

async fn key(config: &Config, db: &Db) -> Result<String, String> {
    let entropy = SystemEntropy;
    if config.master_key.is_none() && !key_file(config).exists() {
        return Err(format!("{} does not exist: restore it, or set master-key", key_file(config).display()));
    }
    let ring = assemble::keyring(config, &entropy)?;
    Vault::open(ring, db, &entropy, SystemClock.now()).await.map_err(|problem| problem.to_string())?;
    Ok("it opens the keys in the database".to_owned())
}

/// Looks whether the gateway's Admin API is there and lets us in.
async fn gateway(config: &Config, settings: &Settings) -> Result<String, String> {
    let allowed = Allowed::everything(config.outbound.authorities.clone());
    let anywhere = Outbound::new(allowed, Calls::default())
        .map_err(|error| format!("outbound-ca-file cannot be used: {error}"))?;
    let answer = Admin::new(&anywhere, settings.clone()).probe().await;
    answer.map(|()| "its Admin API answers".to_owned()).map_err(|fault| fault.to_string())
}

async fn organization(db: &Db) -> Result<String, String> {
    let ids = organizations::store::organization_ids(&PlatformScope::new(db.read())).await;
    match ids {
        Err(error) => Err(kernel::Problem::from(error).to_string()),
        Ok(ids) if ids.is_empty() => Err("there is none: run `latchkey init` or `latchkey serve`".to_owned()),
        Ok(ids) => Ok(format!("there are {}", ids.len())),
    }
}
