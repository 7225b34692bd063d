//! Ends of single sessions that are asked for at the same time are one piece of work.
//!
//! The first to come is written at once; what comes in meanwhile makes the next piece, so under
//! load a few statements end many sessions, and nobody waits for company. Each caller has its own
//! answer after the durable commit. What ends and who is told is `end_locked.rs`'s.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use logout_shared::{Clock, RandomSource, SessionId, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::end_locked::{Over, end_locked};
use super::end_session::{
    EndSession, EndSessionError, Ended, Ending, ended_before, refuse_what_ends_nothing,
};
use super::fan_out::FanOut;
use crate::domain::session::Session;
use crate::storage::{StorageError, Store, Transaction};

/// How many sessions end in one piece of work; others wait that long to write.
const MOST_AT_A_TIME: usize = 32;

/// How many callers may wait in the queue; more wait before it.
const QUEUE: usize = 1_024;

/// The way to the task that ends sessions; it goes with its owner.
#[derive(Debug)]
pub struct EndQueue {
    sender: mpsc::Sender<Request>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Request {
    end: EndSession,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Ended, EndSessionError>;

impl EndQueue {
    /// Starts the task on the current runtime.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(serve(receiver, store, clock, random));
        Self {
            sender,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Ends a session, as [`end_session`](super::end_session()) does; durable when it returns.
    ///
    /// # Errors
    ///
    /// As [`end_session`](super::end_session()).
    pub async fn end(&self, end: EndSession) -> Result<Ended, EndSessionError> {
        refuse_what_ends_nothing(&end.ending)?;
        let (answer, answered) = oneshot::channel();
        let stopped = || StorageError::new("ending a session", "the issuer was stopped");
        let sent = self.sender.send(Request { end, answer }).await;
        sent.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

async fn serve(
    mut queue: mpsc::Receiver<Request>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
) {
    let mut requests = Vec::new();
    while queue.recv_many(&mut requests, MOST_AT_A_TIME).await > 0 {
        let (ends, waiting): (Vec<_>, Vec<_>) = requests
            .drain(..)
            .map(|request| (request.end, request.answer))
            .unzip();
        let (random, now) = (Arc::clone(&random), clock.now());
        let written = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { end_together(tx, ends, now, &*random).await })
        });
        match written.await {
            Ok(answers) => {
                for (waiting, answer) in waiting.into_iter().zip(answers) {
                    // Nobody may be waiting any more.
                    let _ = waiting.send(answer);
                }
            }
            Err(error) => {
                for waiting in waiting {
                    // Several callers hear of one error, which cannot be copied.
                    let error = StorageError::new(error.doing, error.source.to_string());
                    let _ = waiting.send(Err(error.into()));
                }
            }
        }
    }
}

/// Ends sessions that have nothing to do with each other; answers in the order of the requests.
async fn end_together(
    tx: &mut dyn Transaction,
    ends: Vec<EndSession>,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<Vec<Answer>, StorageError> {
    let ids: Vec<SessionId> = ends.iter().map(|end| end.id.clone()).collect();
    let locked = tx.lock_sessions(&ids).await?.into_iter();
    let mut locked: HashMap<SessionId, Session> = locked
        .map(|session| (session.id.clone(), session))
        .collect();
    let mut alike: Vec<(Ending, Over)> = Vec::new();
    for EndSession { id, ending } in &ends {
        // Whoever comes second for a session finds it ended.
        let Some(session) = locked.remove(id) else {
            continue;
        };
        let kind = |one: &Ending| (one.initiator, one.give_up_after, one.refresh_tokens);
        let is_alike = |(first, _): &&mut (Ending, Over)| kind(first) == kind(ending);
        let over = if let Some((_, over)) = alike.iter_mut().find(is_alike) {
            over
        } else {
            alike.push((ending.clone(), Over::each(Vec::new())));
            &mut alike.last_mut().expect("one was pushed").1
        };
        over.contexts.insert(id.clone(), ending.context.clone());
        over.sessions.push(session);
    }
    let mut ended = HashMap::new();
    for (ending, over) in alike {
        let (sessions, told) = end_locked(tx, over, &ending, now, random).await?;
        ended.extend(by_session(sessions, told));
    }
    let mut answers = Vec::with_capacity(ids.len());
    for id in ids {
        answers.push(match ended.remove(&id) {
            Some(ended) => Ok(ended),
            None => match ended_before(tx, id).await {
                Err(EndSessionError::Storage(error)) => return Err(error),
                answer => answer,
            },
        });
    }
    Ok(answers)
}

/// What each session's end caused, apart.
fn by_session(sessions: Vec<SessionId>, told: FanOut) -> HashMap<SessionId, Ended> {
    let mut apart: HashMap<SessionId, Ended> = HashMap::new();
    for id in sessions {
        let ended = apart.entry(id.clone()).or_default();
        ended.sessions.push(id);
    }
    let mut waits = BTreeMap::new();
    for (wait, ids) in told.waits {
        waits.extend(ids.into_iter().map(|id| (id, wait)));
    }
    for delivery in told.deliveries {
        let ended = delivery.about.session().and_then(|sid| apart.get_mut(sid));
        let Some(ended) = ended else { continue };
        ended.deliveries.push(delivery.id);
        if let Some(wait) = waits.get(&delivery.id) {
            ended.waits.entry(*wait).or_default().push(delivery.id);
        }
    }
    apart
}
