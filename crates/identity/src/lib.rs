//! Organizations and who is in them: users, invites, teams, roles, system accounts, tokens, identity
//! providers, settings, and the audit log. One folder per resource: `mod.rs` has the types and the
//! rules, `http.rs` the operations, `store.rs` the SQL.

pub mod audit_logs;
pub mod housekeeping;
pub mod identity_providers;
pub mod invites;
pub mod organizations;
pub mod persons;
pub mod roles;
pub mod settings;
pub mod system_accounts;
pub mod teams;
pub mod tokens;
pub mod users;

use frame::operations::Operation;

/// Every letter of this crate.
pub const LETTERS: [frame::pages::Template; 2] = [invites::LETTER, tokens::reminders::LETTER];

/// Every column of sealed secrets of this crate.
pub static SEALED: [&frame::db::SealedColumn; 1] = [&identity_providers::CLIENT_SECRETS];

/// The smallest role that manages people, teams and system accounts.
pub const IDENTITY_ADMIN: &str = "Identity Admin";

/// Every operation of this crate.
pub fn operations() -> Vec<Operation> {
    let groups = [
        organizations::http::operations(),
        settings::http::operations(),
        users::http::operations(),
        invites::http::operations(),
        teams::http::operations(),
        roles::http::operations(),
        system_accounts::http::operations(),
        tokens::http::operations(),
        identity_providers::http::operations(),
        audit_logs::http::operations(),
    ];
    groups.into_iter().flatten().collect()
}
