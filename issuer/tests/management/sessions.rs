//! Reading and ending sessions.

use std::time::Duration;

use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl};
use logout_tests::relying_party::{Answer, TestRelyingParty};
use serde_json::{Value, json};

use crate::api::{Api, CALLER, USER, client};

const GONE: (u16, &str, Option<&str>) = (
    404,
    "The session does not exist.",
    Some("inexistent_session"),
);

#[tokio::test]
async fn a_session_has_auth0s_members() {
    let api = Api::start().await;
    api.put_client(client("shop")).await;
    api.put_session("s1", USER, &["shop", CALLER]).await;
    let wanted = json!({
        "id": "s1",
        "user_id": USER,
        "created_at": "2026-11-23T06:00:00.000Z",
        "updated_at": "2026-11-23T06:00:00.000Z",
        "authenticated_at": "2026-11-23T06:00:00.000Z",
        "last_interacted_at": "2026-11-23T06:00:00.000Z",
        "idle_expires_at": "2026-11-26T06:00:00.000Z",
        "expires_at": "2026-11-30T06:00:00.000Z",
        "device": {
            "initial_user_agent": "Browser/1",
            "initial_ip": "192.0.2.7",
            "last_user_agent": "Browser/1",
            "last_ip": "192.0.2.8",
        },
        "clients": [{"client_id": "caller"}, {"client_id": "shop"}],
        "authentication": {
            "methods": [{"name": "pwd", "timestamp": "2026-11-23T06:00:00.000Z"}],
        },
        "cookie": {"mode": "persistent"},
    });
    assert_eq!(
        api.get("read:sessions", "/sessions/s1").await.expect(200),
        wanted
    );
}

#[tokio::test]
async fn what_is_no_live_session_does_not_exist() {
    let api = Api::start().await;
    let long = "x".repeat(256);
    for id in ["nobody", "%0A", "%E2%82%AC", &long] {
        let path = format!("/sessions/{id}");
        api.get("read:sessions", &path)
            .await
            .refused(GONE.0, GONE.1, GONE.2);
        let write = format!("PATCH {path}");
        let body = json!({"session_metadata": {}});
        api.call("update:sessions", &write, body)
            .await
            .refused(GONE.0, GONE.1, GONE.2);
        let revoke = format!("POST {path}/revoke");
        let scopes = "delete:sessions delete:refresh_tokens";
        api.call(scopes, &revoke, Value::Null)
            .await
            .refused(GONE.0, GONE.1, GONE.2);
        let delete = format!("DELETE {path}");
        let answer = api.call("delete:sessions", &delete, Value::Null).await;
        assert_eq!(answer.expect(202), "");
    }
    assert_eq!(api.events("sapi").await.len(), 0, "nothing was changed");
}

#[tokio::test]
async fn an_expired_session_does_not_exist_though_nobody_swept_it() {
    let api = Api::start().await;
    api.put_session("s1", USER, &[]).await;
    api.clock.advance(Duration::from_hours(72));
    api.get("read:sessions", "/sessions/s1")
        .await
        .refused(GONE.0, GONE.1, GONE.2);
    let body = json!({"session_metadata": {"a": "b"}});
    api.call("update:sessions", "PATCH /sessions/s1", body)
        .await
        .refused(GONE.0, GONE.1, GONE.2);
    api.call("delete:sessions", "DELETE /sessions/s1", Value::Null)
        .await
        .expect(202);
    assert_eq!(
        api.events("session_revoked").await.len(),
        0,
        "it ends as expired, not as revoked"
    );
}

#[tokio::test]
async fn deleting_ends_a_session_once() {
    let api = Api::start().await;
    api.put_session("s1", USER, &[]).await;
    api.put_session("s2", USER, &[]).await;
    for _ in 0..3 {
        let answer = api
            .call("delete:sessions", "DELETE /sessions/s1", Value::Null)
            .await;
        assert_eq!(answer.expect(202), "");
    }
    assert!(api.session("s1").await.is_none() && api.session("s2").await.is_some());
    let events = api.events("session_revoked").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event["details"]["session_id"], "s1");
    assert_eq!(events[0].event["user"], USER);
    assert_eq!(events[0].event["client"], CALLER);
    assert_eq!(api.events("sapi").await.len(), 1);
}

#[tokio::test]
async fn revoking_ends_a_session_and_then_there_is_none() {
    let api = Api::start().await;
    api.put_session("s1", USER, &[]).await;
    let scopes = "delete:sessions delete:refresh_tokens";
    let answer = api
        .call(scopes, "POST /sessions/s1/revoke", Value::Null)
        .await;
    assert_eq!(answer.expect(202), "");
    assert!(api.session("s1").await.is_none());
    let again = api
        .call(scopes, "POST /sessions/s1/revoke", Value::Null)
        .await;
    again.refused(GONE.0, GONE.1, GONE.2);
}

#[tokio::test]
async fn whoever_revokes_can_wait_for_the_answers_of_clients() {
    let api = Api::start_for_development().await;
    api.issuer.start_delivery();
    let (shop, hangs) = (
        TestRelyingParty::start().await,
        TestRelyingParty::start().await,
    );
    hangs.always_answer(Answer::Hang);
    for (id, app) in [("shop", &shop), ("hangs", &hangs)] {
        let mut client = client(id);
        client.logout = Some(LogoutSettings {
            urls: vec![LogoutUrl::from_stored(app.url())],
            initiators: Some(Initiators::All),
            ..LogoutSettings::default()
        });
        api.put_client(client).await;
    }
    let scopes = "delete:sessions delete:refresh_tokens";
    for (session, participant, ms, answered) in [
        ("s1", "shop", 5_000, true),
        ("s2", "hangs", 1, false),
        ("s3", "hangs", 0, false),
    ] {
        api.put_session(session, USER, &[participant]).await;
        let line = format!("POST /sessions/{session}/revoke");
        let told = api.call(scopes, &line, json!({ "wait_ms": ms })).await;
        let wanted = json!({"deliveries": 1, "answered": answered});
        assert_eq!(told.expect(202), wanted, "{session}");
        assert!(api.session(session).await.is_none());
    }
    api.put_session("s4", USER, &[]).await;
    for (wrong, part) in [
        (
            json!({"wait_ms": 5_001}),
            "a wait is a number of milliseconds from 0 to 5000",
        ),
        (json!({"wait_ms": "1"}), "Expected type integer"),
        (
            json!({"wait": 1}),
            "Additional properties not allowed: wait",
        ),
    ] {
        let told = api.call(scopes, "POST /sessions/s4/revoke", wrong).await;
        let told = told.expect(400);
        assert!(told["message"].as_str().unwrap().contains(part), "{told}");
    }
    assert!(api.session("s4").await.is_some());
    let told = api
        .call(scopes, "POST /sessions/s4/revoke", json!({}))
        .await;
    assert_eq!(told.expect(202), "", "nobody asked to wait");
}

#[tokio::test]
async fn a_change_leaves_its_record() {
    let api = Api::start().await;
    api.put_session("s1", USER, &[]).await;
    let body = json!({"session_metadata": {"pet": "a-private-thing"}});
    api.call("update:sessions", "PATCH /sessions/s1", body)
        .await
        .expect(200);
    let events = api.events("sapi").await;
    assert_eq!(events.len(), 1);
    let record = &events[0].event;
    assert_eq!(record["user"], USER);
    assert_eq!(record["details"]["request"]["method"], "patch");
    assert_eq!(record["details"]["request"]["path"], "/api/v2/sessions/s1");
    assert_eq!(
        record["details"]["request"]["properties"],
        json!(["session_metadata"])
    );
    assert_eq!(record["details"]["response"]["statusCode"], 200);
    assert!(!record.to_string().contains("a-private-thing"), "{record}");
}
