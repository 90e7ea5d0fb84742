//! Verified domains: those whose addresses an organization's provider may speak for although other
//! organizations know the person. The operator says which.

use frame::{App, audit::record_command, db::PlatformScope};
use kernel::{Action, OrgId, Result};
use serde_json::json;

use super::store;

/// Verifies a domain for an organization, or takes it back.
pub async fn domain_set(app: &App, org: OrgId, domain: &str, verified: bool) -> Result<()> {
    let session = app.db.write();
    let db = PlatformScope::new(session.clone()).org(org);
    let now = app.clock.now(org);
    let (changed, action) = match verified {
        true => (store::domain_insert(&db, domain, now).await?, Action::Create),
        false => (store::domain_delete(&db, domain).await?, Action::Delete),
    };
    if changed > 0 {
        let change = if verified { json!({ "after": domain }) } else { json!({ "before": domain }) };
        record_command(&db, &app.vault, now, action, format!("verified-domains/{domain}"), change).await?;
    }
    Ok(session.commit().await?)
}

/// The verified domains of an organization.
pub async fn domain_list(app: &App, org: OrgId) -> Result<Vec<String>> {
    Ok(store::domain_list(&PlatformScope::new(app.db.read()).org(org)).await?)
}
