//! Ends sessions whose time has come, and forgets those that ended long ago.
//!
//! A session is dead for every reader from its end time on; the sweep is what tells the clients.
//! It takes few sessions at a time, so that others can write in between, and takes them by their
//! time under their lock: a session that was used in the meantime lives on. A wall clock that
//! jumped must not end everyone's session, so [`ClockWatch`] holds it against a monotonic one.

use std::sync::Arc;
use std::time::Duration;

use logout_shared::{RandomSource, Timestamp};

use super::end_locked::{Over, end_locked};
use super::end_session::Ending;
use super::event_rows::LogContext;
use crate::domain::initiator::Initiator;
use crate::storage::{StorageError, Store};

/// How often the sweep looks.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// How long an ended session is kept, with the clients that were not told of its end.
pub const REMEMBERED: Duration = Duration::from_hours(30 * 24);

/// How many sessions end, or are forgotten, in one transaction; others wait to write that long.
pub const SESSIONS_AT_A_TIME: u32 = 100;

/// A wall clock that strays this far from the monotonic one between two looks has jumped.
const CLOCK_JUMP: Duration = Duration::from_mins(1);

/// How long the sweep pauses after a jump.
const PAUSE_AFTER_JUMP: Duration = Duration::from_mins(5);

/// Ends every session whose time has come; gives how many.
///
/// # Errors
///
/// [`StorageError`] if the store fails; what was ended until then is ended.
pub async fn end_expired_sessions(
    store: &dyn Store,
    give_up_after: Duration,
    now: Timestamp,
    random: &Arc<dyn RandomSource>,
) -> Result<u64, StorageError> {
    let mut ended = 0;
    // Most looks find nothing, and reading does not take the writer's turn.
    while store.read().await?.has_expired_session(now).await? {
        let here = end_some(store, give_up_after, now, Arc::clone(random)).await?;
        ended += here;
        if here < u64::from(SESSIONS_AT_A_TIME) {
            break;
        }
    }
    Ok(ended)
}

async fn end_some(
    store: &dyn Store,
    give_up_after: Duration,
    now: Timestamp,
    random: Arc<dyn RandomSource>,
) -> Result<u64, StorageError> {
    let (why, context) = (Initiator::SessionExpired, LogContext::default());
    let ending = Ending::by(why, context, give_up_after);
    store
        .write(move |tx| {
            Box::pin(async move {
                let over = tx.lock_expired_sessions(now, SESSIONS_AT_A_TIME).await?;
                let (ended, _) = end_locked(tx, Over::each(over), &ending, now, &*random).await?;
                Ok(ended.len() as u64)
            })
        })
        .await
}

/// Forgets every session that ended [`REMEMBERED`] ago or earlier; gives how many.
///
/// # Errors
///
/// [`StorageError`] if the store fails; what was forgotten until then is forgotten.
pub async fn forget_ended_sessions(store: &dyn Store, now: Timestamp) -> Result<u64, StorageError> {
    let then = now - REMEMBERED;
    let mut forgotten = 0;
    while store.read().await?.has_session_ended_by(then).await? {
        let forget = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.forget_sessions_ended_by(then, SESSIONS_AT_A_TIME).await })
        });
        forgotten += forget.await?;
    }
    Ok(forgotten)
}

/// Holds the wall clock against a monotonic one.
#[derive(Debug, Default)]
pub struct ClockWatch {
    latest: Option<(Timestamp, Duration)>,
    paused_until: Option<Duration>,
}

impl ClockWatch {
    /// Whether the wall clock can be trusted; `monotonic` is the time since some fixed moment.
    pub fn trusts(&mut self, wall: Timestamp, monotonic: Duration) -> bool {
        if let Some((wall_before, monotonic_before)) = self.latest.replace((wall, monotonic)) {
            let passed = monotonic.saturating_sub(monotonic_before);
            let expected = wall_before + passed;
            let strayed = wall
                .saturating_since(expected)
                .max(expected.saturating_since(wall));
            if strayed > CLOCK_JUMP {
                self.paused_until = Some(monotonic + PAUSE_AFTER_JUMP);
            }
        }
        self.paused_until.is_none_or(|until| monotonic >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_clock_that_runs_evenly_is_trusted() {
        let mut watch = ClockWatch::default();
        let start = Timestamp::from_secs(1_795_413_600);
        for step in 0..100 {
            assert!(watch.trusts(start + secs(10 * step), secs(1_000 + 10 * step)));
        }
    }

    #[test]
    fn a_jump_in_either_direction_pauses_for_five_minutes() {
        let start = Timestamp::from_secs(1_795_413_600);
        for jumped in [start + secs(3_600), start - secs(3_600), start + secs(72)] {
            let mut watch = ClockWatch::default();
            assert!(watch.trusts(start, secs(0)));
            assert!(!watch.trusts(jumped, secs(10)));
            assert!(!watch.trusts(jumped + secs(299), secs(309)));
            assert!(watch.trusts(jumped + secs(300), secs(310)));
        }
    }

    #[test]
    fn a_correction_of_a_minute_is_no_jump() {
        let start = Timestamp::from_secs(1_795_413_600);
        let mut watch = ClockWatch::default();
        assert!(watch.trusts(start, secs(0)));
        assert!(watch.trusts(start + secs(70), secs(10)));
    }
}
