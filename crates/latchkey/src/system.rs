//! Operations on the program itself, for load balancers and monitoring.

use std::time::Duration;

use frame::{
    Cx,
    operations::{Operation, Rule, get},
    principal::Callers,
    reply::{Found, OpenMetrics},
};
use kernel::{Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// How the program is.
#[derive(Serialize, JsonSchema)]
pub struct Status {
    /// `ok`.
    status: &'static str,
}

const OK: Found<Status> = Found(Status { status: "ok" });

async fn healthz(_: Cx) -> Result<Found<Status>> {
    Ok(OK)
}

/// A probe that waits longer than its prober does says nothing.
const PATIENCE: Duration = Duration::from_secs(1);

async fn readyz(cx: Cx) -> Result<Found<Status>> {
    match tokio::time::timeout(PATIENCE, cx.app().db.schema()).await {
        Ok(1..) => Ok(OK),
        _ => Err(Problem::Unavailable("The database cannot be reached")),
    }
}

async fn metrics(cx: Cx) -> Result<OpenMetrics> {
    Ok(OpenMetrics(cx.app().telemetry.render(cx.app())))
}

const TAG: &str = "System";

pub fn operations() -> Vec<Operation> {
    vec![
        get("healthz", "/healthz")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Tell whether the program runs", "")
            .handle(healthz),
        get("readyz", "/readyz")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Tell whether the program can serve", "It cannot while its database is out of reach.")
            .errors(&[503])
            .handle(readyz),
        get("metrics", "/metrics")
            .allow(Callers::NONE, Rule::Public)
            .doc(TAG, "Get metrics", "In the OpenMetrics text format, for Prometheus.")
            .handle(metrics),
    ]
}
