//! When a client is told again, and with what.

use std::collections::HashSet;
use std::time::Duration;

use logout_issuer::domain::delivery::{AttemptError, DeliveryId, DeliveryState};
use logout_shared::{ClientId, SigningAlgorithm};
use logout_tests::relying_party::{Answer, TestRelyingParty, Told};

use crate::world::World;

#[tokio::test]
async fn g16_g17_failures_are_repeated_on_the_schedule_with_fresh_tokens() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Status(503));
    let client = world.client("shop", &shop.url()).await;
    let id = world.revoke_one(&client).await;
    for (attempts, wait) in [(1, 1), (2, 5), (3, 15)] {
        let delivery = world.until_attempted(id, attempts).await;
        let due = delivery
            .next_attempt_at
            .unwrap()
            .saturating_since(world.clock_now());
        let wait = Duration::from_secs(wait);
        assert!(
            (wait.mul_f64(0.79)..wait.mul_f64(1.21)).contains(&due),
            "{attempts}: {due:?}"
        );
        world.pass(due);
    }
    let told = shop.wait_for(4).await;
    let jtis: HashSet<_> = told
        .iter()
        .map(|one| one.claims()["jti"].to_string())
        .collect();
    assert_eq!(jtis.len(), 4, "each attempt has a token id of its own");
    let traces: HashSet<_> = told
        .iter()
        .map(|one| one.claims()["trace_id"].to_string())
        .collect();
    assert_eq!(traces.len(), 1, "and all of them are one event");
    // Minutes after the event the token is still fresh: a receiver takes it.
    world.check(&told[3], &client, SigningAlgorithm::Es256);
    // The fourth failure is the endpoint's: from now on it is probed with what it is owed.
    for attempts in 4..=9 {
        let delivery = world.until_attempted(id, attempts).await;
        assert_eq!(delivery.next_attempt_at, None);
        assert!(delivery.queued_at.is_some());
        if attempts == 9 {
            shop.always_answer(Answer::Status(200));
        }
        world.pass(Duration::from_secs(72));
    }
    world.until_state(id, DeliveryState::Heard).await;
    let told = shop.wait_for(10).await;
    let first_expired = told[0].claims()["exp"].as_i64() < Some(world.clock_now().as_secs());
    assert!(first_expired, "the first token is long dead");
    world.check(&told[9], &client, SigningAlgorithm::Es256);
    let history = world.history(id).await;
    assert_eq!(
        history.iter().map(|one| one.number).collect::<Vec<_>>(),
        (1..=10).collect::<Vec<_>>()
    );
}

/// A client whose endpoint is down, with one delivery that it is owed.
async fn down(world: &World, shop: &TestRelyingParty) -> (ClientId, DeliveryId) {
    shop.always_answer(Answer::Status(500));
    let client = world.client("shop", &shop.url()).await;
    let id = world.revoke_one(&client).await;
    for attempts in 1..=3 {
        world.until_attempted(id, attempts).await;
        world.pass(Duration::from_secs(20));
    }
    world.until_attempted(id, 4).await;
    (client, id)
}

#[tokio::test]
async fn g15_all_that_an_endpoint_is_owed_follows_the_first_probe_that_is_answered() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let (client, first) = down(&world, &shop).await;
    let mut ids = vec![first];
    for _ in 0..50 {
        ids.push(world.revoke_one(&client).await);
    }
    world.pass_probes(5).await;
    let asked = shop.requests().len();
    world.pass_probes(10).await;
    assert_eq!(shop.requests().len(), asked + 10, "one probe at a time");
    world.pass(Duration::from_hours(5));
    world.until_quiet().await;
    assert_eq!(shop.requests().len(), asked + 11);
    shop.always_answer(Answer::Status(200));
    // The app is back, and within 90 s it has heard of everything.
    world.pass_probes(1).await;
    world.pass(Duration::from_secs(18));
    for id in ids {
        world.until_state(id, DeliveryState::Heard).await;
    }
}

#[tokio::test]
async fn g15_one_delivery_that_an_app_cannot_stomach_does_not_stand_before_the_others() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let (client, bad) = down(&world, &shop).await;
    let good = world.revoke_one(&client).await;
    let jti = |told: &Told| told.claims()["sid"].clone();
    // Probes take turns: two that follow one another are never for the same delivery.
    world.pass_probes(6).await;
    let probed: Vec<_> = shop.requests().iter().skip(4).map(jti).collect();
    assert!(probed.len() >= 6);
    assert!(probed.windows(2).all(|two| two[0] != two[1]), "{probed:?}");
    shop.always_answer(Answer::Status(200));
    world.pass_probes(1).await;
    world.until_state(good, DeliveryState::Heard).await;
    world.until_state(bad, DeliveryState::Heard).await;
}

#[tokio::test]
async fn g16_a_refusal_is_final() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Status(400));
    let client = world.client("shop", &shop.url()).await;
    let id = world.revoke_one(&client).await;
    world.until_state(id, DeliveryState::Refused).await;
    world.pass(Duration::from_hours(80));
    // The next delivery is told, so the worker has looked at all that is due.
    let next = world.revoke_one(&client).await;
    world.until_state(next, DeliveryState::Refused).await;
    assert_eq!(shop.requests().len(), 2);
    assert_eq!(world.delivery(id).await.attempts, 1);
}

#[tokio::test]
async fn g16_a_client_that_is_down_when_the_session_ends_is_told_when_it_is_back() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let client = world.client("shop", &shop.url()).await;
    let address = shop.stop().await;
    let id = world.revoke_one(&client).await;
    for attempts in 1..=3 {
        let delivery = world.until_attempted(id, attempts).await;
        assert_eq!(delivery.last.unwrap().error, Some(AttemptError::Connect));
        world.pass(Duration::from_secs(20));
    }
    let shop = TestRelyingParty::start_on(address).await;
    world.until_attempted(id, 4).await;
    world.pass(Duration::from_secs(80));
    world.until_state(id, DeliveryState::Heard).await;
    assert_eq!(shop.requests().len(), 1);
}

#[tokio::test]
async fn g16_retry_after_is_honoured() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.answer_in_turn([Answer::retry_after(429, 30)]);
    let client = world.client("shop", &shop.url()).await;
    let id = world.revoke_one(&client).await;
    let delivery = world.until_attempted(id, 1).await;
    let due = delivery
        .next_attempt_at
        .unwrap()
        .saturating_since(world.clock_now());
    assert_eq!(due, Duration::from_secs(30));
    world.pass(due);
    world.until_state(id, DeliveryState::Heard).await;
}

#[tokio::test]
async fn g16_a_client_is_given_up_after_three_days_and_tried_until_then() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Status(500));
    let client = world.client("shop", &shop.url()).await;
    let id = world.revoke_one(&client).await;
    world.until_attempted(id, 1).await;
    world.pass(Duration::from_hours(71));
    world.until_attempted(id, 2).await;
    world.pass(Duration::from_hours(1));
    let delivery = world.until_attempted(id, 3).await;
    assert_eq!(delivery.state, DeliveryState::GivenUp);
    assert_eq!(delivery.next_attempt_at, None);
    let rows = world.events("oidc_backchannel_logout_failed").await;
    assert_eq!(
        rows[0].event["description"],
        "Back-channel logout failed, given up"
    );
}

#[tokio::test]
async fn g16_what_is_owed_to_an_endpoint_that_is_down_is_given_up_after_three_days_too() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Status(500));
    let client = world.client("shop", &shop.url()).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(world.revoke_one(&client).await);
    }
    world.pass_probes(5).await;
    for id in &ids {
        world
            .until(*id, |delivery| delivery.queued_at.is_some())
            .await;
    }
    world.pass(Duration::from_hours(72));
    for id in ids {
        world.until_state(id, DeliveryState::GivenUp).await;
    }
    let rows = world.events("oidc_backchannel_logout_failed").await;
    let given_up = rows
        .iter()
        .filter(|row| row.event["description"] == "Back-channel logout failed, given up");
    assert_eq!(given_up.count(), 20);
}

#[tokio::test]
async fn who_joined_just_before_the_end_is_told_once_more_ten_seconds_later() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let client = world.client("shop", &shop.url()).await;
    let sid = world.session(&[]).await;
    world.issuer.sessions().join(&sid, &client).await.unwrap();
    world.clock.advance(Duration::from_secs(9));
    let id = world.revoke(&sid).await.deliveries[0];
    let delivery = world.until_attempted(id, 1).await;
    assert_eq!(delivery.state, DeliveryState::Pending);
    world.pass(Duration::from_secs(10));
    world.until_state(id, DeliveryState::Heard).await;
    assert_eq!(shop.requests().len(), 2);
}
