//! What one measurement found, and how several become one figure.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::cases::Case;
use super::load::Load;
use super::machine::{Cores, cpu_of, cpu_of_family, cpu_of_machine};
use crate::fault::{Fault, Result, While};
use crate::process::go_on;
use crate::server::Server;

const WARM_UP: Duration = Duration::from_millis(500);
/// A round in which others used more than this share of a core says more about them than about us.
const FOREIGN_LIMIT: f64 = 0.2;

/// One measurement of one case.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub rate: f64,
    /// Sorted, in microseconds.
    pub latencies: Vec<u32>,
    /// CPU time of the server and its database per request, in microseconds.
    pub cpu: f64,
    /// Share of one core that the server and its database used; below 1 something else was the limit.
    pub busy: f64,
    /// Cores that neither server, database nor load used.
    pub foreign: f64,
}

impl Sample {
    pub fn quiet(&self) -> bool {
        self.foreign <= FOREIGN_LIMIT
    }
}

/// Where measurements are made.
pub struct Bench {
    pub cores: Option<Cores>,
    pub length: Duration,
    pub database: Option<u32>,
    pub numbers: Arc<AtomicU64>,
}

struct Cpu {
    server: Duration,
    database: Duration,
    load: Duration,
    machine: Duration,
}

impl Bench {
    pub fn measure(
        &self,
        server: &Server,
        Case { name: what, connections, source }: &Case,
    ) -> Result<Sample> {
        let from = Instant::now() + WARM_UP;
        let until = from + self.length;
        let load = Load {
            address: server.address,
            connections: *connections,
            source: Arc::clone(source),
            numbers: Arc::clone(&self.numbers),
            from,
            until,
        };
        let running = load.start(self.cores);
        sleep_until(from);
        let before = self.cpu(server)?;
        sleep_until(until);
        let after = self.cpu(server)?;
        let tally = running.join().map_err(|_| Fault::new("The load generator panicked; see above."))?;
        go_on()?;
        let tally = tally.during(format!("{what}:\n{}", server.last_words()).trim_end())?;
        if !tally.refused.is_empty() {
            let list: Vec<_> = tally.refused.iter().map(|(status, n)| format!("{n} × {status}")).collect();
            let good = tally.latencies.len();
            return Err(Fault::new(format!("{what}: beside {good} good answers came {}.", list.join(", "))));
        }
        let mut latencies = tally.latencies;
        if latencies.is_empty() {
            return Err(Fault::new(format!("{what}: no answer came in time; give it more --seconds.")));
        }
        latencies.sort_unstable();
        let seconds = self.length.as_secs_f64();
        let server = after.server.saturating_sub(before.server).as_secs_f64();
        let database = after.database.saturating_sub(before.database).as_secs_f64();
        let load = after.load.saturating_sub(before.load).as_secs_f64();
        let machine = after.machine.saturating_sub(before.machine).as_secs_f64();
        Ok(Sample {
            rate: latencies.len() as f64 / seconds,
            cpu: (server + database) * 1e6 / latencies.len() as f64,
            busy: (server + database) / seconds,
            foreign: ((machine - server - database - load) / seconds).max(0.0),
            latencies,
        })
    }

    fn cpu(&self, server: &Server) -> Result<Cpu> {
        Ok(Cpu {
            server: cpu_of(server.pid())?,
            database: self.database.map(cpu_of_family).transpose()?.unwrap_or_default(),
            load: cpu_of(std::process::id())?,
            machine: cpu_of_machine()?,
        })
    }
}

/// In short steps, since Ctrl-C should not have to wait.
fn sleep_until(moment: Instant) {
    while !crate::process::interrupted() {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

/// The value below which `share` of the sorted values lie (nearest rank).
pub fn percentile(sorted: &[u32], share: f64) -> Option<u32> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => None,
        1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 0.50), Some(50));
        assert_eq!(percentile(&hundred, 0.99), Some(99));
        assert_eq!(percentile(&hundred, 1.0), Some(100));
        assert_eq!(percentile(&[7], 0.99), Some(7));
        assert_eq!(percentile(&[7, 9], 0.5), Some(7));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn medians() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }
}
