//! Who waits for first answers: a sign-out that redirects once the clients were told.
//!
//! A delivery is answered when its first attempt has ended, however it ended. Whoever waits
//! registers before looking at the store, so that an answer in between is not missed.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;

use crate::domain::delivery::DeliveryId;
use crate::storage::{StorageError, Store};

/// Those who wait for first answers.
#[derive(Debug, Default)]
pub struct Waiters {
    waiting: Mutex<HashMap<DeliveryId, Vec<oneshot::Sender<()>>>>,
}

impl Waiters {
    /// Waits until the first attempt at each delivery has ended, or `at_most`; gives whether all
    /// of them have.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store cannot be read.
    pub async fn wait_for_first_attempts(
        &self,
        store: &dyn Store,
        ids: &[DeliveryId],
        at_most: Duration,
    ) -> Result<bool, StorageError> {
        if ids.is_empty() {
            return Ok(true);
        }
        let _registered = Registered { waiters: self, ids };
        let answers: Vec<_> = ids.iter().map(|id| self.register(*id)).collect();
        let wait = async {
            let mut snapshot = store.read().await?;
            for id in ids {
                if snapshot
                    .find_delivery(*id)
                    .await?
                    .is_none_or(|known| known.attempts > 0)
                {
                    self.answered(*id);
                }
            }
            drop(snapshot);
            // A sender that is dropped without a word belongs to a worker that stopped.
            Ok(join_all(answers)
                .await
                .into_iter()
                .all(|answer| answer.is_ok()))
        };
        tokio::time::timeout(at_most, wait)
            .await
            .unwrap_or(Ok(false))
    }

    /// Notes that the first attempt at a delivery has ended.
    pub(super) fn answered(&self, id: DeliveryId) {
        for waiting in self.lock().remove(&id).into_iter().flatten() {
            // Nobody listens any more: the wait was over before.
            let _ = waiting.send(());
        }
    }

    fn register(&self, id: DeliveryId) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.lock().entry(id).or_default().push(sender);
        receiver
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<DeliveryId, Vec<oneshot::Sender<()>>>> {
        self.waiting
            .lock()
            .expect("no code panics while it holds this lock")
    }
}

/// Forgets, when the wait is over or abandoned, who no longer listens.
struct Registered<'w> {
    waiters: &'w Waiters,
    ids: &'w [DeliveryId],
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiters.lock();
        for id in self.ids {
            if let Some(senders) = waiting.get_mut(id) {
                senders.retain(|sender| !sender.is_closed());
                if senders.is_empty() {
                    waiting.remove(id);
                }
            }
        }
    }
}
