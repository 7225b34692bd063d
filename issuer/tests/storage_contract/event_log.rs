//! The event log.

use std::ops::Bound;

use logout_issuer::domain::event_log::{LogCode, LogEvent};
use logout_issuer::storage::search::{Condition, TextTest};
use logout_issuer::storage::{
    EventField, EventKey, EventSearch, EventTest, FoundEvents, LOOKED_AT, LogRecord, REACHABLE,
    Store,
};
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

fn text(field: EventField, test: TextTest) -> Condition<EventTest> {
    Condition::Test(EventTest::Text(field, test))
}

fn is(field: EventField, value: &str) -> Condition<EventTest> {
    text(field, TextTest::Is(value.into()))
}

fn like(field: EventField, pieces: &[&str]) -> Condition<EventTest> {
    let pieces = pieces.iter().map(|piece| (*piece).to_owned());
    text(field, TextTest::Like(pieces.collect()))
}

fn not(condition: Condition<EventTest>) -> Condition<EventTest> {
    Condition::Not(Box::new(condition))
}

/// A record that tells its number: `n` seconds after the start, with members that repeat.
fn numbered(n: i64) -> LogEvent {
    LogEvent {
        client: (n % 4 != 0).then(|| id(one_of(n, ["shop", "bank", "news"]))),
        client_name: (n % 2 == 0).then(|| format!("Client *{}*", n % 3)),
        user: (n % 5 != 0).then(|| id(&format!("u{}", n % 7))),
        user_name: (n % 5 != 0).then(|| format!("u{}@example.org", n % 7)),
        ip: (n % 6 == 0).then(|| format!("192.0.2.{}", n % 10)),
        user_agent: Some(format!("browser/{}", n % 11)),
        details: json!({ "n": n }),
        ..LogEvent::new(code(n), format!("{n}"), at(n))
    }
}

fn code(n: i64) -> LogCode {
    one_of(
        n,
        [
            LogCode::LoginSucceeded,
            LogCode::LoginFailed,
            LogCode::Warning,
        ],
    )
}

/// Each of them in turn.
fn one_of<T>(n: i64, [first, second, third]: [T; 3]) -> T {
    match n % 3 {
        0 => first,
        1 => second,
        _ => third,
    }
}

async fn search(store: &dyn Store, search: &EventSearch) -> FoundEvents {
    store
        .read()
        .await
        .unwrap()
        .search_events(search)
        .await
        .unwrap()
}

/// What the records that were found tell.
fn told(found: &FoundEvents) -> Vec<i64> {
    let n = |record: &LogRecord| {
        record.event["description"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    };
    found.records.iter().map(n).collect()
}

/// What a record that fits is.
type Fits = fn(&LogEvent) -> bool;

each_store! {
    /// Every way to lead a search gives the records that looking at each of them gives.
    async fn a_search_finds_the_records_that_fit_and_no_others(store: &dyn Store) {
        append(store, (0..200).map(numbered).collect()).await;
        let dates = |from: i64, to: i64| {
            Condition::Test(EventTest::Date(Bound::Included(at(from)), Bound::Excluded(at(to))))
        };
        let cases: Vec<(Condition<EventTest>, Fits)> = vec![
            (Condition::everything(), |_| true),
            (Condition::nothing(), |_| false),
            (is(EventField::Code, "f"), |it| it.code == LogCode::LoginFailed),
            (is(EventField::Code, "F"), |_| false),
            (is(EventField::User, "u3"), |it| it.user == Some(id("u3"))),
            (is(EventField::Client, "bank"), |it| it.client == Some(id("bank"))),
            (
                Condition::All(vec![is(EventField::Code, "s"), is(EventField::User, "u2")]),
                |it| it.code == LogCode::LoginSucceeded && it.user == Some(id("u2")),
            ),
            (
                Condition::Any(vec![is(EventField::User, "u1"), is(EventField::Client, "shop")]),
                |it| it.user == Some(id("u1")) || it.client == Some(id("shop")),
            ),
            (
                Condition::Any(vec![is(EventField::User, "u1"), is(EventField::Ip, "192.0.2.6")]),
                |it| it.user == Some(id("u1")) || it.ip.as_deref() == Some("192.0.2.6"),
            ),
            (
                Condition::All(vec![
                    Condition::Any(vec![is(EventField::Code, "s"), is(EventField::Code, "w")]),
                    not(like(EventField::UserAgent, &["browser/1", ""])),
                ]),
                |it| {
                    it.code != LogCode::LoginFailed
                        && !it.user_agent.as_ref().unwrap().starts_with("browser/1")
                },
            ),
            // Who lacks the member is not it.
            (not(is(EventField::UserName, "u1@example.org")), |it| {
                it.user_name.as_deref() != Some("u1@example.org")
            }),
            (not(text(EventField::Ip, TextTest::Present)), |it| it.ip.is_none()),
            (like(EventField::ClientName, &["Client *1*"]), |it| {
                it.client_name.as_deref() == Some("Client *1*")
            }),
            (like(EventField::UserName, &["", "2@", ".org"]), |it| {
                it.user_name.as_ref().is_some_and(|name| name.contains("2@"))
            }),
            (like(EventField::UserName, &["", "2@EXAMPLE", ""]), |_| false),
            (
                text(
                    EventField::User,
                    TextTest::Between(Bound::Excluded("u1".into()), Bound::Included("u3".into())),
                ),
                |it| [Some(id("u2")), Some(id("u3"))].contains(&it.user),
            ),
            (dates(50, 60), |it| (at(50)..at(60)).contains(&it.date)),
            (
                Condition::All(vec![dates(50, 150), is(EventField::Code, "w")]),
                |it| (at(50)..at(150)).contains(&it.date) && it.code == LogCode::Warning,
            ),
            (
                Condition::Any(vec![dates(0, 3), dates(197, 300)]),
                |it| it.date < at(3) || it.date >= at(197),
            ),
        ];
        for (condition, fits) in cases {
            let wanted: Vec<i64> = (0..200).rev().filter(|n| fits(&numbered(*n))).collect();
            let all = EventSearch { count: true, ..EventSearch::latest(condition.clone(), 1_000) };
            let found = search(store, &all).await;
            assert_eq!(told(&found), wanted, "{condition:?}");
            assert_eq!(found.count, Some(u32::try_from(wanted.len()).unwrap()));
            assert_eq!(found.stopped_at, None);
            let page = EventSearch { skip: 3, take: 4, descending: false, count: false, ..all };
            let found = search(store, &page).await;
            let paged: Vec<i64> = wanted.iter().rev().skip(3).take(4).copied().collect();
            assert_eq!(told(&found), paged, "{condition:?}");
        }
    }

    async fn a_search_is_sorted_by_a_member_and_then_by_number(store: &dyn Store) {
        append(store, (0..60).map(numbered).collect()).await;
        let condition = is(EventField::Code, "s");
        for descending in [true, false] {
            let by = EventSearch {
                key: EventKey::Field(EventField::UserAgent),
                descending,
                ..EventSearch::latest(condition.clone(), 100)
            };
            let mut wanted: Vec<i64> = (0..60).filter(|n| n % 3 == 0).collect();
            wanted.sort_by_key(|n| (format!("browser/{}", n % 11), *n));
            if descending {
                wanted.reverse();
            }
            assert_eq!(told(&search(store, &by).await), wanted);
        }
    }

    async fn no_more_are_counted_than_can_be_reached(store: &dyn Store) {
        append(store, (0..1_001).map(numbered).collect()).await;
        let all = EventSearch {
            count: true,
            ..EventSearch::latest(Condition::everything(), 1)
        };
        assert_eq!(search(store, &all).await.count, Some(REACHABLE));
    }

    /// One past the bound is not looked at, and the caller is told where to go on.
    async fn a_search_that_no_index_leads_stops_at_its_bound(store: &dyn Store) {
        let first = LogEvent {
            ip: Some("192.0.2.99".into()),
            client: Some(id("rare")),
            ..LogEvent::new(LogCode::Warning, "0", at(0))
        };
        let others = (1..LOOKED_AT).map(|_| LogEvent::new(LogCode::Warning, "1", at(1)));
        append(store, std::iter::once(first).chain(others).collect()).await;
        let by_ip = EventSearch::latest(is(EventField::Ip, "192.0.2.99"), 1);
        let found = search(store, &by_ip).await;
        assert_eq!((told(&found), found.stopped_at), (vec![0], None));
        // The code leads to as many, so it stops as well; the client leads to the one.
        let both = Condition::All(vec![is(EventField::Code, "w"), is(EventField::Ip, "192.0.2.99")]);
        let by_code = EventSearch::latest(both.clone(), 1);
        assert_eq!(told(&search(store, &by_code).await), [0]);
        append(store, vec![LogEvent::new(LogCode::Warning, "2", at(2))]).await;
        for by in [&by_ip, &by_code] {
            let found = search(store, by).await;
            assert_eq!((told(&found), found.stopped_at), (vec![], Some(2)));
        }
        let rest = EventTest::Number(Bound::Unbounded, Bound::Excluded(2));
        let go_on = EventSearch::latest(both.clone().and(Condition::Test(rest)), 1);
        assert_eq!(told(&search(store, &go_on).await), [0]);
        let rare = EventSearch::latest(both.and(is(EventField::Client, "rare")), 1);
        assert_eq!(told(&search(store, &rare).await), [0]);
        let oldest = EventSearch { descending: false, ..by_ip };
        assert_eq!(told(&search(store, &oldest).await), [0]);
    }

    /// Records are written in groups, and clocks are not all the same.
    async fn a_date_is_found_among_records_that_are_out_of_order(store: &dyn Store) {
        let secs = |n: i64| n * 60 + if n % 2 == 0 { 500 } else { 0 };
        let event = |n| LogEvent::new(LogCode::Warning, format!("{n}"), at(secs(n)));
        append(store, (0..400).map(event).collect()).await;
        for (from, to) in [(0, 500), (6_000, 6_060), (12_345, 20_000), (23_000, 99_999)] {
            let dates = EventTest::Date(Bound::Included(at(from)), Bound::Excluded(at(to)));
            let found = search(store, &EventSearch::latest(Condition::Test(dates), 1_000)).await;
            let fits = |n: &i64| (from..to).contains(&secs(*n));
            let wanted: Vec<i64> = (0..400).rev().filter(fits).collect();
            assert_eq!(told(&found), wanted, "{from} to {to}");
        }
    }

    async fn old_records_are_deleted_by_their_date_whatever_their_order(store: &dyn Store) {
        // A clock that was a year ahead for a while, at the beginning and in between.
        let ahead = |n: i64| n < 10 || (50..55).contains(&n);
        let secs = |n: i64| if ahead(n) { n + 31_536_000 } else { n };
        let event = |n| LogEvent::new(LogCode::Warning, format!("{n}"), at(secs(n)));
        append(store, (0..100).map(event).collect()).await;
        let delete = async |until: i64, limit: u32| {
            commit!(store, |tx| tx.delete_events(at(until), limit).await).unwrap()
        };
        assert_eq!(delete(9, 5).await, 0);
        assert_eq!(delete(29, 5).await, 5);
        assert_eq!(delete(29, 50).await, 15);
        assert_eq!(delete(29, 50).await, 0);
        let left: Vec<i64> = told(&FoundEvents {
            records: list(store, None, 0, 100).await,
            ..FoundEvents::default()
        });
        let wanted: Vec<i64> = (0..100).rev().filter(|n| ahead(*n) || *n > 29).collect();
        assert_eq!(left, wanted);
        assert_eq!(delete(99, 100).await, 65);
        assert_eq!(list(store, None, 0, 100).await.len(), 15);
    }

    async fn records_are_gone_through_while_others_are_added(store: &dyn Store) {
        append(store, (0..10).map(numbered).collect()).await;
        let (mut seen, mut after, mut added) = (Vec::new(), 0, 10);
        loop {
            let mut view = store.read().await.unwrap();
            let page = view.list_events_after(after, false, 4).await.unwrap();
            drop(view);
            let Some(last) = page.last() else { break };
            after = last.log_id.number;
            seen.extend(told(&FoundEvents { records: page, ..FoundEvents::default() }));
            if added < 20 {
                append(store, vec![numbered(added), numbered(added + 1)]).await;
                added += 2;
            }
        }
        assert_eq!(seen, (0..20).collect::<Vec<i64>>());
        let mut view = store.read().await.unwrap();
        let of_users = view.list_events_after(0, true, 100).await.unwrap();
        assert!(of_users.iter().all(|record| record.event.get("user").is_some()));
        assert_eq!(of_users.len(), 16);
        assert!(view.list_events_after(u64::MAX, false, 1).await.unwrap().is_empty());
    }

    async fn a_record_is_found_by_its_number(store: &dyn Store) {
        append(store, (0..3).map(numbered).collect()).await;
        let records = list(store, None, 0, 10).await;
        let mut view = store.read().await.unwrap();
        let found = view.find_event(records[1].log_id.number).await.unwrap();
        assert_eq!(found.as_ref(), Some(&records[1]));
        assert_eq!(view.find_event(0).await.unwrap(), None);
        assert_eq!(view.find_event(u64::MAX).await.unwrap(), None);
    }

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
        let ids: Vec<_> = records.iter().map(|one| one.log_id.to_string()).collect();
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
