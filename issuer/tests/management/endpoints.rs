//! Endpoints, the stream of deliveries, statistics and the test of a client.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::Request;
use futures_util::future::poll_fn;
use logout_issuer::domain::delivery::{AttemptError, Delivery, DeliveryState};
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{
    Initiators, LogoutSettings, LogoutUrl, SubjectInToken,
};
use logout_tests::relying_party::{Answer, TestRelyingParty};
use serde_json::{Value, json};

use crate::api::{Api, START, USER, client};
use crate::deliveries::{READ, attempt, delivery, put};

const UPDATE: &str = "update:logout_deliveries";

async fn put_app(api: &Api, id: &str, urls: &[String], subject: SubjectInToken) {
    let mut client = client(id);
    let mut settings = LogoutSettings {
        urls: urls.iter().cloned().map(LogoutUrl::from_stored).collect(),
        initiators: Some(Initiators::All),
        ..LogoutSettings::default()
    };
    settings.delivery.subject = subject;
    client.logout = Some(settings);
    api.put_client(client).await;
}

/// Ends a new session of Ada's at a client.
async fn end_one(api: &Api, session: &str, client: &str) {
    let sid = api.put_session(session, USER, &[client]).await;
    let sessions = api.issuer.sessions();
    sessions.end(&sid, Initiator::SessionRevoked).await.unwrap();
}

async fn endpoints(api: &Api, query: &str) -> Value {
    api.get(READ, &format!("/logout-endpoints{query}"))
        .await
        .expect(200)
}

/// Asks until the answer is as wished; records are written a moment after the app was told.
async fn until(api: &Api, query: &str, wish: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..3_000 {
        let found = endpoints(api, query).await;
        if wish(&found) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("still {}", endpoints(api, query).await);
}

#[tokio::test]
async fn an_endpoint_is_listed_with_its_window_and_what_waits_for_it() {
    let api = Api::start().await;
    let urls = ["https://a.example/", "https://b.example/"].map(str::to_owned);
    put_app(&api, "shop", &urls, SubjectInToken::Auto).await;
    let waiting = Delivery {
        url: LogoutUrl::from_stored(urls[1].clone()),
        ..delivery(1, "shop")
    };
    let gone = delivery(2, "gone");
    put(&api, vec![waiting, gone]).await;
    attempt(&api, Some(503), Some(AttemptError::Status)).await;
    let all = endpoints(&api, "").await;
    let told: Vec<_> = all["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["client_id"].as_str().unwrap(),
                it["url"].as_str().unwrap(),
            )
        })
        .collect();
    let wanted = [
        ("gone", "https://shop.example/out"),
        ("shop", "https://a.example/"),
        ("shop", "https://b.example/"),
    ];
    assert_eq!(told, wanted);
    let id = all["endpoints"][2]["id"].clone();
    let wanted = json!({
        "id": id, "client_id": "shop", "url": "https://b.example/", "state": "open",
        "down_since": null, "next_probe_at": null, "limit": 8, "in_flight": 0, "pending": 1,
        "parked": 0, "oldest_pending_at": "2026-11-23T06:00:00.000Z",
        "last": {"at": "2026-11-23T06:00:00.000Z", "status": 503, "error": "status", "duration_ms": 12},
    });
    assert_eq!(all["endpoints"][2], wanted);
    assert_eq!(all["endpoints"][1]["last"], Value::Null);
    assert_eq!(all["next"], Value::Null);
    let first = endpoints(&api, "?client_id=shop&take=1").await;
    assert_eq!(first["endpoints"], json!([all["endpoints"][1]]));
    let from = first["next"].as_str().unwrap();
    let second = endpoints(&api, &format!("?client_id=shop&take=1&from={from}")).await;
    assert_eq!(second, json!({"endpoints": [wanted], "next": null}));
    let none = endpoints(&api, "?from=nonsense").await;
    assert_eq!(none, json!({"endpoints": [], "next": null}));
    for wrong in ["?take=101", "?client=shop", "?client_id=%0A"] {
        api.get(READ, &format!("/logout-endpoints{wrong}"))
            .await
            .expect(400);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_probed_when_asked_and_told_at_once_when_it_is_back() {
    let (api, app) = (
        Api::start_for_development().await,
        TestRelyingParty::start().await,
    );
    app.always_answer(Answer::Status(503));
    put_app(&api, "shop", &[app.url()], SubjectInToken::Auto).await;
    api.issuer.start_delivery();
    let mut sessions = Vec::new();
    for n in 0..8 {
        sessions.push(api.put_session(&format!("s{n}"), USER, &["shop"]).await);
    }
    // Who joined just before the end is told twice.
    api.clock.advance(Duration::from_secs(11));
    for sid in &sessions {
        let sessions = api.issuer.sessions();
        sessions.end(sid, Initiator::SessionRevoked).await.unwrap();
    }
    let down = |it: &Value| it["endpoints"][0]["state"] == "down";
    let at_rest = |it: &Value| down(it) && it["endpoints"][0]["in_flight"] == 0;
    let found = until(&api, "", at_rest).await;
    let endpoint = &found["endpoints"][0];
    assert_eq!(endpoint["pending"], 8);
    assert!(!endpoint["down_since"].is_null() && !endpoint["next_probe_at"].is_null());
    let before = app.requests().len();
    let line = format!(
        "POST /logout-endpoints/{}/probe",
        endpoint["id"].as_str().unwrap()
    );
    let told = api.call(UPDATE, &line, Value::Null).await.expect(202);
    assert_eq!(
        told,
        json!({"probing": true, "message": "It is tried now."})
    );
    // The clock stands still: without the probe nothing would be sent.
    app.wait_for(before + 1).await;
    until(&api, "", at_rest).await;
    // The three that failed before it was down wait for a time: sent again, they are parked too,
    // and the app is tried. That of another client is not.
    let many = "POST /logout-deliveries/retry";
    for (client, count) in [("other", 0), ("shop", 3)] {
        let told = api.call(UPDATE, many, json!({"client_id": client})).await;
        assert_eq!(told.expect(202), json!({"count": count}), "{client}");
    }
    app.wait_for(before + 2).await;
    let parked = |it: &Value| at_rest(it) && it["endpoints"][0]["parked"] == 8;
    until(&api, "", parked).await;
    // What is parked is due already; the app is tried all the same.
    let listed = api.get(READ, "/logout-deliveries").await.expect(200);
    let id = listed["deliveries"][0]["id"].as_str().unwrap();
    let retry = format!("POST /logout-deliveries/{id}/retry");
    let told = api.call(UPDATE, &retry, Value::Null).await.expect(202);
    let text = "It waits for its app, which is down and is tried now.";
    assert_eq!(told, json!({"count": 0, "message": text}));
    app.wait_for(before + 3).await;
    until(&api, "", parked).await;
    assert_eq!(app.requests().len(), before + 3);
    app.always_answer(Answer::Status(200));
    api.call(UPDATE, &line, Value::Null).await.expect(202);
    let open = |it: &Value| it["endpoints"][0]["state"] == "open";
    let found = until(&api, "", |it| {
        open(it) && it["endpoints"][0]["pending"] == 0
    })
    .await;
    assert_eq!(found["endpoints"][0]["last"]["status"], 200);
    let told = api.call(UPDATE, &line, Value::Null).await.expect(202);
    assert_eq!(told["probing"], false);
    let line = "POST /logout-endpoints/nonsense/probe";
    let code = Some("inexistent_logout_endpoint");
    let text = "The logout endpoint does not exist.";
    api.call(UPDATE, line, Value::Null)
        .await
        .refused(404, text, code);
    assert_eq!(api.events("sapi").await.len(), 5);
}

/// A stream that was opened, and what has come of it.
struct Stream {
    body: Body,
    text: String,
}

impl Stream {
    async fn open(api: &Api, last: Option<&str>) -> Result<Self, (u16, Value)> {
        let mut request = Request::get("/api/v2/logout-deliveries/events")
            .header("authorization", format!("Bearer {}", api.token(READ).await));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = api.open(request.body(Body::empty()).unwrap()).await;
        let status = response.status().as_u16();
        if status != 200 {
            let body = axum::body::to_bytes(response.into_body(), 65_536)
                .await
                .unwrap();
            return Err((status, serde_json::from_slice(&body).unwrap()));
        }
        Ok(Self {
            body: response.into_body(),
            text: String::new(),
        })
    }

    /// The next event: its name, id and data; `None` at the end.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    let of = |line: &str| line.strip_prefix(name).map(|it| it.trim().to_owned());
                    event.lines().find_map(of)
                };
                let Some(data) = field("data:") else { continue };
                let data = serde_json::from_str(&data).unwrap();
                return Some((field("event:").unwrap(), field("id:").unwrap(), data));
            }
            let body = &mut self.body;
            let frame = poll_fn(|cx| std::pin::Pin::new(&mut *body).poll_frame(cx));
            let frame = tokio::time::timeout(Duration::from_secs(30), frame).await;
            let frame = frame.expect("an event").transpose().unwrap()?;
            self.text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn listeners_hear_of_attempts_and_go_on_where_they_were() {
    let api = Api::start().await;
    put(&api, vec![delivery(1, "shop")]).await;
    let mut stream = Stream::open(&api, None).await.ok().unwrap();
    log_attempts(&api, 1).await;
    let (name, first, data) = stream.next().await.unwrap();
    assert_eq!(name, "delivery");
    let path = format!("/logout-deliveries/{}", delivery(1, "shop").id);
    let mut read = api.get(READ, &path).await.expect(200);
    read.as_object_mut().unwrap().remove("history");
    assert_eq!(data, read);
    drop(stream);
    log_attempts(&api, 2).await;
    let mut stream = Stream::open(&api, Some(&first)).await.ok().unwrap();
    let (_, second, _) = stream.next().await.unwrap();
    let (_, third, _) = stream.next().await.unwrap();
    let numbers: Vec<u64> = [first, second, third].map(|id| id.parse().unwrap()).into();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let (status, body) = Stream::open(&api, Some("x")).await.err().unwrap();
    assert_eq!(
        (status, &body["errorCode"]),
        (400, &json!("invalid_query_string"))
    );
    api.stop.cancel();
    assert!(stream.next().await.is_none(), "the server stops");
}

#[tokio::test]
async fn who_is_too_far_behind_is_told_and_who_is_at_the_limit_is_not() {
    let api = Api::start().await;
    put(&api, vec![delivery(1, "shop")]).await;
    log_attempts(&api, 10_000).await;
    let mut stream = Stream::open(&api, Some("0")).await.ok().unwrap();
    assert_eq!(stream.next().await.unwrap().0, "delivery");
    log_attempts(&api, 1).await;
    let mut stream = Stream::open(&api, Some("0")).await.ok().unwrap();
    let told = stream.next().await.unwrap();
    let wanted = (
        "lagging".to_owned(),
        "10001".to_owned(),
        json!({"skipped": 10_001}),
    );
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn there_are_32_listeners_and_no_more() {
    let api = Api::start().await;
    let mut streams = Vec::new();
    for _ in 0..32 {
        streams.push(Stream::open(&api, None).await.ok().unwrap());
    }
    let (status, body) = Stream::open(&api, None).await.err().unwrap();
    assert_eq!(
        (status, &body["errorCode"]),
        (429, &json!("too_many_requests"))
    );
    streams.pop();
    assert!(Stream::open(&api, None).await.is_ok());
}

/// Writes records of attempts at delivery 1 into the event log.
async fn log_attempts(api: &Api, count: usize) {
    use logout_issuer::domain::event_log::{LogCode, LogEvent};
    use logout_issuer::storage::StorageError;
    let written = api.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let code = LogCode::BackchannelLogoutFailed;
            let event = LogEvent {
                delivery: Some(delivery(1, "shop").id),
                ..LogEvent::new(code, "Back-channel logout failed", START)
            };
            tx.append_events(&vec![event; count]).await
        })
    });
    written.await.unwrap();
}

#[tokio::test]
async fn what_ended_is_counted_step_by_step() {
    let api = Api::start().await;
    let over = |n: u32, state, secs| Delivery {
        state,
        next_attempt_at: None,
        event_at: START,
        finished_at: Some(START + Duration::from_secs(secs)),
        ..delivery(n, "shop")
    };
    put(
        &api,
        vec![
            over(1, DeliveryState::Heard, 0),
            over(2, DeliveryState::Heard, 59),
            over(3, DeliveryState::Refused, 59),
            over(4, DeliveryState::GivenUp, 60),
            over(5, DeliveryState::Cancelled, 119),
            over(6, DeliveryState::Heard, 120),
            delivery(7, "shop"),
        ],
    )
    .await;
    put_app(&api, "blog", &[], SubjectInToken::Auto).await;
    end_one(&api, "s1", "blog").await;
    let query = "?after=2026-11-23T06:00:00Z&before=2026-11-23T06:02:00Z&step=60";
    let told = api
        .get("read:stats", &format!("/stats/logouts{query}"))
        .await
        .expect(200);
    let wanted = json!({
        "after": "2026-11-23T06:00:00.000Z",
        "before": "2026-11-23T06:02:00.000Z",
        "step": 60,
        "steps": [
            {
                "at": "2026-11-23T06:00:00.000Z", "sessions_ended": 1, "heard": 2, "refused": 1,
                "given_up": 0, "cancelled": 0,
                "latency_ms": {"p50": 0, "p95": 59_000, "p99": 59_000, "max": 59_000},
            },
            {
                "at": "2026-11-23T06:01:00.000Z", "sessions_ended": 0, "heard": 0, "refused": 0,
                "given_up": 1, "cancelled": 1, "latency_ms": null,
            },
        ],
    });
    assert_eq!(told, wanted);
    let by_default = api.get("read:stats", "/stats/logouts").await.expect(200);
    assert_eq!(by_default["steps"].as_array().unwrap().len(), 24);
    let range = |before: &str, step: &str| {
        format!("/stats/logouts?after=2026-11-01T00:00:00Z&before={before}&step={step}")
    };
    for (path, status) in [
        (range("2026-12-02T00:00:00Z", "86400"), 200),
        (range("2026-12-02T00:00:01Z", "86400"), 400),
        (range("2026-11-01T00:00:00Z", "60"), 400),
        (range("2026-11-01T08:20:00Z", "60"), 200),
        (range("2026-11-01T08:20:01Z", "60"), 400),
        (range("2026-11-01T00:01:00Z", "59"), 400),
        (range("2026-11-01T00:01:00Z", "x"), 400),
        ("/stats/logouts?until=x".to_owned(), 400),
    ] {
        api.get("read:stats", &path).await.expect(status);
    }
    api.get(READ, "/stats/logouts").await.expect(403);
}

#[tokio::test]
async fn a_test_reaches_the_app_names_nobody_and_says_what_the_answer_means() {
    let (api, app) = (
        Api::start_for_development().await,
        TestRelyingParty::start().await,
    );
    let strict = TestRelyingParty::start().await;
    strict.always_answer(Answer::oauth_error(
        400,
        "invalid_request",
        "no such issuer",
    ));
    put_app(
        &api,
        "shop",
        &[app.url(), strict.url()],
        SubjectInToken::Auto,
    )
    .await;
    put_app(&api, "strict", &[app.url()], SubjectInToken::Always).await;
    put_app(&api, "silent", &[], SubjectInToken::Auto).await;
    let line = "POST /clients/shop/logout-test";
    let told = api.call(UPDATE, line, Value::Null).await.expect(200);
    let (heard, refused) = (&told["results"][0], &told["results"][1]);
    assert_eq!(
        (&heard["heard"], &heard["status"]),
        (&json!(true), &json!(200))
    );
    assert_eq!(heard["url"], app.url());
    assert_eq!(
        (&refused["heard"], &refused["status"]),
        (&json!(false), &json!(400))
    );
    assert_eq!(refused["oauth_error_description"], "no such issuer");
    assert!(
        refused["meaning"]
            .as_str()
            .unwrap()
            .starts_with("The app refused the token for good")
    );
    let claims = app.requests()[0].claims();
    assert!(claims["sid"].as_str().unwrap().starts_with("logout-test-"));
    assert_eq!(
        (&claims["sub"], &claims["aud"]),
        (&Value::Null, &json!("shop"))
    );
    assert_eq!(claims["jti"], heard["jti"]);
    api.call(UPDATE, "POST /clients/strict/logout-test", Value::Null)
        .await
        .expect(200);
    let claims = app.requests()[1].claims();
    assert_eq!(claims["sub"], claims["sid"], "a sub that names nobody");
    let listed = api.get(READ, "/logout-deliveries").await.expect(200);
    assert_eq!(listed["deliveries"], json!([]), "nothing is stored");
    assert_eq!(api.events("sapi").await.len(), 2);

    let again = api.call(UPDATE, line, Value::Null).await;
    assert_eq!(again.headers["retry-after"], "5");
    again.refused(
        429,
        "Too many requests. Try again in 5 s.",
        Some("too_many_requests"),
    );
    api.clock.advance(Duration::from_secs(5));
    api.call(UPDATE, line, Value::Null).await.expect(200);
    let text = "The client has no back-channel logout URL.";
    let silent = api
        .call(UPDATE, "POST /clients/silent/logout-test", Value::Null)
        .await;
    silent.refused(409, text, None);
    let nobody = api
        .call(UPDATE, "POST /clients/nobody/logout-test", Value::Null)
        .await;
    nobody.refused(404, "The client does not exist", Some("inexistent_client"));
    api.call(READ, line, Value::Null).await.expect(403);
}

#[tokio::test]
async fn a_test_goes_through_the_egress_guard() {
    let api = Api::start().await;
    let app = TestRelyingParty::start().await;
    put_app(&api, "shop", &[app.url()], SubjectInToken::Auto).await;
    let told = api
        .call(UPDATE, "POST /clients/shop/logout-test", Value::Null)
        .await
        .expect(200);
    assert_eq!(told["results"][0]["error"], "address_refused");
    assert!(app.requests().is_empty());
}

#[tokio::test]
async fn twenty_clients_are_tested_within_five_seconds_and_no_more() {
    let api = Api::start().await;
    for n in 0..=20 {
        put_app(
            &api,
            &format!("c{n}"),
            &["http://127.0.0.1:9/".to_owned()],
            SubjectInToken::Auto,
        )
        .await;
        let line = format!("POST /clients/c{n}/logout-test");
        let status = if n < 20 { 200 } else { 429 };
        api.call(UPDATE, &line, Value::Null).await.expect(status);
    }
}
