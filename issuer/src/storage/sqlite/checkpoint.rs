//! Moves what was written from the journal to its place in the file, beside the writer.
//!
//! SQLite itself does so inside the commit that fills the journal, and somebody waits for that
//! commit. It still does, but then little is left.

use std::time::Duration;

use sqlx::sqlite::SqlitePool;
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;

/// How often it looks whether something is to be moved; where nothing is, that touches no disk.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Moves pages until the connections are closed or the handle is dropped.
///
/// A connection on which only queries are allowed may do it: no content changes.
pub(super) fn keep_moving(connections: SqlitePool) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !connections.is_closed() {
            ticks.tick().await;
            // Passive: it waits for nobody, and leaves what somebody still reads elsewhere.
            let moved = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
                .execute(&connections)
                .await;
            if let Err(error) = moved {
                tracing::debug!(%error, "left the store's journal to the next commit");
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Store;
    use crate::storage::sqlite::{SqliteOptions, SqliteStore};

    #[tokio::test]
    async fn the_little_that_fills_no_journal_comes_to_its_place_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("issuer.db");
        let store = SqliteStore::open(&SqliteOptions::file(&path)).await;
        let store: &dyn Store = &*store.unwrap();
        let written =
            store.write(|tx| Box::pin(async move { tx.mark_bootstrapped("to-be-moved").await }));
        written.await.unwrap();
        let is_in_its_place = || {
            let file = std::fs::read(&path).unwrap();
            file.windows(11).any(|part| part == b"to-be-moved")
        };
        let moved = async {
            while !is_in_its_place() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let moved = tokio::time::timeout(Duration::from_secs(20), moved).await;
        moved.expect("it is moved by itself");
    }
}
