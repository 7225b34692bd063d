//! Counting logouts, sign-ins and people.
//!
//! Each statement reads ranges of an index that holds all it needs.

use async_trait::async_trait;
use logout_shared::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::handle::{Link, SqliteHandle};
use super::row::{count, millis, named, number, time};
use crate::domain::daily_stats::{DAY, DayCounts};
use crate::domain::delivery::DeliveryState;
use crate::domain::logout_stats::{LogoutCounts, StatsRange};
use crate::storage::{StatsReads, StorageError};

const SESSIONS: &str = "SELECT (ended_at - ?1) / ?3 AS step, count(*) FROM logout_sessions \
     WHERE ended_at >= ?1 AND ended_at < ?2 GROUP BY step";

/// Latencies of more than a second are rounded, so that there are not too many of them.
const DELIVERIES: &str = "SELECT (finished_at - ?1) / ?3 AS step, state, \
         CASE WHEN state <> 'heard' THEN 0 \
         WHEN finished_at - event_at < 1000 THEN max(0, finished_at - event_at) \
         ELSE (finished_at - event_at) / 100 * 100 END AS latency, count(*) AS deliveries \
     FROM logout_deliveries WHERE finished_at >= ?1 AND finished_at < ?2 \
     GROUP BY step, state, latency ORDER BY step, state, latency";

/// The first condition is that of the index, word for word.
macro_rules! counted {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM logout_events WHERE code IN ('s', 'ss', 'pwd_leak') ",
            $rest
        )
    };
}

const DAYS: &str = counted!(
    "date / ?3 * ?3 AS day, sum(code = 's') AS logins, sum(code = 'ss') AS signups, \
     sum(code = 'pwd_leak') AS leaks, min(date) AS first, max(date) AS last",
    "AND date >= ?1 AND date < ?2 GROUP BY day ORDER BY day"
);

const ACTIVE: &str = counted!("count(DISTINCT user_id)", "AND code = 's' AND date >= ?1");

#[async_trait]
impl<C: Link> StatsReads for SqliteHandle<C> {
    async fn count_logouts(
        &mut self,
        range: &StatsRange,
    ) -> Result<Vec<LogoutCounts>, StorageError> {
        let steps = usize::try_from(range.steps()).unwrap_or(usize::MAX);
        let mut counts = vec![LogoutCounts::default(); steps];
        let step = millis(range.step);
        let bind = |sql| {
            sqlx::query(sql)
                .bind(range.after.as_millis())
                .bind(range.before.as_millis())
                .bind(step)
        };
        let sessions = self.all("counting sessions", bind(SESSIONS), |row| {
            Ok((number::<usize>(row, "step")?, row.try_get::<i64, _>(1)?))
        });
        for (step, ended) in sessions.await? {
            counts[step].sessions_ended = u64::try_from(ended).unwrap_or_default();
        }
        let deliveries = self.all("counting deliveries", bind(DELIVERIES), |row| {
            let state: DeliveryState = named(row, "state")?;
            let step: usize = number(row, "step")?;
            let latency: u64 = number(row, "latency")?;
            Ok((step, state, latency, number::<u64>(row, "deliveries")?))
        });
        for (step, state, latency, count) in deliveries.await? {
            let counts = &mut counts[step];
            match state {
                DeliveryState::Heard => {
                    counts.heard += count;
                    counts.latencies.push((latency, count));
                }
                DeliveryState::Refused => counts.refused += count,
                DeliveryState::GivenUp => counts.given_up += count,
                DeliveryState::Cancelled => counts.cancelled += count,
                _ => {}
            }
        }
        Ok(counts)
    }

    async fn count_days(
        &mut self,
        from: Timestamp,
        before: Timestamp,
    ) -> Result<Vec<DayCounts>, StorageError> {
        let query = sqlx::query(DAYS)
            .bind(from.as_millis())
            .bind(before.as_millis())
            .bind(millis(DAY));
        let read = |row: &SqliteRow| {
            Ok(DayCounts {
                day: time(row, "day")?,
                logins: number(row, "logins")?,
                signups: number(row, "signups")?,
                leaked_passwords: number(row, "leaks")?,
                first: time(row, "first")?,
                last: time(row, "last")?,
            })
        };
        self.all("counting days", query, read).await
    }

    async fn count_active_users(&mut self, since: Timestamp) -> Result<u64, StorageError> {
        let query = sqlx::query(ACTIVE).bind(since.as_millis());
        let counted = self.one("counting active users", query, count);
        Ok(counted.await?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn only_the_range_is_read_and_only_of_its_index() {
        let index = "COVERING INDEX logout_sessions_ended (ended_at>? AND ended_at<?)";
        assert_plan(SESSIONS, &[index]).await;
        let index = "COVERING INDEX logout_deliveries_finished (finished_at>? AND finished_at<?)";
        assert_plan(DELIVERIES, &[index]).await;
        let index = "COVERING INDEX logout_events_counted (code=? AND date>? AND date<?)";
        assert_plan(DAYS, &[index]).await;
        let index = "COVERING INDEX logout_events_counted (code=? AND date>?)";
        assert_plan(ACTIVE, &[index]).await;
    }
}
