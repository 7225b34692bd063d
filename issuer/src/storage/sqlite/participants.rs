//! The clients of sessions, read for many sessions at once.

use logout_shared::SessionId;
use sqlx::sqlite::SqliteRow;

use super::handle::{Link, Query, SqliteHandle, Unreadable};
use super::row::{parsed, time, to_json};
use super::sessions::session;
use crate::domain::session::{Participant, Session};
use crate::storage::{SessionPage, StorageError};

const PARTICIPANTS: &str = "SELECT session_id, client_id, joined_at, last_joined_at \
     FROM logout_participants WHERE session_id IN (SELECT value FROM json_each(?1)) \
     ORDER BY joined_at, client_id";

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
        let ids: Vec<&SessionId> = found.iter().map(|session| &session.id).collect();
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

    pub(super) async fn participants_of(
        &mut self,
        ids: &[&SessionId],
    ) -> Result<Vec<(SessionId, Participant)>, StorageError> {
        let query = sqlx::query(PARTICIPANTS).bind(to_json(ids));
        self.all("reading participants", query, participant).await
    }
}

fn participant(row: &SqliteRow) -> Result<(SessionId, Participant), Unreadable> {
    let participant = Participant {
        client: parsed(row, "client_id")?,
        joined_at: time(row, "joined_at")?,
        last_joined_at: time(row, "last_joined_at")?,
    };
    Ok((parsed(row, "session_id")?, participant))
}
