//! Section `[actions]`: what Actions may use, and who runs them.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::domain::action_run::RunLimits;

/// What Actions may use, and who runs them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Actions {
    /// Running time of all Actions of one login together.
    #[serde(with = "humantime_serde")]
    pub time_limit: Duration,
    /// Memory of one run, in MiB.
    pub memory_limit_mib: usize,
    /// How many worker processes run Actions.
    pub workers: usize,
    /// How long a login waits for a worker.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// The program `logout-issuer`, whose processes become workers; the command line's own
    /// program by default. A program that embeds the server without it runs Actions in itself.
    pub worker: Option<PathBuf>,
}

impl Default for Actions {
    fn default() -> Self {
        let RunLimits { time, memory } = RunLimits::default();
        Self {
            time_limit: time,
            memory_limit_mib: memory >> 20,
            workers: 2,
            patience: Duration::from_secs(2),
            worker: None,
        }
    }
}

impl Actions {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let problem =
            if !(Duration::from_millis(10)..=Duration::from_secs(20)).contains(&self.time_limit) {
                ("actions.time_limit", "it must be from 10ms to 20s")
            } else if !(4..=512).contains(&self.memory_limit_mib) {
                ("actions.memory_limit_mib", "it must be from 4 to 512")
            } else if !(1..=64).contains(&self.workers) {
                ("actions.workers", "it must be from 1 to 64")
            } else if self.patience > Duration::from_secs(30) {
                ("actions.patience", "it must be at most 30s")
            } else {
                return Ok(());
            };
        Err(ConfigError::setting(problem.0, problem.1))
    }
}

impl From<&Actions> for RunLimits {
    fn from(section: &Actions) -> Self {
        Self {
            time: section.time_limit,
            memory: section.memory_limit_mib << 20,
        }
    }
}
