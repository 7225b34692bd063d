//! What an app may ask about the person with its access token.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{Request, StatusCode};
use logout_issuer::domain::initiator::Initiator;

use crate::house::{EMAIL, House, Reply, claims};

async fn ask(house: &House, method: &str, authorization: Option<&str>) -> Reply {
    let mut request = Request::builder()
        .method(method)
        .uri(house.url("/userinfo"));
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    house.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_claims_are_those_of_the_granted_scopes() {
    let house = House::open().await;
    let tokens = house.sign_in(&mut house.browser()).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    for method in ["GET", "POST"] {
        let claims = ask(&house, method, Some(&bearer)).await.json();
        assert_eq!(claims["sub"], house.ada.id.as_str());
        assert_eq!(claims["email"], EMAIL);
        assert_eq!(claims["email_verified"], true);
        assert_eq!(claims["name"], "Ada");
        assert!(claims.get("phone_number").is_none());
    }
}

#[tokio::test]
async fn a_token_is_worth_nothing_after_the_session() {
    let house = House::open().await;
    let tokens = house.sign_in(&mut house.browser()).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let sid = claims(tokens["id_token"].as_str().unwrap())["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let sid = sid.parse().unwrap();
    house
        .issuer
        .sessions()
        .end(&sid, Initiator::SessionRevoked)
        .await
        .unwrap();
    let reply = ask(&house, "GET", Some(&bearer)).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(
        reply
            .header(WWW_AUTHENTICATE)
            .contains("error=\"invalid_token\""),
        "{reply:?}"
    );
}

#[tokio::test]
async fn other_tokens_are_refused() {
    let house = House::open().await;
    let tokens = house.sign_in(&mut house.browser()).await;
    let id_token = format!("Bearer {}", tokens["id_token"].as_str().unwrap());
    let access_token = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    for bad in [id_token.as_str(), "Bearer x", "Bearer "] {
        assert_eq!(
            ask(&house, "GET", Some(bad)).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    for none in [None, Some("Basic eDp5")] {
        let reply = ask(&house, "GET", none).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(reply.header(WWW_AUTHENTICATE), "Bearer realm=\"issuer\"");
    }
    house.clock.advance(Duration::from_hours(24));
    assert_eq!(
        ask(&house, "GET", Some(&access_token)).await.status,
        StatusCode::UNAUTHORIZED
    );
}
