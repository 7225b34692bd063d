//! The bell that wakes the delivery worker, the desk where it takes new deliveries over, and the
//! look at what other processes wrote.
//!
//! A commit of our own rings the bell at once. One of another process, such as the command line,
//! or of a connection of the host's own shows in `PRAGMA data_version` on the writer's connection,
//! which counts the commits of all but that connection; it is looked at four times a second.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::SqliteConnection;
use tokio::sync::Notify;

use crate::storage::DeliveryDesk;

/// How often the writer looks for commits of others.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Another number after each commit through another connection than the one that is asked.
const DATA_VERSION: &str = "PRAGMA data_version";

/// What the writer tells the rest of the process.
#[derive(Default)]
pub(super) struct Signals {
    bell: Notify,
    foreign_commits: AtomicU64,
    desk: Mutex<Option<Arc<dyn DeliveryDesk>>>,
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").finish_non_exhaustive()
    }
}

impl Signals {
    /// Wakes the one who waits, or the next one who will.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    pub(super) async fn wait(&self, at_most: Duration) {
        // Woken or not: the caller looks at the store in both cases.
        let _ = tokio::time::timeout(at_most, self.bell.notified()).await;
    }

    /// Who takes over new deliveries.
    pub(super) fn desk(&self) -> Option<Arc<dyn DeliveryDesk>> {
        self.lock_desk().clone()
    }

    pub(super) fn attend(&self, desk: Option<Arc<dyn DeliveryDesk>>) {
        *self.lock_desk() = desk;
    }

    fn lock_desk(&self) -> MutexGuard<'_, Option<Arc<dyn DeliveryDesk>>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn foreign_commits(&self) -> u64 {
        self.foreign_commits.load(Ordering::Acquire)
    }
}

/// Remembers what was seen last.
#[derive(Debug)]
pub(super) struct Watch(i64);

impl Watch {
    /// Starts to watch: what is committed from now on will be noticed.
    pub(super) async fn start(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        data_version(connection).await.map(Self)
    }

    /// Tells of commits that others made since the previous look.
    pub(super) async fn look(&mut self, connection: &mut SqliteConnection, signals: &Signals) {
        match data_version(connection).await {
            Ok(version) if version == self.0 => {}
            Ok(version) => {
                self.0 = version;
                signals.foreign_commits.fetch_add(1, Ordering::Release);
                signals.ring();
            }
            // The next write will fail as well and tell its caller.
            Err(error) => tracing::debug!(%error, "could not look for other processes' commits"),
        }
    }
}

async fn data_version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(DATA_VERSION).fetch_one(connection).await
}
