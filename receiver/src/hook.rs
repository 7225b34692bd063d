//! The app's callback: told of each logout, with the checked token and the sessions it ended.
//!
//! It runs between mark and removal: the sessions are refused already, and stay listed until the
//! hook has succeeded, so that a repeated logout brings the same list again. It must therefore
//! bear being called twice. A relying party that is an issuer itself passes the logout on here.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use logout_shared::logout_token::LogoutToken;

use crate::session_index::{EndedSession, LocalSessionId};

/// What an app does when a logout arrives, beyond refusing the sessions.
///
/// # Examples
///
/// ```
/// use async_trait::async_trait;
/// use logout_receiver::{EndedSession, HookError, LogoutHook, LogoutToken};
///
/// struct CloseSockets;
///
/// #[async_trait]
/// impl LogoutHook for CloseSockets {
///     async fn on_logout(
///         &self,
///         token: &LogoutToken,
///         ended: &[EndedSession],
///     ) -> Result<(), HookError> {
///         let device = token.session_metadata().and_then(|metadata| metadata.get("deviceName"));
///         println!("{} sessions ended, device {device:?}", ended.len());
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait LogoutHook: Send + Sync {
    /// Called once the sessions are refused; `ended` is empty when the token named none of ours.
    ///
    /// # Errors
    ///
    /// [`HookError`] makes the answer 503; the sender comes back, and so do the sessions.
    async fn on_logout(&self, token: &LogoutToken, ended: &[EndedSession])
    -> Result<(), HookError>;
}

#[async_trait]
impl<T: LogoutHook + ?Sized> LogoutHook for Arc<T> {
    async fn on_logout(
        &self,
        token: &LogoutToken,
        ended: &[EndedSession],
    ) -> Result<(), HookError> {
        (**self).on_logout(token, ended).await
    }
}

/// The app could not end all of its sessions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// Nothing is known to have been ended.
    #[error("the app's hook failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// All but some were ended; a repeated logout brings only those.
    #[error("the app's hook could not end {} of the sessions", unfinished.len())]
    Partial {
        /// The sessions that are still to be ended.
        unfinished: Vec<LocalSessionId>,
        /// What went wrong with the first of them.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It took longer than its time limit.
    #[error("the app's hook exceeded its time limit")]
    TimedOut,
    /// It panicked.
    #[error("the app's hook panicked")]
    Panicked,
}

impl HookError {
    /// The hook failed as a whole.
    pub fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> HookError {
        HookError::Failed(source.into())
    }

    /// The hook ended all but `unfinished`.
    pub fn partial(
        unfinished: Vec<LocalSessionId>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> HookError {
        HookError::Partial {
            unfinished,
            source: source.into(),
        }
    }

    /// A stable name for the reason.
    pub fn code(&self) -> &'static str {
        match self {
            HookError::Failed(_) => "hook_failed",
            HookError::Partial { .. } => "hook_partial",
            HookError::TimedOut => "hook_timed_out",
            HookError::Panicked => "hook_panicked",
        }
    }
}
