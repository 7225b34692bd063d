//! Counting logouts, sign-ins and people.

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::StorageError;
use crate::domain::daily_stats::DayCounts;
use crate::domain::logout_stats::{LogoutCounts, StatsRange};

/// Counts what has happened.
#[async_trait]
pub trait StatsReads {
    /// What ended in each step of the range.
    async fn count_logouts(
        &mut self,
        range: &StatsRange,
    ) -> Result<Vec<LogoutCounts>, StorageError>;

    /// What the event log has of each day from one time to before another, the first day first;
    /// days of which it has nothing are left out.
    async fn count_days(
        &mut self,
        from: Timestamp,
        before: Timestamp,
    ) -> Result<Vec<DayCounts>, StorageError>;

    /// How many people have signed in at this time or later, as far as the event log goes back.
    async fn count_active_users(&mut self, since: Timestamp) -> Result<u64, StorageError>;
}
