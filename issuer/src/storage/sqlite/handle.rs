//! One connection with which the repositories of this folder work.
//!
//! All traits are implemented once, for a handle over anything that leads to a connection: a
//! reader's transaction, the writer's, or one that somebody else began. A statement that fails
//! fails the handle: SQLite may have rolled the whole transaction back (disk full, I/O error), and
//! what came after would be committed on its own. The writer undoes the work of a failed handle.
//! Neighbours: `row.rs` reads columns, `batch.rs` builds statements over many rows.

use std::error::Error;
use std::fmt;
use std::ops::DerefMut;
use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Sqlite, SqliteConnection};

use super::known_clients::KnownClients;
use crate::storage::{Births, DeliveryDesk, HostTransaction, Snapshot, StorageError, Transaction};

/// Anything that leads to a connection.
pub trait Link: DerefMut<Target = SqliteConnection> + Send {}

impl<C: DerefMut<Target = SqliteConnection> + Send> Link for C {}

/// A view or a piece of work on a connection that is inside a transaction.
pub struct SqliteHandle<C> {
    link: C,
    failed: bool,
    moved_deliveries: bool,
    desk: Option<Arc<dyn DeliveryDesk>>,
    births: Births,
    pub(super) clients: KnownClients,
}

/// Work inside a transaction that somebody else began, on the same file as the store.
///
/// Who began it commits it or rolls it back. After the commit the store notices new deliveries
/// within a quarter of a second.
pub type SqliteTransaction<'c> = SqliteHandle<&'c mut SqliteConnection>;

/// A reader's consistent view.
pub(super) type SqliteSnapshot = SqliteHandle<sqlx::Transaction<'static, Sqlite>>;

/// A statement with its arguments.
pub(super) type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

/// Why a row could not be read.
pub(super) type Unreadable = Box<dyn Error + Send + Sync>;

impl<C: Link> SqliteHandle<C> {
    /// Works on a connection that is inside a transaction.
    pub fn over(link: C) -> Self {
        Self {
            link,
            failed: false,
            moved_deliveries: false,
            desk: None,
            births: Births::default(),
            clients: KnownClients::default(),
        }
    }

    /// Lets new deliveries be born at a desk.
    pub(super) fn at_desk(self, desk: Option<Arc<dyn DeliveryDesk>>) -> Self {
        Self { desk, ..self }
    }

    /// Lets it use clients that the connection's former transactions have read.
    pub(super) fn knowing(self, clients: KnownClients) -> Self {
        Self { clients, ..self }
    }

    pub(super) fn desk(&self) -> Option<Arc<dyn DeliveryDesk>> {
        self.desk.clone()
    }

    /// What was born in this transaction, for the desk.
    pub(super) fn births(&mut self) -> &mut Births {
        &mut self.births
    }

    /// Whether a statement failed, so that nothing of this transaction may be kept.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether a delivery was made or may be due at another time than before.
    pub(super) fn has_moved_deliveries(&self) -> bool {
        self.moved_deliveries
    }

    pub(super) fn note_moved_deliveries(&mut self) {
        self.moved_deliveries = true;
    }

    /// Runs a statement and gives how many rows it changed.
    pub(super) async fn run(
        &mut self,
        doing: &'static str,
        query: Query<'_>,
    ) -> Result<u64, StorageError> {
        self.refuse_if_failed(doing)?;
        let ran = query.execute(&mut *self.link).await;
        Ok(self.check(doing, ran)?.rows_affected())
    }

    /// The row that a statement gives, if any.
    pub(super) async fn one<T>(
        &mut self,
        doing: &'static str,
        query: Query<'_>,
        read: fn(&SqliteRow) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, StorageError> {
        self.refuse_if_failed(doing)?;
        let row = query.fetch_optional(&mut *self.link).await;
        let row = self.check(doing, row)?;
        let read = row.as_ref().map(read).transpose();
        read.map_err(|unreadable| StorageError::new(doing, unreadable))
    }

    /// All rows that a statement gives.
    pub(super) async fn all<T>(
        &mut self,
        doing: &'static str,
        query: Query<'_>,
        read: fn(&SqliteRow) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, StorageError> {
        self.refuse_if_failed(doing)?;
        let rows = query.fetch_all(&mut *self.link).await;
        let rows = self.check(doing, rows)?;
        let read: Result<Vec<T>, Unreadable> = rows.iter().map(read).collect();
        read.map_err(|unreadable| StorageError::new(doing, unreadable))
    }

    fn refuse_if_failed(&self, doing: &'static str) -> Result<(), StorageError> {
        if self.failed {
            return Err(StorageError::new(
                doing,
                "an earlier statement of this transaction failed",
            ));
        }
        Ok(())
    }

    fn check<T>(
        &mut self,
        doing: &'static str,
        result: Result<T, sqlx::Error>,
    ) -> Result<T, StorageError> {
        self.failed = result.is_err();
        result.map_err(|error| StorageError::new(doing, error))
    }
}

impl<C> fmt::Debug for SqliteHandle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteHandle").finish_non_exhaustive()
    }
}

impl<'t> HostTransaction<'t> for &'t mut sqlx::Transaction<'_, Sqlite> {
    type Work = SqliteTransaction<'t>;

    fn enlist(self) -> SqliteTransaction<'t> {
        SqliteHandle::over(&mut **self)
    }
}

impl<C: Link> Snapshot for SqliteHandle<C> {}
impl<C: Link> Transaction for SqliteHandle<C> {}
