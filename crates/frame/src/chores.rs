//! What time does by itself. Each crate declares its chores; one loop does them all, one after another.

use std::time::Duration;

use kernel::Result;
use tokio::{sync::watch, time};

use crate::{App, access::BoxFuture};

/// Something to do over and over.
#[derive(Clone, Copy)]
pub struct Chore {
    /// What it is, for the log: "writing down token use".
    pub what: &'static str,
    /// How many minutes lie between two times. All are done at the start.
    pub minutes: u64,
    /// Whether it is done once more when the program stops.
    pub at_the_end: bool,
    /// Whether it speaks with others: what time does here is done without them.
    pub reaches_out: bool,
    /// How it is done. It may fail: it comes again.
    pub work: for<'a> fn(&'a App) -> BoxFuture<'a, Result<()>>,
}

impl Chore {
    async fn run(&self, app: &App) {
        if let Err(error) = (self.work)(app).await {
            tracing::warn!(%error, "{} failed; it will be tried again", self.what);
        }
    }
}

/// Does chores until told to stop.
pub async fn run(app: App, chores: Vec<Chore>, mut stop: watch::Receiver<bool>) {
    let mut tick = time::interval(Duration::from_secs(60));
    let mut minute = 0;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        for chore in chores.iter().filter(|chore| minute % chore.minutes == 0) {
            chore.run(&app).await;
        }
        minute += 1;
    }
    for chore in chores.iter().filter(|chore| chore.at_the_end) {
        chore.run(&app).await;
    }
}
