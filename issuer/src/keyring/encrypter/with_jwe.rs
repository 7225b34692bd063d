//! The encrypter proper: JWE around JWS (feature `jwe`).

use std::sync::Arc;

use logout_shared::jwe::{self, EncryptionKey};
use logout_shared::{Issuer, Timestamp};

use super::ClientKeyError;
use crate::domain::client::Client;
use crate::domain::logout_settings::LogoutUrl;
use crate::domain::token_encryption::{ClientKeys, ContentEncryption, TokenEncryption};
use crate::keyring::client_keys::{Cached, ClientKeyCache, KeySet};

/// A client's key, and how its tokens are encrypted.
#[derive(Debug)]
pub struct ClientKey {
    key: Arc<EncryptionKey>,
    enc: ContentEncryption,
    /// Where a fetched key was found, and the fetch that brought it.
    fetched: Option<(LogoutUrl, Cached)>,
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
    keys: Arc<ClientKeyCache>,
}

impl Encrypter {
    /// An encrypter that takes clients' keys from here.
    pub fn new(keys: Arc<ClientKeyCache>) -> Self {
        Self { keys }
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
                let set = KeySet::parse(set.to_string().as_bytes())?;
                Ok(set.encryption_key(wanted.alg).map(drop)?)
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
            Some(ClientKeys::Given(set)) => (self.keys.given(set)?.encryption_key(alg)?, None),
            Some(ClientKeys::At(url)) => {
                let cached = self.keys.fetched(url, now).await?;
                let key = cached.set().encryption_key(alg)?;
                (key, Some((url.clone(), cached)))
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
            Some((url, used)) => self.keys.may_be_replaced(url, used, now).await,
        }
    }
}
