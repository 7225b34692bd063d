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
    /// Begins a session: the person has just proved who they are.
    pub fn start(
        id: SessionId,
        user: Subject,
        device: Device,
        method: AuthenticationMethod,
        lifetimes: &SessionLifetimes,
    ) -> Self {
        let now = method.timestamp;
        let expires_at = now + lifetimes.absolute;
        Self {
            id,
            user,
            created_at: now,
            updated_at: now,
            authenticated_at: now,
            last_interacted_at: now,
            idle_expires_at: expires_at.min(now + lifetimes.idle),
            expires_at,
            device,
            methods: vec![method],
            cookie_mode: lifetimes.cookie_mode,
            metadata: SessionMetadata::new(),
        }
    }

    /// Notes that a browser used the session, which puts off its idle end.
    pub fn renew(&mut self, device: &Device, idle: Duration, now: Timestamp) {
        self.updated_at = now;
        self.last_interacted_at = now;
        // An end that was set later than the renewal would put it stays.
        self.idle_expires_at = self.idle_expires_at.max(now + idle).min(self.expires_at);
        self.device
            .last_user_agent
            .clone_from(&device.last_user_agent);
        self.device.last_ip.clone_from(&device.last_ip);
        self.device.last_asn.clone_from(&device.last_asn);
    }

    /// Notes that the person proved again who they are; the absolute end stays where it is.
    pub fn reauthenticate(&mut self, method: AuthenticationMethod) {
        self.authenticated_at = method.timestamp;
        self.updated_at = method.timestamp;
        self.methods.retain(|known| known.name != method.name);
        self.methods.push(method);
    }

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
    /// When the person signed in to it first.
    pub joined_at: Timestamp,
    /// When a code was exchanged for it last.
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

impl Device {
    /// A browser seen for the first time.
    pub fn first_seen(user_agent: Option<String>, ip: Option<String>) -> Self {
        Self {
            initial_user_agent: user_agent.clone(),
            initial_ip: ip.clone(),
            initial_asn: None,
            last_user_agent: user_agent,
            last_ip: ip,
            last_asn: None,
        }
    }
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

impl AuthenticationMethod {
    /// The person knew their password.
    pub fn password(now: Timestamp) -> Self {
        Self {
            name: "pwd".into(),
            timestamp: now,
            kind: None,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn session(lifetimes: &SessionLifetimes) -> Session {
        Session::start(
            "s1".parse().unwrap(),
            "u1".parse().unwrap(),
            Device::first_seen(Some("browser".into()), Some("192.0.2.1".into())),
            AuthenticationMethod::password(Timestamp::from_secs(0)),
            lifetimes,
        )
    }

    #[test]
    fn use_puts_off_the_idle_end_but_never_past_the_absolute_one() {
        let lifetimes = SessionLifetimes {
            absolute: 3 * HOUR,
            idle: 2 * HOUR,
            ..SessionLifetimes::default()
        };
        let mut session = session(&lifetimes);
        assert_eq!(session.idle_expires_at, Timestamp::from_secs(2 * 3_600));
        let later = Device::first_seen(None, Some("192.0.2.2".into()));
        session.renew(&later, lifetimes.idle, Timestamp::from_secs(1_800));
        assert_eq!(session.idle_expires_at, Timestamp::from_secs(9_000));
        session.renew(&later, lifetimes.idle, Timestamp::from_secs(7_200));
        assert_eq!(session.idle_expires_at, session.expires_at);
        assert_eq!(session.device.initial_ip.as_deref(), Some("192.0.2.1"));
        assert_eq!(session.device.last_ip.as_deref(), Some("192.0.2.2"));
    }

    #[test]
    fn proving_oneself_again_moves_the_time_of_authentication_alone() {
        let mut session = session(&SessionLifetimes::default());
        let (created, end) = (session.created_at, session.expires_at);
        session.reauthenticate(AuthenticationMethod::password(Timestamp::from_secs(60)));
        assert_eq!(session.authenticated_at, Timestamp::from_secs(60));
        assert_eq!((session.created_at, session.expires_at), (created, end));
        assert_eq!(session.methods.len(), 1);
    }
}
