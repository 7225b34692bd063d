//! A client's key set, parsed once for every purpose.
//!
//! Keys that check signatures are parsed with the set, keys that encrypt when they are first asked
//! for. A text that is no key set never becomes a [`KeySet`], so it cannot take the place of a
//! good one; a single bad key in it hides no other.

use std::fmt;
#[cfg(feature = "jwe")]
use std::sync::{Arc, OnceLock};

#[cfg(feature = "jwe")]
use logout_shared::jwe::{self, EncryptionKey};
use logout_shared::jwks::JwkSet;

use super::KeySetError;
#[cfg(feature = "jwe")]
use crate::domain::token_encryption::KeyManagement;

/// What encrypting with a set has come to.
#[cfg(feature = "jwe")]
type Chosen = OnceLock<Result<Arc<EncryptionKey>, KeySetError>>;

/// A client's public keys.
pub struct KeySet {
    /// As it was published; tells whether it has changed.
    text: Box<[u8]>,
    signatures: JwkSet,
    #[cfg(feature = "jwe")]
    rsa_oaep_256: Chosen,
    #[cfg(feature = "jwe")]
    ecdh_es: Chosen,
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    ///
    /// [`KeySetError::Unusable`] if the text is not a key set within the limits.
    pub fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        let signatures = JwkSet::parse(text).map_err(|error| {
            KeySetError::Unusable(format!("the client's key set is unusable: {error}"))
        })?;
        Ok(Self {
            text: text.into(),
            signatures,
            #[cfg(feature = "jwe")]
            rsa_oaep_256: OnceLock::new(),
            #[cfg(feature = "jwe")]
            ecdh_es: OnceLock::new(),
        })
    }

    /// The keys that check the client's signatures.
    pub fn signatures(&self) -> &JwkSet {
        &self.signatures
    }

    /// The key that encrypts for the client.
    ///
    /// # Errors
    ///
    /// [`KeySetError::Unusable`] if none of the set's keys fits.
    #[cfg(feature = "jwe")]
    pub fn encryption_key(&self, alg: KeyManagement) -> Result<Arc<EncryptionKey>, KeySetError> {
        let (chosen, alg) = match alg {
            KeyManagement::RsaOaep256 => (&self.rsa_oaep_256, jwe::KeyManagement::RsaOaep256),
            KeyManagement::EcdhEs => (&self.ecdh_es, jwe::KeyManagement::EcdhEs),
        };
        let choose = || {
            EncryptionKey::from_set(&self.text, alg)
                .map(Arc::new)
                .map_err(|error| KeySetError::Unusable(error.to_string()))
        };
        chosen.get_or_init(choose).clone()
    }

    /// Whether the other set was published in the very same text.
    pub fn has_text_of(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}
