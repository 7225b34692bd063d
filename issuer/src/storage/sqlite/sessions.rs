//! Sessions and participants.
//!
//! An ended session keeps its row, its metadata and its participants, but loses its browser
//! handle. `ends_at`, the earlier of a session's two ends, is computed by the database, and the
//! search for expired ones reads an index in which only sessions stand that were not ended.

use async_trait::async_trait;
use logout_shared::{ClientId, SessionId, Subject, Timestamp};
use sqlx::sqlite::SqliteRow;

use super::handle::{Link, Query, SqliteHandle, Unreadable};
use super::row::{answer, json, name_of, named, parsed, time, to_json};
use crate::domain::authorization::TokenDigest;
use crate::domain::initiator::Initiator;
use crate::domain::session::{EndedSession, Session};
use crate::storage::{SessionPage, SessionReads, SessionWrites, StorageError};

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, user_id, created_at, updated_at, authenticated_at, last_interacted_at, \
             idle_expires_at, expires_at, device, methods, cookie_mode, metadata \
             FROM logout_sessions WHERE ended_at IS NULL AND ",
            $condition
        )
    };
}

const FIND: &str = select!("id = ?1 AND ends_at > ?2");
const FIND_BY_HANDLE: &str = select!("handle = ?1 AND ends_at > ?2");
const LIST: &str = select!("id > ?1 AND ends_at > ?2 ORDER BY id LIMIT ?3");
const LIST_OF_USER: &str =
    select!("user_id = ?4 AND id > ?1 AND ends_at > ?2 ORDER BY id LIMIT ?3");
const LOCK: &str = select!("id = ?1");
const LOCK_SOME: &str = select!("id IN (SELECT value FROM json_each(?1))");
const LOCK_OF_USER: &str = select!("user_id = ?1 ORDER BY id");
const LOCK_EXPIRED: &str = select!("ends_at <= ?1 ORDER BY ends_at, id LIMIT ?2");

const OTHER_LIVE: &str = "SELECT EXISTS (SELECT 1 FROM logout_sessions s \
     JOIN logout_participants p ON p.session_id = s.id AND p.client_id = ?2 \
     WHERE s.user_id = ?1 AND s.ended_at IS NULL AND s.ends_at > ?4 \
     AND s.id NOT IN (SELECT value FROM json_each(?3)))";

const HAS_EXPIRED: &str = "SELECT EXISTS (SELECT 1 FROM logout_sessions \
     WHERE ended_at IS NULL AND ends_at <= ?1)";

const HAS_ENDED_BY: &str = "SELECT EXISTS (SELECT 1 FROM logout_sessions WHERE ended_at <= ?1)";

const INSERT: &str = "INSERT INTO logout_sessions (id, user_id, handle, created_at, updated_at, \
     authenticated_at, last_interacted_at, idle_expires_at, expires_at, device, methods, \
     cookie_mode, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const UPDATE: &str = "UPDATE logout_sessions SET updated_at = ?2, authenticated_at = ?3, \
     last_interacted_at = ?4, idle_expires_at = ?5, expires_at = ?6, device = ?7, methods = ?8, \
     cookie_mode = ?9, metadata = ?10 WHERE id = ?1 AND ended_at IS NULL";

const UPDATE_METADATA: &str = "UPDATE logout_sessions SET updated_at = ?2, metadata = ?3 \
     WHERE id = ?1 AND ended_at IS NULL";

const END: &str = "UPDATE logout_sessions SET ended_at = made.value ->> 1, \
     initiator = made.value ->> 2, handle = NULL FROM json_each(?1) AS made \
     WHERE logout_sessions.id = made.value ->> 0 AND logout_sessions.ended_at IS NULL";

const FORGET: &str = "DELETE FROM logout_sessions WHERE id IN (SELECT id FROM logout_sessions \
     WHERE ended_at <= ?1 ORDER BY ended_at LIMIT ?2)";

#[async_trait]
impl<C: Link> SessionReads for SqliteHandle<C> {
    async fn find_session(
        &mut self,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<Option<Session>, StorageError> {
        let query = sqlx::query(FIND).bind(id.as_str()).bind(now.as_millis());
        self.one("reading a session", query, session).await
    }

    async fn find_session_by_handle(
        &mut self,
        handle: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Session>, StorageError> {
        let query = sqlx::query(FIND_BY_HANDLE)
            .bind(handle.as_slice())
            .bind(now.as_millis());
        self.one("reading a browser's session", query, session)
            .await
    }

    async fn list_sessions_of_user(
        &mut self,
        user: &Subject,
        from: Option<&str>,
        take: u32,
        now: Timestamp,
    ) -> Result<SessionPage, StorageError> {
        let query = page(LIST_OF_USER, from, take, now).bind(user.as_str());
        self.page_of_sessions(query, take).await
    }

    async fn list_sessions(
        &mut self,
        from: Option<&str>,
        take: u32,
        now: Timestamp,
    ) -> Result<SessionPage, StorageError> {
        let query = page(LIST, from, take, now);
        self.page_of_sessions(query, take).await
    }

    async fn find_session_end(
        &mut self,
        id: &SessionId,
    ) -> Result<Option<(Initiator, Timestamp)>, StorageError> {
        let query = sqlx::query(
            "SELECT initiator, ended_at FROM logout_sessions \
             WHERE id = ?1 AND ended_at IS NOT NULL",
        )
        .bind(id.as_str());
        self.one("reading the end of a session", query, |row| {
            Ok((parsed(row, "initiator")?, time(row, "ended_at")?))
        })
        .await
    }

    async fn has_other_live_session_at(
        &mut self,
        user: &Subject,
        client: &ClientId,
        besides: &[SessionId],
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let query = sqlx::query(OTHER_LIVE)
            .bind(user.as_str())
            .bind(client.as_str())
            .bind(to_json(besides))
            .bind(now.as_millis());
        let found = self.one("looking for other sessions", query, answer);
        Ok(found.await?.unwrap_or_default())
    }

    async fn has_expired_session(&mut self, now: Timestamp) -> Result<bool, StorageError> {
        let query = sqlx::query(HAS_EXPIRED).bind(now.as_millis());
        let found = self.one("looking for expired sessions", query, answer);
        Ok(found.await?.unwrap_or_default())
    }

    async fn has_session_ended_by(&mut self, then: Timestamp) -> Result<bool, StorageError> {
        let query = sqlx::query(HAS_ENDED_BY).bind(then.as_millis());
        let found = self.one("looking for sessions that ended long ago", query, answer);
        Ok(found.await?.unwrap_or_default())
    }
}

#[async_trait]
impl<C: Link> SessionWrites for SqliteHandle<C> {
    async fn lock_session(&mut self, id: &SessionId) -> Result<Option<Session>, StorageError> {
        // The transaction holds the only write lock of the file: reading locks the row.
        let query = sqlx::query(LOCK).bind(id.as_str());
        self.one("locking a session", query, session).await
    }

    async fn lock_sessions(&mut self, ids: &[SessionId]) -> Result<Vec<Session>, StorageError> {
        let query = sqlx::query(LOCK_SOME).bind(to_json(ids));
        self.all("locking sessions", query, session).await
    }

    async fn lock_sessions_of_user(
        &mut self,
        user: &Subject,
    ) -> Result<Vec<Session>, StorageError> {
        let query = sqlx::query(LOCK_OF_USER).bind(user.as_str());
        self.all("locking a user's sessions", query, session).await
    }

    async fn lock_expired_sessions(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Session>, StorageError> {
        let query = sqlx::query(LOCK_EXPIRED).bind(now.as_millis()).bind(limit);
        self.all("locking expired sessions", query, session).await
    }

    async fn insert_session(
        &mut self,
        session: &Session,
        handle: Option<&TokenDigest>,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(INSERT)
            .bind(session.id.as_str())
            .bind(session.user.as_str())
            .bind(handle.map(TokenDigest::as_slice))
            .bind(session.created_at.as_millis())
            .bind(session.updated_at.as_millis())
            .bind(session.authenticated_at.as_millis())
            .bind(session.last_interacted_at.as_millis())
            .bind(session.idle_expires_at.as_millis())
            .bind(session.expires_at.as_millis())
            .bind(to_json(&session.device))
            .bind(to_json(&session.methods))
            .bind(name_of(&session.cookie_mode))
            .bind(to_json(&session.metadata));
        self.run("storing a session", query).await?;
        Ok(())
    }

    async fn update_session(&mut self, session: &Session) -> Result<(), StorageError> {
        let query = sqlx::query(UPDATE)
            .bind(session.id.as_str())
            .bind(session.updated_at.as_millis())
            .bind(session.authenticated_at.as_millis())
            .bind(session.last_interacted_at.as_millis())
            .bind(session.idle_expires_at.as_millis())
            .bind(session.expires_at.as_millis())
            .bind(to_json(&session.device))
            .bind(to_json(&session.methods))
            .bind(name_of(&session.cookie_mode))
            .bind(to_json(&session.metadata));
        self.run("changing a session", query).await?;
        Ok(())
    }

    async fn update_session_metadata(&mut self, session: &Session) -> Result<(), StorageError> {
        let query = sqlx::query(UPDATE_METADATA)
            .bind(session.id.as_str())
            .bind(session.updated_at.as_millis())
            .bind(to_json(&session.metadata));
        self.run("changing a session's metadata", query).await?;
        Ok(())
    }

    async fn replace_handle(
        &mut self,
        id: &SessionId,
        handle: &TokenDigest,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(
            "UPDATE logout_sessions SET handle = ?2 WHERE id = ?1 AND ended_at IS NULL",
        )
        .bind(id.as_str())
        .bind(handle.as_slice());
        self.run("changing a browser handle", query).await?;
        Ok(())
    }

    async fn end_sessions(&mut self, ended: &[EndedSession]) -> Result<(), StorageError> {
        let rows = ended.iter().map(|one| {
            let ended_at = one.ended_at.as_millis();
            (&one.session.id, ended_at, one.initiator.as_str())
        });
        let query = sqlx::query(END).bind(to_json(&rows.collect::<Vec<_>>()));
        self.run("ending sessions", query).await?;
        Ok(())
    }

    async fn forget_sessions_ended_by(
        &mut self,
        then: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let query = sqlx::query(FORGET).bind(then.as_millis()).bind(limit);
        self.run("forgetting sessions", query).await
    }
}

/// A page's query with its first three arguments; it asks for one row more than is shown.
fn page(sql: &'static str, from: Option<&str>, take: u32, now: Timestamp) -> Query<'static> {
    sqlx::query(sql)
        .bind(from.unwrap_or_default().to_owned())
        .bind(now.as_millis())
        .bind(i64::from(take) + 1)
}

pub(super) fn session(row: &SqliteRow) -> Result<Session, Unreadable> {
    Ok(Session {
        id: parsed(row, "id")?,
        user: parsed(row, "user_id")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        authenticated_at: time(row, "authenticated_at")?,
        last_interacted_at: time(row, "last_interacted_at")?,
        idle_expires_at: time(row, "idle_expires_at")?,
        expires_at: time(row, "expires_at")?,
        device: json(row, "device")?,
        methods: json(row, "methods")?,
        cookie_mode: named(row, "cookie_mode")?,
        metadata: json(row, "metadata")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn each_question_about_sessions_is_served_by_an_index() {
        const OF_USER: &str = "logout_sessions_by_user (user_id=? AND ended_at=?";
        for (sql, lookup) in [
            (FIND, "(id=?)"),
            (FIND_BY_HANDLE, "logout_sessions_by_handle (handle=?)"),
            (LIST, "(id>?)"),
            (LIST_OF_USER, OF_USER),
            (LOCK_SOME, "(id=?)"),
            (LOCK_OF_USER, OF_USER),
            (OTHER_LIVE, OF_USER),
            (LOCK_EXPIRED, "logout_sessions_by_end (ends_at<?)"),
            (HAS_EXPIRED, "logout_sessions_by_end (ends_at<?)"),
            (HAS_ENDED_BY, "logout_sessions_ended (ended_at<?)"),
            (FORGET, "logout_sessions_ended (ended_at<?)"),
            (UPDATE, "(id=?)"),
            (END, "(id=?)"),
        ] {
            assert_plan(sql, &[lookup]).await;
        }
    }
}
