//! The replay cache of several processes, in Redis.
//!
//! A reservation is a key that holds its owner and lapses by itself; a committed entry is the same
//! key holding a word that no owner can be. Each step is one script, so that no other process comes
//! between its question and its act. The contract is `mod.rs`'s.

use std::sync::LazyLock;

use async_trait::async_trait;
use logout_shared::Timestamp;
use redis::Script;

use super::{RESERVATION, ReplayCache, ReservationOwner, Reserved, TokenKey};
use crate::error::StoreError;
use crate::redis_connection::{RedisConnection, ttl_millis};
use crate::session_index::Scope;

/// A replay cache in Redis, for any number of processes.
///
/// It is never full in the sense of [`Reserved::Full`]: a Redis out of memory refuses to write,
/// which is an error and puts the logout off.
#[derive(Clone, Debug)]
pub struct RedisReplayCache {
    connection: RedisConnection,
}

impl RedisReplayCache {
    /// A cache over this connection.
    pub fn new(connection: RedisConnection) -> RedisReplayCache {
        RedisReplayCache { connection }
    }

    fn key(&self, token: &TokenKey<'_>) -> String {
        let scope = Scope {
            issuer: token.issuer.clone(),
            client_id: std::sync::Arc::new(token.client_id.clone()),
        };
        format!("{}jti:{}", self.connection.scope_prefix(&scope), token.jti)
    }
}

#[async_trait]
impl ReplayCache for RedisReplayCache {
    async fn reserve(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
        _now: Timestamp,
        _keep_until: Timestamp,
    ) -> Result<Reserved, StoreError> {
        let mut script = RESERVE.prepare_invoke();
        let lapse = u64::try_from(RESERVATION.as_millis()).expect("ten seconds");
        script
            .key(self.key(token))
            .arg(word(owner))
            .arg(SPENT)
            .arg(lapse);
        let outcome: i64 = self.connection.run("reserving a token id", &script).await?;
        Ok(match outcome {
            0 => Reserved::Taken,
            1 => Reserved::InFlight,
            _ => Reserved::Spent,
        })
    }

    async fn commit(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut script = COMMIT.prepare_invoke();
        let ttl = ttl_millis(now, keep_until);
        script
            .key(self.key(token))
            .arg(word(owner))
            .arg(SPENT)
            .arg(ttl);
        self.connection.run("recording a token id", &script).await
    }

    async fn release(
        &self,
        token: &TokenKey<'_>,
        owner: ReservationOwner,
    ) -> Result<(), StoreError> {
        let mut script = RELEASE.prepare_invoke();
        script.key(self.key(token)).arg(word(owner));
        self.connection.run("giving a token id back", &script).await
    }
}

/// What a committed key holds. Owners are 32 hexadecimal digits, so no owner is this.
const SPENT: &str = "spent";

fn word(owner: ReservationOwner) -> String {
    format!("{:032x}", owner.to_bits())
}

static RESERVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[3]) then return 0 end
         if redis.call('GET', KEYS[1]) == ARGV[2] then return 2 end
         return 1",
    )
});

// A lapsed reservation that nobody took over still acted: it is recorded all the same.
static COMMIT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local held = redis.call('GET', KEYS[1])
         if not held or held == ARGV[1] then
             redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
         end
         return nil",
    )
});

static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
         return nil",
    )
});
