//! One connection to Redis for the replay cache and the session index of this process.
//!
//! It connects at the first need and again after a failure, so that the app starts without Redis;
//! while Redis is away every question fails within seconds, and the receiver fails closed. Keys
//! begin with a prefix of the app's choice. The stores are `replay/redis.rs` and
//! `session_index/redis/`.

use std::fmt;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{FromRedisValue, ScriptInvocation};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::error::StoreError;
use crate::session_index::Scope;

/// A connection to Redis; cheap to clone, and shared by all clones.
///
/// # Security
///
/// Redis must not evict keys: set `maxmemory-policy noeviction`. Otherwise a full server forgets
/// token ids and marks, and used tokens or ended sessions come back to life.
#[derive(Clone)]
pub struct RedisConnection {
    manager: ConnectionManager,
    prefix: String,
}

impl RedisConnection {
    /// Prepares a connection to `url`, without any I/O; keys begin with `prefix`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if `url` is not one of Redis.
    pub fn open(url: &str, prefix: &str) -> Result<RedisConnection, StoreError> {
        let failed = |error| StoreError::new("reading the address of Redis", error);
        let client = redis::Client::open(url).map_err(failed)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(TIME_LIMIT))
            .set_response_timeout(Some(TIME_LIMIT))
            .set_number_of_retries(1);
        let manager = ConnectionManager::new_lazy_with_config(client, config).map_err(failed)?;
        Ok(RedisConnection {
            manager,
            prefix: prefix.to_owned(),
        })
    }

    /// Runs a script, which Redis does in one piece.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        doing: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let mut manager = self.manager.clone();
        script
            .invoke_async(&mut manager)
            .await
            .map_err(|error| StoreError::new(doing, error))
    }

    /// What all keys of one issuer and client begin with. The braces keep them on one node of a
    /// cluster, since a script may only touch keys that lie together.
    pub(crate) fn scope_prefix(&self, scope: &Scope) -> String {
        use std::hash::Hasher as _;

        // A name, not a protection: issuer and client id come from the configuration.
        let mut hasher = SipHasher13::new();
        for part in [scope.issuer.as_str(), scope.client_id.as_str()] {
            hasher.write_usize(part.len());
            hasher.write(part.as_bytes());
        }
        format!("{}{{{:032x}}}:", self.prefix, hasher.finish128().as_u128())
    }
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisConnection")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// How long connecting and each answer may take.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// How long a key lives that must last until `until`: at least a millisecond, or Redis refuses it.
pub(crate) fn ttl_millis(now: logout_shared::Timestamp, until: logout_shared::Timestamp) -> u64 {
    u64::try_from(until.saturating_since(now).as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}
