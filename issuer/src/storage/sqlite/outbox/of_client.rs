//! What one client waits for: counted, cancelled, looked at by URL and by user.

use logout_shared::{ClientId, Subject, Timestamp};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::row::{delivery, delivery_columns, id_list};
use crate::domain::delivery::{About, Delivery, DeliveryId};
use crate::domain::logout_settings::LogoutUrl;
use crate::storage::StorageError;
use crate::storage::sqlite::handle::{Link, SqliteHandle, Unreadable};
use crate::storage::sqlite::row::{answer, count, text, to_json};

/// Those that wait, and those that are held, each through an index that has nothing else.
macro_rules! unfinished {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM logout_deliveries INDEXED BY logout_deliveries_unfinished \
             WHERE client_id = ?1 AND finished_at IS NULL AND lease_owner IS NULL \
             UNION ALL SELECT ",
            $columns,
            " FROM logout_deliveries INDEXED BY logout_deliveries_held \
             WHERE client_id = ?1 AND lease_owner IS NOT NULL"
        )
    };
}

const COUNT: &str = concat!("SELECT count(*) FROM (", unfinished!("number"), ")");

const IDS: &str = concat!(unfinished!("id"), " LIMIT ?2");

const CANCEL: &str = concat!(
    "UPDATE logout_deliveries SET state = 'cancelled', finished_at = ?2, due_at = NULL, \
     queued_at = NULL, lease_owner = NULL WHERE number IN (",
    unfinished!("number"),
    " LIMIT ?3)"
);

const TO_OTHER_URLS: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM logout_deliveries INDEXED BY logout_deliveries_unfinished \
     WHERE client_id = ?1 AND finished_at IS NULL \
     AND lease_owner IS NULL AND url NOT IN (SELECT value FROM json_each(?2)) LIMIT ?3"
);

const CANCEL_THESE: &str = "UPDATE logout_deliveries SET state = 'cancelled', finished_at = ?2, \
     due_at = NULL, queued_at = NULL WHERE id IN (SELECT unhex(value) FROM json_each(?1)) \
     AND finished_at IS NULL AND lease_owner IS NULL";

/// One delivery about all sessions has its like under the same user and client.
const URLS_OF_SUBJECT: &str = "SELECT url FROM logout_deliveries WHERE user_id = ?1 \
     AND client_id = ?2 AND trace_id = ?3 AND session_ids IS NOT NULL";

const URLS_OF_SESSION: &str = "SELECT url FROM logout_deliveries WHERE session_id = ?1 \
     AND client_id = ?2 AND trace_id = ?3";

const SUBJECT_ATTEMPT: &str = "SELECT EXISTS (SELECT 1 FROM logout_deliveries \
     WHERE user_id = ?1 AND client_id = ?2 AND session_ids IS NOT NULL \
     AND finished_at IS NULL AND lease_owner IS NOT NULL AND due_at > ?3)";

impl<C: Link> SqliteHandle<C> {
    pub(super) async fn read_unfinished(
        &mut self,
        client: &ClientId,
        take: u32,
    ) -> Result<(u64, Vec<DeliveryId>), StorageError> {
        let query = sqlx::query(COUNT).bind(client.as_str());
        let counted = self.one("counting what a client waits for", query, count);
        let counted = counted.await?.unwrap_or_default();
        let query = sqlx::query(IDS).bind(client.as_str()).bind(take);
        let ids = self.all("reading what a client waits for", query, id);
        Ok((counted, ids.await?))
    }

    pub(super) async fn cancel(
        &mut self,
        client: &ClientId,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let query = sqlx::query(CANCEL)
            .bind(client.as_str())
            .bind(now.as_millis())
            .bind(limit);
        self.run("cancelling a client's deliveries", query).await
    }

    pub(super) async fn cancel_these(
        &mut self,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let query = sqlx::query(CANCEL_THESE)
            .bind(id_list(ids.iter().copied()))
            .bind(now.as_millis());
        self.run("cancelling deliveries", query).await?;
        Ok(())
    }

    pub(super) async fn read_to_other_urls(
        &mut self,
        client: &ClientId,
        urls: &[LogoutUrl],
        take: u32,
    ) -> Result<Vec<Delivery>, StorageError> {
        let query = sqlx::query(TO_OTHER_URLS)
            .bind(client.as_str())
            .bind(to_json(urls))
            .bind(take);
        self.all("reading what waits for other URLs", query, delivery)
            .await
    }

    pub(super) async fn read_urls_told(
        &mut self,
        delivery: &Delivery,
    ) -> Result<Vec<LogoutUrl>, StorageError> {
        let query = match &delivery.about {
            About::Session(sid) => sqlx::query(URLS_OF_SESSION).bind(sid.as_str()),
            About::AllSessions(_) => sqlx::query(URLS_OF_SUBJECT).bind(delivery.user.as_str()),
        };
        let query = query
            .bind(delivery.client.as_str())
            .bind(delivery.trace_id.as_str());
        self.all("reading where a client was told", query, |row| {
            Ok(LogoutUrl::from_stored(text(row, "url")?))
        })
        .await
    }

    pub(super) async fn read_subject_attempt(
        &mut self,
        user: &Subject,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let query = sqlx::query(SUBJECT_ATTEMPT)
            .bind(user.as_str())
            .bind(client.as_str())
            .bind(now.as_millis());
        let found = self.one("looking for an attempt under way", query, answer);
        Ok(found.await?.unwrap_or_default())
    }
}

fn id(row: &SqliteRow) -> Result<DeliveryId, Unreadable> {
    Ok(DeliveryId(Uuid::from_slice(row.try_get("id")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::assert_plan;

    #[tokio::test]
    async fn what_a_client_waits_for_is_found_without_what_it_has_heard() {
        const UNFINISHED: &str = "logout_deliveries_unfinished (client_id=?)";
        const OF_SUBJECT: &str = "logout_deliveries_of_subjects (user_id=? AND client_id=?";
        for (sql, lookup) in [
            (COUNT, UNFINISHED),
            (IDS, UNFINISHED),
            (CANCEL, UNFINISHED),
            (CANCEL_THESE, "(id=?)"),
            (TO_OTHER_URLS, UNFINISHED),
            (URLS_OF_SUBJECT, OF_SUBJECT),
            (
                URLS_OF_SESSION,
                "logout_deliveries_by_session (session_id=?)",
            ),
            (SUBJECT_ATTEMPT, OF_SUBJECT),
        ] {
            assert_plan(sql, &[lookup]).await;
        }
    }
}
