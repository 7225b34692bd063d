//! The public keys of clients: what the issuer encrypts their tokens with, and what it checks
//! their assertions with.
//!
//! They come from the client's registration or from its `jwks_uri`, through the egress guard and
//! never inside a transaction. A set is read once for all its purposes: `key_set.rs` holds it,
//! `cache.rs` decides when to fetch. Who uses them: `encrypter/`, `login/client_assertion/`.

mod cache;
mod key_set;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::logout_settings::LogoutUrl;
use crate::egress::{Egress, EgressError};

pub use cache::{Cached, ClientKeyCache};
pub use key_set::KeySet;

/// How long reading a client's key set may take.
pub const FETCH_TIME_LIMIT: Duration = Duration::from_secs(5);

/// How long a fetched key set is used without asking again.
pub const FRESH_FOR: Duration = Duration::from_mins(10);

/// How long a fetched key set is used while it cannot be had again.
pub const STALE_FOR: Duration = Duration::from_hours(24);

/// How long after a fetch no other is made.
pub const COOL_DOWN: Duration = Duration::from_secs(30);

/// Reads key sets.
#[async_trait]
pub trait KeySetSource: Send + Sync + 'static {
    /// Reads the key set at a URL.
    async fn fetch_key_set(&self, url: &LogoutUrl, max_bytes: usize) -> Result<Bytes, EgressError>;
}

#[async_trait]
impl KeySetSource for Egress {
    async fn fetch_key_set(&self, url: &LogoutUrl, max_bytes: usize) -> Result<Bytes, EgressError> {
        self.fetch(url, max_bytes, FETCH_TIME_LIMIT).await
    }
}

/// A client's key set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// It cannot be read from where it is.
    #[error("the client's jwks_uri cannot be read ({0})")]
    Fetch(&'static str),
    /// What was read is no key set, or has no key for the purpose.
    #[error("{0}")]
    Unusable(String),
}
