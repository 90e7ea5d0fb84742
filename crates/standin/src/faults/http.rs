//! The operations on fault profiles.

use frame::{
    operations::{Operation, Rule, delete, get, put},
    principal::Callers,
};

use super::{
    faults_end, faults_end_everywhere, faults_get, faults_get_everywhere, faults_set, faults_set_everywhere,
};

const TAG: &str = "Stand-in: faults";
const SET: &str = "`builtin` names a profile that comes with the program (`ideal`, `documented`); `profile` is a whole \
                   one. Counting begins anew, so the same requests meet the same faults again.";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("get-stand-in-faults", "/stand-in/faults")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Get the fault profile that is in force everywhere", "")
            .handle(faults_get_everywhere),
        put("set-stand-in-faults", "/stand-in/faults")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Set the fault profile of every organization that has none of its own", SET)
            .errors(&[400, 403])
            .handle(faults_set_everywhere),
        delete("end-stand-in-faults", "/stand-in/faults")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Let nothing go wrong on purpose any more",
                "Organizations with a profile of their own keep it.",
            )
            .errors(&[403])
            .handle(faults_end_everywhere),
        get("get-stand-in-organization-faults", "/stand-in/organizations/{organizationId}/faults")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Get the fault profile that is in force in an organization", "")
            .errors(&[400, 404])
            .handle(faults_get),
        put("set-stand-in-organization-faults", "/stand-in/organizations/{organizationId}/faults")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Set the fault profile of an organization", SET)
            .errors(&[400, 403, 404])
            .handle(faults_set),
        delete("end-stand-in-organization-faults", "/stand-in/organizations/{organizationId}/faults")
            .allow(Callers::NONE, Rule::Public)
            .doc(
                TAG,
                "Take the fault profile of an organization back",
                "What is in force everywhere is in force there again.",
            )
            .errors(&[400, 403, 404])
            .handle(faults_end),
    ]
}
