//! Deliveries as the API shows them, and what changes of clients do to them.

use std::time::Duration;

use logout_issuer::domain::delivery::{
    About, Attempt, AttemptError, AttemptOutcome, Delivery, DeliveryId, DeliveryState,
};
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{LogoutSettings, LogoutUrl};
use logout_issuer::domain::retry::RetrySchedule;
use logout_issuer::storage::{Lease, RecordedAttempt, StorageError};
use logout_shared::{SessionMetadata, TokenId};
use serde_json::{Value, json};

use crate::api::{Api, START, USER, client};

pub(crate) const READ: &str = "read:logout_deliveries";
const URL: &str = "https://shop.example/out";

/// A delivery whose id says that it was made `n` seconds after the start.
pub(crate) fn delivery(n: u32, client: &str) -> Delivery {
    let millis = u128::from(START.as_millis().unsigned_abs()) + u128::from(n) * 1_000;
    // Version 7: the time in front.
    let id = (millis << 80) | (0x7 << 76) | (0b10 << 62) | u128::from(n);
    Delivery {
        id: format!("{id:032x}").parse::<DeliveryId>().unwrap(),
        client: client.parse().unwrap(),
        user: USER.parse().unwrap(),
        about: About::Session(format!("s{n}").parse().unwrap()),
        initiator: Initiator::SessionRevoked,
        url: LogoutUrl::from_stored(URL.to_owned()),
        trace_id: "0123456789abcdef".parse().unwrap(),
        metadata: SessionMetadata::new(),
        event_at: START,
        state: DeliveryState::Pending,
        attempts: 0,
        next_attempt_at: Some(START),
        queued_at: None,
        give_up_at: START + Duration::from_hours(72),
        finished_at: None,
        last: None,
        follow_up: false,
    }
}

pub(crate) async fn put(api: &Api, deliveries: Vec<Delivery>) {
    let written = api.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { tx.insert_deliveries(&deliveries).await })
    });
    written.await.unwrap();
}

/// Claims what is due and records this answer for each.
pub(crate) async fn attempt(api: &Api, status: Option<u16>, error: Option<AttemptError>) {
    let now = api.issuer.now();
    let written = api.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let lease = Lease {
                worker: "w".into(),
                now,
                until: now + Duration::from_secs(30),
            };
            let due = tx.claim_due_deliveries(&lease, 100, &mut |_| true).await?;
            let recorded: Vec<_> = due
                .leased
                .into_iter()
                .map(|claimed| {
                    let attempt = Attempt {
                        number: claimed.delivery.attempts + 1,
                        at: now,
                        jti: "jti-1".parse::<TokenId>().unwrap(),
                        url: claimed.delivery.url.clone(),
                        status,
                        error,
                        duration: Duration::from_millis(12),
                        oauth_error: Some("invalid_request".into()),
                        oauth_error_description: None,
                    };
                    let outcome = AttemptOutcome::Tried(attempt.clone(), None);
                    let schedule = RetrySchedule::default();
                    let delivery = claimed.delivery.after(&outcome, &schedule, now, 0.5);
                    RecordedAttempt {
                        delivery,
                        attempt: Some(attempt),
                    }
                })
                .collect();
            tx.record_attempts("w", &recorded).await
        })
    });
    written.await.unwrap();
}

/// Claims what is due and does nothing with it.
pub(crate) async fn hold(api: &Api) {
    let now = api.issuer.now();
    let written = api.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let lease = Lease {
                worker: "w".into(),
                now,
                until: now + Duration::from_secs(30),
            };
            tx.claim_due_deliveries(&lease, 100, &mut |_| true).await
        })
    });
    assert!(!written.await.unwrap().leased.is_empty());
}

#[tokio::test]
async fn a_delivery_has_its_members_from_the_start_to_the_end() {
    let api = Api::start().await;
    let waiting = delivery(1, "shop");
    let path = format!("/logout-deliveries/{}", waiting.id);
    put(&api, vec![waiting.clone()]).await;
    let mut wanted = json!({
        "id": waiting.id.to_string(),
        "state": "pending",
        "client_id": "shop",
        "user_id": USER,
        "session_id": "s1",
        "initiator": "session-revoked",
        "url": URL,
        "trace_id": "0123456789abcdef",
        "attempts": 0,
        "created_at": "2026-11-23T06:00:01.000Z",
        "next_attempt_at": "2026-11-23T06:00:00.000Z",
        "give_up_at": "2026-11-26T06:00:00.000Z",
        "finished_at": null,
        "last": null,
        "history": [],
    });
    assert_eq!(api.get(READ, &path).await.expect(200), wanted);
    attempt(&api, Some(503), Some(AttemptError::Status)).await;
    let read = api.get(READ, &path).await.expect(200);
    wanted["attempts"] = json!(1);
    wanted["next_attempt_at"] = read["next_attempt_at"].clone();
    wanted["last"] = json!({
        "at": "2026-11-23T06:00:00.000Z", "status": 503, "error": "status", "duration_ms": 12,
    });
    wanted["history"] = json!([{
        "number": 1, "at": "2026-11-23T06:00:00.000Z", "jti": "jti-1", "status": 503,
        "error": "status", "duration_ms": 12, "oauth_error": "invalid_request",
        "oauth_error_description": null,
    }]);
    assert_eq!(read, wanted);
    api.clock.advance(Duration::from_secs(10));
    attempt(&api, Some(200), None).await;
    let read = api.get(READ, &path).await.expect(200);
    assert_eq!(
        (&read["state"], &read["attempts"]),
        (&json!("heard"), &json!(2))
    );
    assert_eq!(read["finished_at"], "2026-11-23T06:00:10.000Z");
    assert_eq!(read["history"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_first_attempt_that_was_heard_is_history_too() {
    let api = Api::start().await;
    let waiting = delivery(1, "shop");
    put(&api, vec![waiting.clone()]).await;
    attempt(&api, Some(200), None).await;
    let read = api
        .get(READ, &format!("/logout-deliveries/{}", waiting.id))
        .await
        .expect(200);
    assert_eq!(read["history"].as_array().unwrap().len(), 1);
    assert_eq!(read["history"][0]["status"], 200);
}

#[tokio::test]
async fn an_unknown_delivery_is_told_so() {
    let api = Api::start().await;
    for id in ["nonsense", "00000000000000000000000000000001"] {
        api.get(READ, &format!("/logout-deliveries/{id}"))
            .await
            .refused(
                404,
                "The logout delivery does not exist.",
                Some("inexistent_logout_delivery"),
            );
    }
}

#[tokio::test]
async fn lists_are_narrowed_and_end() {
    let api = Api::start().await;
    let clients = ["shop", "blog"];
    put(
        &api,
        (0..7)
            .map(|n| delivery(n, clients[n as usize % 2]))
            .collect(),
    )
    .await;
    let user = USER.replace('|', "%7C");
    for n in 0..7 {
        api.put_session(&format!("s{n}"), USER, &[]).await;
    }
    for (filter, sessions) in [
        ("", vec!["s6", "s5", "s4", "s3", "s2", "s1", "s0"]),
        ("&client_id=blog", vec!["s5", "s3", "s1"]),
        ("&session_id=s2", vec!["s2"]),
        (
            "&state=pending&client_id=shop",
            vec!["s6", "s4", "s2", "s0"],
        ),
        ("&state=heard", vec![]),
        (
            &format!("&user_id={user}&client_id=blog"),
            vec!["s5", "s3", "s1"],
        ),
        ("&user_id=nobody", vec![]),
        (
            "&after=2026-11-23T06:00:02Z&before=2026-11-23T06:00:05Z",
            vec!["s4", "s3", "s2"],
        ),
    ] {
        let (mut seen, mut from) = (Vec::new(), String::new());
        for page in 0.. {
            assert!(page < 5, "the list does not end");
            let path = format!("/logout-deliveries?take=2{filter}{from}");
            let body = api.get(READ, &path).await.expect(200);
            for delivery in body["deliveries"].as_array().unwrap() {
                seen.push(delivery["session_id"].as_str().unwrap().to_owned());
            }
            let Some(next) = body["next"].as_str() else {
                break;
            };
            from = format!("&from={next}");
        }
        assert_eq!(seen, sessions, "{filter}");
    }
    api.get(READ, "/logout-deliveries?take=100")
        .await
        .expect(200);
    for (wrong, part) in [
        ("state=odd", "'a state of a delivery expected, found: odd'"),
        ("take=0", "on property take."),
        ("take=101", "'a number from 1 to 100 expected, found: 101'"),
        ("client_id=%0A", "on property client_id."),
        ("session_id=%0A", "on property session_id."),
        ("user_id=%0A", "on property user_id."),
        (
            "after=today",
            "'a time such as 2026-11-23T06:00:00Z expected, found: today'",
        ),
        ("before=1", "on property before."),
        ("client=shop", "'Additional properties not allowed: client'"),
    ] {
        let told = api.get(READ, &format!("/logout-deliveries?{wrong}")).await;
        let told = told.expect(400);
        assert_eq!(told["errorCode"], "invalid_query_string", "{wrong}");
        assert!(told["message"].as_str().unwrap().contains(part), "{told}");
    }
}

/// A client with a URL and two deliveries, one of them to another client.
async fn api_with_waiting() -> Api {
    let api = Api::start().await;
    let urls = vec![LogoutUrl::from_stored(URL.to_owned())];
    let mut shop = client("shop");
    shop.logout = Some(LogoutSettings {
        urls,
        ..LogoutSettings::default()
    });
    api.put_client(shop).await;
    put(&api, vec![delivery(1, "shop"), delivery(2, "blog")]).await;
    api
}

async fn state_of(api: &Api, n: u32) -> Value {
    let path = format!("/logout-deliveries/{}", delivery(n, "x").id);
    api.get(READ, &path).await.expect(200)["state"].clone()
}

#[tokio::test]
async fn a_client_that_gives_up_its_urls_is_told_no_more() {
    for gone in [
        json!(null),
        json!({}),
        json!({"backchannel_logout_urls": []}),
    ] {
        let api = api_with_waiting().await;
        let body = json!({"oidc_logout": gone});
        api.call("update:clients", "PATCH /clients/shop", body)
            .await
            .expect(200);
        assert_eq!(state_of(&api, 1).await, "cancelled");
        assert_eq!(state_of(&api, 2).await, "pending", "another client's stays");
    }
}

#[tokio::test]
async fn another_setting_cancels_nothing() {
    let api = api_with_waiting().await;
    api.call(
        "update:clients",
        "PATCH /clients/shop",
        json!({"name": "New"}),
    )
    .await
    .expect(200);
    assert_eq!(state_of(&api, 1).await, "pending");
}

#[tokio::test]
async fn what_waits_for_a_url_that_is_replaced_goes_to_the_new_one() {
    const NEW: &str = "https://shop.example/new";
    let api = api_with_waiting().await;
    let body = json!({"oidc_logout": {"backchannel_logout_urls": [NEW]}});
    api.call("update:clients", "PATCH /clients/shop", body)
        .await
        .expect(200);
    assert_eq!(state_of(&api, 1).await, "cancelled");
    let path = "/logout-deliveries?client_id=shop&state=pending";
    let waiting = api.get(READ, path).await.expect(200)["deliveries"].clone();
    assert_eq!(waiting.as_array().map(Vec::len), Some(1), "{waiting}");
    assert_eq!(waiting[0]["url"], NEW);
}

#[tokio::test]
async fn a_deleted_client_is_told_no_more() {
    let api = api_with_waiting().await;
    api.call("delete:clients", "DELETE /clients/shop", Value::Null)
        .await
        .expect(204);
    assert_eq!(state_of(&api, 1).await, "cancelled");
    assert_eq!(state_of(&api, 2).await, "pending");
}

/// What the deliveries of a session say, by client.
async fn told(api: &Api, session: &str) -> Vec<(String, String)> {
    let path = format!("/logout-deliveries?session_id={session}");
    let body = api.get(READ, &path).await.expect(200);
    let mut told: Vec<_> = body["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["client_id"].to_string(), it["initiator"].to_string()))
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn whoever_wants_to_hear_of_a_revoked_session_gets_a_delivery_with_its_end() {
    let api = Api::start().await;
    let urls = json!([URL]);
    for (id, settings) in [
        (
            "all",
            json!({"backchannel_logout_urls": urls, "backchannel_logout_initiators": {"mode": "all"}}),
        ),
        ("rp-only", json!({"backchannel_logout_urls": urls})),
        (
            "no-url",
            json!({"backchannel_logout_initiators": {"mode": "all"}}),
        ),
        (
            "named",
            json!({
                "backchannel_logout_urls": urls,
                "backchannel_logout_initiators":
                    {"mode": "custom", "selected_initiators": ["session-revoked"]},
            }),
        ),
    ] {
        api.put_client(client(id)).await;
        let line = format!("PATCH /clients/{id}");
        api.call("update:clients", &line, json!({"oidc_logout": settings}))
            .await
            .expect(200);
    }
    let everyone = ["all", "rp-only", "no-url", "named"];
    for id in ["by-delete", "by-revoke", "by-user"] {
        api.put_session(id, USER, &everyone).await;
    }
    let scopes = "delete:sessions delete:refresh_tokens";
    let wanted: Vec<(String, String)> = ["all", "named"]
        .map(|id| (format!("\"{id}\""), "\"session-revoked\"".to_owned()))
        .into();
    for (session, line) in [
        ("by-delete", "DELETE /sessions/by-delete"),
        ("by-revoke", "POST /sessions/by-revoke/revoke"),
        ("by-user", "DELETE /users/auth0%7Cada/sessions"),
    ] {
        assert_eq!(told(&api, session).await, []);
        api.call(scopes, line, Value::Null).await.expect(202);
        assert_eq!(told(&api, session).await, wanted, "{line}");
    }
    api.call(scopes, "DELETE /sessions/by-delete", Value::Null)
        .await
        .expect(202);
    assert_eq!(
        told(&api, "by-delete").await,
        wanted,
        "a second DELETE tells nobody again"
    );
}
