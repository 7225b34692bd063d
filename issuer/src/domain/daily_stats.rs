//! What is counted of each day, from the event log. A day is one of UTC.

use std::time::Duration;

use logout_shared::Timestamp;

/// How long a day is.
pub const DAY: Duration = Duration::from_hours(24);

/// The most days of one question.
pub const MAX_DAYS: u64 = 366;

/// How far back a person who signed in still counts as active.
pub const ACTIVE_FOR: Duration = Duration::from_hours(30 * 24);

/// What happened on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCounts {
    /// When the day began.
    pub day: Timestamp,
    /// Sign-ins with a password.
    pub logins: u64,
    /// People who signed up by themselves.
    pub signups: u64,
    /// Sign-ins with a password that stood in a leak.
    pub leaked_passwords: u64,
    /// When the first of it happened.
    pub first: Timestamp,
    /// When the last of it happened.
    pub last: Timestamp,
}
