//! What both sides of OpenID Connect Back-Channel Logout speak.
//!
//! The issuer mints logout tokens with this crate, the relying party checks them with it: one
//! copy of the claims, the rules, the limits and the names on the wire. Nothing here does I/O,
//! asks what time it is, or knows a web framework.

pub mod discovery;
pub mod id;
mod issuer;
pub mod jwa;
#[cfg(feature = "jwe")]
pub mod jwe;
mod jwe_compact;
#[cfg(feature = "jwe")]
mod jwe_decrypt;
#[cfg(feature = "jwe")]
mod jwe_encrypt;
pub mod jwk;
mod jwk_clean;
mod jwk_private;
mod jwk_public;
mod jwk_signing;
pub mod jwks;
pub mod jws;
pub mod logout_token;
pub mod metadata;
pub mod random;
pub mod seal;
pub mod secret;
pub mod strict_json;
pub mod time;

pub use id::{ClientId, InvalidId, SessionId, Subject, TokenId, TraceId};
pub use issuer::Issuer;
pub use jwa::SigningAlgorithm;
pub use metadata::{MetadataError, SessionMetadata};
pub use random::{RandomSource, SystemRandom};
pub use secret::Secret;
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
