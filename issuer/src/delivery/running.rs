//! Starts and stops a delivery worker.
//!
//! What the worker works with comes in here; the worker itself is `worker.rs`. A worker that is
//! dropped stops at once and loses nothing: its leases run out. One that drains gives them back.

use std::sync::Arc;
use std::time::Duration;

use logout_shared::{Clock, Issuer, RandomSource};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::attempt::LogoutSender;
use super::windows::Windows;
use super::worker::Worker;
use super::{Settings, Waiters};
use crate::keyring::KeyRing;
use crate::keyring::encrypter::Encrypter;
use crate::storage::Store;

/// What a worker works with.
pub struct Parts {
    /// The token's `iss`.
    pub issuer: Issuer,
    /// The outbox.
    pub store: Arc<dyn Store>,
    /// Signs.
    pub keys: Arc<KeyRing>,
    /// Encrypts.
    pub encrypter: Arc<Encrypter>,
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
    /// How much each endpoint is trusted with.
    pub windows: Windows,
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
    /// Takes nothing more, lets attempts under way finish until `at_most` has passed, records
    /// what came of them, and gives all leases back.
    pub async fn drain(self, at_most: Duration) {
        self.drain_until
            .send_replace(Some(Instant::now() + at_most));
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the delivery worker ended badly");
        }
    }
}
