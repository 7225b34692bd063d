//! The Management API on an address of its own: what is where.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use logout_issuer::http::{AppState, Settings, admin_app, app};
use tower::ServiceExt as _;

use crate::api::Api;

async fn ask(router: &Router, line: &str, token: &str) -> (u16, String) {
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty());
    let answer = router.clone().oneshot(request.unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_api_is_there_alone_and_everything_else_stays() {
    let api = Api::start().await;
    let settings = Settings {
        admin_listen: Some("127.0.0.1:8081".parse().unwrap()),
        ..Settings::default()
    };
    let state = AppState::new(api.issuer.clone(), settings);
    let (public, admin) = (app(state.clone()), admin_app(state));
    let token = api.token("read:clients").await;
    for (line, at_public, at_admin) in [
        ("GET /api/v2/clients", 404, 200),
        ("GET /api/v2/nothing", 404, 404),
        ("GET /healthz", 200, 200),
        ("GET /readyz", 200, 200),
        ("GET /.well-known/openid-configuration", 200, 404),
        ("GET /authorize", 400, 404),
        ("GET /login", 400, 404),
        // Without a body neither knows what is asked for.
        ("POST /oauth/token", 400, 400),
    ] {
        assert_eq!(
            ask(&public, line, &token).await.0,
            at_public,
            "public {line}"
        );
        assert_eq!(ask(&admin, line, &token).await.0, at_admin, "admin {line}");
    }
    let (_, body) = ask(&public, "GET /api/v2/clients", &token).await;
    assert_eq!(
        body,
        r#"{"statusCode":404,"error":"Not Found","message":"Not Found"}"#
    );
}
