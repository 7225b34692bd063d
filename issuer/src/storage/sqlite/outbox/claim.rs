//! Leasing due deliveries to a worker.
//!
//! One statement takes them, one more reads their clients. Whether the user has another live
//! session at the client is asked inside the first, row by row, through indexes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use logout_shared::{ClientId, Timestamp};
use sqlx::sqlite::SqliteRow;

use super::row::{delivery, delivery_columns};
use crate::domain::client::Client;
use crate::domain::delivery::{Delivery, Endpoint};
use crate::storage::sqlite::handle::{Link, SqliteHandle, Unreadable};
use crate::storage::sqlite::row::{flag, to_json};
use crate::storage::{ClaimedDelivery, ClientReads as _, StorageError};

const CLAIM: &str = concat!(
    "UPDATE logout_deliveries SET lease_owner = ?1, due_at = ?3 \
     WHERE number IN (SELECT number FROM logout_deliveries \
         WHERE due_at <= ?2 \
         AND (client_id, url) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(?5)) \
         ORDER BY due_at LIMIT ?4) \
     RETURNING ",
    delivery_columns!(),
    // Without the plus SQLite looks up no index by a column of the updated row, and without
    // naming the index it could read all live sessions.
    ", EXISTS (SELECT 1 FROM logout_sessions s INDEXED BY logout_sessions_by_user \
         JOIN logout_participants p ON p.session_id = s.id \
         WHERE p.client_id = +logout_deliveries.client_id \
         AND s.user_id = +logout_deliveries.user_id \
         AND s.ended_at IS NULL AND s.ends_at > ?2 \
         AND s.id IS NOT logout_deliveries.session_id \
         AND s.id NOT IN (SELECT value FROM json_each(coalesce(session_ids, '[]')))) \
     AS other_live_session"
);

/// A claimed delivery, and whether its user has another live session at its client.
pub(super) type Claimed = (Delivery, bool);

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn claim_rows(
        &mut self,
        worker: &str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        full: &[Endpoint],
    ) -> Result<Vec<Claimed>, StorageError> {
        let full: Vec<_> = full.iter().map(|one| (&one.client, &one.url)).collect();
        let query = sqlx::query(CLAIM)
            .bind(worker)
            .bind(now.as_millis())
            .bind(lease_until.as_millis())
            .bind(limit)
            .bind(to_json(&full));
        let mut claimed = self.all("claiming deliveries", query, claimed).await?;
        claimed.sort_unstable_by_key(|(delivery, _)| delivery.id);
        Ok(claimed)
    }

    pub(super) async fn with_clients(
        &mut self,
        claimed: Vec<Claimed>,
    ) -> Result<Vec<ClaimedDelivery>, StorageError> {
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let ids: HashSet<&ClientId> = claimed.iter().map(|(one, _)| &one.client).collect();
        let ids: Vec<ClientId> = ids.into_iter().cloned().collect();
        let clients: HashMap<ClientId, Arc<Client>> = self
            .find_clients(&ids)
            .await?
            .into_iter()
            .map(|client| (client.id.clone(), Arc::new(client)))
            .collect();
        let with_client = |(delivery, other_live_session): Claimed| ClaimedDelivery {
            client: clients.get(&delivery.client).cloned(),
            delivery,
            other_live_session,
        };
        Ok(claimed.into_iter().map(with_client).collect())
    }
}

fn claimed(row: &SqliteRow) -> Result<Claimed, Unreadable> {
    Ok((delivery(row)?, flag(row, "other_live_session")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn a_claim_reads_what_is_due_and_the_sessions_of_its_users_alone() {
        let lookups = [
            "logout_deliveries_due (due_at<?)",
            "logout_sessions_by_user (user_id=? AND ended_at=?)",
        ];
        assert_plan(CLAIM, &lookups).await;
    }
}
