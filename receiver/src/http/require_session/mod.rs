//! Lets a request pass only while its session lives.
//!
//! The layer asks the app's closure which session a request presents and the session index whether
//! it lives. A live one is put into the request's extensions as [`CurrentSession`]; anything else
//! is refused with 401, a redirect or the app's own answer. An index out of reach refuses too: a
//! session that cannot be checked is not trusted.
//!
//! `layer.rs` is what apps configure, `service.rs` and `future.rs` are the machinery of `tower`.

use std::sync::Arc;

use http::request::Parts;
use logout_shared::{Issuer, SessionId, Subject};

use crate::backchannel_logout::BackchannelLogout;
use crate::error::StoreError;
use crate::session_index::{LocalSession, LocalSessionId, LoginIdentity, SessionIndex};

mod future;
mod layer;
mod service;

pub use self::layer::RequireSession;
pub use self::service::RequireSessionService;

/// The live session of a request, as the layer found it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CurrentSession {
    /// The issuer through which the user signed in.
    pub issuer: Issuer,
    /// Who signed in, and when.
    pub identity: LoginIdentity,
    /// The app's own session; `None` where only a cookie remembers it.
    pub local: Option<LocalSessionId>,
}

impl CurrentSession {
    /// The user, as the issuer names them.
    pub fn sub(&self) -> &Subject {
        &self.identity.sub
    }

    /// The issuer's session.
    pub fn sid(&self) -> Option<&SessionId> {
        self.identity.sid.as_ref()
    }
}

/// Why a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It presents no session.
    NoSession,
    /// The session is unknown, or has expired.
    Unknown,
    /// A logout ended the session.
    Ended,
    /// The session index is out of reach, so nothing is known.
    Unavailable,
}

/// How to see from a request which session it presents.
#[derive(Clone)]
pub(crate) enum PresentedBy {
    /// As the session index does.
    Index,
    /// By the local session's id.
    Local(Arc<ReadRequest<LocalSessionId>>),
    /// By what a cookie of the app says about the login.
    Cookie(Arc<ReadRequest<LoginIdentity>>),
}

type ReadRequest<T> = dyn Fn(&Parts) -> Option<T> + Send + Sync;

/// What one request presents.
pub(crate) enum Presented {
    Nothing,
    Local(LocalSessionId),
    Cookie(LoginIdentity),
}

impl PresentedBy {
    pub(crate) fn read(&self, request: &Parts, index: &dyn SessionIndex) -> Presented {
        let local = match self {
            PresentedBy::Index => index.presented(request),
            PresentedBy::Local(read) => read(request),
            PresentedBy::Cookie(read) => {
                return read(request).map_or(Presented::Nothing, Presented::Cookie);
            }
        };
        local.map_or(Presented::Nothing, Presented::Local)
    }
}

/// Asks the index about what a request presents.
pub(crate) async fn judge(
    logout: &BackchannelLogout,
    presented: Presented,
) -> Result<CurrentSession, Refusal> {
    let judged = match presented {
        Presented::Nothing => return Err(Refusal::NoSession),
        Presented::Local(local) => judge_local(logout, local).await,
        Presented::Cookie(identity) => judge_cookie(logout, identity).await,
    };
    judged.unwrap_or_else(|error| {
        tracing::error!(%error, "a session cannot be checked and is refused");
        Err(Refusal::Unavailable)
    })
}

async fn judge_local(
    logout: &BackchannelLogout,
    local: LocalSessionId,
) -> Result<Result<CurrentSession, Refusal>, StoreError> {
    let inner = &*logout.inner;
    let found = inner
        .sessions
        .find(&inner.scope, &local, inner.clock.now())
        .await?;
    Ok(match found {
        LocalSession::Live(identity) => {
            let issuer = inner.scope.issuer.clone();
            Ok(CurrentSession {
                issuer,
                identity,
                local: Some(local),
            })
        }
        LocalSession::Ended => Err(Refusal::Ended),
        LocalSession::Unknown => Err(Refusal::Unknown),
    })
}

async fn judge_cookie(
    logout: &BackchannelLogout,
    identity: LoginIdentity,
) -> Result<Result<CurrentSession, Refusal>, StoreError> {
    let inner = &*logout.inner;
    let now = inner.clock.now();
    // A cookie older than the marks could be one whose mark has been forgotten.
    let age = now.as_secs().saturating_sub(identity.issued_at_secs);
    if u64::try_from(age).is_ok_and(|secs| secs > inner.settings.longest_session.as_secs()) {
        return Ok(Err(Refusal::Unknown));
    }
    if inner
        .sessions
        .is_logged_out(&inner.scope, &identity, now)
        .await?
    {
        return Ok(Err(Refusal::Ended));
    }
    let issuer = inner.scope.issuer.clone();
    Ok(Ok(CurrentSession {
        issuer,
        identity,
        local: None,
    }))
}
