//! The operations on the request log.

use frame::{
    operations::{Operation, Rule, delete, get},
    principal::Callers,
};

use super::{page::requests_page, request_clear, request_list};

const TAG: &str = "Stand-in: requests";
const QUERY: &[(&str, &str)] = &[
    ("organization", "Only of this organization"),
    ("operation", "Only of this operation"),
    ("failed", "`true`: only what was refused or dropped"),
    ("surprising", "`true`: only operations and fields that are not known here"),
];

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("list-stand-in-requests", "/stand-in/requests")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "List the last requests",
                "The last thousand, the newest first; those to the stand-in itself are left out.",
            )
            .query(QUERY)
            .handle(request_list),
        delete("clear-stand-in-requests", "/stand-in/requests")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Forget the last requests", "")
            .errors(&[403])
            .handle(request_clear),
        get("stand-in-page", "/stand-in")
            .allow(Callers::NONE, Rule::Public)
            .query(QUERY)
            .page()
            .handle(requests_page),
    ]
}
