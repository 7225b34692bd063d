//! The rate limit: what an answer says of it, whose calls count together, what is recorded.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use logout_issuer::http::{RateLimit, Settings};
use logout_issuer::login::access_token::management_audience;
use logout_shared::Timestamp;

use crate::api::{Answer, Api, CALLER, START, client};

const MESSAGE: &str = "Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and \
    X-RateLimit-Reset headers.";

/// Two calls a second, three at once.
async fn limited() -> Api {
    let mut api = Api::start().await;
    api.serve_with(Settings {
        rate_limit: Some(RateLimit {
            per_second: NonZeroU32::new(2).unwrap(),
            burst: NonZeroU32::new(3).unwrap(),
        }),
        ..Settings::default()
    });
    api
}

fn number(answer: &Answer, name: &str) -> i64 {
    let value = answer.headers.get(name);
    let value = value.unwrap_or_else(|| panic!("no {name} in {:?}", answer.headers));
    value.to_str().unwrap().parse().unwrap()
}

/// Limit, remaining, and how many seconds after the start the reset is.
fn told(answer: &Answer) -> (i64, i64, i64) {
    (
        number(answer, "x-ratelimit-limit"),
        number(answer, "x-ratelimit-remaining"),
        number(answer, "x-ratelimit-reset") - START.as_secs(),
    )
}

async fn list(api: &Api) -> Answer {
    api.get("read:clients", "/clients").await
}

/// A call without a token from an address.
async fn strange(api: &Api, from: &str) -> Answer {
    let from: SocketAddr = from.parse().unwrap();
    let request = Request::get("/api/v2/clients").extension(ConnectInfo(from));
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_burst_is_taken_and_the_call_after_it_is_refused_until_there_is_room() {
    let api = limited().await;
    for (remaining, reset) in [(2, 1), (1, 1), (0, 2)] {
        let answer = list(&api).await;
        assert_eq!(told(&answer), (3, remaining, reset));
        answer.expect(200);
    }
    let answer = list(&api).await;
    assert_eq!(told(&answer), (3, 0, 1));
    assert_eq!(number(&answer, "retry-after"), 1);
    answer.refused(429, MESSAGE, Some("too_many_requests"));
    api.clock.advance(Duration::from_millis(499));
    list(&api).await.expect(429);
    api.clock.advance(Duration::from_millis(1));
    list(&api).await.expect(200);
    list(&api).await.expect(429);
}

#[tokio::test]
async fn every_answer_says_what_is_left() {
    let api = limited().await;
    let unknown = api.get("read:clients", "/nothing").await;
    assert_eq!(told(&unknown), (3, 2, 1));
    unknown.expect(404);
    let refused = api.get("read:users", "/clients").await;
    assert_eq!(told(&refused), (3, 1, 1));
    refused.expect(403);
    let stranger = strange(&api, "192.0.2.1:1").await;
    assert_eq!(told(&stranger), (3, 2, 1));
    stranger.expect(401);
}

#[tokio::test]
async fn without_a_limit_nothing_is_said_and_nobody_refused() {
    let api = Api::start().await;
    for _ in 0..200 {
        let answer = list(&api).await;
        assert!(!answer.headers.contains_key("x-ratelimit-limit"));
        answer.expect(200);
    }
}

#[tokio::test]
async fn nobody_uses_up_the_calls_of_another() {
    let api = limited().await;
    api.put_client(client("other")).await;
    for _ in 0..4 {
        strange(&api, "192.0.2.1:1").await;
    }
    strange(&api, "192.0.2.1:2").await.expect(429);
    strange(&api, "192.0.2.2:1").await.expect(401);
    for _ in 0..3 {
        list(&api).await.expect(200);
    }
    list(&api).await.expect(429);
    let audience = management_audience(api.issuer.id());
    let token = api.token_of("other", &audience, "read:clients").await;
    // From the address that has no calls left.
    let from: SocketAddr = "192.0.2.1:3".parse().unwrap();
    let request = Request::get("/api/v2/clients")
        .header("authorization", format!("Bearer {token}"))
        .extension(ConnectInfo(from));
    api.send(request.body(Body::empty()).unwrap())
        .await
        .expect(200);
    // Somebody else's client in a token that is not signed is nobody.
    let forged = format!("{}x", token.rsplit_once('.').unwrap().0);
    let request = Request::get("/api/v2/clients")
        .header("authorization", format!("Bearer {forged}"))
        .extension(ConnectInfo(from));
    api.send(request.body(Body::empty()).unwrap())
        .await
        .expect(429);
}

#[tokio::test]
async fn refusals_are_recorded_once_a_client_and_minute() {
    let api = limited().await;
    let exhaust = async || {
        for _ in 0..8 {
            list(&api).await;
            strange(&api, "192.0.2.1:1").await;
        }
    };
    exhaust().await;
    let events = api.events("api_limit").await;
    let clients: Vec<_> = events
        .iter()
        .map(|record| &record.event["client"])
        .collect();
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(clients.contains(&&serde_json::json!(CALLER)), "{events:?}");
    api.clock.advance(Duration::from_secs(59));
    exhaust().await;
    assert_eq!(api.events("api_limit").await.len(), 2);
    api.clock.advance(Duration::from_secs(1));
    exhaust().await;
    assert_eq!(api.events("api_limit").await.len(), 4);
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nobody_out() {
    let api = limited().await;
    for _ in 0..3 {
        list(&api).await.expect(200);
    }
    api.clock.set(Timestamp::from_secs(START.as_secs() - 60));
    list(&api).await.expect(429);
    api.clock.advance(Duration::from_millis(500));
    list(&api).await.expect(200);
}
