//! What a principal may do: from ownership, from direct roles, and through every team. Additive.

use frame::db::OrgScope;
use kernel::{Actions, Grant, Permissions, Result, TeamId, krn::Via};
use uuid::Uuid;

use super::{Catalogue, store};

/// Resolves the permissions of a user or system account.
pub async fn permissions(
    catalogue: &Catalogue,
    db: &OrgScope,
    holder: Uuid,
    owner: bool,
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
    for team in store::team_list_of_holder(db, holder).await? {
        if team.system_team {
            grants.extend(catalogue.team_grant(&team.name, &Via::Team(team.id)));
        }
    }
    for held in store::role_list_of_holder(db, holder).await? {
        let via =
            if held.holder_id == holder { Via::Direct } else { Via::Team(TeamId::from_uuid(held.holder_id)) };
        grants.extend(catalogue.grants(&held.role, &via, db.org()));
    }
    Ok(Permissions::new(grants))
}
