//! Assertions of clients, each of which is good once.

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::StorageError;
use crate::domain::client_assertion::UsedAssertion;

/// Writes what is remembered of assertions.
#[async_trait]
pub trait ClientAssertionWrites {
    /// Uses an assertion up; `false` if it was used before and is not dead yet at `now`.
    async fn use_assertion(
        &mut self,
        assertion: &UsedAssertion,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Forgets assertions that are dead at `now`, the oldest first, `limit` at most; gives how many.
    async fn delete_dead_assertions(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;
}
