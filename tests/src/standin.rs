//! A whole stand-in in this process.

use std::sync::Arc;

use frame::{
    App,
    db::{Db, PoolSettings},
    runtime::ShiftedClock,
};
use latchkey::assemble::{self, Outside};
use serde_json::{Value, json};
use standin::{
    StandIn,
    snapshots::{EMPTY, SEED, keep},
};
use tokio::sync::watch;

use crate::{Client, Engine, Fresh, app::serve, configuration};

/// A running stand-in, which has no organization yet.
pub struct TestStandIn {
    /// Its insides.
    pub app: App,
    /// Whoever commands it.
    pub commands: Client,
    /// Where it keeps its data.
    pub database: Fresh,
    stop: watch::Sender<bool>,
}

/// An organization of a stand-in.
pub struct Suite {
    /// Its id.
    pub id: String,
    /// Its owner, calling.
    pub owner: Client,
    /// What was answered when it was made.
    pub made: Value,
}

impl TestStandIn {
    /// Starts one.
    pub async fn new(engine: Engine) -> Self {
        let database = Fresh::new(engine).await;
        let directory = database.directory.to_string_lossy().into_owned();
        let config = configuration(&[("DATA_DIR", directory.as_str()), ("STAND_IN", "true")]);
        let db = Db::open(&database.url, PoolSettings { connections: 4 }).await.expect("the database opens");
        db.migrate().await.expect("migrations apply");
        let chores =
            [identity::housekeeping::CHORES, signin::housekeeping::CHORES, appauth::housekeeping::CHORES];
        let standin = StandIn::new(Arc::new(ShiftedClock::default()), None, chores.concat());
        let standin = Arc::new(standin);
        let app = assemble::app(&config, db, Outside::of_standin(&standin)).await.expect("the parts fit");
        let (base, stop) = serve(&app).await;
        for name in [EMPTY, SEED] {
            keep(&standin, &app, name).await.expect("a snapshot");
        }
        Self { app, commands: Client::new(base), database, stop }
    }

    /// Makes an organization.
    pub async fn suite(&self, new: Value) -> Suite {
        let made = self.commands.post("/stand-in/organizations", new).await.expect(201);
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        Suite { id: text("organization_id"), owner: self.commands.with_token(&text("token")), made }
    }

    /// Makes an organization on the machine's clock, with random ids.
    pub async fn any_suite(&self) -> Suite {
        self.suite(json!({})).await
    }
}

impl Drop for TestStandIn {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}
