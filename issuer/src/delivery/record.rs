//! Writes down what came of attempts: the deliveries as they are now, the deliveries that took
//! their place, and the event log. One transaction for a whole group.

use std::collections::{BTreeSet, HashMap};

use logout_shared::{RandomSource, Subject, Timestamp};
use serde_json::{Value, json};

use super::attempt::recipient;
use super::mint;
use crate::domain::delivery::{Attempt, AttemptOutcome, Delivery, DeliveryState, Verdict};
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::retry::RetrySchedule;
use crate::storage::{ClaimedDelivery, RecordedAttempt, StorageError, Transaction};
use crate::telemetry;

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
    let names = names(tx, group.iter().map(|one| &one.claimed.delivery)).await?;
    let events = group.iter().zip(&recorded);
    let events: Vec<_> = events
        .filter_map(|(one, made)| event(one, &made.delivery, &names))
        .collect();
    if !events.is_empty() {
        tx.append_events(&events).await?;
    }
    // Should the commit fail after this, the repetition counts once more.
    let states = recorded.iter().map(|made| made.delivery.state);
    for state in states.filter(|state| state.is_final()) {
        telemetry::finished(state.as_str());
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

/// The record that Auth0 writes for each request; `delivery` is as the attempt left it.
fn event(
    one: &Finished,
    delivery: &Delivery,
    names: &HashMap<Subject, String>,
) -> Option<LogEvent> {
    let attempt = attempt_of(one)?;
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
        Verdict::Retry | Verdict::Refusing if delivery.state == DeliveryState::GivenUp => {
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
        user_name: names.get(&delivery.user).cloned(),
        delivery: Some(delivery.id),
        details: details(one, attempt),
        ..LogEvent::new(code, description, one.ended_at)
    })
}

/// The addresses of the users of deliveries, as far as they are known here.
async fn names<'d>(
    tx: &mut dyn Transaction,
    deliveries: impl Iterator<Item = &'d Delivery>,
) -> Result<HashMap<Subject, String>, StorageError> {
    let users: BTreeSet<&Subject> = deliveries.map(|delivery| &delivery.user).collect();
    tx.find_emails(&Vec::from_iter(users)).await
}

/// Records that deliveries were given up while their endpoints were down.
pub(super) async fn record_given_up(
    tx: &mut dyn Transaction,
    deliveries: &[Delivery],
) -> Result<(), StorageError> {
    let names = names(tx, deliveries.iter()).await?;
    let event = |delivery: &Delivery| LogEvent {
        user_name: names.get(&delivery.user).cloned(),
        ..given_up(delivery)
    };
    let events: Vec<_> = deliveries.iter().map(event).collect();
    tx.append_events(&events).await?;
    for delivery in deliveries {
        telemetry::finished(delivery.state.as_str());
    }
    Ok(())
}

fn given_up(delivery: &Delivery) -> LogEvent {
    let at = delivery.finished_at.unwrap_or(delivery.give_up_at);
    LogEvent {
        client: Some(delivery.client.clone()),
        user: Some(delivery.user.clone()),
        delivery: Some(delivery.id),
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
