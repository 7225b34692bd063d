//! Encrypts tokens for clients that asked for it, with keys that the clients publish.
//!
//! Keys come from the client's registration or from its `jwks_uri`, through the egress guard and
//! never inside a transaction. Whoever wants a token for a client whose keys cannot be had gets an
//! error; nothing is ever sent in the clear instead. `cache.rs` decides when to fetch; without the
//! feature `jwe` nothing can be encrypted (`without_jwe.rs`).

#[cfg(feature = "jwe")]
mod cache;
#[cfg(feature = "jwe")]
mod with_jwe;
#[cfg(not(feature = "jwe"))]
mod without_jwe;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::logout_settings::LogoutUrl;
use crate::egress::{Egress, EgressError};

#[cfg(feature = "jwe")]
pub use with_jwe::{ClientKey, Encrypter};
#[cfg(not(feature = "jwe"))]
pub use without_jwe::{ClientKey, Encrypter};

/// How long reading a client's key set may take.
pub const FETCH_TIME_LIMIT: Duration = Duration::from_secs(5);

/// How long a fetched key is used without asking again.
pub const FRESH_FOR: Duration = Duration::from_mins(10);

/// How long a fetched key is used while the client's key set cannot be had.
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

/// A token cannot be encrypted for a client.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientKeyError {
    /// The client registered no keys.
    #[error("the client wants encrypted tokens and has neither jwks nor jwks_uri")]
    NoKeys,
    /// The client's key set cannot be read.
    #[error("the client's jwks_uri cannot be read ({0})")]
    Fetch(&'static str),
    /// None of the client's keys can be used.
    #[error("{0}")]
    Unusable(String),
    /// OpenSSL failed.
    #[error("encrypting failed")]
    Encrypt,
    /// The program was built without encryption.
    #[error("this program was built without the feature jwe, which encrypts tokens")]
    NotBuiltIn,
}
