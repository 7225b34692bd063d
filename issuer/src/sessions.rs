//! Sessions as an embedder sees them: begin, join, carry metadata, end.
//!
//! Each call is one transaction and is durable when it returns. Joining and metadata lock the
//! session and are refused once it has ended or expired, so that nobody joins a session whose
//! participants were told already. What happens to a user as a whole is `accounts.rs`; the same
//! calls inside a transaction of the embedder's own are `enlisted.rs`'s; the server's own login is
//! `login/`; all end sessions through `logout/`.

use logout_shared::{ClientId, MetadataError, SessionId, SessionMetadata, Subject, Timestamp};

use crate::domain::initiator::Initiator;
use crate::domain::session::{AuthenticationMethod, Device, Session};
use crate::issuer::Issuer;
use crate::logout::{
    EndSession, EndSessionError, EndSessionsOfUser, Ended, LogContext, Patience,
    end_sessions_of_user, is_told_of_all_sessions,
};
use crate::storage::{StorageError, Transaction};

/// The sessions of an issuer.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'i> {
    issuer: &'i Issuer,
}

/// A session cannot be begun or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The user may not sign in.
    #[error("user {0} is blocked")]
    Blocked(Subject),
    /// No session has this id, or it is over.
    #[error("no live session {0}")]
    NotFound(SessionId),
    /// No client has this id.
    #[error("no client {0}")]
    UnknownClient(ClientId),
    /// The metadata breaks a rule.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl<'i> Sessions<'i> {
    pub(crate) fn new(issuer: &'i Issuer) -> Self {
        Self { issuer }
    }

    /// Begins a session: the person has just signed in. Gives the `sid` for ID Tokens.
    ///
    /// The user need not be known to this issuer's store; one that is, and is blocked, is refused.
    ///
    /// # Errors
    ///
    /// [`SessionError::Blocked`], or [`SessionError::Storage`].
    pub async fn begin(&self, user: &Subject, device: Device) -> Result<SessionId, SessionError> {
        let session = new_session(self.issuer, user, device);
        let store = self.issuer.store();
        store.write(move |tx| Box::pin(begin(tx, session))).await
    }

    /// Notes that the person signed in to a client in the session.
    ///
    /// While the client is told, by one token, that all sessions of the user are over, this waits,
    /// at most five seconds: the client might end the new session with the old ones.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] if the session is over, [`SessionError::UnknownClient`], or
    /// [`SessionError::Storage`].
    pub async fn join(&self, id: &SessionId, client: &ClientId) -> Result<(), SessionError> {
        let patience = Patience::begin();
        let store = self.issuer.store();
        loop {
            let (id, joins, now) = (id.clone(), client.clone(), self.issuer.now());
            let joined = store.write(move |tx| {
                Box::pin(async move { try_to_join(tx, (id, joins), patience, now).await })
            });
            let Some(user) = joined.await? else {
                return Ok(());
            };
            let clock = self.issuer.clock();
            patience.wait(&**store, &user, client, &**clock).await?;
        }
    }

    /// Sets one entry of a session's metadata.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotFound`] if the session is over, [`SessionError::Metadata`] if the entry
    /// breaks a rule (the metadata stays as it was), or [`SessionError::Storage`].
    pub async fn set_metadata(
        &self,
        id: &SessionId,
        key: &str,
        value: &str,
    ) -> Result<(), SessionError> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.change_metadata(id, move |metadata| {
            metadata.set(key, value)?;
            Ok(())
        })
        .await
        .map(|_| ())
    }

    /// Changes a session's metadata and gives the session as it is now.
    ///
    /// # Errors
    ///
    /// As [`set_metadata`](Self::set_metadata).
    pub async fn change_metadata(
        &self,
        id: &SessionId,
        change: impl FnOnce(&mut SessionMetadata) -> Result<(), MetadataError> + Send + 'static,
    ) -> Result<Session, SessionError> {
        let (id, now) = (id.clone(), self.issuer.now());
        let store = self.issuer.store();
        store
            .write(move |tx| Box::pin(async move { change_metadata(tx, &id, change, now).await }))
            .await
    }

    /// Ends a session. Durable when it returns; telling the clients goes on by itself.
    ///
    /// Ending an ended session changes nothing and gives an empty [`Ended`].
    ///
    /// # Errors
    ///
    /// [`EndSessionError::NotFound`] if no session has or had this id,
    /// [`EndSessionError::EndsNoSession`] for an initiator that leaves sessions alive, or
    /// [`EndSessionError::Storage`].
    pub async fn end(
        &self,
        id: &SessionId,
        initiator: Initiator,
    ) -> Result<Ended, EndSessionError> {
        self.end_for(id, initiator, LogContext::default()).await
    }

    /// Ends a session, and notes who asked for it.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end).
    pub async fn end_for(
        &self,
        id: &SessionId,
        initiator: Initiator,
        context: LogContext,
    ) -> Result<Ended, EndSessionError> {
        let end = EndSession {
            id: id.clone(),
            ending: self.issuer.ending(initiator, context),
        };
        self.issuer.end_queue().end(end).await
    }

    /// Ends all sessions of a user but `except`, and notes who asked for it.
    ///
    /// # Errors
    ///
    /// [`EndSessionError::EndsNoSession`] for an initiator that leaves sessions alive, or
    /// [`EndSessionError::Storage`].
    pub async fn end_all_of_user(
        &self,
        user: &Subject,
        except: Option<&SessionId>,
        initiator: Initiator,
        context: LogContext,
    ) -> Result<Ended, EndSessionError> {
        let ending = self.issuer.ending(initiator, context);
        let end = EndSessionsOfUser {
            user: user.clone(),
            except: except.cloned(),
            ending,
        };
        let (now, random) = (self.issuer.now(), self.issuer.random().clone());
        self.issuer
            .store()
            .write(move |tx| {
                Box::pin(async move { end_sessions_of_user(tx, end, now, &*random).await })
            })
            .await
    }
}

/// Joins, or gives the user of whose sessions the client is being told.
async fn try_to_join(
    tx: &mut dyn Transaction,
    (id, client): (SessionId, ClientId),
    patience: Patience,
    now: Timestamp,
) -> Result<Option<Subject>, SessionError> {
    let session = joinable(tx, &id, &client, now).await?;
    if is_told_of_all_sessions(tx, &session.user, &client, patience, now).await? {
        return Ok(Some(session.user));
    }
    tx.join_session(&id, &client, now).await?;
    Ok(None)
}

/// The session of somebody who has just signed in.
pub(crate) fn new_session(issuer: &Issuer, user: &Subject, device: Device) -> Session {
    let id = SessionId::generate(&**issuer.random());
    let method = AuthenticationMethod::password(issuer.now());
    let lifetimes = issuer.session_lifetimes();
    Session::start(id, user.clone(), device, method, &lifetimes)
}

pub(crate) async fn begin(
    tx: &mut dyn Transaction,
    session: Session,
) -> Result<SessionId, SessionError> {
    // Blocking a user takes the same lock: whichever comes second sees the other.
    let user = tx.lock_user(&session.user).await?;
    if user.is_some_and(|user| user.blocked) {
        return Err(SessionError::Blocked(session.user));
    }
    tx.insert_session(&session, None).await?;
    Ok(session.id)
}

pub(crate) async fn join(
    tx: &mut dyn Transaction,
    id: &SessionId,
    client: &ClientId,
    now: Timestamp,
) -> Result<(), SessionError> {
    joinable(tx, id, client, now).await?;
    Ok(tx.join_session(id, client, now).await?)
}

/// The live session that a client joins, if there is such a client.
async fn joinable(
    tx: &mut dyn Transaction,
    id: &SessionId,
    client: &ClientId,
    now: Timestamp,
) -> Result<Session, SessionError> {
    let session = lock_live(tx, id, now).await?;
    if tx.find_client(client).await?.is_none() {
        return Err(SessionError::UnknownClient(client.clone()));
    }
    Ok(session)
}

pub(crate) async fn change_metadata(
    tx: &mut dyn Transaction,
    id: &SessionId,
    change: impl FnOnce(&mut SessionMetadata) -> Result<(), MetadataError> + Send,
    now: Timestamp,
) -> Result<Session, SessionError> {
    let mut session = lock_live(tx, id, now).await?;
    change(&mut session.metadata)?;
    session.updated_at = now;
    tx.update_session_metadata(&session).await?;
    Ok(session)
}

async fn lock_live(
    tx: &mut dyn Transaction,
    id: &SessionId,
    now: Timestamp,
) -> Result<Session, SessionError> {
    let locked = tx.lock_session(id).await?;
    locked
        .filter(|session| session.is_live(now))
        .ok_or_else(|| SessionError::NotFound(id.clone()))
}
