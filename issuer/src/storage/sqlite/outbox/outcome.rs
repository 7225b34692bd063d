//! The latest attempt at an endpoint.
//!
//! No index has attempts by endpoint, since each would be paid for by every delivery. It is looked
//! for where it must be: among the client's newest deliveries, at the end of the endpoint's queue,
//! to which failed probes go, and among those that wait for their next time.

use super::row::last_attempt;
use crate::domain::delivery::{Endpoint, LastAttempt};
use crate::storage::StorageError;
use crate::storage::sqlite::handle::{Link, SqliteHandle};

const LAST_OUTCOME: &str = "SELECT last_at, last_status, last_error, last_duration_ms FROM ( \
         SELECT * FROM (SELECT url, last_at, last_status, last_error, last_duration_ms \
             FROM logout_deliveries WHERE client_id = ?1 AND lease_owner IS NULL \
             ORDER BY id DESC LIMIT 100) \
         UNION ALL SELECT url, last_at, last_status, last_error, last_duration_ms \
             FROM logout_deliveries INDEXED BY logout_deliveries_held \
             WHERE client_id = ?1 AND lease_owner IS NOT NULL \
         UNION ALL SELECT * FROM (SELECT url, last_at, last_status, last_error, last_duration_ms \
             FROM logout_deliveries WHERE client_id = ?1 AND url = ?2 AND queued_at IS NOT NULL \
             ORDER BY queued_at DESC LIMIT 100) \
         UNION ALL SELECT * FROM (SELECT url, last_at, last_status, last_error, last_duration_ms \
             FROM logout_deliveries WHERE client_id = ?1 AND url = ?2 AND finished_at IS NULL \
             AND lease_owner IS NULL ORDER BY due_at LIMIT 100)) \
     WHERE url = ?2 AND last_at IS NOT NULL ORDER BY last_at DESC LIMIT 1";

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn read_last_outcome(
        &mut self,
        endpoint: &Endpoint,
    ) -> Result<Option<LastAttempt>, StorageError> {
        let query = sqlx::query(LAST_OUTCOME)
            .bind(endpoint.client.as_str())
            .bind(endpoint.url.as_str());
        let found = self.one("looking for the latest attempt", query, last_attempt);
        Ok(found.await?.flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::plan_of;

    #[tokio::test]
    async fn each_place_is_found_by_its_index() {
        let plan = plan_of(LAST_OUTCOME).await;
        for lookup in [
            "logout_deliveries_by_client (client_id=?)",
            "logout_deliveries_held",
            "logout_deliveries_queue (client_id=? AND url=? AND queued_at>?)",
            "logout_deliveries_unfinished (client_id=? AND url=?)",
        ] {
            assert!(plan.contains(lookup), "no {lookup} in\n{plan}");
        }
    }
}
