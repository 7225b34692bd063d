//! Clients' keys as they were read last, and when to read them again.
//!
//! One fetch at a time for each place; who comes meanwhile waits for it and shares what it
//! brought, good or bad, so that a `jwks_uri` that hangs is asked once in a cool-down, and only
//! its own clients wait. A key is used for a while without asking and for a day if asking fails.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logout_shared::Timestamp;
use logout_shared::jwe::EncryptionKey;
use logout_shared::jwks::MAX_SET_BYTES;

use super::with_jwe::choose;
use super::{COOL_DOWN, ClientKeyError, FRESH_FOR, KeySetSource, STALE_FOR};
use crate::domain::logout_settings::LogoutUrl;
use crate::domain::token_encryption::KeyManagement;

/// How many places are remembered; beyond it all are forgotten and read anew.
const MAX_PLACES: usize = 10_000;

/// Where a fetched key is: the key set, and what its key is used for.
pub(super) type Place = (LogoutUrl, KeyManagement);

/// A key and the fetch that brought it.
#[derive(Debug, Clone)]
pub(super) struct Cached {
    pub(super) key: Arc<EncryptionKey>,
    /// When its fetch began.
    fetched_at: Timestamp,
    /// The set's text, to tell whether it has changed.
    set: Arc<[u8]>,
}

/// Clients' keys.
pub(super) struct KeyCache {
    source: Arc<dyn KeySetSource>,
    given: Mutex<HashMap<(String, KeyManagement), Arc<EncryptionKey>>>,
    fetched: Mutex<HashMap<Place, Arc<Entry>>>,
}

/// What is known of one place.
#[derive(Default)]
struct Entry {
    known: Mutex<Known>,
    /// Held while fetching.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    key: Option<Cached>,
    /// When the latest fetch began, and how it failed if it did.
    tried: Option<(Timestamp, Option<ClientKeyError>)>,
}

impl KeyCache {
    pub(super) fn new(source: Arc<dyn KeySetSource>) -> Self {
        Self {
            source,
            given: Mutex::default(),
            fetched: Mutex::default(),
        }
    }

    /// The key of a set that the client gave.
    pub(super) fn given(
        &self,
        set: &str,
        alg: KeyManagement,
    ) -> Result<Arc<EncryptionKey>, ClientKeyError> {
        let place = (set.to_owned(), alg);
        if let Some(key) = locked(&self.given).get(&place) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(choose(set.as_bytes(), alg)?);
        insert(&mut locked(&self.given), place, Arc::clone(&key));
        Ok(key)
    }

    /// The key at a place, fetched if need be.
    pub(super) async fn fetched(
        &self,
        place: &Place,
        now: Timestamp,
    ) -> Result<Cached, ClientKeyError> {
        let entry = self.entry(place);
        if let Some(key) = entry.known().fresh(now) {
            return Ok(key);
        }
        let _turn = entry.fetching.lock().await;
        // Whoever held the turn before may have fetched it.
        if let Some(key) = entry.known().fresh(now) {
            return Ok(key);
        }
        if !entry.known().is_cooling_down(now) {
            self.fetch(&entry, place, now).await;
        }
        entry.known().usable(now)
    }

    /// Whether the set at a place is, or may be, another than the one that `used` came from.
    pub(super) async fn may_be_replaced(
        &self,
        place: &Place,
        used: &Cached,
        now: Timestamp,
    ) -> bool {
        let entry = self.entry(place);
        let _turn = entry.fetching.lock().await;
        if !entry.known().is_cooling_down(now) {
            self.fetch(&entry, place, now).await;
        }
        let known = entry.known();
        match &known.key {
            Some(cached) if cached.set != used.set => true,
            // It was refused with what the client publishes.
            Some(cached) if cached.fetched_at >= now => false,
            _ => true,
        }
    }

    async fn fetch(&self, entry: &Entry, place: &Place, now: Timestamp) {
        let (url, alg) = place;
        let read = self.source.fetch_key_set(url, MAX_SET_BYTES).await;
        let found = match read {
            Err(error) => Err(ClientKeyError::Fetch(error.class.as_str())),
            Ok(set) => choose(&set, *alg).map(|key| Cached {
                key: Arc::new(key),
                fetched_at: now,
                set: set.as_ref().into(),
            }),
        };
        let mut known = entry.known();
        let failure = match found {
            Ok(cached) => {
                known.key = Some(cached);
                None
            }
            Err(error) => Some(error),
        };
        known.tried = Some((now, failure));
    }

    fn entry(&self, place: &Place) -> Arc<Entry> {
        let mut entries = locked(&self.fetched);
        if let Some(entry) = entries.get(place) {
            return Arc::clone(entry);
        }
        let entry = Arc::<Entry>::default();
        insert(&mut entries, place.clone(), Arc::clone(&entry));
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
        let fresh = |key: &&Cached| now.saturating_since(key.fetched_at) < FRESH_FOR;
        self.key.as_ref().filter(fresh).cloned()
    }

    fn is_cooling_down(&self, now: Timestamp) -> bool {
        // A clock that went back would cool down for as long as it went: it is not believed.
        let recent = |at: Timestamp| now >= at && now.saturating_since(at) < COOL_DOWN;
        self.tried.as_ref().is_some_and(|(at, _)| recent(*at))
    }

    /// The key, if it is not too old for a time in which no other can be had.
    fn usable(&self, now: Timestamp) -> Result<Cached, ClientKeyError> {
        let usable = |key: &&Cached| now.saturating_since(key.fetched_at) < STALE_FOR;
        if let Some(key) = self.key.as_ref().filter(usable) {
            return Ok(key.clone());
        }
        let failure = self.tried.as_ref().and_then(|(_, failure)| failure.clone());
        Err(failure.unwrap_or(ClientKeyError::NoKeys))
    }
}

impl std::fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let places = locked(&self.fetched).len();
        f.debug_struct("KeyCache")
            .field("places", &places)
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
