//! Sessions in a transaction that the host began for work of its own.

use logout_issuer::domain::delivery::DeliveryState;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::session::Device;
use logout_issuer::logout::LogContext;
use logout_issuer::sessions::SessionError;
use logout_issuer::storage::DeliveryFilter;
use logout_issuer::storage::sqlite::SqliteStore;
use logout_shared::ManualClock;
use logout_tests::relying_party::TestRelyingParty;
use sqlx::SqlitePool;

use crate::world::{START, World, master};

/// The stage, and the host's own connections to the same file.
async fn stage() -> (World, SqlitePool) {
    let store = SqliteStore::in_memory().await.unwrap();
    let url = format!("sqlite:{}", store.path().display());
    let host = SqlitePool::connect(&url).await.unwrap();
    let world = World::on(store, ManualClock::at(START), master()).await;
    (world, host)
}

async fn deliveries(world: &World) -> usize {
    let mut view = world.issuer.store().read().await.unwrap();
    let all = DeliveryFilter::default();
    let page = view.list_deliveries(&all, None, 100);
    page.await.unwrap().deliveries.len()
}

#[tokio::test]
async fn a_commit_of_the_hosts_is_noticed_without_a_ring() {
    let ((world, host), shop) = (stage().await, TestRelyingParty::start().await);
    world.issuer.start_delivery();
    let id = world.client("shop", &shop.url()).await;
    let sid = world.session(&[&id]).await;
    let mut tx = host.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut sessions = world.issuer.enlist(&mut tx);
    let ended = sessions.end(&sid, Initiator::RpLogout).await.unwrap();
    tx.commit().await.unwrap();

    let told = shop.wait_for(1).await;
    assert_eq!(told[0].claims()["sid"], sid.as_str());
    let delivery = ended.deliveries[0];
    world.until_state(delivery, DeliveryState::Heard).await;
}

#[tokio::test]
async fn what_the_host_rolls_back_has_not_happened() {
    let (world, host) = stage().await;
    let id = world.client("shop", "https://shop.example/bcl").await;
    let (sid, user) = (world.session(&[&id]).await, "auth0|7".parse().unwrap());
    let mut tx = host.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut sessions = world.issuer.enlist(&mut tx);
    let begun = sessions.begin(&user, Device::default()).await.unwrap();
    sessions.join(&begun, &id).await.unwrap();
    sessions.set_metadata(&begun, "a", "b").await.unwrap();
    let (why, by) = (Initiator::PasswordChanged, LogContext::default());
    let ended = sessions.end_all_of_user(&user, None, why, by).await;
    assert_eq!(ended.unwrap().sessions.len(), 2);
    tx.rollback().await.unwrap();

    assert_eq!(deliveries(&world).await, 0);
    let sessions = world.issuer.sessions();
    sessions.set_metadata(&sid, "still", "alive").await.unwrap();
    let gone = sessions.set_metadata(&begun, "a", "b").await.unwrap_err();
    assert!(matches!(gone, SessionError::NotFound(_)));
}

#[tokio::test]
async fn an_ended_session_is_refused_inside_a_host_transaction_as_anywhere() {
    let (world, host) = stage().await;
    let id = world.client("shop", "https://shop.example/bcl").await;
    let sid = world.session(&[&id]).await;
    world.revoke(&sid).await;
    let mut tx = host.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut sessions = world.issuer.enlist(&mut tx);
    let refused = sessions.join(&sid, &id).await.unwrap_err();
    assert!(matches!(refused, SessionError::NotFound(_)));
    let again = sessions.end(&sid, Initiator::RpLogout).await.unwrap();
    assert!(again.sessions.is_empty());
    tx.commit().await.unwrap();
    assert_eq!(deliveries(&world).await, 1);
}
