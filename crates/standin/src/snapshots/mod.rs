//! States that come and go: the empty one, the one after the seed, and those that a test has named.

pub mod http;

use std::collections::BTreeSet;

use frame::{
    App, Cx,
    db::is_snapshot_name,
    input::Segment,
    reply::{Created, Done, Found},
};
use kernel::{
    Body, Draft, Fault, Fields, Problem, Result,
    rules::{Text, text},
};
use serde::Serialize;

use crate::StandIn;

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

/// The names of the states that are kept.
#[derive(Default)]
pub struct Kept(std::sync::Mutex<BTreeSet<String>>);

impl Kept {
    fn has(&self, name: &str) -> bool {
        self.0.lock().is_ok_and(|names| names.contains(name))
    }
}

/// Keeps the state.
pub async fn keep(standin: &StandIn, app: &App, name: &str) -> Result<()> {
    app.db.snapshot_take(name).await?;
    if let Ok(mut names) = standin.snapshots.0.lock() {
        names.insert(name.to_owned());
    }
    Ok(())
}

async fn reset(cx: Cx, draft: Draft<Reset>) -> Result<Done> {
    let name = draft.parse()?.to.unwrap_or_else(|| SEED.to_owned());
    let standin = StandIn::of(&cx)?;
    if !standin.snapshots.has(&name) {
        return Err(Problem::NotFound("snapshot"));
    }
    cx.app().db.snapshot_restore(&name).await?;
    standin.clocks.clear();
    standin.chance.clear();
    standin.faults.clear(cx.app());
    standin.requests.clear();
    cx.app().access.begin_anew();
    Ok(Done)
}

async fn snapshot_list(cx: Cx) -> Result<Found<Snapshots>> {
    let names = StandIn::of(&cx)?.snapshots.0.lock().map(|names| names.clone()).unwrap_or_default();
    Ok(Found(Snapshots { data: names.into_iter().map(|name| Snapshot { name }).collect() }))
}

async fn snapshot_create(cx: Cx, draft: Draft<NewSnapshot>) -> Result<Created<Snapshot>> {
    let NewSnapshot { name } = draft.parse()?;
    keep(StandIn::of(&cx)?, cx.app(), &name).await?;
    Ok(Created(Snapshot { name }))
}

async fn snapshot_drop(cx: Cx, Segment(name): Segment) -> Result<Done> {
    let standin = StandIn::of(&cx)?;
    if !standin.snapshots.has(&name) {
        return Err(Problem::NotFound("snapshot"));
    }
    if [EMPTY, SEED].contains(&&*name) {
        return Err(Problem::Conflict("The stand-in itself goes back to this state".to_owned()));
    }
    cx.app().db.snapshot_drop(&name).await?;
    if let Ok(mut names) = standin.snapshots.0.lock() {
        names.remove(&name);
    }
    Ok(Done)
}
