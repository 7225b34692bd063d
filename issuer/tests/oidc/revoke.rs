//! Giving a refresh token back, and what is said to those who give back something else.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use logout_issuer::domain::client::Client;
use serde_json::json;

use crate::house::{House, Reply, SECRET, client, seal};
use crate::refresh::{assert_refused, exchange, next, offline, sign_in};

async fn revoke(house: &House, token: &str) -> Reply {
    let fields = [
        ("client_id", "shop"),
        ("client_secret", SECRET),
        ("token", token),
    ];
    house.post("/oauth/revoke", None, &fields).await
}

async fn revocations(house: &House) -> usize {
    let history = house.history().await;
    history.iter().filter(|(code, _)| code == "srrt").count()
}

#[tokio::test]
async fn a_token_given_back_takes_its_family_along_and_no_other() {
    let house = House::open().await;
    let (first, other) = (offline(&house).await, offline(&house).await);
    let latest = next(&house, &first).await;
    for shown in [&latest, &latest, &first] {
        let reply = revoke(&house, shown).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        assert_eq!(reply.header(CACHE_CONTROL), "no-store");
        assert_eq!(revocations(&house).await, 1);
    }
    let why = "the refresh token was revoked";
    let reply = exchange(&house, &latest).await;
    assert_refused(&reply, "invalid_grant", why);
    next(&house, &other).await;
}

#[tokio::test]
async fn a_used_token_is_as_good_to_give_back() {
    let house = House::open().await;
    let first = offline(&house).await;
    let latest = next(&house, &first).await;
    revoke(&house, &first).await;
    let reply = exchange(&house, &latest).await;
    assert_refused(&reply, "invalid_grant", "the refresh token was revoked");
}

#[tokio::test]
async fn what_nobody_knows_is_answered_as_revoked() {
    let house = House::open().await;
    let token = offline(&house).await;
    let (_, secret) = token.split_once('.').unwrap();
    let strange = format!("AAAAAAAAAAAAAAAAAAAAAA.{secret}");
    for unknown in ["x", "a.b.c", &strange] {
        let reply = revoke(&house, unknown).await;
        assert_eq!(reply.status, StatusCode::OK, "{unknown}: {reply:?}");
    }
    assert_eq!(revocations(&house).await, 0);
    next(&house, &token).await;
}

#[tokio::test]
async fn nobody_gives_back_what_is_anothers() {
    let house = House::open().await;
    let other = Client {
        sealed_secret: Some(seal(&house.issuer, "other", SECRET)),
        ..client("other")
    };
    house.add_client(other).await;
    let token = offline(&house).await;
    let as_client = async |id: &str, secret: &str| {
        let fields = [
            ("client_id", id),
            ("client_secret", secret),
            ("token", &token),
        ];
        house.post("/oauth/revoke", None, &fields).await
    };
    let why = "the refresh token was issued to another client";
    assert_refused(&as_client("other", SECRET).await, "invalid_grant", why);
    let why = "the client is unknown or its credentials are wrong";
    for (id, secret) in [("shop", "wrong"), ("shop", ""), ("nobody", SECRET)] {
        assert_refused(&as_client(id, secret).await, "invalid_client", why);
    }
    next(&house, &token).await;
}

#[tokio::test]
async fn access_tokens_are_not_taken_back() {
    let house = House::open().await;
    let tokens = sign_in(&house, &mut house.browser(), "openid").await;
    let reply = revoke(&house, tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(reply.json()["error"], "unsupported_token_type", "{reply:?}");
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_request_names_a_token_in_a_form_or_in_json() {
    let house = House::open().await;
    let reply = revoke(&house, "").await;
    assert_refused(&reply, "invalid_request", "the token is missing");
    let body = json!({
        "client_id": "shop",
        "client_secret": SECRET,
        "token": offline(&house).await,
        "token_type_hint": "access_token",
    });
    let request = Request::post(house.url("/oauth/revoke"))
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    assert_eq!(house.send(request).await.status, StatusCode::OK);
    assert_eq!(revocations(&house).await, 1, "the hint is a hint");
}
