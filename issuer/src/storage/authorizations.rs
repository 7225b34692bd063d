//! Authorization codes.

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::StorageError;
use crate::domain::authorization::{AuthorizationCode, TokenDigest};

/// What using a code gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeUse {
    /// The first use.
    First(AuthorizationCode),
    /// It was used before, by what it stood for.
    Again(AuthorizationCode),
    /// No such code.
    Unknown,
}

/// Reads authorizations.
#[async_trait]
pub trait AuthorizationReads {}

/// Writes authorizations.
#[async_trait]
pub trait AuthorizationWrites {
    /// Stores a new code.
    async fn insert_code(&mut self, code: &AuthorizationCode) -> Result<(), StorageError>;

    /// Uses a code up.
    async fn use_code(
        &mut self,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<CodeUse, StorageError>;

    /// Forgets codes issued before a time, the oldest first; gives how many.
    async fn delete_codes_before(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;
}
