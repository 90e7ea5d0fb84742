//! What time does by itself: signing keys are replaced, sessions end, failures are forgotten.

use frame::{App, chores::Chore, db::PlatformScope, throttle};
use identity::organizations;
use kernel::{Result, WallClock};

use crate::{device, part, passkeys, passwords, registration, services, sessions, sso};

/// What this crate has to do over and over.
pub const CHORES: &[Chore] = &[
    Chore {
        what: "turning the signing keys",
        minutes: 1,
        at_the_end: false,
        reaches_out: false,
        work: |app| Box::pin(turn(app)),
    },
    Chore {
        what: "dropping what is over",
        minutes: 60,
        at_the_end: false,
        reaches_out: false,
        work: |app| Box::pin(sweep(app)),
    },
];

/// Replaces signing keys in time; what a key signed that is gone is good no more.
pub async fn turn(app: &App) -> Result<()> {
    let part = part(app)?;
    if part.keys.turn(part.settings.key_life).await? {
        app.access.forget_all();
    }
    Ok(())
}

/// Drops sessions, codes and services' tokens that are over, failures that are forgotten, and organizations whose
/// registration was never confirmed.
pub async fn sweep(app: &App) -> Result<()> {
    let read = PlatformScope::new(app.db.read());
    let organizations = organizations::store::organization_ids(&read).await?;
    drop(read);
    for org in organizations {
        let session = app.db.write();
        let db = PlatformScope::new(session.clone()).org(org);
        sessions::store::session_purge(&db, app.clock.now(org)).await?;
        sessions::notice::agent_purge(&db, app.clock.now(org)).await?;
        services::store::service_token_purge(&db, app.clock.now(org)).await?;
        session.commit().await?;
    }
    let session = app.db.write();
    let (platform, now) = (PlatformScope::new(session.clone()), WallClock::now(&*app.wall));
    throttle::throttle_purge(&platform, now).await?;
    device::store::grant_purge(&platform, now).await?;
    passwords::store::reset_purge(&platform, now).await?;
    sso::store::attempt_purge(&platform, now).await?;
    passkeys::store::challenge_purge(&platform, now).await?;
    session.commit().await?;
    registration::registration_sweep(app).await
}
