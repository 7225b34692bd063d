//! OpenID Connect Back-Channel Logout for relying parties.
//!
//! An issuer tells an app that a session has ended by posting a signed *logout token*. This crate
//! verifies it as the specification says and more, ends exactly the local sessions it names, and
//! turns their later requests away. It works with any framework that speaks `tower`, brings routes
//! and an extractor for axum, and works without HTTP as well.
//!
//! The way in is [`BackchannelLogout`]. The flow of one logout is in `backchannel_logout.rs`; the
//! three stores are [`jwks`], [`replay`] and [`session_index`]; HTTP is in `http/`.

mod backchannel_logout;
mod builder;
mod config;
mod error;
mod hook;
mod http;
pub mod jwks;
mod login;
#[cfg(feature = "redis")]
mod redis_connection;
pub mod replay;
pub mod session_index;
mod telemetry;
mod verifier;

pub use logout_shared::logout_token::{LogoutSubject, LogoutToken};
pub use logout_shared::{SessionMetadata, SigningAlgorithm};

pub use self::backchannel_logout::{BackchannelLogout, CompletedLogout};
pub use self::builder::{BuildError, Builder};
pub use self::config::{EndpointSettings, SessionSettings, TokenRules};
pub use self::error::{Invalid, StoreError, Unavailable, VerifyError};
pub use self::hook::{HookError, LogoutHook};
#[cfg(feature = "axum")]
pub use self::http::SessionMissing;
pub use self::http::{
    CurrentSession, LogoutEndpoint, Refusal, RequireSession, RequireSessionService,
};
pub use self::jwks::{KeySettings, KeySource, KeyState};
pub use self::login::RecordLoginError;
#[cfg(feature = "redis")]
pub use self::redis_connection::RedisConnection;
pub use self::session_index::{
    EndedSession, LocalSession, LocalSessionId, LoginIdentity, SessionIndex,
};
pub use self::verifier::Verifier;

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
