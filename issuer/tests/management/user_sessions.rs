//! The sessions of a user.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::{Api, CALLER, USER};

const PATH: &str = "/users/auth0%7Cada/sessions";

#[tokio::test]
async fn an_sdk_pages_through_the_sessions_to_the_end() {
    let api = Api::start().await;
    api.put_user("auth0|bob").await;
    for n in 0..7 {
        api.put_session(&format!("s{n}"), USER, &[CALLER]).await;
        api.put_session(&format!("other{n}"), "auth0|bob", &[])
            .await;
    }
    let mut seen = BTreeSet::new();
    let mut from = String::new();
    for page in 0.. {
        assert!(page < 4, "the list does not end");
        let path = format!("{PATH}?include_totals=true&take=3{from}");
        let body = api.get("read:sessions", &path).await.expect(200);
        for session in body["sessions"].as_array().unwrap() {
            assert_eq!(session["user_id"], USER);
            assert_eq!(session["clients"], json!([{"client_id": CALLER}]));
            assert!(
                seen.insert(session["id"].as_str().unwrap().to_owned()),
                "told twice"
            );
        }
        let Some(next) = body["next"].as_str() else {
            break;
        };
        from = format!("&from={next}");
    }
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn a_page_has_one_to_a_hundred() {
    let api = Api::start().await;
    for (take, status) in [
        ("0", 400),
        ("1", 200),
        ("100", 200),
        ("101", 400),
        ("x", 400),
    ] {
        let path = format!("{PATH}?take={take}");
        api.get("read:sessions", &path).await.expect(status);
    }
}

#[tokio::test]
async fn an_unknown_user_is_told_so() {
    let api = Api::start().await;
    for id in ["nobody", "%0A"] {
        for (scope, line) in [("read:sessions", "GET"), ("delete:sessions", "DELETE")] {
            let line = format!("{line} /users/{id}/sessions");
            let answer = api.call(scope, &line, Value::Null).await;
            answer.refused(404, "The user does not exist.", Some("inexistent_user"));
        }
    }
}

#[tokio::test]
async fn deleting_ends_all_sessions_of_the_user_and_no_other() {
    let api = Api::start().await;
    api.put_user("auth0|bob").await;
    for (id, user) in [("s1", USER), ("s2", USER), ("s3", "auth0|bob")] {
        api.put_session(id, user, &[]).await;
    }
    for _ in 0..2 {
        let answer = api
            .call("delete:sessions", &format!("DELETE {PATH}"), Value::Null)
            .await;
        assert_eq!(answer.expect(202), "");
    }
    assert!(api.session("s1").await.is_none() && api.session("s2").await.is_none());
    assert!(api.session("s3").await.is_some());
    assert_eq!(api.events("session_revoked").await.len(), 2);
    assert_eq!(
        api.get("read:sessions", PATH).await.expect(200),
        json!({"sessions": []})
    );
}
