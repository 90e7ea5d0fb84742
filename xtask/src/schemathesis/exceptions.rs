//! Operations that would saw off the branch that the run sits on. The list may only shrink.

/// How much of an operation the run must leave alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Not called at all.
    Skip,
    /// Called with invented ids only, never with one that the server gave out.
    InventedIds,
}

pub struct Exception {
    pub operation: &'static str,
    pub limit: Limit,
    pub reason: &'static str,
}

pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        operation: "update-personal-access-token-settings",
        limit: Limit::Skip,
        reason: "can switch off the kind of token that the run uses",
    },
    Exception {
        operation: "put-ip-allow-list",
        limit: Limit::Skip,
        reason: "can lock out the address that the run comes from",
    },
    Exception {
        operation: "patch-ip-allow-list",
        limit: Limit::Skip,
        reason: "can lock out the address that the run comes from",
    },
    Exception { operation: "delete-users-me", limit: Limit::Skip, reason: "deletes the user who runs" },
    Exception {
        operation: "delete-user",
        limit: Limit::InventedIds,
        reason: "deletes, with an id from a list, the user who runs",
    },
    Exception {
        operation: "delete-personal-access-token",
        limit: Limit::InventedIds,
        reason: "deletes, with an id from a list, the token that the run uses",
    },
    Exception {
        operation: "revoke-personal-access-token",
        limit: Limit::InventedIds,
        reason: "revokes, with an id from a list, the token that the run uses",
    },
];

/// An exception in the words of the tool's configuration file.
pub fn entry(exception: &Exception) -> String {
    let Exception { operation, limit, reason } = exception;
    let limit = match limit {
        Limit::Skip => "enabled = false\n",
        // The phases that look for ids: the last one by following links, the others in earlier answers.
        Limit::InventedIds => {
            "phases.examples.extra-data-sources.responses = false\n\
             phases.coverage.extra-data-sources.responses = false\n\
             phases.fuzzing.extra-data-sources.responses = false\n\
             phases.stateful.enabled = false\n"
        }
    };
    format!("\n# It {reason}.\n[[operations]]\ninclude-operation-id = \"{operation}\"\n{limit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exception_is_named_once_and_argued() {
        let mut names: Vec<_> = EXCEPTIONS.iter().map(|e| e.operation).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EXCEPTIONS.len());
        assert!(EXCEPTIONS.iter().all(|e| e.reason.len() > 10));
    }

    #[test]
    fn an_exception_becomes_an_entry() {
        let text = entry(&Exception { operation: "a", limit: Limit::Skip, reason: "breaks things" });
        assert_eq!(
            text,
            "\n# It breaks things.\n[[operations]]\ninclude-operation-id = \"a\"\nenabled = false\n"
        );
    }
}
