//! A fault profile: what goes wrong on purpose, how often, and where.

use frame::operations::Spec;
use kernel::{
    Body, Draft, Duration, Fault, Fields, Problem,
    rules::{Boolean, Integer, List, text},
};
use serde_json::Value;

use crate::chance::Stream;

const PERCENT: Integer = Integer { least: 0, most: 100 };
/// An hour, in seconds; and in milliseconds.
const HOUR: i64 = 3600;
const LONGEST: Integer = Integer { least: 0, most: 60_000 };
const STATUS: Integer = Integer { least: 500, most: 504 };

/// A profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What its chances follow from: the same number, the same requests, the same faults.
    pub random: u64,
    /// What applies, in order; the first that says something of a request is the one.
    pub rules: Vec<Rule>,
    /// How long a new grant is not heard of.
    pub permission_lag: Duration,
    /// How long a token that was taken back goes on working.
    pub revocation_lag: Duration,
    /// What `expires_in` claims, whatever is true.
    pub expires_in: Option<i64>,
}

/// What goes wrong with some operations.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Patterns of operation ids; none for all.
    operations: Vec<String>,
    /// How long an answer takes.
    pub latency: Option<Latency>,
    /// How many requests are let through.
    pub rate_limit: Option<RateLimit>,
    /// How often the answer is an error.
    pub errors: Option<Errors>,
    /// How often the connection is dropped.
    pub drops: Option<Drops>,
}

/// How long an answer takes.
#[derive(Clone, Copy, Debug)]
pub enum Latency {
    /// Always the same.
    Constant(u64),
    /// Anything between, each as likely.
    Uniform(u64, u64),
    /// Around a mean, with a standard deviation, never below zero.
    Normal(u64, u64),
    /// Mostly short, now and then long: half are above the median, one in a hundred above the 99th percentile.
    LongTailed(u64, u64),
}

/// How many requests are let through.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// So many,
    pub budget: u64,
    /// in a window of this length.
    pub window: Duration,
    /// What `Retry-After` says, if it is not the rest of the window.
    pub retry_after: Option<Duration>,
}

/// How often the answer is an error.
#[derive(Clone, Copy, Debug)]
pub struct Errors {
    /// Which.
    pub status: u16,
    /// In how many of a hundred cases.
    pub percent: u64,
    /// How many requests fail one after another.
    pub burst: u64,
    /// What `Retry-After` says.
    pub retry_after_seconds: Option<u64>,
}

/// How often the connection is dropped.
#[derive(Clone, Copy, Debug)]
pub struct Drops {
    /// In how many of a hundred cases.
    pub percent: u64,
    /// Whether what was asked is done first.
    pub after: bool,
}

impl Body for Profile {
    const NAME: &'static str = "StandInFaultProfile";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let seconds = || Integer { least: 0, most: HOUR };
        let name = fields.optional("name", text(1, 100));
        let random = fields.optional("random", Integer { least: 0, most: i64::MAX });
        // Of a profile that ships with the program, where its figures are from.
        let sources =
            fields.optional("sources", List { item: text(1, 500), least: 0, most: 50, distinct: false });
        let rules = fields.objects_needed("rules", 100);
        let permission_lag = fields.optional("permission_lag_seconds", seconds());
        let revocation_lag = fields.optional("revocation_lag_seconds", seconds());
        let expires_in = fields.optional("expires_in_seconds", Integer { least: 0, most: 366 * 24 * HOUR });
        sources?;
        Some(Self {
            name: name?.unwrap_or_else(|| "unnamed".to_owned()),
            random: random?.unwrap_or(0).unsigned_abs(),
            rules: rules?,
            permission_lag: seconds_of(permission_lag?),
            revocation_lag: seconds_of(revocation_lag?),
            expires_in: expires_in?,
        })
    }
}

fn seconds_of(value: Option<i64>) -> Duration {
    Duration::from_secs(value.unwrap_or(0).unsigned_abs())
}

impl Body for Rule {
    const NAME: &'static str = "StandInFaultRule";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let operations =
            fields.optional("operations", List { item: text(1, 100), least: 1, most: 100, distinct: false });
        let latency = fields.object("latency");
        let rate_limit = fields.object("rate_limit");
        let errors = fields.object("errors");
        let drops = fields.object("drops");
        Some(Self {
            operations: operations?.unwrap_or_default(),
            latency: latency?,
            rate_limit: rate_limit?,
            errors: errors?,
            drops: drops?,
        })
    }
}

impl Body for Latency {
    const NAME: &'static str = "StandInLatency";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fn millis(fields: &mut Fields<'_>, name: &'static str) -> Option<u64> {
            fields.required(name, LONGEST).map(i64::unsigned_abs)
        }
        fields.forms(
            "distribution",
            &[
                ("constant", |fields| millis(fields, "milliseconds").map(Self::Constant)),
                ("uniform", |fields| {
                    let (least, most) =
                        (millis(fields, "least_milliseconds"), millis(fields, "most_milliseconds"));
                    let (least, most) = (least?, most?);
                    if least > most {
                        let fault = Fault::Rule("must not be less than [least_milliseconds]".to_owned());
                        fields.fault("most_milliseconds", fault);
                        return None;
                    }
                    Some(Self::Uniform(least, most))
                }),
                ("normal", |fields| {
                    let (mean, deviation) =
                        (millis(fields, "mean_milliseconds"), millis(fields, "deviation_milliseconds"));
                    Some(Self::Normal(mean?, deviation?))
                }),
                ("long_tailed", |fields| {
                    let (median, p99) =
                        (millis(fields, "median_milliseconds"), millis(fields, "p99_milliseconds"));
                    Some(Self::LongTailed(median?, p99?))
                }),
            ],
        )
    }
}

impl Body for RateLimit {
    const NAME: &'static str = "StandInRateLimit";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let budget = fields.required("budget", Integer { least: 0, most: 1_000_000 });
        let window = fields.required("window_seconds", Integer { least: 1, most: HOUR });
        let retry_after = fields.optional("retry_after_seconds", Integer { least: 1, most: HOUR });
        Some(Self {
            budget: budget?.unsigned_abs(),
            window: Duration::from_secs(window?.unsigned_abs()),
            retry_after: retry_after?.map(|seconds| Duration::from_secs(seconds.unsigned_abs())),
        })
    }
}

impl Body for Errors {
    const NAME: &'static str = "StandInErrors";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let status = fields.required("status", STATUS);
        let percent = fields.required("percent", PERCENT);
        let burst = fields.optional("burst", Integer { least: 1, most: 1000 });
        let retry_after = fields.optional("retry_after_seconds", Integer { least: 1, most: HOUR });
        Some(Self {
            status: u16::try_from(status?).ok()?,
            percent: percent?.unsigned_abs(),
            burst: burst?.unwrap_or(1).unsigned_abs(),
            retry_after_seconds: retry_after?.map(i64::unsigned_abs),
        })
    }
}

impl Body for Drops {
    const NAME: &'static str = "StandInDrops";
    const CLOSED: bool = true;
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let percent = fields.required("percent", PERCENT);
        let after = fields.optional("done_first", Boolean);
        Some(Self { percent: percent?.unsigned_abs(), after: after?.unwrap_or(false) })
    }
}

/// The profiles that come with the program.
const BUILTIN: [(&str, &str); 2] =
    [("ideal", include_str!("ideal.yaml")), ("documented", include_str!("documented.yaml"))];

impl Profile {
    /// The names of those that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// One that comes with the program.
    pub fn builtin(name: &str) -> Option<Result<Self, Problem>> {
        let (_, text) = BUILTIN.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(text))
    }

    /// Reads YAML or JSON.
    pub fn parse(yaml: &str) -> Result<Self, Problem> {
        let value: Value = serde_norway::from_str(yaml)
            .map_err(|error| Problem::Invalid(vec![kernel::Invalid::unreadable(error.to_string())]))?;
        Draft::<Self>::new(value)?.parse()
    }
}

impl Rule {
    /// The patterns of operation ids that it is for.
    pub fn patterns(&self) -> &[String] {
        &self.operations
    }

    /// Whether it says something of an operation.
    pub fn covers(&self, spec: &Spec) -> bool {
        self.operations.is_empty() || self.operations.iter().any(|pattern| matches(pattern, spec.id))
    }
}

/// Whether an operation id fits a pattern, in which `*` stands for anything.
pub(super) fn matches(pattern: &str, id: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == id,
        Some((start, rest)) => {
            let Some(id) = id.strip_prefix(start) else { return false };
            (0..=id.len()).any(|at| id.get(at..).is_some_and(|id| matches(rest, id)))
        }
    }
}

impl Latency {
    /// How long this time.
    pub fn draw(self, chance: &Stream) -> Duration {
        let uniform =
            || f64::from(u32::try_from(chance.below(1 << 32)).unwrap_or(0)).mul_add(2f64.powi(-32), 1e-10);
        // Box and Muller's way from two even chances to a bell.
        let bell = || (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
        let float = |millis: u64| f64::from(u32::try_from(millis).unwrap_or(u32::MAX));
        let millis = match self {
            Self::Constant(millis) => float(millis),
            Self::Uniform(least, most) => float(least + chance.below(most - least + 1)),
            Self::Normal(mean, deviation) => float(deviation).mul_add(bell(), float(mean)),
            Self::LongTailed(median, p99) => {
                let (median, p99) = (float(median).max(1.0), float(p99).max(1.0));
                // 2.326 standard deviations are above 99 in a hundred.
                median * ((p99 / median).ln() / 2.326 * bell()).exp()
            }
        };
        Duration::from_secs_f64(millis.clamp(0.0, 60_000.0) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_that_come_with_the_program_are_good() {
        for name in Profile::names() {
            let profile = Profile::builtin(name).expect("it is there").expect("it is good");
            assert_eq!(profile.name, name);
        }
        let documented = Profile::builtin("documented").expect("it is there").expect("it is good");
        assert_eq!(documented.revocation_lag, Duration::from_secs(900));
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, id, fits) in [
            ("create-team", "create-team", true),
            ("create-*", "create-team", true),
            ("*-team", "create-team", true),
            ("*e*t*m", "create-team", true),
            ("*", "x", true),
            ("create-*", "delete-team", false),
            ("create", "create-team", false),
        ] {
            assert_eq!(matches(pattern, id), fits, "{pattern} {id}");
        }
    }

    #[test]
    fn latencies_are_about_what_was_asked_for() {
        let chance = Stream::new(1, "test");
        let mut drawn: Vec<Duration> =
            (0..2000).map(|_| Latency::LongTailed(100, 1000).draw(&chance)).collect();
        drawn.sort();
        let (median, p99) = (drawn[1000].as_millis(), drawn[1980].as_millis());
        assert!((85..115).contains(&median) && (700..1500).contains(&p99), "{median} {p99}");
        let mean: f64 =
            (0..2000).map(|_| Latency::Normal(50, 10).draw(&chance).as_secs_f64()).sum::<f64>() / 2000.0;
        assert!((0.048..0.052).contains(&mean), "{mean}");
    }

    #[test]
    fn bad_profiles_are_refused_field_by_field() {
        let bad = "rules: [{latency: {distribution: uniform, least_milliseconds: 5, most_milliseconds: 2}, errors: {status: 404, percent: 101}}]";
        let Err(Problem::Invalid(faults)) = Profile::parse(bad) else { panic!("it was taken") };
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(
            fields,
            ["rules.0.latency.most_milliseconds", "rules.0.errors.status", "rules.0.errors.percent"]
        );
    }
}
