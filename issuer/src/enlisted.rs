//! Sessions inside a transaction that the embedder began for work of its own.
//!
//! What is done here happens if and only if the host commits: a password and the end of the
//! sessions that its change costs are one commit, and after a rollback nobody is told anything.
//! The calls are those of `sessions.rs`, which makes a transaction for each.

use logout_shared::{ClientId, MetadataError, SessionId, SessionMetadata, Subject};

use crate::domain::initiator::Initiator;
use crate::domain::session::{Device, Session};
use crate::issuer::Issuer;
use crate::logout::{
    EndSession, EndSessionError, EndSessionsOfUser, Ended, LogContext, end_session,
    end_sessions_of_user,
};
use crate::sessions::{self, SessionError};
use crate::storage::Transaction;

/// Sessions in the host's own transaction, see [`Issuer::enlist`].
///
/// After an error of the store (`SessionError::Storage`, `EndSessionError::Storage`) the host rolls
/// back: SQLite may have given the transaction up already.
#[derive(Debug)]
pub struct Enlisted<'i, T> {
    issuer: &'i Issuer,
    tx: T,
}

impl<'i, T: Transaction> Enlisted<'i, T> {
    pub(crate) fn new(issuer: &'i Issuer, tx: T) -> Self {
        Self { issuer, tx }
    }

    /// Begins a session: the person has just signed in. Gives the `sid` for ID Tokens.
    ///
    /// # Errors
    ///
    /// As [`Sessions::begin`](crate::sessions::Sessions::begin).
    pub async fn begin(
        &mut self,
        user: &Subject,
        device: Device,
    ) -> Result<SessionId, SessionError> {
        let session = sessions::new_session(self.issuer, user, device);
        sessions::begin(&mut self.tx, session).await
    }

    /// Notes that the person signed in to a client in the session.
    ///
    /// # Errors
    ///
    /// As [`Sessions::join`](crate::sessions::Sessions::join).
    pub async fn join(&mut self, id: &SessionId, client: &ClientId) -> Result<(), SessionError> {
        sessions::join(&mut self.tx, id, client, self.issuer.now()).await
    }

    /// Sets one entry of a session's metadata.
    ///
    /// # Errors
    ///
    /// As [`Sessions::set_metadata`](crate::sessions::Sessions::set_metadata).
    pub async fn set_metadata(
        &mut self,
        id: &SessionId,
        key: &str,
        value: &str,
    ) -> Result<(), SessionError> {
        let set = |metadata: &mut SessionMetadata| metadata.set(key, value);
        self.change_metadata(id, set).await.map(drop)
    }

    /// Changes a session's metadata and gives the session as it is now.
    ///
    /// # Errors
    ///
    /// As [`Sessions::set_metadata`](crate::sessions::Sessions::set_metadata).
    pub async fn change_metadata(
        &mut self,
        id: &SessionId,
        change: impl FnOnce(&mut SessionMetadata) -> Result<(), MetadataError> + Send,
    ) -> Result<Session, SessionError> {
        sessions::change_metadata(&mut self.tx, id, change, self.issuer.now()).await
    }

    /// Ends a session; its clients are told once the host has committed.
    ///
    /// # Errors
    ///
    /// As [`Sessions::end`](crate::sessions::Sessions::end).
    pub async fn end(
        &mut self,
        id: &SessionId,
        initiator: Initiator,
    ) -> Result<Ended, EndSessionError> {
        self.end_for(id, initiator, LogContext::default()).await
    }

    /// Ends a session, and notes who asked for it.
    ///
    /// # Errors
    ///
    /// As [`Sessions::end`](crate::sessions::Sessions::end).
    pub async fn end_for(
        &mut self,
        id: &SessionId,
        initiator: Initiator,
        context: LogContext,
    ) -> Result<Ended, EndSessionError> {
        let end = EndSession {
            id: id.clone(),
            ending: self.issuer.ending(initiator, context),
        };
        let (now, random) = (self.issuer.now(), &**self.issuer.random());
        end_session(&mut self.tx, end, now, random).await
    }

    /// Ends all sessions of a user but `except`, and notes who asked for it.
    ///
    /// # Errors
    ///
    /// As [`Sessions::end_all_of_user`](crate::sessions::Sessions::end_all_of_user).
    pub async fn end_all_of_user(
        &mut self,
        user: &Subject,
        except: Option<&SessionId>,
        initiator: Initiator,
        context: LogContext,
    ) -> Result<Ended, EndSessionError> {
        let end = EndSessionsOfUser {
            user: user.clone(),
            except: except.cloned(),
            ending: self.issuer.ending(initiator, context),
        };
        let (now, random) = (self.issuer.now(), &**self.issuer.random());
        end_sessions_of_user(&mut self.tx, end, now, random).await
    }
}
