//! The event log.

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::StorageError;
use crate::domain::event_log::LogEvent;

/// A stored record.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// Sorts by time.
    pub log_id: String,
    /// What happened. `code` is on the wire form here, for records of other versions too.
    pub code: String,
    /// The record's members by the names that they have in [`LogEvent`], but for `code`; those that
    /// are absent or null are left out.
    pub event: serde_json::Value,
}

/// Reads the event log.
#[async_trait]
pub trait EventLogReads {
    /// Records, newest first, skipping `offset`, `limit` at most, of one code if given.
    async fn list_events(
        &mut self,
        code: Option<&str>,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<LogRecord>, StorageError>;
}

/// Writes the event log.
#[async_trait]
pub trait EventLogWrites {
    /// Appends records in one statement a chunk.
    async fn append_events(&mut self, events: &[LogEvent]) -> Result<(), StorageError>;

    /// Deletes up to `limit` records of this time or earlier; gives how many.
    async fn delete_events(&mut self, until: Timestamp, limit: u32) -> Result<u64, StorageError>;
}
