//! The event log.

use logout_issuer::domain::event_log::{LogCode, LogEvent};
use logout_issuer::storage::{LogRecord, Store};
use serde_json::json;

use crate::samples::{at, id};
use crate::{commit, each_store};

async fn append(store: &dyn Store, events: Vec<LogEvent>) {
    commit!(store, |tx| tx.append_events(&events).await).unwrap();
}

async fn list(store: &dyn Store, code: Option<&str>, offset: u32, limit: u32) -> Vec<LogRecord> {
    let mut view = store.read().await.unwrap();
    view.list_events(code, offset, limit).await.unwrap()
}

each_store! {
    async fn a_record_has_the_members_it_was_given(store: &dyn Store) {
        let full = LogEvent {
            client: Some(id("shop")),
            client_name: Some("A shop".into()),
            user: Some(id("u1")),
            user_name: Some("ann@example.org".into()),
            ip: Some("192.0.2.1".into()),
            user_agent: Some("browser".into()),
            details: json!({ "initiator": "rp-logout" }),
            ..LogEvent::new(LogCode::LogoutSucceeded, "Ann signed out", at(1))
        };
        let bare = LogEvent::new(LogCode::Warning, "Careful", at(2));
        append(store, vec![full, bare]).await;
        let records = list(store, None, 0, 10).await;
        let codes: Vec<_> = records.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, ["w", "slo"]);
        assert_eq!(
            records[0].event,
            json!({ "date": at(2).to_rfc3339(), "description": "Careful" })
        );
        assert_eq!(
            records[1].event,
            json!({
                "date": at(1).to_rfc3339(),
                "description": "Ann signed out",
                "client": "shop",
                "client_name": "A shop",
                "user": "u1",
                "user_name": "ann@example.org",
                "ip": "192.0.2.1",
                "user_agent": "browser",
                "details": { "initiator": "rp-logout" },
            })
        );
    }

    async fn log_ids_sort_as_the_records_do(store: &dyn Store) {
        let events = (0..300).map(|n| LogEvent::new(LogCode::Warning, format!("{n}"), at(n / 10)));
        append(store, events.collect()).await;
        let records = list(store, None, 0, 1_000).await;
        let ids: Vec<_> = records.iter().map(|one| one.log_id.clone()).collect();
        assert_eq!(ids.len(), 300);
        assert!(ids.iter().all(|id| id.len() == 56 && id.starts_with("900")), "{}", ids[0]);
        assert!(ids.is_sorted_by(|newer, older| newer > older));
        assert_eq!(records[0].event["description"], "299");
    }

    async fn records_of_one_code_are_paged_by_themselves(store: &dyn Store) {
        let code = |n| if n % 3 == 0 { LogCode::LoginFailed } else { LogCode::LoginSucceeded };
        let events = (0..30).map(|n| LogEvent::new(code(n), format!("{n}"), at(n)));
        append(store, events.collect()).await;
        let page = list(store, Some("f"), 2, 3).await;
        let seen: Vec<_> = page.iter().map(|one| one.event["description"].clone()).collect();
        assert_eq!(seen, ["21", "18", "15"]);
        assert!(list(store, Some("none"), 0, 3).await.is_empty());
    }
}
