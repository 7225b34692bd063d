//! Section `[delivery]`: how clients are told, and how long it is tried.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::delivery::Settings;
use crate::domain::retry::RetrySchedule;

/// How clients are told, and how long it is tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// Waits after the first, second, … failed attempt; the last one repeats.
    #[serde(with = "durations")]
    pub waits: Vec<Duration>,
    /// First wait after an answer that a person may have to mend.
    #[serde(with = "humantime_serde")]
    pub refusing_wait: Duration,
    /// How far a wait may stray in either direction, in percent.
    pub jitter_percent: u8,
    /// The longest wait that `Retry-After` can ask for.
    #[serde(with = "humantime_serde")]
    pub max_retry_after: Duration,
    /// How long after the event a delivery is given up.
    #[serde(with = "humantime_serde")]
    pub give_up_after: Duration,
    /// How many requests may be under way in this process.
    pub max_in_flight: u32,
    /// How many requests may be under way to one URL of one client at first.
    pub endpoint_in_flight: u32,
    /// How many of them there may be once it has proved that it keeps up.
    pub endpoint_max_in_flight: u32,
    /// Waits until the first, second, … probe of an endpoint that is down; the last one repeats.
    #[serde(with = "durations")]
    pub probe_waits: Vec<Duration>,
    /// How long a worker keeps a delivery for itself.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// How often the outbox is looked at when no bell rings.
    #[serde(with = "humantime_serde")]
    pub poll: Duration,
    /// How many deliveries are claimed, or recorded, in one transaction.
    pub group_size: u32,
}

impl Default for Delivery {
    fn default() -> Self {
        let settings = Settings::default();
        let schedule = settings.retry;
        let waits = |secs: &[u64]| secs.iter().copied().map(Duration::from_secs).collect();
        Self {
            waits: waits(&schedule.waits_secs),
            refusing_wait: Duration::from_secs(schedule.refusing_wait_secs),
            jitter_percent: schedule.jitter_percent,
            max_retry_after: Duration::from_secs(schedule.max_retry_after_secs),
            give_up_after: schedule.give_up_after(),
            max_in_flight: settings.max_in_flight,
            endpoint_in_flight: settings.endpoint_in_flight,
            endpoint_max_in_flight: settings.endpoint_max_in_flight,
            probe_waits: waits(&settings.probe_waits_secs),
            lease: Duration::from_secs(settings.lease_secs.into()),
            poll: Duration::from_millis(settings.poll_ms.into()),
            group_size: settings.group_size,
        }
    }
}

impl Delivery {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, problem| Err(ConfigError::setting(key, problem));
        for (key, waits) in [
            ("delivery.waits", &self.waits),
            ("delivery.probe_waits", &self.probe_waits),
        ] {
            if waits.is_empty() || waits.iter().any(|wait| wait.as_secs() == 0) {
                return refuse(key, "it must have a wait, and each at least 1s");
            }
        }
        if self.endpoint_max_in_flight < self.endpoint_in_flight {
            return refuse(
                "delivery.endpoint_max_in_flight",
                "it must be at least endpoint_in_flight",
            );
        }
        if self.refusing_wait.as_secs() == 0 {
            return refuse("delivery.refusing_wait", "it must be at least 1s");
        }
        if self.jitter_percent > 100 {
            return refuse("delivery.jitter_percent", "it must be from 0 to 100");
        }
        if !(3_600..=30 * 24 * 3_600).contains(&self.give_up_after.as_secs()) {
            return refuse("delivery.give_up_after", "it must be from 1h to 30d");
        }
        // An attempt takes up to ten seconds; a lease that ends before it would send twice.
        if !(15..=3_600).contains(&self.lease.as_secs()) {
            return refuse("delivery.lease", "it must be from 15s to 1h");
        }
        if !(10..=60_000).contains(&self.poll.as_millis()) {
            return refuse("delivery.poll", "it must be from 10ms to 1m");
        }
        for (key, number) in [
            ("delivery.max_in_flight", self.max_in_flight),
            ("delivery.endpoint_in_flight", self.endpoint_in_flight),
            (
                "delivery.endpoint_max_in_flight",
                self.endpoint_max_in_flight,
            ),
            ("delivery.group_size", self.group_size),
        ] {
            if !(1..=65_536).contains(&number) {
                return refuse(key, "it must be from 1 to 65536");
            }
        }
        Ok(())
    }
}

impl From<&Delivery> for Settings {
    fn from(section: &Delivery) -> Self {
        let retry = RetrySchedule {
            waits_secs: secs(&section.waits),
            refusing_wait_secs: section.refusing_wait.as_secs(),
            jitter_percent: section.jitter_percent,
            max_retry_after_secs: section.max_retry_after.as_secs(),
            give_up_after_secs: section.give_up_after.as_secs(),
        };
        Self {
            retry,
            max_in_flight: section.max_in_flight,
            endpoint_in_flight: section.endpoint_in_flight,
            endpoint_max_in_flight: section.endpoint_max_in_flight,
            probe_waits_secs: secs(&section.probe_waits),
            lease_secs: u32::try_from(section.lease.as_secs()).unwrap_or(u32::MAX),
            poll_ms: u32::try_from(section.poll.as_millis()).unwrap_or(u32::MAX),
            group_size: section.group_size,
        }
    }
}

fn secs(waits: &[Duration]) -> Vec<u64> {
    waits.iter().map(Duration::as_secs).collect()
}

/// A list of durations, as people write them.
mod durations {
    use std::time::Duration;

    use humantime_serde::Serde;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<Vec<Duration>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let durations = Vec::<Serde<Duration>>::deserialize(deserializer)?;
        Ok(durations.into_iter().map(Serde::into_inner).collect())
    }

    pub(super) fn serialize<S>(durations: &[Duration], serializer: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        let durations: Vec<_> = durations.iter().copied().map(Serde::from).collect();
        durations.serialize(serializer)
    }
}
