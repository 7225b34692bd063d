//! One attempt to tell a client: what is kept of it.
//!
//! Facts only: when, where, what the app answered and how long it took. What they mean for the
//! delivery is decided in `delivery.rs`; making an attempt is `delivery/` on floor 3.

use std::time::Duration;

use logout_shared::{Timestamp, TokenId};
use serde::{Deserialize, Serialize};

use super::logout_settings::LogoutUrl;

/// One attempt as it is kept in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// The token's `jti`.
    pub jti: TokenId,
    /// Where the token went.
    pub url: LogoutUrl,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong, if anything.
    pub error: Option<AttemptError>,
    /// From first to last byte.
    pub duration: Duration,
    /// The answer's `error`, sanitised and cut.
    pub oauth_error: Option<String>,
    /// The answer's `error_description`, sanitised and cut.
    pub oauth_error_description: Option<String>,
}

/// The latest attempt of a delivery, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAttempt {
    /// When it began.
    pub at: Timestamp,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong, if anything.
    pub error: Option<AttemptError>,
    /// From first to last byte.
    pub duration: Duration,
}

/// The class of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptError {
    /// No complete answer in time.
    Timeout,
    /// No connection.
    Connect,
    /// The host's name has no address.
    Dns,
    /// No trusted TLS connection.
    Tls,
    /// The connection broke.
    Reset,
    /// The egress guard forbids the address.
    AddressRefused,
    /// The answer was a redirect, which is never followed.
    Redirect,
    /// The answer's status was not a success.
    Status,
    /// The answer's body was too large or broken.
    Body,
    /// The client's encryption keys cannot be had, or were replaced since they were.
    ClientKeys,
}

impl AttemptError {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::AddressRefused => "address_refused",
            Self::Redirect => "redirect",
            Self::Status => "status",
            Self::Body => "body",
            Self::ClientKeys => "client_keys",
        }
    }

    /// The class with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Timeout,
            Self::Connect,
            Self::Dns,
            Self::Tls,
            Self::Reset,
            Self::AddressRefused,
            Self::Redirect,
            Self::Status,
            Self::Body,
            Self::ClientKeys,
        ]
        .into_iter()
        .find(|class| class.as_str() == name)
    }
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The exchange took place or failed.
    Tried(Attempt, Option<Duration>),
    /// One token for all sessions would end a live one: tell each session on its own.
    Expand,
    /// The client is gone or has no URL any more.
    Cancelled,
    /// The URL is no longer the client's: tell it at the URLs that it has now.
    Moved,
}

impl AttemptOutcome {
    /// How long the app asked to be left alone.
    ///
    /// Only 429 and 503 say when to come back; elsewhere the header means nothing.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Tried(attempt, asked) if matches!(attempt.status, Some(429 | 503)) => *asked,
            _ => None,
        }
    }
}

/// A field of an app's answer, fit to be kept: printable, at most 200 characters.
pub fn sanitise_oauth_error(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_OAUTH_ERROR_CHARS)
        .collect()
}

/// How much of an app's `error` and `error_description` is kept, in characters.
pub const MAX_OAUTH_ERROR_CHARS: usize = 200;
