//! The clients of sessions: who must hear when one ends, and who did not when it did.

use async_trait::async_trait;
use logout_shared::{ClientId, SessionId, SessionMetadata, Subject, Timestamp};

use super::StorageError;
use crate::domain::session::Participant;

/// A client that was not told when its session ended.
#[derive(Debug, Clone, PartialEq)]
pub struct UntoldParticipant {
    /// The session, which is over.
    pub session: SessionId,
    /// The session's metadata as it was at the end.
    pub metadata: SessionMetadata,
    /// The client.
    pub participant: Participant,
}

/// Reads the clients of sessions.
#[async_trait]
pub trait ParticipantReads {
    /// The clients of a session, live or ended, in the order they joined.
    async fn participants(&mut self, id: &SessionId) -> Result<Vec<Participant>, StorageError>;

    /// The clients of many sessions, each session's in the order they joined.
    async fn participants_of(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<(SessionId, Participant)>, StorageError>;

    /// The clients that were not told when sessions of the user ended, later than `after`.
    async fn untold_participants(
        &mut self,
        user: &Subject,
        after: Timestamp,
    ) -> Result<Vec<UntoldParticipant>, StorageError>;
}

/// Writes the clients of sessions.
#[async_trait]
pub trait ParticipantWrites {
    /// Adds a client to a session's participants, or notes that it joined again.
    async fn join_session(
        &mut self,
        id: &SessionId,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<(), StorageError>;

    /// Takes clients away from the participants of sessions.
    async fn leave_sessions(&mut self, left: &[(SessionId, ClientId)]) -> Result<(), StorageError>;

    /// Notes of clients whose sessions ended whether they are untold.
    async fn mark_untold(
        &mut self,
        participants: &[(SessionId, ClientId)],
        untold: bool,
    ) -> Result<(), StorageError>;
}
