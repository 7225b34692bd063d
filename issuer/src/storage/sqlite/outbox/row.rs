//! Rows of deliveries and attempts.

use logout_shared::Timestamp;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::domain::delivery::{About, Attempt, Delivery, DeliveryId, DeliveryState, LastAttempt};
use crate::domain::logout_settings::LogoutUrl;
use crate::storage::sqlite::handle::Unreadable;
use crate::storage::sqlite::row::{
    flag, json, named, number, optional_json, optional_named, optional_parsed, optional_text,
    optional_time, parsed, span, text, time,
};

/// The columns that make a delivery, for `SELECT` and `RETURNING`.
macro_rules! delivery_columns {
    () => {
        "id, client_id, user_id, session_id, session_ids, initiator, url, trace_id, metadata, \
         event_at, state, attempts, due_at, queued_at, lease_owner, give_up_at, finished_at, \
         last_at, last_status, last_error, last_duration_ms, follow_up"
    };
}
pub(super) use delivery_columns;

/// The state of a delivery that nobody holds.
pub(super) fn waiting_state(delivery: &Delivery) -> DeliveryState {
    match delivery.state {
        DeliveryState::InFlight => DeliveryState::Pending,
        state => state,
    }
}

/// When a claim looks at a delivery that nobody holds: when it is due, or when it is given up while
/// it is queued. An unfinished one without either is due at once.
pub(super) fn due_at(delivery: &Delivery) -> Option<Timestamp> {
    if delivery.state.is_final() {
        return None;
    }
    if delivery.queued_at.is_some() {
        return Some(delivery.give_up_at);
    }
    Some(delivery.next_attempt_at.unwrap_or(delivery.event_at))
}

pub(super) fn delivery(row: &SqliteRow) -> Result<Delivery, Unreadable> {
    let stored: DeliveryState = named(row, "state")?;
    let held = optional_text(row, "lease_owner")?.is_some();
    let queued_at = optional_time(row, "queued_at")?;
    let waits_for_a_time = !held && queued_at.is_none();
    Ok(Delivery {
        id: DeliveryId(Uuid::from_slice(row.try_get("id")?)?),
        client: parsed(row, "client_id")?,
        user: parsed(row, "user_id")?,
        about: about(row)?,
        initiator: parsed(row, "initiator")?,
        url: LogoutUrl::from_stored(text(row, "url")?),
        trace_id: parsed(row, "trace_id")?,
        metadata: json(row, "metadata")?,
        event_at: time(row, "event_at")?,
        state: if held {
            DeliveryState::InFlight
        } else {
            stored
        },
        attempts: number(row, "attempts")?,
        next_attempt_at: optional_time(row, "due_at")?.filter(|_| waits_for_a_time),
        queued_at,
        give_up_at: time(row, "give_up_at")?,
        finished_at: optional_time(row, "finished_at")?,
        last: last_attempt(row)?,
        follow_up: flag(row, "follow_up")?,
    })
}

fn about(row: &SqliteRow) -> Result<About, Unreadable> {
    if let Some(sid) = optional_parsed(row, "session_id")? {
        return Ok(About::Session(sid));
    }
    let sids = optional_json(row, "session_ids")?;
    sids.map(About::AllSessions)
        .ok_or_else(|| "a delivery about no session".into())
}

pub(super) fn last_attempt(row: &SqliteRow) -> Result<Option<LastAttempt>, Unreadable> {
    let Some(at) = optional_time(row, "last_at")? else {
        return Ok(None);
    };
    Ok(Some(LastAttempt {
        at,
        status: row.try_get("last_status")?,
        error: optional_named(row, "last_error")?,
        duration: span(row, "last_duration_ms")?,
    }))
}

pub(super) fn attempt(row: &SqliteRow) -> Result<Attempt, Unreadable> {
    Ok(Attempt {
        number: number(row, "number")?,
        at: time(row, "at")?,
        jti: parsed(row, "jti")?,
        url: LogoutUrl::from_stored(text(row, "url")?),
        status: row.try_get("status")?,
        error: optional_named(row, "error")?,
        duration: span(row, "duration_ms")?,
        oauth_error: optional_text(row, "oauth_error")?,
        oauth_error_description: optional_text(row, "oauth_error_description")?,
    })
}

/// Ids as a statement takes them: a JSON list of hexadecimal texts.
pub(super) fn id_list(ids: impl Iterator<Item = DeliveryId>) -> String {
    let ids: Value = ids.map(|id| id.to_string()).collect();
    ids.to_string()
}
