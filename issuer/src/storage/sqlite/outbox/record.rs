//! Storing what attempts made of deliveries.
//!
//! One statement says which deliveries this worker still holds, then a chunk is one statement;
//! only the attempts of those that are held are kept. A first attempt that succeeded is told by the delivery itself
//! (`last_jti`); if a later attempt follows it, it gets its row first.

use std::collections::HashSet;

use logout_shared::Timestamp;

use super::row::{due_at, id_list, waiting_state};
use crate::domain::delivery::{Attempt, AttemptError, DeliveryId, DeliveryState};
use crate::storage::sqlite::batch::{chunks, statement};
use crate::storage::sqlite::handle::{Link, Query, SqliteHandle};
use crate::storage::sqlite::row::{json, millis};
use crate::storage::{RecordedAttempt, StorageError};

const UPDATE_BEGIN: &str = "WITH made (id, url, state, attempts, due_at, queued_at, finished_at, \
     last_at, last_status, last_error, last_duration_ms, last_jti, follow_up) AS (";
const UPDATE_END: &str = ") UPDATE logout_deliveries AS d SET url = made.url, \
     state = made.state, attempts = made.attempts, due_at = made.due_at, \
     queued_at = made.queued_at, finished_at = made.finished_at, last_at = made.last_at, \
     last_status = made.last_status, last_error = made.last_error, \
     last_duration_ms = made.last_duration_ms, last_jti = made.last_jti, follow_up = made.follow_up, lease_owner = NULL \
     FROM made WHERE d.id = made.id AND d.lease_owner = ?";

/// All in one row: each row of an answer costs a hand-over between two threads.
const HELD: &str = "SELECT json_group_array(hex(id)) AS held FROM logout_deliveries \
     WHERE id IN (SELECT unhex(value) FROM json_each(?2)) AND lease_owner = ?1";
const UPDATED_COLUMNS: usize = 13;

const GIVE_FIRST_ATTEMPTS_ROWS: &str = "INSERT INTO logout_attempts (delivery_id, number, at, \
     jti, url, status, error, duration_ms) \
     SELECT id, attempts, last_at, last_jti, url, last_status, last_error, last_duration_ms \
     FROM logout_deliveries WHERE id IN (SELECT unhex(value) FROM json_each(?2)) \
     AND lease_owner = ?1 AND last_jti IS NOT NULL ON CONFLICT DO NOTHING";

const INSERT_ATTEMPTS: &str = "INSERT INTO logout_attempts (delivery_id, number, at, jti, url, \
     status, error, duration_ms, oauth_error, oauth_error_description)";
const ATTEMPT_COLUMNS: usize = 10;

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn record(
        &mut self,
        worker: &str,
        recorded: &[RecordedAttempt],
    ) -> Result<(), StorageError> {
        let held = self.held(worker, recorded).await?;
        self.give_first_attempts_rows(worker, recorded).await?;
        for chunk in chunks(recorded) {
            let query = statement(UPDATE_BEGIN, UPDATED_COLUMNS, chunk.len(), UPDATE_END);
            let query = chunk.iter().fold(query, bind_update).bind(worker);
            self.run("recording attempts", query).await?;
            self.store_attempts(chunk, &held).await?;
        }
        let waits = |one: &RecordedAttempt| {
            held.contains(&one.delivery.id) && !one.delivery.state.is_final()
        };
        if recorded.iter().any(waits) {
            self.note_moved_deliveries();
        }
        Ok(())
    }

    /// Which of the deliveries the worker holds.
    async fn held(
        &mut self,
        worker: &str,
        recorded: &[RecordedAttempt],
    ) -> Result<HashSet<DeliveryId>, StorageError> {
        let ids = id_list(recorded.iter().map(|one| one.delivery.id));
        let query = sqlx::query(HELD).bind(worker).bind(ids);
        let held = self.one("looking at leases", query, |row| json(row, "held"));
        Ok(held.await?.unwrap_or_default())
    }

    async fn give_first_attempts_rows(
        &mut self,
        worker: &str,
        recorded: &[RecordedAttempt],
    ) -> Result<(), StorageError> {
        let repeated = recorded.iter().filter(|one| one.delivery.attempts > 1);
        let ids: Vec<DeliveryId> = repeated.map(|one| one.delivery.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(GIVE_FIRST_ATTEMPTS_ROWS)
            .bind(worker)
            .bind(id_list(ids.into_iter()));
        self.run("storing first attempts", query).await?;
        Ok(())
    }

    async fn store_attempts(
        &mut self,
        chunk: &[RecordedAttempt],
        held: &HashSet<DeliveryId>,
    ) -> Result<(), StorageError> {
        let rows: Vec<(DeliveryId, &Attempt)> = chunk
            .iter()
            .filter(|one| held.contains(&one.delivery.id) && !is_told_by_delivery(one))
            .filter_map(|one| Some((one.delivery.id, one.attempt.as_ref()?)))
            .collect();
        for chunk in chunks(&rows) {
            let end = "ON CONFLICT DO NOTHING";
            let query = statement(INSERT_ATTEMPTS, ATTEMPT_COLUMNS, chunk.len(), end);
            let query = chunk.iter().fold(query, bind_attempt);
            self.run("storing attempts", query).await?;
        }
        Ok(())
    }
}

/// Whether the delivery's own columns say all there is to say about the attempt.
fn is_told_by_delivery(one: &RecordedAttempt) -> bool {
    one.delivery.state == DeliveryState::Heard
        && one.attempt.as_ref().is_some_and(|attempt| {
            attempt.number == 1
                && attempt.url == one.delivery.url
                && attempt.oauth_error.is_none()
                && attempt.oauth_error_description.is_none()
        })
}

fn bind_update<'q>(query: Query<'q>, one: &'q RecordedAttempt) -> Query<'q> {
    let delivery = &one.delivery;
    let last = delivery.last.as_ref();
    let told = one.attempt.as_ref().filter(|_| is_told_by_delivery(one));
    query
        .bind(delivery.id.0.as_bytes().as_slice())
        .bind(delivery.url.as_str())
        .bind(waiting_state(delivery).as_str())
        .bind(delivery.attempts)
        .bind(due_at(delivery).map(Timestamp::as_millis))
        .bind(delivery.queued_at.map(Timestamp::as_millis))
        .bind(delivery.finished_at.map(Timestamp::as_millis))
        .bind(last.map(|last| last.at.as_millis()))
        .bind(last.and_then(|last| last.status))
        .bind(last.and_then(|last| last.error).map(AttemptError::as_str))
        .bind(last.map(|last| millis(last.duration)))
        .bind(told.map(|attempt| attempt.jti.as_str()))
        .bind(delivery.follow_up)
}

fn bind_attempt<'q>(query: Query<'q>, row: &(DeliveryId, &'q Attempt)) -> Query<'q> {
    let (id, attempt) = row;
    query
        .bind(id.0.as_bytes().to_vec())
        .bind(i64::from(attempt.number))
        .bind(attempt.at.as_millis())
        .bind(attempt.jti.as_str())
        .bind(attempt.url.as_str())
        .bind(attempt.status)
        .bind(attempt.error.map(AttemptError::as_str))
        .bind(millis(attempt.duration))
        .bind(attempt.oauth_error.as_deref())
        .bind(attempt.oauth_error_description.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn results_find_their_deliveries_by_id() {
        let row = format!("({}?)", "?,".repeat(UPDATED_COLUMNS - 1));
        let update = format!("{UPDATE_BEGIN} VALUES {row},{row} {UPDATE_END}");
        assert_plan(&update, &["(id=?)"]).await;
        assert_plan(HELD, &["(id=?)"]).await;
        assert_plan(GIVE_FIRST_ATTEMPTS_ROWS, &["(id=?)"]).await;
    }
}
