//! Who is let in: tokens, scopes, and the exact texts of refusals.

use axum::body::Body;
use axum::http::Request;
use logout_issuer::login::access_token::management_audience;
use logout_shared::SigningAlgorithm;
use serde_json::{Value, json};
use std::time::Duration;

use crate::api::{Answer, Api, CALLER, START, client};

const PATH: &str = "/api/v2/sessions/s1";

async fn with_header(api: &Api, authorization: Option<&str>) -> Answer {
    let mut request = Request::builder().uri(PATH);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    api.send(request.body(Body::empty()).unwrap()).await
}

fn is_unauthorized(answer: Answer, message: &str) {
    let challenge = answer.headers.get("www-authenticate").expect("a challenge");
    assert!(
        challenge.to_str().unwrap().starts_with("Bearer"),
        "{challenge:?}"
    );
    answer.refused(401, message, None);
}

#[tokio::test]
async fn without_a_bearer_token_a_call_is_unauthorized() {
    let api = Api::start().await;
    for header in [None, Some("Bearer"), Some("Bearer "), Some("Basic YTpi")] {
        is_unauthorized(with_header(&api, header).await, "Missing authentication");
    }
}

#[tokio::test]
async fn a_foreign_or_broken_token_is_invalid() {
    let api = Api::start().await;
    let other = Api::start_with_new_keys().await;
    let stranger = other.token("read:sessions").await;
    let good = api.token("read:sessions").await;
    let (head, _) = good.rsplit_once('.').unwrap();
    let signatures = stranger.rsplit_once('.').unwrap().1;
    for token in [
        "nonsense",
        "a.b.c",
        &stranger,
        &format!("{head}.{signatures}"),
    ] {
        is_unauthorized(
            with_header(&api, Some(&format!("Bearer {token}"))).await,
            "Invalid token",
        );
    }
    is_unauthorized(
        with_header(&api, Some(&format!("Bearer {}", "x".repeat(20_000)))).await,
        "Invalid token",
    );
}

#[tokio::test]
async fn a_token_for_another_audience_or_of_no_client_is_invalid() {
    let api = Api::start().await;
    let audience = management_audience(api.issuer.id());
    for (client, audience) in [
        (CALLER, "https://id.example/userinfo"),
        (CALLER, "https://other.example/"),
        ("gone", &*audience),
    ] {
        let token = api.token_of(client, audience, "read:sessions").await;
        is_unauthorized(
            with_header(&api, Some(&format!("Bearer {token}"))).await,
            "Invalid token",
        );
    }
}

#[tokio::test]
async fn no_other_kind_of_our_tokens_is_an_access_token() {
    let api = Api::start().await;
    let now = START.as_secs();
    let claims = json!({
        "iss": api.issuer.id(), "sub": "caller@clients", "azp": CALLER, "iat": now,
        "aud": management_audience(api.issuer.id()), "exp": now + 120, "scope": "read:sessions",
    });
    for (typ, message) in [
        ("logout+jwt", "Invalid token"),
        ("JWT", "Invalid token"),
        ("at+jwt", "The session does not exist."),
    ] {
        let payload = claims.to_string().into_bytes();
        let token = api
            .issuer
            .keys()
            .sign(SigningAlgorithm::Rs256, typ, payload)
            .await
            .unwrap();
        let answer = with_header(&api, Some(&format!("Bearer {token}"))).await;
        assert_eq!(answer.body["message"], message, "{typ}");
    }
}

#[tokio::test]
async fn an_expired_token_is_told_so() {
    let api = Api::start().await;
    let token = api.token("read:sessions").await;
    let header = format!("Bearer {token}");
    api.clock.advance(Duration::from_secs(86_399));
    assert_eq!(with_header(&api, Some(&header)).await.status, 404);
    api.clock.advance(Duration::from_secs(1));
    let message = "Expired token received for JSON Web Token validation";
    is_unauthorized(with_header(&api, Some(&header)).await, message);
}

#[tokio::test]
async fn each_endpoint_names_the_scope_that_it_needs() {
    let api = Api::start().await;
    let clients = "read:clients,read:client_keys,read:client_credentials,read:client_summary";
    for (line, scopes) in [
        ("GET /sessions/s1", "read:sessions"),
        ("PATCH /sessions/s1", "update:sessions"),
        ("DELETE /sessions/s1", "delete:sessions"),
        (
            "POST /sessions/s1/revoke",
            "delete:sessions,delete:refresh_tokens",
        ),
        ("GET /users/auth0%7Cada/sessions", "read:sessions"),
        ("DELETE /users/auth0%7Cada/sessions", "delete:sessions"),
        ("GET /clients", clients),
        ("POST /clients", "create:clients"),
        ("GET /clients/caller", clients),
        ("PATCH /clients/caller", "update:clients,update:client_keys"),
        ("DELETE /clients/caller", "delete:clients"),
        ("POST /clients/caller/rotate-secret", "update:client_keys"),
        ("GET /logout-deliveries", "read:logout_deliveries"),
        ("GET /logout-deliveries/d1", "read:logout_deliveries"),
    ] {
        // A body that would be refused is not even looked at.
        let answer = api.call("read:users", line, json!("not an object")).await;
        let message = format!("Insufficient scope, expected any of: {scopes}");
        answer.refused(403, &message, Some("insufficient_scope"));
    }
    assert!(api.client(CALLER).await.is_some());
}

#[tokio::test]
async fn revoking_needs_both_scopes() {
    let api = Api::start().await;
    let answer = api
        .call("delete:sessions", "POST /sessions/s1/revoke", Value::Null)
        .await;
    let message = "Insufficient scope, expected any of: delete:refresh_tokens";
    answer.refused(403, message, Some("insufficient_scope"));
}

#[tokio::test]
async fn the_singular_spelling_of_the_seed_is_the_same_scope() {
    let api = Api::start().await;
    api.put_session("s1", crate::api::USER, &[]).await;
    let body = json!({"session_metadata": {"a": "b"}});
    api.call("update:session", "PATCH /sessions/s1", body)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_scope_that_was_taken_away_counts_no_more() {
    let api = Api::start().await;
    api.put_client(client("helper")).await;
    let audience = management_audience(api.issuer.id());
    let token = api
        .token_of("helper", &audience, "read:sessions read:clients")
        .await;
    let header = format!("Bearer {token}");
    assert_eq!(with_header(&api, Some(&header)).await.status, 404);
    let body = json!({"management_scopes": ["read:clients"]});
    let scopes = "update:clients update:client_grants delete:clients";
    api.call(scopes, "PATCH /clients/helper", body)
        .await
        .expect(200);
    with_header(&api, Some(&header)).await.refused(
        403,
        "Insufficient scope, expected any of: read:sessions",
        Some("insufficient_scope"),
    );
    api.call(scopes, "DELETE /clients/helper", Value::Null)
        .await
        .expect(204);
    is_unauthorized(with_header(&api, Some(&header)).await, "Invalid token");
}
