//! Where the issuer keeps what it must not forget, behind traits.
//!
//! `Store::write` returns after the durable commit: what it gave back has happened
//! and survives a crash. A write sees a consistent store and holds off other writes to the rows
//! it locked; neither network nor a script ever runs inside one. Not found is `None`; a
//! [`StorageError`] says what was being done, and nobody matches on a driver.
//!
//! One trait a file; `sqlite/` has the same file names.

mod actions;
mod authorizations;
mod client_assertions;
mod clients;
mod event_log;
mod outbox;
mod participants;
mod refresh_tokens;
pub mod search;
mod sessions;
mod signing_keys;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod stats;
mod tenant_settings;
mod users;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

pub use actions::{ActionReads, ActionWrites};
pub use authorizations::{AuthorizationReads, AuthorizationWrites, CodeUse};
pub use client_assertions::ClientAssertionWrites;
pub use clients::{ClientReads, ClientWrites};
pub use event_log::{
    EventField, EventKey, EventLogReads, EventLogWrites, EventNumber, EventSearch, EventTest,
    FoundEvents, LOOKED_AT, LogRecord, REACHABLE,
};
pub use outbox::{
    Birth, Births, ClaimedDelivery, DeliveryDesk, DeliveryFilter, DeliveryPage, DueDeliveries,
    EndpointBacklog, Lease, OutboxReads, OutboxWrites, RecordedAttempt, Seat, TakeSlot,
};
pub use participants::{ParticipantReads, ParticipantWrites, UntoldParticipant};
pub use refresh_tokens::{RefreshGrants, RefreshTokenReads, RefreshTokenWrites};
pub use sessions::{SessionPage, SessionReads, SessionWrites};
pub use signing_keys::{SigningKeyReads, SigningKeyWrites};
pub use stats::StatsReads;
pub use tenant_settings::{TenantSettingsReads, TenantSettingsWrites};
pub use users::{
    FoundUsers, UserField, UserFlag, UserKey, UserReads, UserSearch, UserTest, UserTime, UserWrites,
};

/// A storage operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("storage failed while {doing}")]
pub struct StorageError {
    /// What was being done, such as `reading a session`.
    pub doing: &'static str,
    /// The driver's error.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl StorageError {
    /// Wraps a driver's error.
    pub fn new(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            doing,
            source: source.into(),
        }
    }
}

/// A consistent view for reading.
pub trait Snapshot:
    SessionReads
    + ParticipantReads
    + ClientReads
    + UserReads
    + AuthorizationReads
    + RefreshTokenReads
    + OutboxReads
    + EventLogReads
    + SigningKeyReads
    + StatsReads
    + ActionReads
    + TenantSettingsReads
    + Send
{
}

/// A piece of work that is committed as a whole or not at all.
pub trait Transaction:
    Snapshot
    + SessionWrites
    + ParticipantWrites
    + ClientWrites
    + ClientAssertionWrites
    + UserWrites
    + AuthorizationWrites
    + RefreshTokenWrites
    + OutboxWrites
    + EventLogWrites
    + SigningKeyWrites
    + ActionWrites
    + TenantSettingsWrites
{
}

/// A transaction that somebody else began for work of their own, in the store's database.
pub trait HostTransaction<'t> {
    /// The store's work inside it.
    type Work: Transaction + 't;

    /// Works inside it; it stays the host's to commit or to roll back.
    fn enlist(self) -> Self::Work;
}

/// Whether a piece of work is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// Make it durable.
    Keep,
    /// Undo it.
    Discard,
}

/// A boxed piece of work; `Store::write` makes it from a closure.
pub type WriteWork =
    Box<dyn for<'t> FnOnce(&'t mut dyn Transaction) -> BoxFuture<'t, Commit> + Send>;

/// A store.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// A view for reading.
    async fn read(&self) -> Result<Box<dyn Snapshot>, StorageError>;

    /// Runs work and returns after its durable commit, or after it was undone.
    async fn run_write(&self, work: WriteWork) -> Result<(), StorageError>;

    /// Lets new deliveries be born at this desk from now on; with `None`, at no desk.
    fn attend(&self, desk: Option<Arc<dyn DeliveryDesk>>);

    /// Returns when a delivery may be due, and after `at_most` in any case.
    ///
    /// A commit that made or moved deliveries wakes it, also one that happened since the
    /// previous call returned.
    async fn wait_for_deliveries(&self, at_most: Duration);

    /// Wakes [`wait_for_deliveries`](Self::wait_for_deliveries).
    fn ring_bell(&self);

    /// Finishes what is queued and closes the store.
    async fn close(&self);
}

impl dyn Store {
    /// Runs `work` in a transaction and returns its result after the durable commit.
    ///
    /// An `Err` from `work` undoes all it did, and nothing else. The closure is moved to the
    /// writer, so it owns what it needs.
    ///
    /// # Errors
    ///
    /// What `work` gave, or a [`StorageError`] if the commit failed.
    ///
    /// # Panics
    ///
    /// If a store reports a commit without having run the work.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Transaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let slot = Arc::new(Mutex::new(None));
        let inner = Arc::clone(&slot);
        let boxed: WriteWork = Box::new(move |tx| {
            Box::pin(async move {
                let result = work(tx).await;
                let commit = if result.is_ok() {
                    Commit::Keep
                } else {
                    Commit::Discard
                };
                *inner
                    .lock()
                    .expect("no code panics while it holds this lock") = Some(result);
                commit
            })
        });
        self.run_write(boxed).await?;
        let result = slot
            .lock()
            .expect("no code panics while it holds this lock")
            .take();
        result.expect("the store has run the work")
    }
}
