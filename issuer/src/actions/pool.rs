//! Actions in child processes: a few warm workers, each killed past its deadline and replaced.
//!
//! A script that the engine's own limits do not stop, or that takes the engine down, costs one
//! worker and no login but its own. Runs that find no worker in time are refused rather than
//! queued, and one Action occupies at most half of the workers, so that a bad one leaves room.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Semaphore;

use super::{ActionEngine, engine, frames, worker};
use crate::domain::action_run::{ActionErrorKind, ActionJob, ActionRun};

/// How many runs may wait for a worker.
const MAX_WAITING: usize = 1024;

/// After how many runs a worker is replaced, so that nothing can grow in it for ever.
const RUNS_OF_A_WORKER: u32 = 10_000;

/// How a pool works.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The program that becomes a worker with the hidden sub-command: `logout-issuer`.
    pub program: PathBuf,
    /// How many workers there are.
    pub workers: usize,
    /// How long a run waits for one.
    pub patience: Duration,
}

/// Runs Actions in child processes.
#[derive(Debug)]
pub struct Pool {
    settings: PoolSettings,
    seats: Semaphore,
    of_action: Mutex<HashMap<String, Arc<Semaphore>>>,
    idle: Arc<Mutex<Vec<Worker>>>,
    waiting: AtomicUsize,
}

/// A child that waits for a job. Dropping it kills it.
#[derive(Debug)]
struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    runs: u32,
}

impl Pool {
    /// A pool; workers are started when they are needed, and stay.
    pub fn new(settings: PoolSettings) -> Self {
        Self {
            seats: Semaphore::new(settings.workers.max(1)),
            settings,
            of_action: Mutex::default(),
            idle: Arc::default(),
            waiting: AtomicUsize::new(0),
        }
    }

    fn spawn(&self) -> std::io::Result<Worker> {
        let mut child = Command::from(worker::command(&self.settings.program))
            .kill_on_drop(true)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let broken = || std::io::Error::other("a child has no pipes");
        Ok(Worker {
            input: input.ok_or_else(broken)?,
            output: output.ok_or_else(broken)?,
            child,
            runs: 0,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle
            .lock()
            .expect("no code panics while it holds this lock")
    }

    fn seats_of(&self, action: &str) -> Arc<Semaphore> {
        let mut all = self
            .of_action
            .lock()
            .expect("no code panics while it holds this lock");
        if all.len() > 1000 {
            all.retain(|_, seats| Arc::strong_count(seats) > 1);
        }
        let half = self.settings.workers.div_ceil(2).max(1);
        let seats = all.entry(action.to_owned());
        Arc::clone(seats.or_insert_with(|| Arc::new(Semaphore::new(half))))
    }

    /// Runs a job in a worker that nobody else uses.
    async fn run_in_worker(&self, job: &ActionJob) -> ActionRun {
        let Ok(frame) = frames::framed(job) else {
            return ActionRun::failed(
                ActionErrorKind::Output,
                "The event is too large for an Action.",
            );
        };
        let begun = Instant::now();
        let waiting = self.idle().pop();
        // A warm worker may have died since: the job is tried once more in a new one.
        if let Some(mut warm) = waiting {
            match self.give(&mut warm, &frame, job).await {
                Ok(run) => return self.back(warm, run),
                Err(Lost::BeforeTheJob) => {}
                Err(lost) => return lost.told(job, begun.elapsed()),
            }
        }
        let mut fresh = match self.spawn() {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::error!("no worker for Actions could be started: {error}");
                let text = "The Action could not be run: no worker could be started.";
                return ActionRun::failed(ActionErrorKind::Crashed, text);
            }
        };
        match self.give(&mut fresh, &frame, job).await {
            Ok(run) => self.back(fresh, run),
            Err(lost) => lost.told(job, begun.elapsed()),
        }
    }

    async fn give(
        &self,
        worker: &mut Worker,
        frame: &[u8],
        job: &ActionJob,
    ) -> Result<ActionRun, Lost> {
        if !matches!(worker.child.try_wait(), Ok(None)) {
            return Err(Lost::BeforeTheJob);
        }
        // What the engine itself does not end by its limit is ended here.
        let deadline = job.limits.time + job.limits.time / 4;
        let exchange = async {
            frames::send(&mut worker.input, frame).await?;
            frames::receive::<ActionRun>(&mut worker.output).await
        };
        match tokio::time::timeout(deadline, exchange).await {
            Ok(Ok(run)) => Ok(run),
            Ok(Err(_)) => Err(Lost::Died),
            Err(_) => Err(Lost::TooLate),
        }
    }

    fn back(&self, mut worker: Worker, run: ActionRun) -> ActionRun {
        worker.runs += 1;
        if worker.runs < RUNS_OF_A_WORKER {
            self.idle().push(worker);
        }
        run
    }
}

/// A worker that gave no answer; it is killed as it is dropped.
enum Lost {
    BeforeTheJob,
    Died,
    TooLate,
}

impl Lost {
    fn told(self, job: &ActionJob, duration: Duration) -> ActionRun {
        let error = match self {
            Self::TooLate => engine::too_late(job.limits.time),
            Self::BeforeTheJob | Self::Died => crate::domain::action_run::ActionError::new(
                ActionErrorKind::Crashed,
                "The Action brought its worker down.",
            ),
        };
        ActionRun {
            result: Err(error),
            console: String::new(),
            duration,
        }
    }
}

/// One more that waits, as long as it lives.
struct Waiting<'p>(&'p AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl ActionEngine for Pool {
    async fn run(&self, job: ActionJob) -> ActionRun {
        let refused = || {
            let text = "Too many Actions are running; please try again.";
            ActionRun::failed(ActionErrorKind::RateLimited, text)
        };
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        if before >= MAX_WAITING {
            return refused();
        }
        let own = self.seats_of(&job.action);
        let seats = async { (own.acquire().await, self.seats.acquire().await) };
        let Ok(_seats) = tokio::time::timeout(self.settings.patience, seats).await else {
            return refused();
        };
        drop(waiting);
        self.run_in_worker(&job).await
    }
}
