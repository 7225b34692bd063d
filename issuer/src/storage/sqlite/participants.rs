//! The clients of sessions, read and written for many sessions at once.
//!
//! A participant of an ended session that was not told carries a mark; it is forgotten together
//! with its session.

use async_trait::async_trait;
use logout_shared::{ClientId, SessionId, Subject, Timestamp};
use sqlx::sqlite::SqliteRow;

use super::handle::{Link, Query, SqliteHandle, Unreadable};
use super::row::{json, parsed, time, to_json};
use super::sessions::session;
use crate::domain::session::{Participant, Session};
use crate::storage::{
    ParticipantReads, ParticipantWrites, SessionPage, StorageError, UntoldParticipant,
};

/// In one row, since each row of an answer costs a hand-over between two threads.
const PARTICIPANTS: &str = "SELECT json_group_array(\
         json_array(session_id, client_id, joined_at, last_joined_at) \
         ORDER BY joined_at, client_id) AS found \
     FROM logout_participants WHERE session_id IN (SELECT value FROM json_each(?1))";

const UNTOLD: &str = "SELECT s.id AS session_id, s.metadata, p.client_id, p.joined_at, \
     p.last_joined_at FROM logout_sessions s \
     CROSS JOIN logout_participants p ON p.session_id = s.id AND p.untold \
     WHERE s.user_id = ?1 AND s.ended_at > ?2 ORDER BY s.ended_at, s.id, p.joined_at, p.client_id";

const JOIN: &str = "INSERT INTO logout_participants \
     (session_id, client_id, joined_at, last_joined_at) VALUES (?1, ?2, ?3, ?3) \
     ON CONFLICT (session_id, client_id) DO UPDATE SET last_joined_at = excluded.last_joined_at";

const LEAVE: &str = "DELETE FROM logout_participants WHERE (session_id, client_id) IN \
     (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

const MARK: &str = "UPDATE logout_participants SET untold = ?2 WHERE (session_id, client_id) IN \
     (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

#[async_trait]
impl<C: Link> ParticipantReads for SqliteHandle<C> {
    async fn participants(&mut self, id: &SessionId) -> Result<Vec<Participant>, StorageError> {
        let found = self.participants_of(std::slice::from_ref(id)).await?;
        Ok(found.into_iter().map(|(_, one)| one).collect())
    }

    async fn participants_of(
        &mut self,
        ids: &[SessionId],
    ) -> Result<Vec<(SessionId, Participant)>, StorageError> {
        let query = sqlx::query(PARTICIPANTS).bind(to_json(ids));
        let found = self.one("reading participants", query, |row| {
            json::<Vec<(SessionId, ClientId, i64, i64)>>(row, "found")
        });
        let found = found.await?.unwrap_or_default().into_iter();
        let participant = |(session, client, joined_at, last_joined_at)| {
            let participant = Participant {
                client,
                joined_at: Timestamp::from_millis(joined_at),
                last_joined_at: Timestamp::from_millis(last_joined_at),
            };
            (session, participant)
        };
        Ok(found.map(participant).collect())
    }

    async fn untold_participants(
        &mut self,
        user: &Subject,
        after: Timestamp,
    ) -> Result<Vec<UntoldParticipant>, StorageError> {
        let query = sqlx::query(UNTOLD)
            .bind(user.as_str())
            .bind(after.as_millis());
        self.all("reading untold participants", query, |row| {
            Ok(UntoldParticipant {
                session: parsed(row, "session_id")?,
                metadata: json(row, "metadata")?,
                participant: participant(row)?,
            })
        })
        .await
    }
}

#[async_trait]
impl<C: Link> ParticipantWrites for SqliteHandle<C> {
    async fn join_session(
        &mut self,
        id: &SessionId,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(JOIN)
            .bind(id.as_str())
            .bind(client.as_str())
            .bind(now.as_millis());
        self.run("joining a session", query).await?;
        Ok(())
    }

    async fn leave_sessions(&mut self, left: &[(SessionId, ClientId)]) -> Result<(), StorageError> {
        let query = sqlx::query(LEAVE).bind(to_json(left));
        self.run("leaving sessions", query).await?;
        Ok(())
    }

    async fn mark_untold(
        &mut self,
        participants: &[(SessionId, ClientId)],
        untold: bool,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(MARK).bind(to_json(participants)).bind(untold);
        self.run("noting who was not told", query).await?;
        Ok(())
    }
}

impl<C: Link> SqliteHandle<C> {
    /// Reads the page, its cursor, and the participants of all its sessions.
    pub(super) async fn page_of_sessions(
        &mut self,
        query: Query<'_>,
        take: u32,
    ) -> Result<SessionPage, StorageError> {
        let mut found = self.all("listing sessions", query, session).await?;
        // The query asked for one more than is shown.
        let take = usize::try_from(take).unwrap_or(usize::MAX);
        let more = found.len() > take;
        found.truncate(take);
        let next = found
            .last()
            .filter(|_| more)
            .map(|last| last.id.to_string());
        let ids: Vec<SessionId> = found.iter().map(|session| session.id.clone()).collect();
        let participants = self.participants_of(&ids).await?;
        let sessions = found.into_iter().map(|session| (session, Vec::new()));
        let mut sessions: Vec<(Session, Vec<Participant>)> = sessions.collect();
        for (id, participant) in participants {
            // The page is sorted by id.
            if let Ok(index) = sessions.binary_search_by(|(known, _)| known.id.cmp(&id)) {
                sessions[index].1.push(participant);
            }
        }
        Ok(SessionPage { sessions, next })
    }
}

fn participant(row: &SqliteRow) -> Result<Participant, Unreadable> {
    Ok(Participant {
        client: parsed(row, "client_id")?,
        joined_at: time(row, "joined_at")?,
        last_joined_at: time(row, "last_joined_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn participants_are_found_by_session_and_the_untold_by_user() {
        const BY_SESSION: &str = "USING PRIMARY KEY (session_id=?";
        for (sql, lookup) in [
            (PARTICIPANTS, BY_SESSION),
            (UNTOLD, "logout_sessions_by_user (user_id=? AND ended_at>?)"),
            (UNTOLD, BY_SESSION),
            (LEAVE, BY_SESSION),
            (MARK, BY_SESSION),
        ] {
            assert_plan(sql, &[lookup]).await;
        }
    }
}
