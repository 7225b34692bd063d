//! A login session at the issuer: who, since when, on what device, with which metadata.
//!
//! A session is alive until it is ended or one of its two times has come; whoever reads one asks
//! [`Session::is_live`] before acting on it. A session that ended is another type, so a second
//! end cannot be written.

use std::time::Duration;

use logout_shared::{ClientId, SessionId, SessionMetadata, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use super::initiator::Initiator;

/// A session that has not been ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The `sid` of ID Tokens and logout tokens.
    pub id: SessionId,
    /// Whose session it is.
    pub user: Subject,
    /// When the person signed in first.
    pub created_at: Timestamp,
    /// When anything of it changed last.
    pub updated_at: Timestamp,
    /// When the person proved who they are last.
    pub authenticated_at: Timestamp,
    /// When a browser used it last.
    pub last_interacted_at: Timestamp,
    /// When it ends unless it is used.
    pub idle_expires_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// The browser it lives in.
    pub device: Device,
    /// How the person proved who they are.
    pub methods: Vec<AuthenticationMethod>,
    /// Whether the browser's cookie outlives the browser.
    pub cookie_mode: CookieMode,
    /// Keys and values carried by the session.
    pub metadata: SessionMetadata,
}

impl Session {
    /// Whether neither end time has come.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at && now < self.idle_expires_at
    }

    /// Ends the session. What was alive is consumed.
    pub fn end(self, initiator: Initiator, now: Timestamp) -> EndedSession {
        EndedSession {
            session: self,
            initiator,
            ended_at: now,
        }
    }
}

/// A session that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedSession {
    /// The session as it was when it ended.
    pub session: Session,
    /// Why it ended.
    pub initiator: Initiator,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// A client that took part in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// The client.
    pub client: ClientId,
    /// When the person signed in to it first in this session.
    pub joined_at: Timestamp,
    /// When a code was exchanged for it last in this session.
    pub last_joined_at: Timestamp,
}

/// The browser of a session, at its start and at its latest use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// `User-Agent` at the start.
    pub initial_user_agent: Option<String>,
    /// Address at the start.
    pub initial_ip: Option<String>,
    /// Autonomous system at the start.
    pub initial_asn: Option<String>,
    /// `User-Agent` at the latest use.
    pub last_user_agent: Option<String>,
    /// Address at the latest use.
    pub last_ip: Option<String>,
    /// Autonomous system at the latest use.
    pub last_asn: Option<String>,
}

/// One way in which the person proved who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationMethod {
    /// `pwd`, `mfa`, `federated`, …
    pub name: String,
    /// When.
    pub timestamp: Timestamp,
    /// The kind of second factor, with `mfa` only.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
}

/// Whether the browser's cookie outlives the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CookieMode {
    /// The cookie has an expiry of its own.
    #[default]
    Persistent,
    /// The cookie goes with the browser.
    NonPersistent,
}

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLifetimes {
    /// From the sign-in to the end, whatever happens.
    pub absolute: Duration,
    /// From the latest use to the end.
    pub idle: Duration,
    /// The cookie of new sessions.
    pub cookie_mode: CookieMode,
}

impl Default for SessionLifetimes {
    fn default() -> Self {
        Self {
            absolute: Duration::from_hours(168),
            idle: Duration::from_hours(72),
            cookie_mode: CookieMode::Persistent,
        }
    }
}
