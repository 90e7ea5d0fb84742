//! Each organization's own time: it runs with the machine's until it is told otherwise.

pub mod http;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, RwLock},
};

use frame::{Cx, input::At, reply::Found};
use kernel::{
    Body, Clock, Draft, Fault, Fields, OrgId, Problem, Result, Timestamp, WallClock,
    rules::{DateTime, Integer},
};
use serde::Serialize;

use crate::{StandIn, organizations};

/// What a thousandth of the machine's speed is called.
const NORMAL: i64 = 1000;
/// A thousand years, either way.
const MOST_SECONDS: i64 = 1000 * 366 * 24 * 3600;

/// How an organization's time runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Its time at a moment of the machine's.
    at: Timestamp,
    since: Timestamp,
    /// Thousandths of the machine's speed.
    pace: i64,
}

impl Setting {
    fn now(&self, wall: Timestamp) -> Timestamp {
        let passed = i128::from(wall.micros() - self.since.micros());
        let moved = passed * i128::from(self.pace) / i128::from(NORMAL);
        Timestamp::from_micros(self.at.micros().saturating_add(i64::try_from(moved).unwrap_or(i64::MAX)))
    }
}

tokio::task_local! {
    /// The time of an organization that is just being made and has no id yet.
    static BEGINNING: Setting;
}

/// Every organization's time.
pub struct Clocks {
    wall: Arc<dyn WallClock>,
    settings: RwLock<HashMap<OrgId, Setting>>,
}

impl Clock for Clocks {
    fn now(&self, org: OrgId) -> Timestamp {
        let wall = self.wall.now();
        match self.setting(org).or_else(|| BEGINNING.try_with(|setting| *setting).ok()) {
            Some(setting) => setting.now(wall),
            None => wall,
        }
    }
}

impl Clocks {
    /// All run with the machine's.
    pub fn new(wall: Arc<dyn WallClock>) -> Self {
        Self { wall, settings: RwLock::default() }
    }

    fn setting(&self, org: OrgId) -> Option<Setting> {
        self.settings.read().ok()?.get(&org).copied()
    }

    /// Sets an organization's time; `None` for the machine's again.
    pub fn set(&self, org: OrgId, setting: Option<Setting>) {
        let Ok(mut settings) = self.settings.write() else { return };
        match setting {
            Some(setting) => settings.insert(org, setting),
            None => settings.remove(&org),
        };
    }

    /// How the times run that are not the machine's.
    pub fn all(&self) -> HashMap<OrgId, Setting> {
        self.settings.read().map(|settings| settings.clone()).unwrap_or_default()
    }

    /// Sets all of them; the others run with the machine's.
    pub fn set_all(&self, all: HashMap<OrgId, Setting>) {
        if let Ok(mut settings) = self.settings.write() {
            *settings = all;
        }
    }

    /// Runs what makes an organization at a time of its own.
    pub async fn beginning<F: Future>(&self, setting: Option<Setting>, making: F) -> F::Output {
        match setting {
            Some(setting) => BEGINNING.scope(setting, making).await,
            None => making.await,
        }
    }

    /// What a change makes of how an organization's time runs.
    pub fn changed(&self, org: Option<OrgId>, change: &ClockChange) -> Setting {
        let wall = self.wall.now();
        let before = org.and_then(|org| self.setting(org));
        let before = before.unwrap_or(Setting { at: wall, since: wall, pace: NORMAL });
        let at = change.now.unwrap_or_else(|| before.now(wall));
        let at = Timestamp::from_micros(at.micros().saturating_add(change.advance_seconds * 1_000_000));
        Setting { at, since: wall, pace: change.pace.unwrap_or(before.pace) }
    }

    /// An organization's time, as it is told.
    pub fn shown(&self, org: OrgId) -> OrganizationClock {
        let pace = self.setting(org).map_or(NORMAL, |setting| setting.pace);
        OrganizationClock { now: self.now(org), pace }
    }
}

/// A change of an organization's time.
pub struct ClockChange {
    now: Option<Timestamp>,
    advance_seconds: i64,
    pace: Option<i64>,
}

impl Body for ClockChange {
    const NAME: &'static str = "StandInClockChange";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let now = fields.optional("now", DateTime);
        let advance =
            fields.optional("advance_seconds", Integer { least: -MOST_SECONDS, most: MOST_SECONDS });
        let pace = fields.optional("pace", Integer { least: 0, most: 1_000_000 * NORMAL });
        let (now, advance, pace) = (now?, advance?, pace?);
        if now.is_some() && advance.is_some() {
            let fault = Fault::Rule("cannot go with [now]: the time is set or moved".to_owned());
            fields.fault("advance_seconds", fault);
            return None;
        }
        Some(Self { now, advance_seconds: advance.unwrap_or(0), pace })
    }
}

/// An organization's time.
#[derive(Serialize, schemars::JsonSchema)]
pub struct OrganizationClock {
    /// Now, there.
    now: Timestamp,
    /// How fast it runs, in thousandths of the machine's speed: 1000 is normal, 0 stands still.
    pace: i64,
}

async fn clock_get(cx: Cx, At(org): At<OrgId>) -> Result<Found<OrganizationClock>> {
    organizations::require(&cx, org).await?;
    Ok(Found(StandIn::of(&cx)?.clocks.shown(org)))
}

async fn clock_set(
    cx: Cx,
    At(org): At<OrgId>,
    draft: Draft<ClockChange>,
) -> Result<Found<OrganizationClock>> {
    organizations::require(&cx, org).await?;
    let standin = StandIn::of(&cx)?;
    let setting = standin.clocks.changed(Some(org), &draft.parse()?);
    standin.clocks.set(org, Some(setting));
    follow(&cx, org).await?;
    Ok(Found(standin.clocks.shown(org)))
}

async fn clock_reset(cx: Cx, At(org): At<OrgId>) -> Result<frame::reply::Done> {
    organizations::require(&cx, org).await?;
    StandIn::of(&cx)?.clocks.set(org, None);
    follow(&cx, org).await?;
    Ok(frame::reply::Done)
}

/// What time does by itself has come due, or is due no more: it is done before the answer, so that a test sees it.
async fn follow(cx: &Cx, org: OrgId) -> Result<(), Problem> {
    cx.app().access.changed(Some(org));
    for chore in &StandIn::of(cx)?.chores {
        (chore.work)(cx.app()).await?;
    }
    Ok(())
}
