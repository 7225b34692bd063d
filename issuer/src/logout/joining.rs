//! A client joins a session while it may be told that all sessions of the user are over.
//!
//! One token without `sid` ends whatever the client has of the user. Were the person to sign in
//! there while such a token is on its way, some clients would end the new session with the old
//! ones. So a join waits until the attempt has ended, for a few seconds at most; every attempt
//! after the join sees the new session and names the old ones one by one.

use std::time::Duration;

use logout_shared::{ClientId, Clock, Subject, Timestamp};
use tokio::time::Instant;

use crate::storage::{StorageError, Store, Transaction};

/// How long a join waits at most.
const JOIN_WAIT: Duration = Duration::from_secs(5);

/// How often a waiting join looks. Another node may hold the attempt, so no bell rings here.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long one join has been waiting.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    until: Instant,
}

impl Patience {
    /// Begins now, and ends in five seconds.
    pub fn begin() -> Self {
        Self {
            until: Instant::now() + JOIN_WAIT,
        }
    }

    /// Waits until no token without `sid` is on its way for this user to this client, or until
    /// patience is over.
    ///
    /// # Errors
    ///
    /// [`StorageError`] if the store cannot be read.
    pub async fn wait(
        self,
        store: &dyn Store,
        user: &Subject,
        client: &ClientId,
        clock: &dyn Clock,
    ) -> Result<(), StorageError> {
        while !self.is_over(Instant::now()) {
            let mut view = store.read().await?;
            if !view.has_subject_attempt(user, client, clock.now()).await? {
                break;
            }
            drop(view);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn is_over(self, now: Instant) -> bool {
        now >= self.until
    }
}

/// Whether a join must wait: an attempt to tell this client of all of the user's sessions is under
/// way, and patience is not over. To be asked in the transaction that joins.
///
/// # Errors
///
/// [`StorageError`] if the store cannot be read.
pub async fn is_told_of_all_sessions(
    tx: &mut dyn Transaction,
    user: &Subject,
    client: &ClientId,
    patience: Patience,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(!patience.is_over(Instant::now()) && tx.has_subject_attempt(user, client, now).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_over_after_five_seconds_and_not_before() {
        let patience = Patience::begin();
        assert!(!patience.is_over(patience.until - Duration::from_millis(1)));
        assert!(patience.is_over(patience.until));
        assert!(patience.until <= Instant::now() + Duration::from_secs(5));
    }
}
