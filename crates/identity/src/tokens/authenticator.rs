//! Whose a presented token is, and what it may do now.

use std::sync::Arc;

use frame::{
    access::{Authenticator, BoxFuture, Presented},
    args,
    db::{Db, FromRow, OrgScope, PlatformScope, Row},
    from_row, org_sql,
    principal::{Credential, CredentialKind, OrgPolicy, Principal, Service, Who},
};
use kernel::{
    Clock, Duration, OrgId, Permissions, Result, SystemAccountId, Timestamp, TokenHash, TokenId, TokenKind,
};

use super::{UNUSED, store::kind_code};
use crate::{
    member_columns, policy_columns,
    roles::{self, Catalogue},
    users::{Member, PolicyRow},
};

/// Resolves tokens from the database.
pub struct TokenAuthenticator {
    /// The database.
    pub db: Db,
    /// Time for organizations.
    pub clock: Arc<dyn Clock>,
    /// What roles allow.
    pub catalogue: Arc<Catalogue>,
}

struct Entry {
    kind: i64,
    org_id: Option<OrgId>,
    token_id: TokenId,
}

from_row!(Entry { kind, org_id, token_id });

impl Authenticator for TokenAuthenticator {
    fn resolve<'a>(
        &'a self,
        hash: TokenHash,
        presented: &'a Presented,
    ) -> BoxFuture<'a, Result<Option<Principal>>> {
        Box::pin(async move {
            let Presented::Token(token) = presented else { return Ok(None) };
            let platform = PlatformScope::new(self.db.read());
            let sql = "SELECT kind, org_id, token_id FROM credentials WHERE hash = $1";
            let Some(entry) = platform.optional::<Entry>(sql, args![hash]).await? else { return Ok(None) };
            if entry.kind != kind_code(token.kind()) {
                return Ok(None);
            }
            match (token.kind(), entry.org_id) {
                (TokenKind::Personal, Some(org)) => self.personal(&platform.org(org), entry.token_id).await,
                (TokenKind::System, Some(org)) => self.system(&platform.org(org), entry.token_id).await,
                (TokenKind::Client, None) => client(&platform, entry.token_id).await,
                _ => Ok(None),
            }
        })
    }
}

struct PersonalRow {
    member: Member,
    expires_at: Timestamp,
    token_created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl FromRow for PersonalRow {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            member: Member::from_row(row)?,
            expires_at: row.get("expires_at")?,
            token_created_at: row.get("token_created_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    }
}

struct SystemRow {
    account: SystemAccountId,
    name: String,
    policy: PolicyRow,
    expires_at: Timestamp,
}

impl FromRow for SystemRow {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            account: row.get("account_id")?,
            name: row.get("account_name")?,
            policy: PolicyRow::from_row(row)?,
            expires_at: row.get("expires_at")?,
        })
    }
}

impl TokenAuthenticator {
    async fn personal(&self, db: &OrgScope, id: TokenId) -> Result<Option<Principal>> {
        let sql = org_sql!(
            "SELECT ",
            member_columns!(),
            ", p.expires_at, p.created_at AS token_created_at, p.last_used_at ",
            "FROM personal_access_tokens p ",
            "JOIN users u ON u.org_id = p.org_id AND u.id = p.user_id ",
            "JOIN organizations o ON o.org_id = p.org_id ",
            "WHERE p.org_id = $1 AND p.id = $2 AND p.revoked_at IS NULL"
        );
        let Some(row) = db.optional::<PersonalRow>(sql, args![id]).await? else { return Ok(None) };
        let now = self.clock.now(db.org());
        let unused = row.last_used_at.unwrap_or(row.token_created_at) < now.minus(UNUSED);
        if !row.member.user.active || unused {
            return Ok(None);
        }
        // The organization's longest life holds for tokens that were made before it was set.
        let days = u64::try_from(row.member.policy.max_expiration_period_days).unwrap_or(0);
        let longest = row.token_created_at.plus(Duration::from_secs(days * 24 * 3600));
        let credential =
            Credential { kind: CredentialKind::Personal, id, expires_at: Some(row.expires_at.min(longest)) };
        row.member.principal(&self.catalogue, db, credential).await.map(Some)
    }

    async fn system(&self, db: &OrgScope, id: TokenId) -> Result<Option<Principal>> {
        let sql = org_sql!(
            "SELECT a.id AS account_id, a.name AS account_name, ",
            policy_columns!(),
            ", k.expires_at ",
            "FROM system_account_tokens k ",
            "JOIN system_accounts a ON a.org_id = k.org_id AND a.id = k.system_account_id ",
            "JOIN organizations o ON o.org_id = k.org_id ",
            "WHERE k.org_id = $1 AND k.id = $2"
        );
        let Some(row) = db.optional::<SystemRow>(sql, args![id]).await? else { return Ok(None) };
        let permissions = roles::permissions(&self.catalogue, db, row.account.uuid(), false).await?;
        Ok(Some(Principal {
            policy: row.policy.policy(),
            who: Who::SystemAccount(row.account, row.name),
            credential: Some(Credential {
                kind: CredentialKind::System,
                id,
                expires_at: Some(row.expires_at),
            }),
            org: Some(db.org()),
            permissions,
        }))
    }
}

struct ClientRow {
    name: String,
    operations: Option<String>,
}

from_row!(ClientRow { name, operations });

async fn client(platform: &PlatformScope, id: TokenId) -> Result<Option<Principal>> {
    let sql = "SELECT name, operations FROM client_tokens WHERE id = $1";
    let row = platform.optional::<ClientRow>(sql, args![id]).await?;
    Ok(row.map(|ClientRow { name, operations }| Principal {
        who: Who::Service(Service::new(name, operations.as_deref())),
        credential: Some(Credential { kind: CredentialKind::Client, id, expires_at: None }),
        org: None,
        policy: OrgPolicy::default(),
        permissions: Permissions::default(),
    }))
}
