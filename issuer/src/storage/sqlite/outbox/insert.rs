//! Storing new deliveries, each as the desk decides: leased, queued, or due at its time.
//!
//! One statement a chunk. Where something is born leased, the last also tells whether the users have
//! other live sessions at the clients, which a first attempt has to know.

use std::collections::HashSet;

use logout_shared::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::row::{due_at, waiting_state};
use crate::domain::delivery::{About, AttemptError, Delivery};
use crate::storage::sqlite::batch::{chunks, statement};
use crate::storage::sqlite::handle::{Link, Query, SqliteHandle};
use crate::storage::sqlite::row::{json, millis, to_json};
use crate::storage::{Birth, ClaimedDelivery, Lease, Seat, StorageError};

const INSERT: &str = "INSERT INTO logout_deliveries (id, client_id, user_id, session_id, \
     session_ids, initiator, url, trace_id, metadata, event_at, state, attempts, due_at, \
     queued_at, lease_owner, give_up_at, finished_at, last_at, last_status, last_error, \
     last_duration_ms, follow_up)";
const COLUMNS: usize = 22;

/// The places in a list of users, clients and ended sessions at which the user has another live
/// session at the client. In one row and after the storing, since each row of an answer and each
/// step costs a hand-over between two threads. Its variables have no numbers, since they come after
/// those of the rows.
const OTHER_LIVE: &str = "SELECT json_group_array(asked_json_each.key) AS places FROM json_each(?) asked_json_each \
     WHERE EXISTS (SELECT 1 FROM logout_sessions s INDEXED BY logout_sessions_by_user \
         JOIN logout_participants p ON p.session_id = s.id \
         WHERE p.client_id = asked_json_each.value ->> 1 AND s.user_id = asked_json_each.value ->> 0 \
         AND s.ended_at IS NULL AND s.ends_at > ? \
         AND s.id NOT IN (SELECT value FROM json_each(asked_json_each.value -> 2)))";

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
        let with_other_session = self.insert(&newborns, lease.as_ref()).await?;
        self.hand_over(newborns, &with_other_session).await
    }

    /// Gives those places among the leased whose users have other live sessions.
    async fn insert(
        &mut self,
        newborns: &[Newborn<'_>],
        lease: Option<&Lease>,
    ) -> Result<HashSet<usize>, StorageError> {
        let mut question = question(newborns, lease);
        let mut places = None;
        let mut rest = chunks(newborns).peekable();
        while let Some(chunk) = rest.next() {
            let asked = question.take_if(|_| rest.peek().is_none());
            let end = asked.as_ref().map(|_| format!("; {OTHER_LIVE}"));
            let query = statement(INSERT, COLUMNS, chunk.len(), end.as_deref().unwrap_or(""));
            let mut query = chunk
                .iter()
                .fold(query, |query, one| one.bind(query, lease));
            if let Some((asked, now)) = asked {
                query = query.bind(asked).bind(now);
            }
            let read = |row: &SqliteRow| json(row, "places");
            places = self.one("storing deliveries", query, read).await?;
        }
        Ok(places.unwrap_or_default())
    }

    /// Notes for the desk, or for the bell, what there is now.
    async fn hand_over(
        &mut self,
        newborns: Vec<Newborn<'_>>,
        with_other_session: &HashSet<usize>,
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
        for (place, (delivery, seat)) in leased.into_iter().enumerate() {
            let claimed = ClaimedDelivery {
                delivery: delivery.clone(),
                client: self.clients.get(&delivery.client).cloned(),
                other_live_session: with_other_session.contains(&place),
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

/// What [`OTHER_LIVE`] is to be told of the leased, if there are any.
fn question(newborns: &[Newborn<'_>], lease: Option<&Lease>) -> Option<(String, i64)> {
    let leased = newborns.iter().filter(|one| one.is_leased());
    let deliveries = leased.map(|one| one.delivery);
    let asked = deliveries.map(|one| (&one.user, &one.client, one.about.sessions()));
    let asked: Vec<_> = asked.collect();
    let lease = lease.filter(|_| !asked.is_empty())?;
    Some((to_json(&asked), lease.now.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn a_birth_reads_the_sessions_of_its_user_alone() {
        let lookup = "logout_sessions_by_user (user_id=? AND ended_at=?";
        assert_plan(OTHER_LIVE, &[lookup]).await;
    }
}
