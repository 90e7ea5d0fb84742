//! States that come and go: the empty one, the one after the seed, and those that a test has named.

pub mod http;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Mutex,
};

use frame::{
    App, Cx,
    db::is_snapshot_name,
    input::Segment,
    reply::{Created, Done, Found},
};
use kernel::{
    Body, Draft, Fault, Fields, OrgId, Problem, Result,
    rules::{Text, text},
};
use serde::Serialize;

use crate::{StandIn, chance::Place, clocks::Setting};

/// The state with nothing but the first organization.
pub const EMPTY: &str = "empty";
/// The state after the seed.
pub const SEED: &str = "seed";

const NAME: Text = text(1, 40).matching("^[a-z0-9-]+$", is_snapshot_name);

/// Which state to go back to.
pub struct Reset {
    to: Option<String>,
}

impl Body for Reset {
    const NAME: &'static str = "StandInReset";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let to = fields.optional("to", NAME);
        Some(Self { to: to? })
    }
}

/// A state to be kept.
pub struct NewSnapshot {
    name: String,
}

impl Body for NewSnapshot {
    const NAME: &'static str = "StandInNewSnapshot";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.required("name", NAME);
        let name = name?;
        if [EMPTY, SEED].contains(&&*name) {
            fields.fault("name", Fault::Rule("is kept by the stand-in itself".to_owned()));
            return None;
        }
        Some(Self { name })
    }
}

/// A state that is kept.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Snapshot {
    /// Its name.
    name: String,
}

/// Every state that is kept.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Snapshots {
    /// The states, by name.
    data: Vec<Snapshot>,
}

/// What a state has beside what the database keeps of it.
#[derive(Clone)]
struct Beside {
    clocks: HashMap<OrgId, Setting>,
    places: HashMap<OrgId, Place>,
}

/// The states that are kept, by their names.
#[derive(Default)]
pub struct Kept(Mutex<BTreeMap<String, Beside>>);

impl Kept {
    fn get(&self, name: &str) -> Result<Beside> {
        let kept = self.0.lock().ok().and_then(|kept| kept.get(name).cloned());
        kept.ok_or(Problem::NotFound("snapshot"))
    }
}

/// Keeps the state.
pub async fn keep(standin: &StandIn, app: &App, name: &str) -> Result<()> {
    app.db.snapshot_take(name).await?;
    let beside = Beside { clocks: standin.clocks.all(), places: standin.chance.places() };
    if let Ok(mut kept) = standin.snapshots.0.lock() {
        kept.insert(name.to_owned(), beside);
    }
    Ok(())
}

async fn reset(cx: Cx, draft: Draft<Reset>) -> Result<Done> {
    let name = draft.parse()?.to.unwrap_or_else(|| SEED.to_owned());
    let standin = StandIn::of(&cx)?;
    let Beside { clocks, places } = standin.snapshots.get(&name)?;
    cx.app().db.snapshot_restore(&name).await?;
    standin.clocks.set_all(clocks);
    standin.chance.go_back(places);
    standin.faults.clear(cx.app());
    standin.requests.clear();
    cx.app().access.begin_anew(None);
    Ok(Done)
}

async fn snapshot_list(cx: Cx) -> Result<Found<Snapshots>> {
    let kept = &StandIn::of(&cx)?.snapshots.0;
    let names: Vec<String> = kept.lock().map(|kept| kept.keys().cloned().collect()).unwrap_or_default();
    Ok(Found(Snapshots { data: names.into_iter().map(|name| Snapshot { name }).collect() }))
}

async fn snapshot_create(cx: Cx, draft: Draft<NewSnapshot>) -> Result<Created<Snapshot>> {
    let NewSnapshot { name } = draft.parse()?;
    keep(StandIn::of(&cx)?, cx.app(), &name).await?;
    Ok(Created(Snapshot { name }))
}

async fn snapshot_drop(cx: Cx, Segment(name): Segment) -> Result<Done> {
    let standin = StandIn::of(&cx)?;
    standin.snapshots.get(&name)?;
    if [EMPTY, SEED].contains(&&*name) {
        return Err(Problem::Conflict("The stand-in itself goes back to this state".to_owned()));
    }
    cx.app().db.snapshot_drop(&name).await?;
    if let Ok(mut kept) = standin.snapshots.0.lock() {
        kept.remove(&name);
    }
    Ok(Done)
}
