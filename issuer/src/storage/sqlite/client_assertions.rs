//! Assertions of clients, each of which is good once.
//!
//! Looking and remembering is one statement, so of two at once one is the first.

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::handle::{Link, SqliteHandle};
use crate::domain::client_assertion::UsedAssertion;
use crate::storage::{ClientAssertionWrites, StorageError};

const USE: &str = "INSERT INTO logout_used_assertions (digest, dead_at) VALUES (?1, ?2) \
     ON CONFLICT (digest) DO UPDATE SET dead_at = excluded.dead_at WHERE dead_at <= ?3";

const DELETE: &str = "DELETE FROM logout_used_assertions WHERE digest IN \
     (SELECT digest FROM logout_used_assertions WHERE dead_at <= ?1 ORDER BY dead_at LIMIT ?2)";

#[async_trait]
impl<C: Link> ClientAssertionWrites for SqliteHandle<C> {
    async fn use_assertion(
        &mut self,
        assertion: &UsedAssertion,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let query = sqlx::query(USE)
            .bind(assertion.digest.as_slice())
            .bind(assertion.dead_at.as_millis())
            .bind(now.as_millis());
        Ok(self.run("using an assertion", query).await? > 0)
    }

    async fn delete_dead_assertions(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let query = sqlx::query(DELETE).bind(now.as_millis()).bind(limit);
        self.run("forgetting assertions", query).await
    }
}
