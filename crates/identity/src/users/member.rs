//! A user as a caller: with the person behind it, and what its organization lays on every caller.

use frame::{
    db::{FromRow, OrgScope, Row},
    from_row,
    principal::{Credential, OrgPolicy, Principal, User, Who},
};
use kernel::{PersonId, Result, UserId};

use crate::{
    roles::{self, Catalogue},
    settings::store::networks,
};

/// The columns that [`PolicyRow`] reads of `organizations o`.
#[macro_export]
macro_rules! policy_columns {
    () => {
        "o.state, o.pats_enabled, o.max_expiration_period_days, o.owner_id, o.ip_allow_list_enabled, o.ip_allow_list"
    };
}

/// The columns that [`Member`] reads of `users u` and `organizations o`.
#[macro_export]
macro_rules! member_columns {
    () => {
        concat!(
            "u.id, u.email, u.full_name, u.preferred_name, u.active, u.inferred_region, u.created_at, u.updated_at, ",
            "u.person_id, ",
            $crate::policy_columns!()
        )
    };
}

/// What is read of the organization beside every credential.
pub struct PolicyRow {
    state: String,
    pats_enabled: bool,
    /// Longest life of a personal access token, in days.
    pub max_expiration_period_days: i64,
    owner_id: UserId,
    ip_allow_list_enabled: Option<bool>,
    ip_allow_list: Option<serde_json::Value>,
}

from_row!(PolicyRow {
    state,
    pats_enabled,
    max_expiration_period_days,
    owner_id,
    ip_allow_list_enabled,
    ip_allow_list
});

impl PolicyRow {
    /// What it lays on every caller.
    pub fn policy(&self) -> OrgPolicy {
        let enforced = self.ip_allow_list_enabled == Some(true);
        OrgPolicy {
            active: self.state == "active",
            pats_enabled: self.pats_enabled,
            owner: Some(self.owner_id),
            allow_list: self.ip_allow_list.as_ref().filter(|_| enforced).map(|list| networks(list).into()),
        }
    }
}

/// A user as a caller.
pub struct Member {
    /// The user.
    pub user: User,
    /// The person behind it.
    pub person: PersonId,
    /// What its organization lays on every caller.
    pub policy: PolicyRow,
}

impl FromRow for Member {
    fn from_row(row: Row<'_>) -> Result<Self, frame::sqlx::Error> {
        Ok(Self {
            user: User::from_row(row)?,
            person: row.get("person_id")?,
            policy: PolicyRow::from_row(row)?,
        })
    }
}

impl Member {
    /// The principal that it is, calling with a credential.
    pub async fn principal(
        self,
        catalogue: &Catalogue,
        db: &OrgScope,
        credential: Credential,
    ) -> Result<Principal> {
        let owner = self.policy.owner_id == self.user.id;
        let permissions = roles::permissions(catalogue, db, self.user.id.uuid(), owner).await?;
        Ok(Principal {
            policy: self.policy.policy(),
            who: Who::User(Box::new(self.user), self.person),
            credential: Some(credential),
            org: Some(db.org()),
            permissions,
        })
    }
}
