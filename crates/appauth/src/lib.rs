//! How applications prove themselves: the providers that register them, and what is registered there.
//!
//! One folder per matter. `registration` speaks with identity providers: one file per kind of them, behind
//! one trait.

pub mod registration;
