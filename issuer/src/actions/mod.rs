//! The engine room of Actions: runs one Action on one event, and never trusts it.
//!
//! [`ActionEngine`] has two forms. [`InProcess`] runs the script on a thread of this process: for
//! embedding and trials. [`Pool`] runs it in child processes that confine themselves and are
//! killed past the deadline: for servers. Both give commands as data; who applies them is
//! `login/actions`. Neighbours: `engine.rs` has the JavaScript engine, with `prelude.js` in it,
//! `worker.rs` the child's side, `pool.rs` the parent's, `frames.rs` what goes through the pipes,
//! `host.rs` what an issuer holds. Without the feature `actions` there is only the trait.

#[cfg(feature = "actions")]
mod engine;
#[cfg(feature = "actions")]
mod frames;
mod host;
#[cfg(feature = "actions")]
mod in_process;
#[cfg(feature = "actions")]
mod pool;
#[cfg(feature = "actions")]
pub mod worker;

use async_trait::async_trait;

use crate::domain::action_run::{ActionJob, ActionRun};

pub use host::Actions;
#[cfg(feature = "actions")]
pub use in_process::InProcess;
#[cfg(feature = "actions")]
pub use pool::{Pool, PoolSettings};

/// Runs Actions.
#[async_trait]
pub trait ActionEngine: Send + Sync {
    /// Runs one; however badly it behaves, there is an answer.
    async fn run(&self, job: ActionJob) -> ActionRun;
}
