//! What the event log says about attempts: Auth0's record, one for each request.

use std::time::Duration;

use logout_issuer::domain::delivery::DeliveryState;
use logout_issuer::domain::user::User;
use logout_issuer::storage::{LogRecord, StorageError};
use logout_tests::relying_party::{Answer, TestRelyingParty};
use serde_json::{Map, Value, json};

use crate::world::{START, World};

const HEARD: &str = "oidc_backchannel_logout_succeeded";
const FAILED: &str = "oidc_backchannel_logout_failed";

/// The user of all sessions of the stage, with an address.
async fn put_user(world: &World) {
    let user = User {
        id: "auth0|7".parse().unwrap(),
        email: "ada@example.com".into(),
        email_verified: true,
        blocked: false,
        admin: false,
        profile: Map::new(),
        user_metadata: Map::new(),
        app_metadata: Map::new(),
        password_version: 0,
        created_at: START,
        updated_at: START,
        last_login: None,
        logins_count: 0,
    };
    let written = world.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { tx.insert_user(&user, None).await })
    });
    assert!(written.await.unwrap());
}

/// The one record of this code.
async fn only(world: &World, code: &str) -> LogRecord {
    let mut records = world.events(code).await;
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[tokio::test]
async fn a_record_says_who_was_told_of_whom_where_and_with_which_result() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    put_user(&world).await;
    let client = world
        .client_with("shop", &[&shop.url()], |it| {
            it.include_session_metadata = Some(true);
        })
        .await;
    let sid = world.session(&[&client]).await;
    let sessions = world.issuer.sessions();
    sessions
        .set_metadata(&sid, "deviceName", "kiosk")
        .await
        .unwrap();
    let delivery = world.revoke(&sid).await.deliveries[0];
    world.until_state(delivery, DeliveryState::Heard).await;
    let mut event = only(&world, HEARD).await.event;
    let date = event.as_object_mut().unwrap().remove("date");
    assert!(date.is_some());
    let wanted = json!({
        "description": "Back-channel logout succeeded",
        "client": "shop",
        "client_name": "shop",
        "user": "auth0|7",
        "user_name": "ada@example.com",
        "delivery": delivery.to_string(),
        "details": {
            "request": { "method": "POST", "backchannel_logout_uri": shop.url() },
            "response": { "statusCode": 200 },
            "initiator": "session-revoked",
            "session_metadata": { "deviceName": "kiosk" },
        },
    });
    assert_eq!(event, wanted);
}

#[tokio::test]
async fn every_kind_of_answer_has_its_record() {
    for (answer, code, description, response, errors) in [
        (
            Answer::Status(202),
            HEARD,
            "Back-channel logout succeeded with an unusual status",
            json!({"statusCode": 202}),
            Value::Null,
        ),
        (
            Answer::oauth_error(400, "invalid_request", "no"),
            FAILED,
            "Back-channel logout refused",
            json!({"statusCode": 400}),
            json!(["status", "invalid_request: no"]),
        ),
        (
            Answer::Status(503),
            FAILED,
            "Back-channel logout failed, will be repeated",
            json!({"statusCode": 503}),
            json!(["status"]),
        ),
        (
            Answer::Close,
            FAILED,
            "Back-channel logout failed, will be repeated",
            json!({}),
            json!(["reset"]),
        ),
    ] {
        let (world, shop) = (World::start().await, TestRelyingParty::start().await);
        shop.always_answer(answer.clone());
        let client = world.client("shop", &shop.url()).await;
        let delivery = world.revoke_one(&client).await;
        world.until_attempted(delivery, 1).await;
        let event = only(&world, code).await.event;
        assert_eq!(event["description"], description, "{answer:?}");
        assert_eq!(event["details"]["response"], response, "{answer:?}");
        assert_eq!(event["details"]["errors"], errors, "{answer:?}");
        assert_eq!(
            event["user_name"],
            Value::Null,
            "a user from elsewhere has no name"
        );
    }
}

#[tokio::test]
async fn the_last_attempt_says_that_it_was_the_last() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Status(503));
    let client = world.client("shop", &shop.url()).await;
    let delivery = world.revoke_one(&client).await;
    world.until_attempted(delivery, 1).await;
    world.pass(Duration::from_hours(72));
    world.until_state(delivery, DeliveryState::GivenUp).await;
    let latest = world.events(FAILED).await.remove(0);
    let text = "Back-channel logout failed, given up";
    assert_eq!(latest.event["description"], text);
}
