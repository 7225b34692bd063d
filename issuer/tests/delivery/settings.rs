//! Settings are those of the attempt: clients that go, and URLs that change.

use std::collections::BTreeMap;
use std::time::Duration;

use logout_issuer::domain::client::Client;
use logout_issuer::domain::delivery::{Delivery, DeliveryId, DeliveryState};
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::logout;
use logout_issuer::storage::sqlite::SqliteStore;
use logout_issuer::storage::{DeliveryFilter, StorageError};
use logout_shared::{ClientId, ManualClock, SystemRandom, TraceId};
use logout_tests::relying_party::{Answer, TestRelyingParty};

use crate::world::{START, World, client, master};

/// Changes a client as the server does.
async fn change(world: &World, client: Client) {
    let (id, now) = (client.id.clone(), world.clock_now());
    let store = world.issuer.store();
    let work = store.write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { logout::change_client(tx, &client, now, &SystemRandom).await })
    });
    assert!(work.await.unwrap(), "the client is there");
    let settle = logout::settle_client(&**store, &id, now, world.issuer.random());
    settle.await.unwrap();
}

/// Deletes a client as the server does.
async fn delete(world: &World, id: &ClientId) -> bool {
    let (deleted, now) = (id.clone(), world.clock_now());
    let store = world.issuer.store();
    let work = store.write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { logout::delete_client(tx, &deleted, now, &SystemRandom).await })
    });
    let was_there = work.await.unwrap();
    let settle = logout::settle_client(&**store, id, now, world.issuer.random());
    settle.await.unwrap();
    was_there
}

/// The log rows that tell of discarded deliveries: reason, count, and how many are named.
async fn discarded(world: &World) -> Vec<(String, u64, usize)> {
    let rows = world.events("oidc_backchannel_logout_failed").await;
    let details = rows.iter().map(|row| &row.event["details"]);
    let discarded = details.filter_map(|details| {
        let named = details["deliveries"].as_array()?.len();
        let reason = details["reason"].as_str()?.to_owned();
        Some((reason, details["cancelled"].as_u64()?, named))
    });
    discarded.collect()
}

/// A client that answers 503, with this many sessions that it must still hear of.
async fn owed(world: &World, shop: &TestRelyingParty, count: usize) -> Vec<DeliveryId> {
    shop.always_answer(Answer::Status(503));
    let id = world.client("shop", &shop.url()).await;
    let mut owed = Vec::new();
    for _ in 0..count {
        owed.push(world.revoke_one(&id).await);
    }
    // The others wait for their endpoint then.
    world.until(owed[0], |it| it.attempts > 0).await;
    owed
}

#[tokio::test]
async fn g23_what_a_deleted_client_waited_for_is_discarded_at_once_and_one_row_says_so() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let owed = owed(&world, &shop, 3).await;
    assert!(delete(&world, &"shop".parse().unwrap()).await);
    for id in owed {
        let delivery = world.delivery(id).await;
        assert_eq!(delivery.state, DeliveryState::Cancelled);
        assert_eq!(delivery.finished_at, Some(world.clock_now()));
    }
    assert_eq!(
        discarded(&world).await,
        [("client-deleted".to_owned(), 3, 3)]
    );
    assert!(!delete(&world, &"shop".parse().unwrap()).await);
    assert_eq!(discarded(&world).await.len(), 1);
}

#[tokio::test]
async fn what_an_unsubscribed_client_waited_for_is_discarded_at_once_and_one_row_says_so() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let owed = owed(&world, &shop, 3).await;
    change(&world, client("shop", &[], |_| {})).await;
    for id in owed {
        assert_eq!(world.delivery(id).await.state, DeliveryState::Cancelled);
    }
    assert_eq!(discarded(&world).await, [("unsubscribed".to_owned(), 3, 3)]);
    change(&world, client("shop", &[&shop.url()], |_| {})).await;
    change(&world, client("shop", &[], |_| {})).await;
    assert_eq!(
        discarded(&world).await.len(),
        1,
        "nothing was discarded since"
    );
}

/// Stores more of a delivery, each of an event of its own, that wait for an hour.
async fn insert_waiting(
    world: &World,
    template: &Delivery,
    count: usize,
    change: impl Fn(&mut Delivery),
) {
    let (random, now) = (SystemRandom, world.clock_now());
    let again = (0..count).map(|_| {
        let id = DeliveryId::generate(now, &random);
        let mut again = template.again(template.about.clone(), template.url.clone(), id, now);
        again.trace_id = TraceId::generate(&random);
        again.next_attempt_at = Some(now + Duration::from_hours(1));
        change(&mut again);
        again
    });
    let rows: Vec<_> = again.collect();
    let work = world.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { tx.insert_deliveries(&rows).await })
    });
    work.await.unwrap();
}

/// How many deliveries are unfinished at each URL.
async fn unfinished(world: &World) -> BTreeMap<String, usize> {
    let mut view = world.issuer.store().read().await.unwrap();
    let filter = DeliveryFilter::default();
    let page = view.list_deliveries(&filter, None, 10_000).await.unwrap();
    let mut counts = BTreeMap::new();
    for one in page.deliveries.iter().filter(|one| !one.state.is_final()) {
        *counts.entry(one.url.to_string()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn what_waits_for_an_app_that_is_down_moves_in_pieces_and_once() {
    const OLD: &str = "http://127.0.0.1:9/1";
    const ALSO_OLD: &str = "http://127.0.0.1:9/2";
    const NEW: &str = "http://127.0.0.1:9/3";
    let store = SqliteStore::in_memory().await.unwrap();
    let world = World::on(store, ManualClock::at(START), master()).await;
    let id = world.client_with("shop", &[OLD, ALSO_OLD], |_| {}).await;
    let sid = world.session(&[&id]).await;
    let both = world.revoke(&sid).await.deliveries;
    let template = world.delivery(both[0]).await;
    insert_waiting(&world, &template, 1_100, |one| {
        one.queued_at = one.next_attempt_at.take();
    })
    .await;
    let before = [(OLD.to_owned(), 1_101), (ALSO_OLD.to_owned(), 1)];
    assert_eq!(unfinished(&world).await, before.into());
    change(&world, client("shop", &[NEW], |_| {})).await;
    // The session told at both old URLs is told once at the new one.
    let after = BTreeMap::from([(NEW.to_owned(), 1_101)]);
    assert_eq!(unfinished(&world).await, after);
    change(&world, client("shop", &[OLD, NEW], |_| {})).await;
    assert_eq!(unfinished(&world).await, after);
}

#[tokio::test]
async fn thousands_of_deliveries_are_discarded_and_a_hundred_of_them_named() {
    let world = World::start().await;
    let id = world.client("shop", "http://127.0.0.1:9/").await;
    let template = world.revoke_one(&id).await;
    let template = world.until_attempted(template, 1).await;
    insert_waiting(&world, &template, 11_000, |_| {}).await;
    assert!(delete(&world, &id).await);
    assert_eq!(
        discarded(&world).await,
        [("client-deleted".to_owned(), 11_001, 100)]
    );
    let mut view = world.issuer.store().read().await.unwrap();
    assert_eq!(
        view.unfinished_of_client(&id, 10).await.unwrap(),
        (0, Vec::new())
    );
}

#[tokio::test]
async fn what_waits_for_a_mistyped_url_moves_as_soon_as_it_is_mended() {
    let (world, wrong) = (World::start().await, TestRelyingParty::start().await);
    let right = TestRelyingParty::start().await;
    wrong.always_answer(Answer::Status(404));
    let id = world.client("shop", &wrong.url()).await;
    let delivery = world.revoke_one(&id).await;
    world.until_attempted(delivery, 1).await;
    change(&world, client("shop", &[&right.url()], |_| {})).await;
    // No time passes: by the schedule it would wait for a minute.
    right.wait_for(1).await;
    world.until_state(delivery, DeliveryState::Cancelled).await;
    assert!(discarded(&world).await.is_empty(), "it was moved");
}

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
