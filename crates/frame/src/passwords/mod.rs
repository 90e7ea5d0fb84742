//! Passwords, of people and of developers: hashing them, and what a good one is.

mod hasher;
mod policy;

pub use hasher::Hasher;
pub use policy::faults;

/// Longer passwords are not looked at: hashing them would only cost time.
pub const LONGEST: usize = 1024;
