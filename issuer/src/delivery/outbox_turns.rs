//! The worker's two transactions: claiming what is due, and recording what came of it.
//!
//! Both end with a value and never with an error: a claim that failed is tried again with the
//! next look, a record that failed is repeated for as long as the leases hold. After that the
//! deliveries are claimed again, and clients may be told twice; never zero times.

use std::sync::Arc;
use std::time::Duration;

use logout_shared::Timestamp;

use super::record::{self, Finished};
use super::worker::Parts;
use crate::domain::delivery::{DeliveryId, Endpoint};
use crate::storage::{ClaimedDelivery, StorageError};

/// How often a record is tried.
const RECORD_TRIES: u32 = 8;

/// The wait after the first failed record; doubles with each.
const RECORD_WAIT: Duration = Duration::from_millis(100);

/// What a claim brought.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) deliveries: Vec<ClaimedDelivery>,
    pub(super) lease_until: Timestamp,
    /// Whether there may be more that is due now, for endpoints that are not full.
    pub(super) limit_reached: bool,
    /// Whether there may be more that is due now, for any endpoint.
    pub(super) left_some: bool,
    /// When the next delivery is due, if that is known to be in the future.
    pub(super) next_due_in: Option<Duration>,
}

/// Claims what is due, `limit` at most and nothing for the endpoints in `full`.
pub(super) async fn claim(
    parts: Arc<Parts>,
    worker: Arc<str>,
    limit: usize,
    full: Vec<Endpoint>,
) -> Option<Claim> {
    let now = parts.clock.now();
    let lease_until = now + parts.settings.lease();
    let left_out = !full.is_empty();
    let most = u32::try_from(limit).unwrap_or(u32::MAX);
    let claimed: Result<Vec<ClaimedDelivery>, StorageError> = parts
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.claim_due_deliveries(&worker, now, lease_until, most, &full)
                    .await
            })
        })
        .await;
    let deliveries = claimed
        .inspect_err(|error| report("claiming deliveries", error))
        .ok()?;
    let limit_reached = deliveries.len() >= limit;
    let next_due_in = if limit_reached {
        None
    } else {
        next_due_in(&parts, now).await
    };
    let left_some = limit_reached || left_out;
    Some(Claim {
        deliveries,
        lease_until,
        limit_reached,
        left_some,
        next_due_in,
    })
}

async fn next_due_in(parts: &Parts, now: Timestamp) -> Option<Duration> {
    let due = async { parts.store.read().await?.next_due().await };
    let due = due
        .await
        .inspect_err(|error| report("looking for what is due next", error))
        .ok()??;
    // What is due already and was not claimed waits for a slot, not for a time.
    (due > now).then(|| due.saturating_since(now))
}

/// Records attempts and gives back leases.
pub(super) async fn record(
    parts: Arc<Parts>,
    worker: Arc<str>,
    finished: Vec<Finished>,
    give_back: Vec<DeliveryId>,
) {
    if finished.is_empty() && give_back.is_empty() {
        return;
    }
    let (finished, give_back) = (Arc::new(finished), Arc::new(give_back));
    let mut wait = RECORD_WAIT;
    for _ in 0..RECORD_TRIES {
        match record_once(&parts, &worker, &finished, &give_back).await {
            Ok(()) => {
                for one in &*finished {
                    parts.waiters.answered(one.claimed.delivery.id);
                }
                return;
            }
            Err(error) => report("recording attempts", &error),
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    tracing::error!(
        attempts = finished.len(),
        "attempts could not be recorded, will be repeated"
    );
}

async fn record_once(
    parts: &Arc<Parts>,
    worker: &Arc<str>,
    finished: &Arc<Vec<Finished>>,
    give_back: &Arc<Vec<DeliveryId>>,
) -> Result<(), StorageError> {
    let (worker, finished) = (Arc::clone(worker), Arc::clone(finished));
    let (give_back, context) = (Arc::clone(give_back), Arc::clone(parts));
    parts
        .store
        .write(move |tx| {
            Box::pin(async move {
                let schedule = &context.settings.retry;
                if !finished.is_empty() {
                    record::record(tx, &worker, &finished, schedule, &*context.random).await?;
                }
                if !give_back.is_empty() {
                    let now = context.clock.now();
                    tx.release_deliveries(&worker, &give_back, now).await?;
                }
                Ok(())
            })
        })
        .await
}

fn report(doing: &'static str, error: &StorageError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "{doing} failed");
}
