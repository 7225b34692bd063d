//! What each answer makes of a delivery.

use std::time::Duration;

use logout_issuer::domain::delivery::{AttemptError, DeliveryState};
use logout_tests::relying_party::{Answer, TestRelyingParty};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn g13_the_answer_decides_and_is_written_down() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let status = AttemptError::Status;
    for (answer, state, error) in [
        (200, DeliveryState::Heard, None),
        (204, DeliveryState::Heard, None),
        (202, DeliveryState::Heard, None),
        (400, DeliveryState::Refused, Some(status)),
        (410, DeliveryState::Refused, Some(status)),
        (401, DeliveryState::Refusing, Some(status)),
        (404, DeliveryState::Refusing, Some(status)),
        (500, DeliveryState::Pending, Some(status)),
        (503, DeliveryState::Pending, Some(status)),
    ] {
        shop.always_answer(Answer::Status(answer));
        // Each a client of its own: an endpoint that fails often is left alone.
        let id = world.client(&format!("shop-{answer}"), &shop.url()).await;
        let delivery = world.revoke_one(&id).await;
        let delivery = world.until_attempted(delivery, 1).await;
        let last = delivery.last.expect("an attempt was made");
        assert_eq!(
            (delivery.state, last.status, last.error),
            (state, Some(answer), error)
        );
    }
}

#[tokio::test]
async fn g13_g20_each_request_is_a_log_row_of_auth0s_shape() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let id = world.client("shop", &shop.url()).await;
    let failed = Answer::oauth_error(400, "invalid_request", "no\u{7} such session");
    shop.answer_in_turn([Answer::Status(200), failed]);
    let heard = world.revoke_one(&id).await;
    world.until_state(heard, DeliveryState::Heard).await;
    let refused = world.revoke_one(&id).await;
    world.until_state(refused, DeliveryState::Refused).await;

    let row = world
        .events("oidc_backchannel_logout_succeeded")
        .await
        .remove(0);
    assert_eq!(
        row.event["details"],
        json!({
            "request": { "method": "POST", "backchannel_logout_uri": shop.url() },
            "response": { "statusCode": 200 },
            "initiator": "session-revoked",
        })
    );
    let row = world
        .events("oidc_backchannel_logout_failed")
        .await
        .remove(0);
    assert_eq!(
        row.event["details"]["errors"],
        json!(["status", "invalid_request: no  such session"])
    );
    // Kept with the attempt as well, sanitised.
    let attempt = world.history(refused).await.remove(0);
    assert_eq!(attempt.oauth_error.as_deref(), Some("invalid_request"));
    assert_eq!(
        attempt.oauth_error_description.as_deref(),
        Some("no  such session")
    );
}

#[tokio::test]
async fn g14_a_redirect_is_not_followed() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let elsewhere = TestRelyingParty::start().await;
    shop.always_answer(Answer::redirect(&elsewhere.url()));
    let id = world.client("shop", &shop.url()).await;
    let delivery = world.revoke_one(&id).await;
    let delivery = world.until_state(delivery, DeliveryState::Refusing).await;
    assert_eq!(delivery.last.unwrap().error, Some(AttemptError::Redirect));
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn g15_an_endpoint_that_hangs_delays_no_other() {
    let (world, hangs) = (World::start().await, TestRelyingParty::start().await);
    let works = TestRelyingParty::start().await;
    hangs.always_answer(Answer::Hang);
    let stuck = world
        .client_with("stuck", &[&hangs.url()], |it| {
            it.delivery.timeout_ms = 10_000;
        })
        .await;
    let quick = world.client("quick", &works.url()).await;
    let mut deliveries = Vec::new();
    for _ in 0..100 {
        deliveries.push(world.revoke_one(&stuck).await);
    }
    for _ in 0..100 {
        world.revoke_one(&quick).await;
    }
    works.wait_for(100).await;
    // All of them were told while not one request to the other had come to its end.
    for id in deliveries {
        assert_eq!(world.delivery(id).await.attempts, 0);
    }
    assert!(
        hangs.requests().len() <= 8,
        "no more than its own slots are under way"
    );
}

#[tokio::test]
async fn g15_g27_an_answer_is_waited_for_as_long_as_the_client_says() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Hang);
    let id = world
        .client_with("shop", &[&shop.url()], |it| it.delivery.timeout_ms = 500)
        .await;
    let delivery = world.revoke_one(&id).await;
    let delivery = world.until_attempted(delivery, 1).await;
    let last = delivery.last.unwrap();
    assert_eq!(
        (last.status, last.error),
        (None, Some(AttemptError::Timeout))
    );
    assert!(last.duration >= Duration::from_millis(500), "{last:?}");
    // The default, and every other client's time, is longer.
    assert!(last.duration < Duration::from_secs(5), "{last:?}");
}

#[tokio::test]
async fn g20_a_body_without_end_is_cut_and_the_status_counts() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::EndlessBody);
    let id = world.client("shop", &shop.url()).await;
    let delivery = world.revoke_one(&id).await;
    let delivery = world.until_state(delivery, DeliveryState::Heard).await;
    assert_eq!(delivery.last.unwrap().error, Some(AttemptError::Body));
}

#[tokio::test]
async fn g13_g16_connections_that_break_are_tried_again() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let id = world.client("shop", &shop.url()).await;
    for broken in [Answer::Close, Answer::Reset, Answer::Garbage] {
        shop.answer_in_turn([broken.clone()]);
        let delivery = world.revoke_one(&id).await;
        let waiting = world.until_attempted(delivery, 1).await;
        assert_eq!(waiting.state, DeliveryState::Pending, "{broken:?}");
        assert_eq!(
            waiting.last.unwrap().error,
            Some(AttemptError::Reset),
            "{broken:?}"
        );
        world.pass(Duration::from_secs(2));
        world.until_state(delivery, DeliveryState::Heard).await;
    }
}
