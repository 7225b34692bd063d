//! How long finished work is kept.
//!
//! What is not finished is never deleted by age. The sweep that deletes is `issuer/history.rs`.

use std::time::Duration;

/// How long history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Finished deliveries with their attempts, from the moment they were finished.
    pub deliveries: Duration,
    /// Records of the event log.
    pub events: Duration,
}

impl Retention {
    /// The shortest time that history can be kept.
    pub const MIN: Duration = Duration::from_hours(1);
    /// The longest time that history can be kept.
    pub const MAX: Duration = Duration::from_hours(3_650 * 24);
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            deliveries: Duration::from_hours(30 * 24),
            events: Duration::from_hours(30 * 24),
        }
    }
}
