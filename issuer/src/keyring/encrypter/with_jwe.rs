//! The encrypter proper: JWE around JWS (feature `jwe`).

use std::sync::Arc;

use logout_shared::jwe::{self, EncryptionKey};
use logout_shared::{Issuer, Timestamp};

use super::cache::{Cached, KeyCache, Place};
use super::{ClientKeyError, KeySetSource};
use crate::domain::client::Client;
use crate::domain::token_encryption::{
    ClientKeys, ContentEncryption, KeyManagement, TokenEncryption,
};

/// A client's key, and how its tokens are encrypted.
#[derive(Debug)]
pub struct ClientKey {
    key: Arc<EncryptionKey>,
    enc: ContentEncryption,
    /// Where a fetched key was found, and the fetch that brought it.
    fetched: Option<(Place, Cached)>,
}

impl ClientKey {
    /// Encrypts a signed token.
    ///
    /// # Errors
    ///
    /// [`ClientKeyError::Encrypt`] if OpenSSL fails.
    pub fn encrypt(&self, issuer: &Issuer, token: &str) -> Result<String, ClientKeyError> {
        let enc = match self.enc {
            ContentEncryption::A128Gcm => jwe::ContentEncryption::A128gcm,
            ContentEncryption::A256Gcm => jwe::ContentEncryption::A256gcm,
        };
        // RFC 7519 §5.2: a nested token says so in `cty`.
        let encrypted = self
            .key
            .encrypt(enc, "JWT", issuer.as_str(), token.as_bytes());
        encrypted.map_err(|_| ClientKeyError::Encrypt)
    }
}

/// Encrypts tokens for clients.
#[derive(Debug)]
pub struct Encrypter {
    cache: KeyCache,
}

impl Encrypter {
    /// An encrypter that reads key sets from here.
    pub fn new(source: Arc<dyn KeySetSource>) -> Self {
        Self {
            cache: KeyCache::new(source),
        }
    }

    /// Whether a client's keys can be used as it wants them used; a `jwks_uri` is not read for it.
    ///
    /// # Errors
    ///
    /// [`ClientKeyError`] says why not.
    pub fn check(wanted: TokenEncryption, keys: Option<&ClientKeys>) -> Result<(), ClientKeyError> {
        match keys {
            None => Err(ClientKeyError::NoKeys),
            Some(ClientKeys::At(_)) => Ok(()),
            Some(ClientKeys::Given(set)) => {
                choose(set.to_string().as_bytes(), wanted.alg).map(drop)
            }
        }
    }

    /// The key that the client's tokens are encrypted with; `None` if they are not to be.
    ///
    /// It may fetch the client's key set, so it is called outside of any transaction.
    ///
    /// # Errors
    ///
    /// [`ClientKeyError`] if there should be a key and none can be had.
    pub async fn key_for(
        &self,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<ClientKey>, ClientKeyError> {
        let Some(TokenEncryption { alg, enc }) = client.encryption else {
            return Ok(None);
        };
        let (key, fetched) = match &client.keys {
            None => return Err(ClientKeyError::NoKeys),
            Some(ClientKeys::Given(set)) => (self.cache.given(&set.to_string(), alg)?, None),
            Some(ClientKeys::At(url)) => {
                let place = (url.clone(), alg);
                let cached = self.cache.fetched(&place, now).await?;
                (Arc::clone(&cached.key), Some((place, cached)))
            }
        };
        Ok(Some(ClientKey { key, enc, fetched }))
    }

    /// Whether the client may have replaced a key since it was fetched: it has refused a token,
    /// and that may be because it could not read it.
    ///
    /// It looks, unless somebody looked within the cool-down; then it may be.
    pub async fn may_be_replaced(&self, key: &ClientKey, now: Timestamp) -> bool {
        match &key.fetched {
            None => false,
            Some((place, used)) => self.cache.may_be_replaced(place, used, now).await,
        }
    }
}

/// The key of a set that fits.
pub(super) fn choose(set: &[u8], alg: KeyManagement) -> Result<EncryptionKey, ClientKeyError> {
    let alg = match alg {
        KeyManagement::RsaOaep256 => jwe::KeyManagement::RsaOaep256,
        KeyManagement::EcdhEs => jwe::KeyManagement::EcdhEs,
    };
    EncryptionKey::from_set(set, alg).map_err(|error| ClientKeyError::Unusable(error.to_string()))
}
