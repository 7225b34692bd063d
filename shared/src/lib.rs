//! What both sides of OpenID Connect Back-Channel Logout speak.
//!
//! The issuer mints logout tokens with this crate, the relying party checks them with it: one
//! copy of the claims, the rules, the limits and the names on the wire. Nothing here does I/O,
//! asks what time it is, or knows a web framework.
//!
//! # Examples
//!
//! A token's whole way, from the issuer that ends a session to the relying party that believes it:
//!
//! ```
//! use logout_shared::jwk::SigningKey;
//! use logout_shared::jwks::JwkSet;
//! use logout_shared::jws::UnverifiedJws;
//! use logout_shared::logout_token::request::{MAX_TOKEN_BYTES, encode_form, parse_form};
//! use logout_shared::logout_token::{Audience, Events, Expected, LogoutClaims, TYP};
//! use logout_shared::{
//!     ClientId, Issuer, SessionId, SigningAlgorithm, SystemRandom, Timestamp, TokenId,
//! };
//!
//! // The issuer
//! let key = SigningKey::generate(SigningAlgorithm::Rs256)?;
//! let published = JwkSet::of_public([&key]).to_string();
//! let now = Timestamp::from_secs(1_795_413_600);
//! let sid = SessionId::generate(&SystemRandom);
//! let claims = LogoutClaims {
//!     iss: "https://issuer.example/".into(),
//!     sub: None,
//!     aud: Audience::One("shop".into()),
//!     iat: now.as_secs(),
//!     exp: now.as_secs() + 120,
//!     jti: TokenId::generate(&SystemRandom).into(),
//!     events: Events,
//!     sid: Some(sid.to_string()),
//!     toe: None,
//!     trace_id: None,
//!     session_metadata: None,
//! };
//! let body = encode_form(&key.sign(TYP, &claims.to_json())?);
//!
//! // The relying party
//! let (issuer, client_id): (Issuer, ClientId) = ("https://issuer.example/".parse()?, "shop".parse()?);
//! let keys = JwkSet::parse(published.as_bytes())?;
//! let token = parse_form(body.as_bytes())?;
//! let jws = UnverifiedJws::parse(&token, MAX_TOKEN_BYTES)?;
//! let candidates = keys.candidates(SigningAlgorithm::Rs256, jws.header().kid.as_deref());
//! let logout = jws
//!     .verify(SigningAlgorithm::Rs256, &candidates)?
//!     .check(&Expected::new(&issuer, &client_id, now))?;
//! assert_eq!(logout.sid(), Some(&sid));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
mod jwk_check;
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
