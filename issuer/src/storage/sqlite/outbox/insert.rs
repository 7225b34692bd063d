//! Storing new deliveries, each as the desk decides: leased, queued, or due at its time.
//!
//! One statement a chunk. Only where something is born leased does it also tell whether the user
//! has another live session at the client, which a first attempt has to know.

use std::collections::HashMap;

use logout_shared::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::claim::other_live_session;
use super::row::{due_at, waiting_state};
use crate::domain::delivery::{About, AttemptError, Delivery, DeliveryId};
use crate::storage::sqlite::batch::{chunks, statement};
use crate::storage::sqlite::handle::{Link, Query, SqliteHandle, Unreadable};
use crate::storage::sqlite::row::{flag, millis, to_json};
use crate::storage::{Birth, ClaimedDelivery, Lease, Seat, StorageError};

const INSERT: &str = "INSERT INTO logout_deliveries (id, client_id, user_id, session_id, \
     session_ids, initiator, url, trace_id, metadata, event_at, state, attempts, due_at, \
     queued_at, lease_owner, give_up_at, finished_at, last_at, last_status, last_error, \
     last_duration_ms, follow_up)";
const COLUMNS: usize = 22;

const RETURNING: &str = concat!("RETURNING id", other_live_session!("?"));

/// What a delivery gets on its way into the store.
struct Newborn<'d> {
    delivery: &'d Delivery,
    birth: Birth,
}

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn store_deliveries(
        &mut self,
        deliveries: &[Delivery],
    ) -> Result<(), StorageError> {
        let desk = self.desk();
        let lease = desk.as_ref().map(|desk| desk.lease());
        let newborn = |delivery| {
            let at_desk = desk.as_ref().zip(lease.as_ref());
            let birth =
                at_desk.map_or(Birth::AsItIs, |(desk, lease)| desk.reserve(delivery, lease));
            Newborn { delivery, birth }
        };
        let newborns: Vec<Newborn<'_>> = deliveries.iter().map(newborn).collect();
        let mut with_other_session = HashMap::new();
        for chunk in chunks(&newborns) {
            let leased = chunk.iter().any(Newborn::is_leased).then_some(&lease);
            let lease = leased.and_then(Option::as_ref);
            let end = if lease.is_some() { RETURNING } else { "" };
            let query = statement(INSERT, COLUMNS, chunk.len(), end);
            let query = chunk
                .iter()
                .fold(query, |query, one| one.bind(query, lease));
            if let Some(lease) = lease {
                let query = query.bind(lease.now.as_millis());
                let stored = self.all("storing deliveries", query, stored).await?;
                with_other_session.extend(stored);
            } else {
                self.run("storing deliveries", query).await?;
            }
        }
        self.hand_over(newborns, &with_other_session).await
    }

    /// Notes for the desk, or for the bell, what there is now.
    async fn hand_over(
        &mut self,
        newborns: Vec<Newborn<'_>>,
        with_other_session: &HashMap<DeliveryId, bool>,
    ) -> Result<(), StorageError> {
        let mut leased: Vec<(&Delivery, Seat)> = Vec::new();
        for Newborn { delivery, birth } in newborns {
            match birth {
                Birth::Leased(seat) => leased.push((delivery, seat)),
                Birth::Queued => self.births().queued.push(delivery.endpoint()),
                Birth::AsItIs => self.note_moved_deliveries(),
            }
        }
        if leased.is_empty() {
            return Ok(());
        }
        self.read_clients(leased.iter().map(|(one, _)| &one.client))
            .await?;
        for (delivery, seat) in leased {
            let claimed = ClaimedDelivery {
                delivery: delivery.clone(),
                client: self.clients.get(&delivery.client).cloned(),
                other_live_session: with_other_session.get(&delivery.id) == Some(&true),
            };
            self.births().leased.push((claimed, seat));
        }
        Ok(())
    }
}

impl Newborn<'_> {
    fn is_leased(&self) -> bool {
        matches!(self.birth, Birth::Leased(_))
    }

    fn bind<'q>(&'q self, query: Query<'q>, lease: Option<&'q Lease>) -> Query<'q> {
        let delivery = self.delivery;
        let (session, sessions) = match &delivery.about {
            About::Session(sid) => (Some(sid.as_str()), None),
            About::AllSessions(sids) => (None, Some(to_json(sids))),
        };
        let lease = lease.filter(|_| self.is_leased());
        let is_queued = matches!(self.birth, Birth::Queued);
        let due_at = match lease {
            Some(lease) => Some(lease.until),
            None if is_queued => Some(delivery.give_up_at),
            None => due_at(delivery),
        };
        let queued_at = if is_queued {
            delivery.next_attempt_at
        } else {
            delivery.queued_at
        };
        let last = delivery.last.as_ref();
        query
            .bind(delivery.id.0.as_bytes().as_slice())
            .bind(delivery.client.as_str())
            .bind(delivery.user.as_str())
            .bind(session)
            .bind(sessions)
            .bind(delivery.initiator.as_str())
            .bind(delivery.url.as_str())
            .bind(delivery.trace_id.as_str())
            .bind(to_json(&delivery.metadata))
            .bind(delivery.event_at.as_millis())
            .bind(waiting_state(delivery).as_str())
            .bind(delivery.attempts)
            .bind(due_at.map(Timestamp::as_millis))
            .bind(queued_at.map(Timestamp::as_millis))
            .bind(lease.map(|lease| &*lease.worker))
            .bind(delivery.give_up_at.as_millis())
            .bind(delivery.finished_at.map(Timestamp::as_millis))
            .bind(last.map(|last| last.at.as_millis()))
            .bind(last.and_then(|last| last.status))
            .bind(last.and_then(|last| last.error).map(AttemptError::as_str))
            .bind(last.map(|last| millis(last.duration)))
            .bind(delivery.follow_up)
    }
}

fn stored(row: &SqliteRow) -> Result<(DeliveryId, bool), Unreadable> {
    let id = DeliveryId(Uuid::from_slice(row.try_get("id")?)?);
    Ok((id, flag(row, "other_live_session")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn a_birth_reads_the_sessions_of_its_user_alone() {
        let row = format!("({}?)", "?,".repeat(COLUMNS - 1));
        let insert = format!("{INSERT} VALUES {row} {RETURNING}");
        let lookup = "logout_sessions_by_user (user_id=? AND ended_at=?";
        assert_plan(&insert, &[lookup]).await;
    }
}
