//! How a client wants its tokens encrypted, and the keys it gave for that.
//!
//! The names are those of OpenID Connect Dynamic Client Registration §2. What is not here is not
//! offered: `RSA1_5`, SHA-1, and the CBC modes, of which A128CBC-HS256 is the registration's
//! default, so that a client must name what it wants. Encrypting is `keyring/encrypter.rs`'s.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::logout_settings::LogoutUrl;

/// How tokens for a client are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEncryption {
    /// `id_token_encrypted_response_alg`.
    pub alg: KeyManagement,
    /// `id_token_encrypted_response_enc`.
    pub enc: ContentEncryption,
}

/// How the key of a token's content reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyManagement {
    /// RSA with OAEP on SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
    /// Key agreement on a curve.
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
}

impl KeyManagement {
    /// All that are offered, by their names.
    pub const NAMES: [&str; 2] = ["RSA-OAEP-256", "ECDH-ES"];

    /// The JOSE name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep256 => Self::NAMES[0],
            Self::EcdhEs => Self::NAMES[1],
        }
    }
}

/// How a token's content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ContentEncryption {
    /// AES-128 in GCM mode.
    #[serde(rename = "A128GCM")]
    A128Gcm,
    /// AES-256 in GCM mode.
    #[serde(rename = "A256GCM")]
    A256Gcm,
}

impl ContentEncryption {
    /// All that are offered, by their names.
    pub const NAMES: [&str; 2] = ["A128GCM", "A256GCM"];

    /// The JOSE name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A128Gcm => Self::NAMES[0],
            Self::A256Gcm => Self::NAMES[1],
        }
    }
}

/// Where a client's public keys are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKeys {
    /// `jwks`: here.
    Given(Value),
    /// `jwks_uri`: at a URL, which keeps the rules of a back-channel logout URL.
    At(LogoutUrl),
}
