//! Time as a value that is passed in.
//!
//! Below the top floor nothing asks what time it is: a [`Timestamp`] comes in as an argument.
//! The top floor holds a [`Clock`]: [`SystemClock`] in production, [`ManualClock`] in tests.
//! A timestamp counts milliseconds and always lies in the years 1 to 9999, so that every one of
//! them can be written as RFC 3339 and sums never overflow: they stop at the ends.
//! Neighbours: `random.rs` does the same for randomness.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, in milliseconds since 1970 (UTC).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use logout_shared::time::Timestamp;
///
/// let start = Timestamp::from_secs(1_795_413_600);
/// assert_eq!(start.to_rfc3339(), "2026-11-23T06:00:00.000Z");
/// assert_eq!((start + Duration::from_secs(120)).saturating_since(start).as_secs(), 120);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first moment of year 1.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// The last millisecond of year 9999.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// From whole seconds since 1970; values outside the years 1 to 9999 become the nearest end.
    pub const fn from_secs(secs: i64) -> Self {
        Self::from_millis(secs.saturating_mul(1000))
    }

    /// From milliseconds since 1970; values outside the years 1 to 9999 become the nearest end.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < Self::MIN.0 {
            Self::MIN
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads a `NumericDate` (RFC 7519 §2) from its JSON text: seconds since 1970, with or without
    /// fractions, to the end of the year 9999. Whatever else stands there is `None`, so that no
    /// sum with it can overflow.
    pub fn from_numeric_date(json: &str) -> Option<Self> {
        const YEAR_9999: i64 = Timestamp::MAX.as_secs();
        if let Ok(secs) = json.parse::<i64>() {
            return (0..=YEAR_9999)
                .contains(&secs)
                .then(|| Self::from_secs(secs));
        }
        let secs: f64 = serde_json::from_str(json).ok()?;
        #[expect(clippy::cast_precision_loss, reason = "the bound is far below 2^53")]
        let valid = (0.0..=YEAR_9999 as f64).contains(&secs);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the bounds were just checked"
        )]
        valid.then(|| Self::from_millis((secs * 1000.0) as i64))
    }

    /// How long ago `earlier` was, or zero if it is not earlier.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The RFC 3339 form in UTC with milliseconds: `2026-11-23T06:00:00.000Z`.
    pub fn to_rfc3339(self) -> String {
        DateTime::from_timestamp_millis(self.0)
            .unwrap_or_default() // never: the years 1 to 9999 are in the calendar's range
            .to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Reads an RFC 3339 date and time with any offset; below a millisecond is cut off.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] if the text is not of that form or outside the years 1 to 9999.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTimestamp> {
        let millis = DateTime::parse_from_rfc3339(text)
            .map_err(|_| InvalidTimestamp)?
            .timestamp_millis();
        let parsed = Self::from_millis(millis);
        if parsed.0 == millis {
            Ok(parsed)
        } else {
            Err(InvalidTimestamp)
        }
    }
}

/// The text is not an RFC 3339 date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time of the form 2026-11-23T06:00:00Z")]
pub struct InvalidTimestamp;

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis_of(span)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(millis_of(span)))
    }
}

fn millis_of(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_rfc3339(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).map_err(serde::de::Error::custom)
    }
}

/// Tells the time; only the top floor holds one.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now();
        match now.duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp::from_secs(0) + since,
            Err(before) => Timestamp::from_secs(0) - before.duration(),
        }
    }
}

/// A clock that moves only when told; clones show the same time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use logout_shared::time::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::at(Timestamp::from_secs(100));
/// clock.clone().advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), Timestamp::from_secs(105));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.as_millis())))
    }

    /// Moves forward.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(millis_of(span), Ordering::SeqCst);
    }

    /// Jumps to `time`, backwards too.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stop_at_the_ends_of_the_calendar() {
        assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::MAX, Timestamp::MIN);
        assert_eq!(Timestamp::from_secs(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_secs(i64::MIN), Timestamp::MIN);
    }

    #[test]
    fn the_ends_can_be_written_and_read_back() {
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(Timestamp::parse_rfc3339(&end.to_rfc3339()), Ok(end));
        }
        assert_eq!(Timestamp::MAX.to_rfc3339(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn numeric_dates_are_numbers_within_the_calendar() {
        let read = |json: &str| Timestamp::from_numeric_date(json).map(Timestamp::as_millis);
        for (json, millis) in [
            ("0", 0),
            ("7", 7_000),
            ("7.25", 7_250),
            ("1e3", 1_000_000),
            ("253402300799", 253_402_300_799_000),
        ] {
            assert_eq!(read(json), Some(millis), "{json}");
        }
        for json in [
            "-1",
            "-0.5",
            "253402300800",
            "1e300",
            "\"7\"",
            "null",
            "[7]",
            "NaN",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn seconds_round_down_before_1970_too() {
        assert_eq!(Timestamp::from_millis(-1).as_secs(), -1);
        assert_eq!(Timestamp::from_millis(1999).as_secs(), 1);
    }

    #[test]
    fn offsets_are_understood_and_nonsense_is_refused() {
        let noon = Timestamp::parse_rfc3339("2026-11-23T08:00:00.1239+02:00").expect("valid");
        assert_eq!(noon.to_rfc3339(), "2026-11-23T06:00:00.123Z");
        for text in ["", "yesterday", "2026-11-23", "2026-13-01T00:00:00Z"] {
            assert_eq!(
                Timestamp::parse_rfc3339(text),
                Err(InvalidTimestamp),
                "{text}"
            );
        }
    }

    #[test]
    fn a_span_backwards_is_zero() {
        let (a, b) = (Timestamp::from_secs(1), Timestamp::from_secs(3));
        assert_eq!(a.saturating_since(b), Duration::ZERO);
        assert_eq!(b.saturating_since(a), Duration::from_secs(2));
    }

    #[test]
    fn json_carries_the_rfc_3339_form() {
        let json = serde_json::to_string(&Timestamp::from_secs(0)).expect("serializes");
        assert_eq!(json, "\"1970-01-01T00:00:00.000Z\"");
        assert_eq!(
            serde_json::from_str::<Timestamp>(&json).expect("reads"),
            Timestamp::default()
        );
    }
}
