//! Clients' key sets as they were read last, and when to read them again.
//!
//! One fetch at a time for each URL; who comes meanwhile waits for it and shares what it
//! brought, good or bad, so that a `jwks_uri` that hangs is asked once in a cool-down, and only
//! its own clients wait. A set is used for a while without asking and for a day if asking fails.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logout_shared::Timestamp;
use logout_shared::jwks::MAX_SET_BYTES;
use serde_json::Value;

use super::{COOL_DOWN, FRESH_FOR, KeySet, KeySetError, KeySetSource, STALE_FOR};
use crate::domain::logout_settings::LogoutUrl;

/// How many places are remembered; beyond it all are forgotten and read anew.
const MAX_PLACES: usize = 10_000;

/// A key set and the fetch that brought it.
#[derive(Debug, Clone)]
pub struct Cached {
    set: Arc<KeySet>,
    /// When its fetch began.
    fetched_at: Timestamp,
}

impl Cached {
    /// The set.
    pub fn set(&self) -> &Arc<KeySet> {
        &self.set
    }
}

/// Clients' key sets.
pub struct ClientKeyCache {
    source: Arc<dyn KeySetSource>,
    given: Mutex<HashMap<String, Arc<KeySet>>>,
    fetched: Mutex<HashMap<LogoutUrl, Arc<Entry>>>,
}

/// What is known of one URL.
#[derive(Default)]
struct Entry {
    known: Mutex<Known>,
    /// Held while fetching.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    set: Option<Cached>,
    /// When the latest fetch began, and how it failed if it did.
    tried: Option<(Timestamp, Option<KeySetError>)>,
}

impl ClientKeyCache {
    /// A cache that reads key sets from here.
    pub fn new(source: Arc<dyn KeySetSource>) -> Self {
        Self {
            source,
            given: Mutex::default(),
            fetched: Mutex::default(),
        }
    }

    /// The set that a client gave at its registration, parsed.
    ///
    /// # Errors
    ///
    /// [`KeySetError::Unusable`] if it is no key set.
    pub fn given(&self, set: &Value) -> Result<Arc<KeySet>, KeySetError> {
        let text = set.to_string();
        if let Some(set) = locked(&self.given).get(&text) {
            return Ok(Arc::clone(set));
        }
        let set = Arc::new(KeySet::parse(text.as_bytes())?);
        insert(&mut locked(&self.given), text, Arc::clone(&set));
        Ok(set)
    }

    /// The set at a URL, fetched if need be.
    ///
    /// # Errors
    ///
    /// [`KeySetError`] if there is none and none can be had.
    pub async fn fetched(&self, url: &LogoutUrl, now: Timestamp) -> Result<Cached, KeySetError> {
        let entry = self.entry(url);
        if let Some(set) = entry.known().fresh(now) {
            return Ok(set);
        }
        let _turn = entry.fetching.lock().await;
        // Whoever held the turn before may have fetched it.
        if let Some(set) = entry.known().fresh(now) {
            return Ok(set);
        }
        if !entry.known().is_cooling_down(now) {
            self.fetch(&entry, url, now).await;
        }
        entry.known().usable(now)
    }

    /// Another set than `used` at its URL, for whoever found nothing fitting there; `None` if the
    /// client publishes the same one still, or if nobody may look within the cool-down.
    pub async fn replacement(
        &self,
        url: &LogoutUrl,
        used: &Cached,
        now: Timestamp,
    ) -> Option<Cached> {
        let known = self.look_again(url, now).await;
        known.filter(|known| !known.set.has_text_of(&used.set))
    }

    /// Whether the set at a URL is, or may be, another than the one that was `used`.
    pub async fn may_be_replaced(&self, url: &LogoutUrl, used: &Cached, now: Timestamp) -> bool {
        match self.look_again(url, now).await {
            Some(known) if !known.set.has_text_of(&used.set) => true,
            // It was refused with what the client publishes.
            Some(known) if known.fetched_at >= now => false,
            _ => true,
        }
    }

    /// What is at a URL now, unless somebody has looked within the cool-down: then what was there.
    async fn look_again(&self, url: &LogoutUrl, now: Timestamp) -> Option<Cached> {
        let entry = self.entry(url);
        let _turn = entry.fetching.lock().await;
        if !entry.known().is_cooling_down(now) {
            self.fetch(&entry, url, now).await;
        }
        let known = entry.known();
        known.set.clone()
    }

    async fn fetch(&self, entry: &Entry, url: &LogoutUrl, now: Timestamp) {
        let read = self.source.fetch_key_set(url, MAX_SET_BYTES).await;
        let found = match read {
            Err(error) => Err(KeySetError::Fetch(error.class.as_str())),
            Ok(text) => KeySet::parse(&text),
        };
        let mut known = entry.known();
        let failure = match found {
            Ok(set) => {
                known.set = Some(Cached {
                    set: Arc::new(set),
                    fetched_at: now,
                });
                None
            }
            Err(error) => Some(error),
        };
        known.tried = Some((now, failure));
    }

    fn entry(&self, url: &LogoutUrl) -> Arc<Entry> {
        let mut entries = locked(&self.fetched);
        if let Some(entry) = entries.get(url) {
            return Arc::clone(entry);
        }
        let entry = Arc::<Entry>::default();
        insert(&mut entries, url.clone(), Arc::clone(&entry));
        entry
    }
}

impl Entry {
    fn known(&self) -> MutexGuard<'_, Known> {
        locked(&self.known)
    }
}

impl Known {
    fn fresh(&self, now: Timestamp) -> Option<Cached> {
        let fresh = |set: &&Cached| now.saturating_since(set.fetched_at) < FRESH_FOR;
        self.set.as_ref().filter(fresh).cloned()
    }

    fn is_cooling_down(&self, now: Timestamp) -> bool {
        // A clock that went back would cool down for as long as it went: it is not believed.
        let recent = |at: Timestamp| now >= at && now.saturating_since(at) < COOL_DOWN;
        self.tried.as_ref().is_some_and(|(at, _)| recent(*at))
    }

    /// The set, if it is not too old for a time in which no other can be had.
    fn usable(&self, now: Timestamp) -> Result<Cached, KeySetError> {
        let usable = |set: &&Cached| now.saturating_since(set.fetched_at) < STALE_FOR;
        if let Some(set) = self.set.as_ref().filter(usable) {
            return Ok(set.clone());
        }
        let failure = self.tried.as_ref().and_then(|(_, failure)| failure.clone());
        // Without a failure there is a set, fetched just now.
        Err(failure.unwrap_or(KeySetError::Fetch("not_read")))
    }
}

impl std::fmt::Debug for ClientKeyCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let urls = locked(&self.fetched).len();
        f.debug_struct("ClientKeyCache")
            .field("urls", &urls)
            .finish_non_exhaustive()
    }
}

fn insert<K: Hash + Eq, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= MAX_PLACES {
        map.clear();
    }
    map.insert(key, value);
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
