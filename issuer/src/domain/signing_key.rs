//! A signing key's life: next, current, retired.
//!
//! The private half is sealed under the master key; `keyring/` opens it.

use logout_shared::{SigningAlgorithm, Timestamp};
use serde_json::Value;

/// A signing key as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct SigningKeyRecord {
    /// The key's `kid`.
    pub kid: String,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// Where it is in its life.
    pub state: SigningKeyState,
    /// PKCS#8 PEM under the master key; gone once the key is retired.
    pub sealed_private_key: Option<String>,
    /// The public half as JWK.
    pub public_jwk: Value,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// When it stopped signing.
    pub retired_at: Option<Timestamp>,
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningKeyState {
    /// Published, signs later.
    Next,
    /// Published, signs now.
    Current,
    /// Signs no more.
    Retired,
}

impl SigningKeyState {
    /// The name in the store and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
}
