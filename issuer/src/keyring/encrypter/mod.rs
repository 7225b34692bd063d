//! Encrypts tokens for clients that asked for it, with keys that the clients publish.
//!
//! Keys come from `client_keys/`. Whoever wants a token for a client whose keys cannot be had gets
//! an error; nothing is ever sent in the clear instead. Without the feature `jwe` nothing can be
//! encrypted (`without_jwe.rs`).

#[cfg(feature = "jwe")]
mod with_jwe;
#[cfg(not(feature = "jwe"))]
mod without_jwe;

use super::client_keys::KeySetError;

#[cfg(feature = "jwe")]
pub use with_jwe::{ClientKey, Encrypter};
#[cfg(not(feature = "jwe"))]
pub use without_jwe::{ClientKey, Encrypter};

/// A token cannot be encrypted for a client.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientKeyError {
    /// The client registered no keys.
    #[error("the client wants encrypted tokens and has neither jwks nor jwks_uri")]
    NoKeys,
    /// The client's key set cannot be read, or none of its keys can be used.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// OpenSSL failed.
    #[error("encrypting failed")]
    Encrypt,
    /// The program was built without encryption.
    #[error("this program was built without the feature jwe, which encrypts tokens")]
    NotBuiltIn,
}
