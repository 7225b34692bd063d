//! Settings are those of the attempt: clients that go, and URLs that change.

use std::time::Duration;

use logout_issuer::domain::delivery::DeliveryState;
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::storage::DeliveryFilter;
use logout_tests::relying_party::{Answer, TestRelyingParty};

use crate::world::{World, client};

#[tokio::test]
async fn g23_a_client_deleted_before_the_attempt_is_not_told() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Status(503));
    let id = world.client("shop", &shop.url()).await;
    let delivery = world.revoke_one(&id).await;
    world.until_attempted(delivery, 1).await;
    let work = world
        .issuer
        .store()
        .write(move |tx| Box::pin(async move { tx.delete_client(&id).await }));
    assert!(work.await.unwrap());
    world.pass(Duration::from_secs(2));
    world.until_state(delivery, DeliveryState::Cancelled).await;
    assert_eq!(shop.requests().len(), 1);
}

#[tokio::test]
async fn what_waits_for_a_mistyped_url_goes_to_the_right_one() {
    let (world, wrong) = (World::start().await, TestRelyingParty::start().await);
    let right = TestRelyingParty::start().await;
    wrong.always_answer(Answer::Status(404));
    let id = world.client("shop", &wrong.url()).await;
    let delivery = world.revoke_one(&id).await;
    world.until_attempted(delivery, 1).await;
    world.update(client("shop", &[&right.url()], |_| {})).await;
    world.pass(Duration::from_mins(2));
    world.until_state(delivery, DeliveryState::Cancelled).await;
    let told = right.wait_for(1).await;
    assert_eq!(
        told[0].claims()["trace_id"],
        wrong.requests()[0].claims()["trace_id"]
    );
    assert_eq!(told[0].claims()["sid"], wrong.requests()[0].claims()["sid"]);
}

#[tokio::test]
async fn a_url_that_was_told_already_is_not_told_again_for_a_removed_one() {
    let (world, gone) = (World::start().await, TestRelyingParty::start().await);
    let (stays, new) = (
        TestRelyingParty::start().await,
        TestRelyingParty::start().await,
    );
    gone.always_answer(Answer::Status(404));
    let id = world
        .client_with("shop", &[&gone.url(), &stays.url()], |_| {})
        .await;
    let sid = world.session(&[&id]).await;
    let deliveries = world.revoke(&sid).await.deliveries;
    world.until_attempted(deliveries[0], 1).await;
    world.until_state(deliveries[1], DeliveryState::Heard).await;
    world
        .update(client("shop", &[&stays.url(), &new.url()], |_| {}))
        .await;
    world.pass(Duration::from_mins(2));
    world
        .until_state(deliveries[0], DeliveryState::Cancelled)
        .await;
    new.wait_for(1).await;
    let filter = DeliveryFilter {
        session: Some(sid),
        ..DeliveryFilter::default()
    };
    let mut snapshot = world.issuer.store().read().await.unwrap();
    let page = snapshot.list_deliveries(&filter, None, 10).await.unwrap();
    let mut urls: Vec<_> = page.deliveries.iter().map(|it| it.url.clone()).collect();
    urls.sort();
    let mut expected = [gone.url(), stays.url(), new.url()]
        .map(LogoutUrl::from_stored)
        .to_vec();
    expected.sort();
    assert_eq!(urls, expected);
    assert_eq!(stays.requests().len(), 1);
}

#[tokio::test]
async fn a_client_that_removed_its_last_url_is_not_told() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Status(503));
    let id = world.client("shop", &shop.url()).await;
    let delivery = world.revoke_one(&id).await;
    world.until_attempted(delivery, 1).await;
    world.update(client("shop", &[], |_| {})).await;
    world.pass(Duration::from_secs(2));
    world.until_state(delivery, DeliveryState::Cancelled).await;
}

#[tokio::test]
async fn several_urls_of_a_client_have_their_own_fates() {
    let (world, first) = (World::start().await, TestRelyingParty::start().await);
    let second = TestRelyingParty::start().await;
    first.always_answer(Answer::Status(500));
    let id = world
        .client_with("shop", &[&first.url(), &second.url()], |_| {})
        .await;
    let sid = world.session(&[&id]).await;
    let deliveries = world.revoke(&sid).await.deliveries;
    world.until_attempted(deliveries[0], 1).await;
    assert_eq!(
        world.delivery(deliveries[0]).await.state,
        DeliveryState::Pending
    );
    world.until_state(deliveries[1], DeliveryState::Heard).await;
}
