//! Hooks and stores that fail when they are told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use logout_receiver::session_index::{
    LocalSession, Login, Logout, Marked, MemorySessionIndex, Recorded, Scope, SessionIndex,
};
use logout_receiver::{
    EndedSession, HookError, LocalSessionId, LoginIdentity, LogoutHook, LogoutToken, StoreError,
};
use logout_shared::Timestamp;

/// A hook that writes down what it was told and answers as planned, then always well.
#[derive(Default)]
pub(crate) struct Hook {
    calls: Mutex<Vec<(LogoutToken, Vec<String>)>>,
    planned: Mutex<VecDeque<Result<(), HookError>>>,
}

impl Hook {
    /// A hook with these answers to come.
    pub(crate) fn answering(answers: impl IntoIterator<Item = Result<(), HookError>>) -> Arc<Hook> {
        let planned = Mutex::new(answers.into_iter().collect());
        Arc::new(Hook {
            planned,
            ..Hook::default()
        })
    }

    /// The local sessions of each call so far.
    pub(crate) fn ended(&self) -> Vec<Vec<String>> {
        let calls = self.calls.lock().expect("not poisoned");
        calls.iter().map(|(_, ended)| ended.clone()).collect()
    }

    /// The token of the newest call.
    pub(crate) fn token(&self) -> LogoutToken {
        let calls = self.calls.lock().expect("not poisoned");
        calls.last().expect("a call").0.clone()
    }
}

#[async_trait]
impl LogoutHook for Hook {
    async fn on_logout(
        &self,
        token: &LogoutToken,
        ended: &[EndedSession],
    ) -> Result<(), HookError> {
        let locals = ended
            .iter()
            .map(|session| session.local.as_str().to_owned());
        let call = (token.clone(), locals.collect());
        self.calls.lock().expect("not poisoned").push(call);
        self.planned
            .lock()
            .expect("not poisoned")
            .pop_front()
            .unwrap_or(Ok(()))
    }
}

/// A session index in memory that can be made to fail.
#[derive(Default)]
pub(crate) struct FailingStore {
    index: MemorySessionIndex,
    down: AtomicBool,
}

impl FailingStore {
    /// From now on nothing works, or everything again.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::new("pretending", "it is down"));
        }
        Ok(())
    }
}

#[async_trait]
impl SessionIndex for FailingStore {
    async fn record_login(&self, login: &Login, now: Timestamp) -> Result<Recorded, StoreError> {
        self.check()?;
        self.index.record_login(login, now).await
    }

    async fn mark(&self, logout: &Logout, now: Timestamp) -> Result<Marked, StoreError> {
        self.check()?;
        self.index.mark(logout, now).await
    }

    async fn remove(&self, scope: &Scope, ended: &[LocalSessionId]) -> Result<(), StoreError> {
        self.check()?;
        self.index.remove(scope, ended).await
    }

    async fn find(
        &self,
        scope: &Scope,
        local: &LocalSessionId,
        now: Timestamp,
    ) -> Result<LocalSession, StoreError> {
        self.check()?;
        self.index.find(scope, local, now).await
    }

    async fn is_logged_out(
        &self,
        scope: &Scope,
        login: &LoginIdentity,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.check()?;
        self.index.is_logged_out(scope, login, now).await
    }

    async fn renew(
        &self,
        scope: &Scope,
        old: &LocalSessionId,
        new: &LocalSessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.check()?;
        self.index.renew(scope, old, new, now).await
    }

    /// For the tests of cookie-only sessions it stands for a store that does.
    fn survives_restart(&self) -> bool {
        true
    }
}
