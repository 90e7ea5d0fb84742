//! The conventions: what holds for every operation, whatever it does.
//!
//! `poison` sends every operation what no client should send. The other modules each hold one
//! convention that clients lean on. What fails is collected, so that one run shows all of it.

mod findings;
mod good;
mod operations;
mod poison;
mod raw;
mod reply;
mod world;

mod accepted;
mod applications;
mod cursors;
mod envelopes;
mod filtering;
mod fixture;
mod headers;
mod paging;
mod users;
mod values;
