//! The outbox.
//!
//! `due_at` is the one time that a claim looks at: when a waiting delivery is due, when a queued
//! one is given up, or when the lease of a held one runs out. It is empty in finished rows, which
//! are in no index that a claim reads. A held delivery is shown as in flight; its stored state is
//! the one it returns to, and it stands in the index of those held instead of those by client and
//! state. Neighbours: `row.rs` maps rows, `insert.rs` stores new deliveries, `list.rs` pages,
//! `claim.rs` leases what is due, `queue.rs` what waits for its endpoint, `record.rs` stores
//! results, `of_client.rs` looks at what one client waits for.

mod claim;
mod insert;
mod list;
mod of_client;
mod outcome;
mod queue;
mod record;
mod row;

use async_trait::async_trait;
use logout_shared::{ClientId, Subject, Timestamp};

use super::handle::{Link, SqliteHandle};
use super::row::optional_time;
use crate::domain::delivery::{Attempt, Delivery, DeliveryId, Endpoint, LastAttempt};
use crate::domain::logout_settings::LogoutUrl;
use crate::storage::{
    ClaimedDelivery, DeliveryFilter, DeliveryPage, DueDeliveries, EndpointBacklog, Lease,
    OutboxReads, OutboxWrites, RecordedAttempt, StorageError, TakeSlot,
};

const NEXT_DUE: &str = "SELECT due_at FROM logout_deliveries \
     WHERE due_at IS NOT NULL AND lease_owner IS NULL ORDER BY due_at LIMIT 1";

const RELEASE: &str = "UPDATE logout_deliveries SET lease_owner = NULL, due_at = ?3 \
     WHERE id IN (SELECT unhex(value) FROM json_each(?2)) AND lease_owner = ?1";

const RELEASE_ALL: &str = "UPDATE logout_deliveries SET lease_owner = NULL, due_at = ?1 \
     WHERE lease_owner IS NOT NULL";

const RETRY: &str = "UPDATE logout_deliveries SET state = 'pending', due_at = ?2, \
     give_up_at = ?3, finished_at = NULL WHERE id IN (SELECT unhex(value) FROM json_each(?1)) \
     AND lease_owner IS NULL AND queued_at IS NULL AND state <> 'expanded' AND (due_at IS NULL OR due_at > ?2)";

const DELETE_FINISHED: &str = "DELETE FROM logout_deliveries WHERE number IN \
     (SELECT number FROM logout_deliveries WHERE finished_at <= ?1 ORDER BY finished_at LIMIT ?2)";

#[async_trait]
impl<C: Link> OutboxReads for SqliteHandle<C> {
    async fn find_delivery(&mut self, id: DeliveryId) -> Result<Option<Delivery>, StorageError> {
        self.read_delivery(id).await
    }

    async fn attempts(&mut self, id: DeliveryId) -> Result<Vec<Attempt>, StorageError> {
        self.read_attempts(id).await
    }

    async fn list_deliveries(
        &mut self,
        filter: &DeliveryFilter,
        from: Option<&str>,
        take: u32,
    ) -> Result<DeliveryPage, StorageError> {
        self.page_of_deliveries(filter, from, take).await
    }

    async fn deliveries_to_other_urls(
        &mut self,
        client: &ClientId,
        urls: &[LogoutUrl],
        take: u32,
    ) -> Result<Vec<Delivery>, StorageError> {
        self.read_to_other_urls(client, urls, take).await
    }

    async fn urls_told(&mut self, delivery: &Delivery) -> Result<Vec<LogoutUrl>, StorageError> {
        self.read_urls_told(delivery).await
    }

    async fn has_subject_attempt(
        &mut self,
        user: &Subject,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        self.read_subject_attempt(user, client, now).await
    }

    async fn unfinished_of_client(
        &mut self,
        client: &ClientId,
        take: u32,
    ) -> Result<(u64, Vec<DeliveryId>), StorageError> {
        self.read_unfinished(client, take).await
    }

    async fn endpoint_backlogs(&mut self) -> Result<Vec<EndpointBacklog>, StorageError> {
        self.read_backlogs().await
    }

    async fn last_outcome(
        &mut self,
        endpoint: &Endpoint,
    ) -> Result<Option<LastAttempt>, StorageError> {
        self.read_last_outcome(endpoint).await
    }

    async fn next_due(&mut self) -> Result<Option<Timestamp>, StorageError> {
        let query = sqlx::query(NEXT_DUE);
        let found = self.one("looking for the next delivery", query, |row| {
            optional_time(row, "due_at")
        });
        Ok(found.await?.flatten())
    }

    async fn queued_endpoints(&mut self) -> Result<Vec<Endpoint>, StorageError> {
        self.endpoints_with_a_queue().await
    }
}

#[async_trait]
impl<C: Link> OutboxWrites for SqliteHandle<C> {
    async fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<(), StorageError> {
        self.store_deliveries(deliveries).await
    }

    async fn claim_due_deliveries(
        &mut self,
        lease: &Lease,
        limit: u32,
        take_slot: TakeSlot<'_>,
    ) -> Result<DueDeliveries, StorageError> {
        self.claim_due(lease, limit, take_slot).await
    }

    async fn claim_queued_deliveries(
        &mut self,
        lease: &Lease,
        wanted: &[(Endpoint, u32)],
    ) -> Result<Vec<ClaimedDelivery>, StorageError> {
        self.claim_queued(lease, wanted).await
    }

    async fn hasten_deliveries(
        &mut self,
        endpoint: &Endpoint,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        self.hasten(endpoint, now, limit).await
    }

    async fn record_attempts(
        &mut self,
        worker: &str,
        recorded: &[RecordedAttempt],
    ) -> Result<(), StorageError> {
        self.record(worker, recorded).await
    }

    async fn release_deliveries(
        &mut self,
        worker: &str,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(RELEASE)
            .bind(worker)
            .bind(row::id_list(ids.iter().copied()))
            .bind(now.as_millis());
        if self.run("giving leases back", query).await? > 0 {
            self.note_moved_deliveries();
        }
        Ok(())
    }

    async fn release_all_deliveries(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        let query = sqlx::query(RELEASE_ALL).bind(now.as_millis());
        let released = self.run("giving all leases back", query).await?;
        if released > 0 {
            self.note_moved_deliveries();
        }
        Ok(released)
    }

    async fn retry_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: Timestamp,
        give_up_at: Timestamp,
    ) -> Result<u64, StorageError> {
        let query = sqlx::query(RETRY)
            .bind(row::id_list(ids.iter().copied()))
            .bind(now.as_millis())
            .bind(give_up_at.as_millis());
        let retried = self.run("making deliveries due", query).await?;
        if retried > 0 {
            self.note_moved_deliveries();
        }
        Ok(retried)
    }

    async fn delete_finished_deliveries(
        &mut self,
        until: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let query = sqlx::query(DELETE_FINISHED)
            .bind(until.as_millis())
            .bind(limit);
        self.run("deleting old deliveries", query).await
    }

    async fn cancel_deliveries_of_client(
        &mut self,
        client: &ClientId,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        self.cancel(client, now, limit).await
    }

    async fn cancel_deliveries(
        &mut self,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.cancel_these(ids, now).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn finished_deliveries_cost_the_unfinished_nothing() {
        for (sql, lookup) in [
            (NEXT_DUE, "COVERING INDEX logout_deliveries_due"),
            (RELEASE, "(id=?)"),
            (RELEASE_ALL, "logout_deliveries_held"),
            (RETRY, "(id=?)"),
            (
                DELETE_FINISHED,
                "COVERING INDEX logout_deliveries_finished (finished_at<?)",
            ),
        ] {
            assert_plan(sql, &[lookup]).await;
        }
    }
}
