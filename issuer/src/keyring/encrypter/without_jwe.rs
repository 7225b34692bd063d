//! The encrypter of a program that cannot encrypt: whoever needs it is refused.

use std::convert::Infallible;
use std::sync::Arc;

use logout_shared::{Issuer, Timestamp};

use super::ClientKeyError;
use crate::domain::client::Client;
use crate::domain::token_encryption::{ClientKeys, TokenEncryption};
use crate::keyring::client_keys::ClientKeyCache;

/// A key of a client; there is none.
#[derive(Debug)]
pub struct ClientKey(Infallible);

impl ClientKey {
    /// Encrypts a signed token.
    ///
    /// # Errors
    ///
    /// Never, for there is no key.
    pub fn encrypt(&self, _issuer: &Issuer, _token: &str) -> Result<String, ClientKeyError> {
        match self.0 {}
    }
}

/// Refuses clients that want encrypted tokens.
#[derive(Debug)]
pub struct Encrypter(());

impl Encrypter {
    /// An encrypter that cannot encrypt.
    pub fn new(_keys: Arc<ClientKeyCache>) -> Self {
        Self(())
    }

    /// Whether a client's keys can be used as it wants them used.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn check(_: TokenEncryption, _: Option<&ClientKeys>) -> Result<(), ClientKeyError> {
        Err(ClientKeyError::NotBuiltIn)
    }

    /// The key that the client's tokens are encrypted with; `None` if they are not to be.
    ///
    /// # Errors
    ///
    /// [`ClientKeyError::NotBuiltIn`] if they are.
    #[expect(clippy::unused_async, reason = "as in a program that encrypts")]
    pub async fn key_for(
        &self,
        client: &Client,
        _now: Timestamp,
    ) -> Result<Option<ClientKey>, ClientKeyError> {
        match client.encryption {
            None => Ok(None),
            Some(_) => Err(ClientKeyError::NotBuiltIn),
        }
    }

    /// Whether the client may have replaced a key since it was fetched.
    #[expect(clippy::unused_async, reason = "as in a program that encrypts")]
    pub async fn may_be_replaced(&self, key: &ClientKey, _now: Timestamp) -> bool {
        match key.0 {}
    }
}
