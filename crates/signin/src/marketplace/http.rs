//! The operation that AWS Marketplace's buyers arrive by.

use frame::operations::{DEFAULT, Operation, Rule, administrators, post};
use kernel::Action;

use super::customer_resolve;

const TAG: &str = "AWS Marketplace";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let link = Rule::Needs(administrators(Action::Create, "marketplace-customers"));
    vec![
        post("resolveCustomer", "/v3/aws/marketplace/resolve-customer")
            .allow(DEFAULT, link)
            .doc(
                TAG,
                "Link a customer of AWS Marketplace",
                "AWS tells which of its customers the registration token is for, and that customer is linked to the \
                 caller's organization. Linking it once more changes nothing. 412 unless the operator has set this \
                 installation up for it; 503 while AWS does not answer.",
            )
            .errors(&[400, 412])
            .handle(customer_resolve),
    ]
}
