//! What time does by itself: developers' sessions end, links that are over are forgotten, and so is which clients
//! callers of the bridge had removed; clients at providers are looked at now and then.

use frame::{App, args, chores::Chore, db::PlatformScope};
use kernel::{OrgId, Result};

use crate::{clients, dcr_bridge, developers, gateway};

/// What this crate has to do over and over.
pub const CHORES: &[Chore] = &[
    Chore {
        what: "dropping what developers left",
        minutes: 60,
        at_the_end: false,
        reaches_out: false,
        work: |app| Box::pin(sweep(app)),
    },
    Chore {
        what: "forgetting clients that callers of the bridge had removed",
        minutes: 60,
        at_the_end: false,
        reaches_out: false,
        work: |app| Box::pin(dcr_bridge::forget_removed(app)),
    },
    Chore {
        what: "looking at clients of identity providers",
        minutes: 10,
        at_the_end: false,
        reaches_out: true,
        work: |app| Box::pin(clients::worker::look_at_some(app)),
    },
    Chore {
        what: "taking keys from the gateway that are over",
        minutes: 1,
        at_the_end: false,
        reaches_out: true,
        work: |app| Box::pin(gateway::sync::expire(app)),
    },
];

/// Drops developers' sessions that are over, and links that have been for long.
pub async fn sweep(app: &App) -> Result<()> {
    let sql = "SELECT DISTINCT org_id AS value FROM portals";
    let organizations: Vec<(OrgId,)> = PlatformScope::new(app.db.read()).all(sql, args![]).await?;
    for (org,) in organizations {
        let session = app.db.write();
        let db = PlatformScope::new(session.clone()).org(org);
        let now = app.clock.now(org);
        developers::store::session_purge(&db, now).await?;
        developers::links::link_purge(&db, now).await?;
        session.commit().await?;
    }
    Ok(())
}
