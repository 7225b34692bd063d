//! What a stop leaves behind: nothing is lost, whenever it comes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use logout_issuer::domain::delivery::DeliveryState;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::logout::{EndSession, EndSessionError, Ending, LogContext, end_session};
use logout_issuer::storage::sqlite::{SqliteOptions, SqliteStore};
use logout_shared::{ManualClock, SystemRandom};
use logout_tests::relying_party::{Answer, TestRelyingParty};
use tokio::sync::oneshot;

use crate::world::{START, World, master};

async fn open(path: &Path) -> Arc<SqliteStore> {
    SqliteStore::open(&SqliteOptions::file(path)).await.unwrap()
}

#[tokio::test]
async fn g25_an_issuer_killed_between_end_and_delivery_tells_after_its_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    let shop = TestRelyingParty::start().await;
    let world = World::on(open(&path).await, ManualClock::at(START), master()).await;
    let client = world.client("shop", &shop.url()).await;
    // Nothing tells anyone in this process: it is killed before it could.
    let id = world.revoke_one(&client).await;
    let (clock, master) = (world.clock.clone(), world.master.clone());
    drop(world);
    assert!(shop.requests().is_empty());

    let world = World::on(open(&path).await, clock, master).await;
    world.issuer.start_delivery();
    world.until_state(id, DeliveryState::Heard).await;
    assert_eq!(shop.requests().len(), 1);
}

#[tokio::test]
async fn g25_what_a_killed_worker_held_is_told_once_its_lease_has_run_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.db");
    let shop = TestRelyingParty::start().await;
    shop.answer_in_turn([Answer::Hang]);
    let world = World::on(open(&path).await, ManualClock::at(START), master()).await;
    world.issuer.start_delivery();
    let client = world.client("shop", &shop.url()).await;
    let id = world.revoke_one(&client).await;
    shop.wait_for(1).await;
    let (clock, master) = (world.clock.clone(), world.master.clone());
    drop(world);

    let world = World::on(open(&path).await, clock, master).await;
    assert_eq!(world.delivery(id).await.state, DeliveryState::InFlight);
    world.issuer.start_delivery();
    world.pass(Duration::from_secs(31));
    world.until_state(id, DeliveryState::Heard).await;
    assert_eq!(shop.requests().len(), 2);
}

#[tokio::test]
async fn dropping_the_last_clone_stops_everything() {
    let shop = TestRelyingParty::start().await;
    shop.always_answer(Answer::Hang);
    let store = SqliteStore::in_memory().await.unwrap();
    let left_behind = Arc::downgrade(&store);
    let world = World::on(store, ManualClock::at(START), master()).await;
    world.issuer.start_delivery();
    let client = world.client("shop", &shop.url()).await;
    world.revoke_one(&client).await;
    shop.wait_for(1).await;
    drop(world);
    // Tasks that were aborted are gone when they are next looked at.
    let gone = async {
        while left_behind.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), gone)
        .await
        .expect("nobody holds the store");
}

#[tokio::test]
async fn g25_an_orderly_stop_gives_its_leases_back() {
    let shop = TestRelyingParty::start().await;
    shop.answer_in_turn([Answer::Hang]);
    let store = SqliteStore::in_memory().await.unwrap();
    let world = World::on(store.clone(), ManualClock::at(START), master()).await;
    world.issuer.start_delivery();
    let client = world.client("shop", &shop.url()).await;
    let id = world.revoke_one(&client).await;
    shop.wait_for(1).await;
    world.issuer.shutdown(Duration::ZERO).await;
    assert_eq!(world.delivery(id).await.state, DeliveryState::Pending);

    let (clock, master) = (world.clock.clone(), world.master.clone());
    let next = World::on(store, clock, master).await;
    next.issuer.start_delivery();
    next.until_state(id, DeliveryState::Heard).await;
}

#[tokio::test]
async fn g25_an_orderly_stop_gives_back_what_was_being_written_when_it_came() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let client = world.client("shop", &shop.url()).await;
    let end = EndSession {
        id: world.session(&[&client]).await,
        ending: Ending::by(
            Initiator::SessionRevoked,
            LogContext::default(),
            Duration::from_hours(72),
        ),
    };
    world.until_quiet().await;
    let now = world.clock_now();
    let (tell_written, written) = oneshot::channel();
    let (let_commit, may_commit) = oneshot::channel::<()>();
    let issuer = world.issuer.clone();
    let writing = tokio::spawn(async move {
        let work = issuer.store().write::<_, EndSessionError, _>(move |tx| {
            Box::pin(async move {
                let ended = end_session(tx, end, now, &SystemRandom).await?;
                tell_written.send(()).unwrap();
                may_commit.await.unwrap();
                Ok(ended.deliveries[0])
            })
        });
        work.await.unwrap()
    });
    written.await.unwrap();
    let issuer = world.issuer.clone();
    let stopping = tokio::spawn(async move { issuer.shutdown(Duration::ZERO).await });
    // As far as it comes by itself.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let_commit.send(()).unwrap();
    let id = writing.await.unwrap();
    stopping.await.unwrap();
    assert_eq!(world.delivery(id).await.state, DeliveryState::Pending);
    assert!(shop.requests().is_empty());
}

#[tokio::test]
async fn g25_an_orderly_stop_lets_attempts_finish_and_records_them() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::After(
        Duration::from_millis(100),
        Box::new(Answer::Status(200)),
    ));
    let client = world.client("shop", &shop.url()).await;
    let id = world.revoke_one(&client).await;
    shop.wait_for(1).await;
    world.issuer.shutdown(Duration::from_secs(30)).await;
    assert_eq!(world.delivery(id).await.state, DeliveryState::Heard);
    // Nothing tells anyone after the stop.
    let later = world.revoke_one(&client).await;
    assert_eq!(world.delivery(later).await.state, DeliveryState::Pending);
}
