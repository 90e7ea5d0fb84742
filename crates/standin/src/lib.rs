//! The stand-in: what a team that automates the service needs of a server on its desk. A proxy by which unmodified
//! clients find it, states that come and go, clocks that move, faults on purpose, and a log of what clients asked.
//! Nothing of this exists unless the program is started as a stand-in.

mod chance;
pub mod clocks;
pub mod faults;
mod foreign;
pub mod organizations;
pub mod proxy;
pub mod requests;
pub mod seed;
pub mod snapshots;

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use frame::{
    App, Cx,
    access::BoxFuture,
    around::{Around, Seen, Verdict},
    chores::Chore,
    gate,
    operations::{Operation, Spec},
    pages::Template,
    principal::Principal,
    reply::Response,
    server::Server,
    telemetry::Finished,
};
use http::Method;
use kernel::{OrgId, Problem, Result, WallClock, problem::Denied};

pub use chance::Chance;
use clocks::Clocks;
use faults::Faults;
use requests::Requests;

/// The stand-in's state: all in memory, of one process.
pub struct StandIn {
    /// Organizations' times.
    pub clocks: Arc<Clocks>,
    /// Organizations' randomness.
    pub chance: Arc<Chance>,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// What clients asked.
    pub requests: Requests,
    /// The states that are kept.
    pub snapshots: snapshots::Kept,
    /// The number that organizations draw from which are given none of their own.
    pub random: Option<u64>,
    /// What time does by itself, without speaking with others.
    pub chores: Vec<Chore>,
    app: OnceLock<App>,
    server: OnceLock<Weak<Server>>,
}

impl StandIn {
    /// A stand-in on the machine's clock.
    pub fn new(wall: Arc<dyn WallClock>, random: Option<u64>, mut chores: Vec<Chore>) -> Self {
        chores.retain(|chore| !chore.reaches_out);
        Self {
            clocks: Arc::new(Clocks::new(wall)),
            chance: Arc::new(Chance::default()),
            faults: Faults::default(),
            requests: Requests::default(),
            snapshots: snapshots::Kept::default(),
            random,
            chores,
            app: OnceLock::new(),
            server: OnceLock::new(),
        }
    }

    /// Tells it what it stands around.
    pub fn attach(&self, app: &App, server: &Arc<Server>) {
        let _ = self.app.set(app.clone());
        let _ = self.server.set(Arc::downgrade(server));
    }

    /// The stand-in of a request.
    pub fn of(cx: &Cx) -> Result<&Arc<Self>> {
        cx.app().part()
    }

    /// Forgets what it keeps of an organization that is gone.
    fn forget(&self, app: &App, org: OrgId) {
        self.clocks.set(org, None);
        self.chance.set(org, None);
        self.faults.set(app, Some(org), None);
        app.access.begin_anew(Some(org));
    }

    fn app(&self) -> Result<&App> {
        self.app.get().ok_or_else(|| Problem::internal("the stand-in stands around nothing"))
    }

    fn server(&self) -> Result<Arc<Server>> {
        let server = self.server.get().and_then(Weak::upgrade);
        server.ok_or_else(|| Problem::internal("the stand-in has no server"))
    }
}

impl Around for StandIn {
    fn before<'r>(&'r self, request: &'r Seen<'r>) -> BoxFuture<'r, Result<Verdict>> {
        Box::pin(async move {
            let app = self.app()?;
            if request.spec.path.starts_with("/stand-in") {
                // Whoever reaches the port may command it, but a page of somebody else's may not make a browser do so.
                let ours = request.spec.method == Method::GET
                    || gate::from_our_pages(&app.settings.public_url, request.headers);
                return if ours {
                    Ok(Verdict::Go)
                } else {
                    let why = "The request was made by a page of another site".to_owned();
                    Err(Problem::Forbidden(Denied::Because(why)))
                };
            }
            self.requests.begun(request, app.wall.now());
            if faults::spared(request.spec) {
                return Ok(Verdict::Go);
            }
            let verdict = self.faults.verdict(app, request).await?;
            if matches!(verdict, Verdict::DropBefore | Verdict::DropAfter) {
                self.requests.dropped(request.origin.trace);
            }
            Ok(verdict)
        })
    }

    fn within<'r>(
        &'r self,
        org: Option<OrgId>,
        handler: BoxFuture<'r, Result<Response>>,
    ) -> BoxFuture<'r, Result<Response>> {
        Box::pin(self.chance.within(org, handler))
    }

    fn answered(&self, _: &Spec, principal: &Principal, response: &mut Response) {
        self.faults.answered(principal, response);
    }

    fn finished(&self, finished: &Finished<'_>, problem: Option<&Problem>) {
        self.requests.finished(finished, problem);
    }

    fn abandoned(&self, trace: u64, took: Duration) {
        self.requests.abandoned(trace, took);
    }
}

/// The pages of this crate.
pub const TEMPLATES: [Template; 1] = [("stand-in.html", include_str!("../templates/stand-in.html"))];

/// Every operation of this crate.
pub fn operations() -> Vec<Operation> {
    let groups = [
        organizations::http::operations(),
        clocks::http::operations(),
        faults::http::operations(),
        snapshots::http::operations(),
        seed::http::operations(),
        requests::http::operations(),
        foreign::operations(),
    ];
    groups.into_iter().flatten().collect()
}
