//! The operations on organizations' clocks.

use frame::{
    operations::{Operation, Rule, delete, get, put},
    principal::Callers,
};

use super::{clock_get, clock_reset, clock_set};

const TAG: &str = "Stand-in: clocks";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("get-stand-in-clock", "/stand-in/organizations/{organizationId}/clock")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Get an organization's time", "")
            .errors(&[400, 404])
            .handle(clock_get),
        put("set-stand-in-clock", "/stand-in/organizations/{organizationId}/clock")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Set or move an organization's time",
                "`now` sets it, `advance_seconds` moves it, `pace` says how fast it runs from here on in thousandths \
                 of the machine's speed; 0 stops it. What is not sent stays. Tokens, sessions, invites, retention and \
                 reminders follow: whatever is due at the new time is done before the answer.",
            )
            .errors(&[400, 403, 404])
            .handle(clock_set),
        delete("reset-stand-in-clock", "/stand-in/organizations/{organizationId}/clock")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Let an organization's time run with the machine's again", "")
            .errors(&[400, 403, 404])
            .handle(clock_reset),
    ]
}
