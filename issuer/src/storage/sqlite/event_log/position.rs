//! Where in the order of numbers a date lies.
//!
//! Numbers ascend as records are written and their dates do so too, but for the moments between
//! taking the time and writing, and for clocks that are set. So a date is found by halving, with
//! [`SLACK`] around it, and what is found is compared by its own date again: a record whose clock
//! was further off is at worst not found by its date, and is never deleted early.

use std::ops::Bound;
use std::time::Duration;

use logout_shared::Timestamp;

use crate::storage::StorageError;
use crate::storage::sqlite::handle::{Link, SqliteHandle};
use crate::storage::sqlite::row::number;

/// How far the date of a record may lie from the dates of those written before and after it.
const SLACK: Duration = Duration::from_mins(10);

/// How many of the oldest records are looked through for old ones in any case: halving may have met
/// a group whose clock was wrong.
const LOOKED_THROUGH: i64 = 10_000;

const ENDS: &str = "SELECT (SELECT min(id) FROM logout_events) AS first, \
     (SELECT max(id) FROM logout_events) AS last WHERE EXISTS (SELECT 1 FROM logout_events)";

/// The date of the first record at or after a number.
const DATE_AT: &str = "SELECT date FROM logout_events WHERE id >= ?1 ORDER BY id LIMIT 1";

/// A range of numbers, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Window {
    /// The numbers that are in both.
    pub(super) fn within(self, first: i64, last: i64) -> Self {
        Self {
            first: self.first.max(first),
            last: self.last.min(last),
        }
    }

    pub(super) fn is_empty(self) -> bool {
        self.first > self.last
    }
}

impl<C: Link> SqliteHandle<C> {
    /// From the first record to the last; `None` without any.
    pub(super) async fn all_events(&mut self) -> Result<Option<Window>, StorageError> {
        let query = sqlx::query(ENDS);
        let ends = self.one("looking for the ends of the event log", query, |row| {
            Ok(Window {
                first: number(row, "first")?,
                last: number(row, "last")?,
            })
        });
        ends.await
    }

    /// Part of a window that holds all its records with dates in a range.
    pub(super) async fn dated(
        &mut self,
        window: Window,
        (from, to): (Bound<Timestamp>, Bound<Timestamp>),
    ) -> Result<Window, StorageError> {
        let mut dated = window;
        if let Bound::Included(from) | Bound::Excluded(from) = from {
            dated.first = self.halve(window, from - SLACK).await?;
        }
        if let Bound::Included(to) | Bound::Excluded(to) = to {
            dated.last = self.halve(window, to + SLACK).await?.min(window.last);
        }
        Ok(dated)
    }

    /// The number before which records of a time or earlier are looked for; `None` if there are no
    /// records.
    pub(super) async fn end_of_events_until(
        &mut self,
        time: Timestamp,
    ) -> Result<Option<i64>, StorageError> {
        let Some(all) = self.all_events().await? else {
            return Ok(None);
        };
        let end = self.halve(all, time + SLACK).await?;
        Ok(Some(end.max(all.first.saturating_add(LOOKED_THROUGH))))
    }

    /// The lowest number in a window from which on records are later than a time; one past its end
    /// if there is none.
    async fn halve(&mut self, window: Window, time: Timestamp) -> Result<i64, StorageError> {
        let (mut low, mut high) = (window.first, window.last.saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            let query = sqlx::query(DATE_AT).bind(middle);
            let date = self.one("looking for a date", query, |row| number(row, "date"));
            let is_later = date.await?.is_none_or(|date: i64| date > time.as_millis());
            if is_later {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::plan_of;

    #[tokio::test]
    async fn neither_the_ends_nor_a_date_are_looked_for_in_all_records() {
        for sql in [ENDS, DATE_AT] {
            let plan = plan_of(sql).await;
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
        let plan = plan_of(DATE_AT).await;
        assert!(plan.contains("INTEGER PRIMARY KEY (rowid>?)"), "{plan}");
    }
}
