//! How hard and how often clients are told, in numbers.
//!
//! The waits between attempts are `domain/retry.rs`; what one client may set for itself is
//! `domain/logout_settings.rs`; the time limit of a connection is `egress/`'s.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::retry::RetrySchedule;

/// The numbers of the delivery worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// When a failed attempt is repeated, and when a delivery is given up.
    pub retry: RetrySchedule,
    /// How many requests may be under way in this process.
    pub max_in_flight: u32,
    /// How many requests may be under way to one URL of one client.
    pub endpoint_in_flight: u32,
    /// How long a worker keeps a delivery for itself, in seconds; longer than any attempt takes.
    pub lease_secs: u32,
    /// How often the outbox is looked at when no bell rings, in milliseconds.
    pub poll_ms: u32,
    /// How many deliveries are claimed, or recorded, in one transaction.
    pub group_size: u32,
}

impl Settings {
    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.lease_secs))
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(u64::from(self.poll_ms.max(1)))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: RetrySchedule::default(),
            max_in_flight: 2_048,
            endpoint_in_flight: 8,
            lease_secs: 30,
            poll_ms: 1_000,
            group_size: 256,
        }
    }
}
