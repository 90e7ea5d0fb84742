//! Metrics and the access log. Handles are resolved at start, per operation and status; a line is
//! formatted by hand into a buffer that one thread empties, so that a request waits for neither.

use std::{
    fmt::Write as _,
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{App, audit::Origin, operations::Spec, principal::Principal};

const BUCKETS: [f64; 12] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
const CALL_BUCKETS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    destination: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DestinationLabels {
    destination: &'static str,
}

/// What this process asked of others, by the kind of place and by what became of it.
#[derive(Clone)]
pub struct Calls {
    counts: Family<CallLabels, Counter>,
    durations: Family<DestinationLabels, Histogram, fn() -> Histogram>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            counts: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(CALL_BUCKETS)),
        }
    }
}

impl Calls {
    /// Counts a call.
    pub fn count(&self, destination: &'static str, outcome: &'static str, took: Duration) {
        self.counts.get_or_create(&CallLabels { destination, outcome }).inc();
        self.durations.get_or_create(&DestinationLabels { destination }).observe(took.as_secs_f64());
    }

    /// How many calls went so.
    pub fn so_far(&self, destination: &'static str, outcome: &'static str) -> u64 {
        self.counts.get_or_create(&CallLabels { destination, outcome }).get()
    }
}

/// How the access log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Counts and lines of this process.
pub struct Telemetry {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<OperationLabels, Histogram, fn() -> Histogram>,
    connections_used: Gauge,
    connections_open: Gauge,
    cache_hits: Gauge,
    cache_misses: Gauge,
    calls: Calls,
    lines: Option<Lines>,
}

/// The metric handles of one operation.
pub struct Handles {
    operation: &'static str,
    requests: Family<RequestLabels, Counter>,
    by_status: Vec<(u16, Counter)>,
    duration: Histogram,
}

impl Handles {
    fn count(&self, status: u16, took: Duration) {
        match self.by_status.iter().find(|(known, _)| *known == status) {
            Some((_, counter)) => counter.inc(),
            None => self.requests.get_or_create(&RequestLabels { operation: self.operation, status }).inc(),
        };
        self.duration.observe(took.as_secs_f64());
    }
}

impl Telemetry {
    /// Metrics, and an access log unless the format is `None`.
    pub fn new(access_log: Option<LogFormat>) -> Self {
        let mut registry = Registry::with_prefix("latchkey");
        let requests = Family::<RequestLabels, Counter>::default();
        let durations: Family<OperationLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        registry.register("requests", "Requests by operation and status", requests.clone());
        registry.register("request_duration_seconds", "Time to answer, by operation", durations.clone());
        let calls = Calls::default();
        registry.register(
            "outbound_requests",
            "Requests to others, by the kind of destination and outcome",
            calls.counts.clone(),
        );
        registry.register(
            "outbound_request_duration_seconds",
            "Time until others answered, by the kind of destination",
            calls.durations.clone(),
        );
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            connections_used: gauge("database_connections_used", "Database connections in use"),
            connections_open: gauge("database_connections_open", "Database connections that are open"),
            cache_hits: gauge("token_cache_hits", "Credentials that the cache knew, since the start"),
            cache_misses: gauge(
                "token_cache_misses",
                "Credentials that had to be looked up, since the start",
            ),
            registry,
            requests,
            durations,
            calls,
            lines: access_log.map(Lines::start),
        }
    }

    /// Where calls of others are counted.
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// The handles of an operation.
    pub fn handles(&self, operation: &'static str, statuses: &[u16]) -> Handles {
        let counter =
            |&status: &u16| (status, self.requests.get_or_create_owned(&RequestLabels { operation, status }));
        Handles {
            operation,
            requests: self.requests.clone(),
            by_status: statuses.iter().map(counter).collect(),
            duration: self.durations.get_or_create_owned(&OperationLabels { operation }),
        }
    }

    /// The metrics in the OpenMetrics text format.
    pub fn render(&self, app: &App) -> String {
        let as_gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let (used, open) = app.db.connections();
        self.connections_used.set(as_gauge(used as u64));
        self.connections_open.set(as_gauge(open as u64));
        let (hits, misses) = app.access.counts();
        self.cache_hits.set(as_gauge(hits));
        self.cache_misses.set(as_gauge(misses));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Counts a request and writes its line.
    pub fn finish(&self, handles: &Handles, request: &Finished<'_>) {
        handles.count(request.status, request.took);
        if let Some(lines) = &self.lines {
            lines.push(request);
        }
    }

    /// Writes what is buffered.
    pub fn flush(&self) {
        if let Some(lines) = &self.lines {
            lines.buffer.empty();
        }
    }
}

/// A request that was answered.
pub struct Finished<'r> {
    /// When.
    pub at: Timestamp,
    /// The operation.
    pub spec: Option<&'r Spec>,
    /// The method.
    pub method: &'r http::Method,
    /// Where from; its path is logged without the query, which may hold names of people.
    pub origin: &'r Origin,
    /// By whom.
    pub principal: &'r Principal,
    /// How.
    pub status: u16,
    /// In what time.
    pub took: Duration,
}

/// Most bytes that wait to be written; lines beyond that are dropped.
const MOST: usize = 4 << 20;

struct Lines {
    format: LogFormat,
    buffer: Arc<Buffer>,
}

#[derive(Default)]
struct Buffer {
    text: Mutex<String>,
    dropped: AtomicBool,
}

impl Lines {
    fn start(format: LogFormat) -> Self {
        let buffer = Arc::new(Buffer::default());
        let weak = Arc::downgrade(&buffer);
        let write = move || {
            while let Some(buffer) = weak.upgrade() {
                buffer.empty();
                drop(buffer);
                std::thread::sleep(Duration::from_millis(50));
            }
        };
        if let Err(error) = std::thread::Builder::new().name("access-log".to_owned()).spawn(write) {
            tracing::error!(%error, "no access log");
        }
        Self { format, buffer }
    }

    fn push(&self, r: &Finished<'_>) {
        let Ok(mut text) = self.buffer.text.lock() else { return };
        if text.len() > MOST {
            self.buffer.dropped.store(true, Ordering::Relaxed);
            return;
        }
        let path = r.origin.logged_uri().split('?').next().unwrap_or_default();
        let operation = r.spec.map_or("none", |spec| spec.id);
        let micros = r.took.as_micros();
        // Writing to a string does not fail.
        let _ = match self.format {
            LogFormat::Json => {
                let path = serde_json::Value::from(path);
                writeln!(
                    text,
                    r#"{{"timestamp":"{}","level":"INFO","message":"request","method":"{}","path":{path},"operation":"{operation}","status":{},"micros":{micros},"trace":"{}","ip":"{}","principal":"{}"}}"#,
                    r.at,
                    r.method,
                    r.status,
                    r.origin.trace,
                    r.origin.ip,
                    r.principal.audit_id()
                )
            }
            LogFormat::Text => writeln!(
                text,
                "{} {} {} {path} {operation} {micros}us trace={} ip={} principal={}",
                r.at,
                r.status,
                r.method,
                r.origin.trace,
                r.origin.ip,
                r.principal.audit_id()
            ),
        };
    }
}

impl Buffer {
    fn empty(&self) {
        let text = self.text.lock().map(|mut text| std::mem::take(&mut *text)).unwrap_or_default();
        if !text.is_empty() {
            // A log that cannot be written must not stop the service.
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
        if self.dropped.swap(false, Ordering::Relaxed) {
            tracing::warn!("access-log lines were dropped: they came faster than they could be written");
        }
    }
}
