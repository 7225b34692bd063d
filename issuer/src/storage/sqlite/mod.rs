//! The store in one SQLite file.
//!
//! One connection writes, in groups (`writer.rs`); others read, each snapshot in a transaction of
//! its own, and `checkpoint.rs` keeps the journal short. The command line may open the same file
//! beside a running server: `watch.rs` notices its commits, and `lock.rs` keeps a second server
//! away. SQL stands in the files of this folder alone; they have the names of the traits in
//! `storage/`.

mod actions;
mod authorizations;
mod batch;
mod checkpoint;
mod client_assertions;
mod clients;
mod condition;
mod event_log;
mod handle;
mod known_clients;
mod lock;
mod migrations;
mod open;
mod outbox;
mod participants;
#[cfg(test)]
mod plans;
mod refresh_tokens;
mod row;
mod sessions;
mod signing_keys;
mod stats;
mod tenant_settings;
mod users;
mod watch;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use logout_shared::Timestamp;
use sqlx::sqlite::SqlitePool;
use tokio_util::task::AbortOnDropHandle;

pub use handle::{Link, SqliteHandle, SqliteTransaction};
pub use lock::{LockError, ServerLock};
pub use open::{OpenError, SqliteOptions};

use self::handle::SqliteSnapshot;
use self::open::{Opened, TemporaryFolder};
use self::watch::{Signals, Watch};
use self::writer::Writer;
use super::{DeliveryDesk, Snapshot, StorageError, Store, WriteWork};

/// How long closing waits for snapshots that are still being read.
const READERS_MAY_TAKE: Duration = Duration::from_secs(5);

/// A store in one SQLite file.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use logout_issuer::storage::sqlite::SqliteStore;
/// use logout_issuer::storage::{Store, StorageError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store: Arc<dyn Store> = SqliteStore::in_memory().await?;
/// store
///     .write(|tx| Box::pin(async move { tx.mark_bootstrapped("shop").await }))
///     .await?;
/// assert!(store.read().await?.was_bootstrapped("shop").await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    signals: Arc<Signals>,
    path: PathBuf,
    _checkpoints: AbortOnDropHandle<()>,
    // Last, so that the connections are dropped before their files.
    _temporary: Option<TemporaryFolder>,
}

impl SqliteStore {
    /// Opens a store, making its folder and file and bringing its schema up to date as needed.
    ///
    /// # Errors
    ///
    /// [`OpenError`] says what is wrong with the file.
    pub fn open(options: &SqliteOptions) -> BoxFuture<'_, Result<Arc<Self>, OpenError>> {
        // Boxed, so that all below it is compiled here and not again in every program that calls it.
        Box::pin(async move {
            let opened = open::open(options).await?;
            Ok(Arc::new(Self::serve(opened).await?))
        })
    }

    /// Starts the writer on an open file.
    async fn serve(mut opened: Opened) -> Result<Self, OpenError> {
        let watch = Watch::start(&mut opened.writer).await;
        let watch = watch.map_err(|error| OpenError::Failed {
            path: opened.path.clone(),
            source: error.into(),
        })?;
        let signals = Arc::new(Signals::default());
        Ok(Self {
            writer: Writer::start(opened.writer, watch, Arc::clone(&signals)),
            _checkpoints: checkpoint::keep_moving(opened.readers.clone()),
            readers: opened.readers,
            signals,
            path: opened.path,
            _temporary: opened.temporary,
        })
    }

    /// A store for tests and trials, gone with its owner.
    ///
    /// It is a temporary file that is never synchronised: quick, and otherwise like any other.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if there is no room for temporary files.
    pub async fn in_memory() -> Result<Arc<Self>, OpenError> {
        Self::open(&SqliteOptions::in_memory()).await
    }

    /// Becomes the one server on this file, and takes over the leases of a server that died.
    ///
    /// # Errors
    ///
    /// [`LockError::Taken`] while another server runs.
    pub async fn lock_for_server(&self, now: Timestamp) -> Result<ServerLock, LockError> {
        let lock = ServerLock::take(&self.path)?;
        let store: &dyn Store = self;
        let released = store.write(move |tx| tx.release_all_deliveries(now));
        let released: u64 = released.await.map_err(LockError::Storage)?;
        if released > 0 {
            tracing::info!(
                released,
                "took over {released} deliveries of a server that died"
            );
        }
        Ok(lock)
    }

    /// The store's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number that changes when another process or connection wrote: what was read before may
    /// be out of date. Writes through this store do not change it.
    pub fn data_version(&self) -> u64 {
        self.signals.foreign_commits()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn read(&self) -> Result<Box<dyn Snapshot>, StorageError> {
        let begun = self.readers.begin().await;
        let transaction = begun.map_err(|error| StorageError::new("beginning to read", error))?;
        Ok(Box::new(SqliteSnapshot::over(transaction)))
    }

    async fn run_write(&self, work: WriteWork) -> Result<(), StorageError> {
        self.writer.write(work).await
    }

    fn attend(&self, desk: Option<Arc<dyn DeliveryDesk>>) {
        self.signals.attend(desk);
    }

    async fn wait_for_deliveries(&self, at_most: Duration) {
        self.signals.wait(at_most).await;
    }

    fn ring_bell(&self) {
        self.signals.ring();
    }

    async fn close(&self) {
        self.writer.close().await;
        let closed = tokio::time::timeout(READERS_MAY_TAKE, self.readers.close());
        if closed.await.is_err() {
            tracing::warn!("the store was closed while somebody read it");
        }
    }
}
