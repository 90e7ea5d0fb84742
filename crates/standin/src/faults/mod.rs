//! What goes wrong on purpose. What becomes of a request follows from the profile's number, the operation, and how
//! often the organization has called it since the profile was set: so a run that failed can be run again.

pub mod http;
mod profile;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, RwLock},
};

use frame::{
    App, Cx,
    around::{Seen, Verdict},
    db::PlatformScope,
    gate,
    input::At,
    operations::Spec,
    principal::Principal,
    reply::{Done, Found, JSON, Response},
};
use identity::roles::{self, Catalogue};
use kernel::{Body, Draft, Duration, Fault, Fields, OrgId, Problem, Result, rules::text};
use serde::Serialize;
use serde_json::Value;

pub use profile::Profile;
use profile::{Errors, RateLimit};

use crate::{StandIn, chance::Stream, organizations};

/// A profile that is in force, and what has happened since.
pub struct Active {
    profile: Profile,
    counts: Mutex<HashMap<(Option<OrgId>, &'static str), u64>>,
    windows: Mutex<HashMap<Place, Window>>,
}

/// A rule, in an organization or among those who have none.
type Place = (Option<OrgId>, usize);
/// The number of a window of time, and how many requests have come in it.
type Window = (i64, u64);

impl Active {
    fn new(profile: Profile) -> Arc<Self> {
        Arc::new(Self { profile, counts: Mutex::default(), windows: Mutex::default() })
    }

    /// The number of this call of an operation, from 0.
    fn count(&self, org: Option<OrgId>, id: &'static str) -> u64 {
        let Ok(mut counts) = self.counts.lock() else { return 0 };
        let count = counts.entry((org, id)).or_insert(0);
        *count += 1;
        *count - 1
    }

    /// Takes one from a budget; the seconds to wait if there is nothing left.
    fn spend(&self, org: Option<OrgId>, rule: usize, limit: &RateLimit, now: i64) -> Option<u64> {
        let mut windows = self.windows.lock().ok()?;
        let window = now.div_euclid(limit.window_seconds);
        let spent = windows.entry((org, rule)).or_insert((window, 0));
        if spent.0 != window {
            *spent = (window, 0);
        }
        spent.1 += 1;
        let left = limit.window_seconds - now.rem_euclid(limit.window_seconds);
        (spent.1 > limit.budget).then(|| limit.retry_after_seconds.unwrap_or(left.unsigned_abs()))
    }
}

/// The profiles in force.
#[derive(Default)]
pub struct Faults {
    everywhere: RwLock<Option<Arc<Active>>>,
    by_organization: RwLock<HashMap<OrgId, Arc<Active>>>,
}

impl Faults {
    /// Sets the profile of an organization, or of all that have none of their own.
    pub fn set(&self, app: &App, org: Option<OrgId>, profile: Option<Profile>) {
        let lag = profile.as_ref().map(|profile| profile.revocation_lag);
        app.access.linger(org, lag);
        let active = profile.map(Active::new);
        match org {
            Some(org) => {
                let Ok(mut all) = self.by_organization.write() else { return };
                match active {
                    Some(active) => all.insert(org, active),
                    None => all.remove(&org),
                };
            }
            None => {
                if let Ok(mut everywhere) = self.everywhere.write() {
                    *everywhere = active;
                }
            }
        }
    }

    /// Forgets the profiles of organizations.
    pub fn clear(&self, app: &App) {
        if let Ok(mut all) = self.by_organization.write() {
            for (org, _) in all.drain() {
                app.access.linger(Some(org), None);
            }
        }
    }

    fn of(&self, org: Option<OrgId>) -> Option<Arc<Active>> {
        let own = org.and_then(|org| self.by_organization.read().ok()?.get(&org).cloned());
        own.or_else(|| self.everywhere.read().ok()?.clone())
    }

    /// Decides about a request, and waits as long as it is to take.
    pub async fn verdict(&self, app: &App, request: &Seen<'_>) -> Result<Verdict> {
        let (spec, org) = (request.spec, request.principal.org);
        let Some(active) = self.of(org) else { return Ok(Verdict::Go) };
        let profile = &active.profile;
        if !profile.permission_lag.is_zero() {
            check_old_grants(app, profile.permission_lag, request).await?;
        }
        let Some((n, rule)) = profile.rules.iter().enumerate().find(|(_, rule)| rule.covers(spec)) else {
            return Ok(Verdict::Go);
        };
        let count = active.count(org, spec.id);
        let chance = |what: &str, n: u64| Stream::new(profile.random, &format!("{what} {} {n}", spec.id));
        if let Some(latency) = rule.latency {
            tokio::time::sleep(latency.draw(&chance("latency", count))).await;
        }
        let now = org.map_or_else(|| kernel::WallClock::now(&*app.wall), |org| app.clock.now(org));
        if let Some(limit) = &rule.rate_limit
            && let Some(wait) = active.spend(org, n, limit, now.micros().div_euclid(1_000_000))
        {
            return Ok(Verdict::Refuse(Problem::TooManyRequests(Duration::from_secs(wait))));
        }
        if let Some(errors) = &rule.errors
            && chance("errors", count / errors.burst).below(100) < errors.percent
        {
            return Ok(Verdict::Refuse(error(errors)));
        }
        if let Some(drops) = &rule.drops
            && chance("drops", count).below(100) < drops.percent
        {
            return Ok(if drops.after { Verdict::DropAfter } else { Verdict::DropBefore });
        }
        Ok(Verdict::Go)
    }

    /// Makes a reply claim what is not true, if the profile says so.
    pub fn answered(&self, principal: &Principal, response: &mut Response) {
        let claimed = self.of(principal.org).and_then(|active| active.profile.expires_in);
        let (Some(claimed), Some((JSON, bytes))) = (claimed, &mut response.body) else { return };
        if let Ok(Value::Object(mut body)) = serde_json::from_slice::<Value>(bytes)
            && body.contains_key("access_token")
            && body.contains_key("expires_in")
        {
            body.insert("expires_in".to_owned(), claimed.into());
            *bytes = Value::Object(body).to_string().into_bytes();
        }
    }
}

fn error(errors: &Errors) -> Problem {
    let title = match errors.status {
        500 => "Internal",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Gateway Timeout",
    };
    let wait = errors.retry_after_seconds.map(Duration::from_secs);
    Problem::OnPurpose(errors.status, title, "The fault profile says so".to_owned(), wait)
}

/// Refuses what only a new grant allows.
async fn check_old_grants(app: &App, lag: Duration, request: &Seen<'_>) -> Result<()> {
    let (Some(org), Some(holder)) = (request.principal.org, request.principal.holder()) else {
        return Ok(());
    };
    if request.spec.rule.need().is_none() {
        return Ok(());
    }
    let catalogue = app.part::<Arc<Catalogue>>()?;
    let db = PlatformScope::new(app.db.read()).org(org);
    let until = app.clock.now(org).minus(lag);
    let owner = request.principal.is_owner();
    let permissions = roles::permissions_until(catalogue, &db, holder, owner, until).await?;
    let earlier = Principal { permissions, ..request.principal.clone() };
    gate::authorize(&app.settings, request.spec, &earlier, request.path)
}

/// A choice of a profile: one that comes with the program, by its name, or a whole one.
pub struct Choice(Profile);

impl Body for Choice {
    const NAME: &'static str = "StandInFaults";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let builtin = fields.optional("builtin", text(1, 100));
        let profile = fields.object::<Profile>("profile");
        fields.exactly_one_of(&["builtin", "profile"]);
        match (builtin?, profile?) {
            (Some(name), None) => match Profile::builtin(&name) {
                Some(Ok(profile)) => Some(Self(profile)),
                _ => {
                    fields.fault("builtin", Fault::NotOneOf(Profile::names().map(str::to_owned).collect()));
                    None
                }
            },
            (None, Some(profile)) => Some(Self(profile)),
            _ => None,
        }
    }
}

/// The profile in force.
#[derive(Serialize, schemars::JsonSchema)]
pub struct InForce {
    /// Its name; null if nothing goes wrong on purpose.
    name: Option<String>,
    /// What its chances follow from.
    random: u64,
    /// How many rules it has.
    rules: usize,
    /// How many requests have met it so far.
    requests: u64,
}

fn shown(active: Option<&Active>) -> InForce {
    let requests = active.and_then(|it| it.counts.lock().ok().map(|counts| counts.values().sum()));
    InForce {
        name: active.map(|active| active.profile.name.clone()),
        random: active.map_or(0, |active| active.profile.random),
        rules: active.map_or(0, |active| active.profile.rules.len()),
        requests: requests.unwrap_or(0),
    }
}

async fn faults_get_everywhere(cx: Cx) -> Result<Found<InForce>> {
    Ok(Found(shown(StandIn::of(&cx)?.faults.of(None).as_deref())))
}

async fn faults_set_everywhere(cx: Cx, draft: Draft<Choice>) -> Result<Found<InForce>> {
    let Choice(profile) = draft.parse()?;
    let standin = StandIn::of(&cx)?;
    standin.faults.set(cx.app(), None, Some(profile));
    Ok(Found(shown(standin.faults.of(None).as_deref())))
}

async fn faults_end_everywhere(cx: Cx) -> Result<Done> {
    StandIn::of(&cx)?.faults.set(cx.app(), None, None);
    Ok(Done)
}

async fn faults_get(cx: Cx, At(org): At<OrgId>) -> Result<Found<InForce>> {
    organizations::require(&cx, org).await?;
    Ok(Found(shown(StandIn::of(&cx)?.faults.of(Some(org)).as_deref())))
}

async fn faults_set(cx: Cx, At(org): At<OrgId>, draft: Draft<Choice>) -> Result<Found<InForce>> {
    organizations::require(&cx, org).await?;
    let Choice(profile) = draft.parse()?;
    let standin = StandIn::of(&cx)?;
    standin.faults.set(cx.app(), Some(org), Some(profile));
    Ok(Found(shown(standin.faults.of(Some(org)).as_deref())))
}

async fn faults_end(cx: Cx, At(org): At<OrgId>) -> Result<Done> {
    organizations::require(&cx, org).await?;
    StandIn::of(&cx)?.faults.set(cx.app(), Some(org), None);
    Ok(Done)
}

/// Whether faults spare an operation: those by which the stand-in itself is told what to do.
pub fn spared(spec: &Spec) -> bool {
    spec.path.starts_with("/stand-in") || spec.tag == "System"
}
