//! What time does by itself: signing keys are replaced, sessions end, failures are forgotten.

use std::time::Duration;

use frame::{App, db::PlatformScope};
use identity::organizations;
use kernel::{Result, WallClock};
use tokio::{sync::watch, time};

use crate::{device, part, passwords, sessions, throttle};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: u64 = 60;

/// Runs until told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut tick = time::interval(MINUTE);
    let mut minutes = 0;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        report("turning the signing keys", turn(&app).await);
        if minutes % HOUR == 0 {
            report("dropping what is over", sweep(&app).await);
        }
        minutes += 1;
    }
}

fn report(what: &str, result: Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "{what} failed; it will be tried again");
    }
}

/// Replaces signing keys in time; what a key signed that is gone is good no more.
pub async fn turn(app: &App) -> Result<()> {
    let part = part(app)?;
    if part.keys.turn(part.settings.key_life).await? {
        app.access.forget_all();
    }
    Ok(())
}

/// Drops sessions and codes that are over, and failures that are forgotten.
pub async fn sweep(app: &App) -> Result<()> {
    let read = PlatformScope::new(app.db.read());
    let organizations = organizations::store::organization_ids(&read).await?;
    drop(read);
    for org in organizations {
        let session = app.db.write();
        sessions::store::session_purge(&PlatformScope::new(session.clone()).org(org), app.clock.now(org))
            .await?;
        session.commit().await?;
    }
    let session = app.db.write();
    let (platform, now) = (PlatformScope::new(session.clone()), WallClock::now(&*app.wall));
    throttle::throttle_purge(&platform, now).await?;
    device::store::grant_purge(&platform, now).await?;
    passwords::store::reset_purge(&platform, now).await?;
    Ok(session.commit().await?)
}
