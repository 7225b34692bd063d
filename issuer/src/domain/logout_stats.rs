//! What is counted of logouts, step of time by step.
//!
//! Plain numbers; reading them is `storage/`'s, showing them `http/`'s.

use std::time::Duration;

use logout_shared::Timestamp;

/// The most steps that are counted at once.
pub const MAX_STEPS: u32 = 500;

/// The longest time that is counted at once.
pub const MAX_RANGE: Duration = Duration::from_hours(31 * 24);

/// What to count: from `after` until before `before`, in steps of `step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsRange {
    /// The first moment.
    pub after: Timestamp,
    /// The first moment that is not counted.
    pub before: Timestamp,
    /// How long a step is.
    pub step: Duration,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogoutCounts {
    /// Sessions that ended.
    pub sessions_ended: u64,
    /// Deliveries that were heard.
    pub heard: u64,
    /// Deliveries that the client refused.
    pub refused: u64,
    /// Deliveries that were given up.
    pub given_up: u64,
    /// Deliveries that were cancelled.
    pub cancelled: u64,
    /// How long after the event deliveries were heard, in milliseconds, with how many took so long;
    /// ascending. Above a second it is rounded down to a tenth.
    pub latencies: Vec<(u64, u64)>,
}

impl StatsRange {
    /// How many steps there are; the last may be cut short.
    pub fn steps(&self) -> u64 {
        let range = self.before.saturating_since(self.after).as_millis();
        let steps = range.div_ceil(self.step.as_millis().max(1));
        u64::try_from(steps).unwrap_or(u64::MAX)
    }
}

impl LogoutCounts {
    /// The latency below which this part of the heard deliveries stays; `None` where there are
    /// none.
    pub fn quantile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.latencies.iter().map(|(_, count)| count).sum();
        let rank = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let at = self.latencies.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        at.map(|(millis, _)| *millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_latency_of_the_one_at_that_rank() {
        let counts = LogoutCounts {
            latencies: vec![(1, 50), (2, 45), (30, 4), (9_000, 1)],
            ..LogoutCounts::default()
        };
        for (percent, wanted) in [(50, 1), (51, 2), (95, 2), (96, 30), (99, 30), (100, 9_000)] {
            assert_eq!(counts.quantile(percent), Some(wanted), "{percent}");
        }
        assert_eq!(LogoutCounts::default().quantile(50), None);
    }

    #[test]
    fn a_step_that_is_cut_short_is_one_too() {
        let range = |secs| StatsRange {
            after: Timestamp::from_secs(0),
            before: Timestamp::from_secs(secs),
            step: Duration::from_mins(1),
        };
        for (secs, steps) in [(60, 1), (61, 2), (120, 2), (0, 0)] {
            assert_eq!(range(secs).steps(), steps);
        }
    }
}
