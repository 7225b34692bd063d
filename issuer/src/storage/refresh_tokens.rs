//! Refresh tokens and the grants they belong to.

use async_trait::async_trait;
use logout_shared::{ClientId, SessionId, Subject, Timestamp, TokenId};

use super::{StorageError, UntoldParticipant};
use crate::domain::authorization::TokenDigest;
use crate::domain::refresh_token::RefreshGrant;

/// Grants that are revoked together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshGrants<'a> {
    /// One.
    One(&'a TokenId),
    /// What a code was exchanged for in a session.
    OfCode(&'a SessionId, &'a TokenDigest),
    /// Those of sessions.
    OfSessions(&'a [SessionId]),
    /// Those of sessions that have no offline access.
    OnlineOfSessions(&'a [SessionId]),
    /// Those of one session, if it is this user's.
    OfSession(&'a Subject, &'a SessionId),
    /// All of users.
    OfUsers(&'a [Subject]),
    /// So many of a client.
    OfClient(&'a ClientId, u32),
}

/// Reads refresh tokens.
#[async_trait]
pub trait RefreshTokenReads {
    /// The grant with this id, dead or alive.
    async fn find_refresh_grant(
        &mut self,
        id: &TokenId,
    ) -> Result<Option<RefreshGrant>, StorageError>;

    /// The grant whose tokens share the handle with this digest, dead or alive.
    async fn find_refresh_grant_by_handle(
        &mut self,
        handle: &TokenDigest,
    ) -> Result<Option<RefreshGrant>, StorageError>;

    /// The generation of a grant's token, if it is one of the latest or of those before.
    async fn refresh_token_generation(
        &mut self,
        grant: &TokenId,
        token: &TokenDigest,
    ) -> Result<Option<i64>, StorageError>;

    /// The clients that hold a live offline grant of the user, of a session that is over or that
    /// they do not take part in any more.
    async fn clients_with_offline_grant_only(
        &mut self,
        user: &Subject,
        now: Timestamp,
    ) -> Result<Vec<UntoldParticipant>, StorageError>;
}

/// Writes refresh tokens.
#[async_trait]
pub trait RefreshTokenWrites {
    /// Stores a new grant with its first token.
    async fn insert_refresh_grant(
        &mut self,
        grant: &RefreshGrant,
        token: &TokenDigest,
    ) -> Result<(), StorageError>;

    /// Locks a grant and gives it, dead or alive.
    async fn lock_refresh_grant(
        &mut self,
        id: &TokenId,
    ) -> Result<Option<RefreshGrant>, StorageError>;

    /// Stores an exchange of a locked grant, with the token that it gave, if it gave one. Tokens
    /// that came before the latest but one are forgotten.
    async fn record_refresh_exchange(
        &mut self,
        grant: &RefreshGrant,
        token: Option<&TokenDigest>,
    ) -> Result<(), StorageError>;

    /// Revokes grants; gives how many were not revoked before.
    async fn revoke_refresh_grants(
        &mut self,
        which: RefreshGrants<'_>,
        now: Timestamp,
    ) -> Result<u64, StorageError>;

    /// Forgets grants that were revoked or expired before a time, with their tokens, the longest
    /// dead first; gives how many.
    async fn delete_dead_refresh_grants(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;
}
