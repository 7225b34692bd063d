//! What an issuer holds of Actions: the engine, its limits, and `api.cache`.
//!
//! The cache is this process's own, one for each Action, and gone with it. It changes after a run
//! that succeeded, whatever becomes of the login.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use logout_shared::Timestamp;
use serde_json::{Map, Value};

use super::ActionEngine;
use crate::domain::action::MAX_ACTIONS;
use crate::domain::action_run::{ActionCommand, ActionErrorKind, ActionJob, ActionRun, RunLimits};

/// The most entries of one Action's cache.
const MAX_CACHE_ENTRIES: usize = 20;

/// The engine of an issuer.
pub struct Actions {
    engine: Option<Arc<dyn ActionEngine>>,
    limits: RunLimits,
    caches: Mutex<HashMap<String, Map<String, Value>>>,
}

impl Actions {
    /// Runs Actions with this engine; `limits.time` is for all Actions of one login together.
    pub fn new(engine: Option<Arc<dyn ActionEngine>>, limits: RunLimits) -> Self {
        Self {
            engine,
            limits,
            caches: Mutex::default(),
        }
    }

    /// What all Actions of one login may use.
    pub fn limits(&self) -> RunLimits {
        self.limits
    }

    /// Runs one and keeps nothing of it.
    pub async fn try_out(&self, job: ActionJob) -> ActionRun {
        let Some(engine) = &self.engine else {
            let text = "This issuer was built without an engine for Actions.";
            return ActionRun::failed(ActionErrorKind::Crashed, text);
        };
        engine.run(job).await
    }

    /// Runs one.
    pub async fn run(&self, job: ActionJob) -> ActionRun {
        let action = job.action.clone();
        let run = self.try_out(job).await;
        if let Ok(commands) = &run.result {
            self.keep(&action, commands);
        }
        run
    }

    /// What an Action finds in its cache.
    pub fn cached(&self, action: &str, now: Timestamp) -> Map<String, Value> {
        let mut caches = self.lock();
        let Some(cache) = caches.get_mut(action) else {
            return Map::new();
        };
        cache.retain(|_, entry| {
            entry["expires_at"]
                .as_f64()
                .is_some_and(|at| ActionCommand::time(at) > now)
        });
        cache.clone()
    }

    fn keep(&self, action: &str, commands: &[ActionCommand]) {
        for command in commands {
            match command {
                ActionCommand::SetCache { key, entry } => {
                    let mut caches = self.lock();
                    // Of Actions that were deleted since; the others fill theirs again.
                    if caches.len() >= MAX_ACTIONS && !caches.contains_key(action) {
                        caches.clear();
                    }
                    let cache = caches.entry(action.to_owned()).or_default();
                    // Runs side by side may each have had room.
                    if cache.len() < MAX_CACHE_ENTRIES || cache.contains_key(key) {
                        cache.insert(key.clone(), entry.clone());
                    }
                }
                ActionCommand::DeleteCache { key } => {
                    if let Some(cache) = self.lock().get_mut(action) {
                        cache.shift_remove(key);
                    }
                }
                _ => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Map<String, Value>>> {
        self.caches
            .lock()
            .expect("no code panics while it holds this lock")
    }
}
