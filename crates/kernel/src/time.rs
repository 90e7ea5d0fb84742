//! Time. Microseconds, because that is what both databases keep; milliseconds on the wire.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::OrgId;

/// A span between two timestamps.
pub type Duration = std::time::Duration;

/// A moment in UTC, to the microsecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

/// The last moment that has a civil date in every time zone: 9999-12-30T21:59:59.999999Z.
const LAST: i64 = 253_402_207_199_999_999;
/// The first: 0001-01-01T00:00:00Z.
const FIRST: i64 = -62_135_596_800_000_000;

impl Timestamp {
    /// Later than everything.
    pub const LATEST: Self = Self(LAST);

    /// From microseconds since 1970, kept within what RFC 3339 can write.
    pub const fn from_micros(micros: i64) -> Self {
        if micros > LAST {
            Self(LAST)
        } else if micros < FIRST {
            Self(FIRST)
        } else {
            Self(micros)
        }
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This moment and a span later.
    pub fn plus(self, span: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(micros_of(span)))
    }

    /// This moment and a span earlier.
    pub fn minus(self, span: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(micros_of(span)))
    }

    /// As people read it, e.g. `26 Nov 2026, 17:52 UTC`.
    pub fn for_people(self) -> String {
        jiff::Timestamp::from_microsecond(self.0)
            .map(|moment| moment.strftime("%-d %b %Y, %H:%M UTC").to_string())
            .unwrap_or_default()
    }

    /// The span since `earlier`; nothing if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn micros_of(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// The text is not an RFC 3339 date-time with a zone.
#[derive(Debug)]
pub struct NotATimestamp;

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        // RFC 3339 wants the `T`; jiff would also take a blank.
        if text.as_bytes().get(10).is_none_or(|c| !c.eq_ignore_ascii_case(&b'T')) {
            return Err(NotATimestamp);
        }
        let moment: jiff::Timestamp = text.parse().map_err(|_| NotATimestamp)?;
        let micros = moment.as_microsecond();
        (FIRST..=LAST).contains(&micros).then_some(Self(micros)).ok_or(NotATimestamp)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_microsecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{moment:.3}")
    }
}
impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|NotATimestamp| serde::de::Error::custom("not an RFC 3339 date-time"))
    }
}
impl schemars::JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// The time that an organization lives in: expiry of tokens and invites, retention. In production
/// it is the machine's; a stand-in may move it for one organization.
pub trait Clock: Send + Sync {
    /// Now, for this organization.
    fn now(&self, org: OrgId) -> Timestamp;
}

/// The machine's time: leases, throttles, time-outs, and what comes from foreign issuers.
pub trait WallClock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_has_milliseconds_in_utc() {
        for (text, wire) in [
            ("2022-02-07T17:46:57.52Z", "2022-02-07T17:46:57.520Z"),
            ("2023-01-01T00:00:00Z", "2023-01-01T00:00:00.000Z"),
            ("2023-01-01T00:00:00.123456789-05:30", "2023-01-01T05:30:00.123Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), wire);
        }
        for bad in ["", "2023-01-01", "2023-01-01 00:00:00Z", "2023-01-01T00:00:00", "1672531200"] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }

    #[test]
    fn people_read_days_and_minutes() {
        assert_eq!(
            "2026-11-06T07:08:09Z".parse::<Timestamp>().unwrap().for_people(),
            "6 Nov 2026, 07:08 UTC"
        );
    }

    #[test]
    fn arithmetic_stays_within_what_can_be_written() {
        let far = Timestamp::from_micros(0).plus(Duration::MAX);
        assert_eq!(far.to_string(), "9999-12-30T21:59:59.999Z");
        assert_eq!(Timestamp::from_micros(0).since(far), Duration::ZERO);
    }
}
