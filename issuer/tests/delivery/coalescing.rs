//! One token for all sessions of a user: when it is sent, and when each session is told instead.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use logout_issuer::domain::delivery::{About, DeliveryState, Endpoint};
use logout_issuer::domain::logout_settings::LogoutSettings;
use logout_issuer::domain::session::{AuthenticationMethod, Device, Session, SessionLifetimes};
use logout_issuer::logout::Ended;
use logout_issuer::storage::sqlite::SqliteStore;
use logout_issuer::storage::{DeliveryFilter, Lease, StorageError};
use logout_shared::{ClientId, ManualClock, SigningAlgorithm, Subject};
use logout_tests::relying_party::{Answer, TestRelyingParty};
use serde_json::json;

use crate::world::{START, World, master};

fn opted_in(settings: &mut LogoutSettings) {
    settings.delivery.subject_logout = true;
}

fn user() -> Subject {
    "auth0|7".parse().unwrap()
}

/// A world in which nothing is sent yet.
async fn quiet() -> World {
    let store = SqliteStore::in_memory().await.unwrap();
    World::on(store, ManualClock::at(START), master()).await
}

/// Stores this many sessions of one user in which the client took part a while ago.
async fn sessions(world: &World, client: &ClientId, count: usize) {
    let (client, now) = (client.clone(), world.clock_now());
    let work = world.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            for number in 0..count {
                let session = Session::start(
                    format!("s{number}").parse().unwrap(),
                    user(),
                    Device::default(),
                    AuthenticationMethod::password(now),
                    &SessionLifetimes::default(),
                );
                tx.insert_session(&session, None).await?;
                tx.join_session(&session.id, &client, now).await?;
            }
            Ok(())
        })
    });
    work.await.unwrap();
    world.clock.advance(Duration::from_mins(1));
}

async fn delete_account(world: &World) -> Ended {
    world.issuer.accounts().deleted(&user()).await.unwrap()
}

#[tokio::test]
async fn ten_thousand_sessions_at_a_client_that_opted_in_cost_one_post() {
    let (world, shop) = (quiet().await, TestRelyingParty::start().await);
    let client = world.client_with("shop", &[&shop.url()], opted_in).await;
    sessions(&world, &client, 10_000).await;
    let ended = delete_account(&world).await;
    assert_eq!((ended.sessions.len(), ended.deliveries.len()), (10_000, 1));
    let event_at = world.clock_now();
    world.issuer.start_delivery();
    let id = ended.deliveries[0];
    let heard = world.until_state(id, DeliveryState::Heard).await;
    let About::AllSessions(sids) = heard.about else {
        panic!("about one session: {heard:?}")
    };
    assert_eq!(sids.into_iter().collect::<HashSet<_>>().len(), 10_000);
    // Whatever comes after it comes after this one was told.
    let bell = world.client("bell", &shop.url()).await;
    let last = world.revoke_one(&bell).await;
    world.until_state(last, DeliveryState::Heard).await;
    let told = shop.requests();
    assert_eq!(told.len(), 2);
    let claims = told[0].claims();
    assert_eq!(claims["sub"], "auth0|7");
    assert_eq!(claims["toe"], json!(event_at.as_secs()));
    assert!(claims.get("sid").is_none());
    world.check(&told[0], &client, SigningAlgorithm::Es256);
}

#[tokio::test]
async fn ten_thousand_sessions_at_a_client_that_did_not_opt_in_are_told_one_by_one() {
    let world = quiet().await;
    let client = world.client("shop", "http://127.0.0.1:9/").await;
    sessions(&world, &client, 10_000).await;
    let ended = delete_account(&world).await;
    assert_eq!(
        (ended.sessions.len(), ended.deliveries.len()),
        (10_000, 10_000)
    );
    let mut view = world.issuer.store().read().await.unwrap();
    let filter = DeliveryFilter::default();
    let page = view.list_deliveries(&filter, None, 10_001);
    let deliveries = page.await.unwrap().deliveries;
    let sids: HashSet<_> = deliveries
        .iter()
        .filter_map(|it| it.about.session())
        .collect();
    let traces: HashSet<_> = deliveries.iter().map(|it| it.trace_id.as_str()).collect();
    assert_eq!((sids.len(), traces.len()), (10_000, 10_000));
}

#[tokio::test]
async fn a_session_that_stays_at_the_client_keeps_its_own() {
    let world = quiet().await;
    let shop = world
        .client_with("shop", &["http://127.0.0.1:9/"], opted_in)
        .await;
    let till = world
        .client_with("till", &["http://127.0.0.1:9/"], opted_in)
        .await;
    for _ in 0..2 {
        world.session(&[&shop, &till]).await;
    }
    let stays = world.session(&[&shop]).await;
    let accounts = world.issuer.accounts();
    let ended = accounts
        .password_changed(&user(), Some(&stays))
        .await
        .unwrap();
    let mut told = Vec::new();
    for id in ended.deliveries {
        let delivery = world.delivery(id).await;
        let all = delivery.about.session().is_none();
        told.push((delivery.client.to_string(), all));
    }
    told.sort();
    let expected = [("shop", false), ("shop", false), ("till", true)];
    assert_eq!(told, expected.map(|(client, all)| (client.to_owned(), all)));
}

#[tokio::test]
async fn g24_whoever_signed_in_again_is_not_signed_out_with_the_old_sessions() {
    const SESSIONS: usize = 1_100;
    let (world, shop) = (quiet().await, TestRelyingParty::start().await);
    let client = world.client_with("shop", &[&shop.url()], opted_in).await;
    sessions(&world, &client, SESSIONS).await;
    let all = delete_account(&world).await.deliveries[0];
    world.session(&[&client]).await;
    world.issuer.start_delivery();
    let told = shop.wait_for(SESSIONS).await;
    let expanded = world.delivery(all).await;
    assert_eq!(
        (expanded.state, expanded.attempts),
        (DeliveryState::Expanded, 0)
    );
    let claims: Vec<_> = told.iter().map(|one| one.claims().clone()).collect();
    assert!(claims.iter().all(|claims| claims.get("sub").is_none()));
    let sids: HashSet<_> = claims
        .iter()
        .map(|claims| claims["sid"].to_string())
        .collect();
    let traces: HashSet<_> = claims
        .iter()
        .map(|claims| claims["trace_id"].to_string())
        .collect();
    assert_eq!((sids.len(), traces.len()), (SESSIONS, SESSIONS));
    // Piece by piece: what was left stayed together and was taken apart in its turn.
    let filter = DeliveryFilter {
        states: vec![DeliveryState::Expanded],
        ..DeliveryFilter::default()
    };
    let mut view = world.issuer.store().read().await.unwrap();
    let pieces = view.list_deliveries(&filter, None, 100).await.unwrap();
    assert_eq!(pieces.deliveries.len(), SESSIONS.div_ceil(500));
}

#[tokio::test]
async fn a_client_that_opted_out_since_is_told_of_each_session() {
    let (world, shop) = (quiet().await, TestRelyingParty::start().await);
    let client = world.client_with("shop", &[&shop.url()], opted_in).await;
    sessions(&world, &client, 2).await;
    delete_account(&world).await;
    world
        .update(crate::world::client("shop", &[&shop.url()], |_| {}))
        .await;
    world.issuer.start_delivery();
    let told = shop.wait_for(2).await;
    let mut sids = told
        .iter()
        .map(|one| one.claims()["sid"].clone())
        .collect::<Vec<_>>();
    sids.sort_by_key(ToString::to_string);
    assert_eq!(sids, [json!("s0"), json!("s1")]);
}

#[tokio::test]
async fn who_signs_in_while_all_is_told_to_be_over_waits_until_it_was_told() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Hang);
    let opted_in = |it: &mut LogoutSettings| {
        it.delivery.subject_logout = true;
        it.delivery.timeout_ms = 500;
    };
    let client = world.client_with("shop", &[&shop.url()], opted_in).await;
    sessions(&world, &client, 2).await;
    let id = delete_account(&world).await.deliveries[0];
    shop.wait_for(1).await;
    let new = world.issuer.sessions();
    let sid = new.begin(&user(), Device::default()).await.unwrap();
    assert_eq!(world.delivery(id).await.attempts, 0, "still under way");
    new.join(&sid, &client).await.unwrap();
    assert_eq!(
        world.delivery(id).await.attempts,
        1,
        "joined before it was over"
    );
    // From now on there is a session that one token for all would end.
    shop.always_answer(Answer::Status(200));
    world.pass(Duration::from_secs(2));
    let told = shop.wait_for(3).await;
    assert!(told[0].claims().get("sid").is_none());
    assert!(
        told[1..]
            .iter()
            .all(|one| one.claims().get("sid").is_some())
    );
}

#[tokio::test]
async fn another_client_or_user_does_not_wait() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    shop.always_answer(Answer::Hang);
    let client = world.client_with("shop", &[&shop.url()], opted_in).await;
    let till = world.client_with("till", &[&shop.url()], opted_in).await;
    sessions(&world, &client, 2).await;
    let id = delete_account(&world).await.deliveries[0];
    shop.wait_for(1).await;
    let new = world.issuer.sessions();
    let sid = new.begin(&user(), Device::default()).await.unwrap();
    new.join(&sid, &till).await.unwrap();
    let other = "auth0|8".parse().unwrap();
    let sid = new.begin(&other, Device::default()).await.unwrap();
    new.join(&sid, &client).await.unwrap();
    assert_eq!(world.delivery(id).await.attempts, 0, "they waited");
}

#[tokio::test]
async fn what_another_node_tells_is_waited_for_as_well() {
    let world = quiet().await;
    let client = world
        .client_with("shop", &["http://127.0.0.1:9/"], opted_in)
        .await;
    sessions(&world, &client, 2).await;
    let id = delete_account(&world).await.deliveries[0];
    let (store, now) = (world.issuer.store(), world.clock_now());
    let lease = Lease {
        worker: "another node".into(),
        now,
        until: now + Duration::from_secs(30),
    };
    let mut take_all = |_: &Endpoint| true;
    let claim = store.write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let held = tx.claim_due_deliveries(&lease, 10, &mut take_all);
            Ok(held.await?.leased.len())
        })
    });
    assert_eq!(claim.await.unwrap(), 1);
    let new = world.issuer.sessions();
    let sid = new.begin(&user(), Device::default()).await.unwrap();
    let released = AtomicBool::new(false);
    let release = async {
        // Time enough for a join that does not wait.
        for _ in 0..50 {
            new.set_metadata(&sid, "turn", "taken").await.unwrap();
        }
        released.store(true, Ordering::SeqCst);
        let release = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.release_deliveries("another node", &[id], now).await })
        });
        release.await.unwrap();
    };
    let join = async {
        new.join(&sid, &client).await.unwrap();
        assert!(
            released.load(Ordering::SeqCst),
            "joined while it was under way"
        );
    };
    tokio::join!(join, release);
}
