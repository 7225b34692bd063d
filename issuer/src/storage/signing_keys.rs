//! Signing keys.

use async_trait::async_trait;

use super::StorageError;
use crate::domain::signing_key::SigningKeyRecord;

/// Reads signing keys.
#[async_trait]
pub trait SigningKeyReads {
    /// All keys that are not forgotten, oldest first.
    async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRecord>, StorageError>;
}

/// Writes signing keys.
#[async_trait]
pub trait SigningKeyWrites {
    /// Stores a new key.
    async fn insert_signing_key(&mut self, key: &SigningKeyRecord) -> Result<(), StorageError>;

    /// Stores a key's changes.
    async fn update_signing_key(&mut self, key: &SigningKeyRecord) -> Result<(), StorageError>;

    /// Seals a private key anew; `false` if it is not sealed as `before` any more.
    async fn replace_sealed_key(
        &mut self,
        kid: &str,
        before: &str,
        now: &str,
    ) -> Result<bool, StorageError>;

    /// Forgets a key.
    async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StorageError>;
}
