//! Drives deliveries from the outbox to their clients.
//!
//! One task owns all state: it claims what has a slot, starts attempts, gathers what came of them,
//! and tells the windows what that says about the endpoints. Attempts are tasks whose result is
//! their return value; claims and records are transactions that run beside them, one of each kind
//! at a time, so that what comes in meanwhile makes the next group. A lease outlives the process:
//! what a killed worker held is claimed again once its lease has run out. `outbox_turns.rs` holds
//! the transactions, `running.rs` starts and stops a worker.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use logout_shared::{RandomSource, Timestamp, TokenId};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Settings;
use super::attempt::{Means, attempt};
use super::desk::Desk;
use super::outbox_turns::{self, Ask, Claim};
use super::record::Finished;
use super::running::Parts;
use super::window::{Sign, Turn as WindowTurn};
use super::windows::Slot;
use crate::domain::delivery::{AttemptOutcome, DeliveryId, Endpoint, Verdict};
use crate::keyring::KeyRingError;
use crate::storage::{Births, ClaimedDelivery};

type Turn<T> = Option<BoxFuture<'static, T>>;

/// An attempt that has ended, with the slot it was made in.
struct AttemptEnd {
    claimed: ClaimedDelivery,
    slot: Slot,
    outcome: Result<AttemptOutcome, KeyRingError>,
    ended_at: Timestamp,
}

pub(super) struct Worker {
    parts: Arc<Parts>,
    name: Arc<str>,
    attempts: JoinSet<AttemptEnd>,
    /// What a panicking attempt cannot say itself: which delivery it was.
    running: HashMap<task::Id, DeliveryId>,
    finished: Vec<Finished>,
    give_back: Vec<DeliveryId>,
    came_back: Vec<Endpoint>,
    born: UnboundedReceiver<Births>,
    claiming: Turn<Option<Claim>>,
    recording: Turn<()>,
    bell: Turn<()>,
    look: bool,
    look_at: Option<Instant>,
}

impl Worker {
    pub(super) fn new(parts: Arc<Parts>) -> Self {
        let name: Arc<str> = TokenId::generate(&*parts.random).as_str().into();
        let (sender, born) = mpsc::unbounded_channel();
        parts.store.attend(Some(Arc::new(Desk {
            worker: Arc::clone(&name),
            lease: parts.settings.lease(),
            windows: parts.windows.clone(),
            clock: Arc::clone(&parts.clock),
            born: sender,
        })));
        Self {
            parts,
            born,
            name,
            attempts: JoinSet::new(),
            running: HashMap::new(),
            finished: Vec::new(),
            give_back: Vec::new(),
            came_back: Vec::new(),
            claiming: None,
            recording: None,
            bell: None,
            look: true,
            look_at: None,
        }
    }

    pub(super) async fn run(mut self, mut orders: watch::Receiver<Option<Instant>>) {
        outbox_turns::find_queues(Arc::clone(&self.parts)).await;
        loop {
            self.begin_turns();
            let wake_at = self.wake_at();
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
                Some(births) = self.born.recv() => self.take_over(births),
                claim = turn(&mut self.claiming) => self.take(claim),
                () = turn(&mut self.recording) => {}
                () = turn(&mut self.bell) => self.look = true,
                () = wait_until(wake_at) => {
                    if self.look_at.is_some_and(|at| at <= Instant::now()) {
                        self.look = true;
                        self.look_at = None;
                    }
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
            let group = usize::try_from(group_size(&parts.settings)).unwrap_or(usize::MAX);
            let finished: Vec<_> = self
                .finished
                .drain(..group.min(self.finished.len()))
                .collect();
            let give_back = std::mem::take(&mut self.give_back);
            let (parts, name) = (Arc::clone(parts), Arc::clone(&self.name));
            let work = outbox_turns::record(parts, name, finished, give_back);
            self.recording = Some(Box::pin(work));
        }
        self.begin_claim();
    }

    fn begin_claim(&mut self) {
        let (parts, windows) = (&self.parts, &self.parts.windows);
        let limit = windows.free().min(group_size(&parts.settings));
        let has_work =
            self.look || !self.came_back.is_empty() || windows.has_work(parts.clock.now());
        if self.claiming.is_some() || limit == 0 || !has_work {
            return;
        }
        let ask = Ask {
            limit,
            look: std::mem::take(&mut self.look),
            came_back: std::mem::take(&mut self.came_back),
        };
        let (parts, name) = (Arc::clone(parts), Arc::clone(&self.name));
        self.claiming = Some(Box::pin(outbox_turns::claim(parts, name, ask)));
    }

    /// When to look next: something is due, or an endpoint that is down is to be probed.
    fn wake_at(&self) -> Option<Instant> {
        let now = self.parts.clock.now();
        let probe_at = self.parts.windows.next_probe_at();
        // A probe that is due already waits for a claim that is under way or for a slot.
        let probe_at = probe_at.filter(|at| *at > now);
        let probe_at = probe_at.map(|at| Instant::now() + at.saturating_since(now));
        self.look_at.into_iter().chain(probe_at).min()
    }

    /// Starts what a claim brought.
    fn take(&mut self, claim: Option<Claim>) {
        // What failed is looked for again with the next bell.
        let Some(claim) = claim else { return };
        self.look |= claim.limit_reached;
        self.came_back.extend(claim.came_back);
        if let Some(wait) = claim.next_due_in {
            self.look_at = Some(Instant::now() + wait);
        }
        for (claimed, slot) in claim.started {
            self.begin_attempt(claimed, slot);
        }
    }

    /// Starts what came over the desk.
    fn take_over(&mut self, births: Births) {
        self.parts.windows.note_queue(&births.queued);
        for (claimed, seat) in births.leased {
            match seat.downcast::<Slot>() {
                Ok(slot) => self.begin_attempt(claimed, *slot),
                // No slot of ours: it is claimed when its lease has run out.
                Err(_) => self.give_back.push(claimed.delivery.id),
            }
        }
    }

    fn begin_attempt(&mut self, claimed: ClaimedDelivery, slot: Slot) {
        let id = claimed.delivery.id;
        let parts = Arc::clone(&self.parts);
        let task = self.attempts.spawn(async move {
            let Parts {
                issuer,
                keys,
                encrypter,
                sender,
                ..
            } = &*parts;
            let means = Means {
                issuer,
                keys,
                encrypter,
                sender: &**sender,
            };
            let jti = TokenId::generate(&*parts.random);
            let outcome = attempt(&claimed, means, parts.clock.now(), jti).await;
            AttemptEnd {
                claimed,
                slot,
                outcome,
                ended_at: parts.clock.now(),
            }
        });
        self.running.insert(task.id(), id);
    }

    fn attempt_ended(&mut self, ended: Result<(task::Id, AttemptEnd), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(delivery) = self.running.remove(&id) else {
            return;
        };
        self.parts.waiters.answered(delivery);
        match ended {
            Ok((_, ended)) => self.note(ended),
            Err(error) => {
                tracing::error!(%error, delivery.id = %delivery, "an attempt ended badly");
            }
        }
    }

    fn note(&mut self, ended: AttemptEnd) {
        let AttemptEnd {
            claimed,
            slot,
            outcome,
            ended_at,
        } = ended;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            // Ours to mend, and no attempt was made: it comes again when its lease runs out.
            Err(error) => {
                let (id, error): (_, &dyn std::error::Error) = (claimed.delivery.id, &error);
                tracing::error!(error, delivery.id = %id, "cannot sign a logout token");
                return;
            }
        };
        let sign = sign_of(&outcome);
        let endpoint = slot.endpoint().clone();
        let jitter = jitter(&*self.parts.random);
        let (turned, is_down) = slot.finish(sign, ended_at, jitter);
        match turned {
            Some(WindowTurn::WentDown) => tracing::warn!(
                client.id = %endpoint.client,
                "{} does not answer: what it is owed waits until it does", endpoint.url
            ),
            Some(WindowTurn::CameBack) => {
                tracing::info!(client.id = %endpoint.client, "{} answers again", endpoint.url);
                self.came_back.push(endpoint);
            }
            None => {}
        }
        self.finished.push(Finished {
            claimed,
            outcome,
            ended_at,
            jitter,
            endpoint_is_down: is_down && matches!(sign, Sign::Fails { .. }),
        });
    }

    async fn drain(mut self, until: Instant) {
        self.parts.store.attend(None);
        if let Some(claiming) = self.claiming.take()
            && let Some(claim) = claiming.await
        {
            let claimed = claim.started.iter().map(|(claimed, _)| claimed.delivery.id);
            self.give_back.extend(claimed);
        }
        while let Ok(Some(ended)) = timeout_at(until, self.attempts.join_next_with_id()).await {
            self.attempt_ended(ended);
        }
        self.attempts.abort_all();
        self.give_back
            .extend(self.running.drain().map(|(_, delivery)| delivery));
        if let Some(recording) = self.recording.take() {
            recording.await;
        }
        let (parts, name) = (Arc::clone(&self.parts), Arc::clone(&self.name));
        let (finished, give_back) = (self.finished, self.give_back);
        outbox_turns::record(parts, name, finished, give_back).await;
        // Whatever was being written when the desk was closed has come over it then.
        outbox_turns::wait_for_writes(&self.parts).await;
        let mut born = Vec::new();
        while let Ok(births) = self.born.try_recv() {
            born.extend(
                births
                    .leased
                    .into_iter()
                    .map(|(claimed, _)| claimed.delivery.id),
            );
        }
        outbox_turns::record(self.parts, self.name, Vec::new(), born).await;
    }
}

/// What an outcome says about the endpoint.
fn sign_of(outcome: &AttemptOutcome) -> Sign {
    let AttemptOutcome::Tried(attempt, _) = outcome else {
        // A URL that is no longer the client's has nothing to prove: its queue is emptied at once.
        return match outcome {
            AttemptOutcome::Moved | AttemptOutcome::Cancelled => Sign::Answers,
            _ => Sign::Nothing,
        };
    };
    match attempt.verdict() {
        Verdict::Heard { .. } | Verdict::Refused => Sign::Answers,
        verdict @ (Verdict::Retry | Verdict::Refusing) => Sign::Fails {
            refusing: verdict == Verdict::Refusing,
            retry_after: outcome.retry_after(),
        },
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

fn group_size(settings: &Settings) -> u32 {
    settings.group_size.max(1)
}

fn jitter(random: &dyn RandomSource) -> f64 {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
