//! The session index of one process.
//!
//! One lock, and for each issuer and client four maps: sessions by local id, local ids by `sid` and
//! by `sub`, marks by what they name. Whatever expires stands in a queue by time and is dropped by the next caller, a few
//! at a time; an expired entry that is still there counts as absent.
//!
//! It forgets at a restart. Every session is unknown then and refused, which is safe; marks are
//! gone too, which would revive cookie-only sessions, so the builder refuses that pair. The maps
//! themselves are in `state.rs`.

use std::collections::HashMap;
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
    scopes: Mutex<HashMap<Scope, State>>,
}

impl MemorySessionIndex {
    /// An empty index.
    pub fn new() -> MemorySessionIndex {
        MemorySessionIndex::default()
    }

    /// How many local sessions it holds, marked ones included.
    pub fn len(&self) -> usize {
        self.scopes()
            .values()
            .map(|state| state.sessions.len())
            .sum()
    }

    /// Whether it holds no session.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many marks it holds.
    pub fn marks(&self) -> usize {
        self.scopes().values().map(|state| state.marks.len()).sum()
    }

    /// No code path panics while it holds the lock, and each step leaves the maps consistent.
    fn scopes(&self) -> MutexGuard<'_, HashMap<Scope, State>> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The state of one scope, made at its first use and cleared of what has expired.
fn state_of<'a>(
    scopes: &'a mut HashMap<Scope, State>,
    scope: &Scope,
    now: Timestamp,
) -> &'a mut State {
    let state = scopes.entry(scope.clone()).or_default();
    state.drop_expired(now);
    state
}

#[async_trait]
impl SessionIndex for MemorySessionIndex {
    async fn record_login(&self, login: &Login, now: Timestamp) -> Result<Recorded, StoreError> {
        let mut scopes = self.scopes();
        let state = state_of(&mut scopes, &login.scope, now);
        if state.is_logged_out(&login.identity, now) {
            return Ok(Recorded::Ended);
        }
        let session = Session::new(login.identity.clone(), login.expires_at);
        state.insert(login.local.clone(), session);
        Ok(Recorded::Live)
    }

    async fn mark(&self, logout: &Logout, now: Timestamp) -> Result<Marked, StoreError> {
        let mut scopes = self.scopes();
        let state = state_of(&mut scopes, &logout.scope, now);
        state.leave_mark(logout);
        Ok(state.end_matching(logout, now))
    }

    async fn remove(&self, scope: &Scope, ended: &[LocalSessionId]) -> Result<(), StoreError> {
        if let Some(state) = self.scopes().get_mut(scope) {
            for local in ended {
                state.take(local);
            }
        }
        Ok(())
    }

    async fn find(
        &self,
        scope: &Scope,
        local: &LocalSessionId,
        now: Timestamp,
    ) -> Result<LocalSession, StoreError> {
        let scopes = self.scopes();
        let found = scopes
            .get(scope)
            .and_then(|state| state.sessions.get(local));
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
        let scopes = self.scopes();
        Ok(scopes
            .get(scope)
            .is_some_and(|state| state.is_logged_out(login, now)))
    }

    async fn renew(
        &self,
        scope: &Scope,
        old: &LocalSessionId,
        new: &LocalSessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut scopes = self.scopes();
        let state = state_of(&mut scopes, scope, now);
        let lives = state
            .sessions
            .get(old)
            .is_some_and(|session| session.is_live(now));
        if !lives {
            return Ok(false);
        }
        let session = state.take(old).expect("found under the same lock");
        state.insert(new.clone(), session);
        Ok(true)
    }

    fn survives_restart(&self) -> bool {
        false
    }
}
