//! The SQL of customers of AWS Marketplace.

use frame::{
    args,
    db::{DbError, OrgScope, PlatformScope},
    org_sql,
};
use kernel::OrgId;

use super::Purchase;

/// The organization that a customer is linked to.
pub(super) async fn customer_org(db: &PlatformScope, account: &str) -> Result<Option<OrgId>, DbError> {
    let sql = "SELECT org_id AS value FROM marketplace_customers WHERE aws_account_id = $1";
    Ok(db.optional::<(OrgId,)>(sql, args![account]).await?.map(|(org,)| org))
}

/// Unlinks a customer from an organization that is being deleted.
pub(super) async fn customer_release(db: &PlatformScope, account: &str) -> Result<u64, DbError> {
    let sql = "DELETE FROM marketplace_customers WHERE aws_account_id = $1 AND org_id IN \
               (SELECT org_id FROM organizations WHERE state IN ('deleting', 'deleted'))";
    db.execute(sql, args![account]).await
}

/// Links a customer that is linked to nobody.
pub(super) async fn customer_insert(db: &OrgScope, account: &str) -> Result<u64, DbError> {
    let sql = org_sql!("INSERT INTO marketplace_customers (org_id, aws_account_id) VALUES ($1, $2)");
    db.execute(sql, args![account]).await
}

/// Writes down what a customer bought; 0 if it is known.
pub(super) async fn purchase_insert(db: &OrgScope, purchase: &Purchase) -> Result<u64, DbError> {
    let sql = org_sql!(
        "INSERT INTO marketplace_purchases (org_id, aws_account_id, product_code, license_arn, customer_identifier, ",
        "linked_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
    );
    let Purchase { aws_account_id, product_code, license_arn, customer_identifier, linked_at } = purchase;
    let license = license_arn.as_deref().unwrap_or_default();
    let identifier = customer_identifier.as_deref();
    db.execute(sql, args![aws_account_id, product_code, license, identifier, *linked_at]).await
}
