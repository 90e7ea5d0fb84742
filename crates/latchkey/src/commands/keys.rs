//! Changing the master key.

use std::{fs, process::ExitCode, time::Duration};

use frame::{runtime::SystemEntropy, vault::Keyring};
use signin::{
    SignIn,
    keys::{LEAD, Make},
};

use super::open;
use crate::{
    assemble::{Fault, key_file, write_keys},
    config::Config,
};

/// Puts a new key in front of the others and encrypts every secret with it. The old keys stay until
/// every server has read the new one: a running server still seals with the key that it knows.
pub async fn rotate(mut config: Config, forget: bool) -> Result<ExitCode, Fault> {
    let path = key_file(&config);
    let in_file = config.master_key.is_none();
    if in_file && !forget {
        let old = fs::read_to_string(&path)
            .map_err(|error| format!("the master key {} cannot be read: {error}", path.display()))?;
        let new = Keyring::generate(&SystemEntropy);
        write_keys(&path, &format!("{}\n{}", *new, old.trim()))?;
    }
    config.access_log = false;
    let app = open(&config).await?;
    let mut count = 0;
    for column in crate::sealed() {
        count += column.reseal(&app).await.map_err(|problem| problem.to_string())?;
    }
    app.db.close().await;
    println!("{count} secrets are encrypted with the first master key.");
    if in_file && forget {
        let keys = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let first = keys.lines().next().unwrap_or_default();
        write_keys(&path, first)?;
        println!("The old keys are gone from {}.", path.display());
    } else if in_file {
        println!("Restart every server, then run `latchkey keys rotate --forget-old`.");
    } else {
        println!("Once every server runs with this list of keys, all but the first can be taken off it.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a new key that signs access tokens.
pub async fn rotate_signing(config: Config, revoke: bool) -> Result<ExitCode, Fault> {
    let app = open(&config).await?;
    let keys = &app.part::<SignIn>().map_err(|problem| problem.to_string())?.keys;
    let lead = if revoke { Duration::ZERO } else { LEAD };
    let made = keys.make(Make { lead, unless_after: None, alone: revoke }).await;
    made.map_err(|problem| problem.to_string())?;
    app.db.close().await;
    println!(
        "{}",
        if revoke {
            "A new key signs, and the others are gone. Running servers see it within a minute."
        } else {
            "A new key is published, and signs in ten minutes."
        }
    );
    Ok(ExitCode::SUCCESS)
}
