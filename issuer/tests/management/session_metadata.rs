//! The seed's requests: session metadata over the API, its limits and their texts.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Map, Value, json};

use crate::api::{Answer, Api, USER};

const TOO_MUCH: &str =
    "Metadata must not exceed 25 entries. Each key and value must be ≤ 255 characters.";

async fn api_with_session() -> Api {
    let api = Api::start().await;
    api.put_session("s1", USER, &[]).await;
    patch(&api, json!({"session_metadata": {"kept": "as it was"}}))
        .await
        .expect(200);
    api
}

async fn patch(api: &Api, body: Value) -> Answer {
    api.call("update:sessions", "PATCH /sessions/s1", body)
        .await
}

async fn stored(api: &Api) -> Value {
    json!(api.session("s1").await.unwrap().metadata)
}

fn entries(count: usize) -> Map<String, Value> {
    (0..count).map(|n| (format!("k{n}"), json!("v"))).collect()
}

#[tokio::test]
async fn metadata_is_written_read_replaced_and_removed() {
    let api = api_with_session().await;
    let answer = patch(&api, json!({"session_metadata": {"a": "1", "b": ""}}))
        .await
        .expect(200);
    assert_eq!(answer["session_metadata"], json!({"a": "1", "b": ""}));
    assert_eq!(answer["id"], "s1");
    let read = api.get("read:sessions", "/sessions/s1").await.expect(200);
    assert_eq!(read, answer, "GET gives what PATCH gave");
    patch(&api, json!({"session_metadata": {"c": "3"}}))
        .await
        .expect(200);
    assert_eq!(
        stored(&api).await,
        json!({"c": "3"}),
        "the map is replaced, not merged"
    );
    for nothing in [json!(null), json!({})] {
        patch(&api, json!({"session_metadata": {"c": "3"}}))
            .await
            .expect(200);
        let answer = patch(&api, json!({"session_metadata": nothing}))
            .await
            .expect(200);
        assert!(answer.get("session_metadata").is_none(), "{answer}");
        assert_eq!(stored(&api).await, json!({}));
    }
}

#[tokio::test]
async fn repeating_a_write_changes_nothing_more() {
    let api = api_with_session().await;
    let body = json!({"session_metadata": {"a": "1"}});
    let first = patch(&api, body.clone()).await.expect(200);
    assert_eq!(patch(&api, body).await.expect(200), first);
}

#[tokio::test]
async fn the_full_measure_fits() {
    let api = api_with_session().await;
    let key = |n: usize| format!("{n:0>255}");
    // 255 UTF-16 units: 127 pairs and one.
    let value = format!("{}é", "😀".repeat(127));
    let full: Map<_, _> = (0..25).map(|n| (key(n), json!(value))).collect();
    patch(&api, json!({"session_metadata": full}))
        .await
        .expect(200);
    assert_eq!(stored(&api).await, json!(full));
}

#[tokio::test]
async fn one_past_each_limit_has_the_seeds_sentence_and_changes_nothing() {
    let api = api_with_session().await;
    for metadata in [
        json!(entries(26)),
        json!({"k".repeat(256): "v"}),
        json!({"k": "v".repeat(256)}),
        json!({"k": "😀".repeat(128)}),
    ] {
        let answer = patch(&api, json!({"session_metadata": metadata})).await;
        answer.refused(400, TOO_MUCH, Some("invalid_body"));
        assert_eq!(stored(&api).await, json!({"kept": "as it was"}));
    }
    patch(&api, json!({"session_metadata": entries(25)}))
        .await
        .expect(200);
}

#[tokio::test]
async fn each_other_rule_has_its_own_text_and_changes_nothing() {
    let api = api_with_session().await;
    let characters = "Metadata keys may only include letters, numbers, underscores, or hyphens";
    let mut cases = vec![
        (json!({"k": 1}), "Metadata value must be a string"),
        (json!({"k": null}), "Metadata value must be a string"),
        (json!({"k": true}), "Metadata value must be a string"),
        (json!({"k": {}}), "Metadata value must be a string"),
        (json!({"k": ["v"]}), "Metadata value must be a string"),
        (json!([]), "Metadata must be an object"),
        (json!("text"), "Metadata must be an object"),
        (json!(7), "Metadata must be an object"),
        (
            json!({"a\0b": "v"}),
            "Metadata keys must not contain null bytes (\\x00)",
        ),
        (
            json!({"k": "a\0b"}),
            "Metadata values must not contain null bytes (\\x00)",
        ),
        (json!({"": "v"}), characters),
    ];
    let bad_keys: Vec<String> = (1_u8..=127)
        .map(char::from)
        .filter(|c| !c.is_ascii_alphanumeric() && !"_-".contains(*c))
        .chain("é日\u{200b}".chars())
        .map(|c| format!("a{c}b"))
        .collect();
    assert_eq!(bad_keys.len(), 127 - 64 + 3);
    cases.extend(bad_keys.iter().map(|key| (json!({key: "v"}), characters)));
    for (metadata, message) in cases {
        let answer = patch(&api, json!({"session_metadata": metadata})).await;
        answer.refused(
            400,
            &format!("Invalid metadata: {message}"),
            Some("invalid_body"),
        );
        assert_eq!(stored(&api).await, json!({"kept": "as it was"}));
    }
}

#[tokio::test]
async fn only_session_metadata_is_taken() {
    let api = api_with_session().await;
    for (body, message) in [
        (
            json!({}),
            "Payload validation error: 'Missing required property: session_metadata'.",
        ),
        (
            json!({"session_metadata": {}, "expires_at": "x"}),
            "Payload validation error: 'Additional properties not allowed: expires_at'.",
        ),
        (
            json!([]),
            "Payload validation error: 'Expected type object but found type array'.",
        ),
    ] {
        patch(&api, body)
            .await
            .refused(400, message, Some("invalid_body"));
        assert_eq!(stored(&api).await, json!({"kept": "as it was"}));
    }
}

#[tokio::test]
async fn the_seeds_slip_is_told_where_the_setting_belongs() {
    let api = api_with_session().await;
    for name in ["oidc_backchannel_logout", "oidc_logout"] {
        let body = json!({name: {
            "backchannel_logout_initiators": {"mode": "all"},
            "backchannel_logout_urls": ["https://httpdump.app/inspect/9bccf574"],
            "backchannel_logout_session_metadata": {"include": true},
        }});
        let answer = patch(&api, body).await.expect(400);
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.contains("/api/v2/clients/{id}") && message.contains(name),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_form_does_as_well() {
    let api = api_with_session().await;
    let token = api.token("update:sessions").await;
    let request = Request::builder()
        .method("PATCH")
        .uri("/api/v2/sessions/s1")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(
            "session_metadata%5Bdevice%5D=kiosk+7&session_metadata[b]=%C3%A9",
        ));
    api.send(request.unwrap()).await.expect(200);
    assert_eq!(stored(&api).await, json!({"device": "kiosk 7", "b": "é"}));
}
