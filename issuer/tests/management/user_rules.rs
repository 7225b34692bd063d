//! What a body that makes or changes a user must be.

use serde_json::json;

use crate::api::Api;
use crate::users::{ALL, change, make};

#[tokio::test]
async fn what_breaks_a_rule_is_told_by_name_and_changes_nothing() {
    let api = Api::start().await;
    for (body, property) in [
        (json!({"connection": "(none)"}), "connection"),
        (json!({"email": "(none)"}), "email"),
        (json!({"password": "(none)"}), "password"),
        (json!({"connection": "google-oauth2"}), "connection"),
        (json!({"email": "ada"}), "email"),
        (json!({"email": null}), "email"),
        (json!({"password": ""}), "password"),
        (json!({"user_id": "a\u{0}"}), "user_id"),
        (json!({"blocked": "yes"}), "blocked"),
        (json!({"picture": "ftp://example.com/a"}), "picture"),
        (json!({"phone_number": "0301234567"}), "phone_number"),
        (json!({"verify_email": true}), "verify_email"),
        (json!({"user_metadata": "red"}), "user_metadata"),
        (json!({"username": "ada"}), "username"),
        (json!({"admin": true}), "admin"),
    ] {
        let told = make(&api, body.clone()).await.expect(400);
        assert_eq!(told["errorCode"], "invalid_body", "{body}");
        let message = told["message"].as_str().unwrap();
        assert!(message.contains(property), "{body}: {message}");
    }
    let all = api.get(ALL, "/users?include_totals=true").await.expect(200);
    assert_eq!(all["total"], 1, "the one who was there before");
}

#[tokio::test]
async fn lengths_hold_at_their_ends() {
    let api = Api::start().await;
    let text = |length: usize| json!("é".repeat(length));
    let url = |length: usize| format!("https://e/{}", "x".repeat(length - 10));
    make(&api, json!({"user_id": "1"})).await.expect(201);
    for (name, good, bad) in [
        ("given_name", text(150), text(151)),
        ("family_name", text(150), text(151)),
        ("name", text(300), text(301)),
        ("nickname", text(300), text(301)),
        ("nickname", text(1), text(0)),
        ("picture", json!(url(2_048)), json!(url(2_049))),
        (
            "phone_number",
            json!("+123456789012345"),
            json!("+1234567890123456"),
        ),
        ("phone_number", json!("+1"), json!("+")),
        (
            "password",
            json!("x".repeat(1_024)),
            json!("x".repeat(1_025)),
        ),
    ] {
        change(&api, json!({ (name): good })).await.expect(200);
        change(&api, json!({ (name): bad })).await.expect(400);
    }
    for (length, status) in [(249, 201), (250, 400)] {
        let body = json!({"user_id": "i".repeat(length), "email": "i@example.com"});
        make(&api, body).await.expect(status);
    }
}

#[tokio::test]
async fn metadata_that_grows_by_changes_has_a_limit() {
    let api = Api::start().await;
    make(&api, json!({"user_id": "1"})).await.expect(201);
    let grow = |key: &str| json!({"app_metadata": {(key): "x".repeat(40_000)}});
    change(&api, grow("a")).await.expect(200);
    let told = change(&api, grow("b")).await.expect(400);
    let wanted = "Payload validation error: 'app_metadata would have more than 65536 bytes as \
                  JSON' on property app_metadata.";
    assert_eq!(told["message"], wanted);
    change(&api, json!({"app_metadata": {}})).await.expect(200);
    change(&api, grow("b")).await.expect(200);
    let cleared = change(&api, json!({"app_metadata": null}))
        .await
        .expect(200);
    assert_eq!(cleared["app_metadata"], json!({}));
}

#[tokio::test]
async fn a_change_names_something_and_not_both_address_and_password() {
    let api = Api::start().await;
    make(&api, json!({"user_id": "1"})).await.expect(201);
    change(&api, json!({})).await.refused(
        400,
        "Payload validation error: 'Too few properties defined (0), minimum 1'.",
        Some("invalid_body"),
    );
    let both = json!({"email": "x@example.com", "password": "x"});
    change(&api, both).await.refused(
        400,
        "Payload validation error: 'Cannot update password and email simultaneously'.",
        Some("invalid_body"),
    );
    let line = "PATCH /users/nobody";
    let unknown = api.call(ALL, line, json!({"name": "x"})).await;
    unknown.refused(404, "The user does not exist.", Some("inexistent_user"));
}
