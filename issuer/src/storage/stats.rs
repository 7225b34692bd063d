//! Counting logouts.

use async_trait::async_trait;

use super::StorageError;
use crate::domain::logout_stats::{LogoutCounts, StatsRange};

/// Counts what has ended.
#[async_trait]
pub trait StatsReads {
    /// What ended in each step of the range.
    async fn count_logouts(
        &mut self,
        range: &StatsRange,
    ) -> Result<Vec<LogoutCounts>, StorageError>;
}
