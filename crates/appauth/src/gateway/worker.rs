//! Pushes what has changed to the gateway, without anybody waiting, and again while the gateway does not take it.

use std::time::Duration;

use frame::{App, db::PlatformScope};
use kernel::{Result, WallClock};
use tokio::{sync::watch, task::JoinSet, time};

use super::{
    store::{change_add_everywhere, change_take, due, sync_take},
    sync::{LEASE, sync},
};

/// How often somebody looks whether anything is due.
const LOOK: Duration = Duration::from_secs(1);
/// How many organizations are taken at a time.
const BATCH: i64 = 4;

/// Does what is due until told to stop. What was changed while there was no gateway to tell is told at the start.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let Some(gateway) = crate::part(&app).ok().and_then(|part| part.gateway.clone()) else { return };
    let mut begun = false;
    let mut tick = time::interval(LOOK);
    tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = gateway.woken() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        if !begun {
            begun = begin(&app).await.is_ok();
        }
        if let Err(error) = work_off(&app).await {
            tracing::warn!(%error, "the gateway cannot be brought up to date; it will be tried again");
        }
    }
}

/// Makes everybody due.
pub async fn begin(app: &App) -> Result<()> {
    let session = app.db.write();
    change_add_everywhere(&PlatformScope::new(session.clone())).await?;
    Ok(session.commit().await?)
}

/// Does everything that is due; how many organizations that were.
pub async fn work_off(app: &App) -> Result<usize> {
    let mut done = 0;
    while due(&PlatformScope::new(app.db.read()), WallClock::now(&*app.wall)).await? {
        let some = take(app).await?;
        done += some;
    }
    Ok(done)
}

async fn take(app: &App) -> Result<usize> {
    let now = WallClock::now(&*app.wall);
    let session = app.db.write();
    let platform = PlatformScope::new(session.clone());
    change_take(&platform, now).await?;
    let leases = sync_take(&platform, now, now.plus(LEASE), BATCH).await?;
    session.commit().await?;
    let count = leases.len();
    let mut turns = JoinSet::new();
    for lease in leases {
        let app = app.clone();
        turns.spawn(async move {
            let org = lease.org_id;
            match sync(&app, lease).await {
                Ok(report) => {
                    let (done, refused) = (report.done.len(), report.refused.len());
                    if done + refused > 0 {
                        tracing::info!(%org, done, refused, "the gateway is brought up to date");
                    }
                    if let Some(first) = report.refused.first() {
                        tracing::warn!(%org, refused, "the gateway does not take everything; it will be tried again: {first}");
                    }
                }
                Err(error) => {
                    tracing::warn!(%org, %error, "the gateway is not up to date; it will be tried again");
                }
            }
        });
    }
    while turns.join_next().await.is_some() {}
    Ok(count)
}
