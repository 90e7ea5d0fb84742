//! Installs Debian packages where we may, and says what to install where we may not.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{Fault, Result};
use crate::process::{capture, on_path, run};

pub fn is_root() -> bool {
    capture(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0")
}

/// Installs `packages`, or fails with a sentence that says that `what` is needed.
pub fn debian(packages: &[&str], what: &str) -> Result<()> {
    let list = packages.join(" ");
    if on_path("apt-get").is_none() {
        return Err(Fault::new(format!(
            "{what} is needed and was not found: install it and run this again."
        )));
    }
    if !is_root() {
        return Err(Fault::new(format!(
            "{what} is needed and was not found: run `sudo apt-get install {list}` and then this again."
        )));
    }
    let _no_services = NoServices::declare();
    run(apt().arg("update"))?;
    run(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Keeps Debian from starting what it installs: we want the programs, not a server on a well-known port.
struct NoServices(Option<PathBuf>);

impl NoServices {
    fn declare() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let policy = Path::new("/usr/sbin/policy-rc.d");
        // Somebody else's policy stays as it is.
        if policy.exists() {
            return Self(None);
        }
        let written = std::fs::write(policy, "#!/bin/sh\nexit 101\n")
            .and_then(|()| std::fs::set_permissions(policy, std::fs::Permissions::from_mode(0o755)));
        Self(written.is_ok().then(|| policy.to_owned()))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(policy) = &self.0 {
            let _ = std::fs::remove_file(policy);
        }
    }
}
