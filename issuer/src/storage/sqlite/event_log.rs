//! The event log.
//!
//! What is searched for has columns; the other members of a record are JSON beside them and are
//! put together again when it is read. A `log_id` is made of the record's time and number, 56
//! digits long, so its order as text is the order of time and it need not be stored.

use async_trait::async_trait;
use logout_shared::Timestamp;
use serde_json::{Map, Value};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::batch::{chunks, statement};
use super::handle::{Link, SqliteHandle, Unreadable};
use super::row::{count, json, number, optional_parsed, optional_text, text, time, to_json};
use crate::domain::delivery::DeliveryId;
use crate::domain::event_log::{LogCode, LogEvent};
use crate::storage::{EventLogReads, EventLogWrites, EventNumber, LogRecord, StorageError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, date, code, client_id, user_id, event FROM logout_events ",
            $rest
        )
    };
}

const LIST: &str = select!("ORDER BY id DESC LIMIT ?2 OFFSET ?1");
const LIST_OF_CODE: &str = select!("WHERE code = ?3 ORDER BY id DESC LIMIT ?2 OFFSET ?1");

/// The sequence also knows of records that were deleted since.
const LATEST: &str = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence \
     WHERE name = 'logout_events'";

const AFTER: &str = "SELECT id, event ->> 'delivery' AS delivery FROM logout_events \
     WHERE id > ?1 AND +code IN (SELECT value FROM json_each(?2)) ORDER BY id LIMIT ?3";

const INSERT: &str = "INSERT INTO logout_events (date, code, client_id, user_id, event)";
const INSERTED_COLUMNS: usize = 5;

const DELETE: &str = "DELETE FROM logout_events WHERE id IN \
     (SELECT id FROM logout_events WHERE date <= ?1 ORDER BY date LIMIT ?2)";

#[async_trait]
impl<C: Link> EventLogReads for SqliteHandle<C> {
    async fn list_events(
        &mut self,
        code: Option<&str>,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<LogRecord>, StorageError> {
        let query = match code {
            None => sqlx::query(LIST).bind(offset).bind(limit),
            Some(code) => sqlx::query(LIST_OF_CODE)
                .bind(offset)
                .bind(limit)
                .bind(code),
        };
        self.all("listing events", query, record).await
    }

    async fn latest_event(&mut self) -> Result<EventNumber, StorageError> {
        let query = sqlx::query(LATEST);
        let latest = self.one("looking for the latest event", query, count);
        Ok(latest.await?.unwrap_or_default())
    }

    async fn events_after(
        &mut self,
        after: EventNumber,
        codes: &[LogCode],
        limit: u32,
    ) -> Result<Vec<(EventNumber, Option<DeliveryId>)>, StorageError> {
        let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        let query = sqlx::query(AFTER)
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(to_json(&codes))
            .bind(limit);
        let about = |row: &SqliteRow| Ok((number(row, "id")?, optional_parsed(row, "delivery")?));
        self.all("reading new events", query, about).await
    }
}

#[async_trait]
impl<C: Link> EventLogWrites for SqliteHandle<C> {
    async fn append_events(&mut self, events: &[LogEvent]) -> Result<(), StorageError> {
        for chunk in chunks(events) {
            let mut query = statement(INSERT, INSERTED_COLUMNS, chunk.len(), "");
            for event in chunk {
                query = query
                    .bind(event.date.as_millis())
                    .bind(event.code.as_str())
                    .bind(event.client.as_ref().map(AsRef::<str>::as_ref))
                    .bind(event.user.as_ref().map(AsRef::<str>::as_ref))
                    .bind(to_json(&members_without_column(event)));
            }
            self.run("appending events", query).await?;
        }
        Ok(())
    }

    async fn delete_events(&mut self, until: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let query = sqlx::query(DELETE).bind(until.as_millis()).bind(limit);
        self.run("deleting old events", query).await
    }
}

fn members_without_column(event: &LogEvent) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("description".into(), event.description.as_str().into());
    for (name, value) in [
        ("client_name", &event.client_name),
        ("user_name", &event.user_name),
        ("ip", &event.ip),
        ("user_agent", &event.user_agent),
    ] {
        if let Some(value) = value {
            members.insert(name.into(), value.as_str().into());
        }
    }
    if let Some(delivery) = event.delivery {
        members.insert("delivery".into(), delivery.to_string().into());
    }
    if !event.details.is_null() {
        members.insert("details".into(), event.details.clone());
    }
    members
}

fn record(row: &SqliteRow) -> Result<LogRecord, Unreadable> {
    let number: i64 = row.try_get("id")?;
    let date = time(row, "date")?;
    let mut members: Map<String, Value> = json(row, "event")?;
    members.insert("date".into(), date.to_rfc3339().into());
    for (name, column) in [("client", "client_id"), ("user", "user_id")] {
        if let Some(value) = optional_text(row, column)? {
            members.insert(name.into(), value.into());
        }
    }
    Ok(LogRecord {
        log_id: format!("900{:020}{number:033}", date.as_millis().max(0)),
        code: text(row, "code")?,
        event: Value::Object(members),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::{assert_plan, plan_of};

    #[tokio::test]
    async fn old_records_are_found_by_date_and_new_ones_by_number() {
        assert_plan(DELETE, &["logout_events_by_date (date<?)"]).await;
        // In the order of numbers, without sorting what comes after one.
        let plan = plan_of(AFTER).await;
        assert!(plan.contains("INTEGER PRIMARY KEY (rowid>?)"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
