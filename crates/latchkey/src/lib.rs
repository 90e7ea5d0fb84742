//! Latchkey: the command line, the configuration, and the wiring of everything into one program.

pub mod assemble;
pub mod bootstrap;
pub mod commands;
pub mod config;
mod system;

use frame::{db::SealedColumn, operations::Operation};

/// Every operation that this program serves.
pub fn operations() -> Vec<Operation> {
    let mut operations = identity::operations();
    operations.extend(appauth::operations());
    operations.extend(signin::operations());
    operations.extend(system::operations());
    operations
}

/// Every column of sealed secrets, for a change of the master key.
pub fn sealed() -> impl Iterator<Item = &'static SealedColumn> {
    frame::SEALED.into_iter().chain(identity::SEALED).chain(signin::SEALED).chain(appauth::SEALED)
}

/// The OpenAPI document that this program serves under its default settings.
pub fn openapi() -> serde_json::Value {
    document(&operations())
}

/// The one that it serves as a stand-in.
pub fn standin_openapi() -> serde_json::Value {
    document(&operations().into_iter().chain(standin::operations()).collect::<Vec<_>>())
}

fn document(operations: &[Operation]) -> serde_json::Value {
    let specs = operations.iter().map(|operation| &*operation.spec);
    frame::openapi::document(specs, &assemble::default_settings())
}
