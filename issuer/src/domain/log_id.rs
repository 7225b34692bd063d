//! The id of a record of the event log: 56 digits that begin with `900`.
//!
//! It is made of the record's number and its time, the number first: the order of ids as texts is
//! the order in which the records were written, which the times of two of them need not have. So a
//! reader that goes on after an id misses nothing. The time tells records of two stores apart that
//! have the same number.

use std::fmt;
use std::str::FromStr;

use logout_shared::Timestamp;
use serde::{Serialize, Serializer};

/// The number of a record, in the order in which they were written; 0 comes before the first.
pub type EventNumber = u64;

/// The id of a record.
///
/// # Examples
///
/// ```
/// use logout_issuer::domain::log_id::LogId;
///
/// let id: LogId = "90000000000000000004711000000000000000000001795413600000".parse()?;
/// assert_eq!(id.number, 4_711);
/// assert_eq!(id.date.to_rfc3339(), "2026-11-23T06:00:00.000Z");
/// # Ok::<(), logout_issuer::domain::log_id::NoLogId>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId {
    /// The record's number.
    pub number: EventNumber,
    /// The record's time.
    pub date: Timestamp,
}

/// The text is no id of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a record: {LENGTH} digits that begin with {BEGIN}")]
pub struct NoLogId;

impl LogId {
    /// The numbers of the records whose ids begin with this text; `None` if there are none.
    pub fn beginning_with(text: &str) -> Option<(EventNumber, EventNumber)> {
        if text.len() > LENGTH || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let filled = |with: char| -> Option<EventNumber> {
            let mut filled = text.to_owned();
            filled.extend(std::iter::repeat_n(with, LENGTH - text.len()));
            match filled.get(..BEGIN.len())?.cmp(BEGIN) {
                std::cmp::Ordering::Less => Some(0),
                std::cmp::Ordering::Greater => Some(EventNumber::MAX),
                // More digits than the highest number has are the highest number.
                std::cmp::Ordering::Equal => {
                    let digits = filled.get(BEGIN.len()..DATE_AT)?;
                    Some(digits.parse().unwrap_or(EventNumber::MAX))
                }
            }
        };
        Some((filled('0')?, filled('9')?))
    }
}

const BEGIN: &str = "900";
const DATE_AT: usize = 23;
const LENGTH: usize = 56;

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.date.as_millis().max(0);
        write!(f, "{BEGIN}{:020}{millis:033}", self.number)
    }
}

impl FromStr for LogId {
    type Err = NoLogId;

    fn from_str(text: &str) -> Result<Self, NoLogId> {
        if text.len() != LENGTH || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoLogId);
        }
        let digits = text.strip_prefix(BEGIN).ok_or(NoLogId)?;
        let (number, millis) = digits
            .split_at_checked(DATE_AT - BEGIN.len())
            .ok_or(NoLogId)?;
        let date = millis.parse().map_err(|_| NoLogId)?;
        Ok(Self {
            number: number.parse().map_err(|_| NoLogId)?,
            date: Timestamp::from_millis(date),
        })
    }
}

impl Serialize for LogId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: EventNumber, secs: i64) -> LogId {
        let date = Timestamp::from_secs(secs);
        LogId { number, date }
    }

    #[test]
    fn an_id_is_read_as_it_was_written_and_sorts_by_number() {
        let ids = [id(0, 9), id(1, 8), id(10, 7), id(u64::MAX, 0)];
        let texts = ids.map(|id| id.to_string());
        assert!(texts.is_sorted());
        for (id, text) in ids.iter().zip(&texts) {
            assert_eq!(text.len(), LENGTH);
            assert_eq!(text.parse(), Ok(*id));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let good = id(7, 1).to_string();
        for bad in [
            String::new(),
            good[1..].to_owned(),
            format!("{good}0"),
            good.replacen("900", "901", 1),
            good.replacen('7', "x", 1),
            // One more than the highest number.
            format!("900{}{:033}", "18446744073709551616", 0),
            format!("900{:020}{}", 1, "9".repeat(33)),
        ] {
            assert_eq!(bad.parse::<LogId>(), Err(NoLogId), "{bad}");
        }
    }

    #[test]
    fn a_beginning_stands_for_a_range_of_numbers() {
        assert_eq!(LogId::beginning_with("900"), Some((0, u64::MAX)));
        assert_eq!(LogId::beginning_with(""), Some((0, u64::MAX)));
        assert_eq!(
            LogId::beginning_with("90000000000000000000012"),
            Some((12, 12))
        );
        assert_eq!(
            LogId::beginning_with("9000000000000000000001"),
            Some((10, 19))
        );
        assert_eq!(LogId::beginning_with("90x"), None);
        assert_eq!(LogId::beginning_with(&"9".repeat(57)), None);
    }
}
