//! Why a logout token did not end a session, grouped by whose fault it is.
//!
//! [`Invalid`] is the sender's: the token is refused for good. [`Unavailable`] is ours: keys or
//! stores are out of reach and the same logout may succeed later. [`HookError`] is the app's. Each
//! has a stable `code()`, safe to log, count and show; no message repeats anything of a token.
//!
//! `http/endpoint.rs` alone turns these into status codes.

use std::error::Error;
use std::time::Duration;

use logout_shared::jws::JwsError;
use logout_shared::logout_token::RuleViolation;

use crate::hook::HookError;

/// What stopped a logout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is refused and will be refused again.
    #[error("logout token refused: {0}")]
    Invalid(#[from] Invalid),
    /// Something on our side is out of reach; the logout may be repeated.
    #[error("logout not possible now: {0}")]
    Unavailable(#[from] Unavailable),
    /// The app could not end its sessions; the logout may be repeated.
    #[error("logout not finished: {0}")]
    Hook(#[from] HookError),
}

impl VerifyError {
    /// A stable name for the reason.
    pub fn code(&self) -> &'static str {
        match self {
            VerifyError::Invalid(invalid) => invalid.code(),
            VerifyError::Unavailable(unavailable) => unavailable.code(),
            VerifyError::Hook(hook) => hook.code(),
        }
    }

    /// When to try again; `None` when that is useless.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            VerifyError::Invalid(_) => None,
            VerifyError::Unavailable(unavailable) => Some(unavailable.retry_after()),
            VerifyError::Hook(_) => Some(RETRY_SOON),
        }
    }
}

/// The sender's fault: what is wrong with the token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// Encryption was agreed on, and it is not encrypted so that we can read it.
    #[cfg(feature = "jwe")]
    #[error("{0}")]
    Encryption(#[from] logout_shared::jwe::JweError),
    /// Its form or its signature is wrong.
    #[error("{0}")]
    Signature(#[from] JwsError),
    /// It names a key that the issuer does not publish, or that does not fit the algorithm.
    #[error("the issuer publishes no such key")]
    UnknownKey,
    /// One of its claims, or its type, breaks a rule.
    #[error("{0}")]
    Rule(#[from] RuleViolation),
    /// The outer header of an encrypted token names another issuer.
    #[error("the header names another issuer")]
    IssuerMismatch,
    /// It has acted already.
    #[error("the token was used before")]
    Replayed,
}

impl Invalid {
    /// A stable name for the reason.
    pub fn code(&self) -> &'static str {
        match self {
            #[cfg(feature = "jwe")]
            Invalid::Encryption(error) => error.code(),
            Invalid::Signature(error) => error.code(),
            Invalid::UnknownKey => "no_key",
            Invalid::Rule(violation) => violation.code(),
            Invalid::IssuerMismatch => "iss_header_mismatch",
            Invalid::Replayed => "replayed",
        }
    }
}

/// Our own fault: what is out of reach.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// There are no keys to verify with: none fetched yet, or too old.
    #[error("the issuer's keys are out of reach")]
    Keys {
        /// When the next fetch may start.
        retry_after: Duration,
    },
    /// The token names a key that we do not know, and it is too early to ask again.
    #[error("the key is unknown and the key set was fetched a moment ago")]
    KeyUnknownYet {
        /// When the next fetch may start.
        retry_after: Duration,
    },
    /// Another request works on the same token.
    #[error("the same token is being worked on")]
    InFlight,
    /// The replay cache holds as many living entries as it may.
    #[error("the replay cache is full")]
    ReplayCacheFull,
    /// The replay cache is out of reach.
    #[error("the replay cache is out of reach")]
    ReplayCache(#[source] StoreError),
    /// The session index is out of reach.
    #[error("the session index is out of reach")]
    SessionIndex(#[source] StoreError),
}

impl Unavailable {
    /// A stable name for the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Unavailable::Keys { .. } => "keys_unavailable",
            Unavailable::KeyUnknownYet { .. } => "key_unknown_yet",
            Unavailable::InFlight => "in_flight",
            Unavailable::ReplayCacheFull => "replay_cache_full",
            Unavailable::ReplayCache(_) => "replay_cache_unavailable",
            Unavailable::SessionIndex(_) => "session_index_unavailable",
        }
    }

    /// When to try again.
    pub fn retry_after(&self) -> Duration {
        match self {
            Unavailable::Keys { retry_after } | Unavailable::KeyUnknownYet { retry_after } => {
                *retry_after
            }
            Unavailable::InFlight => Duration::from_secs(1),
            Unavailable::ReplayCacheFull
            | Unavailable::ReplayCache(_)
            | Unavailable::SessionIndex(_) => RETRY_SOON,
        }
    }
}

/// What a sender is asked to wait when nothing better is known.
const RETRY_SOON: Duration = Duration::from_secs(5);

/// A replay cache or session index did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("store failed while {doing}")]
pub struct StoreError {
    doing: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// An error met while `doing` something.
    pub fn new(doing: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
        StoreError {
            doing,
            source: source.into(),
        }
    }
}
