//! The machinery that every resource uses: operations and their gate, the database, lists, audit,
//! mail, keys, telemetry. What a resource declares as data, this crate does.

pub mod access;
mod apidocs;
pub mod app;
pub mod around;
pub mod audit;
pub mod brand;
pub mod changes;
pub mod chores;
pub mod cookies;
pub mod cursor;
pub mod cx;
pub mod db;
pub mod gate;
pub mod input;
pub mod listener;
pub mod mail;
pub mod openapi;
pub mod operations;
pub mod outbound;
pub mod pages;
pub mod passwords;
pub mod portals;
pub mod principal;
pub mod refresh;
pub mod reply;
pub mod runtime;
pub mod server;
pub mod telemetry;
pub mod throttle;
pub mod vault;

pub use app::{App, AppParts, Settings};
pub use cx::{Creators, Cx};
/// For the macros of this crate.
pub use sqlx;

/// Every column of sealed secrets that this crate keeps.
pub static SEALED: [&db::SealedColumn; 2] = [&vault::KEYS, &mail::BODIES];
