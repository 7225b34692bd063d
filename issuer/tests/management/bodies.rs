//! Bodies, paths and methods that no endpoint takes.

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

use crate::api::{Answer, Api, USER};

const LIMIT: usize = 64 * 1024;

async fn patch(api: &Api, media_type: Option<&str>, body: String) -> Answer {
    let token = api.token("update:sessions").await;
    let mut request = Request::builder()
        .method("PATCH")
        .uri("/api/v2/sessions/s1")
        .header("authorization", format!("Bearer {token}"));
    if let Some(media_type) = media_type {
        request = request.header("content-type", media_type);
    }
    api.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn malformed_json_is_refused_with_its_place() {
    let api = Api::start().await;
    api.put_session("s1", USER, &[]).await;
    let answer = patch(
        &api,
        Some("application/json"),
        "{\n  \"session_metadata\": }".into(),
    )
    .await;
    let message =
        "Invalid request payload JSON format: expected value at line 2 column 23".to_owned();
    answer.refused(400, &message, Some("invalid_body"));
    let deep = "[".repeat(10_000);
    let answer = patch(&api, Some("application/json"), deep)
        .await
        .expect(400);
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("at line 1 column"),
        "{answer}"
    );
}

#[tokio::test]
async fn text_that_is_no_unicode_is_malformed() {
    let api = Api::start().await;
    api.put_session("s1", USER, &[]).await;
    let body = r#"{"session_metadata": {"k": "\ud800"}}"#;
    let answer = patch(&api, Some("application/json"), body.into())
        .await
        .expect(400);
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.starts_with("Invalid request payload JSON format: "),
        "{message}"
    );
    assert!(message.contains("at line 1 column"), "{message}");
}

#[tokio::test]
async fn the_limit_of_a_body_holds_at_its_last_byte() {
    let api = Api::start().await;
    api.put_session("s1", USER, &[]).await;
    let padded = |length: usize| {
        let body = "{\"session_metadata\":null}";
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    patch(&api, Some("application/json"), padded(LIMIT))
        .await
        .expect(200);
    let answer = patch(&api, Some("application/json"), padded(LIMIT + 1))
        .await
        .expect(413);
    assert_eq!(
        (&answer["statusCode"], &answer["error"]),
        (&413.into(), &"Payload Too Large".into())
    );
}

#[tokio::test]
async fn another_media_type_is_refused() {
    let api = Api::start().await;
    api.put_session("s1", USER, &[]).await;
    let body = || "{\"session_metadata\":null}".to_owned();
    for odd in [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
    ] {
        patch(&api, Some(odd), body())
            .await
            .refused(415, "Unsupported Media Type", None);
    }
    patch(&api, Some("application/json; charset=utf-8"), body())
        .await
        .expect(200);
    patch(&api, None, body()).await.expect(200);
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_told_in_json() {
    let api = Api::start().await;
    for (line, status) in [
        ("GET /nothing", 404),
        ("GET /sessions", 404),
        ("GET /clients/", 404),
        ("PUT /sessions/s1", 405),
        ("DELETE /clients", 405),
        ("GET /sessions/s1/revoke", 405),
    ] {
        let answer = api.call("read:sessions", line, Value::Null).await;
        let content_type = answer
            .headers
            .get("content-type")
            .unwrap()
            .to_str()
            .unwrap();
        assert!(
            content_type.starts_with("application/json"),
            "{line}: {content_type}"
        );
        if status == 405 {
            assert!(answer.headers.contains_key("allow"), "{line}");
            assert_eq!(answer.expect(status)["statusCode"], status, "{line}");
        } else {
            answer.refused(404, "Not Found", None);
        }
    }
}

#[tokio::test]
async fn a_path_that_is_not_utf_8_is_refused() {
    let api = Api::start().await;
    let answer = api.get("read:sessions", "/sessions/%FF").await;
    let message = "Path validation error: 'The path is not UTF-8' on property id.";
    answer.refused(400, message, Some("invalid_uri"));
}
