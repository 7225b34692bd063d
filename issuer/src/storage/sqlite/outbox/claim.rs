//! Leasing due deliveries to a worker.
//!
//! One statement reads what is due, one leases what has a slot, one queues the rest, one more
//! reads the clients. Whether the user has another live session at the client is asked inside the
//! second, row by row, through indexes. Queues are `queue.rs`'s.

use std::collections::HashSet;

use logout_shared::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{delivery, delivery_columns};
use crate::domain::delivery::{Delivery, Endpoint};
use crate::domain::logout_settings::LogoutUrl;
use crate::storage::sqlite::handle::{Link, SqliteHandle, Unreadable};
use crate::storage::sqlite::row::{flag, parsed, text, time, to_json};
use crate::storage::{ClaimedDelivery, DueDeliveries, Lease, StorageError, TakeSlot};

/// What waits for a time that has come, and what somebody held for too long.
const DUE: &str = "SELECT number, client_id, url, give_up_at, queued_at IS NOT NULL AS queued, \
         due_at FROM logout_deliveries WHERE due_at <= ?1 AND lease_owner IS NULL \
     UNION ALL SELECT number, client_id, url, give_up_at, 0, due_at \
         FROM logout_deliveries WHERE due_at <= ?1 AND lease_owner IS NOT NULL \
     ORDER BY due_at LIMIT ?2";

const LEASE: &str = concat!(
    "UPDATE logout_deliveries SET lease_owner = ?1, due_at = ?3, queued_at = NULL \
     WHERE number IN (SELECT value FROM json_each(?4)) RETURNING ",
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

const QUEUE: &str = "UPDATE logout_deliveries SET queued_at = ?2, due_at = give_up_at, \
     lease_owner = NULL WHERE number IN (SELECT value FROM json_each(?1))";

const GIVE_UP: &str = concat!(
    "UPDATE logout_deliveries SET state = 'given_up', finished_at = ?2, due_at = NULL, \
     queued_at = NULL, lease_owner = NULL WHERE number IN (SELECT value FROM json_each(?1)) \
     RETURNING ",
    delivery_columns!()
);

/// A claimed delivery, and whether its user has another live session at its client.
type Claimed = (Delivery, bool);

/// What a claim has to know of a due delivery.
struct Due {
    number: i64,
    endpoint: Endpoint,
    give_up_at: Timestamp,
    queued: bool,
}

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn claim_due(
        &mut self,
        lease: &Lease,
        limit: u32,
        take_slot: TakeSlot<'_>,
    ) -> Result<DueDeliveries, StorageError> {
        let query = sqlx::query(DUE).bind(lease.now.as_millis()).bind(limit);
        let due = self.all("looking for due deliveries", query, due).await?;
        let limit_reached = due.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut to_lease, mut to_queue, mut to_give_up) = (Vec::new(), Vec::new(), Vec::new());
        let mut queued = HashSet::new();
        for one in due {
            if take_slot(&one.endpoint) {
                to_lease.push(one.number);
            } else if one.queued && one.give_up_at <= lease.now {
                to_give_up.push(one.number);
            } else {
                to_queue.push(one.number);
                queued.insert(one.endpoint);
            }
        }
        self.queue(&to_queue, lease.now).await?;
        Ok(DueDeliveries {
            leased: self.lease(lease, &to_lease).await?,
            queued: queued.into_iter().collect(),
            given_up: self.give_up(&to_give_up, lease.now).await?,
            limit_reached,
        })
    }

    /// Leases the rows with these numbers.
    pub(super) async fn lease(
        &mut self,
        lease: &Lease,
        numbers: &[i64],
    ) -> Result<Vec<ClaimedDelivery>, StorageError> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(LEASE)
            .bind(&*lease.worker)
            .bind(lease.now.as_millis())
            .bind(lease.until.as_millis())
            .bind(to_json(numbers));
        let mut claimed = self.all("claiming deliveries", query, claimed).await?;
        claimed.sort_unstable_by_key(|(delivery, _)| delivery.id);
        self.with_clients(claimed).await
    }

    async fn queue(&mut self, numbers: &[i64], now: Timestamp) -> Result<(), StorageError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(QUEUE)
            .bind(to_json(numbers))
            .bind(now.as_millis());
        self.run("queueing deliveries", query).await?;
        Ok(())
    }

    async fn give_up(
        &mut self,
        numbers: &[i64],
        now: Timestamp,
    ) -> Result<Vec<Delivery>, StorageError> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(GIVE_UP)
            .bind(to_json(numbers))
            .bind(now.as_millis());
        self.all("giving deliveries up", query, delivery).await
    }

    async fn with_clients(
        &mut self,
        claimed: Vec<Claimed>,
    ) -> Result<Vec<ClaimedDelivery>, StorageError> {
        self.read_clients(claimed.iter().map(|(one, _)| &one.client))
            .await?;
        let with_client = |(delivery, other_live_session): Claimed| ClaimedDelivery {
            client: self.clients.get(&delivery.client).cloned(),
            delivery,
            other_live_session,
        };
        Ok(claimed.into_iter().map(with_client).collect())
    }
}

fn due(row: &SqliteRow) -> Result<Due, Unreadable> {
    Ok(Due {
        number: row.try_get("number")?,
        endpoint: endpoint(row)?,
        give_up_at: time(row, "give_up_at")?,
        queued: flag(row, "queued")?,
    })
}

pub(super) fn endpoint(row: &SqliteRow) -> Result<Endpoint, Unreadable> {
    Ok(Endpoint {
        client: parsed(row, "client_id")?,
        url: LogoutUrl::from_stored(text(row, "url")?),
    })
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
        let due = "logout_deliveries_due (due_at<?)";
        let held = "logout_deliveries_held (due_at<?)";
        assert_plan(DUE, &[due, held]).await;
        let lookups = [
            "logout_deliveries USING INTEGER PRIMARY KEY (rowid=?)",
            "logout_sessions_by_user (user_id=? AND ended_at=?)",
        ];
        assert_plan(LEASE, &lookups).await;
        for sql in [QUEUE, GIVE_UP] {
            assert_plan(
                sql,
                &["logout_deliveries USING INTEGER PRIMARY KEY (rowid=?)"],
            )
            .await;
        }
    }
}
