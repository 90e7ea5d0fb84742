//! Whose session a signed access token carries, and what it may do now.

use std::sync::Arc;

use frame::{
    access::{Authenticator, BoxFuture, Presented},
    args,
    db::{Db, FromRow, PlatformScope, Row},
    org_sql,
    principal::{Credential, CredentialKind, Principal},
};
use identity::{member_columns, roles::Catalogue, users::Member};
use kernel::{Clock, Result, Timestamp, TokenHash, TokenId};

use crate::keys::{Claims, SigningKeys};

/// Resolves signed access tokens from the database.
pub struct SessionAuthenticator {
    /// The database.
    pub db: Db,
    /// Time for organizations.
    pub clock: Arc<dyn Clock>,
    /// What roles allow.
    pub catalogue: Arc<Catalogue>,
    /// Who signs.
    pub keys: Arc<SigningKeys>,
}

struct SessionRow {
    member: Member,
    expires_at: Timestamp,
}

impl FromRow for SessionRow {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self { member: Member::from_row(row)?, expires_at: row.get("expires_at")? })
    }
}

impl Authenticator for SessionAuthenticator {
    fn resolve<'a>(
        &'a self,
        _: TokenHash,
        presented: &'a Presented,
    ) -> BoxFuture<'a, Result<Option<Principal>>> {
        Box::pin(async move {
            let Presented::Signed(text) = presented else { return Ok(None) };
            let Some(claims) = self.keys.verify::<Claims>(text.reveal()).await? else { return Ok(None) };
            let expires_at = Timestamp::from_micros(claims.exp.saturating_mul(1_000_000));
            if expires_at <= self.clock.now(claims.org_id) {
                return Ok(None);
            }
            let db = PlatformScope::new(self.db.read()).org(claims.org_id);
            let sql = org_sql!(
                "SELECT ",
                member_columns!(),
                ", s.expires_at FROM sessions s ",
                "JOIN users u ON u.org_id = s.org_id AND u.id = s.user_id ",
                "JOIN organizations o ON o.org_id = s.org_id ",
                "WHERE s.org_id = $1 AND s.id = $2 AND s.user_id = $3"
            );
            let row = db.optional::<SessionRow>(sql, args![claims.sid, claims.sub]).await?;
            let Some(row) = row.filter(|row| row.member.user.active) else { return Ok(None) };
            let credential = Credential {
                kind: CredentialKind::Session,
                id: TokenId::from_uuid(claims.sid.uuid()),
                expires_at: Some(expires_at.min(row.expires_at)),
            };
            row.member.principal(&self.catalogue, &db, credential).await.map(Some)
        })
    }
}
