//! Where things are: the checkout, the build output, and room for what a run leaves behind.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{Fault, Result, While};
use crate::process::{capture, run};

/// The checkout and cargo's output folder (which a developer may have moved).
pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
    /// What compiles the workspace's own packages in the compiler's place.
    driver: Option<PathBuf>,
}

impl Workspace {
    pub fn find() -> Result<Self> {
        // Cargo tells where the package is; taken at run time, so that a moved checkout still works.
        let package = std::env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| {
            Fault::new("Start it as `cargo xtask …`, so that it knows where the checkout is.")
        })?;
        let root = Path::new(&package)
            .parent()
            .ok_or_else(|| Fault::new("The package xtask has to lie inside the checkout."))?
            .to_owned();
        let text = capture(cargo(&root).args(["metadata", "--format-version", "1", "--no-deps"]))?;
        let metadata: serde_json::Value = serde_json::from_str(&text).during("cargo metadata is not JSON")?;
        let target = metadata["target_directory"]
            .as_str()
            .ok_or_else(|| Fault::new("cargo metadata names no target directory; update cargo."))?;
        Ok(Self { root, target: target.into(), driver: None })
    }

    pub fn cargo(&self) -> Command {
        let mut command = cargo(&self.root);
        if let Some(driver) = &self.driver {
            // As `cargo clippy` says `-D warnings`.
            let deny = ["-D", "warnings"].map(|word| format!("{word}__CLIPPY_HACKERY__")).concat();
            command.env("RUSTC_WORKSPACE_WRAPPER", driver).env("CLIPPY_ARGS", deny);
        }
        command
    }

    /// The same, where whatever builds lints as well: Clippy's driver is the compiler with more lints, and makes
    /// the same code. `cargo clippy` does nothing but check, for which it checks every dependency, too; what is
    /// to be built anyway is built with lints in half the time.
    pub fn linting(&self) -> Self {
        // Beside cargo itself, in the toolchain that was chosen.
        let beside = std::env::var_os("CARGO").map(|cargo| Path::new(&cargo).with_file_name("clippy-driver"));
        let driver = beside.filter(|path| path.exists()).unwrap_or_else(|| "clippy-driver".into());
        Self { root: self.root.clone(), target: self.target.clone(), driver: Some(driver) }
    }

    /// The debug build of the product. All packages together, as the tests build them: cargo would compile
    /// some dependencies a second time, with fewer features, for the product alone.
    pub fn build_debug(&self) -> Result<PathBuf> {
        run(self.cargo().args(["build", "--workspace", "--locked"]))?;
        Ok(self.target.join("debug/latchkey"))
    }

    /// The product as it is shipped.
    pub fn build_release(&self) -> Result<PathBuf> {
        run(self.cargo().args(["build", "--package", "latchkey", "--release", "--locked"]))?;
        Ok(self.target.join("release/latchkey"))
    }
}

fn cargo(root: &Path) -> Command {
    // The cargo that started us, so that a chosen toolchain stays chosen.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// A folder that is gone when the value is.
pub struct Scratch {
    pub path: PathBuf,
}

impl Scratch {
    /// `parent/name-PID-N`, empty. Folders of runs that died without cleaning up are removed on the way.
    pub fn new(parent: &Path, name: &str) -> Result<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);

        std::fs::create_dir_all(parent).during(format!("Cannot create {}", parent.display()))?;
        remove_left_behind(parent, name);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).during(format!("Cannot create {}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn remove_left_behind(parent: &Path, name: &str) {
    // Without /proc there is no cheap way to tell a dead run from a living one: keep all.
    if !Path::new("/proc/self").exists() {
        return;
    }
    let Ok(entries) = parent.read_dir() else { return };
    for entry in entries.flatten() {
        let owner = owner_of(&entry.file_name().to_string_lossy(), name);
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The process that made a scratch folder of this name.
fn owner_of(folder: &str, name: &str) -> Option<u32> {
    let (pid, number) = folder.strip_prefix(name)?.strip_prefix('-')?.split_once('-')?;
    number.parse::<u32>().ok()?;
    pid.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_names_its_owner() {
        assert_eq!(owner_of("postgres-12-0", "postgres"), Some(12));
        for other in ["postgres", "postgres-12", "postgres-x-0", "postgres-12-x", "bench-12-0"] {
            assert_eq!(owner_of(other, "postgres"), None, "{other}");
        }
    }

    #[test]
    fn a_scratch_folder_is_gone_afterwards_and_so_are_those_of_the_dead() {
        let parent = std::env::temp_dir().join(format!("xtask-scratch-{}", std::process::id()));
        // No process has this number: the largest that Linux gives out is 2^22.
        let dead = parent.join("run-4194399-0");
        std::fs::create_dir_all(&dead).expect("a temporary folder");
        let scratch = Scratch::new(&parent, "run").expect("a scratch folder");
        assert!(!Path::new("/proc/self").exists() || !dead.exists());
        assert!(scratch.path.is_dir());
        let path = scratch.path.clone();
        drop(scratch);
        assert!(!path.exists());
        std::fs::remove_dir_all(parent).expect("ours");
    }
}
