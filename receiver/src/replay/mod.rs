//! The replay cache: what stops one logout token from acting twice.
//!
//! A token id is *reserved* before anything happens, *committed* once the logout succeeded and
//! *released* when it failed, so that a retry after a failure is not taken for a replay. Every
//! reservation carries an owner; commit and release act only for that owner. A process that dies
//! between the two leaves a reservation that lapses by itself after [`RESERVATION`].
//!
//! The verifier decides what may be reserved (only tokens whose signature and claims hold);
//! `backchannel_logout.rs` decides when. `memory.rs` and `redis.rs`
//! keep the entries.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use logout_shared::{ClientId, Issuer, Timestamp, TokenId};

use crate::error::StoreError;

mod memory;
#[cfg(feature = "redis")]
mod redis;
mod shared;

pub use self::memory::MemoryReplayCache;
#[cfg(feature = "redis")]
pub use self::redis::RedisReplayCache;

/// How long a reservation lives when nobody commits or releases it.
pub const RESERVATION: Duration = Duration::from_secs(10);

/// Remembers which token ids have acted.
///
/// # Security
///
/// An implementation never forgets a committed entry before its `keep_until`, never evicts one to
/// make room, and answers an error rather than a guess when it cannot tell.
#[async_trait]
pub trait ReplayCache: Send + Sync {
    /// Takes `token` for `owner` unless somebody else has it or it has acted already.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be asked; the logout is then refused as unavailable.
    async fn reserve(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<Reserved, StoreError>;

    /// Records that `token` has acted, until `keep_until`.
    ///
    /// Does nothing when the reservation has lapsed and belongs to another owner by now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be told.
    async fn commit(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<(), StoreError>;

    /// Gives a reservation back, so that the same token may be tried again at once.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be told; the reservation then lapses by itself.
    async fn release(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
    ) -> Result<(), StoreError>;
}

/// What a reservation attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The caller owns the token id now.
    Taken,
    /// Another request works on the same token.
    InFlight,
    /// The token has acted already.
    Spent,
    /// The cache holds as many living entries as it may.
    Full,
}

/// Names one token: its id is unique only within the issuer that made it.
#[derive(Clone, Copy, Debug)]
pub struct TokenKey<'a> {
    /// Who issued the token.
    pub issuer: &'a Issuer,
    /// Whom it addresses; two clients in one process never disturb each other.
    pub client_id: &'a ClientId,
    /// The token's `jti`.
    pub jti: &'a TokenId,
}

/// Who holds a reservation: 128 bits that nobody else uses.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReservationOwner(u128);

impl ReservationOwner {
    /// Makes an owner of bits that must differ from every other owner's.
    pub fn from_bits(bits: u128) -> ReservationOwner {
        ReservationOwner(bits)
    }

    /// The bits, for stores that write them down.
    pub fn to_bits(self) -> u128 {
        self.0
    }
}

impl fmt::Debug for ReservationOwner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ReservationOwner(..)")
    }
}
