//! For apps whose sessions are `tower-sessions`: a logout deletes them from their store.
//!
//! Which session belongs to which login is kept in another index, in memory unless the app names
//! one; what is added here is that a removal also deletes, and that `RequireSession` finds the
//! session's id by itself. A request that still holds a deleted session may write it back when it
//! ends; the index refuses it all the same.
//!
//! Put `RequireSession` inside the app's `SessionManagerLayer`, and record a login after the
//! session has been saved, since only then does it have an id.

use async_trait::async_trait;
use http::request::Parts;
use logout_shared::Timestamp;
use tower_sessions_core::session::Id;
use tower_sessions_core::{Session, SessionStore};

use super::{
    LocalSession, LocalSessionId, Login, LoginIdentity, Logout, Marked, MemorySessionIndex,
    Recorded, Scope, SessionIndex,
};
use crate::error::StoreError;

/// A session index that deletes ended sessions from a `tower-sessions` store.
///
/// # Examples
///
/// ```
/// use logout_receiver::BackchannelLogout;
/// use logout_receiver::session_index::TowerSessions;
/// use tower_sessions::MemoryStore;
///
/// let store = MemoryStore::default();
/// let logout = BackchannelLogout::builder("https://issuer.example/", "client-id")
///     .sessions(TowerSessions::new(store.clone()))
///     .build()?;
/// # Ok::<(), logout_receiver::BuildError>(())
/// ```
#[derive(Debug)]
pub struct TowerSessions<S, I = MemorySessionIndex> {
    store: S,
    index: I,
}

impl<S: SessionStore> TowerSessions<S> {
    /// Deletes from `store`; which session belongs to which login is remembered in this process.
    ///
    /// After a restart every session is unknown and refused. Where the store outlives the process
    /// or several processes share it, name an index that does too: [`with_index`](Self::with_index).
    pub fn new(store: S) -> TowerSessions<S> {
        TowerSessions {
            store,
            index: MemorySessionIndex::new(),
        }
    }

    /// Deletes from the store and remembers in `index`.
    pub fn with_index<I: SessionIndex>(self, index: I) -> TowerSessions<S, I> {
        TowerSessions {
            store: self.store,
            index,
        }
    }
}

#[async_trait]
impl<S: SessionStore, I: SessionIndex> SessionIndex for TowerSessions<S, I> {
    async fn record_login(&self, login: &Login, now: Timestamp) -> Result<Recorded, StoreError> {
        self.index.record_login(login, now).await
    }

    async fn mark(&self, logout: &Logout, now: Timestamp) -> Result<Marked, StoreError> {
        self.index.mark(logout, now).await
    }

    /// Deletes each session from the store before it is forgotten here, and goes on after a
    /// failure: what could not be deleted stays marked and comes again.
    async fn remove(&self, scope: &Scope, ended: &[LocalSessionId]) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for local in ended {
            let removed = match self.delete(local).await {
                Ok(()) => self.index.remove(scope, std::slice::from_ref(local)).await,
                Err(error) => Err(error),
            };
            outcome = outcome.and(removed);
        }
        outcome
    }

    async fn find(
        &self,
        scope: &Scope,
        local: &LocalSessionId,
        now: Timestamp,
    ) -> Result<LocalSession, StoreError> {
        self.index.find(scope, local, now).await
    }

    async fn is_logged_out(
        &self,
        scope: &Scope,
        login: &LoginIdentity,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.index.is_logged_out(scope, login, now).await
    }

    async fn renew(
        &self,
        scope: &Scope,
        old: &LocalSessionId,
        new: &LocalSessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.index.renew(scope, old, new, now).await
    }

    fn presented(&self, request: &Parts) -> Option<LocalSessionId> {
        let id = request.extensions.get::<Session>()?.id()?;
        Some(id.to_string().into())
    }

    fn survives_restart(&self) -> bool {
        self.index.survives_restart()
    }
}

impl<S: SessionStore, I> TowerSessions<S, I> {
    async fn delete(&self, local: &LocalSessionId) -> Result<(), StoreError> {
        let doing = "deleting a session of tower-sessions";
        let id: Id = local.as_str().parse().map_err(|_| {
            StoreError::new(doing, "the local session id is not one of tower-sessions")
        })?;
        self.store
            .delete(&id)
            .await
            .map_err(|error| StoreError::new(doing, error))
    }
}
