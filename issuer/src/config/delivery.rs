//! Section `[delivery]`: how clients are told, and how long it is tried.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
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
}

impl Default for Delivery {
    fn default() -> Self {
        let schedule = RetrySchedule::default();
        Self {
            waits: schedule
                .waits_secs
                .iter()
                .copied()
                .map(Duration::from_secs)
                .collect(),
            refusing_wait: Duration::from_secs(schedule.refusing_wait_secs),
            jitter_percent: schedule.jitter_percent,
            max_retry_after: Duration::from_secs(schedule.max_retry_after_secs),
            give_up_after: schedule.give_up_after(),
        }
    }
}

impl Delivery {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, problem| Err(ConfigError::setting(key, problem));
        if self.waits.is_empty() || self.waits.iter().any(|wait| wait.as_secs() == 0) {
            return refuse(
                "delivery.waits",
                "it must have a wait, and each at least 1s",
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
        Ok(())
    }
}

impl From<&Delivery> for RetrySchedule {
    fn from(section: &Delivery) -> Self {
        Self {
            waits_secs: section.waits.iter().map(Duration::as_secs).collect(),
            refusing_wait_secs: section.refusing_wait.as_secs(),
            jitter_percent: section.jitter_percent,
            max_retry_after_secs: section.max_retry_after.as_secs(),
            give_up_after_secs: section.give_up_after.as_secs(),
        }
    }
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
