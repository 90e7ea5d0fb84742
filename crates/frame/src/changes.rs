//! How one process hears that another changed access data.
//!
//! PostgreSQL: `NOTIFY` in the transaction of the change, delivered at its commit. Each listening
//! process also sends itself a heartbeat; when it hears none, it stops trusting its cache. SQLite: a
//! table of changes that each process reads four times a second, since only command-line tools share
//! the file with the server.

use std::{sync::Arc, time::Duration};

use kernel::{OrgId, Problem, Result, Timestamp};
use sqlx::postgres::{PgListener, PgPool};
use tokio::{sync::watch, time};
use uuid::Uuid;

use crate::{
    access::Access,
    args,
    db::{Db, PlatformScope, Session},
    from_row,
};

const CHANNEL: &str = "latchkey";
const BEAT: Duration = Duration::from_millis(250);
/// Three beats missed; revocations must be seen within a second.
const SILENCE: Duration = Duration::from_millis(750);
const KEEP: Duration = Duration::from_secs(3600);

/// Announces a change of access data in the transaction that makes it.
pub async fn announce(session: &Session, org: OrgId, now: Timestamp) -> Result<()> {
    let scope = PlatformScope::new(session.clone());
    if session.db().is_postgres() {
        scope
            .all::<(Option<String>,)>(
                "SELECT pg_notify($1, $2)::text AS value",
                args![CHANNEL, org.to_string()],
            )
            .await?;
    } else {
        scope.execute("INSERT INTO changes (org_id, created_at) VALUES ($1, $2)", args![org, now]).await?;
    }
    Ok(())
}

/// Follows the changes until told to stop.
pub async fn follow(db: Db, access: Arc<Access>, mut stop: watch::Receiver<bool>) {
    let following = async {
        match db.postgres() {
            Some(pool) => loop {
                if let Err(error) = listen(pool, &access).await {
                    access.trust(false);
                    tracing::warn!(%error, "not hearing of changes elsewhere; every credential is looked up until it works again");
                    time::sleep(BEAT).await;
                }
            },
            None => poll(&db, &access).await,
        }
    };
    tokio::select! {
        () = following => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn listen(pool: &PgPool, access: &Access) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // Whatever was announced while nobody listened is lost.
    access.forget_all();
    let mut beat = time::interval(BEAT);
    beat.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut heard = time::Instant::now();
    loop {
        tokio::select! {
            notification = listener.try_recv() => {
                let Some(notification) = notification? else {
                    access.forget_all();
                    continue;
                };
                heard = time::Instant::now();
                access.trust(true);
                if let Ok(org) = notification.payload().parse::<OrgId>() {
                    access.changed(Some(org));
                }
            }
            _ = beat.tick() => {
                if heard.elapsed() > SILENCE {
                    access.trust(false);
                    access.forget_all();
                }
                sqlx::query("SELECT pg_notify($1, 'beat')").bind(CHANNEL).execute(pool).await?;
            }
        }
    }
}

struct Change {
    seq: i64,
    org_id: Uuid,
}
from_row!(Change { seq, org_id });

async fn poll(db: &Db, access: &Access) {
    let mut last: Option<i64> = None;
    let mut tick = time::interval(BEAT);
    loop {
        tick.tick().await;
        let scope = PlatformScope::new(db.read());
        let result: Result<(), Problem> = async {
            let Some(seen) = last else {
                let newest = scope
                    .optional::<(Option<i64>,)>("SELECT MAX(seq) AS value FROM changes", args![])
                    .await?;
                last = Some(newest.and_then(|(seq,)| seq).unwrap_or(0));
                access.forget_all();
                return Ok(());
            };
            let sql = "SELECT seq, org_id FROM changes WHERE seq > $1 ORDER BY seq LIMIT 1000";
            for change in scope.all::<Change>(sql, args![seen]).await? {
                access.changed(Some(OrgId::from_uuid(change.org_id)));
                last = Some(change.seq);
            }
            Ok(())
        }
        .await;
        access.trust(result.is_ok());
        if let Err(error) = result {
            tracing::warn!(%error, "not hearing of changes elsewhere");
        }
    }
}

/// Drops old rows of the table of changes.
pub async fn purge(db: &Db, now: Timestamp) -> Result<()> {
    if db.is_postgres() {
        return Ok(());
    }
    let session = db.write();
    PlatformScope::new(session.clone())
        .execute("DELETE FROM changes WHERE created_at < $1", args![now.minus(KEEP)])
        .await?;
    Ok(session.commit().await?)
}
