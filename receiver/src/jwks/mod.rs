//! Where the issuer's keys come from, and how long they count.
//!
//! [`KeySource`] is one of three: keys given by the app, keys fetched from the issuer's discovery
//! document or key-set URL and cached, or the client's secret for HS*. Nothing in a token ever
//! decides where keys come from: not `iss`, not `jku`, `x5u` or `jwk`.
//!
//! `cache.rs` decides when to fetch, `fetch.rs` is the only file that makes HTTP requests, and the
//! choice of a key inside a set is `shared`'s.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use logout_shared::jwk::VerificationKey;
use logout_shared::jwks::{JwkSet, JwkSetError};
use logout_shared::{Clock, Timestamp};

mod cache;
#[cfg(feature = "fetch")]
mod fetch;

pub(crate) use self::cache::KeyCache;
#[cfg(feature = "fetch")]
pub use self::fetch::HttpKeyFetcher;

/// The keys that a logout token's signature may be made with.
#[derive(Clone)]
pub struct KeySource(pub(crate) Source);

#[derive(Clone)]
pub(crate) enum Source {
    Given(Arc<JwkSet>),
    Secret(Arc<VerificationKey>),
    Fetched(Arc<KeyCache>),
}

impl KeySource {
    /// Keys that never change while the process runs.
    pub fn given(keys: JwkSet) -> KeySource {
        KeySource(Source::Given(Arc::new(keys)))
    }

    /// Keys that `fetcher` brings and this process caches; share it by cloning.
    pub fn fetched(
        fetcher: impl KeyFetcher + 'static,
        settings: KeySettings,
        clock: Arc<dyn Clock>,
    ) -> KeySource {
        KeySource(Source::Fetched(KeyCache::new(
            Arc::new(fetcher),
            settings,
            clock,
        )))
    }

    pub(crate) fn secret(key: VerificationKey) -> KeySource {
        KeySource(Source::Secret(Arc::new(key)))
    }

    /// What it holds and what it is doing at `now`.
    pub fn state(&self, now: Timestamp) -> KeyState {
        match &self.0 {
            Source::Given(keys) => KeyState {
                keys: keys.len(),
                skipped: keys.skipped(),
                fresh: true,
                ..KeyState::default()
            },
            Source::Secret(_) => KeyState {
                keys: 1,
                fresh: true,
                ..KeyState::default()
            },
            Source::Fetched(cache) => cache.state(now),
        }
    }
}

/// Brings the bytes of the issuer's key set.
///
/// The one in this crate speaks HTTP; another may read a file or ask a sidecar.
#[async_trait]
pub trait KeyFetcher: Send + Sync {
    /// Fetches the key set once, without retries; the cache decides when to ask again.
    ///
    /// # Errors
    ///
    /// [`KeyFetchError`] says what went wrong; the keys known so far stay in use.
    async fn fetch(&self) -> Result<Vec<u8>, KeyFetchError>;

    /// Whose keys it brings: the label `source` of the metrics and a field of log lines.
    ///
    /// It comes from the configuration and holds no secret. Where several fetchers run in one
    /// process, each needs a name of its own.
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "other fetchers give a text of their own"
    )]
    fn source(&self) -> &str {
        "other"
    }
}

/// Why a fetch brought no keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFetchError {
    /// It took longer than [`KeySettings::fetch_time_limit`].
    #[error("fetching the keys exceeded its time limit")]
    TimedOut,
    /// The connection failed or broke.
    #[error("{what} could not be fetched")]
    Transport {
        /// The discovery document or the key set.
        what: &'static str,
        /// What the client says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer was another than 200; redirects are not followed.
    #[error("{what} was answered with status {status}")]
    Status {
        /// The discovery document or the key set.
        what: &'static str,
        /// What came instead of 200.
        status: u16,
    },
    /// The answer was larger than we read.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// The discovery document or the key set.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The address is neither https nor on this machine.
    #[error("{url} is neither https nor on the loopback interface")]
    NotHttps {
        /// The address.
        url: String,
    },
    /// The discovery document is not this issuer's.
    #[error("the discovery document is not usable")]
    Discovery(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The key set cannot be read.
    #[error("the key set is not usable")]
    KeySet(#[from] JwkSetError),
    /// The fetch stopped without an answer.
    #[error("fetching the keys was abandoned")]
    Abandoned,
}

/// How long keys count and how often they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySettings {
    /// Keys this young are used without asking again; 10 minutes.
    pub fresh_for: Duration,
    /// Older keys are used up to this age while new ones are fetched behind the scenes; 24 hours.
    pub stale_for: Duration,
    /// After a fetch, successful or not, the next one waits this long; 30 seconds.
    pub cool_down: Duration,
    /// How long a token with an unknown key may wait for the cool-down to end; 500 milliseconds.
    pub cool_down_wait: Duration,
    /// How long one fetch may take, discovery included; 5 seconds.
    pub fetch_time_limit: Duration,
}

impl Default for KeySettings {
    fn default() -> KeySettings {
        KeySettings {
            fresh_for: Duration::from_mins(10),
            stale_for: Duration::from_hours(24),
            cool_down: Duration::from_secs(30),
            cool_down_wait: Duration::from_millis(500),
            fetch_time_limit: Duration::from_secs(5),
        }
    }
}

/// What a key source holds and what it is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyState {
    /// How many keys it can verify with.
    pub keys: usize,
    /// How many elements of the set it could not use.
    pub skipped: usize,
    /// When the keys were fetched; `None` before the first success, and for given keys.
    pub fetched_at: Option<Timestamp>,
    /// Whether they are young enough to be used without asking again.
    pub fresh: bool,
    /// How long until the next fetch may start; `None` when it may start now.
    pub cooling_down: Option<Duration>,
    /// Whether a fetch is on its way.
    pub fetching: bool,
    /// How many fetches have begun.
    pub fetches: u64,
    /// How many of them failed.
    pub failures: u64,
    /// Why the newest fetch failed; `None` when it succeeded.
    pub last_error: Option<String>,
}
