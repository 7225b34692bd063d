//! The event log.

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::StorageError;
use crate::domain::delivery::DeliveryId;
use crate::domain::event_log::{LogCode, LogEvent};

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

    /// The number of the latest record that there ever was.
    async fn latest_event(&mut self) -> Result<EventNumber, StorageError>;

    /// Records with one of these codes after a number, oldest first, `limit` at most: their numbers
    /// and the deliveries that they are about.
    async fn events_after(
        &mut self,
        after: EventNumber,
        codes: &[LogCode],
        limit: u32,
    ) -> Result<Vec<(EventNumber, Option<DeliveryId>)>, StorageError>;
}

/// The number of a record, in the order in which they were written; 0 comes before the first.
pub type EventNumber = u64;

/// Writes the event log.
#[async_trait]
pub trait EventLogWrites {
    /// Appends records in one statement a chunk.
    async fn append_events(&mut self, events: &[LogEvent]) -> Result<(), StorageError>;

    /// Deletes up to `limit` records of this time or earlier; gives how many.
    async fn delete_events(&mut self, until: Timestamp, limit: u32) -> Result<u64, StorageError>;
}
