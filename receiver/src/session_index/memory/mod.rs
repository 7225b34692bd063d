//! The session index of one process.
//!
//! One lock over four maps: sessions by local id, local ids by `sid` and by `sub`, marks by what
//! they name. Whatever expires stands in a queue by time and is dropped by the next caller, a few
//! at a time; an expired entry that is still there counts as absent.
//!
//! It forgets at a restart. Every session is unknown then and refused, which is safe; marks are
//! gone too, which would revive cookie-only sessions, so the builder refuses that pair. The maps
//! themselves are in `state.rs`.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use logout_shared::Timestamp;

use super::{
    LocalSession, LocalSessionId, Login, LoginIdentity, Logout, Marked, Recorded, Scope,
    SessionIndex,
};
use crate::error::StoreError;

mod state;

use self::state::{Session, State};

/// A session index in the memory of this process.
///
/// # Examples
///
/// ```
/// use logout_receiver::session_index::MemorySessionIndex;
///
/// let index = MemorySessionIndex::new();
/// assert_eq!(index.len(), 0);
/// ```
#[derive(Default)]
pub struct MemorySessionIndex {
    state: Mutex<State>,
}

impl MemorySessionIndex {
    /// An empty index.
    pub fn new() -> MemorySessionIndex {
        MemorySessionIndex::default()
    }

    /// How many local sessions it holds, marked ones included.
    pub fn len(&self) -> usize {
        self.state().sessions.len()
    }

    /// Whether it holds no session.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many marks it holds.
    pub fn marks(&self) -> usize {
        self.state().marks.len()
    }

    /// No code path panics while it holds the lock, and each step leaves the maps consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemorySessionIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemorySessionIndex")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionIndex for MemorySessionIndex {
    async fn record_login(&self, login: &Login, now: Timestamp) -> Result<Recorded, StoreError> {
        let mut state = self.state();
        state.drop_expired(now);
        if state.is_logged_out(&login.scope, &login.identity, now) {
            return Ok(Recorded::Ended);
        }
        let key = (login.scope.clone(), login.local.clone());
        let session = Session::new(login.identity.clone(), login.expires_at);
        state.insert(key, session);
        Ok(Recorded::Live)
    }

    async fn mark(&self, logout: &Logout, now: Timestamp) -> Result<Marked, StoreError> {
        let mut state = self.state();
        state.drop_expired(now);
        state.leave_mark(logout);
        Ok(state.end_matching(logout, now))
    }

    async fn remove(&self, scope: &Scope, ended: &[LocalSessionId]) -> Result<(), StoreError> {
        let mut state = self.state();
        for local in ended {
            state.take(&(scope.clone(), local.clone()));
        }
        Ok(())
    }

    async fn find(
        &self,
        scope: &Scope,
        local: &LocalSessionId,
        now: Timestamp,
    ) -> Result<LocalSession, StoreError> {
        let state = self.state();
        let found = state.sessions.get(&(scope.clone(), local.clone()));
        Ok(match found.filter(|session| session.expires_at > now) {
            Some(session) if session.ended => LocalSession::Ended,
            Some(session) => LocalSession::Live(session.identity.clone()),
            None => LocalSession::Unknown,
        })
    }

    async fn is_logged_out(
        &self,
        scope: &Scope,
        login: &LoginIdentity,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.state().is_logged_out(scope, login, now))
    }

    async fn renew(
        &self,
        scope: &Scope,
        old: &LocalSessionId,
        new: &LocalSessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        state.drop_expired(now);
        let old = (scope.clone(), old.clone());
        let lives = state
            .sessions
            .get(&old)
            .is_some_and(|session| session.is_live(now));
        if !lives {
            return Ok(false);
        }
        let session = state.take(&old).expect("found under the same lock");
        state.insert((scope.clone(), new.clone()), session);
        Ok(true)
    }

    fn survives_restart(&self) -> bool {
        false
    }
}
