//! How hard and how often clients are told, in numbers.
//!
//! The waits between attempts are `domain/retry.rs`; what one client may set for itself is
//! `domain/logout_settings.rs`; the time limit of a connection is `egress/`'s.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::windows::Windows;
use crate::domain::retry::RetrySchedule;

/// The numbers of the delivery worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// When a failed attempt is repeated, and when a delivery is given up.
    pub retry: RetrySchedule,
    /// How many requests may be under way in this process.
    pub max_in_flight: u32,
    /// How many requests may be under way to one URL of one client at first.
    pub endpoint_in_flight: u32,
    /// How many of them there may be once it has proved that it keeps up.
    pub endpoint_max_in_flight: u32,
    /// How long until the first, second, … probe of an endpoint that is down, in seconds; the last
    /// one repeats.
    pub probe_waits_secs: Vec<u64>,
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

    /// Windows with these numbers, all of them as new.
    pub(crate) fn windows(&self) -> Windows {
        Windows::new(self.max_in_flight, self.window())
    }

    pub(super) fn window(&self) -> WindowSettings {
        let first = self.endpoint_in_flight.max(1);
        WindowSettings {
            first,
            most: self.endpoint_max_in_flight.max(first),
            probes: RetrySchedule {
                waits_secs: self.probe_waits_secs.clone(),
                ..self.retry.clone()
            },
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: RetrySchedule::default(),
            max_in_flight: 2_048,
            endpoint_in_flight: 8,
            endpoint_max_in_flight: 256,
            probe_waits_secs: vec![1, 5, 15, 60],
            lease_secs: 30,
            poll_ms: 1_000,
            group_size: 256,
        }
    }
}

/// The numbers of one endpoint's window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WindowSettings {
    pub(super) first: u32,
    pub(super) most: u32,
    probes: RetrySchedule,
}

impl WindowSettings {
    /// How long until the next probe, after so many that failed.
    pub(super) fn probe_wait(
        &self,
        failed: u32,
        refusing: bool,
        retry_after: Option<Duration>,
        jitter: f64,
    ) -> Duration {
        let next = failed.saturating_add(1);
        if refusing {
            self.probes.refusing_wait(next, jitter)
        } else {
            self.probes.wait(next, retry_after, jitter)
        }
    }
}

impl Default for WindowSettings {
    fn default() -> Self {
        Settings::default().window()
    }
}
