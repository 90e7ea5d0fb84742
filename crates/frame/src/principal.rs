//! Who calls.

use std::sync::Arc;

use ipnet::IpNet;
use kernel::{Id, OrgId, Permissions, PersonId, SystemAccountId, Timestamp, TokenId, UserId};
use serde::Serialize;

use crate::portals::Developer;

/// The kinds of credentials.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CredentialKind {
    /// `personalAccessToken`.
    Personal,
    /// `systemAccountAccessToken`.
    System,
    /// `konnectAccessToken`: a person's session.
    Session,
    /// `clientToken`: a platform service.
    Client,
    /// `serviceAccessToken`: one service towards another.
    Service,
    /// `portalAccessToken`: a developer's session at a portal.
    Developer,
}

impl CredentialKind {
    /// Every kind, in the contract's order.
    pub const ALL: [Self; 6] =
        [Self::Personal, Self::System, Self::Session, Self::Client, Self::Service, Self::Developer];

    /// Its security scheme in the contract.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Personal => "personalAccessToken",
            Self::System => "systemAccountAccessToken",
            Self::Session => "konnectAccessToken",
            Self::Client => "clientToken",
            Self::Service => "serviceAccessToken",
            Self::Developer => "portalAccessToken",
        }
    }
}

/// The credentials that an operation takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Callers(u8);

impl Callers {
    /// Nobody: the operation needs no credential.
    pub const NONE: Self = Self(0);

    /// These kinds.
    pub const fn of(kinds: &[CredentialKind]) -> Self {
        let mut bits = 0;
        let mut n = 0;
        while n < kinds.len() {
            bits |= 1 << kinds[n] as u8;
            n += 1;
        }
        Self(bits)
    }

    /// Whether the kind is taken.
    pub const fn contains(self, kind: CredentialKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// The credential that was presented.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its kind.
    pub kind: CredentialKind,
    /// Its id.
    pub id: TokenId,
    /// When it stops being good.
    pub expires_at: Option<Timestamp>,
}

/// A user as `GET /v3/users/me` shows it (contract: `User`).
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct User {
    /// The user's id in this organization.
    pub id: UserId,
    /// The e-mail address.
    #[schemars(extend("format" = "email"), length(max = 250))]
    pub email: String,
    /// The full name.
    #[schemars(length(max = 250), extend("pattern" = r"^[\w \W]+$"))]
    pub full_name: String,
    /// The name to be called by.
    #[schemars(length(max = 250))]
    pub preferred_name: String,
    /// Whether the user has accepted the invite and may sign in.
    pub active: bool,
    /// The region nearest to where the user signed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub inferred_region: Option<String>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the user was last changed.
    pub updated_at: Timestamp,
}

crate::from_row!(User {
    id,
    email,
    full_name,
    preferred_name,
    active,
    inferred_region,
    created_at,
    updated_at
});

/// Whom the credential speaks for.
#[derive(Clone, Debug)]
pub enum Who {
    /// Nobody; only for operations without credentials.
    Nobody,
    /// A user, and the person behind it.
    User(Box<User>, PersonId),
    /// A system account, with its name.
    SystemAccount(SystemAccountId, String),
    /// A platform service.
    Service(Service),
    /// A developer, at the portal that it is one of.
    Developer(Developer),
}

/// A platform service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The operations that it may call; `None` for all that services may.
    operations: Option<Vec<String>>,
}

impl Service {
    /// A service that may call these operations, with commas between.
    pub fn new(name: String, operations: Option<&str>) -> Self {
        Self { name, operations: operations.map(|all| all.split(',').map(str::to_owned).collect()) }
    }

    /// Whether it may call an operation that services may.
    pub fn may(&self, operation: &str) -> bool {
        self.operations.as_ref().is_none_or(|operations| operations.iter().any(|it| it == operation))
    }
}

/// What an organization lays on every caller.
#[derive(Clone, Debug, Default)]
pub struct OrgPolicy {
    /// Whether the organization is in use.
    pub active: bool,
    /// Whether personal access tokens work.
    pub pats_enabled: bool,
    /// The user who owns it.
    pub owner: Option<UserId>,
    /// Where calls may come from; `None` for anywhere.
    pub allow_list: Option<Arc<[IpNet]>>,
}

/// A caller, resolved: who, by which credential, where, and what it may do.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Whom the credential speaks for.
    pub who: Who,
    /// The credential; `None` for nobody.
    pub credential: Option<Credential>,
    /// The organization; `None` for platform services with a client token.
    pub org: Option<OrgId>,
    /// What the organization lays on every caller.
    pub policy: OrgPolicy,
    /// What the caller may do there.
    pub permissions: Permissions,
}

impl Principal {
    /// Nobody.
    pub fn nobody() -> Self {
        Self {
            who: Who::Nobody,
            credential: None,
            org: None,
            policy: OrgPolicy::default(),
            permissions: Permissions::default(),
        }
    }

    /// The user, if it is one.
    pub fn user(&self) -> Option<&User> {
        match &self.who {
            Who::User(user, _) => Some(user),
            _ => None,
        }
    }

    /// Whether the caller is this user.
    pub fn is_user(&self, id: UserId) -> bool {
        self.user().is_some_and(|user| user.id == id)
    }

    /// Whether the caller owns the organization.
    pub fn is_owner(&self) -> bool {
        self.user().is_some_and(|user| self.policy.owner == Some(user.id))
    }

    /// The developer, if it is one.
    pub const fn developer(&self) -> Option<Developer> {
        match &self.who {
            Who::Developer(developer) => Some(*developer),
            _ => None,
        }
    }

    /// The id that audit entries carry: the user's, the system account's, the developer's, or the service's name.
    pub fn audit_id(&self) -> String {
        match &self.who {
            Who::Nobody => String::new(),
            Who::User(user, _) => user.id.to_string(),
            Who::SystemAccount(id, _) => id.to_string(),
            Who::Service(service) => service.name.clone(),
            Who::Developer(developer) => developer.developer.to_string(),
        }
    }

    /// The id under which roles and memberships of the caller are kept.
    pub fn holder(&self) -> Option<uuid::Uuid> {
        match &self.who {
            Who::User(user, _) => Some(user.id.uuid()),
            Who::SystemAccount(id, _) => Some(Id::uuid(*id)),
            Who::Nobody | Who::Service(_) | Who::Developer(_) => None,
        }
    }
}
