//! What goes wrong around the issuer: nothing is lost, and who was out of reach is told soon after.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use logout_issuer::domain::delivery::{AttemptError, DeliveryState};
use logout_issuer::egress::Lookup;
use logout_issuer::storage::sqlite::{SqliteOptions, SqliteStore};
use logout_issuer::storage::{StorageError, Store};
use logout_shared::ManualClock;
use logout_tests::relying_party::{Answer, TestRelyingParty};

use crate::world::{START, World, master};

#[tokio::test]
async fn all_endpoints_down_for_five_hours_are_told_within_90_seconds_of_coming_back() {
    let world = World::start().await;
    let mut shops = Vec::new();
    for number in 0..5 {
        let shop = TestRelyingParty::start().await;
        let client = world.client(&format!("shop-{number}"), &shop.url()).await;
        shops.push((client, shop.stop().await));
    }
    let mut ids = Vec::new();
    for _ in 0..4 {
        let clients: Vec<_> = shops.iter().map(|(client, _)| client).collect();
        let sid = world.session(&clients).await;
        ids.extend(world.revoke(&sid).await.deliveries);
    }
    world.pass_probes(8).await;
    world.pass(Duration::from_hours(5));
    world.until_quiet().await;
    let mut back = Vec::new();
    for (_, address) in shops {
        back.push(TestRelyingParty::start_on(address).await);
    }
    world.pass_probes(1).await;
    world.pass(Duration::from_secs(18));
    for id in ids {
        world.until_state(id, DeliveryState::Heard).await;
    }
    for shop in back {
        assert_eq!(shop.requests().len(), 4, "each once");
    }
}

#[tokio::test]
async fn a_proxy_that_answers_404_for_ten_minutes_loses_nothing() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Status(404));
    let client = world.client("shop", &shop.url()).await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(world.revoke_one(&client).await);
    }
    for id in &ids {
        let delivery = world.until_attempted_or_queued(*id).await;
        assert!(
            [DeliveryState::Refusing, DeliveryState::Pending].contains(&delivery.state),
            "{delivery:?}"
        );
    }
    world.pass_probes(9).await;
    shop.always_answer(Answer::Status(200));
    world.pass_probes(1).await;
    world.pass(Duration::from_secs(18));
    for id in ids {
        world.until_state(id, DeliveryState::Heard).await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_an_hour_forward_or_back_loses_nothing() {
    for forward in [true, false] {
        let (world, shop) = (World::start().await, TestRelyingParty::start().await);
        let client = world.client("shop", &shop.url()).await;
        shop.answer_in_turn([Answer::Status(503)]);
        let waiting = world.revoke_one(&client).await;
        world.until_attempted(waiting, 1).await;
        let now = world.clock_now();
        let hour = Duration::from_hours(1);
        world
            .clock
            .set(if forward { now + hour } else { now - hour });
        // What happens now is told at once, whatever the clock says.
        let new = world.revoke_one(&client).await;
        world.until_state(new, DeliveryState::Heard).await;
        // What waited for a time is told when the clock has come there.
        world.pass(hour + Duration::from_secs(2));
        world.until_state(waiting, DeliveryState::Heard).await;
    }
}

/// Finds everything on this machine, while there is a network.
struct Resolver(AtomicBool);

#[async_trait]
impl Lookup for Resolver {
    async fn lookup(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        if self.0.load(Ordering::SeqCst) {
            Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
        } else {
            Err(io::Error::other("the name server does not answer"))
        }
    }
}

#[tokio::test]
async fn without_name_servers_clients_wait_and_are_told_when_names_are_found_again() {
    let store = SqliteStore::in_memory().await.unwrap();
    let resolver = Arc::new(Resolver(AtomicBool::new(false)));
    let world = World::with(store, ManualClock::at(START), master(), |builder| {
        builder.lookup(Arc::clone(&resolver) as Arc<dyn Lookup>)
    });
    let world = world.await;
    world.issuer.start_delivery();
    let shop = TestRelyingParty::start().await;
    let url = format!("http://shop.test:{}/bcl", shop.address().port());
    let client = world.client("shop", &url).await;
    let ids = [
        world.revoke_one(&client).await,
        world.revoke_one(&client).await,
    ];
    // The second session took its time, so the first delivery may have been tried twice by now.
    let delivery = world.until(ids[0], |one| one.last.is_some()).await;
    assert_eq!(delivery.last.unwrap().error, Some(AttemptError::Dns));
    world.pass_probes(5).await;
    resolver.0.store(true, Ordering::SeqCst);
    world.pass_probes(1).await;
    world.pass(Duration::from_secs(18));
    for id in ids {
        world.until_state(id, DeliveryState::Heard).await;
    }
}

#[tokio::test]
async fn a_database_that_another_process_locks_for_ten_seconds_delays_and_loses_nothing() {
    const LOCKED: Duration = Duration::from_secs(10);
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::file(folder.path().join("issuer.db"));
    let store = SqliteStore::open(&options).await.unwrap();
    let world = World::on(store, ManualClock::at(START), master()).await;
    world.issuer.start_delivery();
    let shop = TestRelyingParty::start().await;
    let client = world.client("shop", &shop.url()).await;
    let sid = world.session(&[&client]).await;
    let other: Arc<dyn Store> = SqliteStore::open(&options).await.unwrap();
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let holder = tokio::spawn(async move {
        let held = other.write(move |tx| {
            Box::pin(async move {
                tx.mark_bootstrapped("held").await?;
                let _ = locked.send(());
                // The lock itself is what is tested, so this time really passes.
                tokio::time::sleep(LOCKED).await;
                Ok::<(), StorageError>(())
            })
        });
        held.await.unwrap();
    });
    is_locked.await.unwrap();
    let begun = Instant::now();
    let id = world.revoke(&sid).await.deliveries[0];
    assert!(begun.elapsed() >= LOCKED / 2, "it had to wait");
    world.until_state(id, DeliveryState::Heard).await;
    assert_eq!(shop.requests().len(), 1);
    holder.await.unwrap();
}
