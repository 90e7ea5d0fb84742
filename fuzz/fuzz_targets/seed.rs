//! Any text as a seed or as a fault profile: it is read, or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use standin::{faults::Profile, seed::Seed};

fuzz_target!(|text: &str| {
    if let Err(problem) = Seed::parse(text) {
        assert!(problem.status() == 400, "{problem}");
    }
    if let Err(problem) = Profile::parse(text) {
        assert!(problem.status() == 400, "{problem}");
    }
});
