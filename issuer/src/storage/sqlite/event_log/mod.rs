//! The event log.
//!
//! What is searched for has columns; the other members of a record are JSON beside them and are
//! put together again when it is read. Writing is part of every delivery, so there are no more
//! indexes than searches by code, client and user need: a date is found among the numbers, which
//! ascend with time (`position.rs`). A search is `search.rs`, what leads it `lead.rs`.

mod columns;
mod lead;
mod position;
mod search;

use async_trait::async_trait;
use logout_shared::Timestamp;
use serde_json::{Map, Value};
use sqlx::sqlite::SqliteRow;

use super::batch::{chunks, statement};
use super::handle::{Link, SqliteHandle, Unreadable};
use super::row::{count, json, number, optional_parsed, optional_text, text, time, to_json};
use crate::domain::delivery::DeliveryId;
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::log_id::LogId;
use crate::storage::{
    EventLogReads, EventLogWrites, EventNumber, EventSearch, FoundEvents, LogRecord, StorageError,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, date, code, client_id, client_name, user_id, user_name, ip, user_agent, \
             description, event FROM logout_events ",
            $rest
        )
    };
}

const LIST: &str = select!("ORDER BY id DESC LIMIT ?2 OFFSET ?1");
const LIST_OF_CODE: &str = select!("WHERE code = ?3 ORDER BY id DESC LIMIT ?2 OFFSET ?1");
const FIND: &str = select!("WHERE id = ?1");
const FIND_ALL: &str = select!("WHERE id IN (SELECT value FROM json_each(?1))");
const LIST_AFTER: &str = select!("WHERE id > ?1 ORDER BY id LIMIT ?2");
const LIST_OF_USERS_AFTER: &str =
    select!("WHERE id > ?1 AND user_id IS NOT NULL ORDER BY id LIMIT ?2");

/// The sequence also knows of records that were deleted since.
const LATEST: &str = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence \
     WHERE name = 'logout_events'";

const AFTER: &str = "SELECT id, event ->> 'delivery' AS delivery FROM logout_events \
     WHERE id > ?1 AND +code IN (SELECT value FROM json_each(?2)) ORDER BY id LIMIT ?3";

const INSERT: &str = "INSERT INTO logout_events (date, code, client_id, client_name, user_id, \
     user_name, ip, user_agent, description, event)";
const INSERTED_COLUMNS: usize = 10;

const DELETE: &str = "DELETE FROM logout_events WHERE id IN \
     (SELECT id FROM logout_events WHERE id < ?1 AND date <= ?2 ORDER BY id LIMIT ?3)";

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

    async fn search_events(&mut self, search: &EventSearch) -> Result<FoundEvents, StorageError> {
        self.found_events(search).await
    }

    async fn list_events_after(
        &mut self,
        after: EventNumber,
        of_users: bool,
        limit: u32,
    ) -> Result<Vec<LogRecord>, StorageError> {
        let text = if of_users {
            LIST_OF_USERS_AFTER
        } else {
            LIST_AFTER
        };
        let query = sqlx::query(text).bind(as_row_id(after)).bind(limit);
        self.all("reading events", query, record).await
    }

    async fn find_event(&mut self, number: EventNumber) -> Result<Option<LogRecord>, StorageError> {
        let query = sqlx::query(FIND).bind(as_row_id(number));
        self.one("reading an event", query, record).await
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
            .bind(as_row_id(after))
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
                    .bind(event.client_name.as_deref())
                    .bind(event.user.as_ref().map(AsRef::<str>::as_ref))
                    .bind(event.user_name.as_deref())
                    .bind(event.ip.as_deref())
                    .bind(event.user_agent.as_deref())
                    .bind(event.description.as_str())
                    .bind(to_json(&members_without_column(event)));
            }
            self.run("appending events", query).await?;
        }
        Ok(())
    }

    async fn delete_events(&mut self, until: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let Some(end) = self.end_of_events_until(until).await? else {
            return Ok(0);
        };
        let query = sqlx::query(DELETE)
            .bind(end)
            .bind(until.as_millis())
            .bind(limit);
        self.run("deleting old events", query).await
    }
}

/// Numbers that no row can have become the highest that one can.
fn as_row_id(number: EventNumber) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn members_without_column(event: &LogEvent) -> Map<String, Value> {
    let mut members = Map::new();
    if let Some(delivery) = event.delivery {
        members.insert("delivery".into(), delivery.to_string().into());
    }
    if !event.details.is_null() {
        members.insert("details".into(), event.details.clone());
    }
    members
}

/// The names of the columns that may be empty, and of the members that they are.
const OPTIONAL: [(&str, &str); 6] = [
    ("client", "client_id"),
    ("client_name", "client_name"),
    ("user", "user_id"),
    ("user_name", "user_name"),
    ("ip", "ip"),
    ("user_agent", "user_agent"),
];

fn record(row: &SqliteRow) -> Result<LogRecord, Unreadable> {
    let date = time(row, "date")?;
    let mut members: Map<String, Value> = json(row, "event")?;
    members.insert("date".into(), date.to_rfc3339().into());
    members.insert("description".into(), text(row, "description")?.into());
    for (name, column) in OPTIONAL {
        if let Some(value) = optional_text(row, column)? {
            members.insert(name.into(), value.into());
        }
    }
    Ok(LogRecord {
        log_id: LogId {
            number: number(row, "id")?,
            date,
        },
        code: text(row, "code")?,
        event: Value::Object(members),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::plans::{assert_plan, plan_of};

    #[tokio::test]
    async fn records_are_read_deleted_and_gone_on_from_in_the_order_of_numbers() {
        for sql in [AFTER, LIST_AFTER, LIST_OF_USERS_AFTER] {
            let plan = plan_of(sql).await;
            assert!(plan.contains("INTEGER PRIMARY KEY (rowid>?)"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
        assert_plan(DELETE, &["INTEGER PRIMARY KEY (rowid<?)"]).await;
        assert_plan(FIND, &["INTEGER PRIMARY KEY (rowid=?)"]).await;
        assert_plan(FIND_ALL, &["INTEGER PRIMARY KEY (rowid=?)"]).await;
    }
}
