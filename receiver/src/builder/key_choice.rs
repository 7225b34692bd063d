//! From the app's choice of keys to a key source that goes with the algorithm.

use std::sync::Arc;

use logout_shared::jwk::VerificationKey;
use logout_shared::{Clock, Issuer, Secret, SigningAlgorithm};

use super::BuildError;
#[cfg(feature = "fetch")]
use crate::jwks::{HttpKeyFetcher, KeyFetchError};
use crate::jwks::{KeySettings, KeySource};

/// Where the app wants keys to come from.
pub(super) enum KeyChoice {
    Discover,
    #[cfg(feature = "fetch")]
    At(String),
    Given(KeySource),
    Secret(Secret<String>),
}

impl KeyChoice {
    /// Makes the source. Public keys and a shared secret are never confused: a public key used as
    /// an HMAC secret is how RS256 tokens are forged as HS256.
    pub(super) fn source(
        self,
        algorithm: SigningAlgorithm,
        issuer: &Issuer,
        settings: KeySettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<KeySource, BuildError> {
        let secret = matches!(self, KeyChoice::Secret(_));
        if algorithm.is_symmetric() != secret {
            let keys = if secret {
                "a client secret"
            } else {
                "public keys"
            };
            return Err(BuildError::AlgorithmMismatch { algorithm, keys });
        }
        match self {
            KeyChoice::Given(source) => Ok(source),
            KeyChoice::Secret(secret) => VerificationKey::hmac(algorithm, &secret)
                .map(KeySource::secret)
                .map_err(|error| BuildError::Secret(error.into())),
            #[cfg(feature = "fetch")]
            KeyChoice::At(url) => {
                let url = url.parse().map_err(|_| KeyFetchError::NotHttps { url })?;
                let fetcher = HttpKeyFetcher::at(url)?;
                Ok(KeySource::fetched(fetcher, settings, Arc::clone(clock)))
            }
            #[cfg(feature = "fetch")]
            KeyChoice::Discover => {
                let fetcher = HttpKeyFetcher::discover(issuer.clone())?;
                Ok(KeySource::fetched(fetcher, settings, Arc::clone(clock)))
            }
            #[cfg(not(feature = "fetch"))]
            KeyChoice::Discover => {
                let _ = (issuer, settings, clock);
                Err(BuildError::NoKeys)
            }
        }
    }
}
