//! Dates in a search: a year, a month, a day, a minute or a moment.
//!
//! What is not a moment is the whole span from its first to its last: `2026-01` in a range that
//! begins with it begins on the first of January, and ends, if it is in the range, on the 31st.
//! Without an offset the time is UTC.

use std::ops::Bound;
use std::time::Duration;

use chrono::{Months, NaiveDate, NaiveDateTime};
use logout_shared::Timestamp;

use crate::storage::search::TextTest;

/// What is told of a date that is none.
pub(in crate::http::management) const A_DATE: &str = "a date is a year, month, day or time such as \
     2026-01-31 or 2026-01-31T08:00:00Z, or a range of them";

/// From one moment to just before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: Timestamp,
    until: Timestamp,
}

/// The range of dates that a test is about; `None` if it is not about dates.
pub(in crate::http::management) fn range(
    test: &TextTest,
) -> Option<(Bound<Timestamp>, Bound<Timestamp>)> {
    match test {
        TextTest::Is(value) => {
            let span = Span::read(value)?;
            Some((Bound::Included(span.from), Bound::Excluded(span.until)))
        }
        TextTest::Between(from, to) => {
            let from = match from {
                Bound::Included(from) => Bound::Included(Span::read(from)?.from),
                Bound::Excluded(from) => Bound::Included(Span::read(from)?.until),
                Bound::Unbounded => Bound::Unbounded,
            };
            let to = match to {
                Bound::Included(to) => Bound::Excluded(Span::read(to)?.until),
                Bound::Excluded(to) => Bound::Excluded(Span::read(to)?.from),
                Bound::Unbounded => Bound::Unbounded,
            };
            Some((from, to))
        }
        TextTest::Present => Some((Bound::Unbounded, Bound::Unbounded)),
        TextTest::Like(_) => None,
    }
}

impl Span {
    fn read(text: &str) -> Option<Self> {
        Self::of_days(text).or_else(|| Self::of_time(text))
    }

    /// A year, a month or a day.
    fn of_days(text: &str) -> Option<Self> {
        let digits = |length: usize, at: usize| -> Option<&str> {
            let part = text.get(at..at + length)?;
            part.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then_some(part)
        };
        let (full, months) = match text.len() {
            4 => (format!("{}-01-01", digits(4, 0)?), Some(12)),
            7 => (format!("{}-{}-01", digits(4, 0)?, digits(2, 5)?), Some(1)),
            10 => (text.to_owned(), None),
            _ => return None,
        };
        let first = NaiveDate::parse_from_str(&full, "%Y-%m-%d").ok()?;
        let next = match months {
            Some(months) => first.checked_add_months(Months::new(months))?,
            None => first.succ_opt()?,
        };
        let midnight = |day: NaiveDate| Some(timestamp(day.and_hms_opt(0, 0, 0)?));
        Some(Self {
            from: midnight(first)?,
            until: midnight(next)?,
        })
    }

    /// A minute, a second or a millisecond, with an offset or in UTC.
    fn of_time(text: &str) -> Option<Self> {
        if let Ok(moment) = Timestamp::parse_rfc3339(text) {
            let has_fraction = text.contains('.');
            return Some(Self::from(moment, if has_fraction { 1 } else { 1_000 }));
        }
        let text = text.strip_suffix('Z').unwrap_or(text);
        let (form, millis) = match text.len() {
            16 => ("%Y-%m-%dT%H:%M", 60_000),
            19 => ("%Y-%m-%dT%H:%M:%S", 1_000),
            _ => ("%Y-%m-%dT%H:%M:%S%.f", 1),
        };
        let moment = NaiveDateTime::parse_from_str(text, form).ok()?;
        Some(Self::from(timestamp(moment), millis))
    }

    fn from(from: Timestamp, millis: u64) -> Self {
        let until = from + Duration::from_millis(millis);
        Self { from, until }
    }
}

fn timestamp(moment: NaiveDateTime) -> Timestamp {
    Timestamp::from_millis(moment.and_utc().timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Option<String> {
        Span::read(text).map(|span| format!("{} {}", span.from, span.until))
    }

    #[test]
    fn what_is_not_a_moment_is_its_whole_span() {
        for (text, from, until) in [
            (
                "2026",
                "2026-01-01T00:00:00.000Z",
                "2027-01-01T00:00:00.000Z",
            ),
            (
                "2026-02",
                "2026-02-01T00:00:00.000Z",
                "2026-03-01T00:00:00.000Z",
            ),
            (
                "2026-12-31",
                "2026-12-31T00:00:00.000Z",
                "2027-01-01T00:00:00.000Z",
            ),
            (
                "2026-01-01T23:59",
                "2026-01-01T23:59:00.000Z",
                "2026-01-02T00:00:00.000Z",
            ),
            (
                "2026-01-01T01:02:03",
                "2026-01-01T01:02:03.000Z",
                "2026-01-01T01:02:04.000Z",
            ),
            (
                "2026-01-01T01:02:03Z",
                "2026-01-01T01:02:03.000Z",
                "2026-01-01T01:02:04.000Z",
            ),
            (
                "2026-01-01T01:02:03.5",
                "2026-01-01T01:02:03.500Z",
                "2026-01-01T01:02:03.501Z",
            ),
            (
                "2026-01-01T01:02:03.004+01:00",
                "2026-01-01T00:02:03.004Z",
                "2026-01-01T00:02:03.005Z",
            ),
        ] {
            assert_eq!(spans(text), Some(format!("{from} {until}")), "{text}");
        }
        for bad in [
            "",
            "x",
            "2026-13",
            "2026-02-30",
            "20260101",
            "2026-1",
            "2026-01-01T25:00",
            "26-01-01é",
        ] {
            assert_eq!(spans(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_end_of_a_range_is_in_it_with_its_whole_span_or_not_at_all() {
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let (jan, feb) = (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
        let (first, second) = ("2026-01".to_owned(), "2026-01".to_owned());
        let within = TextTest::Between(Bound::Included(first.clone()), Bound::Included(second));
        assert_eq!(
            range(&within),
            Some((Bound::Included(jan), Bound::Excluded(feb)))
        );
        let without = TextTest::Between(Bound::Excluded(first.clone()), Bound::Excluded(first));
        assert_eq!(
            range(&without),
            Some((Bound::Included(feb), Bound::Excluded(jan)))
        );
        let open = TextTest::Between(Bound::Unbounded, Bound::Unbounded);
        assert_eq!(range(&open), Some((Bound::Unbounded, Bound::Unbounded)));
        assert_eq!(
            range(&TextTest::Like(vec!["2026".into(), String::new()])),
            None
        );
    }
}
