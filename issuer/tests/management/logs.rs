//! The event log as the API shows it: searched, read on from a record, one by one.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use logout_issuer::domain::event_log::{LogCode, LogEvent};
use logout_issuer::storage::StorageError;
use serde_json::{Value, json};

use crate::api::{Answer, Api, CALLER, START, USER};

const READ: &str = "read:logs";

async fn put(api: &Api, events: Vec<LogEvent>) {
    let written = api.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { tx.append_events(&events).await })
    });
    written.await.unwrap();
}

/// A record that tells its number, `n` minutes after the start.
fn event(n: u64) -> LogEvent {
    let (code, user) = if n.is_multiple_of(3) {
        (LogCode::WrongPassword, None)
    } else {
        (LogCode::LoginSucceeded, Some(USER.parse().unwrap()))
    };
    LogEvent {
        client: Some("shop".parse().unwrap()),
        client_name: Some("The shop".into()),
        user_name: user.is_some().then(|| "ada@example.com".to_owned()),
        user,
        ip: Some(format!("192.0.2.{n}")),
        user_agent: Some(["Firefox", "Mozilla/5.0 (iPhone)"][usize::from(n == 1)].into()),
        details: json!({ "n": n }),
        ..LogEvent::new(code, format!("event {n}"), START + Duration::from_mins(n))
    }
}

async fn with(count: u64) -> Api {
    let api = Api::start().await;
    put(&api, (0..count).map(event).collect()).await;
    api
}

/// The numbers that the records tell.
fn told(logs: &Value) -> Vec<u64> {
    let logs = logs
        .as_array()
        .unwrap_or_else(|| panic!("no array: {logs}"));
    let n = |log: &Value| {
        let text = log["description"].as_str().unwrap();
        text.strip_prefix("event ").unwrap().parse().unwrap()
    };
    logs.iter().map(n).collect()
}

fn encoded(q: &str) -> String {
    url::form_urlencoded::byte_serialize(q.as_bytes()).collect()
}

async fn search(api: &Api, q: &str) -> Vec<u64> {
    let answer = api.get(READ, &format!("/logs?q={}", encoded(q))).await;
    told(&answer.expect(200))
}

/// The path below `/api/v2` of the next call, from the header.
fn next(answer: &Answer) -> String {
    let link = answer.headers["link"].to_str().unwrap();
    let url = link
        .strip_prefix("<https://id.example/api/v2")
        .and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
    url.unwrap_or_else(|| panic!("{link}")).to_owned()
}

#[tokio::test]
async fn a_record_has_the_members_of_the_contract() {
    let api = with(2).await;
    let logs = api.get(READ, "/logs").await.expect(200);
    let log_id = logs[0]["log_id"].as_str().unwrap();
    assert!(log_id.len() == 56 && log_id.starts_with("900"), "{log_id}");
    let wanted = json!({
        "log_id": log_id,
        "_id": log_id,
        "date": "2026-11-23T06:01:00.000Z",
        "type": "s",
        "description": "event 1",
        "client_id": "shop",
        "client_name": "The shop",
        "user_id": USER,
        "user_name": "ada@example.com",
        "ip": "192.0.2.1",
        "user_agent": "Mozilla/5.0 (iPhone)",
        "isMobile": true,
        "details": { "n": 1 },
    });
    assert_eq!(logs[0], wanted);
    assert_eq!(logs[1]["isMobile"], false);
    assert_eq!(logs[1].get("user_id"), None);
    let one = api.get(READ, &format!("/logs/{log_id}")).await.expect(200);
    assert_eq!(one, wanted);
}

#[tokio::test]
async fn a_record_that_is_not_there_is_not_found() {
    let api = with(1).await;
    let logs = api.get(READ, "/logs").await.expect(200);
    let id = logs[0]["log_id"].as_str().unwrap().to_owned();
    let last = if id.ends_with('0') { "1" } else { "0" };
    let at_another_time = format!("{}{last}", &id[..55]);
    for id in ["x", "900", &at_another_time, &id.replacen("900", "901", 1)] {
        let answer = api.get(READ, &format!("/logs/{id}")).await;
        answer.refused(404, "Log not found.", Some("inexistent_log"));
    }
}

#[tokio::test]
async fn a_search_finds_what_it_says() {
    let api = with(10).await;
    let ids = api.get(READ, "/logs").await.expect(200);
    let fifth = ids[4]["log_id"].as_str().unwrap();
    for (q, wanted) in [
        ("", vec![9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ("type:fp", vec![9, 6, 3, 0]),
        ("fp", vec![9, 6, 3, 0]),
        ("type:f*", vec![9, 6, 3, 0]),
        ("type:(fp OR w) AND NOT ip:192.0.2.6", vec![9, 3, 0]),
        ("user_id:\"auth0|ada\" AND type:s AND ip:192.0.2.7", vec![7]),
        ("user_id:auth0|ada", vec![8, 7, 5, 4, 2, 1]),
        ("-user_id:*", vec![9, 6, 3, 0]),
        ("description:event", vec![]),
        ("description:*7", vec![7]),
        ("description:\"event 7\"", vec![7]),
        ("\"event 7\" \"event 2\"", vec![7, 2]),
        ("user_agent:Mozilla*", vec![1]),
        ("date:2026-11-23T06:04", vec![4]),
        ("date:[2026-11-23T06:03 TO 2026-11-23T06:05}", vec![4, 3]),
        ("date:{2026-11-23T06:07 TO *]", vec![9, 8]),
        ("date:[2026 TO 2026-11-22]", vec![]),
        ("connection:x", vec![]),
        ("NOT connection:x AND type:fp", vec![9, 6, 3, 0]),
        (&format!("log_id:[{fifth} TO *]"), vec![9, 8, 7, 6, 5]),
        (&format!("log_id:[* TO {fifth}}}"), vec![4, 3, 2, 1, 0]),
        (fifth, vec![5]),
        ("log_id:7", vec![]),
    ] {
        assert_eq!(search(&api, q).await, wanted, "{q}");
    }
    // SDKs say `search`; the command line says `q` twice.
    let answer = api
        .get(READ, "/logs?search=type:fp&page=0&per_page=50")
        .await;
    assert_eq!(told(&answer.expect(200)), [9, 6, 3, 0]);
    let twice = format!("/logs?q=log_id:[{fifth}%20TO%20*]&q=type:fp&sort=date:-1");
    let twice = twice.replace('[', "%5B").replace(']', "%5D");
    assert_eq!(told(&api.get(READ, &twice).await.expect(200)), [9, 6]);
}

#[tokio::test]
async fn a_search_that_cannot_be_read_is_told_what_is_wrong() {
    let api = with(1).await;
    for (q, part) in [
        ("type:(s", "a closing parenthesis is missing at character 8"),
        ("jo?n", "is not supported"),
        ("sid:x", "there is no field \\\"sid\\\""),
        ("date:soon", "a date is a year"),
        ("log_id:[1 TO *]", "a log_id is that of a record"),
    ] {
        let answer = api.get(READ, &format!("/logs?q={}", encoded(q))).await;
        let body = answer.expect(400);
        assert_eq!(body["errorCode"], "invalid_query_string");
        let message = body["message"].to_string();
        assert!(message.contains(part), "{message}");
        assert!(message.contains("on property q"), "{message}");
    }
    for bad in [
        "sort=date",
        "sort=sid:1",
        "per_page=101",
        "page=-1",
        "include_totals=x",
    ] {
        api.get(READ, &format!("/logs?{bad}")).await.expect(400);
    }
}

#[tokio::test]
async fn a_page_has_its_order_its_fields_and_its_totals() {
    let api = with(10).await;
    let get = async |query: &str| api.get(READ, &format!("/logs?{query}")).await.expect(200);
    assert_eq!(told(&get("sort=date:1&per_page=3&page=1").await), [3, 4, 5]);
    assert_eq!(told(&get("sort=ip:-1&per_page=2&page=4").await), [1, 0]);
    assert_eq!(told(&get("sort=type:1&per_page=5").await), [0, 3, 6, 9, 1]);
    let page = get("q=type:fp&per_page=3&page=1&include_totals=true").await;
    let numbers = ["start", "limit", "length", "total"].map(|name| page[name].as_u64().unwrap());
    assert_eq!(numbers, [3, 3, 1, 4]);
    assert_eq!(told(&page["logs"]), [0]);
    let some = get("per_page=1&fields=type,description").await;
    assert_eq!(some, json!([{"type": "fp", "description": "event 9"}]));
    let rest = get("per_page=1&fields=details,log_id,_id&include_fields=false").await;
    let rest = rest[0].as_object().unwrap();
    assert!(
        !rest.contains_key("details") && rest.contains_key("date"),
        "{rest:?}"
    );
}

#[tokio::test]
async fn a_thousand_records_are_reached_and_not_one_more() {
    let api = with(1_001).await;
    let reach = async |page: &str| api.get(READ, &format!("/logs?{page}")).await;
    let last = reach("per_page=100&page=9&include_totals=true")
        .await
        .expect(200);
    assert_eq!(told(&last["logs"]).last(), Some(&1));
    assert_eq!(last["total"], 1_000);
    for past in [
        "per_page=100&page=10",
        "per_page=3&page=333",
        "page=4294967295",
    ] {
        let message = "You can only page through the first 1000 records. Narrow the search, or \
                       read on from a record with \"from\" and \"take\".";
        reach(past)
            .await
            .refused(400, message, Some("invalid_paging"));
    }
}

#[tokio::test]
async fn a_query_that_is_too_long_is_told_so() {
    let api = with(1).await;
    let query = |length: usize| format!("/logs?q={}", "a".repeat(length - 2));
    api.get(READ, &query(8_192)).await.expect(200);
    let answer = api.get(READ, &query(8_193)).await;
    answer.refused(
        414,
        "URI Too Long: the query has more than 8192 bytes",
        None,
    );
}

#[tokio::test]
async fn a_checkpoint_is_followed_to_the_end_while_records_are_added() {
    let api = with(23).await;
    let mut path = "/logs?take=5".to_owned();
    let (mut seen, mut added) = (Vec::new(), 23);
    loop {
        let answer = api.get(READ, &path).await;
        let next = next(&answer);
        let page = told(&answer.expect(200));
        if page.is_empty() {
            assert_eq!(next, path, "the next call is the same");
            break;
        }
        seen.extend(page);
        path = next;
        if added < 40 {
            put(&api, (added..added + 3).map(event).collect()).await;
            added += 3;
        }
    }
    assert_eq!(seen, (0..added).collect::<Vec<u64>>());
    put(&api, vec![event(99)]).await;
    assert_eq!(told(&api.get(READ, &path).await.expect(200)), [99]);
}

#[tokio::test]
async fn a_checkpoint_heeds_nothing_but_itself() {
    let api = with(8).await;
    let logs = api.get(READ, "/logs").await.expect(200);
    let from = logs[4]["log_id"].as_str().unwrap();
    let path =
        format!("/logs?from={from}&take=2&q=type:(&sort=x&page=x&include_totals=true&fields=type");
    let answer = api.get(READ, &path).await;
    let last = logs[2]["log_id"].as_str().unwrap();
    assert_eq!(next(&answer), format!("/logs?from={last}&take=2"));
    let body = answer.expect(200);
    assert_eq!(told(&body), [4, 5]);
    assert!(body[0]["details"].is_object());
    for bad in [
        "from=x",
        "from=900",
        &format!("from={from}&take=0"),
        "take=101",
    ] {
        api.get(READ, &format!("/logs?{bad}")).await.expect(400);
    }
}

#[tokio::test]
async fn the_scope_for_users_shows_what_is_about_users() {
    let api = with(4).await;
    let of_users = "read:logs_users";
    let ids = api.get(READ, "/logs").await.expect(200);
    let about = told(&api.get(of_users, "/logs").await.expect(200));
    assert_eq!(about, [2, 1]);
    assert_eq!(
        told(&api.get(of_users, "/logs?take=9").await.expect(200)),
        [1, 2]
    );
    let answer = api.get(of_users, "/logs?q=type:fp").await;
    assert_eq!(told(&answer.expect(200)), Vec::<u64>::new());
    for (log, status) in [(&ids[0], 404), (&ids[1], 200)] {
        let path = format!("/logs/{}", log["log_id"].as_str().unwrap());
        api.get(of_users, &path).await.expect(status);
    }
    for path in ["/logs", "/logs/1", "/users/x/logs"] {
        let message = "Insufficient scope, expected any of: read:logs,read:logs_users";
        let answer = api.get("read:users", path).await;
        answer.refused(403, message, Some("insufficient_scope"));
    }
    let request = Request::get("/api/v2/logs").body(Body::empty()).unwrap();
    api.send(request).await.expect(401);
}

#[tokio::test]
async fn a_user_has_records_of_their_own() {
    let api = with(10).await;
    let path = format!(
        "/users/{}/logs?per_page=2&page=1&sort=date:1",
        encoded(USER)
    );
    assert_eq!(
        told(&api.get("read:logs_users", &path).await.expect(200)),
        [4, 5]
    );
    let path = format!("/users/{}/logs?include_totals=true", encoded(USER));
    assert_eq!(api.get(READ, &path).await.expect(200)["total"], 6);
    let none = api.get(READ, "/users/nobody/logs").await.expect(200);
    assert_eq!(none, json!([]));
}

/// What the command line for tenants does: the newest first, then again and again what came since.
#[tokio::test]
async fn the_log_can_be_followed_by_searching_for_later_ids() {
    let api = with(3).await;
    let latest = api.get(READ, "/logs?sort=date:-1&page=0&per_page=50").await;
    let latest = latest.expect(200);
    let last = latest[0]["log_id"].as_str().unwrap();
    put(&api, vec![event(3), event(4)]).await;
    let q = encoded(&format!("log_id:[{last} TO *]"));
    let path = format!("/logs?page=0&per_page=100&sort=date:-1&q={q}");
    assert_eq!(told(&api.get(READ, &path).await.expect(200)), [4, 3, 2]);
}

#[tokio::test]
async fn a_change_that_a_caller_makes_is_searched_by_the_caller() {
    let api = with(1).await;
    api.put_session("s1", USER, &[]).await;
    api.call("delete:sessions", "DELETE /sessions/s1", Value::Null)
        .await
        .expect(202);
    let q = encoded(&format!("client_id:{CALLER} AND type:sapi"));
    let logs = api.get(READ, &format!("/logs?q={q}")).await.expect(200);
    assert_eq!(logs[0]["details"]["request"]["method"], "delete");
    assert_eq!(logs.as_array().unwrap().len(), 1);
}
