//! Encrypted logout tokens: a signed token inside an encrypted one (feature `jwe`).
//!
//! An issuer encrypts for clients that registered `id_token_encrypted_response_alg` and `_enc`; a
//! receiver decrypts with its own key. Only the algorithms named here exist: no `RSA1_5`, no
//! passwords, no `dir`. Encryption says nothing of who sent a token: what comes out must still be
//! verified as a signed token.
//! Neighbours: `jwe_encrypt.rs` and `jwe_decrypt.rs` are the two halves, `jws.rs` what is inside.

use std::fmt;
use std::str::FromStr;

use josekit::jwe::JweContentEncryption;
use josekit::jwe::enc;
use serde::{Deserialize, Serialize};

use crate::jwe_compact::CompactError;

pub use crate::jwe_decrypt::{Decrypted, DecryptionKey, DecryptionKeyError, decrypt};
pub use crate::jwe_encrypt::{EncryptError, EncryptionKey};

/// Declares an enum of JOSE names with `FromStr`, `Display` and serde by that name.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$variant_doc])* #[serde(rename = $name)] $variant,)*
        }

        impl $type {
            /// All that are supported.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The JOSE name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl FromStr for $type {
            type Err = UnknownEncryption;

            fn from_str(name: &str) -> Result<Self, UnknownEncryption> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownEncryption),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// `alg`: how the content's key reaches the receiver.
    KeyManagement {
        /// RSA with OAEP on SHA-1, which many libraries know only.
        RsaOaep = "RSA-OAEP",
        /// RSA with OAEP on SHA-256.
        RsaOaep256 = "RSA-OAEP-256",
        /// Key agreement on a curve.
        EcdhEs = "ECDH-ES",
        /// Key agreement, then AES-128 key wrap.
        EcdhEsA128kw = "ECDH-ES+A128KW",
        /// Key agreement, then AES-192 key wrap.
        EcdhEsA192kw = "ECDH-ES+A192KW",
        /// Key agreement, then AES-256 key wrap.
        EcdhEsA256kw = "ECDH-ES+A256KW",
    }
}

names! {
    /// `enc`: how the content is encrypted.
    ContentEncryption {
        /// AES-128 in CBC mode with HMAC-SHA-256: the default of OpenID Connect registration.
        A128cbcHs256 = "A128CBC-HS256",
        /// AES-192 in CBC mode with HMAC-SHA-384.
        A192cbcHs384 = "A192CBC-HS384",
        /// AES-256 in CBC mode with HMAC-SHA-512.
        A256cbcHs512 = "A256CBC-HS512",
        /// AES-128 in GCM mode.
        A128gcm = "A128GCM",
        /// AES-192 in GCM mode.
        A192gcm = "A192GCM",
        /// AES-256 in GCM mode.
        A256gcm = "A256GCM",
    }
}

/// The name is not that of an encryption we support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a supported encryption algorithm")]
pub struct UnknownEncryption;

/// Why a token is not one that was encrypted for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JweError {
    /// Longer than the caller's limit.
    #[error("the token has {0} bytes, more than allowed")]
    TooLarge(usize),
    /// Three parts: a token that is signed but not encrypted, although encryption was agreed on.
    #[error("the token is not encrypted")]
    NotEncrypted,
    /// Not five parts separated by dots.
    #[error("the token is not in the compact form of a JWE")]
    NotCompact,
    /// A part is not base64url.
    #[error("a part of the token is not base64url")]
    Base64,
    /// The header is not strict JSON, too large, or lacks a member.
    #[error("the header is unreadable")]
    Header,
    /// The header has a member that we do not accept.
    #[error("the header member {0} is not accepted")]
    RefusedMember(&'static str),
    /// Another `alg` or `enc` than those of our keys.
    #[error("the token is not encrypted as agreed on")]
    WrongAlgorithm,
    /// The token names a key that we do not have.
    #[error("no decryption key fits the token")]
    NoKey,
    /// It does not decrypt; why is not told, on purpose.
    #[error("the token does not decrypt")]
    Decrypt,
}

impl JweError {
    /// A stable name for logs, metrics and tests.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge(_) => "token_too_large",
            Self::NotEncrypted => "not_encrypted",
            Self::NotCompact => "not_compact",
            Self::Base64 => "bad_base64",
            Self::Header => "bad_header",
            Self::RefusedMember(_) => "header_member_refused",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::NoKey => "no_key",
            Self::Decrypt => "does_not_decrypt",
        }
    }
}

impl From<CompactError> for JweError {
    fn from(error: CompactError) -> Self {
        match error {
            CompactError::Form => Self::NotCompact,
            CompactError::Base64 => Self::Base64,
            CompactError::Header => Self::Header,
            CompactError::RefusedMember(name) => Self::RefusedMember(name),
        }
    }
}

impl KeyManagement {
    /// Whether the key is an RSA key; otherwise it is a point on a curve.
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::RsaOaep | Self::RsaOaep256)
    }
}

impl ContentEncryption {
    pub(crate) fn jose(self) -> &'static dyn JweContentEncryption {
        match self {
            Self::A128cbcHs256 => &enc::A128CBC_HS256,
            Self::A192cbcHs384 => &enc::A192CBC_HS384,
            Self::A256cbcHs512 => &enc::A256CBC_HS512,
            Self::A128gcm => &enc::A128GCM,
            Self::A192gcm => &enc::A192GCM,
            Self::A256gcm => &enc::A256GCM,
        }
    }

    /// The exact length of an authentication tag.
    pub(crate) const fn tag_bytes(self) -> usize {
        match self {
            Self::A192cbcHs384 => 24,
            Self::A256cbcHs512 => 32,
            Self::A128cbcHs256 | Self::A128gcm | Self::A192gcm | Self::A256gcm => 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for alg in KeyManagement::ALL {
            assert_eq!(alg.as_str().parse(), Ok(*alg));
        }
        for enc in ContentEncryption::ALL {
            assert_eq!(enc.as_str().parse(), Ok(*enc));
            assert_eq!(enc.jose().name(), enc.as_str());
            assert_eq!(serde_json::to_value(enc).expect("JSON"), enc.as_str());
        }
        for weak in [
            "RSA1_5",
            "dir",
            "PBES2-HS256+A128KW",
            "A128KW",
            "none",
            "rsa-oaep",
        ] {
            assert_eq!(
                weak.parse::<KeyManagement>(),
                Err(UnknownEncryption),
                "{weak}"
            );
        }
    }
}
