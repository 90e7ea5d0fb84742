//! Which service a signed token speaks for, and what it may do.

use std::sync::Arc;

use frame::{
    access::{Authenticator, BoxFuture, Presented},
    args,
    db::{Db, FromRow, PlatformScope, Row},
    org_sql,
    principal::{Credential, CredentialKind, Principal, Service, Who},
};
use identity::{policy_columns, users::PolicyRow};
use kernel::{Actions, Clock, Grant, Permissions, Result, Timestamp, TokenHash, krn::Via};

use super::Claims;
use crate::keys::SigningKeys;

/// Resolves service tokens from the database.
pub struct ServiceAuthenticator {
    /// The database.
    pub db: Db,
    /// Time for organizations.
    pub clock: Arc<dyn Clock>,
    /// Who signs.
    pub keys: Arc<SigningKeys>,
}

struct ServiceRow {
    name: String,
    operations: Option<String>,
    expires_at: Timestamp,
    policy: PolicyRow,
}

impl FromRow for ServiceRow {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            name: row.get("name")?,
            operations: row.get("operations")?,
            expires_at: row.get("expires_at")?,
            policy: PolicyRow::from_row(row)?,
        })
    }
}

impl Authenticator for ServiceAuthenticator {
    fn resolve<'a>(
        &'a self,
        _: TokenHash,
        presented: &'a Presented,
    ) -> BoxFuture<'a, Result<Option<Principal>>> {
        Box::pin(async move {
            let Presented::Signed(text) = presented else { return Ok(None) };
            let Some(claims) = self.keys.verify::<Claims>(text.reveal()).await? else { return Ok(None) };
            let db = PlatformScope::new(self.db.read()).org(claims.org_id);
            let sql = org_sql!(
                "SELECT k.name, k.operations, k.expires_at, ",
                policy_columns!(),
                " FROM service_tokens k JOIN organizations o ON o.org_id = k.org_id ",
                "WHERE k.org_id = $1 AND k.id = $2"
            );
            let Some(row) = db.optional::<ServiceRow>(sql, args![claims.jti]).await? else { return Ok(None) };
            if row.expires_at <= self.clock.now(claims.org_id) {
                return Ok(None);
            }
            Ok(Some(Principal {
                policy: row.policy.policy(),
                who: Who::Service(Service::new(row.name, row.operations.as_deref())),
                credential: Some(Credential {
                    kind: CredentialKind::Service,
                    id: claims.jti,
                    expires_at: Some(row.expires_at),
                }),
                org: Some(claims.org_id),
                permissions: everything(),
            }))
        })
    }
}

/// A service is bounded by its operations, not by roles.
fn everything() -> Permissions {
    Permissions::new(vec![Grant {
        role: "service".into(),
        via: Via::Direct,
        region: "*".into(),
        pattern: "".into(),
        actions: Actions::ROOT,
    }])
}
