//! The operations on the audit log.

use frame::{
    operations::{NO_SERVICES, Operation, Rule, get, need},
    principal::Callers,
};
use kernel::Action;

use super::{AUDIT_LOGS, audit_log_list, key_set_get};

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("get-audit-logs", "/v3/audit-logs")
            .allow(NO_SERVICES, Rule::Needs(need(Action::List, "audit-logs", "Audit Logs Admin")))
            .doc(
                "Audit logs",
                "List audit entries",
                "Newest first, paged by cursor; of the last seven days unless `filter[ts][gte]` says otherwise. Every entry \
                 is signed with Ed25519 over its JSON text without `signature`, members in the order served.",
            )
            .platform_errors()
            .errors(&[400])
            .list(&AUDIT_LOGS)
            .handle(audit_log_list),
        get("get-audit-log-keys", "/v2/audit-log-webhook/jwks.json")
            .allow(Callers::NONE, Rule::Public)
            .doc("Audit logs", "Get the key of the signatures", "A JWK set.")
            .handle(key_set_get),
    ]
}
