//! What is due at providers, done without anybody waiting: what was begun and not finished, what failed and is
//! tried again, what providers are to hear, and a look now and then at every client.

use std::time::Duration;

use frame::{
    App,
    db::{OrgScope, PlatformScope},
};
use kernel::{OrgId, Result, WallClock};
use tokio::{sync::watch, task::JoinSet, time};

use super::{
    Registered, Spans, State, adapter_of, pause,
    removal::{abandon, removed},
    store::{Told, client_get, client_look, client_take, due, event_done, event_later, event_take},
    transactions::written,
    turns::{forget_secret, look, resume, updated},
};
use crate::registration::{Fault, Registrar};

/// How often somebody looks whether anything is due.
const LOOK: Duration = Duration::from_secs(1);
/// How much is taken at a time.
const BATCH: i64 = 16;

/// How many clients become due at a time, so that no provider is flooded.
const SOME: i64 = 500;

/// Makes some of the clients due that nobody has looked at for long.
pub async fn look_at_some(app: &App) -> Result<()> {
    let now = WallClock::now(&*app.wall);
    let since = now.minus(Spans::of(app)?.look);
    let session = app.db.write();
    client_look(&PlatformScope::new(session.clone()), since, now, SOME).await?;
    Ok(session.commit().await?)
}

/// Does what is due until told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let Ok(registrar) = Registrar::of(&app).cloned() else { return };
    let mut tick = time::interval(LOOK);
    tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = registrar.woken() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        if let Err(error) = work_off(&app).await {
            tracing::warn!(%error, "clients of identity providers cannot be worked on; it will be tried again");
        }
    }
}

/// Does everything that is due; how much that was.
pub async fn work_off(app: &App) -> Result<usize> {
    let mut done = 0;
    loop {
        let some = clients(app).await? + events(app).await?;
        done += some;
        if some == 0 {
            return Ok(done);
        }
    }
}

async fn clients(app: &App) -> Result<usize> {
    let now = WallClock::now(&*app.wall);
    if !due(&PlatformScope::new(app.db.read()), now).await? {
        return Ok(0);
    }
    let until = now.plus(Spans::of(app)?.lease);
    let session = app.db.write();
    let taken = client_take(&PlatformScope::new(session.clone()), now, until, BATCH).await?;
    session.commit().await?;
    let count = taken.len();
    let mut turns = JoinSet::new();
    for (org, client) in taken {
        let app = app.clone();
        turns.spawn(async move {
            let (id, state) = (client.id, client.state.name());
            if let Err(error) = turn(&app, org, client).await {
                tracing::warn!(client = %id, state, %error, "a client's turn ended early; it will have another");
            }
        });
    }
    while turns.join_next().await.is_some() {}
    Ok(count)
}

async fn turn(app: &App, org: OrgId, client: Registered) -> Result<()> {
    let adapter = adapter_of(app, org, client.provider_id).await?;
    let adapter = &*adapter;
    match client.state {
        State::Creating if client.bridged => abandon(app, org, client, adapter).await,
        State::Creating => resume(app, org, client, adapter).await,
        State::Updating => updated(app, org, client, adapter, false).await.map(drop),
        State::Removing => removed(app, org, client, adapter).await,
        State::Live => look(app, org, client, adapter).await,
        State::Rotating => forget_secret(app, org, client, adapter).await,
        State::CreationUnconfirmed | State::RemovalUnconfirmed => Ok(()),
    }
}

async fn events(app: &App) -> Result<usize> {
    let now = WallClock::now(&*app.wall);
    if !due(&PlatformScope::new(app.db.read()), now).await? {
        return Ok(0);
    }
    let until = now.plus(Spans::of(app)?.lease);
    let session = app.db.write();
    let taken = event_take(&PlatformScope::new(session.clone()), now, until, BATCH).await?;
    session.commit().await?;
    let count = taken.len();
    let mut telling = JoinSet::new();
    for told in taken {
        let app = app.clone();
        telling.spawn(async move {
            let id = told.id;
            if let Err(error) = tell(&app, told).await {
                tracing::warn!(client = %id, %error, "a provider could not be told of something; it will be tried again");
            }
        });
    }
    while telling.join_next().await.is_some() {}
    Ok(count)
}

/// Tells a provider of something, once it has the client that it happened to.
async fn tell(app: &App, told: Told) -> Result<()> {
    let client = {
        let db = OrgScope::new(app.db.read(), told.org);
        client_get(&db, told.id).await?
    };
    let outcome = match client.filter(|client| client.state.wanted()) {
        None => Ok(()),
        Some(client) => match client.client(app)? {
            None => Err(Fault::transient("the provider does not have the client yet")),
            Some(there) => {
                let adapter = adapter_of(app, told.org, client.provider_id).await?;
                adapter.tell(&there, &client.wanted, &told.event).await
            }
        },
    };
    let now = WallClock::now(&*app.wall);
    let (why, wait) = match &outcome {
        // There is nobody whom it could still mean anything to.
        Ok(()) | Err(Fault::Gone) => (None, Duration::ZERO),
        Err(Fault::Transient { after: Some(after), why }) => (Some(why.clone()), *after),
        Err(fault) => (Some(fault.told()), Duration::ZERO),
    };
    let (why, seq, due) = (&why, told.seq, now.plus(wait.max(pause(told.attempts))));
    written(app, told.org, |db| async move {
        match why {
            None => event_done(&db, seq).await?,
            Some(why) => event_later(&db, seq, due, why).await?,
        }
        Ok(())
    })
    .await
}
