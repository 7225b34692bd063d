//! How long until the next attempt.
//!
//! Pure: the jitter comes in as a number from 0 to 1, so a test knows every wait. Which outcome
//! is repeated at all is decided in `delivery.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The waits between attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrySchedule {
    /// Wait after the first, second, … failed attempt, in seconds; the last one repeats.
    pub waits_secs: Vec<u64>,
    /// First wait after an answer that a proxy may give during a deployment, in seconds.
    pub refusing_wait_secs: u64,
    /// How far a wait may stray in either direction, in percent.
    pub jitter_percent: u8,
    /// The longest wait that a `Retry-After` header can ask for, in seconds.
    pub max_retry_after_secs: u64,
    /// After this long a delivery is given up, in seconds from the event (3600 to 2592000).
    pub give_up_after_secs: u64,
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self {
            waits_secs: vec![1, 5, 15, 60, 300, 900, 3_600],
            refusing_wait_secs: 60,
            jitter_percent: 20,
            max_retry_after_secs: 3_600,
            give_up_after_secs: 72 * 3_600,
        }
    }
}

impl RetrySchedule {
    /// The wait after `attempts` failed attempts (at least one), with `jitter` from 0 to 1.
    ///
    /// A `Retry-After` counts where it is longer than the schedule's wait, up to the limit.
    pub fn wait(&self, attempts: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let planned = self
            .waits_secs
            .get(index)
            .or(self.waits_secs.last())
            .copied()
            .unwrap_or(60);
        let wait = self.jittered(planned, jitter);
        match retry_after {
            Some(asked) => wait.max(asked.min(Duration::from_secs(self.max_retry_after_secs))),
            None => wait,
        }
    }

    /// The wait after an answer or a guard that refuses: never shorter than the first such wait.
    pub fn refusing_wait(&self, attempts: u32, jitter: f64) -> Duration {
        self.jittered(self.refusing_wait_secs, jitter)
            .max(self.wait(attempts, None, jitter))
    }

    /// How long after the event a delivery is given up.
    pub fn give_up_after(&self) -> Duration {
        Duration::from_secs(self.give_up_after_secs)
    }

    fn jittered(&self, secs: u64, jitter: f64) -> Duration {
        let spread = f64::from(self.jitter_percent) / 100.0;
        let factor = 1.0 + spread * (2.0 * jitter.clamp(0.0, 1.0) - 1.0);
        Duration::from_secs(secs).mul_f64(factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_follow_the_list_and_the_last_one_repeats() {
        let schedule = RetrySchedule::default();
        let waits: Vec<u64> = (1..=9)
            .map(|attempts| schedule.wait(attempts, None, 0.5).as_secs())
            .collect();
        assert_eq!(waits, [1, 5, 15, 60, 300, 900, 3_600, 3_600, 3_600]);
    }

    #[test]
    fn jitter_strays_by_a_fifth_in_either_direction() {
        let schedule = RetrySchedule::default();
        assert_eq!(schedule.wait(4, None, 0.0), Duration::from_secs(48));
        assert_eq!(schedule.wait(4, None, 1.0), Duration::from_secs(72));
    }

    #[test]
    fn retry_after_never_shortens_and_never_passes_an_hour() {
        let schedule = RetrySchedule::default();
        let wait = |secs| {
            schedule
                .wait(3, Some(Duration::from_secs(secs)), 0.5)
                .as_secs()
        };
        assert_eq!(
            [wait(0), wait(40), wait(3_600), wait(3_601), wait(u64::MAX)],
            [15, 40, 3_600, 3_600, 3_600]
        );
    }

    #[test]
    fn a_refusing_wait_starts_at_a_minute_and_grows_with_the_schedule() {
        let schedule = RetrySchedule::default();
        let wait = |attempts| schedule.refusing_wait(attempts, 0.5).as_secs();
        assert_eq!([wait(1), wait(4), wait(5), wait(7)], [60, 60, 300, 3_600]);
    }
}
