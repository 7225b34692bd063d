//! Writes down what came of attempts: the deliveries as they are now, the deliveries that took
//! their place, and the event log. One transaction for a whole group.

use logout_shared::{RandomSource, Timestamp};
use serde_json::{Value, json};

use super::attempt::recipient;
use super::mint;
use crate::domain::delivery::{Attempt, AttemptOutcome, Delivery, DeliveryState, Verdict};
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::retry::RetrySchedule;
use crate::storage::{ClaimedDelivery, RecordedAttempt, StorageError, Transaction};

const GIVEN_UP: &str = "Back-channel logout failed, given up";

/// How many sessions a group takes out of deliveries about all sessions of a user, shared among
/// these deliveries; the others wait for the next group, and other writes get their turn.
const EXPANDED_AT_A_TIME: usize = 500;

/// The least that one delivery is given of them, so that each gets on.
const LEAST_EXPANDED: usize = 16;

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) claimed: ClaimedDelivery,
    pub(super) outcome: AttemptOutcome,
    pub(super) ended_at: Timestamp,
    /// From 0 to 1, for the wait until the next attempt.
    pub(super) jitter: f64,
    /// Whether it failed and its endpoint is down: it is queued and told when the endpoint is back.
    pub(super) endpoint_is_down: bool,
}

/// Records a group of attempts that `worker` made.
pub(super) async fn record(
    tx: &mut dyn Transaction,
    worker: &str,
    group: &[Finished],
    schedule: &RetrySchedule,
    random: &dyn RandomSource,
) -> Result<(), StorageError> {
    let recorded: Vec<_> = group.iter().map(|one| recorded(one, schedule)).collect();
    tx.record_attempts(worker, &recorded).await?;
    let expanding = group
        .iter()
        .filter(|one| one.outcome == AttemptOutcome::Expand);
    let share = EXPANDED_AT_A_TIME / expanding.count().max(1);
    for one in group {
        let successors = successors(tx, one, share.max(LEAST_EXPANDED), random).await?;
        if !successors.is_empty() {
            tx.insert_deliveries(&successors).await?;
        }
    }
    let events = group.iter().zip(&recorded);
    let events: Vec<_> = events
        .filter_map(|(one, recorded)| event(one, recorded.delivery.state))
        .collect();
    if !events.is_empty() {
        tx.append_events(&events).await?;
    }
    Ok(())
}

fn recorded(one: &Finished, schedule: &RetrySchedule) -> RecordedAttempt {
    let delivery = one.claimed.delivery.clone();
    let delivery = delivery.after(&one.outcome, schedule, one.ended_at, one.jitter);
    RecordedAttempt {
        delivery: if one.endpoint_is_down {
            delivery.queued(one.ended_at)
        } else {
            delivery
        },
        attempt: attempt_of(one).cloned(),
    }
}

fn attempt_of(one: &Finished) -> Option<&Attempt> {
    match &one.outcome {
        AttemptOutcome::Tried(attempt, _) => Some(attempt),
        AttemptOutcome::Expand | AttemptOutcome::Cancelled | AttemptOutcome::Moved => None,
    }
}

/// The deliveries that take the place of one that was expanded or moved.
async fn successors(
    tx: &mut dyn Transaction,
    one: &Finished,
    share: usize,
    random: &dyn RandomSource,
) -> Result<Vec<Delivery>, StorageError> {
    let delivery = &one.claimed.delivery;
    let now = one.ended_at;
    match &one.outcome {
        AttemptOutcome::Expand => Ok(delivery.expand(share, now, random)),
        AttemptOutcome::Moved => {
            let told = tx.urls_told(delivery).await?;
            let urls = recipient(&one.claimed).map(|(_, settings)| &settings.urls[..]);
            Ok(delivery.moved(urls.unwrap_or_default(), &told, now, random))
        }
        AttemptOutcome::Tried(..) | AttemptOutcome::Cancelled => Ok(Vec::new()),
    }
}

/// The record that Auth0 writes for each request.
fn event(one: &Finished, state: DeliveryState) -> Option<LogEvent> {
    let attempt = attempt_of(one)?;
    let delivery = &one.claimed.delivery;
    let (code, description) = match attempt.verdict() {
        Verdict::Heard { odd: false } => (
            LogCode::BackchannelLogoutSucceeded,
            "Back-channel logout succeeded",
        ),
        Verdict::Heard { odd: true } => (
            LogCode::BackchannelLogoutSucceeded,
            "Back-channel logout succeeded with an unusual status",
        ),
        Verdict::Refused => (
            LogCode::BackchannelLogoutFailed,
            "Back-channel logout refused",
        ),
        Verdict::Retry | Verdict::Refusing if state == DeliveryState::GivenUp => {
            (LogCode::BackchannelLogoutFailed, GIVEN_UP)
        }
        Verdict::Retry | Verdict::Refusing => (
            LogCode::BackchannelLogoutFailed,
            "Back-channel logout failed, will be repeated",
        ),
    };
    Some(LogEvent {
        client: Some(delivery.client.clone()),
        client_name: one
            .claimed
            .client
            .as_deref()
            .map(|client| client.name.clone()),
        user: Some(delivery.user.clone()),
        details: details(one, attempt),
        ..LogEvent::new(code, description, one.ended_at)
    })
}

/// The record of a delivery that was given up while its endpoint was down.
pub(super) fn given_up(delivery: &Delivery) -> LogEvent {
    let at = delivery.finished_at.unwrap_or(delivery.give_up_at);
    LogEvent {
        client: Some(delivery.client.clone()),
        user: Some(delivery.user.clone()),
        details: json!({
            "request": { "method": "POST", "backchannel_logout_uri": delivery.url.as_str() },
            "response": {},
            "initiator": delivery.initiator,
            "errors": delivery.last.iter().filter_map(|last| last.error).collect::<Vec<_>>(),
        }),
        ..LogEvent::new(LogCode::BackchannelLogoutFailed, GIVEN_UP, at)
    }
}

fn details(one: &Finished, attempt: &Attempt) -> Value {
    let delivery = &one.claimed.delivery;
    let mut details = json!({
        "request": { "method": "POST", "backchannel_logout_uri": attempt.url.as_str() },
        "response": attempt.status.map_or_else(|| json!({}), |it| json!({ "statusCode": it })),
        "initiator": delivery.initiator,
    });
    let errors = errors(attempt);
    if !errors.is_empty() {
        details["errors"] = json!(errors);
    }
    let settings = recipient(&one.claimed).map(|(_, settings)| settings);
    if let Some(metadata) = settings.and_then(|settings| mint::metadata(delivery, settings)) {
        details["session_metadata"] = json!(metadata);
    }
    details
}

fn errors(attempt: &Attempt) -> Vec<String> {
    let class = attempt.error.map(|class| class.as_str().to_owned());
    let app = attempt.oauth_error.as_ref().map(|error| {
        let description = attempt.oauth_error_description.as_deref();
        description.map_or_else(|| error.clone(), |text| format!("{error}: {text}"))
    });
    class.into_iter().chain(app).collect()
}
