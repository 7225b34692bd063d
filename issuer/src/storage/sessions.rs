//! Sessions and the clients that take part in them.

use async_trait::async_trait;
use logout_shared::{ClientId, SessionId, Subject, Timestamp};

use super::StorageError;
use crate::domain::authorization::TokenDigest;
use crate::domain::initiator::Initiator;
use crate::domain::session::{EndedSession, Participant, Session};

/// A page of sessions, oldest id first.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPage {
    /// Live sessions with their participants.
    pub sessions: Vec<(Session, Vec<Participant>)>,
    /// Give it as `from` for the next page; none on the last.
    pub next: Option<String>,
}

/// Reads sessions. Ended ones are not found; expired ones are not found either.
#[async_trait]
pub trait SessionReads {
    /// The live session with this id.
    async fn find_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<Option<Session>, StorageError>;

    /// The live session whose browser holds the handle with this digest.
    async fn find_session_by_handle(
        &mut self,
        handle: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Session>, StorageError>;

    /// The live sessions of a user, `take` at most, after the cursor `from`.
    async fn list_sessions_of_user(
        &mut self,
        user: &Subject,
        from: Option<&str>,
        take: u32,
        now: Timestamp,
    ) -> Result<SessionPage, StorageError>;

    /// All live sessions, `take` at most, after the cursor `from`.
    async fn list_sessions(
        &mut self,
        from: Option<&str>,
        take: u32,
        now: Timestamp,
    ) -> Result<SessionPage, StorageError>;

    /// Why and when a session ended, if it has.
    async fn find_session_end(
        &mut self,
        id: &SessionId,
    ) -> Result<Option<(Initiator, Timestamp)>, StorageError>;

    /// Whether the user has a live session at the client other than the ones named.
    async fn has_other_live_session_at(
        &mut self,
        user: &Subject,
        client: &ClientId,
        besides: &[SessionId],
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Whether there is a session that was not ended though its time has come.
    async fn has_expired_session(&mut self, now: Timestamp) -> Result<bool, StorageError>;

    /// Whether there is a session that ended at this time or before.
    async fn has_session_ended_by(&mut self, then: Timestamp) -> Result<bool, StorageError>;
}

/// Writes sessions.
#[async_trait]
pub trait SessionWrites {
    /// Locks a session that was not ended and gives it, expired or not.
    async fn lock_session(&mut self, id: &SessionId) -> Result<Option<Session>, StorageError>;

    /// Locks those of some sessions that were not ended, expired or not.
    async fn lock_sessions(&mut self, ids: &[SessionId]) -> Result<Vec<Session>, StorageError>;

    /// Locks all sessions of a user that were not ended, expired or not.
    async fn lock_sessions_of_user(&mut self, user: &Subject)
    -> Result<Vec<Session>, StorageError>;

    /// Locks sessions that were not ended though their time has come, the oldest first, `limit` at
    /// most; one that was used before it was locked is not among them.
    async fn lock_expired_sessions(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Session>, StorageError>;

    /// Stores a new session under the digest of its browser handle, if it has a browser.
    async fn insert_session(
        &mut self,
        session: &Session,
        handle: Option<&TokenDigest>,
    ) -> Result<(), StorageError>;

    /// Stores changes of a session that was locked.
    async fn update_session(&mut self, session: &Session) -> Result<(), StorageError>;

    /// Stores the metadata of a session that was locked, and when they changed (`updated_at`).
    /// Anything else that is changed in it is not stored: no index by time has to be written.
    async fn update_session_metadata(&mut self, session: &Session) -> Result<(), StorageError>;

    /// Gives a session another browser handle.
    async fn replace_handle(
        &mut self,
        id: &SessionId,
        handle: &TokenDigest,
    ) -> Result<(), StorageError>;

    /// Marks locked sessions as ended; one that has ended already stays as it is. Their rows and
    /// participants are kept until they are [forgotten](Self::forget_sessions_ended_by).
    async fn end_sessions(&mut self, ended: &[EndedSession]) -> Result<(), StorageError>;

    /// Forgets sessions that ended at this time or before, with their participants, `limit` at
    /// most; gives how many.
    async fn forget_sessions_ended_by(
        &mut self,
        then: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;
}
