//! The operations on states.

use frame::{
    operations::{Operation, Rule, delete, get, post},
    principal::Callers,
};

use super::{reset, snapshot_create, snapshot_drop, snapshot_list};

const TAG: &str = "Stand-in: states";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("reset-stand-in", "/stand-in/reset")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Go back to a state",
                "`to` is `seed` (the default: what the start made of the seed file), `empty` (the first organization and \
                 nothing else) or a snapshot. Ids, tokens and signatures are those of that state; so are clocks and \
                 numbers. Fault profiles of organizations end, and the request log begins anew.",
            )
            .errors(&[400, 403, 404])
            .handle(reset),
        get("list-stand-in-snapshots", "/stand-in/snapshots")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "List the states that are kept", "")
            .handle(snapshot_list),
        post("create-stand-in-snapshot", "/stand-in/snapshots")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Keep the state under a name", "In place of an earlier one of that name.")
            .errors(&[400, 403])
            .handle(snapshot_create),
        delete("delete-stand-in-snapshot", "/stand-in/snapshots/{name}")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Forget a state", "")
            .errors(&[403, 404, 409])
            .handle(snapshot_drop),
    ]
}
