//! A delivery as the Management API shows it.
//!
//! Of what the client answered only the status and its two error fields are known, and those are
//! cut and cleaned before they are stored.

use std::time::Duration;

use logout_shared::{ClientId, SessionId, Subject, Timestamp, TokenId, TraceId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::delivery::{
    Attempt, AttemptError, Delivery, DeliveryId, DeliveryState, LastAttempt,
};
use crate::domain::initiator::Initiator;
use crate::domain::logout_settings::LogoutUrl;

/// The JSON form of a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutDelivery)]
pub struct DeliveryBody {
    id: String,
    #[schema(value_type = String)]
    state: DeliveryState,
    #[schema(value_type = String)]
    client_id: ClientId,
    #[schema(value_type = String)]
    user_id: Subject,
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    #[schema(value_type = String)]
    initiator: Initiator,
    #[schema(value_type = String)]
    url: LogoutUrl,
    #[schema(value_type = String)]
    trace_id: TraceId,
    attempts: u32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    give_up_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    last: Option<LastBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutDeliveryLast)]
struct LastBody {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    status: Option<u16>,
    #[schema(value_type = Option<String>)]
    error: Option<AttemptError>,
    duration_ms: u64,
}

/// The JSON form of a delivery with its history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutDeliveryWithHistory)]
pub struct DeliveryWithHistory {
    #[serde(flatten)]
    delivery: DeliveryBody,
    history: Vec<AttemptBody>,
}

/// The JSON form of an attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutAttempt)]
pub struct AttemptBody {
    number: u32,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(value_type = Option<String>)]
    jti: Option<TokenId>,
    status: Option<u16>,
    #[schema(value_type = Option<String>)]
    error: Option<AttemptError>,
    duration_ms: u64,
    oauth_error: Option<String>,
    oauth_error_description: Option<String>,
}

impl DeliveryBody {
    /// A delivery as it is now.
    pub fn new(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            state: delivery.state,
            client_id: delivery.client.clone(),
            user_id: delivery.user.clone(),
            session_id: delivery.about.session().cloned(),
            initiator: delivery.initiator,
            url: delivery.url.clone(),
            trace_id: delivery.trace_id.clone(),
            attempts: delivery.attempts,
            created_at: made_at(delivery.id).unwrap_or(delivery.event_at),
            next_attempt_at: delivery.next_attempt_at,
            give_up_at: delivery.give_up_at,
            finished_at: delivery.finished_at,
            last: delivery.last.as_ref().map(LastBody::new),
        }
    }
}

impl LastBody {
    fn new(last: &LastAttempt) -> Self {
        Self {
            at: last.at,
            status: last.status,
            error: last.error,
            duration_ms: millis(last.duration),
        }
    }
}

impl DeliveryWithHistory {
    /// A delivery as it is now, and its attempts.
    pub fn new(delivery: &Delivery, history: Vec<AttemptBody>) -> Self {
        Self {
            delivery: DeliveryBody::new(delivery),
            history,
        }
    }
}

/// The attempts, first to last. A first attempt that succeeded is in the delivery itself only,
/// without the id of its token.
pub fn history(delivery: &Delivery, attempts: Vec<Attempt>) -> Vec<AttemptBody> {
    if attempts.is_empty() && delivery.attempts == 1 {
        let only = |last: &LastAttempt| AttemptBody {
            number: 1,
            at: last.at,
            jti: None,
            status: last.status,
            error: last.error,
            duration_ms: millis(last.duration),
            oauth_error: None,
            oauth_error_description: None,
        };
        return delivery.last.iter().map(only).collect();
    }
    let body = |attempt: Attempt| AttemptBody {
        number: attempt.number,
        at: attempt.at,
        jti: Some(attempt.jti),
        status: attempt.status,
        error: attempt.error,
        duration_ms: millis(attempt.duration),
        oauth_error: attempt.oauth_error,
        oauth_error_description: attempt.oauth_error_description,
    };
    attempts.into_iter().map(body).collect()
}

/// The time inside an id that sorts by time.
fn made_at(id: DeliveryId) -> Option<Timestamp> {
    let (seconds, nanos) = id.0.get_timestamp()?.to_unix();
    let start = Timestamp::from_secs(i64::try_from(seconds).ok()?);
    Some(start + Duration::from_nanos(u64::from(nanos)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
