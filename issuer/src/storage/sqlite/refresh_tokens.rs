//! Refresh tokens and the grants they belong to.
//!
//! `dies_at`, the time of a grant's death by whatever cause, is computed by the database. A revoked
//! grant leaves the indexes by session and user at once, and the table after a while.

use async_trait::async_trait;
use logout_shared::{Subject, Timestamp, TokenId};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::handle::{Link, SqliteHandle, Unreadable};
use super::row::{flag, json, number, optional_json, optional_time, parsed, text, time, to_json};
use crate::domain::authorization::TokenDigest;
use crate::domain::refresh_token::{RefreshAccess, RefreshGrant};
use crate::domain::session::Participant;
use crate::storage::{
    RefreshGrants, RefreshTokenReads, RefreshTokenWrites, StorageError, UntoldParticipant,
};

macro_rules! columns {
    () => {
        "id, handle, code, client_id, user_id, session_id, offline, scope, authenticated_at, \
         password_version, device, generation, generation_since, created_at, last_exchanged_at, \
         expires_at, idle_expires_at, revoked_at"
    };
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM logout_refresh_grants WHERE ",
            $condition
        )
    };
}

macro_rules! revoke {
    ($condition:literal) => {
        concat!(
            "UPDATE logout_refresh_grants SET revoked_at = ?1 WHERE revoked_at IS NULL AND ",
            $condition
        )
    };
}

const FIND: &str = select!("id = ?1");
const FIND_BY_HANDLE: &str = select!("handle = ?1");

const GENERATION: &str = "SELECT generation FROM logout_refresh_tokens \
     WHERE grant_id = ?1 AND digest = ?2";

/// A session that was not ended is told of by its participants.
const OFFLINE_ONLY: &str = "SELECT g.session_id, s.metadata, g.client_id, \
     min(g.created_at) AS joined_at, max(g.created_at) AS last_joined_at \
     FROM logout_refresh_grants g LEFT JOIN logout_sessions s ON s.id = g.session_id \
     LEFT JOIN logout_participants p \
     ON p.session_id = g.session_id AND p.client_id = g.client_id \
     WHERE g.user_id = ?1 AND g.revoked_at IS NULL AND g.offline AND g.dies_at > ?2 \
     AND (p.client_id IS NULL OR s.ended_at IS NOT NULL) \
     GROUP BY g.session_id, g.client_id ORDER BY g.session_id, joined_at, g.client_id";

const INSERT: &str = concat!(
    "INSERT INTO logout_refresh_grants (",
    columns!(),
    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

const INSERT_TOKEN: &str =
    "INSERT INTO logout_refresh_tokens (grant_id, digest, generation) VALUES (?, ?, ?)";

const RECORD: &str = "UPDATE logout_refresh_grants SET device = ?2, generation = ?3, \
     generation_since = ?4, last_exchanged_at = ?5, idle_expires_at = ?6 WHERE id = ?1";

const FORGET_TOKENS: &str =
    "DELETE FROM logout_refresh_tokens WHERE grant_id = ?1 AND generation < ?2";

const REVOKE: &str = revoke!("id = ?2");
const REVOKE_OF_CODE: &str = revoke!("session_id = ?2 AND code = ?3");
const REVOKE_OF_SESSION: &str = revoke!("session_id = ?2 AND +user_id = ?3");
const REVOKE_OF_SESSIONS: &str = revoke!("session_id IN (SELECT value FROM json_each(?2))");
const REVOKE_ONLINE: &str =
    revoke!("session_id IN (SELECT value FROM json_each(?2)) AND NOT offline");
const REVOKE_OF_USERS: &str = revoke!("user_id IN (SELECT value FROM json_each(?2))");
const REVOKE_OF_CLIENT: &str = revoke!(
    "id IN (SELECT id FROM logout_refresh_grants \
     WHERE revoked_at IS NULL AND client_id = ?2 LIMIT ?3)"
);

const DELETE: &str = "DELETE FROM logout_refresh_grants WHERE id IN \
     (SELECT id FROM logout_refresh_grants WHERE dies_at < ?1 ORDER BY dies_at LIMIT ?2)";

#[async_trait]
impl<C: Link> RefreshTokenReads for SqliteHandle<C> {
    async fn find_refresh_grant(
        &mut self,
        id: &TokenId,
    ) -> Result<Option<RefreshGrant>, StorageError> {
        let query = sqlx::query(FIND).bind(id.as_str());
        self.one("reading a refresh grant", query, grant).await
    }

    async fn find_refresh_grant_by_handle(
        &mut self,
        handle: &TokenDigest,
    ) -> Result<Option<RefreshGrant>, StorageError> {
        let query = sqlx::query(FIND_BY_HANDLE).bind(handle.as_slice());
        self.one("reading a refresh token's grant", query, grant)
            .await
    }

    async fn refresh_token_generation(
        &mut self,
        grant: &TokenId,
        token: &TokenDigest,
    ) -> Result<Option<i64>, StorageError> {
        let query = sqlx::query(GENERATION)
            .bind(grant.as_str())
            .bind(token.as_slice());
        let read = |row: &SqliteRow| number(row, "generation");
        self.one("reading a refresh token", query, read).await
    }

    async fn clients_with_offline_grant_only(
        &mut self,
        user: &Subject,
        now: Timestamp,
    ) -> Result<Vec<UntoldParticipant>, StorageError> {
        let query = sqlx::query(OFFLINE_ONLY)
            .bind(user.as_str())
            .bind(now.as_millis());
        self.all("reading offline grants", query, |row| {
            Ok(UntoldParticipant {
                session: parsed(row, "session_id")?,
                metadata: optional_json(row, "metadata")?.unwrap_or_default(),
                participant: Participant {
                    client: parsed(row, "client_id")?,
                    joined_at: time(row, "joined_at")?,
                    last_joined_at: time(row, "last_joined_at")?,
                },
            })
        })
        .await
    }
}

#[async_trait]
impl<C: Link> RefreshTokenWrites for SqliteHandle<C> {
    async fn insert_refresh_grant(
        &mut self,
        grant: &RefreshGrant,
        token: &TokenDigest,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(INSERT)
            .bind(grant.id.as_str())
            .bind(grant.handle.as_slice())
            .bind(grant.code.as_slice())
            .bind(grant.client.as_str())
            .bind(grant.user.as_str())
            .bind(grant.session.as_str())
            .bind(grant.access == RefreshAccess::Offline)
            .bind(grant.scope.as_str())
            .bind(grant.authenticated_at.as_millis())
            .bind(grant.password_version)
            .bind(to_json(&grant.device))
            .bind(grant.generation)
            .bind(grant.generation_since.as_millis())
            .bind(grant.created_at.as_millis())
            .bind(grant.last_exchanged_at.map(Timestamp::as_millis))
            .bind(grant.expires_at.map(Timestamp::as_millis))
            .bind(grant.idle_expires_at.map(Timestamp::as_millis))
            .bind(grant.revoked_at.map(Timestamp::as_millis));
        self.run("storing a refresh grant", query).await?;
        self.insert_refresh_token(grant, token).await
    }

    async fn lock_refresh_grant(
        &mut self,
        id: &TokenId,
    ) -> Result<Option<RefreshGrant>, StorageError> {
        // The transaction holds the only write lock of the file: reading locks the row.
        let query = sqlx::query(FIND).bind(id.as_str());
        self.one("locking a refresh grant", query, grant).await
    }

    async fn record_refresh_exchange(
        &mut self,
        grant: &RefreshGrant,
        token: Option<&TokenDigest>,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(RECORD)
            .bind(grant.id.as_str())
            .bind(to_json(&grant.device))
            .bind(grant.generation)
            .bind(grant.generation_since.as_millis())
            .bind(grant.last_exchanged_at.map(Timestamp::as_millis))
            .bind(grant.idle_expires_at.map(Timestamp::as_millis));
        self.run("recording an exchange", query).await?;
        let Some(token) = token else {
            return Ok(());
        };
        self.insert_refresh_token(grant, token).await?;
        let query = sqlx::query(FORGET_TOKENS)
            .bind(grant.id.as_str())
            .bind(grant.generation - 1);
        self.run("forgetting used refresh tokens", query).await?;
        Ok(())
    }

    async fn revoke_refresh_grants(
        &mut self,
        which: RefreshGrants<'_>,
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        let at = |sql| sqlx::query(sql).bind(now.as_millis());
        let query = match which {
            RefreshGrants::One(id) => at(REVOKE).bind(id.as_str()),
            RefreshGrants::OfCode(session, code) => at(REVOKE_OF_CODE)
                .bind(session.as_str())
                .bind(code.as_slice()),
            RefreshGrants::OfSession(user, session) => at(REVOKE_OF_SESSION)
                .bind(session.as_str())
                .bind(user.as_str()),
            RefreshGrants::OfSessions(ids) => at(REVOKE_OF_SESSIONS).bind(to_json(ids)),
            RefreshGrants::OnlineOfSessions(ids) => at(REVOKE_ONLINE).bind(to_json(ids)),
            RefreshGrants::OfUsers(users) => at(REVOKE_OF_USERS).bind(to_json(users)),
            RefreshGrants::OfClient(client, limit) => {
                at(REVOKE_OF_CLIENT).bind(client.as_str()).bind(limit)
            }
        };
        self.run("revoking refresh grants", query).await
    }

    async fn delete_dead_refresh_grants(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let query = sqlx::query(DELETE).bind(before.as_millis()).bind(limit);
        self.run("forgetting dead refresh grants", query).await
    }
}

impl<C: Link> SqliteHandle<C> {
    /// Stores a token of the grant's latest generation.
    async fn insert_refresh_token(
        &mut self,
        grant: &RefreshGrant,
        token: &TokenDigest,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(INSERT_TOKEN)
            .bind(grant.id.as_str())
            .bind(token.as_slice())
            .bind(grant.generation);
        self.run("storing a refresh token", query).await?;
        Ok(())
    }
}

fn grant(row: &SqliteRow) -> Result<RefreshGrant, Unreadable> {
    let access = if flag(row, "offline")? {
        RefreshAccess::Offline
    } else {
        RefreshAccess::Online
    };
    Ok(RefreshGrant {
        id: parsed(row, "id")?,
        handle: digest(row, "handle")?,
        code: digest(row, "code")?,
        client: parsed(row, "client_id")?,
        user: parsed(row, "user_id")?,
        session: parsed(row, "session_id")?,
        access,
        scope: text(row, "scope")?,
        authenticated_at: time(row, "authenticated_at")?,
        password_version: number(row, "password_version")?,
        device: json(row, "device")?,
        generation: number(row, "generation")?,
        generation_since: time(row, "generation_since")?,
        created_at: time(row, "created_at")?,
        last_exchanged_at: optional_time(row, "last_exchanged_at")?,
        expires_at: optional_time(row, "expires_at")?,
        idle_expires_at: optional_time(row, "idle_expires_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
    })
}

fn digest(row: &SqliteRow, column: &str) -> Result<TokenDigest, Unreadable> {
    let bytes: &[u8] = row.try_get(column)?;
    Ok(bytes.try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn each_question_about_refresh_tokens_is_served_by_an_index() {
        const BY_SESSION: &str = "logout_refresh_grants_by_session (session_id=?)";
        const BY_USER: &str = "logout_refresh_grants_by_user (user_id=?)";
        for (sql, lookup) in [
            (FIND, "(id=?)"),
            (FIND_BY_HANDLE, "(handle=?)"),
            (GENERATION, "USING PRIMARY KEY (grant_id=? AND digest=?)"),
            (OFFLINE_ONLY, BY_USER),
            (RECORD, "(id=?)"),
            (FORGET_TOKENS, "USING PRIMARY KEY (grant_id=?)"),
            (REVOKE, "(id=?)"),
            (REVOKE_OF_CODE, BY_SESSION),
            (REVOKE_OF_SESSION, BY_SESSION),
            (REVOKE_OF_SESSIONS, BY_SESSION),
            (REVOKE_ONLINE, BY_SESSION),
            (REVOKE_OF_USERS, BY_USER),
            (
                REVOKE_OF_CLIENT,
                "logout_refresh_grants_by_client (client_id=?)",
            ),
            (DELETE, "logout_refresh_grants_by_death (dies_at<?)"),
        ] {
            assert_plan(sql, &[lookup]).await;
        }
    }
}
