//! When to fetch keys: fresh, stale while a new set is on its way, cooling down, one at a time.
//!
//! A fetch runs in its own task, so that a sender who hangs up does not stop it. Fetches are
//! numbered in the order in which they *begin*. A request notes the number at its arrival; only a
//! set of a higher number proves that the issuer does not publish a key, since an older one may
//! have been read before the key was there. A refusal is final at the senders, so without that
//! proof the answer is "not now".
//!
//! What is fetched, and how, is `fetch.rs`.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use logout_shared::jwks::JwkSet;
use logout_shared::{Clock, Timestamp};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{KeyFetchError, KeyFetcher, KeySettings, KeyState};
use crate::error::Unavailable;
use crate::telemetry;

/// One fetched key set and the number of the fetch that brought it.
pub(crate) struct Snapshot {
    pub(crate) keys: JwkSet,
    pub(crate) number: FetchNumber,
    fetched_at: Timestamp,
}

/// Counts fetches in the order in which they begin, from 1.
pub(crate) type FetchNumber = u64;

pub(crate) struct KeyCache {
    fetcher: Arc<dyn KeyFetcher>,
    settings: KeySettings,
    clock: Arc<dyn Clock>,
    current: ArcSwapOption<Snapshot>,
    progress: Mutex<Progress>,
    /// The number of the newest finished fetch.
    finished: watch::Sender<FetchNumber>,
}

#[derive(Default)]
struct Progress {
    begun: FetchNumber,
    in_flight: bool,
    finished_at: Option<Timestamp>,
    failures: u64,
    last_error: Option<String>,
}

/// What asking for a fetch came to.
enum Asked {
    /// One with this number is on its way.
    OnItsWay(FetchNumber),
    /// The next may start in a while.
    CoolingDown(Duration),
}

impl KeyCache {
    pub(crate) fn new(
        fetcher: Arc<dyn KeyFetcher>,
        settings: KeySettings,
        clock: Arc<dyn Clock>,
    ) -> Arc<KeyCache> {
        Arc::new(KeyCache {
            fetcher,
            settings,
            clock,
            current: ArcSwapOption::empty(),
            progress: Mutex::default(),
            finished: watch::Sender::new(0),
        })
    }

    /// The number of the newest fetch that has begun: later ones began after this call.
    pub(crate) fn newest_begun(&self) -> FetchNumber {
        self.progress().begun
    }

    /// Keys to verify with now: fresh ones, or stale ones while new ones are on their way.
    pub(crate) async fn usable(self: &Arc<Self>) -> Result<Arc<Snapshot>, Unavailable> {
        let now = self.clock.now();
        if let Some(snapshot) = self.current.load_full() {
            let age = age(snapshot.fetched_at, now);
            if age.is_some_and(|age| age < self.settings.fresh_for) {
                return Ok(snapshot);
            }
            self.ask(now);
            // After a jump of the wall clock the age is unknown; the keys are no worse for it.
            if age.is_none_or(|age| age < self.settings.stale_for) {
                return Ok(snapshot);
            }
            return self
                .after(snapshot.number)
                .await
                .map_err(|error| Unavailable::Keys {
                    retry_after: error.retry_after(),
                });
        }
        self.after(0).await
    }

    /// Whether a fetch may start now.
    pub(crate) fn may_fetch(&self) -> bool {
        self.cooling_down(&self.progress(), self.clock.now())
            .is_none()
    }

    /// Waits for a set newer than that of fetch `tried`.
    pub(crate) async fn after(
        self: &Arc<Self>,
        tried: FetchNumber,
    ) -> Result<Arc<Snapshot>, Unavailable> {
        let mut finished = self.finished.subscribe();
        if let Some(newer) = self.newer_than(tried) {
            return Ok(newer);
        }
        let mut asked = self.ask(self.clock.now());
        if let Asked::CoolingDown(remaining) = asked {
            let wait = remaining.min(self.settings.cool_down_wait);
            // Over early when a fetch that somebody else could start ends.
            let _ = timeout(wait, finished.changed()).await;
            if remaining <= wait {
                asked = self.ask(self.clock.now());
            }
        }
        if let Asked::OnItsWay(number) = asked {
            // The task always reports: it is bounded in time, and its guard reports a panic.
            let arrived = finished.wait_for(|done| *done >= number).await.is_ok();
            debug_assert!(arrived, "the sender lives as long as the cache");
        }
        self.newer_than(tried).ok_or_else(|| self.why_not(tried))
    }

    /// What it holds and what it is doing.
    pub(crate) fn state(&self, now: Timestamp) -> KeyState {
        let snapshot = self.current.load_full();
        let progress = self.progress();
        let fetched_at = snapshot.as_ref().map(|snapshot| snapshot.fetched_at);
        let fresh_for = self.settings.fresh_for;
        KeyState {
            keys: snapshot.as_ref().map_or(0, |snapshot| snapshot.keys.len()),
            skipped: snapshot
                .as_ref()
                .map_or(0, |snapshot| snapshot.keys.skipped()),
            fetched_at,
            fresh: fetched_at
                .and_then(|at| age(at, now))
                .is_some_and(|age| age < fresh_for),
            cooling_down: self.cooling_down(&progress, now),
            fetching: progress.in_flight,
            fetches: progress.begun,
            failures: progress.failures,
            last_error: progress.last_error.clone(),
        }
    }

    fn newer_than(&self, tried: FetchNumber) -> Option<Arc<Snapshot>> {
        self.current
            .load_full()
            .filter(|snapshot| snapshot.number > tried)
    }

    fn why_not(&self, tried: FetchNumber) -> Unavailable {
        let remaining = self.cooling_down(&self.progress(), self.clock.now());
        let retry_after = remaining.unwrap_or_default().max(Duration::from_secs(1));
        match tried {
            0 => Unavailable::Keys { retry_after },
            _ => Unavailable::KeyUnknownYet { retry_after },
        }
    }

    /// Makes sure that a fetch is on its way unless it is too early for one.
    fn ask(self: &Arc<Self>, now: Timestamp) -> Asked {
        let mut progress = self.progress();
        if progress.in_flight {
            return Asked::OnItsWay(progress.begun);
        }
        if let Some(remaining) = self.cooling_down(&progress, now) {
            return Asked::CoolingDown(remaining);
        }
        progress.begun += 1;
        progress.in_flight = true;
        let number = progress.begun;
        drop(progress);
        let report = Report {
            cache: Arc::clone(self),
            number,
            result: None,
        };
        tokio::spawn(report.fetch());
        Asked::OnItsWay(number)
    }

    fn cooling_down(&self, progress: &Progress, now: Timestamp) -> Option<Duration> {
        // A wall clock that went back would cool down for as long as it went: do not believe it.
        let since = age(progress.finished_at?, now)?;
        self.settings
            .cool_down
            .checked_sub(since)
            .filter(|left| !left.is_zero())
    }

    /// No code path panics while it holds the lock.
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One fetch under way. Dropping it reports how it ended, also when the fetcher panics.
struct Report {
    cache: Arc<KeyCache>,
    number: FetchNumber,
    result: Option<Result<JwkSet, KeyFetchError>>,
}

impl Report {
    async fn fetch(mut self) {
        let limit = self.cache.settings.fetch_time_limit;
        let fetcher = Arc::clone(&self.cache.fetcher);
        let answer = timeout(limit, fetcher.fetch()).await;
        let bytes = answer.unwrap_or(Err(KeyFetchError::TimedOut));
        self.result = Some(bytes.and_then(|bytes| Ok(JwkSet::parse(&bytes)?)));
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let now = self.cache.clock.now();
        let result = self.result.take().unwrap_or(Err(KeyFetchError::Abandoned));
        telemetry::keys_fetched(self.cache.fetcher.source(), &result, now);
        let error = match result {
            Ok(keys) => {
                let snapshot = Snapshot {
                    keys,
                    number: self.number,
                    fetched_at: now,
                };
                self.cache.current.store(Some(Arc::new(snapshot)));
                None
            }
            Err(error) => Some(chain(&error)),
        };
        let mut progress = self.cache.progress();
        progress.in_flight = false;
        progress.finished_at = Some(now);
        progress.failures += u64::from(error.is_some());
        progress.last_error = error;
        drop(progress);
        self.cache.finished.send_replace(self.number);
    }
}

/// How long ago, or `None` when the wall clock has gone back behind it.
fn age(then: Timestamp, now: Timestamp) -> Option<Duration> {
    (now >= then).then(|| now.saturating_since(then))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
