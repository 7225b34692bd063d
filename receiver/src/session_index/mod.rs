//! The session index: which local sessions a logout token names, and which still live.
//!
//! [`record_login`](SessionIndex::record_login) files a local session under the `sid` and `sub` of
//! the ID Token that began it, dated by that token's `iat`. A logout is [`mark`](SessionIndex::mark)
//! → the app's hook → [`remove`](SessionIndex::remove): from the mark on every lookup refuses the
//! sessions, and until the removal a repeated logout gets the same list again.
//!
//! A mark stays behind for as long as the longest session. It refuses a session that was still
//! being made while the logout arrived, and it is all that an app with cookie-only sessions needs.
//! Each store has a file here; `memory.rs` is the one to read first. Who owns what: every key is
//! prefixed by its [`Scope`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use logout_shared::{ClientId, Issuer, SessionId, Subject, Timestamp};

use crate::error::StoreError;

mod memory;
#[cfg(feature = "redis")]
mod redis;
mod shared;
#[cfg(feature = "sqlx")]
mod sqlx;
#[cfg(feature = "tower-sessions")]
mod tower_sessions;

pub use self::memory::MemorySessionIndex;
#[cfg(feature = "redis")]
pub use self::redis::RedisSessionIndex;
#[cfg(feature = "sqlx")]
pub use self::sqlx::{PostgresSessionIndex, SqliteSessionIndex};
#[cfg(feature = "tower-sessions")]
pub use self::tower_sessions::TowerSessions;

/// Knows the app's local sessions by the logout tokens that may end them.
///
/// # Security
///
/// `mark` is atomic with respect to `record_login`: of a login and a logout that cross, either the
/// logout lists the session or the login finds the mark.
#[async_trait]
pub trait SessionIndex: Send + Sync {
    /// Files a local session, or answers that its login has been logged out already.
    ///
    /// A local session that is filed already is dated and owned anew.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be told; the app must then not begin the session.
    async fn record_login(&self, login: &Login, now: Timestamp) -> Result<Recorded, StoreError>;

    /// Marks every session that `logout` names as ended and lists them, marked earlier or now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be told; the logout may then be repeated.
    async fn mark(&self, logout: &Logout, now: Timestamp) -> Result<Marked, StoreError>;

    /// Forgets sessions that the app has ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when one of them cannot be removed; those stay marked.
    async fn remove(&self, scope: &Scope, ended: &[LocalSessionId]) -> Result<(), StoreError>;

    /// What is known of a local session.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be asked; the session must then be refused.
    async fn find(
        &self,
        scope: &Scope,
        local: &LocalSessionId,
        now: Timestamp,
    ) -> Result<LocalSession, StoreError>;

    /// Whether a login that only a cookie remembers has been logged out since.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be asked; the session must then be refused.
    async fn is_logged_out(
        &self,
        scope: &Scope,
        login: &LoginIdentity,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Follows an app that gives a local session a new id; the date and the owner stay.
    ///
    /// Gives `false` when `old` is unknown or has ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be told.
    async fn renew(
        &self,
        scope: &Scope,
        old: &LocalSessionId,
        new: &LocalSessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Which local session a request presents, where the index can tell by itself.
    ///
    /// Most cannot: then the app says so with `session_of`.
    fn presented(&self, _request: &Parts) -> Option<LocalSessionId> {
        None
    }

    /// Whether marks outlive this process; cookie-only sessions may not be kept without.
    fn survives_restart(&self) -> bool {
        true
    }
}

/// One issuer and one client of it: no logout reaches beyond.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// The issuer whose tokens count.
    pub issuer: Issuer,
    /// The client they must address.
    pub client_id: Arc<ClientId>,
}

/// Who logged in, as the ID Token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginIdentity {
    /// The user.
    pub sub: Subject,
    /// The issuer's session, where the issuer names it.
    pub sid: Option<SessionId>,
    /// The `iat` of the ID Token that began the session, in whole seconds.
    pub issued_at_secs: i64,
}

/// A local session about to begin.
#[derive(Clone, Debug)]
pub struct Login {
    /// Through which issuer and client.
    pub scope: Scope,
    /// Who logged in.
    pub identity: LoginIdentity,
    /// The app's own session.
    pub local: LocalSessionId,
    /// When the session is dead whatever happens.
    pub expires_at: Timestamp,
}

/// Whether a local session may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a session whose login has ended must not begin"]
pub enum Recorded {
    /// It is filed.
    Live,
    /// A logout for it came first; nothing was filed.
    Ended,
}

/// Which sessions a logout token names.
#[derive(Clone, Debug)]
pub struct Logout {
    /// Of which issuer and client.
    pub scope: Scope,
    /// Which of their sessions.
    pub target: LogoutTarget,
    /// Sessions begun later than this second are not meant (`toe`, else `iat`); ties end.
    pub not_after_secs: i64,
    /// How long the mark has to stay.
    pub keep_until: Timestamp,
}

/// What a logout token's `sid` and `sub` select.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogoutTarget {
    /// The session with this id.
    Session(SessionId),
    /// The session with this id, if it belongs to this user.
    SessionOf {
        /// The session.
        sid: SessionId,
        /// Its owner.
        sub: Subject,
    },
    /// Every session of this user.
    User(Subject),
}

impl LogoutTarget {
    /// Whether a login that is not younger than the logout is meant.
    pub fn covers(&self, identity: &LoginIdentity) -> bool {
        match self {
            LogoutTarget::Session(sid) => identity.sid.as_ref() == Some(sid),
            LogoutTarget::SessionOf { sid, sub } => {
                identity.sid.as_ref() == Some(sid) && identity.sub == *sub
            }
            LogoutTarget::User(sub) => identity.sub == *sub,
        }
    }
}

/// What a mark found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// The sessions it ended, now or when it was made before.
    pub ended: Vec<EndedSession>,
    /// Whether a session with the right `sid` was spared since it is another user's.
    pub owner_differs: bool,
}

/// A local session that a logout ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The app's own session.
    pub local: LocalSessionId,
    /// Who had logged in.
    pub identity: LoginIdentity,
}

/// What the index knows of a local session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalSession {
    /// It lives.
    Live(LoginIdentity),
    /// A logout ended it; the app may not have cleared it away yet.
    Ended,
    /// Never recorded, expired, or ended and removed.
    Unknown,
}

/// The app's own name for a session, as its cookie or its session store has it.
///
/// It is as good as a password while the session lives: `Debug` does not show it and there is no
/// `Display`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalSessionId(Arc<str>);

impl LocalSessionId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for LocalSessionId {
    fn from(id: T) -> LocalSessionId {
        LocalSessionId(id.into())
    }
}

impl fmt::Debug for LocalSessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LocalSessionId(..)")
    }
}
