//! The app's own sessions: an opaque random id in a cookie, everything else on this side.
//!
//! The hook at the end is what the app does when the provider says that a session is over: drop its
//! tokens and remember why, so that the page can say so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::http::HeaderMap;
use logout_receiver::{EndedSession, HookError, LocalSessionId, LogoutHook, LogoutToken};
use serde_json::{Value, json};

/// The cookie that holds the local session's id.
pub(crate) const COOKIE: &str = "axum_app_session";

/// The cookie that ties a sign-in to the browser that began it.
pub(crate) const LOGIN_COOKIE: &str = "axum_app_login";

/// How long the app remembers a session, ended or not.
const LIFETIME: Duration = Duration::from_hours(24);

/// All sessions of this process.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<LocalSessionId, Session>>);

/// One person signed in, or signed out meanwhile.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) sub: String,
    pub(crate) sid: Option<String>,
    /// The ID Token's claims and its text; gone when the session has ended.
    pub(crate) tokens: Option<(Value, String)>,
    pub(crate) ended: Option<Ended>,
    pub(crate) begun: Instant,
}

/// Why a session is over.
#[derive(Clone)]
pub(crate) struct Ended {
    pub(crate) by: &'static str,
    /// What the provider said about the session.
    pub(crate) metadata: Value,
}

impl Sessions {
    pub(crate) fn begin(&self, id: LocalSessionId, session: Session) {
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.begun.elapsed() < LIFETIME);
        sessions.insert(id, session);
    }

    pub(crate) fn find(&self, id: &LocalSessionId) -> Option<Session> {
        self.lock().get(id).cloned()
    }

    pub(crate) fn end(&self, id: &LocalSessionId, by: &'static str, metadata: Value) {
        if let Some(session) = self.lock().get_mut(id) {
            session.tokens = None;
            session.ended = Some(Ended { by, metadata });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LocalSessionId, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The app's part of a logout.
pub(crate) struct EndSessions(pub(crate) Arc<Sessions>);

#[async_trait]
impl LogoutHook for EndSessions {
    async fn on_logout(
        &self,
        token: &LogoutToken,
        ended: &[EndedSession],
    ) -> Result<(), HookError> {
        let metadata = match token.session_metadata() {
            Some(metadata) => serde_json::to_value(metadata).map_err(HookError::failed)?,
            None => json!(null),
        };
        for session in ended {
            self.0
                .end(&session.local, "backchannel-logout", metadata.clone());
        }
        Ok(())
    }
}

/// Reads one cookie of a request.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<LocalSessionId> {
    headers
        .get_all("cookie")
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value.into())
}
