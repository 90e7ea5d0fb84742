//! What a stand-in puts around every request: it may wait, refuse, answer by itself or drop the connection, and it
//! is told what became of it. In production there is none, and nothing of this runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use http::HeaderMap;
use kernel::{OrgId, Problem, Result};
use serde_json::Value;

use crate::{
    access::BoxFuture, audit::Origin, operations::Spec, principal::Principal, reply::Response,
    telemetry::Finished,
};

/// A request that the gate has let through.
pub struct Seen<'r> {
    /// The operation.
    pub spec: &'r Spec,
    /// The caller.
    pub principal: &'r Principal,
    /// Where it came from.
    pub origin: &'r Origin,
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// The path parameters' values, in order.
    pub path: &'r [String],
    /// The body, read as JSON.
    pub body: Option<&'r Value>,
}

/// What is to become of a request.
pub enum Verdict {
    /// It goes on.
    Go,
    /// It is refused.
    Refuse(Problem),
    /// It is answered, and no handler runs.
    Answer(Response),
    /// Its connection is dropped, and no handler runs.
    DropBefore,
    /// It is done, and its connection is dropped instead of an answer.
    DropAfter,
}

/// What stands around every request.
pub trait Around: Send + Sync {
    /// Decides about a request, and may take its time.
    fn before<'r>(&'r self, request: &'r Seen<'r>) -> BoxFuture<'r, Result<Verdict>>;

    /// Runs a handler, with whatever is special in its organization.
    fn within<'r>(
        &'r self,
        org: Option<OrgId>,
        handler: BoxFuture<'r, Result<Response>>,
    ) -> BoxFuture<'r, Result<Response>>;

    /// May change what a handler answered.
    fn answered(&self, spec: &Spec, principal: &Principal, response: &mut Response);

    /// Is told of every request, those that name no operation included.
    fn finished(&self, finished: &Finished<'_>, problem: Option<&Problem>);

    /// Is told of a request whose client has not waited for its end.
    fn abandoned(&self, trace: u64, took: Duration);
}

/// Tells of a request that ends without an answer, since nobody waits for it.
pub(crate) struct Watch<'r> {
    around: Option<&'r dyn Around>,
    trace: u64,
    began: Instant,
}

impl<'r> Watch<'r> {
    pub(crate) fn begin(around: Option<&'r Arc<dyn Around>>, trace: u64) -> Self {
        Self { around: around.map(|around| &**around), trace, began: Instant::now() }
    }

    /// The answer is there.
    pub(crate) fn end(mut self) {
        self.around = None;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(around) = self.around {
            around.abandoned(self.trace, self.began.elapsed());
        }
    }
}

/// A connection's end, in the hands of whoever answers on it.
#[derive(Clone, Debug, Default)]
pub struct Cut(Arc<AtomicBool>);

impl Cut {
    /// Nothing is written to the connection any more.
    pub fn now(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it has been cut.
    pub fn is_cut(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
