//! The worker's two transactions: claiming what may be sent, and recording what came of it.
//!
//! Both end with a value and never with an error: a claim that failed is tried again with the
//! next look, a record that failed is repeated for as long as the leases hold. After that the
//! deliveries are claimed again, and clients may be told twice; never zero times.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use logout_shared::Timestamp;

use super::record::{self, Finished};
use super::running::Parts;
use super::windows::{Slot, Windows};
use crate::domain::delivery::{DeliveryId, Endpoint};
use crate::storage::{ClaimedDelivery, Lease, StorageError, Transaction};

/// How often a record is tried.
const RECORD_TRIES: u32 = 8;

/// The wait after the first failed record; doubles with each.
const RECORD_WAIT: Duration = Duration::from_millis(100);

/// How many deliveries are hastened in one transaction.
const HASTENED_AT_ONCE: u32 = 500;

/// What a claim is asked for.
#[derive(Debug)]
pub(super) struct Ask {
    /// How many deliveries at most.
    pub(super) limit: u32,
    /// Whether to look at what is due, beside the queues.
    pub(super) look: bool,
    /// Endpoints that are back: what waits for a time there need not wait any more.
    pub(super) came_back: Vec<Endpoint>,
}

/// What a claim brought.
#[derive(Debug, Default)]
pub(super) struct Claim {
    pub(super) started: Vec<(ClaimedDelivery, Slot)>,
    /// Endpoints for which more is to be hastened.
    pub(super) came_back: Vec<Endpoint>,
    /// Whether there may be more that is due now.
    pub(super) limit_reached: bool,
    /// When the next delivery is due, if that was asked and is known to be in the future.
    pub(super) next_due_in: Option<Duration>,
}

/// Claims what has a slot.
pub(super) async fn claim(parts: Arc<Parts>, worker: Arc<str>, ask: Ask) -> Option<Claim> {
    let now = parts.clock.now();
    let lease = Lease {
        worker,
        now,
        until: now + parts.settings.lease(),
    };
    let (windows, look) = (parts.windows.clone(), ask.look);
    let claimed: Result<Claim, StorageError> = parts
        .store
        .write(move |tx| Box::pin(claim_in(tx, lease, ask, windows)))
        .await;
    let mut claim = claimed
        .inspect_err(|error| report("claiming deliveries", error))
        .ok()?;
    if look && !claim.limit_reached {
        claim.next_due_in = next_due_in(&parts, now).await;
    }
    Some(claim)
}

async fn claim_in(
    tx: &mut dyn Transaction,
    lease: Lease,
    ask: Ask,
    windows: Windows,
) -> Result<Claim, StorageError> {
    let mut claim = Claim::default();
    for endpoint in ask.came_back {
        let hastened = tx
            .hasten_deliveries(&endpoint, lease.now, HASTENED_AT_ONCE)
            .await?;
        if hastened > 0 {
            windows.note_queue([&endpoint]);
        }
        if hastened >= u64::from(HASTENED_AT_ONCE) {
            claim.came_back.push(endpoint);
        }
    }
    let mut slots = Slots::of(windows.take_for_queues(lease.now, ask.limit));
    let wanted = slots.count();
    if !wanted.is_empty() {
        let queued = tx.claim_queued_deliveries(&lease, &wanted).await?;
        slots.hand_out(queued, &mut claim.started);
        // Whoever wants more than there was has seen the end of its queue.
        for (endpoint, _) in slots.count() {
            windows.note_empty_queue(&endpoint);
        }
    }
    if !ask.look {
        return Ok(claim);
    }
    let mut slots = Slots::default();
    let mut take_slot = |endpoint: &Endpoint| {
        let slot = windows.take(endpoint, lease.now);
        slot.map(|slot| slots.add(slot)).is_some()
    };
    let due = tx
        .claim_due_deliveries(&lease, ask.limit, &mut take_slot)
        .await?;
    slots.hand_out(due.leased, &mut claim.started);
    windows.note_queue(&due.queued);
    if !due.given_up.is_empty() {
        record::record_given_up(tx, &due.given_up).await?;
    }
    claim.limit_reached = due.limit_reached;
    Ok(claim)
}

/// Slots that wait for their deliveries.
#[derive(Default)]
struct Slots(HashMap<Endpoint, Vec<Slot>>);

impl Slots {
    fn of(slots: Vec<Slot>) -> Self {
        let mut all = Self::default();
        for slot in slots {
            all.add(slot);
        }
        all
    }

    fn add(&mut self, slot: Slot) {
        self.0
            .entry(slot.endpoint().clone())
            .or_default()
            .push(slot);
    }

    /// How many there are for each endpoint.
    fn count(&self) -> Vec<(Endpoint, u32)> {
        let some = self.0.iter().filter(|(_, slots)| !slots.is_empty());
        some.map(|(endpoint, slots)| {
            let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
            (endpoint.clone(), count)
        })
        .collect()
    }

    fn hand_out(
        &mut self,
        claimed: Vec<ClaimedDelivery>,
        started: &mut Vec<(ClaimedDelivery, Slot)>,
    ) {
        for one in claimed {
            let slot = self.0.get_mut(&one.delivery.endpoint()).and_then(Vec::pop);
            // The store leases one delivery for each slot and no more.
            started.extend(slot.map(|slot| (one, slot)));
        }
    }
}

async fn next_due_in(parts: &Parts, now: Timestamp) -> Option<Duration> {
    let due = async { parts.store.read().await?.next_due().await };
    let due = due
        .await
        .inspect_err(|error| report("looking for what is due next", error))
        .ok()??;
    Some(due.saturating_since(now))
}

/// The endpoints that deliveries of an earlier process are queued for.
pub(super) async fn find_queues(parts: Arc<Parts>) {
    let queued = async { parts.store.read().await?.queued_endpoints().await };
    match queued.await {
        Ok(endpoints) => parts.windows.note_queue(&endpoints),
        Err(error) => report("looking for queued deliveries", &error),
    }
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
                let queued = finished.iter().filter(|one| one.endpoint_is_down);
                let queued: Vec<_> = queued.map(|one| one.claimed.delivery.endpoint()).collect();
                parts.windows.note_queue(&queued);
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

/// Returns when all that is being written now has been committed, or undone.
pub(super) async fn wait_for_writes(parts: &Parts) {
    let nothing = parts
        .store
        .write(|_| Box::pin(async { Ok::<_, StorageError>(()) }));
    if let Err(error) = nothing.await {
        report("waiting for writes", &error);
    }
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
