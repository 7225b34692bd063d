//! Drives deliveries from the outbox to their clients.
//!
//! One task owns all state: it claims what has a slot, starts attempts, and gathers what came of
//! them. Attempts are tasks whose result is their return value; claims and records are
//! transactions that run beside them, one of each kind at a time, so that what comes in meanwhile
//! makes the next group. A lease outlives the process: what a killed worker held is claimed again
//! once its lease has run out. `outbox_turns.rs` holds the transactions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use logout_shared::{Clock, Issuer, RandomSource, Timestamp, TokenId};
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::attempt::{LogoutSender, Means, attempt};
use super::outbox_turns::{self, Claim};
use super::record::Finished;
use super::windows::{Admission, Windows};
use super::{Settings, Waiters};
use crate::domain::delivery::{AttemptOutcome, DeliveryId, Endpoint};
use crate::keyring::{KeyRing, KeyRingError};
use crate::storage::{ClaimedDelivery, Store};

/// What a worker works with.
pub struct Parts {
    /// The token's `iss`.
    pub issuer: Issuer,
    /// The outbox.
    pub store: Arc<dyn Store>,
    /// Signs.
    pub keys: Arc<KeyRing>,
    /// Posts.
    pub sender: Arc<dyn LogoutSender>,
    /// Tells when deliveries are due.
    pub clock: Arc<dyn Clock>,
    /// Makes token ids and jitter.
    pub random: Arc<dyn RandomSource>,
    /// The numbers.
    pub settings: Settings,
    /// Who waits for first answers.
    pub waiters: Arc<Waiters>,
}

/// A worker that runs. Dropping it stops the worker at once: what it held is claimed again, by
/// whoever comes next, once the leases have run out.
#[derive(Debug)]
pub struct Running {
    /// The moment at which a drain ends, once one was asked for.
    drain_until: watch::Sender<Option<Instant>>,
    task: AbortOnDropHandle<()>,
}

/// Starts a worker on the current runtime.
pub fn start(parts: Parts) -> Running {
    let (drain_until, orders) = watch::channel(None);
    let worker = Worker::new(Arc::new(parts));
    let task = AbortOnDropHandle::new(tokio::spawn(worker.run(orders)));
    Running { drain_until, task }
}

impl Running {
    /// Claims nothing more, lets attempts under way finish until `at_most` has passed, records
    /// what came of them, and gives all leases back.
    pub async fn drain(self, at_most: Duration) {
        self.drain_until
            .send_replace(Some(Instant::now() + at_most));
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the delivery worker ended badly");
        }
    }
}

type Turn<T> = Option<BoxFuture<'static, T>>;
type AttemptEnd = (
    ClaimedDelivery,
    Result<AttemptOutcome, KeyRingError>,
    Timestamp,
);

struct Worker {
    parts: Arc<Parts>,
    name: Arc<str>,
    windows: Windows,
    attempts: JoinSet<AttemptEnd>,
    /// What a panicking attempt cannot say itself: whose slot it held.
    running: HashMap<task::Id, (Endpoint, DeliveryId)>,
    finished: Vec<Finished>,
    give_back: Vec<DeliveryId>,
    claiming: Turn<Option<Claim>>,
    recording: Turn<()>,
    bell: Turn<()>,
    look: bool,
    look_at: Option<Instant>,
    /// Whether the latest claim left due deliveries behind.
    behind: bool,
}

impl Worker {
    fn new(parts: Arc<Parts>) -> Self {
        let settings = &parts.settings;
        let windows = Windows::new(settings.max_in_flight, settings.endpoint_in_flight);
        let name = TokenId::generate(&*parts.random).as_str().into();
        Self {
            parts,
            name,
            windows,
            attempts: JoinSet::new(),
            running: HashMap::new(),
            finished: Vec::new(),
            give_back: Vec::new(),
            claiming: None,
            recording: None,
            bell: None,
            look: true,
            look_at: None,
            behind: false,
        }
    }

    async fn run(mut self, mut orders: watch::Receiver<Option<Instant>>) {
        loop {
            self.begin_turns();
            let look_at = self.look_at;
            tokio::select! {
                changed = orders.changed() => {
                    // The sender is gone only together with this task.
                    let until = changed.ok().and(*orders.borrow());
                    return self.drain(until.unwrap_or_else(Instant::now)).await;
                }
                Some(ended) = self.attempts.join_next_with_id() => {
                    self.attempt_ended(ended);
                    while let Some(ended) = self.attempts.try_join_next_with_id() {
                        self.attempt_ended(ended);
                    }
                }
                claim = turn(&mut self.claiming) => self.take(claim),
                () = turn(&mut self.recording) => {}
                () = turn(&mut self.bell) => self.look = true,
                () = wait_until(look_at) => {
                    self.look = true;
                    self.look_at = None;
                }
            }
        }
    }

    fn begin_turns(&mut self) {
        let parts = &self.parts;
        if self.bell.is_none() {
            let (store, poll) = (Arc::clone(&parts.store), parts.settings.poll());
            self.bell = Some(Box::pin(
                async move { store.wait_for_deliveries(poll).await },
            ));
        }
        if self.recording.is_none() && !(self.finished.is_empty() && self.give_back.is_empty()) {
            let group = self.finished.len().min(group_size(&parts.settings));
            let finished: Vec<_> = self.finished.drain(..group).collect();
            let give_back = std::mem::take(&mut self.give_back);
            let (parts, name) = (Arc::clone(parts), Arc::clone(&self.name));
            let work = outbox_turns::record(parts, name, finished, give_back);
            self.recording = Some(Box::pin(work));
        }
        let free = self.windows.free().min(group_size(&self.parts.settings));
        if self.look && self.claiming.is_none() && free > 0 {
            self.look = false;
            let (parts, name) = (Arc::clone(&self.parts), Arc::clone(&self.name));
            let work = outbox_turns::claim(parts, name, free, self.windows.full());
            self.claiming = Some(Box::pin(work));
        }
    }

    /// Starts what a claim brought, as far as there are slots.
    fn take(&mut self, claim: Option<Claim>) {
        let Some(claim) = claim else { return };
        self.behind = claim.left_some;
        self.look |= claim.limit_reached;
        self.look_at = claim.next_due_in.map(|wait| Instant::now() + wait);
        for claimed in claim.deliveries {
            match self.windows.admit(claimed, claim.lease_until) {
                Admission::Start(claimed) => self.begin_attempt(*claimed),
                Admission::Waits => {}
                Admission::Surplus(id) => {
                    self.give_back.push(id);
                    self.behind = true;
                }
            }
        }
    }

    fn begin_attempt(&mut self, claimed: ClaimedDelivery) {
        let holder = (claimed.delivery.endpoint(), claimed.delivery.id);
        let parts = Arc::clone(&self.parts);
        let task = self.attempts.spawn(async move {
            let Parts {
                issuer,
                keys,
                sender,
                ..
            } = &*parts;
            let means = Means {
                issuer,
                keys,
                sender: &**sender,
            };
            let jti = TokenId::generate(&*parts.random);
            let outcome = attempt(&claimed, means, parts.clock.now(), jti).await;
            (claimed, outcome, parts.clock.now())
        });
        self.running.insert(task.id(), holder);
    }

    fn attempt_ended(&mut self, ended: Result<(task::Id, AttemptEnd), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some((endpoint, delivery)) = self.running.remove(&id) else {
            return;
        };
        self.parts.waiters.answered(delivery);
        match ended {
            Ok((_, (claimed, Ok(outcome), ended_at))) => {
                let jitter = jitter(&*self.parts.random);
                self.finished.push(Finished {
                    claimed,
                    outcome,
                    ended_at,
                    jitter,
                });
            }
            // Ours to mend, and no attempt was made: it comes again when its lease runs out.
            Ok((_, (_, Err(error), _))) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, delivery.id = %delivery, "cannot sign a logout token");
            }
            Err(error) => {
                tracing::error!(%error, delivery.id = %delivery, "an attempt ended badly");
            }
        }
        let (next, too_late) = self.windows.finished(&endpoint, self.parts.clock.now());
        self.give_back.extend(too_late);
        if let Some(next) = next {
            self.begin_attempt(next);
        }
        self.look |= self.behind;
    }

    async fn drain(mut self, until: Instant) {
        if let Some(claiming) = self.claiming.take()
            && let Some(claim) = claiming.await
        {
            self.give_back
                .extend(claim.deliveries.iter().map(|claimed| claimed.delivery.id));
        }
        self.give_back.extend(self.windows.give_up_waiting());
        while let Ok(Some(ended)) = timeout_at(until, self.attempts.join_next_with_id()).await {
            self.attempt_ended(ended);
        }
        self.attempts.abort_all();
        self.give_back
            .extend(self.running.drain().map(|(_, (_, delivery))| delivery));
        if let Some(recording) = self.recording.take() {
            recording.await;
        }
        let (parts, name) = (self.parts, self.name);
        outbox_turns::record(parts, name, self.finished, self.give_back).await;
    }
}

/// Goes on with a turn under way; without one, waits for ever.
async fn turn<T>(turn: &mut Turn<T>) -> T {
    match turn {
        Some(work) => {
            let done = work.await;
            *turn = None;
            done
        }
        None => std::future::pending().await,
    }
}

async fn wait_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn group_size(settings: &Settings) -> usize {
    usize::try_from(settings.group_size.max(1)).unwrap_or(usize::MAX)
}

fn jitter(random: &dyn RandomSource) -> f64 {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
