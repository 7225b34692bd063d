//! What a search of the event log costs among a million records.
//!
//! `cargo bench -p logout-issuer --bench log_search [-- RECORDS]`. The records are those of a year:
//! people sign in, apps are told, some fail. Each kind of search is asked many times with values
//! that differ, for a page of fifty as SDKs ask for it, with the count. Beside them stands the raw
//! limit: one record by its number, from the same store.

use std::ops::Bound;
use std::time::{Duration, Instant};

use logout_issuer::domain::event_log::{LogCode, LogEvent};
use logout_issuer::storage::search::{Condition, TextTest};
use logout_issuer::storage::sqlite::{SqliteOptions, SqliteStore};
use logout_issuer::storage::{
    EventField, EventNumber, EventSearch, EventTest, StorageError, Store,
};
use logout_shared::Timestamp;
use serde_json::json;
use tempfile::TempDir;

const START: Timestamp = Timestamp::from_secs(1_763_877_600);
const YEAR: Duration = Duration::from_hours(365 * 24);
const USERS: usize = 20_000;
const CLIENTS: usize = 50;
const ROUNDS: usize = 200;
const AT_ONCE: usize = 5_000;

#[tokio::main]
async fn main() {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let records: usize = given.unwrap_or(1_000_000);
    let folder = TempDir::new().expect("a temporary folder");
    let options = SqliteOptions::file(folder.path().join("bench.db"));
    let store = SqliteStore::open(&options).await.expect("a store");
    let begun = Instant::now();
    seed(&*store, records).await;
    let secs = begun.elapsed().as_secs_f64();
    println!("{records} records written in {secs:.1} s");
    by_number(&*store, records).await;
    for (name, condition) in SEARCHES {
        let mut waits = Vec::new();
        let mut found = 0;
        let mut stopped = 0;
        for round in 0..ROUNDS {
            let search = EventSearch {
                count: true,
                ..EventSearch::latest(condition(round), 50)
            };
            let asked = Instant::now();
            let mut view = store.read().await.expect("a view");
            let page = view.search_events(&search).await.expect("a page");
            drop(view);
            waits.push(asked.elapsed());
            found += page.records.len();
            stopped += usize::from(page.stopped_at.is_some());
        }
        println!(
            "{name:22} {}, {} records a page, {stopped} stopped at the bound",
            Waits(waits),
            found / ROUNDS
        );
    }
    checkpoint(&*store, records).await;
    store.close().await;
}

type Search = fn(usize) -> Condition<EventTest>;

const SEARCHES: [(&str, Search); 8] = [
    ("newest", |_| Condition::everything()),
    ("type", |round| {
        is(EventField::Code, CODES[round % CODES.len()].0.as_str())
    }),
    ("type and user", |round| {
        is(EventField::Code, CODES[round % CODES.len()].0.as_str()).and(user(round))
    }),
    ("user", |round| user(round)),
    ("date range, one day", |round| {
        let day = u32::try_from(round % 365).unwrap_or_default();
        let from = START + YEAR / 365 * day;
        let to = from + YEAR / 365;
        Condition::Test(EventTest::Date(Bound::Included(from), Bound::Excluded(to)))
    }),
    ("bare term", |round| {
        let value = format!("user{}@example.com", round % USERS);
        let fields = [
            EventField::ClientName,
            EventField::Description,
            EventField::Ip,
            EventField::Code,
            EventField::UserName,
        ];
        Condition::Any(fields.map(|field| is(field, &value)).to_vec())
    }),
    ("wildcard", |round| {
        let pieces = vec![
            String::new(),
            format!("{}@example", round % 1_000),
            String::new(),
        ];
        Condition::Test(EventTest::Text(
            EventField::UserName,
            TextTest::Like(pieces),
        ))
    }),
    ("type and what is none", |round| {
        let pieces = vec![format!("nobody{round}"), String::new()];
        let none = EventTest::Text(EventField::UserName, TextTest::Like(pieces));
        is(EventField::Code, "s").and(Condition::Test(none))
    }),
];

/// Codes and how many of a hundred records have them.
const CODES: [(LogCode, usize); 6] = [
    (LogCode::LoginSucceeded, 30),
    (LogCode::CodeExchanged, 30),
    (LogCode::BackchannelLogoutSucceeded, 30),
    (LogCode::LogoutSucceeded, 8),
    (LogCode::WrongPassword, 1),
    (LogCode::BackchannelLogoutFailed, 1),
];

fn is(field: EventField, value: &str) -> Condition<EventTest> {
    Condition::Test(EventTest::Text(field, TextTest::Is(value.into())))
}

fn user(round: usize) -> Condition<EventTest> {
    is(EventField::User, &format!("auth0|{}", round * 97 % USERS))
}

async fn seed(store: &dyn Store, records: usize) {
    let numbers: Vec<usize> = (0..records).collect();
    for chunk in numbers.chunks(AT_ONCE) {
        let events: Vec<LogEvent> = chunk.iter().map(|n| event(*n, records)).collect();
        let work = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.append_events(&events).await })
        });
        work.await.expect("the store works");
    }
}

/// A record whose members follow from its number, mixed as by chance.
fn event(n: usize, records: usize) -> LogEvent {
    let mixed = n.wrapping_mul(0x9E37_79B9) >> 7;
    let mut share = mixed % 100;
    let code = CODES.iter().find(|(_, of_hundred)| {
        let is_it = share < *of_hundred;
        share = share.saturating_sub(*of_hundred);
        is_it
    });
    let (user, client) = (mixed % USERS, mixed / 7 % CLIENTS);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let share = n as f64 / records as f64;
    LogEvent {
        client: format!("client-{client}").parse().ok(),
        client_name: Some(format!("Client {client}")),
        user: format!("auth0|{user}").parse().ok(),
        user_name: Some(format!("user{user}@example.com")),
        ip: Some(format!("10.{}.{}.{}", user % 200, client, mixed % 250)),
        user_agent: Some(
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".into(),
        ),
        details: json!({
            "request": { "method": "POST", "backchannel_logout_uri": "https://shop.example/out" },
            "response": { "statusCode": 200 },
            "initiator": "rp-logout",
        }),
        ..LogEvent::new(
            code.map_or(LogCode::Warning, |(code, _)| *code),
            "Back-channel logout succeeded",
            START + YEAR.mul_f64(share),
        )
    }
}

async fn by_number(store: &dyn Store, records: usize) {
    let mut waits = Vec::new();
    for round in 0..ROUNDS {
        let number = EventNumber::try_from(1 + round * 7_919 % records).unwrap_or(1);
        let asked = Instant::now();
        let mut view = store.read().await.expect("a view");
        let found = view.find_event(number).await.expect("a record");
        drop(view);
        waits.push(asked.elapsed());
        assert!(found.is_some());
    }
    println!("{:22} {}", "one record by number", Waits(waits));
}

async fn checkpoint(store: &dyn Store, records: usize) {
    let mut waits = Vec::new();
    let mut after = EventNumber::try_from(records / 2).unwrap_or_default();
    for _ in 0..ROUNDS {
        let asked = Instant::now();
        let mut view = store.read().await.expect("a view");
        let page = view.list_events_after(after, false, 100).await;
        drop(view);
        waits.push(asked.elapsed());
        let page = page.expect("a page");
        after = page.last().map_or(after, |last| last.log_id.number);
    }
    println!("{:22} {}", "checkpoint, next 100", Waits(waits));
}

struct Waits(Vec<Duration>);

impl std::fmt::Display for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort();
        let at = |percent: usize| {
            let wait = sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)];
            wait.as_secs_f64() * 1_000.0
        };
        let (median, high) = (at(50), at(95));
        write!(f, "p50 {median:7.2} ms, p95 {high:7.2} ms")
    }
}
