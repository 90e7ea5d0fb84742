//! Whose session a developer's access token is of.

use frame::{
    access::{Authenticator, BoxFuture, Presented},
    db::{Db, PlatformScope},
    portals::Developer,
    principal::{Credential, CredentialKind, OrgPolicy, Principal, Who},
};
use kernel::{Permissions, Result, TokenHash, TokenId};

use super::store::{self, Bearer};

/// Resolves developers' access tokens from the database.
pub struct DeveloperAuthenticator {
    /// The database.
    pub db: Db,
}

impl Authenticator for DeveloperAuthenticator {
    fn resolve<'a>(&'a self, hash: TokenHash, _: &'a Presented) -> BoxFuture<'a, Result<Option<Principal>>> {
        Box::pin(async move {
            let found = store::bearer_find(&PlatformScope::new(self.db.read()), hash).await?;
            let Some(Bearer { org_id, portal_id, developer_id, session_id, session_expires_at, expires_at }) =
                found
            else {
                return Ok(None);
            };
            Ok(Some(Principal {
                who: Who::Developer(Developer { portal: portal_id, developer: developer_id }),
                credential: Some(Credential {
                    kind: CredentialKind::Developer,
                    id: TokenId::from_uuid(session_id.uuid()),
                    expires_at: Some(expires_at.min(session_expires_at)),
                }),
                org: Some(org_id),
                // What an organization lays on those who manage it is not for those who visit its portals.
                policy: OrgPolicy { active: true, ..OrgPolicy::default() },
                permissions: Permissions::default(),
            }))
        })
    }
}
