//! Names that turn to another address: between registration and attempt, and between attempts.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use logout_issuer::domain::delivery::{AttemptError, DeliveryState};
use logout_issuer::egress::Lookup;
use logout_issuer::storage::sqlite::SqliteStore;
use logout_shared::ManualClock;
use logout_tests::relying_party::{Answer, TestRelyingParty};

use crate::world::{START, World, master};

/// Gives each of its answers once, in order.
struct Turning(Mutex<VecDeque<Vec<IpAddr>>>);

#[async_trait]
impl Lookup for Turning {
    async fn lookup(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        let answer = self.0.lock().unwrap().pop_front();
        answer.ok_or_else(|| io::Error::other("asked once too often"))
    }
}

async fn world(answers: &[&[&str]]) -> World {
    let answer = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let turning = Turning(Mutex::new(answers.iter().map(answer).collect()));
    let store = SqliteStore::in_memory().await.unwrap();
    let world = World::with(store, ManualClock::at(START), master(), |builder| {
        builder.lookup(Arc::new(turning))
    });
    let world = world.await;
    world.issuer.start_delivery();
    world
}

#[tokio::test]
async fn g18_a_name_is_judged_at_each_attempt_and_told_once_it_is_good() {
    let shop = TestRelyingParty::start().await;
    // Metadata addresses are closed by every setting, also the one that lets this test run.
    let answers: [&[&str]; 3] = [
        &["169.254.169.254"],
        &["127.0.0.1", "::ffff:169.254.169.254"],
        &["127.0.0.1"],
    ];
    let world = world(&answers).await;
    let url = format!("http://shop.test:{}/bcl", shop.address().port());
    let client = world.client("shop", &url).await;
    let id = world.revoke_one(&client).await;
    for attempts in [1, 2] {
        let delivery = world.until_attempted(id, attempts).await;
        assert_eq!(delivery.state, DeliveryState::Refusing);
        let last = delivery.last.unwrap();
        let found = (last.status, last.error);
        assert_eq!(found, (None, Some(AttemptError::AddressRefused)));
        assert!(shop.requests().is_empty());
        let due = delivery.next_attempt_at.unwrap();
        world.pass(due.saturating_since(world.clock_now()));
    }
    world.until_state(id, DeliveryState::Heard).await;
    assert_eq!(shop.requests().len(), 1);
}

#[tokio::test]
async fn g18_a_name_that_was_good_yesterday_is_judged_again_today() {
    let shop = TestRelyingParty::start().await;
    let answers: [&[&str]; 2] = [&["127.0.0.1"], &["169.254.169.254"]];
    let world = world(&answers).await;
    let url = format!("http://shop.test:{}/bcl", shop.address().port());
    let client = world.client("shop", &url).await;
    // The app closes the connection, so that the next attempt needs a new one.
    shop.answer_in_turn([Answer::Close]);
    let id = world.revoke_one(&client).await;
    world.until_attempted(id, 1).await;
    world.pass(Duration::from_secs(2));
    let delivery = world.until_attempted(id, 2).await;
    let error = delivery.last.unwrap().error;
    assert_eq!(error, Some(AttemptError::AddressRefused));
    assert_eq!(shop.requests().len(), 1);
}
