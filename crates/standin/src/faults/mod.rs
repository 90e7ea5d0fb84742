//! What goes wrong on purpose. What becomes of a request follows from the profile's number, the operation, and how
//! often the organization has called it since the profile was set: so a run that failed can be run again.

pub mod http;
mod profile;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, RwLock},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
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
use kernel::{Body, Draft, Duration, Fault, Fields, Invalid, OrgId, Problem, Result, Timestamp, rules::text};
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
/// When a window of time began, and how many requests have come in it.
type Window = (Timestamp, u64);

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

    /// Takes one from a budget; the time to wait if there is nothing left. A window begins with its first request, so
    /// that the same requests meet the same budget.
    fn spend(&self, org: Option<OrgId>, rule: usize, limit: &RateLimit, now: Timestamp) -> Option<Duration> {
        let mut windows = self.windows.lock().ok()?;
        let window = windows.entry((org, rule)).or_insert((now, 0));
        if now.since(window.0) >= limit.window {
            *window = (now, 0);
        }
        window.1 += 1;
        let left = limit.window.saturating_sub(now.since(window.0));
        (window.1 > limit.budget).then(|| limit.retry_after.unwrap_or(left))
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

    /// Forgets the profiles of organizations, and begins to count anew for the one that is in force everywhere.
    pub fn clear(&self, app: &App) {
        if let Ok(mut everywhere) = self.everywhere.write() {
            *everywhere = everywhere.take().map(|active| Active::new(active.profile.clone()));
        }
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
        if let Some(limit) = &rule.rate_limit
            && let Some(wait) = active.spend(org, n, limit, app.wall.now())
        {
            return Ok(Verdict::Refuse(Problem::TooManyRequests(wait)));
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
        let Some((JSON, bytes)) = &mut response.body else { return };
        // Most replies have no lifetime, and need not be read for it.
        if !bytes.windows(10).any(|window| window == b"expires_in") {
            return;
        }
        let Ok(Value::Object(mut body)) = serde_json::from_slice::<Value>(bytes) else { return };
        let token = body.get("access_token").and_then(Value::as_str);
        // Whoever has just signed in had no credential yet: the organization stands in the new one.
        let org = principal.org.or_else(|| token.and_then(organization_of));
        if let Some(claimed) = self.of(org).and_then(|active| active.profile.expires_in)
            && token.is_some()
            && body.contains_key("expires_in")
        {
            body.insert("expires_in".to_owned(), claimed.into());
            *bytes = Value::Object(body).to_string().into_bytes();
        }
    }
}

/// The organization of a session's access token, which this server has just signed.
fn organization_of(token: &str) -> Option<OrgId> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["org_id"].as_str()?.parse().ok()
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

/// Refuses patterns that fit no operation: such a rule would never apply.
pub fn check(standin: &StandIn, profile: &Profile) -> Result<()> {
    let server = standin.server()?;
    let mut faults = Vec::new();
    for (n, rule) in profile.rules.iter().enumerate() {
        for (m, pattern) in rule.patterns().iter().enumerate() {
            if !server.operation_ids().any(|id| profile::matches(pattern, id)) {
                let field = format!("rules.{n}.operations.{m}");
                faults.push(Invalid::body(field, Fault::Rule(format!("fits no operation: [{pattern}]"))));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::Invalid(faults)) }
}

async fn faults_get_everywhere(cx: Cx) -> Result<Found<InForce>> {
    Ok(Found(shown(StandIn::of(&cx)?.faults.of(None).as_deref())))
}

async fn faults_set_everywhere(cx: Cx, draft: Draft<Choice>) -> Result<Found<InForce>> {
    let Choice(profile) = draft.parse()?;
    let standin = StandIn::of(&cx)?;
    check(standin, &profile).map_err(|problem| problem.in_field("profile"))?;
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
    check(standin, &profile).map_err(|problem| problem.in_field("profile"))?;
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
