//! Actions on threads of this process: for embedding and trials.
//!
//! The engine's limits hold, but nothing stops a loop inside native code before it ends by
//! itself, and an engine that aborts takes the process with it. Servers use [`Pool`](super::Pool).

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::{ActionEngine, engine};
use crate::domain::action_run::{ActionErrorKind, ActionJob, ActionRun};

/// Runs Actions on threads of this process.
#[derive(Debug)]
pub struct InProcess {
    seats: Semaphore,
}

impl Default for InProcess {
    fn default() -> Self {
        Self {
            seats: Semaphore::new(4),
        }
    }
}

#[async_trait]
impl ActionEngine for InProcess {
    async fn run(&self, job: ActionJob) -> ActionRun {
        let _seat = self.seats.acquire().await;
        let ran = tokio::task::spawn_blocking(move || engine::run(&job)).await;
        ran.unwrap_or_else(|_| {
            ActionRun::failed(ActionErrorKind::Crashed, "The script engine failed.")
        })
    }
}
