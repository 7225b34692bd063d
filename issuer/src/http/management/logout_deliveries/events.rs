//! `GET /api/v2/logout-deliveries/events`: deliveries as they change, as server-sent events.
//!
//! The event log is what is read, from where the listener is: a slow one falls behind, loses
//! nothing and holds up nobody, and one that comes back with `Last-Event-ID` goes on where it was.
//! Whoever is too far behind is told so (`lagging`) and continues with the present. A stream ends
//! after a quarter of an hour, so that rights are looked at again, and when the server stops.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::wire::DeliveryBody;
use crate::domain::event_log::LogCode;
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::bearer::Bearer;
use crate::http::management::query::Query;
use crate::issuer::Issuer;
use crate::storage::StorageError;

/// How many listeners there may be.
const MAX_LISTENERS: usize = 32;

/// How long a listener is asked to wait when there are too many.
const COME_BACK_IN: Duration = Duration::from_secs(30);

/// How many records a listener may be behind; more are skipped, and it is told.
const MAX_BEHIND: u64 = 10_000;

/// How many records are read at a time.
const PAGE: u32 = 100;

/// How often the event log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often a line is sent when nothing happens, so that both sides notice a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a stream lasts.
const LASTS: Duration = Duration::from_mins(15);

/// What the log says of each attempt.
const CODES: [LogCode; 2] = [
    LogCode::BackchannelLogoutSucceeded,
    LogCode::BackchannelLogoutFailed,
];

/// Those who listen, and what ends their streams.
#[derive(Debug, Clone)]
pub(in crate::http) struct Listeners {
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Listeners {
    /// Nobody yet; `stop` ends all streams.
    pub(in crate::http) fn new(stop: CancellationToken) -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_LISTENERS)),
            stop,
        }
    }
}

/// One who listens.
struct Listener {
    issuer: Issuer,
    stop: CancellationToken,
    until: Instant,
    /// The latest record that was dealt with.
    cursor: u64,
    ready: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

#[utoipa::path(
    get,
    path = "/logout-deliveries/events",
    operation_id = "stream_logout_deliveries",
    tag = "logout-deliveries",
    summary = "Deliveries as they change, as server-sent events",
    params(
        ("Last-Event-ID" = Option<u64>, Header),
    ),
    responses(
        (status = 200, description = "Done.", body = String, content_type = "text/event-stream"),
    ),
    security(("bearer" = ["read:logout_deliveries"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    State(listeners): State<Listeners>,
    query: Query,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    bearer.require("read:logout_deliveries")?;
    query.only(&[])?;
    let place = Arc::clone(&listeners.places).try_acquire_owned();
    let place = place.map_err(|_| ApiError::TooManyRequests(COME_BACK_IN))?;
    let cursor = match headers.get("last-event-id") {
        Some(id) => id
            .to_str()
            .ok()
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| {
                let reason = "It must be the id of an event of this stream";
                Invalid::property(Place::Query, reason, "Last-Event-ID", "")
            })?,
        None => issuer.store().read().await?.latest_event().await?,
    };
    let listener = Listener {
        issuer,
        stop: listeners.stop,
        until: Instant::now() + LASTS,
        cursor,
        ready: VecDeque::new(),
        _place: place,
    };
    let stream = unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    });
    let keep_alive = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    Ok(Sse::new(stream).keep_alive(keep_alive))
}

impl Listener {
    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.stop.is_cancelled() || Instant::now() >= self.until {
                return None;
            }
            let full = self.read().await.unwrap_or_else(|error| {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the event log cannot be read for a listener");
                false
            });
            if self.ready.is_empty() && !full {
                tokio::select! {
                    () = self.stop.cancelled() => return None,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    }

    /// Reads what is new; gives whether there may be more.
    async fn read(&mut self) -> Result<bool, StorageError> {
        let mut snapshot = self.issuer.store().read().await?;
        let latest = snapshot.latest_event().await?;
        let behind = latest.saturating_sub(self.cursor);
        // An id from the future is one of another store.
        if behind > MAX_BEHIND || self.cursor > latest {
            self.cursor = latest;
            let told = json!({ "skipped": behind });
            let event = Event::default().event("lagging").id(latest.to_string());
            self.ready.push_back(event.data(told.to_string()));
            return Ok(false);
        }
        let records = snapshot.events_after(self.cursor, &CODES, PAGE).await?;
        let full = records.len() >= PAGE as usize;
        for (number, delivery) in records {
            self.cursor = number;
            // What is deleted since has nothing to show.
            let Some(id) = delivery else { continue };
            let Some(delivery) = snapshot.find_delivery(id).await? else {
                continue;
            };
            let body = serde_json::to_string(&DeliveryBody::new(&delivery));
            let body = body.expect("a delivery has a JSON form");
            let event = Event::default().event("delivery").id(number.to_string());
            self.ready.push_back(event.data(body));
        }
        if !full {
            self.cursor = latest;
        }
        Ok(full)
    }
}
