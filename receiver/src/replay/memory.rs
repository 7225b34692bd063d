//! The replay cache of one process.
//!
//! Token ids are kept as keyed 128-bit digests: 16 bytes each however long the ids are, and a
//! sender who does not know the key cannot make two of them collide. Committed digests lie in
//! buckets by expiry; a whole bucket is dropped once all of it is dead, so that keeping time costs
//! nothing per entry. A million entries stay under 64 MiB.
//!
//! The trait and its promises are in `mod.rs`. Several processes need `redis.rs`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use logout_shared::{RandomSource, Timestamp};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::{RESERVATION, ReplayCache, ReservationOwner, Reserved, TokenKey};
use crate::error::StoreError;

/// A replay cache in the memory of this process.
///
/// It forgets everything at a restart, so a token may act again in the two minutes it lives; that
/// ends no session a second time, since a logout only reaches sessions older than the token.
///
/// # Examples
///
/// ```
/// use logout_receiver::replay::MemoryReplayCache;
/// use logout_shared::SystemRandom;
///
/// let cache = MemoryReplayCache::new(&SystemRandom);
/// assert_eq!(cache.len(), 0);
/// ```
pub struct MemoryReplayCache {
    key: (u64, u64),
    max_entries: usize,
    state: Mutex<State>,
}

impl MemoryReplayCache {
    /// How many entries a cache holds unless told otherwise.
    pub const DEFAULT_MAX_ENTRIES: usize = 1_000_000;

    /// An empty cache for [`Self::DEFAULT_MAX_ENTRIES`] entries.
    pub fn new(random: &dyn RandomSource) -> MemoryReplayCache {
        MemoryReplayCache::with_max_entries(random, MemoryReplayCache::DEFAULT_MAX_ENTRIES)
    }

    /// An empty cache that answers [`Reserved::Full`] beyond `max_entries` living entries.
    pub fn with_max_entries(random: &dyn RandomSource, max_entries: usize) -> MemoryReplayCache {
        let word = || {
            let mut bytes = [0; 8];
            random.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        };
        MemoryReplayCache {
            key: (word(), word()),
            max_entries,
            state: Mutex::default(),
        }
    }

    /// How many entries it holds, reservations included.
    pub fn len(&self) -> usize {
        self.state().len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn digest(&self, token: &TokenKey<'_>) -> Digest {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        for part in [
            token.issuer.as_str(),
            token.client_id.as_str(),
            token.jti.as_str(),
        ] {
            // The length in front keeps ("ab", "c") apart from ("a", "bc").
            hasher.write_usize(part.len());
            hasher.write(part.as_bytes());
        }
        let hash = hasher.finish128();
        Digest([hash.h1, hash.h2])
    }

    /// No code path panics while it holds the lock, and each step leaves the state whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryReplayCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryReplayCache")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ReplayCache for MemoryReplayCache {
    async fn reserve(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
        now: Timestamp,
        _keep_until: Timestamp,
    ) -> Result<Reserved, StoreError> {
        let digest = self.digest(token);
        let mut state = self.state();
        state.drop_dead_buckets(now);
        state.sweep_reservations(now);
        if state.is_spent(digest) {
            return Ok(Reserved::Spent);
        }
        if state.is_in_flight(digest, now) {
            return Ok(Reserved::InFlight);
        }
        if state.len() >= self.max_entries {
            return Ok(Reserved::Full);
        }
        state.reservations.insert(
            digest,
            Reservation {
                owner,
                until: now + RESERVATION,
            },
        );
        Ok(Reserved::Taken)
    }

    async fn commit(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
        _now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<(), StoreError> {
        let digest = self.digest(token);
        let mut state = self.state();
        match state.reservations.get(&digest) {
            Some(held) if held.owner != owner => {}
            // A lapsed reservation that nobody took over still acted: remember it all the same.
            _ => {
                state.reservations.remove(&digest);
                state
                    .spent
                    .entry(bucket_of(keep_until))
                    .or_default()
                    .insert(digest);
            }
        }
        Ok(())
    }

    async fn release(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
    ) -> Result<(), StoreError> {
        let digest = self.digest(token);
        let mut state = self.state();
        if state
            .reservations
            .get(&digest)
            .is_some_and(|held| held.owner == owner)
        {
            state.reservations.remove(&digest);
        }
        Ok(())
    }
}

struct Reservation {
    owner: ReservationOwner,
    until: Timestamp,
}

#[derive(Default)]
struct State {
    /// What is in flight; a lapsed one counts as absent and is swept now and then.
    reservations: HashMap<Digest, Reservation, BuildHasherDefault<DigestHasher>>,
    next_sweep: Option<Timestamp>,
    /// Committed digests by the bucket in which they expire.
    spent: BTreeMap<i64, HashSet<Digest, BuildHasherDefault<DigestHasher>>>,
}

impl State {
    fn len(&self) -> usize {
        self.reservations.len() + self.spent.values().map(HashSet::len).sum::<usize>()
    }

    /// Looks in every bucket: the same id with another expiry is the same id.
    fn is_spent(&self, digest: Digest) -> bool {
        self.spent.values().any(|bucket| bucket.contains(&digest))
    }

    fn is_in_flight(&self, digest: Digest, now: Timestamp) -> bool {
        self.reservations
            .get(&digest)
            .is_some_and(|held| held.until > now)
    }

    fn drop_dead_buckets(&mut self, now: Timestamp) {
        // Bucket `b` holds expiries below `(b + 1) × BUCKET_SECS`: dead once that moment is past.
        let living = bucket_of(now);
        while self
            .spent
            .first_key_value()
            .is_some_and(|(&bucket, _)| bucket < living)
        {
            self.spent.pop_first();
        }
    }

    /// Forgets lapsed reservations, at most once per [`RESERVATION`] so that it stays cheap.
    fn sweep_reservations(&mut self, now: Timestamp) {
        if self
            .next_sweep
            .is_some_and(|at| now < at && at <= now + RESERVATION)
        {
            return;
        }
        self.next_sweep = Some(now + RESERVATION);
        self.reservations.retain(|_, held| held.until > now);
    }
}

/// How much of the time a bucket covers, in seconds; an entry outlives its expiry by at most that.
const BUCKET_SECS: i64 = 60;

fn bucket_of(at: Timestamp) -> i64 {
    at.as_secs().div_euclid(BUCKET_SECS)
}

/// The keyed hash of a token's issuer, client and id.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Digest([u64; 2]);

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Passes a digest through: its bits are uniform already.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("a digest hashes as one word");
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}
