//! Turns samples into the tables of a report.

use std::fmt::Write;

use super::options::Options;
use super::sample::{Sample, median, percentile};

/// All that was measured on one database.
pub struct Findings {
    pub database: &'static str,
    pub users: u64,
    pub cases: Vec<Row>,
    /// Of each round: how busy the floor's server was.
    pub floor_busy: f64,
    pub idle_memory: u64,
    pub loaded_memory: u64,
    pub first_start: f64,
    pub later_start: f64,
}

/// One case with the figures that its rounds come to.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub name: &'static str,
    rate: f64,
    ratio: f64,
    cpu_ratio: f64,
    cpu: f64,
    p50: u32,
    p99: u32,
    /// Rounds that count, and all rounds.
    quiet: (usize, usize),
}

impl Row {
    /// Each round is a sample of the case and the floor's of the same round. Where others were busy in all
    /// rounds, all count, since a table that says so is better than none.
    pub fn of(name: &'static str, rounds: &[(Sample, Sample)]) -> Option<Self> {
        let quiet: Vec<_> = rounds.iter().filter(|(case, floor)| case.quiet() && floor.quiet()).collect();
        let count = quiet.len();
        let counted = if count == 0 { rounds.iter().collect() } else { quiet };
        let mut latencies: Vec<u32> =
            counted.iter().flat_map(|(case, _)| case.latencies.iter().copied()).collect();
        latencies.sort_unstable();
        Some(Self {
            name,
            rate: median(counted.iter().map(|(case, _)| case.rate))?,
            ratio: median(counted.iter().map(|(case, floor)| case.rate / floor.rate))?,
            cpu_ratio: median(
                counted.iter().map(|(case, floor)| floor.cpu / case.cpu.max(f64::MIN_POSITIVE)),
            )?,
            cpu: median(counted.iter().map(|(case, _)| case.cpu))?,
            p50: percentile(&latencies, 0.50)?,
            p99: percentile(&latencies, 0.99)?,
            quiet: (count, rounds.len()),
        })
    }
}

pub fn markdown(findings: &[Findings], options: &Options, machine: &str) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = render(&mut out, findings, options, machine);
    out
}

fn render(out: &mut String, findings: &[Findings], options: &Options, machine: &str) -> std::fmt::Result {
    writeln!(
        out,
        "Measured with `cargo xtask bench` on {machine}; {} rounds of {} s, after half a second to \
         warm up. The floor is a constant of 300 bytes from the same web stack, measured in the same round; a \
         ratio is the median of the rounds' ratios. CPU time is that of the server and its database together, \
         per request; by CPU, a ratio is the floor's over the request's. Compare ratios, not absolute figures.",
        options.rounds,
        options.length.as_secs_f64()
    )?;
    for found in findings {
        writeln!(out, "\n### {}, {} users\n", found.database, found.users)?;
        writeln!(
            out,
            "| request | of the floor | requests/s | p50 ms | p99 ms | CPU µs | floor's CPU to its | quiet rounds |"
        )?;
        writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
        for row in &found.cases {
            let Row { name, rate, ratio, cpu_ratio, cpu, p50, p99, quiet } = row;
            let (p50, p99) = (f64::from(*p50) / 1e3, f64::from(*p99) / 1e3);
            writeln!(
                out,
                "| {name} | {ratio:.3} | {} | {p50:.2} | {p99:.2} | {cpu:.1} | {cpu_ratio:.3} | {} of {} |",
                grouped(rate.round() as u64),
                quiet.0,
                quiet.1
            )?;
        }
        if found.floor_busy < 0.9 {
            writeln!(
                out,
                "\nThe floor's server used only {:.0} % of its core: the load generator was the limit there, so \
                 the ratios of requests flatter. The ratios of CPU time do not.",
                found.floor_busy * 100.0
            )?;
        }
        writeln!(out, "\n| start to the first 200 of `/readyz` | |\n|---|--:|")?;
        writeln!(out, "| on an empty database | {:.0} ms |", found.first_start)?;
        writeln!(out, "| on this database | {:.0} ms |", found.later_start)?;
        writeln!(out, "\n| anonymous memory of the server | |\n|---|--:|")?;
        writeln!(out, "| idle, after its start | {} |", mebibytes(found.idle_memory))?;
        writeln!(out, "| after all of the above | {} |", mebibytes(found.loaded_memory))?;
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rate: f64, cpu: f64, foreign: f64) -> Sample {
        Sample { rate, cpu, foreign, latencies: vec![100, 200, 300], busy: 1.0 }
    }

    #[test]
    fn a_row_is_the_median_of_quiet_rounds() {
        let rounds = [
            (sample(50.0, 20.0, 0.0), sample(100.0, 5.0, 0.0)),
            (sample(30.0, 20.0, 0.1), sample(100.0, 5.0, 0.0)),
            (sample(90.0, 20.0, 0.0), sample(100.0, 5.0, 0.9)),
        ];
        let row = Row::of("x", &rounds).expect("there are rounds");
        assert_eq!((row.ratio, row.rate, row.cpu_ratio, row.quiet), (0.4, 40.0, 0.25, (2, 3)));
        assert_eq!((row.p50, row.p99), (200, 300));
    }

    #[test]
    fn noisy_rounds_count_if_there_are_no_others() {
        let row = Row::of("x", &[(sample(50.0, 1.0, 1.0), sample(100.0, 1.0, 1.0))]).expect("one round");
        assert_eq!((row.ratio, row.quiet), (0.5, (0, 1)));
        assert_eq!(Row::of("x", &[]), None);
    }

    #[test]
    fn digits_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn the_tables_are_markdown() {
        let row =
            Row::of("`GET /`", &[(sample(1234.0, 10.0, 0.0), sample(2468.0, 5.0, 0.0))]).expect("one round");
        let found = Findings {
            database: "SQLite",
            users: 10,
            cases: vec![row],
            floor_busy: 0.5,
            idle_memory: 10 << 20,
            loaded_memory: 21 << 20,
            first_start: 80.4,
            later_start: 12.0,
        };
        let text = markdown(&[found], &Options::default(), "a machine");
        assert!(
            text.contains("| `GET /` | 0.500 | 1,234 | 0.20 | 0.30 | 10.0 | 0.500 | 1 of 1 |\n"),
            "{text}"
        );
        assert!(text.contains("used only 50 % of its core"), "{text}");
        assert!(text.contains("| on an empty database | 80 ms |\n"), "{text}");
        assert!(text.contains("| idle, after its start | 10.0 MiB |\n"), "{text}");
    }
}
