//! The operations on seeds.

use frame::{
    operations::{Operation, Rule, get, post},
    principal::Callers,
};

use super::{seed_apply, seed_export};

const TAG: &str = "Stand-in: seeds";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("get-stand-in-seed", "/stand-in/seed")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Get the seed that makes the organizations again",
                "Without what nobody can read again: tokens have no text, and secrets stand as `CHANGE_ME_CHANGE_ME`.",
            )
            .handle(seed_export),
        post("apply-stand-in-seed", "/stand-in/seed")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Make the organizations of a seed",
                "All of them or none. Whatever is wrong is named by its place in the seed.",
            )
            .errors(&[400, 403, 404, 409])
            .handle(seed_apply),
    ]
}
