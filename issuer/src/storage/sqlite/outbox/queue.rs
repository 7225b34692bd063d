//! What waits for its endpoint and not for a time.
//!
//! Each endpoint's queue is a range of one index, in the order of `queued_at`: a delivery whose
//! probe failed goes to the end, so that one that an app cannot stomach does not stand before all
//! others. A claim names the endpoints that have room; the queues of others are not read.

use logout_shared::Timestamp;
use sqlx::{AssertSqlSafe, Row as _};

use super::claim::endpoint;
use crate::domain::delivery::Endpoint;
use crate::storage::sqlite::batch::chunks;
use crate::storage::sqlite::handle::{Link, SqliteHandle};
use crate::storage::{ClaimedDelivery, Lease, StorageError};

/// The first rows of one queue; several are joined by `UNION ALL`.
const HEAD_OF_QUEUE: &str = "SELECT number FROM (SELECT number FROM logout_deliveries \
     WHERE client_id = ? AND url = ? AND queued_at IS NOT NULL ORDER BY queued_at LIMIT ?)";

/// Reads the whole index of what is queued: asked once, when a worker starts.
const QUEUED_ENDPOINTS: &str = "SELECT DISTINCT client_id, url FROM logout_deliveries \
     WHERE queued_at IS NOT NULL";

/// Only what failed is hastened: an extra attempt after a success keeps its time.
const HASTEN: &str = "UPDATE logout_deliveries SET queued_at = ?3, due_at = give_up_at \
     WHERE number IN (SELECT number FROM logout_deliveries \
         WHERE client_id = ?1 AND url = ?2 AND due_at > ?3 AND finished_at IS NULL \
         AND queued_at IS NULL AND lease_owner IS NULL AND last_error IS NOT NULL LIMIT ?4)";

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn claim_queued(
        &mut self,
        lease: &Lease,
        wanted: &[(Endpoint, u32)],
    ) -> Result<Vec<ClaimedDelivery>, StorageError> {
        let mut numbers: Vec<i64> = Vec::new();
        for chunk in chunks(wanted) {
            let heads = vec![HEAD_OF_QUEUE; chunk.len()].join(" UNION ALL ");
            let mut query = sqlx::query(AssertSqlSafe(heads));
            for (endpoint, count) in chunk {
                query = query
                    .bind(endpoint.client.as_str())
                    .bind(endpoint.url.as_str())
                    .bind(*count);
            }
            let read = self.all("reading queues", query, |row| Ok(row.try_get(0)?));
            numbers.append(&mut read.await?);
        }
        self.lease(lease, &numbers).await
    }

    pub(super) async fn endpoints_with_a_queue(&mut self) -> Result<Vec<Endpoint>, StorageError> {
        let query = sqlx::query(QUEUED_ENDPOINTS);
        self.all("looking for queues", query, endpoint).await
    }

    pub(super) async fn hasten(
        &mut self,
        endpoint: &Endpoint,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let query = sqlx::query(HASTEN)
            .bind(endpoint.client.as_str())
            .bind(endpoint.url.as_str())
            .bind(now.as_millis())
            .bind(limit);
        self.run("hastening deliveries", query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::{assert_plan, plan_of};

    #[tokio::test]
    async fn queues_are_read_by_their_index() {
        let queue = "logout_deliveries_queue (client_id=? AND url=?";
        assert_plan(HEAD_OF_QUEUE, &[queue]).await;
        let plan = plan_of(QUEUED_ENDPOINTS).await;
        assert!(
            plan.contains("COVERING INDEX logout_deliveries_queue"),
            "{plan}"
        );
        let failed = "logout_deliveries_unfinished (client_id=? AND url=? AND due_at>?)";
        assert_plan(HASTEN, &[failed]).await;
    }
}
