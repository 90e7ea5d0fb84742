//! What a principal may do: from ownership, from direct roles, and through every team. Additive.

use frame::db::OrgScope;
use kernel::{Actions, Grant, Permissions, Result, TeamId, Timestamp, krn::Via};
use uuid::Uuid;

use super::{Catalogue, store};

/// Resolves the permissions of a user or system account.
pub async fn permissions(
    catalogue: &Catalogue,
    db: &OrgScope,
    holder: Uuid,
    owner: bool,
) -> Result<Permissions> {
    permissions_until(catalogue, db, holder, owner, Timestamp::LATEST).await
}

/// The same, but of what was granted before a moment only: what a service knows that is slow to hear of grants.
pub async fn permissions_until(
    catalogue: &Catalogue,
    db: &OrgScope,
    holder: Uuid,
    owner: bool,
    until: Timestamp,
) -> Result<Permissions> {
    let mut grants = Vec::new();
    if owner {
        grants.push(Grant {
            role: "owner".into(),
            via: Via::Direct,
            region: "*".into(),
            pattern: "".into(),
            actions: Actions::ROOT,
        });
    }
    for team in store::team_list_of_holder(db, holder, until).await? {
        if team.system_team {
            grants.extend(catalogue.team_grant(&team.name, &Via::Team(team.id)));
        }
    }
    for held in store::role_list_of_holder(db, holder, until).await? {
        let via =
            if held.holder_id == holder { Via::Direct } else { Via::Team(TeamId::from_uuid(held.holder_id)) };
        grants.extend(catalogue.grants(&held.role, &via, db.org()));
    }
    Ok(Permissions::new(grants))
}
