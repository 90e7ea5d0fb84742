//! Accepting an invite: the link is used up, and the user becomes active.

use frame::{Cx, args, db::PlatformScope, from_row, org_sql};
use kernel::{Action, OrgId, PersonId, Result, Timestamp, TokenHash, UserId};
use serde_json::json;

use crate::users;

/// An invite that can be accepted.
pub struct Pending {
    /// The organization.
    pub org: OrgId,
    /// Its name.
    pub organization: String,
    /// The user that waits to become active.
    pub user: UserId,
    /// The person behind it.
    pub person: PersonId,
    /// The address that was invited.
    pub email: String,
}

struct Link {
    org_id: OrgId,
    expires_at: Timestamp,
}
from_row!(Link { org_id, expires_at });

struct Row {
    name: String,
    id: UserId,
    person_id: PersonId,
    email: String,
}
from_row!(Row { name, id, person_id, email });

/// What somebody who joins is called.
pub struct Names<'n> {
    /// In full.
    pub full: &'n str,
    /// For short; blank for nothing.
    pub preferred: &'n str,
}

/// The invite behind a link, if the link is good and the organization active.
pub async fn invite_find(
    db: &PlatformScope,
    hash: TokenHash,
    now: impl Fn(OrgId) -> Timestamp,
) -> Result<Option<Pending>> {
    let sql = "SELECT org_id, expires_at FROM invite_links WHERE hash = $1";
    let Some(link) = db.optional::<Link>(sql, args![hash]).await? else { return Ok(None) };
    if link.expires_at <= now(link.org_id) {
        return Ok(None);
    }
    let sql = org_sql!(
        "SELECT o.name, u.id, u.person_id, u.email FROM invite_links l ",
        "JOIN users u ON u.org_id = l.org_id AND u.id = l.user_id ",
        "JOIN organizations o ON o.org_id = l.org_id ",
        "WHERE l.org_id = $1 AND l.hash = $2 AND u.active = false AND o.state = 'active'"
    );
    let row = db.org(link.org_id).optional::<Row>(sql, args![hash]).await?;
    Ok(row.map(|Row { name, id, person_id, email }| Pending {
        org: link.org_id,
        organization: name,
        user: id,
        person: person_id,
        email,
    }))
}

/// Accepts an invite, under names if the user is to have some; `None` if somebody was faster.
pub async fn invite_accept(
    cx: &Cx,
    hash: TokenHash,
    pending: &Pending,
    names: Option<Names<'_>>,
) -> Result<Option<()>> {
    let db = cx.platform().org(pending.org);
    let now = cx.app().clock.now(pending.org);
    let sql = org_sql!("DELETE FROM invite_links WHERE org_id = $1 AND hash = $2");
    if db.execute(sql, args![hash]).await? == 0 {
        return Ok(None);
    }
    users::store::user_activate(&db, pending.user, now).await?;
    if let Some(Names { full, preferred }) = names {
        users::store::user_rename(&db, pending.user, full, preferred, now).await?;
    }
    cx.access_changed_in(pending.org).await?;
    let change = json!({ "after": { "active": true } });
    cx.audit_in(&db, Action::Edit, format!("users/{}", pending.user), change).await?;
    Ok(Some(()))
}
