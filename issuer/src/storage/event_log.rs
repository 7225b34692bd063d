//! The event log.

use std::ops::Bound;

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::StorageError;
use super::search::{Condition, TextTest};
use crate::domain::delivery::DeliveryId;
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::log_id::LogId;

pub use crate::domain::log_id::EventNumber;

/// A stored record.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// Sorts as the records were written.
    pub log_id: LogId,
    /// What happened. `code` is on the wire form here, for records of other versions too.
    pub code: String,
    /// The record's members by the names that they have in [`LogEvent`], but for `code`; those that
    /// are absent or null are left out.
    pub event: serde_json::Value,
}

/// How many records a search looks at for each of the values that lead it, the newest first unless
/// it asks for the oldest.
///
/// Without it a search for what no index knows would read the whole log.
pub const LOOKED_AT: u32 = 100_000;

/// How many records a search can reach, page by page.
pub const REACHABLE: u32 = 1_000;

/// A member of a record that can be searched for and sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the member of that name in `LogEvent`")]
pub enum EventField {
    Code,
    Client,
    ClientName,
    User,
    UserName,
    Ip,
    UserAgent,
    Description,
}

/// A test of one member of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum EventTest {
    /// A text.
    Text(EventField, TextTest),
    /// The record's time.
    Date(Bound<Timestamp>, Bound<Timestamp>),
    /// The record's number.
    Number(Bound<EventNumber>, Bound<EventNumber>),
}

/// What the records of a search are sorted by. Those that are equal are sorted by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKey {
    /// The number, which is the order of time but for the moments that writing takes.
    Number,
    /// A member.
    Field(EventField),
    /// The details as JSON.
    Details,
}

/// A search of the event log.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSearch {
    /// Which records are meant.
    pub condition: Condition<EventTest>,
    /// What they are sorted by.
    pub key: EventKey,
    /// Whether the highest comes first.
    pub descending: bool,
    /// How many of them come before the first that is given.
    pub skip: u32,
    /// How many are given at most.
    pub take: u32,
    /// Whether it is counted how many there are.
    pub count: bool,
}

impl EventSearch {
    /// The latest records that are meant.
    pub fn latest(condition: Condition<EventTest>, take: u32) -> Self {
        Self {
            condition,
            key: EventKey::Number,
            descending: true,
            skip: 0,
            take,
            count: false,
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundEvents {
    /// The records, in the order asked for.
    pub records: Vec<LogRecord>,
    /// How many there are, [`REACHABLE`] at most, if it was to be counted.
    pub count: Option<u32>,
    /// The last record that was looked at, if the search stopped there ([`LOOKED_AT`]) without
    /// having found all that it was asked for.
    pub stopped_at: Option<EventNumber>,
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

    /// Records that fit a condition.
    ///
    /// A date is looked for among records that were written within ten minutes of it: one whose
    /// clock was further off is found by everything else.
    async fn search_events(&mut self, search: &EventSearch) -> Result<FoundEvents, StorageError>;

    /// Records after a number in the order in which they were written, `limit` at most; with
    /// `of_users` only those that are about a user.
    async fn list_events_after(
        &mut self,
        after: EventNumber,
        of_users: bool,
        limit: u32,
    ) -> Result<Vec<LogRecord>, StorageError>;

    /// The record with a number.
    async fn find_event(&mut self, number: EventNumber) -> Result<Option<LogRecord>, StorageError>;

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

/// Writes the event log.
#[async_trait]
pub trait EventLogWrites {
    /// Appends records in one statement a chunk.
    async fn append_events(&mut self, events: &[LogEvent]) -> Result<(), StorageError>;

    /// Deletes up to `limit` records of this time or earlier; gives how many.
    async fn delete_events(&mut self, until: Timestamp, limit: u32) -> Result<u64, StorageError>;
}
